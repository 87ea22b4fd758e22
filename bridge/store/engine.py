"""One SQLite database, one writer, a few readers.

Every write is a *unit*: a plain function that gets the raw connection and runs in the writer's
thread, inside a savepoint of its own. Units that arrive together share one transaction and one
commit, so a hundred concurrent webhooks cost one `fsync`. A unit that raises is rolled back
alone; the others are kept. Nothing is acknowledged before its commit.

Statements are short: no unit may wait for the network, and a batch is cut after `BATCH_SECONDS`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import structlog

from bridge.errors import SetupError, Unavailable
from bridge.store.connection import Threaded, connect, in_snapshot
from bridge.store.queries.tally import add as add_tally

T = TypeVar("T")

#: After so long a batch stops taking further units: no write transaction lasts over 50 ms.
BATCH_SECONDS = 0.025

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Unit:
    """What a unit of work may touch."""

    db: sqlite3.Connection
    #: Called in the event loop right after the commit, in order.
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    #: (road, outcome, cause) -> how many more; written once per batch.
    tally: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def count(self, road: str, outcome: str, cause: str = "") -> None:
        key = (road, outcome, cause)
        self.tally[key] = self.tally.get(key, 0) + 1


@dataclass(slots=True)
class _Pending(Generic[T]):
    work: Callable[[Unit], T]
    durable: bool
    done: asyncio.Future[T]
    error: BaseException | None = None
    result: T | None = None
    unit: Unit | None = None


class Store:
    """Open with `await Store.open(path)`, close with `await store.close()`."""

    def __init__(self, path: Path, writer: Threaded, readers: list[Threaded]) -> None:
        self.path = path
        self._writer = writer
        self._readers = readers
        self._next_reader = 0
        self._pending: list[_Pending[Any]] = []
        self._wake = asyncio.Event()
        self._synchronous = ""
        self._closing = False
        self._uncommitted: dict[tuple[str, str, str], int] = {}
        self._flush: asyncio.TimerHandle | None = None
        self._committer = asyncio.ensure_future(self._commit_forever())

    @classmethod
    async def open(cls, path: Path, *, readers: int = 1) -> Self:
        """Open an existing, migrated database (see `store.schema.prepare`)."""
        opened: list[Threaded] = []
        try:
            for number in range(1 + readers):
                connection = await connect(path, reads_only=number > 0)
                opened.append(connection)
        except sqlite3.Error as error:
            for connection in opened:
                await connection.close()
            raise SetupError(f"The database {path} cannot be opened: {error}.") from error
        return cls(path, opened[0], opened[1:])

    async def close(self) -> None:
        """Finish what was handed in, then close every connection."""
        self._closing = True
        self._wake.set()
        await self._committer
        for connection in (self._writer, *self._readers):
            await connection.close()

    async def write(self, work: Callable[[Unit], T], *, durable: bool = False) -> T:
        """Run `work` in a savepoint of the next shared transaction; return after the commit.

        `durable` makes the commit survive a loss of power (`synchronous=FULL`), not only the death
        of the process. Raises what `work` raised, or `Unavailable` when the commit failed: then
        nothing of it is stored. When the caller is cancelled the unit may still be committed.
        """
        if self._closing:
            raise Unavailable("The service is shutting down.")
        pending = _Pending(
            work=work, durable=durable, done=asyncio.get_running_loop().create_future()
        )
        self._pending.append(pending)
        self._wake.set()
        result: T = await pending.done
        return result

    def count(self, road: str, outcome: str, cause: str = "") -> None:
        """Count something that needs no commit of its own: with the next one, within a second."""
        self._count((road, outcome, cause), 1)

    def _count(self, key: tuple[str, str, str], n: int) -> None:
        self._uncommitted[key] = self._uncommitted.get(key, 0) + n
        if self._flush is None and not self._closing:
            self._flush = asyncio.get_running_loop().call_later(1, self._wake.set)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on a reading connection; it sees everything committed before the call.

        All its statements see the same state. Raises `Unavailable` when the database cannot be
        read.
        """
        if self._closing:
            raise Unavailable("The service is shutting down.")
        reader = self._readers[self._next_reader]
        self._next_reader = (self._next_reader + 1) % len(self._readers)
        try:
            return await reader.call(lambda db: in_snapshot(db, work))
        except sqlite3.OperationalError as error:
            log.exception("store.read_failed")
            raise Unavailable(
                f"The database cannot be read: {error}.", code="store.read"
            ) from error

    async def _commit_forever(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                works = True
                while self._pending or (self._uncommitted and works):
                    batch, self._pending = self._pending, []
                    works = await self._commit(batch)
                if self._closing:
                    return
        finally:  # whatever ended it, nobody waits for ever
            self._closing = True
            _refuse(self._pending, RuntimeError("the writer has stopped"))

    async def _commit(self, batch: list[_Pending[Any]]) -> bool:
        counted, self._uncommitted = self._uncommitted, {}
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        try:
            taken = await self._writer.call(lambda db: self._run(db, batch, dict(counted)))
        except Exception as error:  # told to every caller; the writer lives on
            _refuse(batch, error)
            for key, n in counted.items():
                self._count(key, n)
            log.exception("store.commit_failed", units=len(batch), error=str(error))
            return False
        self._pending[:0] = batch[taken:]
        for pending in batch[:taken]:
            if pending.unit is not None:
                _call_back(pending.unit)
            if pending.done.done():  # the caller was cancelled
                continue
            if pending.error is not None:
                pending.done.set_exception(pending.error)
            else:
                pending.done.set_result(pending.result)
        return True

    def _run(
        self,
        db: sqlite3.Connection,
        batch: list[_Pending[Any]],
        tally: dict[tuple[str, str, str], int],
    ) -> int:
        """In the writer's thread: run the units of one transaction; returns how many were taken."""
        self._set_synchronous(db, "FULL" if any(p.durable for p in batch) else "NORMAL")
        until = time.monotonic() + BATCH_SECONDS
        taken = 0
        db.execute("BEGIN IMMEDIATE")
        try:
            for pending in batch:
                self._run_unit(db, pending)
                taken += 1
                if pending.unit is not None:
                    for key, n in pending.unit.tally.items():
                        tally[key] = tally.get(key, 0) + n
                if time.monotonic() > until:
                    break
            if tally:
                add_tally(db, tally)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return taken

    @staticmethod
    def _run_unit(db: sqlite3.Connection, pending: _Pending[Any]) -> None:
        unit = Unit(db=db)
        db.execute("SAVEPOINT unit")
        try:
            pending.result = pending.work(unit)
        except Exception as error:  # it is the caller's: handed over in `write`
            if not db.in_transaction:  # SQLite gave up the transaction: nobody's unit is kept
                raise
            pending.error = _handed_over(error)
            db.execute("ROLLBACK TO unit")
        else:
            pending.unit = unit
        db.execute("RELEASE unit")

    def _set_synchronous(self, db: sqlite3.Connection, wanted: str) -> None:
        if self._synchronous != wanted:
            db.execute(f"PRAGMA synchronous={wanted}")
            self._synchronous = wanted


def _handed_over(error: Exception) -> Exception:
    """What the caller of a failed unit gets."""
    if isinstance(error, sqlite3.OperationalError):  # disk full, read-only, locked
        log.error("store.write_failed", error=str(error), exc_info=error)
        return _cannot_write(error)
    if isinstance(error, StopIteration):  # no future takes it
        return RuntimeError(f"A unit of work raised {error!r}.")
    return error


def _refuse(batch: list[_Pending[Any]], error: Exception) -> None:
    for pending in batch:
        if not pending.done.done():
            pending.done.set_exception(_cannot_write(error))


def _cannot_write(error: Exception) -> Unavailable:
    refusal = Unavailable(f"The database cannot be written: {error}.", code="store.write")
    refusal.__cause__ = error
    return refusal


def _call_back(unit: Unit) -> None:
    """Tell everybody; what one of them makes of it is not the others' fault."""
    for callback in unit.after_commit:
        try:
            callback()
        except Exception:
            log.exception("store.callback_crashed")
