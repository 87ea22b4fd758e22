"""How to ask a SOCKS5 proxy for a connection (RFC 1928, RFC 1929).

The target's name goes to the proxy as it is, so nothing of it is resolved here. Written out,
because libraries resolve the *proxy's* name themselves, past the guard, and tell a wrong password
from other failures by their English alone.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from types import MappingProxyType

from bridge.net.faults import proxy_broke, proxy_locked, proxy_refused

__all__ = ("open_socks",)

VERSION = 5
OPEN, PASSWORD = 0, 2
IPV4, NAME, IPV6 = 1, 3, 4
_LENGTHS = MappingProxyType({IPV4: 4, IPV6: 16})
_REASONS = MappingProxyType(
    {
        1: "it failed",
        2: "its rules forbid it",
        3: "the network cannot be reached",
        4: "the host cannot be reached",
        5: "the host refuses the connection",
        6: "the way is too long",
        7: "it does not know the command",
        8: "it does not know this kind of address",
    }
)


async def open_socks(
    sock: socket.socket, host: str, port: int, *, login: tuple[str, str] | None, proxy: str
) -> None:
    """Turn `sock`, connected to the proxy, into a connection to `host`.

    Name and password are at most 255 bytes each. `proxy` is how errors call it. Takes as long as
    the proxy likes; raises `PeerLocked` when it refuses us, and `PeerDown`, but for `OSError`.
    """
    methods = bytes([OPEN, PASSWORD]) if login else bytes([OPEN])
    await _say(sock, bytes([VERSION, len(methods)]) + methods)
    version, method = await _hear(sock, 2, proxy)
    if version != VERSION:
        raise proxy_broke(proxy, "answered something that is not SOCKS5")
    if method == PASSWORD and login:
        name, password = (word.encode() for word in login)
        await _say(sock, bytes([1, len(name)]) + name + bytes([len(password)]) + password)
        _, refused = await _hear(sock, 2, proxy)
        if refused:
            raise proxy_locked(proxy)
    elif method != OPEN:
        raise proxy_locked(proxy)
    await _say(sock, bytes([VERSION, 1, 0]) + _address(host) + port.to_bytes(2, "big"))
    version, reply, _, kind = await _hear(sock, 4, proxy)
    if version != VERSION:
        raise proxy_broke(proxy, "answered something that is not SOCKS5")
    if reply:
        raise proxy_refused(proxy, _REASONS.get(reply, f"reason {reply}"))
    length = _LENGTHS.get(kind)
    if length is None:
        if kind != NAME:
            raise proxy_broke(proxy, "answered something that is not SOCKS5")
        (length,) = await _hear(sock, 1, proxy)
    await _hear(sock, length + 2, proxy)


def _address(host: str) -> bytes:
    try:
        address = ip_address(host)
    except ValueError:
        name = host.encode()
        return bytes([NAME, len(name)]) + name
    return bytes([IPV4 if address.version == 4 else IPV6]) + address.packed  # noqa: PLR2004


async def _say(sock: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(sock, data)


async def _hear(sock: socket.socket, count: int, proxy: str) -> bytes:
    """Exactly `count` bytes: what follows belongs to the target."""
    heard = b""
    while len(heard) < count:
        piece = await asyncio.get_running_loop().sock_recv(sock, count - len(heard))
        if not piece:
            raise proxy_broke(proxy, "broke the connection off")
        heard += piece
    return heard
