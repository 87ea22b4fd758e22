"""Of which type a file is: what is in it counts, not what somebody says of it.

Only where that decides something: pictures, videos and sounds are recognised by their content,
since WhatsApp shows them by their type and refuses what is not what it says. Documents keep the
type that they came with, and one that came with none (``application/octet-stream``) gets that of
its content or name. Pure.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import puremagic

__all__ = ("HEAD", "Sticker", "content_type", "opus_channels", "sticker")

#: Bytes of a file's beginning that are enough to know it.
HEAD: Final = 4096
UNKNOWN: Final = "application/octet-stream"
_SHOWN: Final = frozenset({"image", "video", "audio"})

#: The name that WhatsApp has for a type of which there are several.
_SAME: Final = {
    "application/ogg": "audio/ogg",
    "audio/3gpp": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/mp3": "audio/mpeg",
    "audio/opus": "audio/ogg",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-aac": "audio/aac",
    "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/mp4",
    "audio/x-wav": "audio/wav",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-ms-bmp": "image/bmp",
    "image/x-png": "image/png",
    "video/ogg": "audio/ogg",
    "video/x-matroska": "video/webm",
}
#: Containers for pictures that move as for sound alone: what it was said to be decides.
_EITHER: Final = {
    "video/3gpp": "audio/mp4",
    "video/mp4": "audio/mp4",
    "video/webm": "audio/webm",
}
#: The brand in the first box of an ISO media file.
_BRANDS: Final = {
    b"avi": "image/avif",
    b"hei": "image/heic",
    b"hev": "image/heic",
    b"mif": "image/heic",
    b"msf": "image/heic",
    b"M4A": "audio/mp4",
    b"M4B": "audio/mp4",
    b"F4A": "audio/mp4",
    b"qt ": "video/quicktime",
    b"3gp": "video/3gpp",
    b"3g2": "video/3gpp",
}
#: Where neither the content nor anybody says more.
_BY_SUFFIX: Final = {
    "aac": "audio/aac",
    "amr": "audio/amr",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "txt": "text/plain",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}


def content_type(head: bytes, *, told: str, kind: str | None, name: str) -> str:
    """The mime type, without parameters.

    `told` is the type that the file came with, `kind` what Chatwoot calls it (``audio``), `name`
    its name.
    """
    said = told.partition(";")[0].strip().lower()
    said = _SAME.get(said, said)
    found = _found(head)
    family = found.partition("/")[0]
    if family in _SHOWN:
        is_sound = said.startswith("audio/") or (kind == "audio" and not said.startswith("video/"))
        return _EITHER.get(found, found) if is_sound else found
    if said.startswith("audio/") and not found:
        return said  # some sound has no mark at its beginning (MP3)
    if said.partition("/")[0] in _SHOWN:
        return found or UNKNOWN
    if said and said != UNKNOWN:
        return said
    named = _BY_SUFFIX.get(name.rpartition(".")[2].lower(), "")
    if found and named.partition("/")[0] in _SHOWN:  # it would have been recognised
        return found
    return named or found or UNKNOWN


def _found(head: bytes) -> str:
    """By the content; empty when that says nothing."""
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:11], "video/mp4")
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return ""
    for match in matches:
        mime = str(_SAME.get(match.mime_type, match.mime_type))
        if match.extension == ".amr":
            return "audio/amr"
        if mime:
            return mime
    return ""


def opus_channels(head: bytes) -> int:
    """How many channels an Ogg file with Opus has; 0 for any other file.

    An Ogg file may hold other sound (Vorbis), which phones do not play as a voice note.
    """
    place = head.find(b"OpusHead")
    if not head.startswith(b"OggS") or not 0 < place < len(head) - 9:
        return 0
    return head[place + 9]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sticker:
    animated: bool


_SIDE: Final = 512


def sticker(head: bytes) -> Sticker | None:
    """A WebP of 512 by 512 pixels is one; of any other size WhatsApp shows none."""
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    animated = False
    try:
        match head[12:16]:
            case b"VP8X":
                flags, size = head[20], head[24:30]
                animated = bool(flags & 2)
                width = 1 + int.from_bytes(size[:3], "little")
                height = 1 + int.from_bytes(size[3:], "little")
            case b"VP8L":
                (bits,) = struct.unpack_from("<I", head, 21)
                width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
            case _:
                width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", head, 26))
    except (struct.error, IndexError):
        return None
    return Sticker(animated=animated) if (width, height) == (_SIDE, _SIDE) else None
