"""The API keys of an instance: one, or two while somebody changes them. Hashes only."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """`made_at` in ms."""

    key_hash: str = field(repr=False)
    made_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    current: KeyRow
    old: KeyRow | None


def pair(db: sqlite3.Connection, instance_id: str) -> KeyPair | None:
    """The keys of an instance; None: there is no such instance."""
    row = db.execute(
        "SELECT key_hash, old_key_hash, COALESCE(key_made_at, created_at),"
        " COALESCE(old_key_made_at, created_at) FROM instance WHERE id=?",
        (instance_id,),
    ).fetchone()
    if row is None:
        return None
    key_hash, old_key_hash, made_at, old_made_at = row
    old = None if old_key_hash is None else KeyRow(key_hash=old_key_hash, made_at=old_made_at)
    return KeyPair(current=KeyRow(key_hash=key_hash, made_at=made_at), old=old)


def save(db: sqlite3.Connection, instance_id: str, keys: KeyPair) -> None:
    old = keys.old
    db.execute(
        "UPDATE instance SET key_hash=?, key_made_at=?, old_key_hash=?, old_key_made_at=?"
        " WHERE id=?",
        (
            keys.current.key_hash,
            keys.current.made_at,
            old.key_hash if old else None,
            old.made_at if old else None,
            instance_id,
        ),
    )
