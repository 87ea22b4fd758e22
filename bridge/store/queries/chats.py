"""People, their keys, contacts and chats."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from bridge.core.party import Party


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


_SELECT = (
    "SELECT chat.id, chat.instance_id, chat.person_id, chat.party, chat.source_id,"
    " chat.conversation_id, chat.status, chat.assignee_id, chat.conversation_updated_at,"
    " chat.fresh_at, chat.last_inbound_at, chat.merged_into,"
    " contact.contact_id, contact.name AS contact_name"
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


def persons(db: sqlite3.Connection, scope: str, keys: Sequence[str]) -> dict[str, int]:
    """Which person each known key belongs to."""
    marks = ",".join("?" * len(keys))
    rows = db.execute(
        f"SELECT key, person_id FROM identity_key WHERE scope=? AND key IN ({marks})",  # noqa: S608
        (scope, *keys),
    )
    return {row["key"]: row["person_id"] for row in rows}


def new_person(db: sqlite3.Connection, scope: str, now: int) -> int:
    cursor = db.execute("INSERT INTO person(scope, created_at) VALUES(?,?)", (scope, now))
    return int(cursor.lastrowid or 0)


def learn(
    db: sqlite3.Connection,
    scope: str,
    keys: Sequence[str],
    person_id: int,
    *,
    evidence: str,
    now: int,
) -> None:
    """Keep that these keys are this person's; a key that is known already is left alone."""
    db.executemany(
        "INSERT OR IGNORE INTO identity_key(scope, key, person_id, evidence, learnt_at)"
        " VALUES(?,?,?,?,?)",
        [(scope, key, person_id, evidence, now) for key in keys],
    )


def has_key_of(db: sqlite3.Connection, scope: str, person_id: int, kind: str) -> bool:
    """Whether a person has a key of this kind."""
    row = db.execute(
        "SELECT 1 FROM identity_key WHERE scope=? AND person_id=? AND key >= ? AND key < ?",
        (scope, person_id, f"{kind}:", f"{kind};"),
    ).fetchone()
    return row is not None


def give_key(db: sqlite3.Connection, scope: str, key: str, person_id: int) -> None:
    """Let a key be somebody else's from now on."""
    db.execute(
        "UPDATE identity_key SET person_id=? WHERE scope=? AND key=?", (person_id, scope, key)
    )


def parties(db: sqlite3.Connection, person_id: int) -> list[tuple[int, Party]]:
    """All chats of a person, each with the party as last seen."""
    rows = db.execute("SELECT id, party FROM chat WHERE person_id=?", (person_id,)).fetchall()
    return [(row["id"], _party(row["party"])) for row in rows]


def chat_of(
    db: sqlite3.Connection, instance_id: str, person_id: int, now: int
) -> tuple[int, Party, int]:
    """The person's chat on this instance (made when missing), its party, its last inbound time."""
    row = db.execute(
        "SELECT id, party, last_inbound_at FROM chat WHERE instance_id=? AND person_id=?",
        (instance_id, person_id),
    ).fetchone()
    if row is not None:
        return row["id"], _party(row["party"]), row["last_inbound_at"]
    cursor = db.execute(
        "INSERT INTO chat(instance_id, person_id, party, conversation_updated_at, fresh_at,"
        " last_inbound_at, created_at) VALUES(?,?,'{}',0,0,0,?)",
        (instance_id, person_id, now),
    )
    return int(cursor.lastrowid or 0), Party(), 0


def seen_party(db: sqlite3.Connection, chat_id: int, party: Party, inbound_at: int) -> None:
    """Keep the address as last seen, and when the person last wrote (0: they did not)."""
    db.execute(
        "UPDATE chat SET party=?, last_inbound_at=MAX(last_inbound_at, ?) WHERE id=?",
        (orjson.dumps(party).decode(), inbound_at, chat_id),
    )


def bind(
    db: sqlite3.Connection,
    chat_id: int,
    *,
    source_id: str | None,
    conversation_id: int | None,
    status: str | None,
    assignee_id: int | None = None,
    updated_at: float = 0,
    fresh_at: int = 0,
) -> None:
    """Keep which contact inbox and conversation the chat uses now."""
    db.execute(
        "UPDATE chat SET source_id=?, conversation_id=?, status=?, assignee_id=?,"
        " conversation_updated_at=?, fresh_at=? WHERE id=?",
        (
            source_id,
            conversation_id,
            status,
            assignee_id,
            updated_at,
            fresh_at,
            chat_id,
        ),
    )


