"""Evolution's error envelope, and JSON answers in general.

Source: evolution-instance-typebot.md 1.0. `response.message` is always a flat list of strings;
`response.code` is ours and stable.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from aiohttp import hdrs, web

from bridge.errors import BridgeError, ForbiddenAddress, PeerError, RequestError, TooBig

#: So many messages are told at most, of so many characters each: they may quote the request.
_MESSAGES: Final = 100
_CHARACTERS: Final = 300

_CODE: Final = web.ResponseKey("code", str)

_CODES: Final = {
    HTTPStatus.NOT_FOUND: "route.unknown",
    HTTPStatus.METHOD_NOT_ALLOWED: "route.wrong_method",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request.too_large",
    HTTPStatus.REQUEST_TIMEOUT: "request.timeout",
}


def json_response(
    data: Any, *, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with JSON. Dataclasses, aware times, UUIDs and enumerations are written by orjson."""
    return web.Response(
        body=orjson.dumps(data), status=status, headers=headers, content_type="application/json"
    )


def envelope(
    status: int,
    messages: Iterable[str],
    *,
    code: str,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Answer with an error. Without messages the reason phrase is the message."""
    phrase = HTTPStatus(status).phrase
    told = [_printable(message) for message in messages] or [phrase]
    if len(told) > _MESSAGES:
        told[_MESSAGES:] = [f"and {len(told) - _MESSAGES} more"]
    body = {"status": int(status), "error": phrase, "response": {"message": told, "code": code}}
    answer = json_response(body, status=status, headers=headers)
    answer[_CODE] = code
    return answer


def code_of(answer: web.StreamResponse) -> str | None:
    """Return the code of the failure that an answer tells; None: it tells none in our envelope."""
    return answer.get(_CODE)


def status_of(error: BridgeError) -> HTTPStatus:
    """Return the status that tells a failure to a caller of the API.

    A handler that knows better (a rejected Chatwoot token is the caller's mistake: 400) raises a
    `RequestError` instead.
    """
    match error:
        case RequestError():
            return error.status
        case PeerError():
            return HTTPStatus.BAD_GATEWAY
        case ForbiddenAddress():
            return HTTPStatus.BAD_REQUEST
        case TooBig():
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR


def told(error: BridgeError) -> web.Response:
    """Answer with a failure that has a name."""
    status = status_of(error)
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers[hdrs.RETRY_AFTER] = str(max(1, math.ceil(error.retry_after)))
    if status is HTTPStatus.UNAUTHORIZED:
        headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    messages = error.messages if isinstance(error, RequestError) else (str(error),)
    answer = envelope(status, messages, code=error.cause, headers=headers)
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        answer.force_close()  # the rest of the body is not wanted
    return answer


def told_by_aiohttp(error: web.HTTPException, request: web.Request) -> web.Response:
    """Answer in our envelope what aiohttp refused; a handler's own 404 is a `NotFound`."""
    headers: dict[str, str] = {}
    for name in (hdrs.ALLOW, hdrs.RETRY_AFTER, hdrs.WWW_AUTHENTICATE):
        if name in error.headers:
            headers[name] = error.headers[name]
    messages = [error.reason]
    if isinstance(error, web.HTTPNotFound | web.HTTPMethodNotAllowed):
        messages = [f"Cannot {request.method} {request.rel_url.raw_path}"]
        if hdrs.ALLOW in headers:
            headers[hdrs.ALLOW] = headers[hdrs.ALLOW].replace(",", ", ")
            messages.append(f"Allowed: {headers[hdrs.ALLOW]}")
    code = _CODES.get(HTTPStatus(error.status), "request.refused")
    answer = envelope(error.status, messages, code=code, headers=headers)
    if not error.keep_alive and error.keep_alive is not None:
        answer.force_close()
    return answer


def told_as_crash(trace: str) -> web.Response:
    """Answer that something failed which nobody foresaw; only the trace id is told."""
    text = f"Something went wrong on our side. The log tells more under request id {trace}."
    return envelope(HTTPStatus.INTERNAL_SERVER_ERROR, [text], code="internal")


def _printable(message: str) -> str:
    shown = message if len(message) <= _CHARACTERS else f"{message[: _CHARACTERS - 1]}…"
    return shown.encode("utf-8", "replace").decode()
