"""The checks of request bodies, and how their failures are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import orjson

from bridge.sim.typebot.refusals import invalid, malformed

Json: TypeAlias = dict[str, Any]
Issues: TypeAlias = list[Json]
#: Gives the issues of a value that is there.
Check: TypeAlias = Callable[[Any, list[str | int]], Issues]

_MESSAGE_TYPES = ("text", "audio", "command")


def read(raw: bytes, **fields: Check) -> Json:
    """Read a body; an empty one is `{}`. Raises `Refused` for what breaks a check."""
    try:
        body = orjson.loads(raw) if raw.strip() else {}
    except orjson.JSONDecodeError:
        raise malformed() from None
    if not isinstance(body, dict):
        raise invalid([_expected("object", body, [])])
    issues: Issues = []
    for name, check in fields.items():
        if name in body or check in _REQUIRED:
            issues += check(body.get(name, _MISSING), [name])
    if issues:
        raise invalid(issues)
    return body


class _Missing:
    """What stands for a field that is not there."""


_MISSING = _Missing()


def kind_of(value: Any) -> str:
    """Name a value as the messages do."""
    kinds = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
    if value is None:
        return "null"
    return "undefined" if value is _MISSING else kinds.get(type(value), "object")


def _expected(kind: str, value: Any, path: list[str | int]) -> Json:
    text = f"Invalid input: expected {kind}, received {kind_of(value)}"
    return {"expected": kind, "code": "invalid_type", "path": path, "message": text}


def _is(kind: str) -> Check:
    def check(value: Any, path: list[str | int]) -> Issues:
        fits = kind_of(value) == ("object" if kind == "record" else kind)
        return [] if fits else [_expected(kind, value, path)]

    return check


text = _is("string")
flag = _is("boolean")
number = _is("number")
record = _is("record")
needed_text = _is("string")
_REQUIRED = [needed_text]


def optional_text(value: Any, path: list[str | int]) -> Issues:
    return text(value, path)


def bubble_format(value: Any, path: list[str | int]) -> Issues:
    if value in ("richText", "markdown"):
        return []
    return [
        {
            "code": "invalid_value",
            "values": ["richText", "markdown"],
            "path": path,
            "message": 'Invalid option: expected one of "richText"|"markdown"',
        }
    ]


def message(value: Any, path: list[str | int]) -> Issues:
    """A message of `continueChat` may be null."""
    return [] if value is None else first_message(value, path)


def first_message(value: Any, path: list[str | int]) -> Issues:
    """A message is an object by its type, or a bare text."""
    if isinstance(value, str):
        return []
    if not isinstance(value, dict):
        errors = [[_expected("object", value, [])], [_expected("string", value, [])]]
        return [
            {"code": "invalid_union", "errors": errors, "path": path, "message": "Invalid input"}
        ]
    kind = value.get("type")
    if kind not in _MESSAGE_TYPES:
        return [
            {
                "code": "invalid_union",
                "errors": [],
                "note": "No matching discriminator",
                "discriminator": "type",
                "path": [*path, "type"],
                "message": "Invalid input",
            }
        ]
    field = {"text": "text", "audio": "url", "command": "command"}[kind]
    issues = text(value.get(field, _MISSING), [*path, field])
    return issues + (_text_extras(value, path) if kind == "text" else [])


def _text_extras(value: Json, path: list[str | int]) -> Issues:
    issues: Issues = []
    if "metadata" in value:
        metadata = value["metadata"]
        if not isinstance(metadata, dict):
            issues.append(_expected("object", metadata, [*path, "metadata"]))
        elif "replyId" in metadata:
            issues += text(metadata["replyId"], [*path, "metadata", "replyId"])
    urls = value.get("attachedFileUrls", [])
    if not isinstance(urls, list):
        return [*issues, _expected("array", urls, [*path, "attachedFileUrls"])]
    for index, url in enumerate(urls):
        issues += text(url, [*path, "attachedFileUrls", index])
    return issues


def client_logs(value: Any, path: list[str | int]) -> Issues:
    if not isinstance(value, list):
        return [_expected("array", value, path)]
    issues: Issues = []
    for index, entry in enumerate(value):
        at = [*path, index]
        if isinstance(entry, dict):
            issues += text(entry.get("description", _MISSING), [*at, "description"])
        else:
            issues.append(_expected("object", entry, at))
    return issues


_REQUIRED.append(client_logs)


def legacy_text(value: Any, path: list[str | int]) -> Issues:
    """The message of `sendMessage` is a text, or null."""
    return [] if value is None else text(value, path)


def read_part(value: Json, **fields: Check) -> Json:
    """Check `startParams` as a body is checked. Raises `Refused`."""
    issues: Issues = []
    for name, check in fields.items():
        if name in value or check in _REQUIRED:
            issues += check(value.get(name, _MISSING), ["startParams", name])
    if issues:
        raise invalid(issues)
    return value
