"""All that is stored of who somebody is, for people who ask."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

#: Nobody reads more of them at once.
_MOST = 20


def persons(db: sqlite3.Connection, keys: Collection[str], contact_id: int | None) -> list[int]:
    """Persons of any account with one of these keys, or with this Chatwoot contact."""
    marks = ",".join("?" * len(keys))
    rows = db.execute(
        f"SELECT person_id FROM identity_key WHERE key IN ({marks})"  # noqa: S608
        " UNION SELECT person_id FROM contact WHERE contact_id=?"
        " UNION SELECT person_id FROM other_contact WHERE contact_id=? ORDER BY 1 LIMIT ?",
        (*keys, contact_id, contact_id, _MOST),
    )
    return [row["person_id"] for row in rows]


def person(db: sqlite3.Connection, person_id: int) -> sqlite3.Row | None:
    row: sqlite3.Row | None = db.execute("SELECT * FROM person WHERE id=?", (person_id,)).fetchone()
    return row


def keys(db: sqlite3.Connection, scope: str, person_id: int) -> list[sqlite3.Row]:
    return db.execute(
        "SELECT * FROM identity_key WHERE scope=? AND person_id=? ORDER BY learnt_at, key",
        (scope, person_id),
    ).fetchall()


def merged_into(db: sqlite3.Connection, person_id: int) -> list[sqlite3.Row]:
    """Persons who turned out to be this one, and those who were these before."""
    return db.execute(
        "WITH RECURSIVE gone(id) AS (SELECT id FROM person WHERE merged_into=?"
        " UNION SELECT person.id FROM person JOIN gone ON person.merged_into=gone.id)"
        " SELECT person.id, person.created_at FROM person JOIN gone USING(id) ORDER BY id",
        (person_id,),
    ).fetchall()


def contacts(db: sqlite3.Connection, scope: str, person_id: int) -> tuple[int | None, list[int]]:
    """The person's Chatwoot contact, and further ones."""
    row = db.execute(
        "SELECT contact_id FROM contact WHERE scope=? AND person_id=?", (scope, person_id)
    ).fetchone()
    others = db.execute(
        "SELECT contact_id FROM other_contact WHERE scope=? AND person_id=? ORDER BY found_at",
        (scope, person_id),
    )
    return (row["contact_id"] if row is not None else None), [one["contact_id"] for one in others]


def merges(db: sqlite3.Connection, scope: str, person_id: int) -> list[sqlite3.Row]:
    """What became of Chatwoot contacts of this person that were to be merged."""
    return db.execute(
        "SELECT base_id, mergee_id, why, state, created_at, ended_at FROM contact_merge"
        " WHERE person_id=? AND scope=? ORDER BY id",
        (person_id, scope),
    ).fetchall()


def chats(db: sqlite3.Connection, person_id: int) -> list[sqlite3.Row]:
    return db.execute(
        "SELECT chat.id, instance.name, chat.conversation_id, chat.status, chat.party,"
        " chat.last_inbound_at, chat.created_at FROM chat"
        " LEFT JOIN instance ON instance.id=chat.instance_id"
        " WHERE chat.person_id=? ORDER BY chat.id",
        (person_id,),
    ).fetchall()
