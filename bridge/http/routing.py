"""The route table: every path of the HTTP API as data.

The server, the access check and the OpenAPI document are all made from the same table, so that
none of them can say something else than the others.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from aiohttp import web
from aiohttp.web_urldispatcher import AbstractRoute
from pydantic import BaseModel

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: The path parameter that carries the name of an instance, and the only one that does.
INSTANCE: Final = "instance"
#: Those of `Access.PATH_TOKEN`: the id of an instance, and its key.
ID: Final = "id"
TOKEN: Final = "token"  # noqa: S105  (the name of a parameter)
#: L2MSG's paths begin so (evolution-instance-typebot.md chapter 8, seed 002).
PREFIX: Final = "/whatsapp"

_PARAMETER = re.compile(r"\{(\w+)(?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}")


class Access(StrEnum):
    """Who may call a route. A `WEBHOOK` handler proves its sender, by signature or secret path.

    Z-API's two (evolution-instance-typebot.md chapter 8, seed 004): `PARTNER` wants the partner
    token as a Bearer token, `PATH_TOKEN` an instance's id and its key in the path, and the client
    token in a header where one is set.
    """

    PUBLIC = "public"
    GLOBAL_KEY = "global_key"
    INSTANCE_KEY = "instance_key"
    PARTNER = "partner"
    PATH_TOKEN = "path_token"  # noqa: S105  (the name of a rule)
    WEBHOOK = "webhook"

    @property
    def needs_key(self) -> bool:
        return self not in (Access.PUBLIC, Access.WEBHOOK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path.

    `responses` maps a status to a model, to any annotation that pydantic understands
    (``list[Row]``), or to None for an answer without a described body.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    access: Access
    responses: Mapping[int, Any]
    request: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    description: str = ""
    #: It answers in the dialect of the caller, who may name it in a header.
    dialects: bool = False
    #: Failures that the handler answers, beside those that belong to every route of its kind
    #: (`bridge.http.openapi` knows these). What is not declared must not be answered.
    errors: tuple[HTTPStatus, ...] = ()
    #: The handler reads the body as bytes, as it came (webhooks: the signature covers them).
    raw_body: bool = False
    #: Bytes that a body may have; None: the limit of the whole application.
    max_body: int | None = None
    #: The stable name of what is done here (``instance.create``), for the audit log. Every route
    #: with a key has one, unless it is a GET that changes nothing.
    audit: str | None = None
    #: The key of a flow (`relay.bot.flow_keys`) opens it too, for that flow's own chat; the handler
    #: must keep to `Caller.chat_id`.
    for_flows: bool = False

    parameters: tuple[str, ...] = field(init=False)
    #: The path without the patterns of its parameters, as OpenAPI and the logs write it.
    template: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", tuple(_PARAMETER.findall(self.path)))
        object.__setattr__(self, "template", _PARAMETER.sub(r"{\1}", self.path))

    @property
    def has_prefix(self) -> bool:
        """True when it is also served under `PREFIX`: the API, not webhooks, pages and health."""
        return self.access.needs_key or self.path == "/"


_TABLE: Final = web.AppKey("routes", dict[AbstractRoute, Route])
_PREFIXED: Final = web.AppKey("prefixed", frozenset[AbstractRoute])
_LIMIT: Final = web.AppKey("max_body", int)


def mount(app: web.Application, routes: Iterable[Route], *, max_body: int) -> None:
    """Register the routes, once for an application.

    Each path is served with and without a slash at its end, and `GET` answers `HEAD` too, as
    Evolution's server does. Raises ValueError for a table that contradicts itself.
    """
    table: dict[AbstractRoute, Route] = {}
    prefixed: set[AbstractRoute] = set()
    paths: dict[str, list[Route]] = {}
    for route in routes:
        _check(route)
        same_path = paths.setdefault(route.path, [])
        if any(known.method == route.method for known in same_path):
            raise ValueError(f"two routes for {route.method} {route.path}")
        same_path.append(route)
    for path, same_path in paths.items():
        table |= _serve(app, path, same_path)
    for path, same_path in paths.items():  # last: a path that is spelled out comes first
        if shown := [route for route in same_path if route.has_prefix]:
            added = _serve(app, f"{PREFIX}{path.rstrip('/')}", shown)
            table |= added
            prefixed |= added.keys()
    app[_TABLE] = table
    app[_PREFIXED] = frozenset(prefixed)
    app[_LIMIT] = max_body


def routes_of(app: web.Application) -> tuple[Route, ...]:
    """Return all routes of an application, each once."""
    return tuple({id(route): route for route in app[_TABLE].values()}.values())


def route_of(request: web.Request) -> Route | None:
    """Return the route that a request has reached; None: there is none for it."""
    return request.app[_TABLE].get(request.match_info.route)


def is_prefixed(request: web.Request) -> bool:
    """Return whether the request came under `PREFIX`, as L2MSG's clients ask."""
    return request.match_info.route in request.app[_PREFIXED]


def body_limit(request: web.Request) -> int:
    """Return how many bytes the body of this request may have."""
    route = route_of(request)
    if route is None or route.max_body is None:
        return request.app[_LIMIT]
    return route.max_body


def _check(route: Route) -> None:
    name = f"{route.method} {route.path}"
    if route.method != route.method.upper() or not route.path.startswith("/"):
        raise ValueError(f"a method is upper case and a path starts with a slash: {name}")
    if route.raw_body and route.access is not Access.WEBHOOK:
        raise ValueError(f"only a webhook reads a raw body: {name}")
    if route.path == PREFIX or route.path.startswith(f"{PREFIX}/"):
        raise ValueError(f"{PREFIX} is a prefix of the whole table: {name}")
    if route.access.needs_key and route.method != "GET" and route.audit is None:
        raise ValueError(f"what changes something is named in the audit log: {name}")
    if route.audit is not None and not route.access.needs_key:
        raise ValueError(f"the audit log tells of callers with a key: {name}")
    if route.for_flows and (
        route.access is not Access.INSTANCE_KEY or INSTANCE not in route.parameters
    ):
        raise ValueError(f"a flow's key is one of an instance that the path names: {name}")
    if route.access is Access.PATH_TOKEN and not {ID, TOKEN} <= {*route.parameters}:
        raise ValueError(f"the parameters must be called {{{ID}}} and {{{TOKEN}}}: {name}")
    if (
        # Otherwise the gate would not learn whose route this is, and let any instance's key in.
        route.access is Access.INSTANCE_KEY
        and route.parameters
        and INSTANCE not in route.parameters
    ):
        raise ValueError(f"the instance's parameter must be called {{{INSTANCE}}}: {name}")


def _serve(app: web.Application, path: str, routes: list[Route]) -> dict[AbstractRoute, Route]:
    """Serve the routes of one path, with a slash at its end and without."""
    added: dict[AbstractRoute, Route] = {}
    for spelling in (path,) if path.endswith("/") else (path, f"{path}/"):
        resource = app.router.add_resource(spelling)
        for route in routes:
            for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
                known = resource.add_route(
                    method, route.handler, expect_handler=_ask_for_the_body_later
                )
                added[known] = route
    return added


async def _ask_for_the_body_later(_request: web.Request) -> None:
    """Leave `Expect: 100-continue` to `read_body`, which runs after the access check."""
