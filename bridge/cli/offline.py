"""The database of a service that does not run, or runs beside us: read, never written."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from bridge.errors import SetupError

T = TypeVar("T")


class _Connection(sqlite3.Connection):
    """With room for attributes, as `store.session` needs it."""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The database for reading only. Raises `SetupError` when it cannot be read.

    Without a write-ahead log nobody works with it, and it is opened as immutable: SQLite would
    otherwise leave files behind that belong to whoever called us, and the service could not write.
    """
    if not path.exists():
        raise SetupError(
            f"There is no database {path}.",
            advice="Check storage.data_dir; the database is made when `ponte serve` first runs.",
        )
    is_idle = not path.with_name(f"{path.name}-wal").exists()
    uri = f"file:{quote(str(path.absolute()))}?mode=ro{'&immutable=1' if is_idle else ''}"
    try:
        db = sqlite3.connect(
            uri,
            uri=True,
            factory=_Connection,
            isolation_level=None,
            timeout=5,
            check_same_thread=False,
        )
        try:
            db.row_factory = sqlite3.Row
            yield db
        finally:
            db.close()
    except sqlite3.Error as error:
        raise SetupError(f"The database {path} cannot be read: {error}.") from error


@dataclass(frozen=True, slots=True)
class Offline:
    """A database that is open for reading, where `relay.trace` wants a store."""

    db: sqlite3.Connection

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.to_thread(work, self.db)
