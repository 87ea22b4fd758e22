"""Single facts about the whole service."""

from __future__ import annotations

import sqlite3


def get(db: sqlite3.Connection, name: str) -> str | None:
    row = db.execute("SELECT value FROM fact WHERE name=?", (name,)).fetchone()
    return None if row is None else str(row[0])


def put(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute(
        "INSERT INTO fact(name, value) VALUES(?,?)"
        " ON CONFLICT(name) DO UPDATE SET value=excluded.value",
        (name, value),
    )
