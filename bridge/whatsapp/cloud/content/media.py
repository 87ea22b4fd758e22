"""Files: pictures, videos, audio, documents and stickers."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from bridge.core.content import Media, MediaKind
from bridge.whatsapp.shapes import prose, table, word

_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DIGEST: Final = 32
_LONGEST_URL: Final = 4096
#: Of a name the end counts, for there is the suffix.
_LONGEST_NAME: Final = 255
_UNKNOWN: Final = "application/octet-stream"


def media(kind: MediaKind, body: object, *, longest: int) -> Media | None:
    """A file; without an id it cannot be had, whatever else is told of it.

    `longest` bounds the caption. `url` lives for five minutes, the id for days (A.5).
    """
    told = table(body)
    handle = word(told.get("id"))
    if handle is None:
        return None
    name = told.get("filename")
    return Media(
        media=kind,
        handle=handle,
        mime=word(told.get("mime_type"), 128) or _UNKNOWN,
        caption=prose(told.get("caption"), longest),
        filename=name[-_LONGEST_NAME:] if isinstance(name, str) and name.strip() else None,
        sha256=_sha256(told.get("sha256")),
        size=_size(told.get("file_size")),
        url=word(told.get("url"), _LONGEST_URL),
        voice=told.get("voice") is True,
        animated=told.get("animated") is True,
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
