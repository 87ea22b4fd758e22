"""Durable work: what was accepted is done, in order, once, however often we fall over."""
