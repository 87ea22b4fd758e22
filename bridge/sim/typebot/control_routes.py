"""Controls over HTTP (`/sim/...`), for those who drive the stand-in from another process."""

from __future__ import annotations

import tomllib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeAlias

import orjson
from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bridge.sim.typebot import chat_routes, other_routes
from bridge.sim.typebot.calls import Call
from bridge.sim.typebot.faults import Fault
from bridge.sim.typebot.flows import parse
from bridge.sim.typebot.server import answer
from bridge.sim.typebot.sessions import Session
from bridge.sim.typebot.viewer import Viewer

Json: TypeAlias = dict[str, Any]


_ROUTES = frozenset({route.name for route in (*chat_routes.ROUTES, *other_routes.ROUTES)})


def _known(name: str) -> str:
    if name not in _ROUTES | {"notFound"}:
        raise ValueError(f"no route {name!r}; known: {', '.join(sorted(_ROUTES))}, notFound")
    return name


_RouteName: TypeAlias = Annotated[str, AfterValidator(_known)]


class _Order(BaseModel):
    """The body of `POST /sim/faults`, as `Fault` has it."""

    model_config = ConfigDict(extra="forbid")

    route: _RouteName | None = None
    times: int | None = Field(default=None, ge=1)
    status: int | None = Field(default=None, ge=200, le=599)
    text: str | None = None
    cut: bool = False
    hang: float | None = Field(default=None, ge=0)
    acts: bool = False
    retry_after: int | None = None


class _Switches(BaseModel):
    """The body of `POST /sim/switches`; what is not named stays as it is."""

    model_config = ConfigDict(extra="forbid")

    latency: float | None = Field(default=None, ge=0)
    old_errors: bool | None = None
    partykit: bool | None = None
    missing: set[_RouteName] | None = None
    s3: bool | None = None
    upload_style: Literal["put", "post"] | None = None
    upload_limit: int | None = None


class _Meeting(BaseModel):
    """The body of `POST /sim/meet`."""

    model_config = ConfigDict(extra="forbid")

    calls: int = Field(default=2, ge=1)


def add_controls(app: web.Application, viewer: Viewer) -> None:
    def route(method: str, path: str, act: Callable[[Viewer, web.Request], Awaitable[Any]]) -> None:
        async def handle(request: web.Request) -> web.Response:
            try:
                return answer(await act(viewer, request))
            except (ValueError, TypeError, KeyError) as error:
                return answer({"error": f"{type(error).__name__}: {error}"}, 400)
            except TimeoutError:
                return answer({"error": "what was waited for did not come"}, 408)

        app.router.add_route(method, path, handle)

    route("POST", "/sim/flows", _put)
    route("GET", "/sim/flows", _flows)
    route("GET", "/sim/calls", _calls)
    route("GET", "/sim/sessions", _sessions)
    route("DELETE", "/sim/sessions", _drop_all)
    route("DELETE", "/sim/sessions/{session_id}", _drop)
    route("POST", "/sim/sessions/{session_id}/expire", _expire)
    route("POST", "/sim/faults", _fault)
    route("DELETE", "/sim/faults", _no_faults)
    route("POST", "/sim/switches", _switch)
    route("POST", "/sim/meet", _meet)
    route("GET", "/sim/state", _state)


async def _put(viewer: Viewer, request: web.Request) -> Any:
    """Publish a bot, written in TOML or in JSON."""
    raw = await request.read()
    is_json = request.content_type == "application/json"
    said = orjson.loads(raw) if is_json else tomllib.loads(raw.decode("utf-8"))
    flow = viewer.put(parse(said))
    return {"id": flow.id, "public_id": flow.public_id}


async def _flows(viewer: Viewer, _request: web.Request) -> Any:
    return {"flows": sorted(viewer.flows)}


async def _calls(viewer: Viewer, request: web.Request) -> Any:
    """List calls from number `since` on, of one `route` perhaps; waits for `at_least` in all."""
    query = request.query
    name = query.get("route")

    def fitting() -> list[Call]:
        return [call for call in viewer.calls if name in (None, call.route)]

    at_least = int(query.get("at_least", 0))
    await viewer.wait_for(lambda: len(fitting()) >= at_least, float(query.get("timeout", 5)))
    calls = fitting()
    since = max(0, int(query.get("since", 0)))
    return {"total": len(calls), "calls": [_call(call) for call in calls[since:]]}


def _call(call: Call) -> Json:
    return {
        "route": call.route,
        "method": call.method,
        "path": call.path,
        "headers": dict(call.headers),
        "body": call.body,
        "status": call.status,
    }


async def _sessions(viewer: Viewer, _request: web.Request) -> Any:
    return {"sessions": [_session(session) for session in viewer.sessions.values()]}


def _session(session: Session) -> Json:
    return {
        "id": session.id,
        "bot": session.bot.public_id,
        "block": session.block,
        "values": session.values,
        "answers": session.answers,
        "logs": session.logs,
    }


async def _drop_all(viewer: Viewer, _request: web.Request) -> Any:
    viewer.drop()
    return {"success": True}


async def _drop(viewer: Viewer, request: web.Request) -> Any:
    viewer.drop(request.match_info["session_id"])
    return {"success": True}


async def _expire(viewer: Viewer, request: web.Request) -> Any:
    session_id = request.match_info["session_id"]
    if session_id not in viewer.sessions:
        raise ValueError(f"there is no session {session_id!r}")
    viewer.expire(session_id)
    return {"success": True}


async def _fault(viewer: Viewer, request: web.Request) -> Any:
    order = _Order.model_validate_json(await request.read() or b"{}")
    viewer.faults.add(Fault(**order.model_dump()))
    return {"success": True}


async def _no_faults(viewer: Viewer, _request: web.Request) -> Any:
    viewer.faults.clear()
    return {"success": True}


async def _switch(viewer: Viewer, request: web.Request) -> Any:
    said = _Switches.model_validate_json(await request.read() or b"{}")
    homes = {"s3": "s3", "upload_style": "style", "upload_limit": "limit"}
    for name in said.model_fields_set:
        value = getattr(said, name)
        if name in homes:
            setattr(viewer.uploads, homes[name], value)
        elif value is not None:
            setattr(viewer, name, value)
    return {"success": True}


async def _meet(viewer: Viewer, request: web.Request) -> Any:
    said = _Meeting.model_validate_json(await request.read() or b"{}")
    viewer.meet(said.calls)
    return {"success": True}


async def _state(viewer: Viewer, _request: web.Request) -> Any:
    return {
        "flows": sorted(viewer.flows),
        "sessions": len(viewer.sessions),
        "calls": len(viewer.calls),
        "files": sorted(viewer.uploads.files),
        "api_token": viewer.api_token,
        "latency": viewer.latency,
    }
