"""The routes of a chat: start, go on, and the older ways of both."""

from __future__ import annotations

from typing import Any, TypeAlias

from aiohttp import web

from bridge.sim.typebot import requests
from bridge.sim.typebot.actions import start_props
from bridge.sim.typebot.engine import Engine, Output
from bridge.sim.typebot.flows import Flow, Place
from bridge.sim.typebot.progress import progress
from bridge.sim.typebot.refusals import Refused, no_typebot
from bridge.sim.typebot.replies import read_message
from bridge.sim.typebot.server import Asked, Route, answer
from bridge.sim.typebot.sessions import Session, cuid, cuid2
from bridge.sim.typebot.variables import fill, fill_deep, stored
from bridge.sim.typebot.viewer import Viewer

Json: TypeAlias = dict[str, Any]

_CLOSED = "This bot is now closed"
_STARTING: dict[str, requests.Check] = {
    "message": requests.first_message,
    "isStreamEnabled": requests.flag,
    "isOnlyRegistering": requests.flag,
    "resultId": requests.text,
    "prefilledVariables": requests.record,
    "textBubbleContentFormat": requests.bubble_format,
}


async def _start(asked: Asked) -> web.Response:
    body = requests.read(asked.raw, **_STARTING)
    flow = asked.viewer.flows.get(asked.part("public_id"))
    _admit(flow, asked.origin)
    return answer(_started(asked.viewer, _known(flow), body, session_id=None))


async def _preview(asked: Asked) -> web.Response:
    asked.authorise()
    body = requests.read(asked.raw, **_STARTING, sessionId=requests.text, startFrom=requests.record)
    flow = _known(asked.viewer.by_id(asked.part("typebot_id")))
    started = _started(
        asked.viewer,
        flow,
        body,
        session_id=body.get("sessionId") or cuid2(),
        at=_start_from(flow, body.get("startFrom") or {}),
    )
    return answer(started)


async def _continue(asked: Asked) -> web.Response:
    body = requests.read(
        asked.raw,
        message=requests.message,
        textBubbleContentFormat=requests.bubble_format,
    )
    session = asked.viewer.session(asked.part("session_id"))
    _check_origin(session, asked.origin)
    await asked.viewer.work()
    return answer(_continued(asked.viewer, session, body))


def _known(flow: Flow | None) -> Flow:
    if flow is None:
        raise no_typebot()
    return flow


def _admit(flow: Flow | None, origin: str | None) -> None:
    """Let a chat with a published bot begin, or raise `Refused`."""
    if flow is None or not flow.published:
        raise no_typebot()
    if flow.suspended:
        raise Refused(403, _CLOSED)
    if flow.closed:
        texts = flow.settings.get("general", {}).get("systemMessages", {})
        raise Refused(400, str(texts.get("botClosed") or _CLOSED))
    _allow(flow, origin)


def _allow(flow: Flow, origin: str | None) -> None:
    origins = flow.settings.get("security", {}).get("allowedOrigins") or []
    if origin and origins and origin not in origins:
        raise Refused(403, "Origin not allowed")


def _check_origin(session: Session, origin: str | None) -> None:
    """A page that may not begin a chat may not go on with one either; previews go anywhere."""
    if not session.preview:
        _allow(session.bot, origin)


def _start_from(flow: Flow, said: Json) -> Place | None:
    if said.get("type") == "group":
        groups = {group.id: flow.places[group.id] for group in flow.groups}
        if said.get("groupId") not in groups:
            raise Refused(400, "Start group doesn't exist")
        return groups[said["groupId"]]
    edge = flow.edges.get(str(said.get("eventId")))
    return edge.to if edge else None


def _started(
    viewer: Viewer,
    flow: Flow,
    body: Json,
    *,
    session_id: str | None,
    at: Place | None = None,
    parses: bool = True,
) -> Json:
    """Start a chat; with a `session_id` it is a preview."""
    registers = bool(body.get("isOnlyRegistering"))
    prefilled = {key: stored(val) for key, val in (body.get("prefilledVariables") or {}).items()}
    own_id = session_id or (cuid() if registers else cuid2())
    session = viewer.new_session(flow, own_id, prefilled, body.get("resultId"))
    session.preview = session_id is not None
    engine = viewer.engine(
        session, markdown=body.get("textBubbleContentFormat") == "markdown", parses=parses
    )
    if not registers:
        engine.begin(read_message(body.get("message")), at)
        props = None if session.preview else start_props(flow)
        if props:
            engine.out.actions.insert(0, props)
    viewer.keep(session)
    told = _told(engine, always=False)
    told["sessionId"] = own_id
    told["typebot"] = _typebot(session, registers=registers)
    waits = engine.out.input is not None or engine.out.waits_for_client
    if waits and not session.preview:
        told["resultId"] = session.result_id
    return told


