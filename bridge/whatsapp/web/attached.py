"""Files in a message, and all that a download of them needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import orjson

from bridge.core.content import Media, MediaKind
from bridge.whatsapp.shapes import LONGEST_TEXT, prose, sha256, whole, word

__all__ = ("KINDS", "READERS")

_LONGEST_NAME: Final = 255
_LONGEST_SECONDS: Final = 7 * 24 * 3600
_MIME: Final = re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,100}(?:;[\x20-\x7e]{0,100})?", re.ASCII)
#: All that a download needs. An address is not among it: whoever wrote the message chose it, and a
#: path is looked up on WhatsApp's own servers.
_HANDLE: Final = (
    "directPath",
    "fileEncSHA256",
    "fileLength",
    "fileSHA256",
    "mediaKey",
    "mediaKeyTimestamp",
    "mimetype",
)
KINDS: Final[Mapping[str, tuple[MediaKind, str]]] = {
    "imageMessage": (MediaKind.IMAGE, "image/jpeg"),
    "videoMessage": (MediaKind.VIDEO, "video/mp4"),
    "ptvMessage": (MediaKind.VIDEO, "video/mp4"),
    "audioMessage": (MediaKind.AUDIO, "audio/ogg"),
    "documentMessage": (MediaKind.DOCUMENT, "application/octet-stream"),
    "stickerMessage": (MediaKind.STICKER, "image/webp"),
}
#: What says that a picture moves: stickers by frames or by vectors, videos shown as GIFs.
_MOVING: Final = ("gifPlayback", "isAnimated", "isLottie")

_Body = Mapping[str, Any]


def _media(kind: str, body: _Body) -> Media | None:
    """A file that can be fetched; None when its key or path is missing."""
    path = body.get("directPath")
    if not word(body.get("mediaKey")) or not isinstance(path, str) or not path.startswith("/"):
        return None
    media, mime = KINDS[kind]
    told = word(body.get("mimetype"), 200)
    handle = {name: body[name] for name in _HANDLE if isinstance(body.get(name), str | int)}
    return Media(
        media=media,
        # A round video is a video that is shown in another way.
        handle=orjson.dumps({"videoMessage" if kind == "ptvMessage" else kind: handle}).decode(),
        mime=told.lower() if told and _MIME.fullmatch(told) else mime,
        caption=prose(body.get("caption"), LONGEST_TEXT),
        filename=_filename(body) if media is MediaKind.DOCUMENT else None,
        sha256=sha256(body.get("fileSHA256")),
        size=whole(body.get("fileLength")),
        voice=body.get("PTT") is True,
        animated=any(body.get(name) is True for name in _MOVING),
        round=kind == "ptvMessage",
        seconds=_seconds(body.get("seconds")),
    )


def _filename(body: _Body) -> str | None:
    """Its end, which tells the type, when the name is too long."""
    for name in ("fileName", "title"):
        told = body.get(name)
        if isinstance(told, str) and told.strip():
            return told[-_LONGEST_NAME:]
    return None


def _seconds(value: object) -> int | None:
    """Of what plays; whoever wrote the message chose it."""
    told = whole(value)
    return told if told is not None and 0 < told <= _LONGEST_SECONDS else None


READERS: Final[Mapping[str, Callable[[_Body], Media | None]]] = {
    kind: partial(_media, kind) for kind in KINDS
}
