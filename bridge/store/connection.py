"""A connection to the database that lives in a thread of its own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import aiosqlite

T = TypeVar("T")

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-8000",
    "PRAGMA wal_autocheckpoint=2000",
)


class Raw(sqlite3.Connection):
    """The driver's connection, on which only the writer ends transactions.

    SQLModel's session shares it for the tables of configuration and must not commit or roll back
    the units of others.
    """

    def commit(self) -> None: ...

    def rollback(self) -> None: ...


class Threaded(aiosqlite.Connection):
    """aiosqlite runs one statement per trip to its thread; this runs a whole function there."""

    stopped: asyncio.Future[None] | None = None

    def stop(self) -> asyncio.Future[None] | None:
        self.stopped = super().stop()
        return self.stopped

    async def call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        result: T = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]
        return result


async def connect(path: Path, *, reads_only: bool) -> Threaded:
    """Open an existing database; a missing one is an error, not a new one."""

    def connector() -> sqlite3.Connection:
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            factory=Raw,
            cached_statements=256,
            timeout=5,
        )
        try:
            for pragma in PRAGMAS:
                db.execute(pragma)
            if reads_only:
                db.execute("PRAGMA query_only=ON")
        except sqlite3.Error:
            db.close()
            raise
        db.row_factory = sqlite3.Row
        return db

    connection = Threaded(connector, iter_chunk_size=64)
    try:
        _ = await connection
    except BaseException:
        if connection.stopped is not None:
            await connection.stopped  # its thread must not outlive the loop that it answers to
        raise
    return connection


def in_snapshot(db: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Run `work` so that all its statements see the same state."""
    db.execute("BEGIN")
    try:
        return work(db)
    finally:
        if db.in_transaction:
            db.execute("COMMIT")
