"""The Graph API over HTTP: parse, perhaps fail on demand, act, answer."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import BodyPartReader, hdrs, web
from aiohttp.http import HttpProcessingError

from bridge.sim.graph.failures import GraphError, no_such_object
from bridge.sim.graph.faults import Fault, Reply, Route
from bridge.sim.graph.meta import Meta
from bridge.sim.graph.requests import UPLOAD_LIMIT, check_read

BODY_LIMIT = 3 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request whose body has been read. `at` is the monotonic time of that moment."""

    meta: Meta
    request: web.Request
    body: Any
    at: float


_Act = Callable[[Call], Awaitable[web.Response]]
_Read = Callable[[web.Request], Awaitable[Any]]


def add_routes(app: web.Application, meta: Meta) -> None:
    node, version = "/{version:v[0-9]+\\.[0-9]+}/{id}", "/{version:v[0-9]+\\.[0-9]+}"

    def route(method: str, path: str, name: Route | None, read: _Read, act: _Act) -> None:
        app.router.add_route(method, path, _guarded(meta, name, read, act))

    route(hdrs.METH_POST, node + "/messages", Route.MESSAGES, _read_json, _send)
    route(hdrs.METH_POST, node + "/media", Route.UPLOAD, _read_upload, _upload)
    route(hdrs.METH_POST, node + "/subscribed_apps", Route.SUBSCRIBE, _read_json, _subscribe)
    route(hdrs.METH_GET, node + "/subscribed_apps", Route.SUBSCRIPTIONS, _nothing, _subscriptions)
    route(hdrs.METH_GET, node + "/message_templates", Route.TEMPLATES, _nothing, _templates)
    route(hdrs.METH_GET, version + "/{id:.+}", None, _nothing, _node)
    route(hdrs.METH_GET, "/media/{id}", Route.DOWNLOAD, _nothing, _download)


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(data), status=status, headers=headers, content_type="application/json"
    )


