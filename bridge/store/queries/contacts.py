"""The Chatwoot contacts of people: whose they are, their names, what we gave them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A picture that we gave a contact: the digest of the file, and WhatsApp's id of it."""

    picture: str | None = None
    picture_id: str | None = None


#: A column of `contact` that stays as long as the contact does.
_IF_SAME = "CASE WHEN contact_id IS excluded.contact_id THEN {0} END"


def claim(
    db: sqlite3.Connection, scope: str, person_id: int, *, by: str, now: int, stale_before: int
) -> bool:
    """Claim the right to find or create the person's contact; False while another holds it."""
    db.execute(
        "INSERT OR IGNORE INTO contact(scope, person_id, claimed_at) VALUES(?,?,0)",
        (scope, person_id),
    )
    cursor = db.execute(
        "UPDATE contact SET claimed_by=?, claimed_at=? WHERE scope=? AND person_id=?"
        " AND (claimed_by IS NULL OR claimed_by=? OR claimed_at < ?)",
        (by, now, scope, person_id, by, stale_before),
    )
    return cursor.rowcount == 1


def set_contact(
    db: sqlite3.Connection, scope: str, person_id: int, contact_id: int | None, name: str | None
) -> None:
    """Keep the person's contact (None: it is gone) and give the claim back.

    What we gave the contact before is known of that one only: another has its own name and picture.
    """
    db.execute(
        "INSERT INTO contact(scope, person_id, contact_id, name, claimed_at) VALUES(?,?,?,?,0)"
        " ON CONFLICT(scope, person_id) DO UPDATE SET contact_id=excluded.contact_id,"
        f" name=COALESCE(excluded.name, {_IF_SAME.format('name')}),"
        f" picture={_IF_SAME.format('picture')},"
        f" picture_id={_IF_SAME.format('picture_id')}, claimed_by=NULL",
        (scope, person_id, contact_id, name),
    )


def set_name(
    db: sqlite3.Connection, scope: str, person_id: int, contact_id: int, name: str
) -> None:
    """Keep the name that we wrote, if the person still has this contact."""
    db.execute(
        "UPDATE contact SET name=? WHERE scope=? AND person_id=? AND contact_id=?",
        (name, scope, person_id, contact_id),
    )


def of_others(
    db: sqlite3.Connection, scope: str, person_id: int, among: Collection[int] | None = None
) -> set[int]:
    """The contacts that belong to anybody else (`among`: of these)."""
    chosen = "" if among is None else f" AND contact_id IN ({','.join('?' * len(among))})"
    rows = db.execute(
        "SELECT contact_id FROM contact"  # noqa: S608
        f" WHERE scope=? AND person_id<>? AND contact_id IS NOT NULL{chosen}",
        (scope, person_id, *(among or ())),
    )
    return {row["contact_id"] for row in rows}


def release(db: sqlite3.Connection, scope: str, person_id: int, by: str) -> None:
    db.execute(
        "UPDATE contact SET claimed_by=NULL WHERE scope=? AND person_id=? AND claimed_by=?",
        (scope, person_id, by),
    )


def sources_of(db: sqlite3.Connection, scope: str, person_id: int) -> list[tuple[int, str]]:
    """The contact inboxes of a person in a Chatwoot account: inbox and source_id."""
    rows = db.execute(
        "SELECT inbox.inbox_id, chat.source_id FROM chat"
        " JOIN chatwoot_inbox AS inbox ON inbox.instance_id=chat.instance_id"
        " WHERE chat.person_id=? AND chat.source_id IS NOT NULL AND inbox.inbox_id IS NOT NULL"
        " AND inbox.url || '#' || inbox.account_id = ? ORDER BY chat.id",
        (person_id, scope),
    )
    return [(row["inbox_id"], row["source_id"]) for row in rows]


def drop(db: sqlite3.Connection, scope: str, person_id: int, contact_id: int) -> None:
    """A contact is gone in Chatwoot; whoever has found or made another meanwhile keeps that one."""
    db.execute(
        "UPDATE contact SET contact_id=NULL, name=NULL, picture=NULL, picture_id=NULL"
        " WHERE scope=? AND person_id=? AND contact_id=?",
        (scope, person_id, contact_id),
    )


def address_told(
    db: sqlite3.Connection, scope: str, person_id: int, name: str | None, at: int
) -> bool:
    """Keep how somebody stands in the address book; False: nothing new, or old news."""
    row = db.execute(
        "SELECT address_name, address_at FROM contact WHERE scope=? AND person_id=?",
        (scope, person_id),
    ).fetchone()
    if row is not None and row["address_at"] > at:
        return False
    db.execute(
        "INSERT INTO contact(scope, person_id, address_name, address_at, claimed_at)"
        " VALUES(?,?,?,?,0) ON CONFLICT(scope, person_id) DO UPDATE SET"
        " address_name=excluded.address_name, address_at=excluded.address_at",
        (scope, person_id, name, at),
    )
    return name != (row["address_name"] if row is not None else None)


def picture_of(db: sqlite3.Connection, scope: str, person_id: int, contact_id: int) -> Given:
    """Which picture we gave a contact last."""
    row = db.execute(
        "SELECT picture, picture_id FROM contact WHERE scope=? AND person_id=? AND contact_id=?",
        (scope, person_id, contact_id),
    ).fetchone()
    return Given() if row is None else Given(**dict(row))


def set_picture(
    db: sqlite3.Connection, scope: str, person_id: int, contact_id: int, given: Given
) -> None:
    """Keep which picture we gave, if the person still has this contact."""
    db.execute(
        "UPDATE contact SET picture=?, picture_id=? WHERE scope=? AND person_id=? AND contact_id=?",
        (given.picture, given.picture_id, scope, person_id, contact_id),
    )


def set_profile(db: sqlite3.Connection, chat_id: int, profile: str | None) -> None:
    """Keep what the contact of a chat was last given, as a digest."""
    db.execute("UPDATE chat SET profile=? WHERE id=?", (profile, chat_id))


def look_again(db: sqlite3.Connection, person_id: int) -> None:
    """Have the contact looked at with the next message, since it may lack something."""
    db.execute("UPDATE chat SET profile=NULL WHERE person_id=?", (person_id,))
