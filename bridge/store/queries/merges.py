"""The ledger of merged contacts, plans of merges, and further contacts of a person."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """A row of the ledger. `moved` holds both contacts as they were, and what moves."""

    id: int
    scope: str
    instance_id: str | None
    plan_id: int | None
    person_id: int | None
    base_id: int
    mergee_id: int
    why: str
    moved: dict[str, Any]
    state: str
    reason: str | None
    created_at: int
    ended_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMerge:
    """A pair that is to be merged."""

    scope: str
    instance_id: str | None
    person_id: int | None
    base_id: int
    mergee_id: int
    why: str
    moved: dict[str, Any]
    plan_id: int | None = None


# ------------------------------------------------------------------ the ledger


def add(db: sqlite3.Connection, merge: NewMerge, *, state: str, now: int) -> int:
    cursor = db.execute(
        "INSERT INTO contact_merge(scope, instance_id, plan_id, person_id, base_id, mergee_id, why,"
        " moved, state, created_at) VALUES(?,?,?,?,?,?,?,?,?,?)",
        (
            merge.scope,
            merge.instance_id,
            merge.plan_id,
            merge.person_id,
            merge.base_id,
            merge.mergee_id,
            merge.why,
            orjson.dumps(merge.moved).decode(),
            state,
            now,
        ),
    )
    return int(cursor.lastrowid or 0)


def get(db: sqlite3.Connection, merge_id: int) -> Merge | None:
    row = db.execute("SELECT * FROM contact_merge WHERE id=?", (merge_id,)).fetchone()
    return None if row is None else read_merge(row)


def some(db: sqlite3.Connection, ids: Sequence[int]) -> list[Merge]:
    found = (get(db, one) for one in ids)
    return [one for one in found if one is not None]


def touched(db: sqlite3.Connection, scope: str, ids: Collection[int]) -> bool:
    """Whether one of the contacts is being merged right now."""
    return any(
        db.execute(
            "SELECT 1 FROM contact_merge WHERE scope=? AND state='intent'"
            " AND (base_id=? OR mergee_id=?)",
            (scope, one, one),
        ).fetchone()
        for one in ids
    )


def begun(db: sqlite3.Connection, scope: str, person_id: int) -> list[Merge]:
    """Merges of a person that were begun and not ended, oldest first."""
    rows = db.execute(
        "SELECT * FROM contact_merge WHERE person_id=? AND scope=? AND state='intent' ORDER BY id",
        (person_id, scope),
    )
    return [read_merge(row) for row in rows]


def has_failed(db: sqlite3.Connection, scope: str, one: int, other: int) -> bool:
    """Whether a pair could not be merged before, for good."""
    row = db.execute(
        "SELECT 1 FROM contact_merge WHERE scope=? AND state='failed'"
        " AND ((base_id=? AND mergee_id=?) OR (base_id=? AND mergee_id=?))",
        (scope, one, other, other, one),
    ).fetchone()
    return row is not None


def begin(db: sqlite3.Connection, merge_id: int, merge: NewMerge) -> bool:
    """A planned pair is about to be merged; False: it is not to be, its plan was stopped."""
    cursor = db.execute(
        "UPDATE contact_merge SET state='intent', person_id=?, moved=?"
        " WHERE id=? AND state='planned' AND plan_id IN"
        " (SELECT id FROM merge_plan WHERE state='applying')",
        (merge.person_id, orjson.dumps(merge.moved).decode(), merge_id),
    )
    return cursor.rowcount == 1


def end(
    db: sqlite3.Connection,
    merge_id: int,
    *,
    state: str,
    now: int,
    reason: str | None = None,
    moved: dict[str, Any] | None = None,
) -> bool:
    """Say how a merge went; False: that was said before."""
    cursor = db.execute(
        "UPDATE contact_merge SET state=?, reason=?, ended_at=?, moved=COALESCE(?, moved)"
        " WHERE id=? AND state IN ('planned', 'intent')",
        (state, reason, now, None if moved is None else orjson.dumps(moved).decode(), merge_id),
    )
    return cursor.rowcount == 1


def page(
    db: sqlite3.Connection, scope: str, *, limit: int, before: int | None = None
) -> list[Merge]:
    """What was merged in an account, or was to be, newest first; planned pairs are not told."""
    rows = db.execute(
        "SELECT * FROM contact_merge WHERE scope=? AND state<>'planned' AND id<?"
        " ORDER BY id DESC LIMIT ?",
        (scope, before or 2**62, limit),
    )
    return [read_merge(row) for row in rows]


def read_merge(row: sqlite3.Row) -> Merge:
    values = dict(row)
    values["moved"] = orjson.loads(values["moved"])
    return Merge(**values)


# ------------------------------------------------------------------ whose contacts they are


def bound(db: sqlite3.Connection, scope: str, person_id: int) -> set[int]:
    """The contacts that are known to be a person's, whatever stands in them."""
    rows = db.execute(
        "SELECT contact_id FROM contact WHERE scope=:scope AND person_id=:person"
        " AND contact_id IS NOT NULL"
        " UNION SELECT contact_id FROM other_contact WHERE scope=:scope AND person_id=:person",
        {"scope": scope, "person": person_id},
    )
    return {row["contact_id"] for row in rows}


