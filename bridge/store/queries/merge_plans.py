"""Plans of merges of whole accounts: what was looked at, what was found, how far they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from bridge.store.queries.merges import Merge, read_merge

#: States in which a plan's job is at work.
UNDER_WAY = ("planning", "applying")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`page`: the next one of Chatwoot's list to look at; 0: all were looked at."""

    id: int
    scope: str
    instance_id: str
    state: str
    seen: int
    page: int
    reason: str | None
    created_at: int
    ended_at: int | None


def add(db: sqlite3.Connection, scope: str, instance_id: str, *, now: int) -> int:
    cursor = db.execute(
        "INSERT INTO merge_plan(scope, instance_id, state, seen, page, created_at)"
        " VALUES(?,?,'planning',0,1,?)",
        (scope, instance_id, now),
    )
    return int(cursor.lastrowid or 0)


def get(db: sqlite3.Connection, plan_id: int) -> Plan | None:
    row = db.execute("SELECT * FROM merge_plan WHERE id=?", (plan_id,)).fetchone()
    return None if row is None else Plan(**row)


def latest(db: sqlite3.Connection, scope: str, *, limit: int) -> list[Plan]:
    rows = db.execute(
        "SELECT * FROM merge_plan WHERE scope=? ORDER BY id DESC LIMIT ?", (scope, limit)
    )
    return [Plan(**row) for row in rows]


def under_way(db: sqlite3.Connection, scope: str) -> Plan | None:
    """The plan of an account at which a job is at work: there is one at a time."""
    row = db.execute(
        "SELECT * FROM merge_plan WHERE scope=? AND state IN (?,?) ORDER BY id LIMIT 1",
        (scope, *UNDER_WAY),
    ).fetchone()
    return None if row is None else Plan(**row)


def turn(
    db: sqlite3.Connection,
    plan_id: int,
    *,
    before: Sequence[str],
    state: str,
    now: int | None = None,
    reason: str | None = None,
) -> bool:
    """Bring a plan from one of some states into another; False: it is in none of them."""
    marks = ",".join("?" * len(before))
    cursor = db.execute(
        f"UPDATE merge_plan SET state=?, reason=?, ended_at=? WHERE id=? AND state IN ({marks})",  # noqa: S608
        (state, reason, now, plan_id, *before),
    )
    return cursor.rowcount == 1


# ------------------------------------------------------------------ looking at an account


def look(
    db: sqlite3.Connection,
    plan: Plan,
    found: Iterable[tuple[int, Collection[str]]],
    *,
    seen: int,
    page: int,
) -> None:
    """A page of contacts was looked at; the same page again changes nothing."""
    cursor = db.execute(
        "UPDATE merge_plan SET seen=seen+?, page=? WHERE id=? AND page=?",
        (seen, page, plan.id, plan.page),
    )
    if cursor.rowcount:
        db.executemany(
            "INSERT OR IGNORE INTO plan_contact(plan_id, key, contact_id, instance_id)"
            " VALUES(?,?,?,?)",
            [(plan.id, key, one, plan.instance_id) for one, keys in found for key in keys],
        )


def alike(db: sqlite3.Connection, plan_id: int) -> dict[int, set[str]]:
    """The contacts that share a key with another one, with their keys."""
    rows = db.execute(
        "SELECT contact_id, key FROM plan_contact WHERE plan_id=:plan AND contact_id IN"
        " (SELECT contact_id FROM plan_contact WHERE plan_id=:plan AND key IN"
        "  (SELECT key FROM plan_contact WHERE plan_id=:plan GROUP BY key HAVING COUNT(*)>1))",
        {"plan": plan_id},
    )
    found: dict[int, set[str]] = {}
    for row in rows:
        found.setdefault(row["contact_id"], set()).add(row["key"])
    return found


def forget(db: sqlite3.Connection, plan_id: int, contact_ids: Iterable[int]) -> None:
    """These contacts are done with."""
    db.executemany(
        "DELETE FROM plan_contact WHERE plan_id=? AND contact_id=?",
        [(plan_id, one) for one in contact_ids],
    )


def forget_some(db: sqlite3.Connection, plan_id: int, limit: int) -> bool:
    """Let go what was looked at, a few rows at a time; False: that was all."""
    cursor = db.execute(
        "DELETE FROM plan_contact WHERE rowid IN"
        " (SELECT rowid FROM plan_contact WHERE plan_id=? LIMIT ?)",
        (plan_id, limit),
    )
    return cursor.rowcount == limit


# ------------------------------------------------------------------ pairs


def pairs(
    db: sqlite3.Connection, plan_id: int, *, limit: int, after: int = 0, state: str | None = None
) -> list[Merge]:
    """The pairs of a plan in the order in which they are merged, all or those of one state."""
    rows = db.execute(
        "SELECT * FROM contact_merge WHERE plan_id=? AND id>? AND (? IS NULL OR state=?)"
        " ORDER BY id LIMIT ?",
        (plan_id, after, state, state, limit),
    )
    return [read_merge(row) for row in rows]


def into(db: sqlite3.Connection, plan_id: int, base_id: int) -> list[Merge]:
    """What a plan has merged into one contact."""
    rows = db.execute(
        "SELECT * FROM contact_merge WHERE plan_id=? AND base_id=? AND state='done'",
        (plan_id, base_id),
    )
    return [read_merge(row) for row in rows]


def counts(db: sqlite3.Connection, plan_id: int) -> dict[str, int]:
    """State -> how many pairs of a plan are in it."""
    rows = db.execute(
        "SELECT state, COUNT(*) AS n FROM contact_merge WHERE plan_id=? GROUP BY state", (plan_id,)
    )
    return {row["state"]: row["n"] for row in rows}


def skip_rest(db: sqlite3.Connection, plan_id: int, *, reason: str, now: int) -> None:
    """What is planned only is not done any more."""
    db.execute(
        "UPDATE contact_merge SET state='skipped', reason=?, ended_at=?"
        " WHERE plan_id=? AND state='planned'",
        (reason, now, plan_id),
    )
