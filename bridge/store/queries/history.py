"""Chunks of what was written before a number was connected, kept for an import to come."""

from __future__ import annotations

import sqlite3


def kept(db: sqlite3.Connection, instance_id: str, id_: str) -> bool:
    found = db.execute("SELECT 1 FROM history WHERE instance_id=? AND id=?", (instance_id, id_))
    return found.fetchone() is not None


def size(db: sqlite3.Connection, instance_id: str) -> int:
    """Bytes that an instance's chunks take; SQLite knows them without reading the chunks."""
    row = db.execute(
        "SELECT COALESCE(SUM(LENGTH(payload)), 0) FROM history WHERE instance_id=?", (instance_id,)
    ).fetchone()
    return int(row[0])


def add(db: sqlite3.Connection, instance_id: str, id_: str, payload: bytes, now: int) -> bool:
    """Keep a chunk; False when it is there already, or the instance is not."""
    return (
        db.execute(
            "INSERT OR IGNORE INTO history(instance_id, id, payload, told_at)"
            " SELECT id, ?, ?, ? FROM instance WHERE id=?",
            (id_, payload, now, instance_id),
        ).rowcount
        == 1
    )


def remove(db: sqlite3.Connection, instance_id: str, limit: int) -> int:
    """Delete some of an instance's chunks; gives how many."""
    return db.execute(
        "DELETE FROM history WHERE rowid IN"
        " (SELECT rowid FROM history WHERE instance_id=? LIMIT ?)",
        (instance_id, limit),
    ).rowcount
