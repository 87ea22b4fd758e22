"""Received files: the worker downloads and decrypts them, and here they get their names."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import stat
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final, Protocol

from bridge.core.content import Media
from bridge.errors import PeerDown, PeerGone, Scope, TooBig
from bridge.whatsapp.channel import Fetched
from bridge.whatsapp.shapes import word
from bridge.whatsapp.web.wire import Gone

FETCH_SECONDS: Final = 180.0
#: Workers that a file may end before it is given up, and files of which that is remembered.
MOST_ENDED: Final = 3
MOST_NOTED: Final = 1000


class Ask(Protocol):
    async def __call__(
        self, op: str, args: Mapping[str, Any], *, seconds: float
    ) -> dict[str, Any]: ...


class Files:
    """The received files of one number."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        #: During how many downloads of each file a worker ended, the last files.
        self._ended: OrderedDict[Path, int] = OrderedDict()
        #: Those are fetched one by one, so that an innocent one is not given up with a guilty one.
        self._suspects = asyncio.Lock()

    async def fetch(self, media: Media, into: Path, *, limit: int) -> Fetched:
        """Download to the path `into`; see `Channel.fetch`.

        A file that ends worker after worker is given up: it may be far longer than its sender says.
        """
        if media.size is not None and media.size > limit:
            raise TooBig(f"A file of WhatsApp is larger than {limit} bytes.")
        part = into.with_name(f".{into.name}.part")
        args = {"message": _handle(media), "path": str(part), "limit": limit}
        try:
            async with self._suspects if into in self._ended else nullcontext():
                answer = await self._ask("download", args, seconds=FETCH_SECONDS)
            size = await asyncio.to_thread(_put, part, into, limit)
        except BaseException as error:
            await asyncio.to_thread(part.unlink, missing_ok=True)
            if isinstance(error.__cause__, Gone) and error.__cause__.reached:
                self._note_end(into)
            raise
        self._ended.pop(into, None)
        return Fetched(
            path=into,
            size=size,
            mime=word(answer.get("mime"), 100) or media.mime,
            sha256=word(answer.get("sha256"), 64) or media.sha256 or "",
        )

    def _note_end(self, into: Path) -> None:
        """Raises `PeerGone` when it was one too many."""
        ended = self._ended.pop(into, 0) + 1
        if ended >= MOST_ENDED:
            raise PeerGone(
                "This file cannot be fetched: each attempt ended the connection.",
                code="whatsapp.media_gone",
            )
        self._ended[into] = ended
        if len(self._ended) > MOST_NOTED:
            self._ended.popitem(last=False)


def _handle(media: Media) -> dict[str, Any]:
    try:
        handle = json.loads(media.handle)
    except ValueError:
        handle = None
    if not isinstance(handle, dict):
        raise PeerGone("This is no file of WhatsApp Web.", code="whatsapp.media_gone")
    return handle


def _put(part: Path, into: Path, limit: int) -> int:
    """Give a complete file its name; the worker's word for its size is not enough."""
    try:
        size = _length(part)
        if size > limit:
            raise TooBig(f"A file of WhatsApp is larger than {limit} bytes.")
        part.replace(into)
    except OSError as error:
        raise PeerDown(
            f"A file cannot be written to the spool ({error.strerror or 'input/output error'}).",
            code="spool.failed",
            advice="Check the free space and the rights of data_dir.",
            scope=Scope.ONE,
        ) from error
    return size


def _length(part: Path) -> int:
    """Raises `OSError`, also for a link: we would give away what it leads to."""
    told = part.lstat()
    if not stat.S_ISREG(told.st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return told.st_size
