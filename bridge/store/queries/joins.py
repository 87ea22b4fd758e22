"""Two persons who turned out to be one: keys, chats and Chatwoot contacts become one person's."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from bridge.core import sightings
from bridge.core.identity_graph import is_hidden
from bridge.store.queries import chats, people_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What became of two persons' chats and contacts."""

    #: (kept chat, given-up chat, instance), wherever both had one.
    chats: tuple[tuple[int, int, str], ...]
    #: The one who is gone had a Chatwoot contact too, by now a further one of the person.
    has_other_contact: bool


def join(db: sqlite3.Connection, scope: str, keep: int, gone: int, *, now: int) -> Joined:
    """Make two persons one: what `gone` had is `keep`'s from now on.

    Why they are one stays in the links of their keys. The contact of `keep` stays bound; which of
    two contacts is the base when they are merged is for Chatwoot's own dates to say, so that it
    does not depend on whom we met first. Until then the conversations of both go on; but a
    source_id of the other contact begins no further one with the contact that stays.
    """
    pairs: list[tuple[int, int, str]] = []
    moved: list[int] = []  # those that were bound as the one who is gone
    for chat_id, owner in part(db, scope, gone, keep):
        theirs = chats.of_person(db, chats.instance_of(db, chat_id), owner)
        if theirs is not None:
            _absorb(db, theirs.id, chat_id)
            pairs.append((theirs.id, chat_id, theirs.instance_id))
            chats.readdress(db, scope, owner)
    db.execute("UPDATE identity_key SET person_id=? WHERE person_id=?", (keep, gone))
    db.execute("UPDATE person SET merged_into=? WHERE id=?", (keep, gone))
    rows = db.execute("SELECT id, instance_id FROM chat WHERE person_id=?", (gone,)).fetchall()
    for chat_id, instance_id in [(row["id"], row["instance_id"]) for row in rows]:
        kept = db.execute(
            "SELECT id, source_id FROM chat WHERE instance_id=? AND person_id=?",
            (instance_id, keep),
        ).fetchone()
        if kept is None:
            db.execute("UPDATE chat SET person_id=? WHERE id=?", (keep, chat_id))
            moved.append(chat_id)
        else:
            moved += [kept["id"]] if kept["source_id"] is None else []
            _absorb(db, kept["id"], chat_id)
            pairs.append((kept["id"], chat_id, instance_id))
    has_other = _give_contact(db, scope, keep, gone, now)
    if has_other:
        unbound = "UPDATE chat SET source_id=NULL, profile=NULL WHERE id=?"
        db.executemany(unbound, [(chat_id,) for chat_id in moved])
    chats.readdress(db, scope, keep)
    return Joined(chats=tuple(pairs), has_other_contact=has_other)


def conversations_before(db: sqlite3.Connection, chat_id: int) -> list[int]:
    """The conversations of the chats that this one has taken over, the newest chat first."""
    rows = db.execute(
        "WITH RECURSIVE taken(id) AS (SELECT id FROM chat WHERE merged_into=?"
        " UNION SELECT chat.id FROM chat JOIN taken ON chat.merged_into=taken.id)"
        " SELECT conversation_id FROM chat JOIN taken USING (id)"
        " WHERE conversation_id IS NOT NULL ORDER BY id DESC",
        (chat_id,),
    )
    return [row["conversation_id"] for row in rows]


def part(db: sqlite3.Connection, scope: str, person_id: int, stays: int) -> list[tuple[int, int]]:
    """Let chats of a person go along with the hidden ids that are not those of who `stays`.

    Returns the chats that could not, with those who own the ids: they have one there already.
    """
    left: list[tuple[int, int]] = []
    for chat_id, seen in chats.sightings_of(db, person_id):
        hidden = [key for key in seen.keys if is_hidden(key)]
        owners = people_keys.owners(db, scope, hidden) if hidden else {}
        if not owners or any(one.person in {person_id, stays} for one in owners.values()):
            continue
        newest = max(owners, key=lambda key: (seen.keys[key].at, key))
        if chats.hand_over(db, chat_id, owners[newest].person):
            chats.readdress(db, scope, owners[newest].person)
        else:
            left.append((chat_id, owners[newest].person))
    return left


def _absorb(db: sqlite3.Connection, kept: int, gone: int) -> None:
    """Let one chat take over another's binding when it has none itself, its ledger and address."""
    db.execute(
        "UPDATE chat SET source_id=COALESCE(source_id, (SELECT source_id FROM chat WHERE id=?)),"
        " status=CASE WHEN conversation_id IS NULL THEN"
        "  (SELECT status FROM chat WHERE id=?) ELSE status END,"
        " conversation_id=COALESCE(conversation_id,"
        "  (SELECT conversation_id FROM chat WHERE id=?)), fresh_at=0,"
        " last_inbound_at=MAX(last_inbound_at, (SELECT last_inbound_at FROM chat WHERE id=?))"
        " WHERE id=?",
        (gone, gone, gone, gone, kept),
    )
    one, other = (chats.sightings_of_chat(db, chat_id) for chat_id in (kept, gone))
    chats.observed(db, kept, sightings.combined(one, other))
    db.execute("UPDATE chat SET merged_into=?, person_id=-id WHERE id=?", (kept, gone))
    db.execute("UPDATE ledger SET chat_id=? WHERE chat_id=?", (kept, gone))


def _give_contact(db: sqlite3.Connection, scope: str, keep: int, gone: int, now: int) -> bool:
    """Let somebody have another's contact, as their own or as a further one (True).

    The newest name in an address book is the person's, whichever contact stays.
    """
    db.execute(
        "UPDATE other_contact SET person_id=? WHERE scope=? AND person_id=?", (keep, scope, gone)
    )
    mine, theirs = _contact(db, scope, keep), _contact(db, scope, gone)
    if theirs is None:
        return False
    stays = theirs if mine is None or mine["contact_id"] is None else mine
    if mine is not None:
        newest = max(mine, theirs, key=lambda one: (one["address_at"], one["address_name"] or ""))
        stays |= {name: newest[name] for name in ("address_name", "address_at")}
        stays |= {name: mine[name] for name in ("claimed_by", "claimed_at")}
    stays["person_id"] = keep
    db.execute("DELETE FROM contact WHERE scope=? AND person_id IN (?,?)", (scope, keep, gone))
    db.execute(
        f"INSERT INTO contact({','.join(stays)}) VALUES({','.join('?' * len(stays))})",
        tuple(stays.values()),
    )
    other = theirs["contact_id"]
    if stays is theirs or other is None or other == stays["contact_id"]:
        return False
    db.execute(
        "INSERT INTO other_contact(scope, contact_id, person_id, found_at) VALUES(?,?,?,?)"
        " ON CONFLICT(scope, contact_id) DO UPDATE SET person_id=excluded.person_id",
        (scope, other, keep, now),
    )
    return True


def _contact(db: sqlite3.Connection, scope: str, person_id: int) -> dict[str, Any] | None:
    row = db.execute(
        "SELECT * FROM contact WHERE scope=? AND person_id=?", (scope, person_id)
    ).fetchone()
    return None if row is None else dict(row)
