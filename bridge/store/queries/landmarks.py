"""What we posted into Chatwoot, as landmarks by which a restored backup is noticed."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from bridge.store.engine import Unit
from bridge.store.queries.ledger import OF_THIS_INBOX

#: Messages that we posted under a source_id of ours, each in the conversation that is named.
_POSTED = (
    "ledger.instance_id=? AND origin IN ('contact','phone') AND chatwoot_id IS NOT NULL"
    " AND conversation_id IS NOT NULL AND whatsapp_id IS NOT NULL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmark:
    chat_id: int
    whatsapp_id: str
    chatwoot_id: int
    conversation_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """Messages behind an edge, when the first of them came (ms), and the last row of them.

    What was posted after the backup was put in place has later rows, though lower numbers.
    """

    messages: int
    since: int
    last_row: int


def newest(db: sqlite3.Connection, instance_id: str, limit: int) -> list[Landmark]:
    """The newest message of each of the conversations that we posted into last."""
    rows = db.execute(
        "SELECT chat_id, conversation_id, whatsapp_id, MAX(chatwoot_id) AS chatwoot_id FROM"  # noqa: S608
        f" (SELECT * FROM ledger WHERE {_POSTED} AND {OF_THIS_INBOX}"
        "  ORDER BY chatwoot_id DESC LIMIT 200)"
        " GROUP BY conversation_id ORDER BY 4 DESC LIMIT ?",
        (instance_id, limit),
    )
    return [_landmark(row) for row in rows]


def back(db: sqlite3.Connection, instance_id: str, count: int) -> Landmark | None:
    """The message so many before the newest one."""
    row = db.execute(
        f"SELECT chat_id, conversation_id, whatsapp_id, chatwoot_id FROM ledger WHERE {_POSTED}"  # noqa: S608
        f" AND {OF_THIS_INBOX} ORDER BY chatwoot_id DESC LIMIT 1 OFFSET ?",
        (instance_id, count),
    ).fetchone()
    return None if row is None else _landmark(row)


def lost(db: sqlite3.Connection, instance_id: str, edge: int) -> Forgotten | None:
    """What came from WhatsApp behind the Chatwoot message `edge`; None: nothing."""
    row = db.execute(
        "WITH newest AS (SELECT id FROM ledger"  # noqa: S608
        f" WHERE {_POSTED} ORDER BY chatwoot_id DESC LIMIT 1)"
        " SELECT COUNT(*) AS messages, MIN(created_at) AS since,"
        f" (SELECT id FROM newest) AS last_row FROM ledger WHERE {_POSTED} AND {OF_THIS_INBOX}"
        " AND chatwoot_id>? AND ledger.id <= (SELECT id FROM newest)",
        (instance_id, instance_id, edge),
    ).fetchone()
    return Forgotten(**dict(row)) if row["messages"] else None


def unbind(instance_id: str, scope: str, limit: int, unit: Unit) -> bool:
    """Forget contacts and conversations of an instance's chats; False: none is bound any more."""
    chats = unit.db.execute(
        "UPDATE chat SET source_id=NULL, conversation_id=NULL, status=NULL, fresh_at=0 WHERE id IN"
        " (SELECT id FROM chat WHERE instance_id=? AND merged_into IS NULL"
        "  AND (source_id IS NOT NULL OR conversation_id IS NOT NULL) LIMIT ?)",
        (instance_id, limit),
    ).rowcount
    contacts = unit.db.execute(
        "UPDATE contact SET contact_id=NULL WHERE rowid IN"
        " (SELECT rowid FROM contact WHERE scope=? AND contact_id IS NOT NULL LIMIT ?)",
        (scope, limit),
    ).rowcount
    unit.db.execute("DELETE FROM other_contact WHERE scope=?", (scope,))
    return chats + contacts > 0


def forget(instance_id: str, edge: int, last_row: int, limit: int, unit: Unit) -> bool:
    """Forget which Chatwoot messages behind `edge` were which; False: nothing is left of them."""
    return (
        unit.db.execute(
            "UPDATE ledger SET chatwoot_id=NULL, conversation_id=NULL WHERE id IN"
            " (SELECT id FROM ledger WHERE instance_id=? AND chatwoot_id>? AND id<=? LIMIT ?)",
            (instance_id, edge, last_row, limit),
        ).rowcount
        > 0
    )


def conversation_gone(landmark: Landmark, unit: Unit) -> None:
    """Nothing that is known of a conversation holds any more, nor of what stood in it."""
    names = (landmark.chat_id, landmark.conversation_id)
    unit.db.execute(
        "UPDATE ledger SET chatwoot_id=NULL, conversation_id=NULL"
        " WHERE chat_id=? AND conversation_id=?",
        names,
    )
    unit.db.execute(
        "UPDATE chat SET conversation_id=NULL, status=NULL WHERE id=? AND conversation_id=?", names
    )


def _landmark(row: sqlite3.Row) -> Landmark:
    return Landmark(**dict(row))