def forbidden(
    db: sqlite3.Connection, scope: str, person_id: int | None, contact_ids: Collection[int]
) -> set[int]:
    """Those of the contacts that must not be merged into this person's: other people's, bots'."""
    ours = bots(db, scope)
    mine = set() if person_id is None else {person_id}
    return {one for one in contact_ids if one in ours or persons_of(db, scope, (one,)) - mine}


def bots(db: sqlite3.Connection, scope: str) -> set[int]:
    """The contacts in whose names we speak."""
    rows = db.execute(
        "SELECT bot_contact_id FROM chatwoot_inbox WHERE url || '#' || account_id = ?"
        " AND bot_contact_id IS NOT NULL",
        (scope,),
    )
    return {row["bot_contact_id"] for row in rows}


def persons_of(db: sqlite3.Connection, scope: str, contact_ids: Collection[int]) -> set[int]:
    """The people to whom these contacts belong, as far as we know them."""
    found: set[int] = set()
    for one in contact_ids:
        rows = db.execute(
            "SELECT person_id FROM contact WHERE scope=:scope AND contact_id=:one"
            " UNION SELECT person_id FROM other_contact WHERE scope=:scope AND contact_id=:one",
            {"scope": scope, "one": one},
        )
        found.update(row["person_id"] for row in rows)
    return found


def names_given(db: sqlite3.Connection, scope: str, person_id: int) -> list[str]:
    """The names that we wrote, and those of the address book."""
    rows = db.execute(
        "SELECT name, address_name FROM contact WHERE scope=? AND person_id=?", (scope, person_id)
    )
    return [one for row in rows for one in row if one]


def keep_other(
    db: sqlite3.Connection, scope: str, contact_id: int, person_id: int, *, now: int
) -> bool:
    """Remember a further contact of a person; False: it was known already."""
    cursor = db.execute(
        "INSERT INTO other_contact(scope, contact_id, person_id, found_at) VALUES(?,?,?,?)"
        " ON CONFLICT(scope, contact_id) DO NOTHING",
        (scope, contact_id, person_id, now),
    )
    return cursor.rowcount == 1


def drop_other(db: sqlite3.Connection, scope: str, contact_id: int) -> None:
    db.execute("DELETE FROM other_contact WHERE scope=? AND contact_id=?", (scope, contact_id))


def merged(db: sqlite3.Connection, scope: str, *, base_id: int, mergee_id: int) -> None:
    """Whatever we had bound to the mergee is the base's now; conversations are looked up anew."""
    people = persons_of(db, scope, (base_id, mergee_id))
    db.execute(
        "UPDATE contact SET contact_id=?, picture=NULL, picture_id=NULL"
        " WHERE scope=? AND contact_id=?",
        (base_id, scope, mergee_id),
    )
    drop_other(db, scope, mergee_id)
    for person_id in people:
        db.execute(  # the base may have been the further one
            "DELETE FROM other_contact WHERE scope=? AND contact_id=? AND EXISTS"
            " (SELECT 1 FROM contact WHERE scope=? AND person_id=? AND contact_id=?)",
            (scope, base_id, scope, person_id, base_id),
        )
        # Told nothing: the next message has the base looked at, and given what it lacks.
        db.execute("UPDATE chat SET fresh_at=0, profile=NULL WHERE person_id=?", (person_id,))


def conversations_of(db: sqlite3.Connection, scope: str, person_id: int) -> list[sqlite3.Row]:
    """The chats of a person in an account's inboxes that have a conversation, newest first."""
    return db.execute(
        "SELECT chat.id, chat.instance_id, chat.conversation_id FROM chat"
        " JOIN chatwoot_inbox AS inbox ON inbox.instance_id=chat.instance_id"
        " WHERE chat.person_id=? AND chat.merged_into IS NULL AND chat.conversation_id IS NOT NULL"
        " AND inbox.url || '#' || inbox.account_id = ?"
        " ORDER BY chat.last_inbound_at DESC, chat.id DESC",
        (person_id, scope),
    ).fetchall()
