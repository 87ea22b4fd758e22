"""What an inbound message says (whatsapp-channels.md A.5), one function for each kind."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from bridge.core.content import Content, Media, MediaKind, Text, Unsupported
from bridge.whatsapp.shapes import clip, rows, storable, table, word

__all__ = ("complaint", "content")

_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DIGEST = 32
_LONGEST_URL = 4096


def content(message: dict[str, Any], value: dict[str, Any]) -> Content:
    """The content of a message; a kind or shape that is not known stays visible.

    `value` is the change around the message: it may hold the errors of a message without a
    body. Never raises.
    """
    kind = word(message.get("type"), 64) or "unknown"
    body = message.get(kind)
    reader = _READERS.get(kind)
    read = reader(table(body)) if reader else None
    if read is not None:
        return read
    return Unsupported(
        upstream=kind,
        raw=message if storable(message) else {"type": kind, "id": word(message.get("id"))},
        detail=complaint(message) or (complaint(value) if body is None else None),
    )


def complaint(owner: dict[str, Any]) -> str | None:
    """The text of the first error that Meta put beside something."""
    for error in rows(owner.get("errors")):
        told = table(error)
        details = table(told.get("error_data")).get("details")
        text = clip(details) or clip(told.get("message")) or clip(told.get("title"))
        if text:
            return text
    return None


def _text(body: dict[str, Any]) -> Content | None:
    text = body.get("body")
    return Text(body=text) if isinstance(text, str) and text else None


def _image(body: dict[str, Any]) -> Content | None:
    handle = word(body.get("id"))
    if handle is None:
        return None
    caption = body.get("caption")
    return Media(
        media=MediaKind.IMAGE,
        handle=handle,
        mime=word(body.get("mime_type"), 128) or "application/octet-stream",
        caption=caption if isinstance(caption, str) and caption else None,
        sha256=_sha256(body.get("sha256")),
        size=_size(body.get("file_size")),
        url=word(body.get("url"), _LONGEST_URL),
    )


def _sha256(value: object) -> str | None:
    """Hex, as the rest of the house wants it: webhooks say base64, the media lookup hex."""
    if not isinstance(value, str):
        return None
    if _HEX.fullmatch(value.lower()):
        return value.lower()
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest.hex() if len(digest) == _DIGEST else None


def _size(value: object) -> int | None:
    text = word(value, 18)
    return int(text) if text and text.isascii() and text.isdigit() else None


_READERS: dict[str, Callable[[dict[str, Any]], Content | None]] = {
    "text": _text,
    "image": _image,
}
