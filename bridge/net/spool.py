"""A file that is being downloaded: written in threads, visible only when complete."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bridge.errors import PeerDown, Scope

__all__ = ("PIECE", "Downloaded", "Spool")

#: Bytes gathered in memory before a thread writes them: a small file needs one hop only.
PIECE = 512 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """A complete file. `mime` is the peer's word, without parameters; `sha256` is hex."""

    path: Path
    size: int
    mime: str
    sha256: str


class Spool:
    """Gathers a file under a temporary name in the directory where it will stand.

    Leaving the context by an exception removes everything, also when the task is cancelled
    while a thread still writes: a lock makes the removal come last. Our own disk's failures
    are `PeerDown` with the code ``spool.failed``: nothing was done, a retry may help.
    """

    def __init__(self, into: Path) -> None:
        self._into = into
        self._temporary: Path | None = None
        self._file = -1
        self._hash = hashlib.sha256()
        self._size = 0
        self._ended = False
        self._lock = threading.Lock()

    @classmethod
    @asynccontextmanager
    async def beside(cls, into: Path) -> AsyncIterator[Self]:
        spool = cls(into)
        try:
            yield spool
        except BaseException:
            await asyncio.to_thread(spool._discard)
            raise

    async def write(self, pieces: list[bytes]) -> None:
        await asyncio.to_thread(self._write, pieces)

    async def finish(self, pieces: list[bytes], *, mime: str) -> Downloaded:
        """Write the last pieces and give the file its name."""
        return await asyncio.to_thread(self._finish, pieces, mime)

    def _write(self, pieces: list[bytes]) -> None:
        with self._lock, _disk():
            self._append(pieces)

    def _append(self, pieces: list[bytes]) -> None:
        if self._ended:
            return
        if self._temporary is None:
            self._file, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=self._into.parent)
            self._temporary = Path(name)
        for piece in pieces:
            self._hash.update(piece)
            self._size += len(piece)
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(self._file, rest) :]

    def _finish(self, pieces: list[bytes], mime: str) -> Downloaded:
        with self._lock, _disk():
            self._append(pieces)
            if self._temporary is None or self._ended:
                raise OSError("the spool was abandoned")
            os.close(self._file)
            self._file = -1
            self._temporary.replace(self._into)
            self._ended = True
        return Downloaded(
            path=self._into, size=self._size, mime=mime, sha256=self._hash.hexdigest()
        )

    def _discard(self) -> None:
        with self._lock, suppress(OSError):
            if self._ended:  # a thread finished the file after its task was cancelled
                self._into.unlink(missing_ok=True)
            self._ended = True
            if self._temporary is not None:
                self._temporary.unlink(missing_ok=True)
            if self._file >= 0:
                os.close(self._file)


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PeerDown(
            f"A file cannot be written to the spool ({error.strerror or 'input/output error'}).",
            code="spool.failed",
            advice="Check the free space and the rights of data_dir.",
            scope=Scope.ONE,
        ) from error
