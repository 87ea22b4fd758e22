"""Ports that stay ours while nobody listens on them, also for runs beside ours."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

#: Below the ports that the system gives to outgoing connections: none of these can take ours.
_PORTS = range(20_011, 32_000)


class Port:
    """For one server at a time, which may go and come back; connecting is refused meanwhile."""

    def __init__(self) -> None:
        self.number, self._held = next(_FREE)

    def close(self) -> None:
        self._held.close()


def _ports() -> Iterator[tuple[int, socket.socket]]:
    """Free ports, with a socket bound to each that never listens."""
    start = (os.getpid() * 97) % len(_PORTS)
    for step in itertools.count(start):
        port = _PORTS[step % len(_PORTS)]
        held = socket.socket()
        with suppress(OSError):
            held.bind(("127.0.0.1", port))  # refused while anybody holds it
            # Servers have this as well, and may bind it beside us from now on; others may not.
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            yield port, held
            continue
        held.close()


_FREE = _ports()


def closed_port() -> int:
    """Nobody listens there as long as this process lives."""
    return _closed().number


@cache
def _closed() -> Port:
    return Port()
