"""Requests and answers: the log of calls, faults, errors and cross-origin headers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
from aiohttp import web

from bridge.sim.typebot.calls import Call
from bridge.sim.typebot.refusals import Refused, crashed
from bridge.sim.typebot.viewer import Viewer

Json: TypeAlias = dict[str, Any]

BODY_LIMIT = 2**26
_VARY = "rsc, next-router-state-tree, next-router-prefetch, next-router-segment-prefetch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as the handlers see it."""

    viewer: Viewer
    request: web.Request
    raw: bytes

    def part(self, name: str) -> str:
        return self.request.match_info[name]

    @property
    def origin(self) -> str | None:
        return self.request.headers.get("Origin")

    def authorise(self) -> None:
        self.viewer.authorise(self.request.headers.get("Authorization"))


Handler: TypeAlias = Callable[[Asked], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`name` is what calls and faults name it by."""

    method: str
    path: str
    name: str
    handler: Handler


def answer(body: Any, status: int = 200) -> web.Response:
    response = web.Response(status=status, body=orjson.dumps(body))
    response.headers["Content-Type"] = "application/json"
    return response


def add_routes(app: web.Application, viewer: Viewer, routes: list[Route]) -> None:
    """Serve these; what no route takes is the `Not found` of the framework."""
    for route in routes:
        app.router.add_route(route.method, route.path, _bound(viewer, route))
    nowhere = Route(method="*", path="", name="notFound", handler=_nowhere)
    app.router.add_route("*", "/{path:.*}", _bound(viewer, nowhere))


def _bound(viewer: Viewer, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        call = Call(
            route=route.name,
            method=request.method,
            path=request.path,
            headers={str(name): value for name, value in request.headers.items()},
            raw=raw,
            body=_decoded(raw),
        )
        viewer.calls.append(call)
        viewer.watch.changed()
        response = await _answered(viewer, route, Asked(viewer=viewer, request=request, raw=raw))
        call.status = response.status
        viewer.watch.changed()
        return response

    return handle


def _decoded(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


async def _answered(viewer: Viewer, route: Route, asked: Asked) -> web.StreamResponse:
    fault = viewer.faults.take(route.name)
    struck = await fault.strike(asked.request) if fault and not fault.acts else None
    if struck is not None:
        return struck
    response = await _handled(viewer, route, asked)
    viewer.watch.changed()
    if fault and fault.acts:
        return await fault.strike(asked.request) or response
    return response


async def _handled(viewer: Viewer, route: Route, asked: Asked) -> web.StreamResponse:
    if route.name in viewer.missing:
        return await _nowhere(asked)
    try:
        response = await route.handler(asked)
    except Refused as refused:
        response = answer(refused.body(before_3_15=viewer.old_errors), refused.status)
    except Exception:  # the flow has asked for what the engine cannot do
        logging.getLogger(__name__).exception("the engine has failed")
        response = answer(crashed().body(before_3_15=viewer.old_errors), 500)
    if response.headers.get("Vary") is None:
        response.headers["Vary"] = f"{_VARY}, origin"
        response.headers["Access-Control-Allow-Origin"] = asked.origin or ""
    return response


async def _nowhere(asked: Asked) -> web.StreamResponse:
    if asked.request.method == "OPTIONS" and asked.request.path.startswith("/api/"):
        return web.Response(status=204)
    response = web.Response(status=404, body=b"Not found")
    response.headers["Content-Type"] = "text/plain;charset=UTF-8"
    response.headers["Vary"] = _VARY
    return response