def _typebot(session: Session, *, registers: bool) -> Json:
    flow = session.bot
    shown = ("general", "typingEmulation")
    about: Json = {
        "id": flow.id,
        "version": flow.version,
        "theme": fill_deep(flow.theme, session.values.get),
        "settings": {key: flow.settings[key] for key in shown if key in flow.settings},
    }
    if flow.published_at and not registers and not session.preview:
        about["publishedAt"] = flow.published_at
    return about


def _continued(viewer: Viewer, session: Session, body: Json, *, parses: bool = True) -> Json:
    engine = viewer.engine(
        session, markdown=body.get("textBubbleContentFormat") == "markdown", parses=parses
    )
    engine.reply(read_message(body.get("message")))
    viewer.keep(session, over=session.block is None)
    told = _told(engine, always=engine.out.walked)
    if engine.out.new_format is not None:
        told["lastMessageNewFormat"] = engine.out.new_format
    return told


def _told(engine: Engine, *, always: bool) -> Json:
    """Write an output down. `always`: also lists that are empty."""
    out: Output = engine.out
    told: Json = {"messages": out.messages}
    if out.input is not None:
        told["input"] = out.input
    if out.actions or always:
        told["clientSideActions"] = out.actions
    if out.logs is not None or always:
        told["logs"] = out.logs or []
    theme = _dynamic_theme(engine.session)
    if theme:
        told["dynamicTheme"] = theme
    ended = out.input is None and not out.waits_for_client
    done = progress(engine.session, ended=ended)
    if done is not None:
        told["progress"] = done
    return told


def _dynamic_theme(session: Session) -> Json:
    """Give the pictures of the theme that are variables."""
    theme = session.bot.theme
    chat, general = theme.get("chat", {}), theme.get("general", {})
    pictures = {
        "hostAvatarUrl": chat.get("hostAvatar", {}).get("url"),
        "guestAvatarUrl": chat.get("guestAvatar", {}).get("url"),
        "backgroundUrl": general.get("background", {}).get("content"),
    }
    return {
        key: fill(url, session.values.get)
        for key, url in pictures.items()
        if isinstance(url, str) and url.startswith("{{")
    }


# -- the older way ---------------------------------------------------------------------------


async def _send_v1(asked: Asked) -> web.Response:
    return await _send(asked, parses=False)


async def _send_v2(asked: Asked) -> web.Response:
    return await _send(asked, parses=True)


async def _send(asked: Asked, *, parses: bool) -> web.Response:
    body = requests.read(
        asked.raw,
        message=requests.legacy_text,
        sessionId=requests.text,
        startParams=requests.record,
    )
    viewer = asked.viewer
    own_id = body.get("sessionId") or ""
    if own_id in viewer.sessions:
        session = viewer.session(own_id)
        _check_origin(session, asked.origin)
        await viewer.work()
        return _old_answer(_continued(viewer, session, body, parses=parses))
    params = body.get("startParams")
    if params is None:
        raise Refused(400, "Missing startParams")
    params = requests.read_part(
        params, typebot=requests.needed_text, prefilledVariables=requests.record
    )
    return _old_answer(_started_by_params(asked, params, body, parses=parses))


def _old_answer(told: Json) -> web.Response:
    """Write what the older way tells: it knows no bar."""
    return answer({key: value for key, value in told.items() if key != "progress"})


def _started_by_params(asked: Asked, params: Json, body: Json, *, parses: bool) -> Json:
    viewer = asked.viewer
    if params.get("isPreview"):
        asked.authorise()
    flow = _known(viewer.by_id(params["typebot"]))
    if not params.get("isPreview"):
        _admit(flow, asked.origin)
    where = params.get("startGroupId") or params.get("startEventId")
    edge = flow.edges.get(str(where))
    told = _started(
        viewer,
        flow,
        {**params, "message": body.get("message")},
        session_id=cuid2() if params.get("isPreview") else None,
        at=edge.to if edge else flow.places.get(str(where)),
        parses=parses,
    )
    told["typebot"] = {
        "id": flow.id,
        "theme": told["typebot"]["theme"],
        "settings": flow.settings,
    }
    return told


ROUTES = [
    Route(
        method="POST",
        path="/api/v1/sessions/{session_id}/continueChat",
        name="continueChat",
        handler=_continue,
    ),
    Route(
        method="POST",
        path="/api/v1/typebots/{public_id}/startChat",
        name="startChat",
        handler=_start,
    ),
    Route(
        method="POST",
        path="/api/v1/typebots/{typebot_id}/preview/startChat",
        name="previewChat",
        handler=_preview,
    ),
    Route(method="POST", path="/api/v1/sendMessage", name="sendMessage", handler=_send_v1),
    Route(method="POST", path="/api/v2/sendMessage", name="sendMessage", handler=_send_v2),
]
