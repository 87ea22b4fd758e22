"""Stories in which customers, agents, timers, statuses and crashes come in any order.

`stories` draws one from a seed, `player` lets it happen in a real house (`stage`), `seen` is what
the stand-ins and the wire saw, and `oracle` says what of it breaks a promise.
"""
