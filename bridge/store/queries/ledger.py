"""Which WhatsApp message is which Chatwoot message, and how far each has come."""

from __future__ import annotations

import sqlite3
from typing import Any

#: Ids from before the inbox was set up are those of another inbox, or of another Chatwoot.
_OF_THIS_INBOX = (
    "created_at + 999 >= COALESCE((SELECT provisioned_at FROM chatwoot_inbox"
    " WHERE chatwoot_inbox.instance_id=ledger.instance_id), 0)"
)


def received(
    db: sqlite3.Connection,
    *,
    instance_id: str,
    chat_id: int,
    job_id: int,
    whatsapp_id: str,
    chatwoot_id: int,
    conversation_id: int,
    now: int,
) -> None:
    """A customer's message stands in Chatwoot."""
    db.execute(
        "INSERT INTO ledger(instance_id, chat_id, job_id, origin, part, whatsapp_id, chatwoot_id,"
        " conversation_id, state, state_at, created_at)"
        " VALUES(?,?,?,'contact',0,?,?,?,'received',?,?)",
        (instance_id, chat_id, job_id, whatsapp_id, chatwoot_id, conversation_id, now, now),
    )


def last_before(
    db: sqlite3.Connection, *, chat_id: int, conversation: int, job_id: int
) -> int | None:
    """The newest Chatwoot message that an earlier accepted customer's message became.

    A lane works in order, so every attempt of job `job_id` came after it.
    """
    row = db.execute(
        "SELECT MAX(chatwoot_id) FROM ledger WHERE chat_id=? AND conversation_id=?"  # noqa: S608
        f" AND origin='contact' AND job_id<? AND {_OF_THIS_INBOX}",
        (chat_id, conversation, job_id),
    ).fetchone()
    return None if row[0] is None else int(row[0])


def parts(db: sqlite3.Connection, job_id: int) -> list[sqlite3.Row]:
    """What is known of each part of an outgoing message; a part tried again has several rows."""
    return db.execute(
        "SELECT id, part, whatsapp_id, tag, state, state_at, cause, reason FROM ledger"
        " WHERE job_id=? ORDER BY part, id",
        (job_id,),
    ).fetchall()


def intend(db: sqlite3.Connection, values: dict[str, Any]) -> int:
    """Write down that a part is about to be sent, before it is."""
    cursor = db.execute(
        "INSERT INTO ledger(instance_id, chat_id, job_id, origin, part, chatwoot_id,"
        " conversation_id, tag, state, state_at, created_at)"
        " VALUES(:instance_id, :chat_id, :job_id, :origin, :part, :chatwoot_id,"
        " :conversation_id, :tag, 'intent', :now, :now)",
        values,
    )
    return int(cursor.lastrowid or 0)


def sent(db: sqlite3.Connection, row_id: int, whatsapp_id: str, now: int) -> None:
    """The channel took it; a status that was faster stays."""
    db.execute(
        "UPDATE ledger SET whatsapp_id=?, state_at=?,"
        " state=CASE WHEN state IN ('intent','unknown') THEN 'accepted' ELSE state END WHERE id=?",
        (whatsapp_id, now, row_id),
    )


def state_of(db: sqlite3.Connection, row_id: int) -> str:
    return str(db.execute("SELECT state FROM ledger WHERE id=?", (row_id,)).fetchone()[0])


def set_state(
    db: sqlite3.Connection,
    row_id: int,
    state: str,
    now: int,
    *,
    cause: str | None = None,
    reason: str | None = None,
) -> None:
    db.execute(
        "UPDATE ledger SET state=?, state_at=?, cause=?, reason=? WHERE id=?",
        (state, now, cause, reason, row_id),
    )


def by_status(
    db: sqlite3.Connection, instance_id: str, whatsapp_id: str, tag: str | None
) -> sqlite3.Row | None:
    """The outgoing part that a status is about: by our key, else by WhatsApp's id."""
    columns = (
        "id, chat_id, job_id, part, whatsapp_id, chatwoot_id, conversation_id, state, instance_id,"
        " created_at"
    )
    row: sqlite3.Row | None = None
    if tag is not None:
        row = db.execute(
            f"SELECT {columns} FROM ledger WHERE tag=? AND instance_id=?",  # noqa: S608
            (tag, instance_id),
        ).fetchone()
    if row is None:
        row = db.execute(
            f"SELECT {columns} FROM ledger"  # noqa: S608
            " WHERE instance_id=? AND whatsapp_id=? AND origin<>'contact'",
            (instance_id, whatsapp_id),
        ).fetchone()
    return row


def chatwoot_of(
    db: sqlite3.Connection, instance_id: str, whatsapp_id: str
) -> tuple[int, int] | None:
    """(Chatwoot message id, conversation id) of a WhatsApp message, for a quote."""
    row = db.execute(
        "SELECT chatwoot_id, conversation_id FROM ledger WHERE instance_id=? AND whatsapp_id=?"  # noqa: S608
        f" AND chatwoot_id IS NOT NULL AND {_OF_THIS_INBOX} ORDER BY id DESC LIMIT 1",
        (instance_id, whatsapp_id),
    ).fetchone()
    return None if row is None else (row[0], row[1])


def whatsapp_of(db: sqlite3.Connection, instance_id: str, chatwoot_id: int) -> str | None:
    """The WhatsApp id of a Chatwoot message (its first part), for a quote."""
    row = db.execute(
        "SELECT whatsapp_id FROM ledger WHERE instance_id=? AND chatwoot_id=?"  # noqa: S608
        f" AND whatsapp_id IS NOT NULL AND {_OF_THIS_INBOX} ORDER BY part, id DESC LIMIT 1",
        (instance_id, chatwoot_id),
    ).fetchone()
    return None if row is None else str(row[0])


def of_job(db: sqlite3.Connection, job_id: int) -> list[sqlite3.Row]:
    """Everything that a job sent or posted, for `ponte why`."""
    return db.execute(
        "SELECT part, origin, whatsapp_id, chatwoot_id, conversation_id, state, state_at, cause,"
        " reason FROM ledger WHERE job_id=? ORDER BY part, id",
        (job_id,),
    ).fetchall()
