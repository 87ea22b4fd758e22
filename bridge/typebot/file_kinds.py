"""Which files a file input takes (typebot-api.md 3, 1.6), and how its limits are told. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from bridge.core.flow import FileRef
from bridge.locale import say
from bridge.typebot.fields import rows, table, text

_WHOLE: Final[Mapping[str, str]] = MappingProxyType(
    {"image/*": "ask.images", "video/*": "ask.videos", "audio/*": "ask.sounds"}
)
#: Endings of what people send over WhatsApp; the first is the usual one. ``jpg`` and ``jpeg`` are
#: alike for Typebot too (1.6).
_ENDINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "image/jpeg": ("jpg", "jpeg"),
        "image/png": ("png",),
        "image/webp": ("webp",),
        "image/gif": ("gif",),
        "image/heic": ("heic",),
        "video/mp4": ("mp4",),
        "video/3gpp": ("3gp",),
        "video/quicktime": ("mov",),
        "audio/ogg": ("ogg", "oga", "opus"),
        "audio/mpeg": ("mp3",),
        "audio/mp4": ("m4a",),
        "audio/aac": ("aac",),
        "audio/amr": ("amr",),
        "audio/wav": ("wav",),
        "application/pdf": ("pdf",),
        "application/zip": ("zip",),
        "application/json": ("json",),
        "application/xml": ("xml",),
        "application/rtf": ("rtf",),
        "application/msword": ("doc",),
        "application/vnd.ms-excel": ("xls",),
        "application/vnd.ms-powerpoint": ("ppt",),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("docx",),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ("xlsx",),
        "application/vnd.openxmlformats-officedocument.presentationml.presentation": ("pptx",),
        "text/plain": ("txt",),
        "text/csv": ("csv",),
        "text/html": ("html", "htm"),
    }
)


def limits(asked: Mapping[str, Any]) -> tuple[str, ...]:
    """The types that a file input allows, as they are written in it; empty: all."""
    allowed = table(table(asked.get("options")).get("allowedFileTypes"))
    if allowed.get("isEnabled") is not True:
        return ()
    found = (text(one) for one in rows(allowed.get("types")))
    return tuple(one.strip().lower() for one in found if one and one.strip())


def allowed(file: FileRef, types: tuple[str, ...]) -> bool:
    """Whether a file is of one of these types, by what it is or by the ending of its name."""
    mime = file.mime.partition(";")[0].strip().lower()
    endings = set(_ENDINGS.get(mime, ()))
    name = (file.name or "").lower()
    if "." in name:
        ending = name.rpartition(".")[2]
        endings |= {"jpg", "jpeg"} if ending in ("jpg", "jpeg") else {ending}
    return not types or any(_is(mime, endings, one) for one in types)


def _is(mime: str, endings: set[str], type_: str) -> bool:
    if type_ in ("*", "*/*"):
        return True
    if type_.endswith("/*"):
        return mime.startswith(type_[:-1])
    if "/" in type_:
        return mime == type_ or not endings.isdisjoint(_ENDINGS.get(type_, ()))
    return type_.lstrip(".") in endings


def told(types: tuple[str, ...], language: str) -> str:
    """Types in people's words: "imagens, PDF"."""
    return ", ".join(dict.fromkeys(_told(one, language) for one in types))


def _told(type_: str, language: str) -> str:
    if type_ in _WHOLE:
        return say(language, _WHOLE[type_])
    endings = _ENDINGS.get(type_)
    return endings[0].upper() if endings else type_.lstrip(".").upper()
