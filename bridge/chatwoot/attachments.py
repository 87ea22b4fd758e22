"""Names and addresses of the files that go to Chatwoot and come from it. Pure but for `opened`.

Chatwoot tells neither name nor mime type of an attachment: the name is the last part of its URL
(chatwoot-api.md 3.4). Names are hostile on both ways: they come from customers and from agents.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from bridge.errors import PeerRefused

#: Bytes of UTF-8; file systems stop at 255.
_LONGEST_NAME = 180
_LONGEST_SUFFIX = 10
_STORAGE = "/rails/active_storage/"
_RESERVED = re.compile(r'[<>:"|?*]')
_MIME = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_UNKNOWN_MIME = "application/octet-stream"

#: Our own table, since the system's differs from host to host.
_SUFFIXES = {
    "application/json": ".json",
    "application/msword": ".doc",
    "application/pdf": ".pdf",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/was": ".was",
    "application/zip": ".zip",
    "audio/aac": ".aac",
    "audio/amr": ".amr",
    "audio/mp4": ".m4a",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "audio/webm": ".webm",
    "image/bmp": ".bmp",
    "image/gif": ".gif",
    "image/heic": ".heic",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "text/csv": ".csv",
    "text/plain": ".txt",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "video/3gpp": ".3gp",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
}
#: Suffixes that say something of a file which turned out to be another.
_REPLACED = frozenset({*_SUFFIXES.values(), ".jpeg", ".jfif", ".oga", ".opus"})


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file in the spool that goes to Chatwoot. Chatwoot tells its kind by `mime` alone (1.8)."""

    path: Path
    filename: str
    mime: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A small file that goes to Chatwoot and is never on disk (a QR code, a profile picture)."""

    data: bytes = field(repr=False)
    filename: str
    mime: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file being read; `filename` and `mime` are safe as parts of a multipart header."""

    stream: BinaryIO
    filename: str
    mime: str
    size: int


def filename(data_url: str) -> str:
    """Tell the file name in an attachment's URL, harmless as a name on disk and on WhatsApp."""
    path = data_url.partition("#")[0].partition("?")[0]
    return safe_name(unquote(path.rpartition("/")[2]))


def safe_name(name: str) -> str:
    """Make any string a file name: one path part, printable, at most 180 bytes, not empty.

    Direction marks go too: they make ``exe.gpj`` look like a picture. The suffix survives the cut.
    """
    last = re.split(r"[/\\]", name)[-1]
    visible = "".join(mark for mark in unicodedata.normalize("NFC", last) if mark.isprintable())
    clean = _RESERVED.sub("_", visible).lstrip(". ").rstrip(". ")
    if len(clean.encode()) > _LONGEST_NAME:
        stem, dot, suffix = clean.rpartition(".")
        kept = f".{suffix}" if dot and stem and len(suffix.encode()) <= _LONGEST_SUFFIX else ""
        room = _LONGEST_NAME - len(kept.encode())
        clean = clean.encode()[:room].decode("utf-8", "ignore").rstrip(". ") + kept
    return clean or "file"


def upload_name(name: str | None, mime: str) -> str:
    """Name a file for Chatwoot; one without a suffix gets that of its mime type."""
    clean = safe_name(name or "")
    suffix = _SUFFIXES.get(bare_mime(mime), "")
    return clean if re.search(r"\.\w{1,10}\Z", clean) else clean + suffix


def file_name(name: str, mime: str, *, told: bool) -> str:
    """Name a file that goes to Chatwoot.

    When its type was found to be another than its sender `told`, a suffix of some other type goes.
    """
    clean = safe_name(name)
    suffix = _SUFFIXES.get(bare_mime(mime))
    stem, dot, last = clean.rpartition(".")
    if told or suffix is None or not stem or dot + last.lower() not in _REPLACED:
        return upload_name(clean, mime)
    return stem + suffix


def bare_mime(mime: str) -> str:
    """Cut parameters off (``audio/ogg; codecs=opus``); what is no mime type counts as unknown."""
    bare = mime.partition(";")[0].strip().lower()
    return bare if _MIME.fullmatch(bare) else _UNKNOWN_MIME


def rewrite(data_url: str, base_url: str) -> str:
    """Point a file of Chatwoot's own storage at the Chatwoot that we are configured for.

    For installations whose FRONTEND_URL is a name that only they can resolve (3.4). Any other
    URL comes back as it is, also one that would climb out of the storage.
    """
    address, base = _split(data_url), _split(base_url)
    if address is None or base is None or not base.netloc:
        return data_url
    prefix = base.path.rstrip("/")
    path = address.path.removeprefix(prefix) if prefix else address.path
    if not path.startswith(_STORAGE) or ".." in unquote(path).replace("\\", "/").split("/"):
        return data_url
    return urlunsplit((base.scheme, base.netloc, prefix + path, address.query, ""))


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


@asynccontextmanager
async def opened(files: Sequence[File | Held]) -> AsyncIterator[tuple[Opened, ...]]:
    """Open files for streaming, off the event loop, and close them.

    Raises `PeerRefused` when one is not there any more: nothing has been sent then.
    """
    with ExitStack() as stack:
        yield tuple([await asyncio.to_thread(_open, file, stack) for file in files])


def _open(file: File | Held, stack: ExitStack) -> Opened:
    stream: BinaryIO
    if isinstance(file, Held):
        stream, size = io.BytesIO(file.data), len(file.data)
    else:
        try:
            stream = stack.enter_context(file.path.open("rb"))
        except OSError as error:
            raise PeerRefused(
                "A file that was to be sent can no longer be read.", code="chatwoot.no_file"
            ) from error
        size = os.fstat(stream.fileno()).st_size
    return Opened(
        stream=stream,
        filename=upload_name(file.filename, file.mime),
        mime=bare_mime(file.mime),
        size=size,
    )
