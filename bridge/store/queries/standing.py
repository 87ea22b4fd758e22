"""What stands in Chatwoot of a WhatsApp message, for what happens to that later."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bridge.core.message import AGAIN, MADE_UP
from bridge.store.queries.ledger import OF_THIS_INBOX


def tells(
    db: sqlite3.Connection,
    *,
    instance_id: str,
    chat_id: int,
    job_id: int,
    whatsapp_ids: Sequence[str],
    chatwoot_id: int,
    conversation_id: int,
    now: int,
) -> None:
    """A message stands in Chatwoot that tells of a change, whoever made it.

    It is no message of its own on WhatsApp, so nothing of it can be deleted or confirmed there.
    Several ids may mean it; the first is what its quotes go by.
    """
    db.executemany(
        "INSERT INTO ledger(instance_id, chat_id, job_id, origin, part, whatsapp_id, chatwoot_id,"
        " conversation_id, state, state_at, created_at)"
        " VALUES(?,?,?,'contact',?,?,?,?,'received',?,?)",
        [
            (instance_id, chat_id, job_id, part, one, chatwoot_id, conversation_id, now, now)
            for part, one in enumerate(whatsapp_ids)
        ],
    )


def message(
    db: sqlite3.Connection, instance_id: str, whatsapp_id: str, chat_id: int
) -> sqlite3.Row | None:
    """A WhatsApp message of a chat that stands in Chatwoot, with its job's payload."""
    row: sqlite3.Row | None = db.execute(
        "SELECT ledger.id, origin, chatwoot_id, conversation_id, job.payload"  # noqa: S608
        " FROM ledger LEFT JOIN job ON job.id=ledger.job_id"
        " WHERE ledger.instance_id=? AND whatsapp_id=? AND ledger.chat_id=?"
        " AND chatwoot_id IS NOT NULL AND conversation_id IS NOT NULL"
        f" AND {OF_THIS_INBOX} ORDER BY ledger.id DESC LIMIT 1",
        (instance_id, whatsapp_id, chat_id),
    ).fetchone()
    return row


def parts_of(db: sqlite3.Connection, instance_id: str, chatwoot_id: int) -> list[int]:
    """The rows of what a Chatwoot message is on WhatsApp, whoever wrote it."""
    rows = db.execute(
        "SELECT id FROM ledger WHERE instance_id=? AND chatwoot_id=? AND whatsapp_id IS NOT NULL"  # noqa: S608
        f" AND state NOT IN ('superseded','failed') AND {OF_THIS_INBOX}",
        (instance_id, chatwoot_id),
    ).fetchall()
    return [row["id"] for row in rows]


def telling_of(
    db: sqlite3.Connection, instance_id: str, whatsapp_id: str, chat_id: int
) -> list[sqlite3.Row]:
    """What repeats a message in Chatwoot (its edits, its file), with the payloads of their jobs."""
    start = f"{whatsapp_id}{MADE_UP}edited."
    rows = db.execute(
        "SELECT conversation_id, chatwoot_id, job.payload FROM ledger"  # noqa: S608
        " LEFT JOIN job ON job.id=ledger.job_id WHERE ledger.instance_id=?"
        " AND (whatsapp_id=? OR whatsapp_id >= ? AND whatsapp_id < ?) AND ledger.chat_id=?"
        f" AND chatwoot_id IS NOT NULL AND {OF_THIS_INBOX} ORDER BY ledger.id",
        (instance_id, f"{whatsapp_id}{AGAIN}", start, f"{start[:-1]}/", chat_id),
    ).fetchall()
    return list(rows)
