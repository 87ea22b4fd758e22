"""Where the bot of an instance says how its number is connected."""

from __future__ import annotations

import sqlite3


def place(db: sqlite3.Connection, instance_id: str) -> str | None:
    """The Chatwoot in which an instance has a bot's conversation; None: nothing can be said."""
    row = db.execute(
        "SELECT url FROM chatwoot_inbox"
        " WHERE instance_id=? AND enabled AND bot_conversation_id IS NOT NULL",
        (instance_id,),
    ).fetchone()
    return None if row is None else str(row[0])
