"""Reading what a caller sends: bounded in bytes, time and depth, and refused in plain words."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any, Final

import orjson
from aiohttp import HttpVersion11, hdrs, web

from bridge.errors import Invalid, TooLarge
from bridge.http.malformed import what_is_wrong
from bridge.http.routing import body_limit

#: Seconds that a caller may take to send a body.
READ_SECONDS: Final = 60.0
#: Levels of lists and objects within each other. WhatsApp's deepest messages have about 15.
MAX_DEPTH: Final = 64

_BOM: Final = b"\xef\xbb\xbf"
_BIGGEST: Final = 2**63  # what a column can hold
_CUT_OFF: Final = "The request body is cut off: its JSON ends too early."


async def read_body(request: web.Request, limit: int | None = None) -> bytes:
    """Read the whole body, once; never more than `limit` bytes of it are held.

    The limit counts what arrives after decompression. Without one it is that of the route, else of
    the application. Raises `TooLarge`, as early as the announced length or the bytes show it,
    and `Invalid` when the body breaks off or its coding is broken.
    """
    limit = body_limit(request) if limit is None else limit
    if not request.body_exists:
        return b""
    announced = request.content_length
    if announced is not None and announced > limit:
        raise _too_large(limit)
    await _ask_for_the_body(request)
    body = bytearray()
    # A small body has mostly come with its head: then there is no wait to watch over.
    patience = nullcontext() if request.content.is_eof() else asyncio.timeout(READ_SECONDS)
    try:
        async with patience:
            while chunk := await request.content.readany():
                if len(body) + len(chunk) > limit:
                    raise _too_large(limit)
                body += chunk
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (web.RequestPayloadError, ConnectionError) as error:
        raise Invalid("The request body broke off or is badly encoded.") from error
    return bytes(body)


async def read_json(request: web.Request, limit: int | None = None) -> dict[str, Any]:
    """Read a body that must be a JSON object. Raises `TooLarge` and `Invalid`."""
    return decode_object(await read_body(request, limit))


def decode_object(body: bytes) -> dict[str, Any]:
    """Decode a JSON object that comes from outside. Raises `Invalid` with one exact sentence.

    What comes back can be stored: no NaN or infinity, no number beyond 64 bits, no NUL character
    in a text, at most `MAX_DEPTH` levels.
    """
    data = _decode(body)
    if not isinstance(data, dict):
        raise Invalid(f"The request body must be a JSON object, not {_kind(data)}.")
    _check_storable(data)
    return data


def _decode(body: bytes) -> Any:
    body = body.removeprefix(_BOM)
    if not body or body.isspace():
        raise Invalid("The request body is empty; it must be a JSON object.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # The error holds the body, which may hold secrets: it must not become a cause.
        refusal = _refusal(error, body)
    raise refusal


def _refusal(error: orjson.JSONDecodeError, body: bytes) -> Invalid:
    try:
        text = body.decode()
    except UnicodeDecodeError as broken:
        return Invalid(f"The request body is not UTF-8 text (byte {broken.start + 1}).")
    if error.pos >= len(text.rstrip()):
        return Invalid(_CUT_OFF)
    if "depth" in error.msg:
        return Invalid(f"The request body is nested deeper than {MAX_DEPTH} levels.")
    return Invalid(what_is_wrong(error, text))


def _check_storable(data: dict[str, Any]) -> None:
    """Walk the tree level by level, so that its depth costs no stack."""
    level: list[Any] = [data]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for container in level:
            if isinstance(container, dict):
                for key in container:
                    _check_text(key)
                values = container.values()
            else:
                values = container
            for value in values:
                if isinstance(value, str):
                    _check_text(value)
                elif isinstance(value, dict | list):
                    below.append(value)
                elif isinstance(value, int | float) and not -_BIGGEST <= value < _BIGGEST:
                    raise Invalid("The request body holds a number that is too large.")
        if not below:
            return
        level = below
    raise Invalid(f"The request body is nested deeper than {MAX_DEPTH} levels.")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise Invalid("The request body holds a text with the NUL character.")


def _kind(data: Any) -> str:
    match data:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case _:
            return "an array"


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request body is larger than {limit} bytes.")


async def _ask_for_the_body(request: web.Request) -> None:
    """Tell a caller that waits with its body (`Expect: 100-continue`) to send it now."""
    waits = request.headers.get(hdrs.EXPECT, "").lower() == "100-continue"
    if waits and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
