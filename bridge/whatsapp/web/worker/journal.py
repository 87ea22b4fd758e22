"""What must outlive the worker: sends, and events that Ponte has not kept yet.

One connection behind a lock, because events are written by the engine's thread. Each write is on
disk when the call returns (WAL, synchronous=FULL), except those of events: they outlive this
process, and many of them go to the disk together (`sync`). The engine has acknowledged what waits
for this journal, so it must not wait for a disk each time.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias

from bridge.whatsapp.web.worker.failures import Failure

#: `begun`: on its way or lost with a worker. `not_sent` is certain, so it may be tried again.
State: TypeAlias = Literal["begun", "sent", "not_sent", "unknown"]

#: Sends are remembered this long, and no more than this many.
KEPT_MS: Final = 48 * 3600 * 1000
KEPT_SENDS: Final = 100_000
#: Beyond this, no more events are taken until Ponte has kept some.
WAITING_EVENTS: Final = 200_000
WAITING_BYTES: Final = 2**30
#: Characters of events that are read at once, but for the last one.
_READ_BYTES: Final = 4 * 2**20
#: Answers as young as this, counted from the last send, may have been on their way to Ponte.
_FRESH_MS: Final = 15 * 60 * 1000
_FRESHEST: Final = 1000

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sends (
    key TEXT PRIMARY KEY, secret BLOB NOT NULL, begun_ms INTEGER NOT NULL, boot TEXT NOT NULL,
    state TEXT NOT NULL, message TEXT, at_ms INTEGER, result TEXT,
    settled INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sends_begun ON sends (begun_ms);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_SEND: Final = "key, secret, begun_ms, boot, state, message, at_ms, result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    key: str
    #: What finds it again in the engine's own store.
    secret: bytes
    begun_ms: int
    #: The run of the machine that it was begun in.
    boot: str
    state: State
    #: WhatsApp's id of the message.
    message: str | None
    at_ms: int | None
    result: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An event that waits for its acknowledgement."""

    seq: int
    event: str
    data: dict[str, Any]


