"""Pure rules and data: no I/O, no clock, no randomness. Time and chance are arguments."""
