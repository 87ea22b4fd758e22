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


def named(db: sqlite3.Connection, scope: str, party: Party) -> Party:
    """A person of whom one event tells ids only, with the name by which we know them."""
    if party.name:
        return party
    known = chats.persons(db, scope, identity_keys(party))
    for person_id in dict.fromkeys(known.values()):
        for _, theirs in chats.parties(db, person_id):
            party = merge(theirs, party)
    return party


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """Who has another number now, and who else turns out to be them.

    `before` is how they were last seen, until now.
    """

    chat_id: int
    person_id: int
    others: tuple[int, ...]
    before: Party


def rename(
    db: sqlite3.Connection, entry: Entry, old: Party, new: Party, *, evidence: str, now: int
) -> Renamed | None:
    """Somebody known as `old` is `new` from now on, also for sending.

    None: nobody is known as `old`, or only to other instances. Doing it again changes nothing.
    """
    before, after = identity_keys(old), identity_keys(new)
    keys = tuple(dict.fromkeys((*before, *after)))
    known = chats.persons(db, entry.scope, keys) if keys else {}
    person_id = next((known[key] for key in before if key in known), None)
    if person_id is None or not after:
        return None
    known = _taken(db, entry.scope, person_id, after, known)
    owners = sorted({person_id, *(known[key] for key in keys if key in known)})
    seen = [chats.of_person(db, entry.id, one) for one in owners]
    if not any(seen):
        return None
    keep, *others = owners
    chats.learn(db, entry.scope, after, keep, evidence=evidence, now=now)
    for other in others:
        db.execute("UPDATE identity_key SET person_id=? WHERE person_id=?", (keep, other))
    chat_id, stored, _ = chats.chat_of(db, entry.id, keep, now)
    mine = seen[owners.index(person_id)]
    latest = merge(stored, new)
    if latest != stored:
        chats.seen_party(db, chat_id, latest, 0)
    return Renamed(
        chat_id=chat_id,
        person_id=keep,
        others=tuple(others),
        before=mine.party if mine is not None else old,
    )


def _taken(
    db: sqlite3.Connection, scope: str, person_id: int, after: Sequence[str], known: dict[str, int]
) -> dict[str, int]:
    """Whose the keys are, once the new number has been taken from a certain stranger.

    That is who has a hidden id of their own, of a kind that this person has as well.
    """
    hidden = {known[key] for key in after if key in known and not key.startswith(PHONE)}
    kinds = [kind for kind in ("bsuid", "lid") if chats.has_key_of(db, scope, person_id, kind)]
    for key in after:
        other = known.get(key, person_id)
        if other == person_id or other in hidden or not key.startswith(PHONE):
            continue
        if any(chats.has_key_of(db, scope, other, kind) for kind in kinds):
            _take(db, scope, key, other, person_id)
            known = known | {key: person_id}
    return known


def _take(db: sqlite3.Connection, scope: str, key: str, other: int, person_id: int) -> None:
    """A number is somebody else's by now: nobody writes to the one before under it any more."""
    chats.give_key(db, scope, key, person_id)
    for chat_id, theirs in chats.parties(db, other):
        if key in identity_keys(theirs):
            chats.seen_party(db, chat_id, replace(theirs, wa_id=None), 0)
    log.info("person.number_moved", person=person_id, before=other)


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
            _take(db, scope, key, other, person_id)
            known = known | {key: person_id}
    return known
