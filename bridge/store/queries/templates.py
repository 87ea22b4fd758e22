"""SQL of the approved templates of a number, as the channel last told them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateRow:
    """`components` are as the channel tells them; empty when it does not."""

    name: str
    language: str
    category: str | None
    components: tuple[dict[str, Any], ...]


def replace(
    db: sqlite3.Connection, instance_id: str, found: Iterable[TemplateRow], now: int
) -> None:
    """Take over what was told; what was not is approved no more."""
    db.execute("DELETE FROM template WHERE instance_id=?", (instance_id,))
    db.executemany(
        "INSERT INTO template(instance_id, name, language, category, components, told_at)"
        " VALUES(?,?,?,?,?,?)",
        [
            (
                instance_id,
                one.name,
                one.language,
                one.category,
                orjson.dumps(list(one.components)).decode(),
                now,
            )
            for one in found
        ],
    )


def find(db: sqlite3.Connection, instance_id: str, name: str, language: str) -> TemplateRow | None:
    row = db.execute(
        "SELECT name, language, category, components FROM template"
        " WHERE instance_id=? AND name=? AND language=?",
        (instance_id, name, language),
    ).fetchone()
    if row is None:
        return None
    return TemplateRow(
        name=row["name"],
        language=row["language"],
        category=row["category"],
        components=tuple(orjson.loads(row["components"])),
    )


def some(db: sqlite3.Connection, instance_id: str, limit: int) -> list[tuple[str, str]]:
    """Name and language of the first `limit` templates."""
    rows = db.execute(
        "SELECT name, language FROM template WHERE instance_id=? ORDER BY name, language LIMIT ?",
        (instance_id, limit),
    )
    return [(row["name"], row["language"]) for row in rows]


def count(db: sqlite3.Connection, instance_id: str) -> int:
    found = db.execute("SELECT COUNT(*) FROM template WHERE instance_id=?", (instance_id,))
    return int(found.fetchone()[0])
