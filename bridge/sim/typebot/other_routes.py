"""The routes beside the chat: files, logs, and what a set-up page asks."""

from __future__ import annotations

import email

from aiohttp import web

from bridge.sim.typebot import requests
from bridge.sim.typebot.refusals import CODES, Refused, no_session, no_typebot
from bridge.sim.typebot.server import Asked, Route, answer
from bridge.sim.typebot.sessions import Frame
from bridge.sim.typebot.viewer import Viewer


async def _slot(asked: Asked) -> web.Response:
    body = requests.read(
        asked.raw,
        sessionId=requests.needed_text,
        blockId=requests.needed_text,
        fileName=requests.needed_text,
        fileType=requests.text,
        fileSize=requests.number,
    )
    viewer = asked.viewer
    session = viewer.sessions.get(body["sessionId"])
    place = session.flow.places.get(session.block or "") if session else None
    block = session.flow.block(place) if session and place else None
    base = viewer.base_url or str(asked.request.url.origin())
    return answer(viewer.uploads.slot(session, block, body, base=base, now=viewer.clock()))


async def _put(asked: Asked) -> web.Response:
    return _stored(asked.viewer, asked.part("token"), asked.raw, asked.request.content_type)


async def _post(asked: Asked) -> web.Response:
    """Take a form as the bucket does: its fields first, the file last."""
    head = f"Content-Type: {asked.request.headers.get('Content-Type', '')}\r\n\r\n"
    form = email.message_from_bytes(head.encode("latin-1", "replace") + asked.raw)
    token, data, kind = "", b"", "application/octet-stream"
    for part in form.walk():
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        if not isinstance(value, bytes):
            continue
        if name == "file":
            data, kind = value, part.get_content_type()
            break
        if name == "Policy":
            token = value.decode("latin-1")
    return _stored(asked.viewer, token, data, kind)


def _stored(viewer: Viewer, token: str, data: bytes, kind: str) -> web.Response:
    status = viewer.uploads.store(token, data, kind, now=viewer.clock())
    if status in CODES:
        raise Refused(status, "File is too large" if status == 413 else "Upload URL expired")  # noqa: PLR2004
    return web.Response(status=status)


async def _file(asked: Asked) -> web.Response:
    stored = asked.viewer.uploads.files.get(asked.part("key"))
    if stored is None:
        return web.Response(status=404)
    return web.Response(body=stored.data, headers={"Content-Type": stored.content_type})


async def _update(asked: Asked) -> web.Response:
    """Have a chat run the newest version of its bot."""
    asked.authorise()
    requests.read(asked.raw)
    viewer = asked.viewer
    session = viewer.session(asked.part("session_id"))
    newest = viewer.by_id(session.bot.id)
    if newest is None:
        raise no_typebot()
    session.frames[0] = Frame(flow=newest)
    for variable in newest.variables.values():
        session.values.setdefault(variable.name, variable.value)
    viewer.keep(session)
    return answer({"message": "success"})


async def _logs(asked: Asked) -> web.Response:
    body = requests.read(asked.raw, clientLogs=requests.client_logs)
    session = asked.viewer.sessions.get(asked.part("session_id"))
    if session is None:
        raise no_session()
    session.logs += body["clientLogs"]
    return answer({"message": "Logs successfully saved."})


async def _execute(asked: Asked) -> web.Response:
    asked.authorise()
    flow = asked.viewer.by_id(asked.part("typebot_id"))
    if flow is None:
        raise no_typebot()
    if asked.part("block_id") not in flow.places:
        raise Refused(404, "Webhook block not found")
    if not asked.viewer.partykit:
        raise Refused(500, "PartySocket.fetch error")
    return answer({"message": "OK"})


async def _health(_asked: Asked) -> web.Response:
    return answer({"status": "ok"})


async def _openapi(asked: Asked) -> web.Response:
    """Name the paths, for feature checks; `sendMessage` is not listed though it works."""
    told = {
        path.removeprefix("/api"): {method.lower(): {"operationId": name}}
        for name, method, path in _LISTED
        if name not in asked.viewer.missing
    }
    info = {"title": "Chat API", "version": "3.0.0"}
    return answer({"openapi": "3.1.1", "info": info, "servers": [{"url": "/api"}], "paths": told})


async def _typebots(asked: Asked) -> web.Response:
    asked.authorise()
    bots = [
        {
            "id": flow.id,
            "name": flow.public_id,
            "publishedTypebotId": f"pub-{flow.id}" if flow.published else None,
        }
        for flow in asked.viewer.flows.values()
    ]
    return answer({"typebots": bots})


async def _me(asked: Asked) -> web.Response:
    asked.authorise()
    return answer({"id": "user-1", "name": "Marina Duarte", "email": "marina@example.com"})


_LISTED = (
    ("startChat", "POST", "/api/v1/typebots/{publicId}/startChat"),
    ("continueChat", "POST", "/api/v1/sessions/{sessionId}/continueChat"),
    ("previewChat", "POST", "/api/v1/typebots/{typebotId}/preview/startChat"),
    ("updateTypebot", "POST", "/api/v1/sessions/{sessionId}/updateTypebot"),
    ("clientLogs", "POST", "/api/v2/sessions/{sessionId}/clientLogs"),
    ("uploadUrl", "POST", "/api/v3/generate-upload-url"),
    (
        "executeWebhook",
        "POST",
        "/api/v1/typebots/{typebotId}/blocks/{blockId}/results/{resultId}/executeWebhook",
    ),
)

_EXECUTE = "/api/v1/typebots/{typebot_id}/blocks/{block_id}/results/{result_id}/executeWebhook"
_SESSION = "/api/{version:v[12]}/sessions/{session_id}"
ROUTES = [
    Route(method="POST", path="/api/v3/generate-upload-url", name="uploadUrl", handler=_slot),
    Route(method="PUT", path="/api/uploads/{token}", name="upload", handler=_put),
    Route(method="POST", path="/s3/typebot", name="upload", handler=_post),
    Route(method="GET", path="/s3/typebot/{key:.+}", name="file", handler=_file),
    Route(
        method="POST",
        path="/api/v1/sessions/{session_id}/updateTypebot",
        name="updateTypebot",
        handler=_update,
    ),
    Route(method="POST", path=f"{_SESSION}/clientLogs", name="clientLogs", handler=_logs),
    Route(method="POST", path=_EXECUTE, name="executeWebhook", handler=_execute),
    Route(method="GET", path="/api/healthz", name="health", handler=_health),
    Route(method="GET", path="/healthz", name="health", handler=_health),
    Route(method="GET", path="/api/openapi.json", name="openapi", handler=_openapi),
    Route(method="GET", path="/api/typebots", name="typebots", handler=_typebots),
    Route(method="GET", path="/api/users/me", name="me", handler=_me),
]
