"""What people have chosen in polls."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The digests of the options that somebody has chosen since `at` (ms), perhaps none."""

    options: tuple[str, ...]
    at: int


def of(db: sqlite3.Connection, instance_id: str, target: str, sender: str) -> Choice | None:
    row = db.execute(
        "SELECT options, at FROM vote WHERE instance_id=? AND target=? AND sender=?",
        (instance_id, target, sender),
    ).fetchone()
    return None if row is None else Choice(options=_options(row), at=row["at"])


def others(
    db: sqlite3.Connection, instance_id: str, target: str, sender: str
) -> list[tuple[str, ...]]:
    """What everybody but `sender` has chosen in a poll; who chose nothing is not among them."""
    rows = db.execute(
        "SELECT options FROM vote WHERE instance_id=? AND target=? AND sender<>?",
        (instance_id, target, sender),
    ).fetchall()
    return [options for options in map(_options, rows) if options]


def put(
    db: sqlite3.Connection,
    instance_id: str,
    target: str,
    sender: str,
    choice: Choice,
    *,
    name: str | None,
) -> None:
    """Keep what somebody has chosen now; what is newer stays."""
    db.execute(
        "INSERT INTO vote(instance_id, target, sender, name, options, at) VALUES(?,?,?,?,?,?)"
        " ON CONFLICT(instance_id, target, sender) DO UPDATE SET options=excluded.options,"
        " name=COALESCE(excluded.name, vote.name), at=excluded.at WHERE excluded.at >= vote.at",
        (
            instance_id,
            target,
            sender,
            name,
            orjson.dumps(choice.options).decode(),
            choice.at,
        ),
    )


def move(db: sqlite3.Connection, instance_id: str, chat_id: int, to: int) -> None:
    """Let what the person of a chat did with its messages, by now another's, be of that one."""
    values = {"instance": instance_id, "old": f"chat:{chat_id}", "new": f"chat:{to}", "to": to}
    where = (
        "instance_id=:instance AND sender=:old"
        " AND target IN (SELECT whatsapp_id FROM ledger WHERE chat_id=:to)"
    )
    db.execute(
        "INSERT INTO vote(instance_id, target, sender, name, options, at)"  # noqa: S608
        f" SELECT instance_id, target, :new, name, options, at FROM vote WHERE {where}"
        " ON CONFLICT(instance_id, target, sender) DO UPDATE SET name=excluded.name,"
        " options=excluded.options, at=excluded.at WHERE excluded.at >= vote.at",
        values,
    )
    db.execute(f"DELETE FROM vote WHERE {where}", values)  # noqa: S608


def purge(db: sqlite3.Connection, before: int, limit: int) -> int:
    return db.execute(
        "DELETE FROM vote WHERE rowid IN (SELECT rowid FROM vote WHERE at<? LIMIT ?)",
        (before, limit),
    ).rowcount


def _options(row: sqlite3.Row) -> tuple[str, ...]:
    return tuple(orjson.loads(row["options"]))
