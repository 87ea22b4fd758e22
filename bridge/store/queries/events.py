"""What happened to instances, in the order in which it happened."""

from __future__ import annotations

import sqlite3


def add(  # noqa: PLR0917
    db: sqlite3.Connection, instance_id: str, instance_name: str, name: str, data: str, now: int
) -> int:
    found = db.execute(
        "INSERT INTO event(instance_id, instance_name, name, data, at) VALUES(?,?,?,?,?)"
        " RETURNING id",
        (instance_id, instance_name, name, data, now),
    ).fetchone()
    return int(found[0])


def page(db: sqlite3.Connection, instance_id: str, *, after: int, limit: int) -> list[sqlite3.Row]:
    """The events of an instance that follow the one of this id, oldest first."""
    return db.execute(
        "SELECT id, instance_name, name, data, at FROM event WHERE instance_id=? AND id>?"
        " ORDER BY id LIMIT ?",
        (instance_id, after, limit),
    ).fetchall()
