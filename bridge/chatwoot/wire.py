"""How requests and answers look on the wire (chatwoot-api.md 1.5, 1.8, 1.14). Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from aiohttp import FormData

from bridge.chatwoot.attachments import Opened
from bridge.chatwoot.faults import unreadable
from bridge.chatwoot.models import Conversation, Message
from bridge.chatwoot.reading import (
    read_conversation,
    read_message,
)
from bridge.net.http import Answer

#: Characters that a plain string column takes (4.2).
_COLUMN = 255
#: Conditions of one filter call: a person has a handful of keys.
_CONDITIONS = 20


def encoded(body: Mapping[str, Any]) -> bytes:
    """Encode a body; text that is no valid Unicode is sent with question marks in it."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        return json.dumps(body, ensure_ascii=False, default=str).encode("utf-8", "replace")


def decoded(answer: Answer, what: str) -> Any:
    """Decode a success. Raises `PeerBroke`, outcome unknown, for what is no JSON."""
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise unreadable(what) from None


def cut(value: str) -> str:
    """Make a string fit a plain column: 255 characters, none of them NUL."""
    return value.replace("\0", "")[:_COLUMN]


def contact_filters(
    numbers: Sequence[str], identifiers: Sequence[str]
) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """Build the bodies that find contacts by any key; none without keys (1.5).

    Numbers go without ``+``, since Chatwoot puts one in front. A filter without conditions
    would list every contact of the account.
    """
    digits = ("".join(mark for mark in number if mark in "0123456789") for number in numbers)
    keys = [("phone_number", number) for number in digits if number]
    keys += [("identifier", identifier) for identifier in identifiers if identifier]
    unique = list(dict.fromkeys(keys))
    for start in range(0, len(unique), _CONDITIONS):
        conditions: list[dict[str, Any]] = [
            {
                "attribute_key": key,
                "filter_operator": "equal_to",
                "values": [value],
                "query_operator": "OR",
            }
            for key, value in unique[start : start + _CONDITIONS]
        ]
        conditions[-1]["query_operator"] = None
        yield {"payload": conditions}


def conversations(found: Sequence[Any]) -> list[Conversation]:
    return [one for one in map(read_conversation, found) if one is not None]


def messages(found: Sequence[Any]) -> list[Message]:
    return [one for one in map(read_message, found) if one is not None]


def message(
    content: str | None, message_type: str, source_id: str | None, *, private: bool
) -> dict[str, Any]:
    """Build the body of a message; NUL is left out, the database takes none."""
    if content and "\0" in content:
        content = content.replace("\0", "")
    body: dict[str, Any] = {"content": content, "message_type": message_type, "private": private}
    if source_id is not None:
        body["source_id"] = source_id
    return body


def form(
    body: Mapping[str, Any], parts: Sequence[Opened], *, part: str = "attachments[]"
) -> FormData:
    """Build the multipart form of a message with files; objects go as JSON strings (1.14).

    File names travel percent-encoded, which Rack decodes.
    """
    fields = FormData()
    for key, value in body.items():
        if value is None:
            continue
        spelled = value if isinstance(value, str) else encoded_text(value)
        fields.add_field(key, spelled.encode("utf-8", "replace").decode())
    for one in parts:
        fields.add_field(part, one.stream, filename=one.filename, content_type=one.mime)
    return fields


def encoded_text(value: Any) -> str:
    return encoded(value).decode()
