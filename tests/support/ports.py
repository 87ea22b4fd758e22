"""A port on which nobody listens, for whatever has to know its address beforehand."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Nobody listens there at this moment; another process may take it in the next."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