def _guarded(
    meta: Meta, name: Route | None, read: _Read, act: _Act
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        # Numbers and files share one path; which one is meant shows in the id.
        is_number = request.match_info["id"] in meta.numbers
        route = name or (Route.NUMBER if is_number else Route.LOOKUP)
        meta.requests[route] += 1
        try:
            meta.authorise(request.headers.get(hdrs.AUTHORIZATION))
            body = await read(request)
            call = Call(meta=meta, request=request, body=body, at=time.monotonic())
            fault = meta.faults.take(route, _recipient_of(body))
            if fault is not None and not fault.acted:
                return await _misbehave(fault, request, None)
            done = await act(call)
            if meta.latency:
                await asyncio.sleep(meta.latency)
            return done if fault is None else await _misbehave(fault, request, done)
        except GraphError as error:
            headers: dict[str, str] = {}
            if error.retry_after is not None:
                headers = {"Retry-After": str(error.retry_after)}
            return answer(error.body(meta.trace()), error.status, headers)

    return handle


async def _misbehave(
    fault: Fault, request: web.Request, done: web.Response | None
) -> web.StreamResponse:
    match fault.reply:
        case Reply.ERROR:
            raise GraphError(
                fault.code,
                status=fault.status,
                transient=fault.transient,
                details=fault.details,
                retry_after=fault.retry_after,
            )
        case Reply.BROKEN:
            return web.Response(
                status=500,
                text="<html>Sorry, something went wrong.</html>",
                content_type="text/html",
            )
        case Reply.HANG:
            await asyncio.sleep(fault.seconds)
            if done is not None:
                return done
        case Reply.RESET:
            pass
    if request.transport is not None:
        sock = request.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()


def _recipient_of(body: Any) -> str | None:
    if not isinstance(body, dict):
        return None
    to = body.get("to") or body.get("recipient")
    return to if isinstance(to, str) else None


# ---------------------------------------------------------------------- reading


async def _nothing(_request: web.Request) -> None:
    return None


async def _read_json(request: web.Request) -> Any:
    raw = await request.read()
    if not raw:
        return {}
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise GraphError(100, message="The request body is not valid JSON.") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    product: str | None
    mime: str | None
    data: bytes | None
    filename: str | None


async def _read_upload(request: web.Request) -> _Upload:
    if request.content_type != "multipart/form-data":
        raise GraphError(100, message="The parameter messaging_product is required.")
    fields: dict[str, str] = {}
    data = filename = part_mime = None
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            raw = await _read_part(part)
            if part.name == "file":
                data, filename = raw, part.filename
                part_mime = part.headers.get(hdrs.CONTENT_TYPE)
            elif part.name:
                fields[part.name] = raw.decode("utf-8", "replace")
    except (ValueError, AssertionError, HttpProcessingError):
        raise GraphError(100, message="The request body is not valid multipart.") from None
    return _Upload(
        product=fields.get("messaging_product"),
        mime=fields.get("type") or part_mime,
        data=data,
        filename=filename,
    )


async def _read_part(part: BodyPartReader) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(2**16):
        data += chunk
        if len(data) > UPLOAD_LIMIT:
            raise GraphError(100, details="The file is larger than 100 MB.")
    return bytes(data)


# ---------------------------------------------------------------------- acting


async def _send(call: Call) -> web.Response:
    meta, body = call.meta, call.body
    id_ = call.request.match_info["id"]
    if isinstance(body, dict) and "status" in body:
        meta.number(id_)
        meta.reads.append(check_read(body))
        if body.get("typing_indicator") == {"type": "text"}:
            meta.typing.append(body["message_id"])
        meta.watch.changed()
        return answer({"success": True})
    return answer(meta.accept(id_, body, call.at))


async def _upload(call: Call) -> web.Response:
    upload: _Upload = call.body
    if upload.product != "whatsapp":
        raise GraphError(100, message="The parameter messaging_product is required.")
    if upload.data is None:
        raise GraphError(100, message="The parameter file is required.")
    id_ = call.request.match_info["id"]
    mime = upload.mime or "application/octet-stream"
    return answer({"id": call.meta.upload(id_, upload.data, mime, upload.filename)})


async def _node(call: Call) -> web.Response:
    id_ = call.request.match_info["id"]
    if id_ in call.meta.numbers:
        return _number(call, id_)
    media = call.meta.media.get(id_)
    if media is None:
        raise no_such_object(id_, call.request.method)
    if call.request.query.get("phone_number_id", media.phone_number_id) != media.phone_number_id:
        raise GraphError(
            100,
            message="Param phone_number_id is not a valid whatsapp business phone number id ID",
        )
    return answer(
        {
            "messaging_product": "whatsapp",
            "url": str(call.request.url.origin()) + call.meta.shelf.path(id_),
            "mime_type": media.mime,
            "sha256": media.sha256.hex(),
            "file_size": str(len(media.data)),
            "id": id_,
        }
    )


def _number(call: Call, id_: str) -> web.Response:
    number = call.meta.number(id_)
    facts = {
        "verified_name": number.verified_name,
        "display_phone_number": number.display_phone_number,
        "quality_rating": number.quality_rating,
        "platform_type": "CLOUD_API",
        "code_verification_status": "VERIFIED",
        "throughput": {"level": number.throughput},
        "status": number.status,
        "name_status": "APPROVED",
        "id": id_,
    }
    wanted = [f for f in call.request.query.get("fields", "").split(",") if f]
    for field in wanted:
        if field not in facts:
            raise GraphError(100, message=f"Tried accessing nonexisting field ({field[:64]})")
    shown = wanted or [f for f in facts if f not in {"status", "name_status"}]
    return answer({field: facts[field] for field in (*shown, "id")})


async def _download(call: Call) -> web.Response:
    query = call.request.query
    media = call.meta.shelf.open(
        call.request.match_info["id"], query.get("ext", ""), query.get("hash", "")
    )
    if media is None:
        return web.Response(status=404, text="URL signature expired")
    # A header value with a line break in it would be refused by aiohttp.
    mime = " ".join(media.mime.split()) or "application/octet-stream"
    return web.Response(body=media.data, headers={hdrs.CONTENT_TYPE: mime})


async def _subscribe(call: Call) -> web.Response:
    """Subscribe, perhaps with an address of its own, which Meta verifies first (A.2)."""
    waba_id = _waba(call)
    body = call.body if isinstance(call.body, dict) else {}
    url, token = body.get("override_callback_uri"), body.get("verify_token")
    if url is not None:
        if not isinstance(url, str) or len(url) > 200 or not isinstance(token, str):  # noqa: PLR2004  A.2
            raise GraphError(100)
        if not await call.meta.verify(url, token):
            raise GraphError(2200)
        call.meta.webhook_url = url
    call.meta.subscribed[waba_id] = url
    return answer({"success": True})


async def _subscriptions(call: Call) -> web.Response:
    waba_id = _waba(call)
    if waba_id not in call.meta.subscribed:
        return answer({"data": []})
    url = call.meta.subscribed[waba_id]
    app = {"id": "670843887433847", "name": "Ponte", "link": "https://www.facebook.com/games/"}
    entry: dict[str, Any] = {"whatsapp_business_api_data": app}
    return answer({"data": [entry if url is None else entry | {"override_callback_uri": url}]})


async def _templates(call: Call) -> web.Response:
    url = call.request.url
    waba_id = _waba(call)
    return answer(call.meta.templates.page(waba_id, call.request.query, str(url.with_query(None))))


def _waba(call: Call) -> str:
    waba_id = call.request.match_info["id"]
    if waba_id not in {number.waba_id for number in call.meta.numbers.values()}:
        raise no_such_object(waba_id, call.request.method)
    return waba_id
