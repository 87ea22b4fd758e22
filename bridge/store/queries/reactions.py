"""The emojis that people have on messages."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What somebody has on a message since `at` (ms); no emoji: it was taken away."""

    emoji: str | None
    at: int


def of(db: sqlite3.Connection, instance_id: str, target: str, sender: str) -> Standing | None:
    row = db.execute(
        "SELECT emoji, at FROM reaction WHERE instance_id=? AND target=? AND sender=?",
        (instance_id, target, sender),
    ).fetchone()
    return None if row is None else Standing(emoji=row["emoji"], at=row["at"])


def put(
    db: sqlite3.Connection, instance_id: str, target: str, sender: str, now_is: Standing
) -> None:
    """Keep what somebody has on a message now; what is newer stays."""
    db.execute(
        "INSERT INTO reaction(instance_id, target, sender, emoji, at) VALUES(?,?,?,?,?)"
        " ON CONFLICT(instance_id, target, sender) DO UPDATE SET emoji=excluded.emoji,"
        " at=excluded.at WHERE excluded.at >= reaction.at",
        (instance_id, target, sender, now_is.emoji, now_is.at),
    )


def move(db: sqlite3.Connection, instance_id: str, chat_id: int, to: int) -> None:
    """Let what the person of a chat did with its messages, by now another's, be of that one."""
    values = {"instance": instance_id, "old": f"chat:{chat_id}", "new": f"chat:{to}", "to": to}
    where = (
        "instance_id=:instance AND sender=:old"
        " AND target IN (SELECT whatsapp_id FROM ledger WHERE chat_id=:to)"
    )
    db.execute(
        "INSERT INTO reaction(instance_id, target, sender, emoji, at)"  # noqa: S608
        f" SELECT instance_id, target, :new, emoji, at FROM reaction WHERE {where}"
        " ON CONFLICT(instance_id, target, sender) DO UPDATE SET emoji=excluded.emoji,"
        " at=excluded.at WHERE excluded.at >= reaction.at",
        values,
    )
    db.execute(f"DELETE FROM reaction WHERE {where}", values)  # noqa: S608


def purge(db: sqlite3.Connection, before: int, limit: int) -> int:
    return db.execute(
        "DELETE FROM reaction WHERE rowid IN (SELECT rowid FROM reaction WHERE at<? LIMIT ?)",
        (before, limit),
    ).rowcount
