"""Kinds of files: what an input allows, and which ending a kind has (typebot-api.md 1.6)."""

from __future__ import annotations

import mimetypes
from typing import Any

#: The table of the language alone: what the machine adds would make flows depend on it.
_TYPES = mimetypes.MimeTypes()
_MORE = {
    "webp": "image/webp",
    "avif": "image/avif",
    "heic": "image/heic",
    "heif": "image/heif",
    "opus": "audio/ogg",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "m4a": "audio/mp4",
    "3gp": "video/3gpp",
    "mkv": "video/x-matroska",
}
_ENDINGS = {"image/jpeg": "jpeg", "audio/ogg": "ogg", "text/plain": "txt", "audio/mpeg": "mp3"}


def allowed_types(options: dict[str, Any]) -> list[str] | None:
    """The list of a file input; None: everything."""
    allowed = options.get("allowedFileTypes") or {}
    types = allowed.get("types") or []
    return list(types) if allowed.get("isEnabled") and types else None


def ending(name: str) -> str:
    """Whatever follows the last dot, without case."""
    _, dot, last = name.rpartition(".")
    return last.lower() if dot else ""


def mime_of(end: str) -> str | None:
    if end in _MORE:
        return _MORE[end]
    return _TYPES.guess_type(f"x.{end}", strict=False)[0]


def fits_ending(end: str, allowed: list[str]) -> bool:
    """Say whether a name with this ending may be sent; `.jpg` and `.jpeg` are one."""
    alike = {"jpg", "jpeg"} if end in ("jpg", "jpeg") else {end}
    kind = mime_of(end)
    return any(
        entry.lower().lstrip(".") in alike or (kind is not None and _fits_kind(kind, entry))
        for entry in allowed
    )


def fits_mime(mime: str, allowed: list[str]) -> bool:
    """Say whether a file of this kind may be uploaded."""
    return any(
        _fits_kind(mime, entry) or mime_of(entry.lower().lstrip(".")) == mime for entry in allowed
    )


def _fits_kind(mime: str, entry: str) -> bool:
    if entry.endswith("/*"):
        return mime.startswith(entry[:-1])
    return mime == entry


def ending_for(mime: str | None, name: str) -> str:
    """The ending of a stored file: that of its kind, else that of its name."""
    if mime in _ENDINGS:
        return _ENDINGS[mime]
    guessed = _TYPES.guess_extension(mime, strict=False) if mime else None
    return guessed.lstrip(".") if guessed else ending(name) or "bin"
