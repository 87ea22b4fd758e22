"""How requests to Typebot look (typebot-api.md 1.2, 1.4, 1.9). Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from bridge.core.flow import Say

#: Asked for on each call: retry texts obey the call that brings them (1.5).
FORMAT = {"textBubbleContentFormat": "richText"}


def message(say: Say) -> dict[str, Any] | str | None:
    """Write what we say: a bare string where it is enough, which all versions take.

    None for an empty `Say`: then no message is sent at all.
    """
    if say.command is not None:
        return {"type": "command", "command": say.command}
    if say.audio is not None:
        return {"type": "audio", "url": say.audio}
    if say.reply_id is None and not say.files:
        return say.text
    spoken: dict[str, Any] = {"type": "text", "text": say.text or ""}
    if say.reply_id is not None:
        spoken["metadata"] = {"replyId": say.reply_id}
    if say.files:
        spoken["attachedFileUrls"] = list(say.files)
    return spoken


def only_text(say: Say) -> str | None:
    """Write what we say for servers that know texts alone."""
    if say.text or not (say.files or say.audio or say.reply_id):
        return say.text
    return ", ".join(say.files) or say.audio or say.reply_id


def start(say: Say | None, variables: Mapping[str, Any], result_id: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {**FORMAT, "prefilledVariables": dict(variables)}
    if result_id is not None:
        body["resultId"] = result_id
    return with_message(body, None if say is None else message(say))


def with_message(body: dict[str, Any], spoken: object) -> dict[str, Any]:
    """Add a message, unless there is none: null is known since 3.8 only."""
    return body if spoken is None else {**body, "message": spoken}


def encoded(body: Mapping[str, Any]) -> bytes:
    """Encode a body; text that is no valid Unicode is sent with question marks in it."""
    try:
        return orjson.dumps(body)
    except TypeError:
        return json.dumps(body, ensure_ascii=False, default=str).encode("utf-8", "replace")


def segment(name: str) -> str:
    """Write an id as one segment of a path, whatever is in it."""
    return quote(name, safe="")