def posted(db: sqlite3.Connection, chat_id: int, *, opens: bool, now: int) -> None:
    """A message from WhatsApp stands in the conversation; a customer's `opens` it."""
    db.execute(
        "UPDATE chat SET fresh_at=MAX(fresh_at, ?),"
        # Chatwoot opened it by itself; its webhook will say so, or say better.
        " status=CASE WHEN ? AND status IN ('resolved','snoozed') THEN 'open' ELSE status END"
        " WHERE id=?",
        (now, opens, chat_id),
    )


def conversation_news(
    db: sqlite3.Connection,
    chat_id: int,
    *,
    conversation_id: int,
    status: str,
    assignee_id: int | None,
    updated_at: float,
    now: int,
) -> bool:
    """Take over what a webhook tells of the bound conversation, unless it is old news."""
    cursor = db.execute(
        "UPDATE chat SET status=?, assignee_id=?, conversation_updated_at=?, fresh_at=?"
        " WHERE id=? AND conversation_id=? AND conversation_updated_at <= ?"
        " AND (status IS NOT ? OR assignee_id IS NOT ? OR conversation_updated_at < ?)",
        (
            status,
            assignee_id,
            updated_at,
            now,
            chat_id,
            conversation_id,
            updated_at,
            status,
            assignee_id,
            updated_at,
        ),
    )
    return cursor.rowcount == 1


def claim_contact(
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
    """Keep the person's contact (None: it is gone) and give the claim back."""
    db.execute(
        "INSERT INTO contact(scope, person_id, contact_id, name, claimed_at) VALUES(?,?,?,?,0)"
        " ON CONFLICT(scope, person_id) DO UPDATE SET contact_id=excluded.contact_id,"
        " name=COALESCE(excluded.name, name), claimed_by=NULL",
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


def contacts_of_others(db: sqlite3.Connection, scope: str, person_id: int) -> set[int]:
    """The contacts that belong to anybody else."""
    rows = db.execute(
        "SELECT contact_id FROM contact WHERE scope=? AND person_id<>? AND contact_id IS NOT NULL",
        (scope, person_id),
    )
    return {row["contact_id"] for row in rows}


def release_claim(db: sqlite3.Connection, scope: str, person_id: int, by: str) -> None:
    db.execute(
        "UPDATE contact SET claimed_by=NULL WHERE scope=? AND person_id=? AND claimed_by=?",
        (scope, person_id, by),
    )


def link(db: sqlite3.Connection, scope: str, keep: int, gone: int) -> list[tuple[int, int]]:
    """Make two persons one: keys and chats of `gone` become those of `keep`.

    Returns (kept chat, given-up chat) for each instance on which both had one.
    """
    db.execute("UPDATE identity_key SET person_id=? WHERE person_id=?", (keep, gone))
    db.execute("UPDATE person SET merged_into=? WHERE id=?", (keep, gone))
    pairs: list[tuple[int, int]] = []
    chats = db.execute("SELECT id, instance_id FROM chat WHERE person_id=?", (gone,)).fetchall()
    for chat_id, instance_id in [(row["id"], row["instance_id"]) for row in chats]:
        kept = db.execute(
            "SELECT id FROM chat WHERE instance_id=? AND person_id=?", (instance_id, keep)
        ).fetchone()
        if kept is None:
            db.execute("UPDATE chat SET person_id=? WHERE id=?", (keep, chat_id))
        else:
            _absorb(db, kept["id"], chat_id)
            pairs.append((kept["id"], chat_id))
    contact = db.execute(
        "SELECT contact_id, name FROM contact WHERE scope=? AND person_id=?", (scope, gone)
    ).fetchone()
    if contact is not None and contact["contact_id"] is not None:
        db.execute(
            "INSERT INTO contact(scope, person_id, contact_id, name, claimed_at) VALUES(?,?,?,?,0)"
            " ON CONFLICT(scope, person_id) DO UPDATE SET"
            " contact_id=COALESCE(contact_id, excluded.contact_id),"
            " name=COALESCE(name, excluded.name)",
            (scope, keep, contact["contact_id"], contact["name"]),
        )
        db.execute("DELETE FROM contact WHERE scope=? AND person_id=?", (scope, gone))
    return pairs


def _absorb(db: sqlite3.Connection, kept: int, gone: int) -> None:
    """Let one chat take over another's binding when it has none itself, and its ledger."""
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
    db.execute("UPDATE chat SET merged_into=?, person_id=-id WHERE id=?", (kept, gone))
    db.execute("UPDATE ledger SET chat_id=? WHERE chat_id=?", (kept, gone))


def _party(text: str) -> Party:
    return Party(**orjson.loads(text))


def _chat(row: sqlite3.Row) -> ChatRow:
    values = dict(row)
    values["party"] = _party(values["party"])
    return ChatRow(**values)
