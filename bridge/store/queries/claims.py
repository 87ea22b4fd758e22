"""What may belong to one instance only, and whether an instance is there at all."""

from __future__ import annotations

import sqlite3


def name_is_taken(db: sqlite3.Connection, name: str) -> bool:
    """True also while the instance of this name is being created."""
    return _any(db, "SELECT 1 FROM instance WHERE name=?", name)


def number_is_taken(db: sqlite3.Connection, number: str) -> bool:
    """True for Meta's id of a number that an instance has; phone numbers are nobody's."""
    return _any(db, "SELECT 1 FROM instance WHERE number=?", number)


def exists(db: sqlite3.Connection, instance_id: str) -> bool:
    return _any(db, "SELECT 1 FROM instance WHERE id=?", instance_id)


def is_ready(db: sqlite3.Connection, instance_id: str) -> bool | None:
    """None when there is no such instance, False while it is being created."""
    row = db.execute("SELECT ready FROM instance WHERE id=?", (instance_id,)).fetchone()
    return None if row is None else bool(row[0])


def set_ready(db: sqlite3.Connection, instance_id: str) -> None:
    db.execute("UPDATE instance SET ready=1 WHERE id=?", (instance_id,))


def of_number(db: sqlite3.Connection, number: str) -> list[str]:
    """The ids of the instances of a number: Meta's id of it, or that of a phone."""
    found = db.execute(
        "SELECT id FROM instance WHERE ready AND (number=? OR phone=?) ORDER BY name",
        (number, number),
    )
    return [row[0] for row in found]


def _any(db: sqlite3.Connection, sql: str, value: str) -> bool:
    return db.execute(sql, (value,)).fetchone() is not None
