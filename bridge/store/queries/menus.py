"""The newest choice that each chat was offered; what is older than a day goes."""

from __future__ import annotations

import sqlite3
from typing import Final

#: The options of a choice that was answered: it is over, also when its message is told again.
_OVER: Final = "[]"


def offer(
    db: sqlite3.Connection, chat_id: int, options: str, chatwoot_id: int | None, at: int
) -> None:
    """Keep a choice (JSON), unless a newer one has been offered, or this one was answered."""
    db.execute(
        "INSERT INTO menu(chat_id, options, chatwoot_id, offered_at) VALUES(?,?,?,?)"
        " ON CONFLICT(chat_id) DO UPDATE SET options=excluded.options,"
        " chatwoot_id=excluded.chatwoot_id, offered_at=excluded.offered_at"
        " WHERE excluded.offered_at>menu.offered_at"
        " OR (excluded.offered_at=menu.offered_at AND menu.options<>?)",
        (chat_id, options, chatwoot_id, at, _OVER),
    )


def of(db: sqlite3.Connection, chat_id: int, *, after: int, until: int) -> sqlite3.Row | None:
    """The open choice of a chat, if it was offered between two moments (ms)."""
    row: sqlite3.Row | None = db.execute(
        "SELECT options, chatwoot_id, offered_at FROM menu"
        " WHERE chat_id=? AND offered_at BETWEEN ? AND ? AND options<>?",
        (chat_id, after, until, _OVER),
    ).fetchone()
    return row


def close(db: sqlite3.Connection, chat_id: int, *, until: int) -> None:
    """End the choice of a chat, unless it was offered later; it is not offered again by itself."""
    db.execute(
        "UPDATE menu SET options=? WHERE chat_id=? AND offered_at<=?", (_OVER, chat_id, until)
    )


def move(db: sqlite3.Connection, chat_id: int, to: int) -> None:
    """Two chats are one now: the newer choice counts."""
    found = db.execute("DELETE FROM menu WHERE chat_id=? RETURNING *", (chat_id,)).fetchone()
    if found is not None:
        offer(db, to, found["options"], found["chatwoot_id"], found["offered_at"])


def purge(db: sqlite3.Connection, before: int, limit: int) -> int:
    return db.execute(
        "DELETE FROM menu WHERE chat_id IN (SELECT chat_id FROM menu WHERE offered_at<? LIMIT ?)",
        (before, limit),
    ).rowcount
