"""Where our outgoing calls may go: every address public, unless the operator trusts its host.

URLs come from people (Chatwoot's address), from peers (attachments, redirects) and from
strangers (a link inside a payload). Two checks keep them off the private network:

* `Guard.check` reads the URL itself, and judges a literal IP address at once;
* `Guard.resolver` judges what a *name* resolves to. The connector dials exactly the addresses
  that were judged, so a name that changes its answer in between (DNS rebinding) gains nothing.

Who follows a redirect must `check` it again; `bridge.net.http` does.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from bridge.errors import ForbiddenAddress, SetupError

__all__ = ("Guard",)

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

SETTING = "network.allowed_private_hosts"
LONGEST_URL = 8000
LONGEST_HOST = 253
#: Seconds that `judge` waits for a name.
_PATIENCE = 3.0

#: IANA's special-purpose registry, and the one metadata service on a public address (Azure).
#: Written out, because what `ipaddress` calls global changes between patch releases of Python.
_PRIVATE_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
#: Only global unicast is public, and not all of it: protocol assignments (Teredo among them),
#: documentation, 6to4 (which hides an IPv4 address).
_PUBLIC_6 = IPv6Network("2000::/3")
_PRIVATE_6 = tuple(
    IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
#: What a resolver with DNS64 answers for a host that has IPv4 only.
_NAT64 = IPv6Network("64:ff9b::/96")

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?", re.ASCII)
#: A name whose last label is a number is an IPv4 address in disguise (url.spec.whatwg.org).
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


class Guard:
    """Decides which hosts and addresses may be called.

    An entry of `allowed_private_hosts` is a host name (`minio`), all names below a domain
    (`*.svc.cluster.local`), an address or a network (`10.0.0.0/8`). Raises `SetupError` for
    anything else.
    """

    def __init__(self, allowed_private_hosts: Iterable[str] = frozenset()) -> None:
        names: set[str] = set()
        suffixes: list[str] = []
        networks: list[Network] = []
        for raw in allowed_private_hosts:
            entry = raw.strip().lower().rstrip(".")
            if network := _network(entry):
                networks.append(network)
            elif entry.startswith("*.") and _is_name(entry[2:]):
                suffixes.append(entry[1:])
            elif _is_name(entry):
                names.add(entry)
            else:
                raise SetupError(
                    f"{SETTING} holds {raw!r}, which is neither a host name, *.domain, "
                    "an address nor a network such as 10.0.0.0/8."
                )
        self._names = frozenset(names)
        self._suffixes = tuple(suffixes)
        self._networks = tuple(networks)

    def check(self, url: str | URL) -> URL:
        """Parse `url`, or raise `ForbiddenAddress`. Only its host is ever named in the error.

        Names are judged later, when they are resolved: an answer from here alone is no leave.
        """
        parsed = _parse(url)
        host = (parsed.raw_host or "").lower()
        if address := _literal(host):
            if not self.allows(address, host=host):
                raise _forbidden(host)
        elif not _is_name(host):
            raise ForbiddenAddress("The URL names no valid host.")
        return parsed

    def trusts(self, host: str) -> bool:
        """Whether the operator allowed this host by name, whatever it resolves to."""
        host = host.lower().rstrip(".")
        return host in self._names or (bool(self._suffixes) and host.endswith(self._suffixes))

    def allows(self, address: Address, *, host: str) -> bool:
        """Whether `address`, to which `host` leads, may be called."""
        plain = _unmapped(address)
        return (
            _is_public(plain)
            or any(plain in network for network in self._networks)
            or self.trusts(host)
        )

    async def judge(self, url: str) -> None:
        """Raise `ForbiddenAddress` for a URL that cannot be called now; a hint for who sets it.

        A name that nobody knows, or not soon, is let through: it may be known when it is called.
        """
        host = self.check(url).raw_host or ""
        if _literal(host.lower()) is not None:
            return
        resolver = self.resolver()
        try:
            async with asyncio.timeout(_PATIENCE):
                await resolver.resolve(host, family=socket.AF_UNSPEC)
        except (OSError, TimeoutError):
            pass
        finally:
            await resolver.close()

    def resolver(self) -> AbstractResolver:
        """A resolver for aiohttp's connector that lets only allowed addresses through."""
        return _GuardedResolver(self)


class _GuardedResolver(AbstractResolver):
    """Resolves through the system, and refuses a name as soon as one address is forbidden."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._system = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        try:
            found = await self._system.resolve(host, port, family)
        except UnicodeError as error:  # a label that no DNS server can know
            raise OSError(f"{host[:64]} is not a host name") from error
        if self._guard.trusts(host):
            return found
        for result in found:
            address = _literal(result["host"].lower())
            if address is None or not self._guard.allows(address, host=host):
                raise _forbidden(host)
        return found

    async def close(self) -> None:
        await self._system.close()


def _parse(url: str | URL) -> URL:
    text = str(url)
    if len(text) > LONGEST_URL:
        raise ForbiddenAddress(f"The URL is longer than {LONGEST_URL} characters.")
    if _CONTROL.search(text):
        raise ForbiddenAddress("The URL holds control characters or backslashes.")
    try:
        parsed = URL(text) if isinstance(url, str) else url
        port = parsed.port
    except ValueError as error:
        raise ForbiddenAddress("The URL cannot be read.") from error
    if parsed.scheme not in {"http", "https"}:
        raise ForbiddenAddress("Only http and https URLs can be called.")
    if parsed.raw_user is not None or parsed.raw_password is not None:
        raise ForbiddenAddress("A URL must not carry a user name or a password.")
    if not port:
        raise ForbiddenAddress("The URL names no valid port.")
    return parsed


def _literal(host: str) -> Address | None:
    """The address that `host` spells, or None for a name.

    Raises `ForbiddenAddress` for the spellings that only some programs read as addresses
    (0x7f.1, 0177.0.0.1, 2130706433, 127.1, a zone id): nobody honest writes them.
    """
    if ":" not in host and not _NUMERIC.fullmatch(host):
        return None
    try:
        address = ip_address(host)
    except ValueError:
        raise ForbiddenAddress(f"{host[:64]} is not a well-formed IP address.") from None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise _forbidden(host)
    return address


def _unmapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where there is one."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _PRIVATE_4)
    return address in _PUBLIC_6 and not any(address in network for network in _PRIVATE_6)


def _is_name(host: str) -> bool:
    return (
        0 < len(host) <= LONGEST_HOST
        and _NAME.fullmatch(host) is not None
        and _NUMERIC.fullmatch(host) is None
    )


def _network(entry: str) -> Network | None:
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None


def _forbidden(host: str) -> ForbiddenAddress:
    return ForbiddenAddress(
        f"{host[:LONGEST_HOST]} leads to a private or reserved address.",
        advice=f"If it is yours, add it to {SETTING}.",
    )
