"""Chats: one person on one instance, what they showed of themselves, and their conversation."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import orjson

from bridge.core import sightings
from bridge.core.party import Party
from bridge.core.sightings import Sightings
from bridge.store.queries import people_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRow:
    """A chat with what we know of its Chatwoot side."""

    id: int
    instance_id: str
    person_id: int
    party: Party
    source_id: str | None
    conversation_id: int | None
    status: str | None
    assignee_id: int | None
    conversation_updated_at: float
    fresh_at: int
    last_inbound_at: int
    merged_into: int | None
    #: From the person's contact row in the present Chatwoot account.
    contact_id: int | None
    contact_name: str | None
    #: How the person stands in the address book of a number of the account.
    address_name: str | None = None
    #: A digest of the profile that the contact was last given (`relay.completing`).
    profile: str | None = None
    #: Of the conversation: since when it is resolved (ms), its team, and its labels (None: nobody
    #: has told of them yet).
    resolved_at: int | None = None
    team_id: int | None = None
    team_name: str | None = None
    labels: frozenset[str] | None = None


_SELECT = (
    "SELECT chat.id, chat.instance_id, chat.person_id, chat.party, chat.source_id,"
    " chat.conversation_id, chat.status, chat.assignee_id, chat.conversation_updated_at,"
    " chat.fresh_at, chat.last_inbound_at, chat.merged_into,"
    " contact.contact_id, contact.name AS contact_name, contact.address_name, chat.profile,"
    " chat.resolved_at, chat.team_id, chat.team_name, chat.labels"
    " FROM chat LEFT JOIN chatwoot_inbox AS inbox ON inbox.instance_id = chat.instance_id"
    # Of the Chatwoot account that the instance has now: elsewhere the same id is a stranger.
    " LEFT JOIN contact ON contact.scope = inbox.url || '#' || inbox.account_id"
    " AND contact.person_id = chat.person_id"
)


def get(db: sqlite3.Connection, chat_id: int) -> ChatRow | None:
    row = db.execute(f"{_SELECT} WHERE chat.id=?", (chat_id,)).fetchone()
    return None if row is None else _chat(row)


def surviving(db: sqlite3.Connection, chat_id: int) -> ChatRow | None:
    """The chat, or the one that it was linked into."""
    chat = get(db, chat_id)
    while chat is not None and chat.merged_into is not None:
        chat = get(db, chat.merged_into)
    return chat


def by_conversation(
    db: sqlite3.Connection, instance_id: str, conversation_id: int, source_id: str | None
) -> ChatRow | None:
    """The chat that a conversation belongs to, by its id, else by its contact inbox."""
    row = db.execute(
        f"{_SELECT} WHERE chat.instance_id=? AND chat.conversation_id=?"
        " AND chat.merged_into IS NULL",
        (instance_id, conversation_id),
    ).fetchone()
    if row is None and source_id is not None:
        row = db.execute(
            f"{_SELECT} WHERE chat.instance_id=? AND chat.source_id=? AND chat.merged_into IS NULL",
            (instance_id, source_id),
        ).fetchone()
    return None if row is None else _chat(row)


def by_contact(db: sqlite3.Connection, instance_id: str, contact_id: int) -> ChatRow | None:
    row = db.execute(
        f"{_SELECT} WHERE chat.instance_id=? AND contact.contact_id=?"
        " AND chat.merged_into IS NULL ORDER BY chat.id LIMIT 1",
        (instance_id, contact_id),
    ).fetchone()
    return None if row is None else _chat(row)


def of_person(db: sqlite3.Connection, instance_id: str, person_id: int) -> ChatRow | None:
    row = db.execute(
        f"{_SELECT} WHERE chat.instance_id=? AND chat.person_id=?", (instance_id, person_id)
    ).fetchone()
    return None if row is None else _chat(row)


def parties(db: sqlite3.Connection, person_id: int) -> list[tuple[int, Party]]:
    """All chats of a person, each with the party as last seen."""
    rows = db.execute("SELECT id, party FROM chat WHERE person_id=?", (person_id,)).fetchall()
    return [(row["id"], _party(row["party"])) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownChat:
    """A chat with what it showed of its person so far."""

    id: int
    party: Party
    seen: Sightings
    last_inbound_at: int


def chat_of(db: sqlite3.Connection, instance_id: str, person_id: int, now: int) -> KnownChat:
    """The person's chat on this instance, made when missing."""
    row = db.execute(
        "SELECT id, party, sightings, last_inbound_at FROM chat"
        " WHERE instance_id=? AND person_id=?",
        (instance_id, person_id),
    ).fetchone()
    if row is not None:
        return KnownChat(
            id=row["id"],
            party=_party(row["party"]),
            seen=_sightings(row),
            last_inbound_at=row["last_inbound_at"],
        )
    cursor = db.execute(
        "INSERT INTO chat(instance_id, person_id, party, conversation_updated_at, fresh_at,"
        " last_inbound_at, created_at) VALUES(?,?,'{}',0,0,0,?)",
        (instance_id, person_id, now),
    )
    return KnownChat(
        id=int(cursor.lastrowid or 0), party=Party(), seen=Sightings(), last_inbound_at=0
    )


