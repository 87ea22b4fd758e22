"""Files: pictures, videos, audio, documents and stickers."""

from __future__ import annotations

from typing import Final

from bridge.core.content import Media, MediaKind
from bridge.whatsapp.shapes import LONGEST_TEXT, prose, sha256, table, whole, word

_LONGEST_URL: Final = 4096
#: Of a name the end counts, for there is the suffix.
_LONGEST_NAME: Final = 255
_UNKNOWN: Final = "application/octet-stream"


def media(kind: MediaKind, body: object) -> Media | None:
    """A file; without an id it cannot be had, whatever else is told of it.

    `url` lives for five minutes, the id for days (A.5).
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
        caption=prose(told.get("caption"), LONGEST_TEXT),
        filename=name[-_LONGEST_NAME:] if isinstance(name, str) and name.strip() else None,
        sha256=sha256(told.get("sha256")),
        size=whole(told.get("file_size")),
        url=word(told.get("url"), _LONGEST_URL),
        voice=told.get("voice") is True,
        animated=told.get("animated") is True,
    )
