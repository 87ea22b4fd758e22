"""Request parameters as Rails reads them: query, JSON, forms and multipart, brackets and all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from aiohttp import content_disposition_filename, parse_content_disposition

from bridge.sim.chatwoot.records import Json, Upload
from bridge.sim.chatwoot.refusals import Refused

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_KEY = re.compile(r"\[([^\[\]]*)\]")
_PERCENT = re.compile(r"%.?.?")
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")
_DEPTH = 32


def parse(query: str, content_type: str, body: bytes) -> Json:
    """Query and body as one mapping, the body first. Raises `Refused` (400) when broken."""
    params = nest(parse_qsl(query, keep_blank_values=True)) if query else {}
    if not body:
        return params
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return params | nest(multipart(content_type, body))
    if kind == "application/x-www-form-urlencoded":
        text = body.decode("utf-8", "replace")
        return params | nest(parse_qsl(text, keep_blank_values=True))
    if kind != "application/json":
        return params
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise bad_request() from None
    return params | given if isinstance(given, dict) else params | {"_json": given}


def bad_request() -> Refused:
    return Refused(400, {"status": 400, "error": "Bad Request"})


def multipart(content_type: str, body: bytes) -> Iterable[tuple[str, Any]]:
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise bad_request()
    for part in (b"\r\n" + body).split(b"\r\n--" + found[1].encode())[1:]:
        if part.startswith(b"--"):
            return
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = _headers(head)
        _, options = parse_content_disposition(headers.get("content-disposition", ""))
        filename = content_disposition_filename(options, "filename")
        mime = headers.get("content-type", "")
        value: Any
        if filename is None:
            value = data.decode("utf-8", "replace")
        else:
            value = Upload(
                filename=_filename(filename),
                data=data,
                mime=mime or "application/octet-stream",
            )
        yield options.get("name", ""), value


def _filename(given: str) -> str:
    """The bare name; Rack undoes percent-encoding where every percent sign allows it."""
    if all(_ESCAPE.match(mark) for mark in _PERCENT.findall(given)):
        given = unquote(given)
    return given.replace("\\", "/").rpartition("/")[2]


def _headers(head: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n"))
    return {name.strip().lower(): value.strip() for name, _, value in lines}


def nest(pairs: Iterable[tuple[str, Any]]) -> Json:
    """`a[b]=1&c[]=2` as `{"a": {"b": 1}, "c": [2]}`. Keys that contradict lose."""
    top: Json = {}
    for name, value in pairs:
        head, bracket, _ = name.partition("[")
        keys = [head, *_KEY.findall(name[len(head) :])] if bracket else [name]
        if len(keys) <= _DEPTH:
            _put(top, keys, value)
    return top


def _put(top: Json, keys: list[str], value: Any) -> None:
    *way, last = keys
    is_list = last == "" and bool(way)
    if is_list:
        *way, last = way
    inside: Any = top
    for key in way:
        inside = inside.setdefault(key, {})
        if not isinstance(inside, dict):
            return
    if not is_list:
        inside[last] = value
        return
    held = inside.setdefault(last, [])
    if isinstance(held, list):
        held.append(value)
