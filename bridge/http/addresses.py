"""Where a request comes from: the peer, or who a trusted reverse proxy says it was."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

from aiohttp import hdrs, web

from bridge.errors import SetupError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

UNKNOWN: Final = "unknown"
#: One customer of a provider has a network of this size, and every address in it.
_IPV6_PREFIX: Final = 64


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read `server.trusted_proxies`. Raises `SetupError` that names the wrong entry."""
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError as error:
            raise SetupError(
                f'server.trusted_proxies: "{text}" is neither an address nor a network.',
                code="setup.trusted_proxies",
                advice="Write it like 10.0.0.7 or 10.0.0.0/8; names are not looked up.",
            ) from error
    return tuple(found)


def client_address(request: web.Request, trusted: Sequence[Network]) -> str:
    """Return the caller's address; `unknown` on a socket that has none.

    A trusted peer may name the caller in `X-Forwarded-For`. It is read from the right: what stands
    further left than the first address that is not trusted was written by the caller itself.
    """
    address = _parsed(request.remote or "")
    if address is None:
        return UNKNOWN
    if _is_trusted(address, trusted):
        named = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, ()))
        for text in reversed(named.split(",")):
            hop = _parsed(text)
            if hop is None:
                break
            address = hop
            if not _is_trusted(hop, trusted):
                break
    return str(address)


def counted_as(address: str) -> str:
    """Return under which name failures of this address are counted: IPv6 by network."""
    parsed = _parsed(address)
    if not isinstance(parsed, IPv6Address):
        return address
    return str(ipaddress.IPv6Network((int(parsed), _IPV6_PREFIX), strict=False))


def _parsed(text: str) -> Address | None:
    """An address, also in brackets or with a port as some proxies write it; None: it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)
