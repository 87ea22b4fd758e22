"""Who is asking: what a request shows of itself, and the Gate that knows the keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from aiohttp import hdrs, web

from bridge.http.addresses import UNKNOWN, Network, client_address
from bridge.http.routing import ID, INSTANCE, TOKEN, Access, Route

#: Longer keys exist nowhere; they are not worth hashing.
_KEY_LIMIT: Final = 1024
_BEARER: Final = "bearer "
_CLIENT_TOKEN: Final = "Client-Token"  # noqa: S105  (the name of a header)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a request shows before it is let in; its body is not read yet.

    `key` is None when none was shown; otherwise it is not empty, short and can be encoded as
    UTF-8, and so is `client_token`. Where `key` stands depends on the kind of access: header
    `apikey` or `Authorization: Bearer`; the latter alone for `PARTNER`; the path for `PATH_TOKEN`.
    """

    access: Access
    key: str | None = field(repr=False)
    #: The name in the path, for `PATH_TOKEN` the id or the name (instances made on demand have
    #: their id as name); None when the path has none (an instance's key is then good for its own
    #: rows only).
    instance: str | None
    client_token: str | None = field(default=None, repr=False)
    address: str = UNKNOWN
    #: The key of a flow is good here as well.
    for_flows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. `instance` names the instance whose key was shown.

    `chat_id` is set for the key of a flow: it may act on that chat alone.
    """

    instance: str | None = None
    is_partner: bool = False
    chat_id: int | None = None

    @property
    def is_global(self) -> bool:
        return self.instance is None and not self.is_partner

    @property
    def actor(self) -> str:
        """As the audit log names them."""
        if self.is_partner:
            return "partner"
        if self.chat_id is not None:
            return f"flow of {self.instance}"
        return "global key" if self.instance is None else f"instance {self.instance}"


class Gate(Protocol):
    """Decides whether a key opens a route. It is asked before a body is read."""

    async def check(self, claim: Claim) -> Caller:
        """Return who the key belongs to.

        Raises `Unauthorized` unless the key is the global one or, for `INSTANCE_KEY`, that of this
        very instance (for `PARTNER` and `PATH_TOKEN`: what they name, and nothing else); so
        whether an instance exists shows only to the global key, as `NotFound`. Raises `TooMany`
        when too many wrong keys came from this address.
        """
        ...


_CALLER: Final = web.RequestKey("caller", Caller)
_ADDRESS: Final = web.RequestKey("address", str)


async def admit(
    gate: Gate, request: web.Request, route: Route, trusted_proxies: Sequence[Network] = ()
) -> None:
    """Ask the gate when the route needs a key; `caller` tells the answer afterwards."""
    if not route.access.needs_key:
        return
    request[_ADDRESS] = client_address(request, trusted_proxies)
    request[_CALLER] = await gate.check(_claim(request, route))


def caller(request: web.Request) -> Caller:
    """Return who asks. Only for routes that need a key."""
    return request[_CALLER]


def admitted(request: web.Request) -> Caller | None:
    """Return who was let in; None: nobody, since the gate refused."""
    return request.get(_CALLER)


def address_of(request: web.Request) -> str:
    """Return where a request comes from. Only for routes that need a key."""
    return str(request.get(_ADDRESS, UNKNOWN))


def shown_key(request: web.Request) -> str | None:
    """Return the key shown: header `apikey`, else `Authorization: Bearer`; never the query."""
    return _usable(request.headers.get("apikey", "")) or _bearer(request)


def _claim(request: web.Request, route: Route) -> Claim:
    path, access = request.match_info, route.access
    match access:
        case Access.PARTNER:
            key, instance = _bearer(request), None
        case Access.PATH_TOKEN:
            key, instance = _usable(path[TOKEN]), path[ID]
        case _:
            key, instance = shown_key(request), path.get(INSTANCE)
    return Claim(
        access=access,
        key=key,
        instance=instance,
        client_token=_usable(request.headers.get(_CLIENT_TOKEN, "")),
        address=request[_ADDRESS],
        for_flows=route.for_flows,
    )


def _bearer(request: web.Request) -> str | None:
    authorization = request.headers.get(hdrs.AUTHORIZATION, "")
    if authorization[: len(_BEARER)].lower() != _BEARER:
        return None
    return _usable(authorization[len(_BEARER) :])


def _usable(key: str) -> str | None:
    key = key.strip()
    if not key or len(key) > _KEY_LIMIT:
        return None
    try:
        key.encode()
    except UnicodeEncodeError:  # bytes that are not UTF-8 arrive as lone surrogates
        return None
    return key
