"""Dedupe keys."""

from __future__ import annotations

import sqlite3


def remember(db: sqlite3.Connection, key: str, now: int) -> bool:
    """Keep a key; False when it was kept before."""
    cursor = db.execute("INSERT OR IGNORE INTO seen(key, at) VALUES(?,?)", (key, now))
    return cursor.rowcount == 1


def replace(db: sqlite3.Connection, start: str, rest: str, now: int) -> None:
    """Keep one key that begins with `start`, which ends with a colon, and forget the others."""
    db.execute("DELETE FROM seen WHERE key > ? AND key < ?", (start, f"{start[:-1]};"))
    remember(db, start + rest, now)


def rest_of(db: sqlite3.Connection, start: str) -> str | None:
    """What follows `start` in the one key that `replace` kept; None: there is none."""
    row = db.execute(
        "SELECT key FROM seen WHERE key > ? AND key < ?", (start, f"{start[:-1]};")
    ).fetchone()
    return None if row is None else str(row[0])[len(start) :]


def move(db: sqlite3.Connection, start: str, to: str) -> None:
    """Let the keys that begin with `start`, which ends with a colon, begin with `to`."""
    rows = db.execute(
        "DELETE FROM seen WHERE key > ? AND key < ? RETURNING key, at", (start, f"{start[:-1]};")
    ).fetchall()
    for row in rows:
        remember(db, to + str(row["key"])[len(start) :], row["at"])


def knows(db: sqlite3.Connection, key: str) -> bool:
    return db.execute("SELECT 1 FROM seen WHERE key=?", (key,)).fetchone() is not None


def renew(db: sqlite3.Connection, key: str, now: int) -> None:
    """Keep a key as of now."""
    db.execute("INSERT OR REPLACE INTO seen(key, at) VALUES(?,?)", (key, now))


def at(db: sqlite3.Connection, key: str) -> int | None:
    """Since when a key is kept (ms); None: it is not."""
    row = db.execute("SELECT at FROM seen WHERE key=?", (key,)).fetchone()
    return None if row is None else int(row["at"])


def take(db: sqlite3.Connection, key: str) -> int | None:
    """Forget a key; gives since when it was kept (ms)."""
    row = db.execute("DELETE FROM seen WHERE key=? RETURNING at", (key,)).fetchone()
    return None if row is None else int(row["at"])
