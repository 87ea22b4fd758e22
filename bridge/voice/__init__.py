"""Voice notes, out of whatever sound an agent sends; the optional part `voice` makes them."""