def observed(db: sqlite3.Connection, chat_id: int, seen: Sightings, inbound_at: int = 0) -> None:
    """Keep what a chat showed of its person, and when they last wrote (0: they did not)."""
    db.execute(
        "UPDATE chat SET party=?, sightings=?, last_inbound_at=MAX(last_inbound_at, ?) WHERE id=?",
        (
            orjson.dumps(sightings.party_of(seen)).decode(),
            orjson.dumps(seen).decode(),
            inbound_at,
            chat_id,
        ),
    )


def seen_party(db: sqlite3.Connection, chat_id: int, party: Party, inbound_at: int) -> None:
    """Keep the name of a person or a group, which somebody was asked for."""
    seen = sightings_of_chat(db, chat_id)
    observed(db, chat_id, sightings.renamed(seen, party.name), inbound_at)


def sightings_of_chat(db: sqlite3.Connection, chat_id: int) -> Sightings:
    """What a chat showed of its person; nothing, when there is no such chat."""
    row = db.execute(
        "SELECT party, sightings, last_inbound_at FROM chat WHERE id=?", (chat_id,)
    ).fetchone()
    return Sightings() if row is None else _sightings(row)


def sightings_of(db: sqlite3.Connection, person_id: int) -> list[tuple[int, Sightings]]:
    """What each chat of a person showed of them."""
    rows = db.execute(
        "SELECT id, party, sightings, last_inbound_at FROM chat WHERE person_id=? ORDER BY id",
        (person_id,),
    ).fetchall()
    return [(row["id"], _sightings(row)) for row in rows]


def readdress(db: sqlite3.Connection, scope: str, person_id: int) -> None:
    """Have nobody write to a person under what is not theirs any more."""
    theirs = people_keys.of_person(db, scope, person_id)
    for chat_id, seen in sightings_of(db, person_id):
        now = sightings.owned(seen, theirs)
        if now != seen:
            observed(db, chat_id, now)


def hand_over(db: sqlite3.Connection, chat_id: int, person_id: int) -> bool:
    """Let a chat be somebody else's, without its conversation; False: they have one there."""
    cursor = db.execute(
        "UPDATE OR IGNORE chat SET person_id=?, source_id=NULL, conversation_id=NULL, status=NULL,"
        " assignee_id=NULL, conversation_updated_at=0, fresh_at=0, resolved_at=NULL, team_id=NULL,"
        " team_name=NULL, labels=NULL, profile=NULL WHERE id=?",
        (person_id, chat_id),
    )
    return cursor.rowcount == 1


def instance_of(db: sqlite3.Connection, chat_id: int) -> str:
    """The instance of a chat that exists."""
    row = db.execute("SELECT instance_id FROM chat WHERE id=?", (chat_id,)).fetchone()
    return str(row["instance_id"])


def share_instance(db: sqlite3.Connection, one: int, other: int) -> bool:
    """Whether two persons have a chat on the same instance."""
    row = db.execute(
        "SELECT 1 FROM chat JOIN chat AS theirs ON theirs.instance_id=chat.instance_id"
        " WHERE chat.person_id=? AND theirs.person_id=?",
        (one, other),
    ).fetchone()
    return row is not None


def first_of(db: sqlite3.Connection, person_id: int) -> tuple[int, str] | None:
    """A person's oldest chat, with its instance."""
    row = db.execute(
        "SELECT id, instance_id FROM chat WHERE person_id=? ORDER BY id LIMIT 1", (person_id,)
    ).fetchone()
    return None if row is None else (row["id"], row["instance_id"])


def _party(text: str) -> Party:
    return Party(**orjson.loads(text))


def _sightings(row: sqlite3.Row) -> Sightings:
    stored = orjson.loads(row["sightings"])
    if stored:
        return sightings.told(stored)
    return sightings.of_party(_party(row["party"]), row["last_inbound_at"])


def _chat(row: sqlite3.Row) -> ChatRow:
    values = dict(row)
    values["party"] = _party(values["party"])
    if values["labels"] is not None:
        values["labels"] = frozenset(orjson.loads(values["labels"]))
    return ChatRow(**values)
