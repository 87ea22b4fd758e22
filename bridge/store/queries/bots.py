"""Typebot flows of instances: read as frozen values, written from them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from pydantic import TypeAdapter
from sqlmodel import col, select

from bridge.core.typebot import Bot, BotSettings, StoredBot
from bridge.store.session import session
from bridge.store.tables import Typebot, TypebotSettings

_BOT = TypeAdapter(Bot)
_SETTINGS = TypeAdapter(BotSettings)


def of_instance(db: sqlite3.Connection, instance_id: str) -> Sequence[StoredBot]:
    """The flows of an instance, in the order in which they were made."""
    with session(db) as s:
        found = s.exec(
            select(Typebot)
            .where(Typebot.instance_id == instance_id)
            .order_by(col(Typebot.created_at), col(Typebot.id))
        )
        return [_stored(row) for row in found]


def get(db: sqlite3.Connection, instance_id: str, bot_id: str) -> StoredBot | None:
    """One flow, when it is this instance's."""
    with session(db) as s:
        row = s.get(Typebot, bot_id)
        return _stored(row) if row is not None and row.instance_id == instance_id else None


def save(db: sqlite3.Connection, stored: StoredBot) -> None:
    with session(db) as s:
        row = s.get(Typebot, stored.id) or Typebot(
            id=stored.id,
            instance_id=stored.instance_id,
            config="",
            created_at=stored.created_at,
            updated_at=0,
        )
        row.config = _BOT.dump_json(stored.bot).decode()
        row.updated_at = stored.updated_at
        s.add(row)
        s.flush()


def delete(db: sqlite3.Connection, instance_id: str, bot_id: str) -> bool:
    """Delete a flow; False when the instance has none of this id."""
    cursor = db.execute("DELETE FROM typebot WHERE id=? AND instance_id=?", (bot_id, instance_id))
    return cursor.rowcount == 1


def settings(db: sqlite3.Connection, instance_id: str) -> BotSettings | None:
    with session(db) as s:
        row = s.get(TypebotSettings, instance_id)
        return None if row is None else _SETTINGS.validate_json(row.config)


def save_settings(db: sqlite3.Connection, instance_id: str, value: BotSettings, now: int) -> None:
    with session(db) as s:
        row = s.get(TypebotSettings, instance_id) or TypebotSettings(
            instance_id=instance_id, config="", created_at=now, updated_at=now
        )
        row.config = _SETTINGS.dump_json(value).decode()
        row.updated_at = now
        s.add(row)
        s.flush()


def _stored(row: Typebot) -> StoredBot:
    return StoredBot(
        id=row.id,
        instance_id=row.instance_id,
        bot=_BOT.validate_json(row.config),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
