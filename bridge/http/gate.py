"""Who is asking: the key of a request, and the Gate that knows the keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from aiohttp import hdrs, web

from bridge.http.routing import INSTANCE, Access, Route

#: Longer keys exist nowhere; they are not worth hashing.
_KEY_LIMIT: Final = 1024
_BEARER: Final = "bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. `instance` names the instance whose key was shown; None: the global key."""

    instance: str | None = None

    @property
    def is_global(self) -> bool:
        return self.instance is None


class Gate(Protocol):
    """Decides whether a key opens a route. It is asked before a body is read."""

    async def check(self, key: str | None, access: Access, instance: str | None) -> Caller:
        """Return who the key belongs to.

        `access` is `GLOBAL_KEY` or `INSTANCE_KEY`. `key` is None when none was shown; otherwise it
        is not empty, short and can be encoded as UTF-8. `instance` is the name in the path, None
        when the path has none (an instance's key is then good for its own rows only).

        Raises `Unauthorized` unless the key is the global one or, for `INSTANCE_KEY`, that of this
        very instance; so whether an instance exists shows only to the global key, as `NotFound`.
        """
        ...


_CALLER: Final = web.RequestKey("caller", Caller)


async def admit(gate: Gate, request: web.Request, route: Route) -> None:
    """Ask the gate when the route needs a key; `caller` tells the answer afterwards."""
    if not route.access.needs_key:
        return
    request[_CALLER] = await gate.check(
        shown_key(request), route.access, request.match_info.get(INSTANCE)
    )


def caller(request: web.Request) -> Caller:
    """Return who asks. Only for routes that need a key."""
    return request[_CALLER]


def shown_key(request: web.Request) -> str | None:
    """Return the key shown: header `apikey`, else `Authorization: Bearer`; never the query."""
    key = request.headers.get("apikey", "").strip()
    if not key:
        authorization = request.headers.get(hdrs.AUTHORIZATION, "")
        if authorization[: len(_BEARER)].lower() == _BEARER:
            key = authorization[len(_BEARER) :].strip()
    if not key or len(key) > _KEY_LIMIT:
        return None
    try:
        key.encode()
    except UnicodeEncodeError:  # bytes that are not UTF-8 arrive as lone surrogates
        return None
    return key
