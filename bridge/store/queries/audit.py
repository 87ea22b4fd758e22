"""The audit log: who did what over the API, and what Ponte did by itself."""

from __future__ import annotations

import sqlite3

#: After every id.
_NEWEST = 2**63 - 1


def add(
    db: sqlite3.Connection,
    *,
    at: int,
    actor: str,
    address: str | None,
    action: str,
    instance: str | None,
    status: int,
    code: str | None,
    trace_id: str | None,
) -> None:
    db.execute(
        "INSERT INTO audit(at, actor, address, action, instance, status, code, trace_id)"
        " VALUES(?,?,?,?,?,?,?,?)",
        (at, actor, address, action, instance, status, code, trace_id),
    )


def page(
    db: sqlite3.Connection, *, instance: str | None, before: int | None, limit: int
) -> list[sqlite3.Row]:
    """Newest first; `before` is the last id of the page before, `instance` a name."""
    last = _NEWEST if before is None else before
    if instance is None:
        return db.execute(
            "SELECT * FROM audit WHERE id<? ORDER BY id DESC LIMIT ?", (last, limit)
        ).fetchall()
    return db.execute(
        "SELECT * FROM audit WHERE instance=? AND id<? ORDER BY id DESC LIMIT ?",
        (instance, last, limit),
    ).fetchall()
