"""What waits for an instance, and what of it could not be delivered."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

#: Messages; our own chores are nobody's backlog.
_ROADS = "road IN ('inbound','outbound')"
#: What could not be delivered. A bot's turn that failed is none: agents have been told, and to run
#: it again does nothing.
_DEAD = "state='dead' AND state<>'waiting' AND kind<>'bot_turn'"


def waiting(db: sqlite3.Connection, instance_id: str) -> tuple[int, int | None]:
    """How many messages wait, and since when (ms) the oldest; a command is no message."""
    row = db.execute(
        # Not by the index of the instance: nearly all of its jobs have ended.
        "SELECT COUNT(*), MIN(accepted_at) FROM job WHERE state='waiting' AND +instance_id=?"  # noqa: S608
        f" AND {_ROADS} AND kind<>'command'",
        (instance_id,),
    ).fetchone()
    return int(row[0]), row[1]


def dead(db: sqlite3.Connection, instance_id: str, *, most: int) -> Sequence[int]:
    """The dead letters of an instance, oldest first."""
    rows = db.execute(
        f"SELECT id FROM job WHERE {_DEAD} AND +instance_id=? ORDER BY id LIMIT ?",  # noqa: S608
        (instance_id, most),
    ).fetchall()
    return [row[0] for row in rows]


def count_dead(db: sqlite3.Connection, instance_id: str) -> int:
    row = db.execute(
        f"SELECT COUNT(*) FROM job WHERE {_DEAD} AND +instance_id=?",  # noqa: S608
        (instance_id,),
    ).fetchone()
    return int(row[0])


def failing(db: sqlite3.Connection, instance_id: str, now: int) -> Sequence[int]:
    """The jobs of an instance that failed and are to wait yet before they are tried again."""
    rows = db.execute(
        "SELECT id FROM job WHERE state='waiting' AND +instance_id=? AND attempts>0 AND due_at>?",
        (instance_id, now),
    ).fetchall()
    return [row[0] for row in rows]
