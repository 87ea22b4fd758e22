"""The control room of each number: where it is, and what was said there."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What must not be said twice; see `tables.chats.Room`."""

    qr_message_id: int | None = None
    losses: int = 0
    losses_since: int | None = None
    alerts: dict[str, int] = field(default_factory=dict)


def said(db: sqlite3.Connection, instance_id: str) -> Said:
    row = db.execute(
        "SELECT qr_message_id, losses, losses_since, alerts FROM room WHERE instance_id=?",
        (instance_id,),
    ).fetchone()
    if row is None:
        return Said()
    return Said(
        qr_message_id=row["qr_message_id"],
        losses=row["losses"],
        losses_since=row["losses_since"],
        alerts=orjson.loads(row["alerts"]),
    )


def _put(db: sqlite3.Connection, instance_id: str, column: str, value: object) -> None:
    """Store one thing; of an instance that is gone nothing."""
    db.execute(
        "INSERT INTO room(instance_id, losses, alerts) SELECT id, 0, '{}' FROM instance WHERE id=?"
        " ON CONFLICT(instance_id) DO NOTHING",
        (instance_id,),
    )
    db.execute(f"UPDATE room SET {column}=? WHERE instance_id=?", (value, instance_id))  # noqa: S608


def picture(db: sqlite3.Connection, instance_id: str, message_id: int | None) -> None:
    """Which message shows a QR code; 0: one may, whose id nobody learnt; None: none does."""
    _put(db, instance_id, "qr_message_id", message_id)


def pictures(db: sqlite3.Connection) -> dict[str, int]:
    """The instances whose control room may show a QR code, with its message (see `picture`)."""
    rows = db.execute(
        "SELECT instance_id, qr_message_id FROM room WHERE qr_message_id IS NOT NULL"
    ).fetchall()
    return {row["instance_id"]: row["qr_message_id"] for row in rows}


def losses(db: sqlite3.Connection, instance_id: str, count: int, since: int | None) -> None:
    _put(db, instance_id, "losses", count)
    _put(db, instance_id, "losses_since", since)


def alert(db: sqlite3.Connection, instance_id: str, name: str, at: int | None) -> None:
    """An alert was told at this moment; None: it is over."""
    alerts: dict[str, Any] = {**said(db, instance_id).alerts, name: at}
    if at is None:
        del alerts[name]
    _put(db, instance_id, "alerts", orjson.dumps(alerts).decode())


def alerts(db: sqlite3.Connection, name: str) -> list[str]:
    """The instances of which an alert was told that is not over."""
    rows = db.execute("SELECT instance_id, alerts FROM room WHERE alerts<>'{}'").fetchall()
    return [row["instance_id"] for row in rows if name in orjson.loads(row["alerts"])]


def move(
    db: sqlite3.Connection,
    instance_id: str,
    *,
    inbox_id: int,
    contact_id: int | None,
    conversation_id: int | None,
) -> bool:
    """The room is another conversation now; False: the instance has another inbox by now."""
    changed = db.execute(
        "UPDATE chatwoot_inbox SET bot_contact_id=?, bot_conversation_id=?"
        " WHERE instance_id=? AND inbox_id=?",
        (contact_id, conversation_id, instance_id, inbox_id),
    )
    return changed.rowcount == 1