class Journal:
    def __init__(self, base: sqlite3.Connection, *, now_ms: int, events: int, size: int) -> None:
        self._base = base
        self._lock = threading.Lock()
        self._limits = (events, size)
        base.executescript(_TABLES)
        with self._writing():
            base.execute("INSERT OR IGNORE INTO meta VALUES ('created_at', ?)", (now_ms,))
            base.execute("INSERT OR IGNORE INTO meta VALUES ('forgotten_at', 0)")
            base.execute("INSERT OR IGNORE INTO meta VALUES ('syncs', 0)")
        #: The last event that is in here, and the last that is on the disk as well.
        self._last = self._safe = int(self._one("SELECT coalesce(max(seq), 0) FROM events")[0])
        count, length = self._one("SELECT count(*), coalesce(sum(length(data)), 0) FROM events")
        self._count, self._length = int(count), int(length)

    @classmethod
    def open(
        cls, path: Path, *, now_ms: int, events: int = WAITING_EVENTS, size: int = WAITING_BYTES
    ) -> Self:
        """Raises `Failure`."""
        try:
            base = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
            base.execute("PRAGMA journal_mode=WAL")
            base.execute("PRAGMA synchronous=FULL")
            base.execute("PRAGMA journal_size_limit=16777216")
            return cls(base, now_ms=now_ms, events=events, size=size)
        except sqlite3.Error as error:
            raise Failure("broken", f"the journal cannot be used: {error}") from error

    def close(self) -> None:
        self._base.close()

    # Events

    @property
    def full(self) -> bool:
        events, size = self._limits
        return self._count >= events or self._length >= size

    @property
    def relieved(self) -> bool:
        """Half of what may wait is free again."""
        events, size = self._limits
        return self._count <= events // 2 and self._length <= size // 2

    @property
    def waiting(self) -> int:
        return self._count

    def append(self, event: str, data: dict[str, Any]) -> int:
        """Its number. It outlives this process when this returns, the machine after `sync`.

        Raises `sqlite3.Error` when it cannot be written.
        """
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        text = text.encode("utf-8", "replace").decode()
        with self._lock:
            with self._unsynced():
                added = self._base.execute(
                    "INSERT INTO events (event, data) VALUES (?, ?)", (event, text)
                )
            self._count += 1
            self._length += len(text)
            self._last = int(added.lastrowid or 0)
            return self._last

    def sync(self) -> None:
        """Have all events on disk: a commit takes along what was written before it."""
        with self._lock:
            if self._last > self._safe:
                self._base.execute("UPDATE meta SET value = value + 1 WHERE name = 'syncs'")
                self._safe = self._last

    def after(self, seq: int, limit: int) -> list[Kept]:
        """The next ones that are on disk, in order; not so many where they are long."""
        rows, length = [], 0
        with self._lock:
            for row in self._base.execute(
                "SELECT seq, event, data FROM events WHERE seq > ? AND seq <= ? "
                "ORDER BY seq LIMIT ?",
                (seq, self._safe, limit),
            ):
                rows.append(row)
                length += len(row[2])
                if length >= _READ_BYTES:
                    break
        return [Kept(seq=seq, event=event, data=json.loads(data)) for seq, event, data in rows]

    def acknowledge(self, seq: int) -> None:
        """Ponte has it and all before it. Lost with the power, it is told once more."""
        with self._lock:
            count, length = self._base.execute(
                "SELECT count(*), coalesce(sum(length(data)), 0) FROM events WHERE seq <= ?",
                (seq,),
            ).fetchone()
            with self._unsynced():
                self._base.execute("DELETE FROM events WHERE seq <= ?", (seq,))
            self._count -= count
            self._length -= length

    # Sends

    def begin(self, key: str, secret: bytes, *, now_ms: int, boot: str) -> Send | None:
        """None: it is new (or was certainly not sent) and may go. Else what is known of it."""
        with self._writing():
            known = self._read("key = ?", (key,))
            if known and known[0].state != "not_sent":
                return known[0]
            self._base.execute(
                "INSERT OR REPLACE INTO sends (key, secret, begun_ms, boot, state) "
                "VALUES (?, ?, ?, ?, 'begun')",
                (key, secret, now_ms, boot),
            )
            return None

    def finish(
        self,
        key: str,
        state: State,
        *,
        message: str | None = None,
        at_ms: int | None = None,
        result: dict[str, Any] | None = None,
    ) -> None:
        with self._lock:
            self._base.execute(
                "UPDATE sends SET state = ?, message = ?, at_ms = ?, result = ? WHERE key = ?",
                (state, message, at_ms, None if result is None else json.dumps(result), key),
            )

    def sent(self, key: str) -> Send | None:
        with self._lock:
            return next(iter(self._read("key = ?", (key,))), None)

    def unanswered(self) -> list[Send]:
        """Those that a worker left behind on their way."""
        with self._lock:
            return self._read("state = 'begun' ORDER BY begun_ms")

    def unheard(self) -> list[Send]:
        """Those whose answer Ponte may have missed: the last ones of before."""
        with self._lock:
            return self._read(
                "state = 'sent' AND settled = 0 AND begun_ms >= "
                "(SELECT max(begun_ms) FROM sends) - ? ORDER BY begun_ms DESC LIMIT ?",
                (_FRESH_MS, _FRESHEST),
            )[::-1]

    def unsure(self) -> dict[str, str]:
        """Our key of each message that is in WhatsApp's hands for all that is known: id -> key."""
        rows = self._all(
            "SELECT message, key FROM sends WHERE state = 'unknown' AND message IS NOT NULL"
        )
        return dict(rows)

    def settle(self, fates: Iterable[tuple[Send, State, dict[str, Any]]]) -> None:
        """Write down what became of these and tell of it as events, all or nothing."""
        with self._writing():
            for send, state, told in fates:
                self._base.execute(
                    "UPDATE sends SET state = ?, message = ?, at_ms = ?, settled = 1 WHERE key = ?",
                    (state, told["id"], told["at_ms"], send.key),
                )
                text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
                added = self._base.execute(
                    "INSERT INTO events (event, data) VALUES ('settled', ?)", (text,)
                )
                self._last = self._safe = int(added.lastrowid or 0)
                self._count += 1
                self._length += len(text)

    def prune(self, now_ms: int) -> None:
        """Forget old sends; `covers` remembers from when on nothing is missing."""
        with self._writing():
            last = self._base.execute(
                "SELECT begun_ms FROM sends ORDER BY begun_ms DESC LIMIT 1 OFFSET ?", (KEPT_SENDS,)
            ).fetchone()
            until = max(now_ms - KEPT_MS, last[0] if last else 0)
            gone = self._base.execute("DELETE FROM sends WHERE begun_ms <= ?", (until,))
            if gone.rowcount:
                self._base.execute(
                    "UPDATE meta SET value = max(value, ?) WHERE name = 'forgotten_at'", (until,)
                )

    def covers(self, since_ms: int) -> bool:
        """Whether a send that was begun at this time or later would be known."""
        rows = dict(self._all("SELECT name, value FROM meta"))
        return bool(rows["created_at"] <= since_ms and rows["forgotten_at"] < since_ms)

    @contextmanager
    def _unsynced(self) -> Iterator[None]:
        """What is written outlives this process, and need not outlive the machine."""
        self._base.execute("PRAGMA synchronous=NORMAL")
        try:
            yield
        finally:
            self._base.execute("PRAGMA synchronous=FULL")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
                if self._base.in_transaction:
                    self._base.execute("COMMIT")
            except BaseException:
                if self._base.in_transaction:
                    self._base.execute("ROLLBACK")
                raise

    def _read(self, where: str, values: tuple[Any, ...] = ()) -> list[Send]:
        rows = self._base.execute(f"SELECT {_SEND} FROM sends WHERE {where}", values)  # noqa: S608
        return [
            Send(
                key=key,
                secret=secret,
                begun_ms=begun_ms,
                boot=boot,
                state=state,
                message=message,
                at_ms=at_ms,
                result=None if result is None else json.loads(result),
            )
            for key, secret, begun_ms, boot, state, message, at_ms, result in rows
        ]

    def _one(self, query: str) -> Any:
        with self._lock:
            return self._base.execute(query).fetchone()

    def _all(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._lock:
            return self._base.execute(query, values).fetchall()
