"""Which WhatsApp message is which Chatwoot message, and how far each has come."""

from __future__ import annotations

import sqlite3
from typing import Any, Literal

from bridge.core.message import MADE_UP

#: Ids from before the inbox was set up are those of another inbox, or of another Chatwoot.
OF_THIS_INBOX = (
    "ledger.created_at + 999 >= COALESCE((SELECT provisioned_at FROM chatwoot_inbox"
    " WHERE chatwoot_inbox.instance_id=ledger.instance_id), 0)"
)


def posted(
    db: sqlite3.Connection,
    *,
    origin: Literal["contact", "phone"],
    instance_id: str,
    chat_id: int,
    job_id: int,
    whatsapp_id: str,
    chatwoot_id: int,
    conversation_id: int,
    now: int,
    missing: str | None = None,
) -> None:
    """A message from WhatsApp stands in Chatwoot: a customer's, or one of our own phone.

    The latter has been sent, so receipts for it may follow. What Ponte itself said has its row.
    `missing` is why its file could not be had: what stands there is a placeholder.
    """
    said = db.execute(  # all parts of it: each may be quoted
        "UPDATE ledger SET chatwoot_id=?, conversation_id=?"
        " WHERE origin='automatic' AND chatwoot_id IS NULL AND job_id IN (SELECT job_id FROM ledger"
        "  WHERE instance_id=? AND whatsapp_id=? AND origin='automatic')",
        (chatwoot_id, conversation_id, instance_id, whatsapp_id),
    )
    if said.rowcount:
        return
    db.execute(
        "INSERT INTO ledger(instance_id, chat_id, job_id, origin, part, whatsapp_id, chatwoot_id,"
        " conversation_id, state, state_at, cause, created_at)"
        " VALUES(?,?,?,?,0,?,?,?,?,?,?,?)",
        (
            instance_id,
            chat_id,
            job_id,
            origin,
            whatsapp_id,
            chatwoot_id,
            conversation_id,
            "received" if origin == "contact" else "sent",
            now,
            missing,
            now,
        ),
    )


def shown(db: sqlite3.Connection, instance_id: str, chatwoot_id: int) -> sqlite3.Row | None:
    """The message from WhatsApp that a Chatwoot message shows, with the payload of its job.

    `cause` says why its file is missing.
    """
    row: sqlite3.Row | None = db.execute(
        "SELECT ledger.chat_id, whatsapp_id, chatwoot_id, conversation_id, ledger.cause,"  # noqa: S608
        " job.payload FROM ledger LEFT JOIN job ON job.id=ledger.job_id"
        " WHERE ledger.instance_id=? AND chatwoot_id=? AND origin IN ('contact','phone')"
        f" AND {OF_THIS_INBOX} ORDER BY ledger.id DESC LIMIT 1",
        (instance_id, chatwoot_id),
    ).fetchone()
    return row


def lacks_file(db: sqlite3.Connection, instance_id: str, whatsapp_id: str) -> bool:
    """Whether a placeholder stands for the file of a message."""
    return (
        db.execute(
            "SELECT 1 FROM ledger WHERE instance_id=? AND whatsapp_id=?"
            " AND origin IN ('contact','phone') AND cause IS NOT NULL",
            (instance_id, whatsapp_id),
        ).fetchone()
        is not None
    )


def file_came(db: sqlite3.Connection, instance_id: str, whatsapp_id: str) -> None:
    """The file of a placeholder stands in Chatwoot by now, or is wanted no more."""
    db.execute(
        "UPDATE ledger SET cause=NULL WHERE instance_id=? AND whatsapp_id=?"
        " AND origin IN ('contact','phone')",
        (instance_id, whatsapp_id),
    )


def last_before(
    db: sqlite3.Connection, *, chat_id: int, conversation: int, job_id: int, by: int | None
) -> int | None:
    """The newest Chatwoot message that an earlier accepted message from WhatsApp became.

    A lane works in order, so every attempt of job `job_id` came after it. But for what moved into
    its lane with another chat: then `by` is when the job was accepted (ms).
    """
    row = db.execute(
        "SELECT MAX(chatwoot_id) FROM ledger WHERE chat_id=? AND conversation_id=?"  # noqa: S608
        f" AND origin IN ('contact','phone') AND job_id<? AND {OF_THIS_INBOX}"
        " AND (? IS NULL OR created_at<=?)",
        (chat_id, conversation, job_id, by, by),
    ).fetchone()
    return None if row[0] is None else int(row[0])


