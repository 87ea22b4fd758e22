"""People, and the identity keys by which they are known: `phone:`, `bsuid:`, `lid:`, `group:`."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from bridge.core.identity_graph import Owned


def persons(db: sqlite3.Connection, scope: str, keys: Sequence[str]) -> dict[str, int]:
    """Which person each known key belongs to."""
    marks = ",".join("?" * len(keys))
    rows = db.execute(
        f"SELECT key, person_id FROM identity_key WHERE scope=? AND key IN ({marks})",  # noqa: S608
        (scope, *keys),
    )
    return {row["key"]: row["person_id"] for row in rows}


def owners(db: sqlite3.Connection, scope: str, keys: Collection[str]) -> dict[str, Owned]:
    """Whose these keys are, and since when we know."""
    marks = ",".join("?" * len(keys))
    rows = db.execute(
        "SELECT key, person_id, learnt_at FROM identity_key"  # noqa: S608
        f" WHERE scope=? AND key IN ({marks})",
        (scope, *keys),
    )
    return {row["key"]: Owned(person=row["person_id"], learnt_at=row["learnt_at"]) for row in rows}


def new_person(db: sqlite3.Connection, scope: str, now: int) -> int:
    cursor = db.execute("INSERT INTO person(scope, created_at) VALUES(?,?)", (scope, now))
    return int(cursor.lastrowid or 0)


def add(
    db: sqlite3.Connection,
    scope: str,
    keys: Collection[str],
    person_id: int,
    *,
    evidence: str,
    now: int,
) -> None:
    """Let these keys be this person's; known ones are left alone."""
    db.executemany(
        "INSERT OR IGNORE INTO identity_key(scope, key, person_id, evidence, learnt_at)"
        " VALUES(?,?,?,?,?)",
        [(scope, key, person_id, evidence, now) for key in keys],
    )


def give(db: sqlite3.Connection, scope: str, key: str, person_id: int) -> None:
    """Let a key be somebody else's from now on."""
    db.execute(
        "UPDATE identity_key SET person_id=? WHERE scope=? AND key=?", (person_id, scope, key)
    )


def of_person(db: sqlite3.Connection, scope: str, person_id: int) -> tuple[str, ...]:
    """All keys of a person, the newest first: also those under which nobody writes any more."""
    rows = db.execute(
        "SELECT key FROM identity_key WHERE scope=? AND person_id=? ORDER BY learnt_at DESC, key",
        (scope, person_id),
    )
    return tuple(row["key"] for row in rows)
