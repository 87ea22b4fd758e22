"""From identity keys to a chat row, inside the accept commit.

Keys that come together in one event belong to one person (design.md 4, Identity). When they
belonged to two, the event goes to the older person's chat and a *link* job makes the two one.
The keys change hands at once, so that whatever is accepted later waits behind that job.
A number that somebody gave up may be another person's later: it goes over to them by itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from bridge.core.identity import keys as identity_keys
from bridge.core.identity import merge
from bridge.core.party import Party
from bridge.relay.directory import Entry
from bridge.store.queries import chats
from bridge.store.queries.chats import ChatRow

log = structlog.get_logger(__name__)

#: How the keys of numbers begin.
PHONE = "phone:"


def absorbed(
    db: sqlite3.Connection, instance_id: str, conversation_id: int, source_id: str | None
) -> ChatRow | None:
    """The chat that took over the one to which a conversation belonged before they were linked."""
    row = db.execute(
        "SELECT merged_into FROM chat WHERE instance_id=? AND merged_into IS NOT NULL"
        " AND (conversation_id=? OR source_id=?) ORDER BY id DESC LIMIT 1",
        (instance_id, conversation_id, source_id),
    ).fetchone()
    return chats.surviving(db, row["merged_into"]) if row is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The chat of an event, and the other person that its keys belong to as well, if any."""

    chat_id: int
    person_id: int
    other_person: int | None = None


def place(
    db: sqlite3.Connection,
    entry: Entry,
    party: Party,
    *,
    evidence: str,
    now: int,
    inbound_at: int = 0,
) -> Placed | None:
    """Find or make the person and the chat; None when the party has no identity at all.

    `inbound_at` is when the person wrote (0: we are writing to them).
    """
    keys = identity_keys(party)
    if not keys:
        return None
    known = _told_apart(db, entry.scope, keys, chats.persons(db, entry.scope, keys))
    owners = sorted(set(known.values()))
    person_id = owners[0] if owners else chats.new_person(db, entry.scope, now)
    unknown = [key for key in keys if key not in known]
    if unknown:
        chats.learn(db, entry.scope, unknown, person_id, evidence=evidence, now=now)
    for other in owners[1:2]:
        db.execute("UPDATE identity_key SET person_id=? WHERE person_id=?", (person_id, other))
    chat_id, stored, last_inbound = chats.chat_of(db, entry.id, person_id, now)
    latest = merge(stored, party)
    if latest != stored or inbound_at > last_inbound:
        chats.seen_party(db, chat_id, latest, inbound_at)
    return Placed(
        chat_id=chat_id,
        person_id=person_id,
        other_person=owners[1] if len(owners) > 1 else None,
    )


def _told_apart(
    db: sqlite3.Connection, scope: str, keys: Sequence[str], known: dict[str, int]
) -> dict[str, int]:
    """Whose the keys are, once a number has been taken from somebody who certainly is another.

    That is who has a hidden id of their own: an id overrules a number, never the other way round
    (whatsapp-channels.md F.5.5).
    """
    strongest = next((key for key in keys if key in known), None)
    if strongest is None or strongest.startswith(PHONE):
        return known
    person_id = known[strongest]
    kind = strongest.partition(":")[0]
    for key, other in known.items():
        is_taken = key.startswith(PHONE) and other != person_id
        if is_taken and chats.has_key_of(db, scope, other, kind):
            chats.give_key(db, scope, key, person_id)
            for chat_id, theirs in chats.parties(db, other):
                if key in identity_keys(theirs):
                    chats.seen_party(db, chat_id, replace(theirs, wa_id=None), 0)
            log.info("person.number_moved", person=person_id, before=other)
            known = known | {key: person_id}
    return known