def parts(db: sqlite3.Connection, job_id: int) -> list[sqlite3.Row]:
    """What is known of each part of an outgoing message; a part tried again has several rows."""
    return db.execute(
        "SELECT id, part, whatsapp_id, tag, state, state_at, created_at, cause, reason FROM ledger"
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
        " state=CASE WHEN state IN ('intent','unknown','retried') THEN 'accepted' ELSE state END"
        " WHERE id=?",
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
        "id, chat_id, job_id, origin, part, whatsapp_id, chatwoot_id, conversation_id, state,"
        " instance_id, created_at, cause, reason"
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


def by_whatsapp(db: sqlite3.Connection, instance_id: str, whatsapp_id: str) -> sqlite3.Row | None:
    """The newest row of a WhatsApp message, whoever wrote it, with what its job was about."""
    row: sqlite3.Row | None = db.execute(
        "SELECT ledger.id, ledger.chat_id, origin, chatwoot_id, conversation_id, job.ref,"  # noqa: S608
        " job.payload FROM ledger LEFT JOIN job ON job.id=ledger.job_id"
        " WHERE ledger.instance_id=? AND whatsapp_id=?"
        f" AND {OF_THIS_INBOX} ORDER BY ledger.id DESC LIMIT 1",
        (instance_id, whatsapp_id),
    ).fetchone()
    return row


def is_ours(db: sqlite3.Connection, instance_id: str, whatsapp_id: str) -> bool:
    """True when we sent this message ourselves, and it stands in Chatwoot."""
    return (
        db.execute(
            "SELECT 1 FROM ledger WHERE instance_id=? AND whatsapp_id=?"
            " AND origin NOT IN ('contact','phone')"
            " AND (origin<>'automatic' OR chatwoot_id IS NOT NULL)",
            (instance_id, whatsapp_id),
        ).fetchone()
        is not None
    )


def is_bubble(db: sqlite3.Connection, instance_id: str, whatsapp_id: str) -> bool:
    """True when a flow of ours said this message."""
    return (
        db.execute(
            "SELECT 1 FROM ledger JOIN job ON job.id=ledger.job_id"
            " WHERE ledger.instance_id=? AND whatsapp_id=? AND origin='automatic'"
            " AND job.kind='bubble'",
            (instance_id, whatsapp_id),
        ).fetchone()
        is not None
    )


def we_sent(db: sqlite3.Connection, instance_id: str, whatsapp_id: str) -> bool:
    """True when this message went out through us, wherever else it stands."""
    return (
        db.execute(
            "SELECT 1 FROM ledger WHERE instance_id=? AND whatsapp_id=?"
            " AND origin NOT IN ('contact','phone')",
            (instance_id, whatsapp_id),
        ).fetchone()
        is not None
    )


def is_sending(db: sqlite3.Connection, chat_id: int, *, since: int, until: int) -> bool:
    """True while a send into the chat, begun between two moments (ms), was not answered."""
    return (
        db.execute(
            "SELECT 1 FROM ledger WHERE chat_id=? AND state IN ('intent','unknown')"
            " AND created_at BETWEEN ? AND ?",
            (chat_id, since, until),
        ).fetchone()
        is not None
    )


def is_in_flight(db: sqlite3.Connection, chat_id: int) -> bool:
    """True while a send into the chat has neither been answered nor broken off."""
    return (
        db.execute("SELECT 1 FROM ledger WHERE chat_id=? AND state='intent'", (chat_id,)).fetchone()
        is not None
    )


def went_out(db: sqlite3.Connection, instance_id: str, chatwoot_id: int) -> list[sqlite3.Row]:
    """What of a Chatwoot message is on WhatsApp, or may be: the parts that we or our phone sent."""
    return db.execute(
        "SELECT id, chat_id, part, whatsapp_id, state, state_at, created_at FROM ledger"  # noqa: S608
        " WHERE instance_id=? AND chatwoot_id=? AND origin<>'contact'"
        f" AND state NOT IN ('superseded','failed') AND {OF_THIS_INBOX} ORDER BY part, id",
        (instance_id, chatwoot_id),
    ).fetchall()


def last_said(db: sqlite3.Connection, chat_id: int, job_id: int) -> sqlite3.Row | None:
    """The newest that our side said in a chat, but for one job, with its job's payload.

    What did not go out was not said.
    """
    row: sqlite3.Row | None = db.execute(
        "SELECT origin, job.payload FROM ledger LEFT JOIN job ON job.id=ledger.job_id"
        " WHERE ledger.chat_id=? AND origin<>'contact' AND ledger.job_id<>?"
        " AND ledger.state NOT IN ('superseded','failed') ORDER BY ledger.id DESC LIMIT 1",
        (chat_id, job_id),
    ).fetchone()
    return row


def last_heard(db: sqlite3.Connection, chat_id: int) -> str | None:
    """WhatsApp's id of the newest message of the person's in a chat; no call, nothing made up."""
    row = db.execute(
        "SELECT whatsapp_id FROM ledger WHERE chat_id=? AND origin='contact'"
        " AND instr(whatsapp_id, ?)=0 ORDER BY id DESC LIMIT 1",
        (chat_id, MADE_UP),
    ).fetchone()
    return None if row is None else str(row[0])


def quoted(db: sqlite3.Connection, instance_id: str, chatwoot_id: int) -> sqlite3.Row | None:
    """The WhatsApp message that a Chatwoot message is (its first part), with its job's payload."""
    row: sqlite3.Row | None = db.execute(
        "SELECT whatsapp_id, origin, ledger.chat_id, job.payload FROM ledger"  # noqa: S608
        " LEFT JOIN job ON job.id=ledger.job_id"
        " WHERE ledger.instance_id=? AND chatwoot_id=? AND whatsapp_id IS NOT NULL"
        f" AND {OF_THIS_INBOX} ORDER BY part, ledger.id DESC LIMIT 1",
        (instance_id, chatwoot_id),
    ).fetchone()
    return row


def by_whatsapp_id(
    db: sqlite3.Connection, instance_id: str, whatsapp_id: str, chat_id: int
) -> sqlite3.Row | None:
    """The newest row of a WhatsApp message of a chat, as `quoted` gives it."""
    row: sqlite3.Row | None = db.execute(
        "SELECT whatsapp_id, origin, job.payload FROM ledger"  # noqa: S608
        " LEFT JOIN job ON job.id=ledger.job_id"
        " WHERE ledger.instance_id=? AND whatsapp_id=? AND ledger.chat_id=?"
        f" AND {OF_THIS_INBOX} ORDER BY ledger.id DESC LIMIT 1",
        (instance_id, whatsapp_id, chat_id),
    ).fetchone()
    return row


def chatwoot_of(
    db: sqlite3.Connection, instance_id: str, whatsapp_id: str
) -> tuple[int, int] | None:
    """(Chatwoot message id, conversation id) of a WhatsApp message, for a quote."""
    row = db.execute(
        "SELECT chatwoot_id, conversation_id FROM ledger WHERE instance_id=? AND whatsapp_id=?"  # noqa: S608
        f" AND chatwoot_id IS NOT NULL AND {OF_THIS_INBOX} ORDER BY id DESC LIMIT 1",
        (instance_id, whatsapp_id),
    ).fetchone()
    return None if row is None else (row[0], row[1])


def is_on_whatsapp(db: sqlite3.Connection, instance_id: str, chatwoot_id: int) -> bool:
    """Whether anything of a Chatwoot message has an id on WhatsApp."""
    return (
        db.execute(
            "SELECT 1 FROM ledger WHERE instance_id=? AND chatwoot_id=?"  # noqa: S608
            f" AND whatsapp_id IS NOT NULL AND {OF_THIS_INBOX}",
            (instance_id, chatwoot_id),
        ).fetchone()
        is not None
    )


def of_job(db: sqlite3.Connection, job_id: int) -> list[sqlite3.Row]:
    """Everything that a job sent or posted, for `ponte why`."""
    return db.execute(
        "SELECT part, origin, whatsapp_id, chatwoot_id, conversation_id, state, state_at, cause,"
        " reason FROM ledger WHERE job_id=? ORDER BY part, id",
        (job_id,),
    ).fetchall()
