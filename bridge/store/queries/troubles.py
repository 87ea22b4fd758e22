"""What went wrong for an instance, counted for its control room. All of it is told by its jobs."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """Dead letters of one road and cause; `reason` is that of one of them."""

    road: str
    cause: str
    reason: str
    count: int
    #: When the newest of them died (ms).
    ended_at: int


def died_since(db: sqlite3.Connection, since: int) -> dict[str, int]:
    """The instances with dead letters that died after `since` (ms), and when the newest did."""
    rows = db.execute(
        "SELECT instance_id, MAX(ended_at) AS newest FROM job"
        " WHERE state='dead' AND ended_at>? AND instance_id IS NOT NULL"
        " AND road IN ('inbound', 'outbound') GROUP BY instance_id",
        (since,),
    ).fetchall()
    return {row["instance_id"]: row["newest"] for row in rows}


def deaths(db: sqlite3.Connection, instance_id: str, since: int) -> list[Death]:
    """People's messages that died after `since` (ms), the most frequent cause first."""
    rows = db.execute(
        "SELECT road, cause, MAX(reason) AS reason, COUNT(*) AS count, MAX(ended_at) AS ended_at"
        " FROM job WHERE state='dead' AND ended_at>? AND instance_id=?"
        " AND road IN ('inbound', 'outbound') GROUP BY road, cause ORDER BY count DESC, cause",
        (since, instance_id),
    ).fetchall()
    return [
        Death(
            road=row["road"],
            cause=row["cause"] or "",
            reason=row["reason"] or "",
            count=row["count"],
            ended_at=row["ended_at"],
        )
        for row in rows
    ]


def is_waiting(db: sqlite3.Connection, lane: str, kind: str) -> bool:
    """Whether a job of this kind waits in the lane, or runs."""
    found = db.execute(
        "SELECT 1 FROM job WHERE lane=? AND kind=? AND state='waiting' LIMIT 1", (lane, kind)
    ).fetchone()
    return found is not None


def back_at(db: sqlite3.Connection, instance_id: str, peer: str, since: int) -> int | None:
    """When a job of this instance first got through to the peer again (ms); None: none did."""
    row = db.execute(
        "SELECT MIN(ended_at) FROM job"
        " WHERE instance_id=? AND peer=? AND state='delivered' AND ended_at>?",
        (instance_id, peer, since),
    ).fetchone()
    return None if row[0] is None else int(row[0])


def waited(db: sqlite3.Connection, instance_id: str, since: int, until: int) -> tuple[int, int]:
    """How many customers' messages had to wait between two moments (ms), and how many died."""
    row = db.execute(
        "SELECT COUNT(*) AS count, SUM(state='dead') AS dead FROM job"
        " WHERE instance_id=? AND road='inbound' AND accepted_at<=?"
        " AND state IN ('waiting', 'delivered', 'dead')"
        " AND (state='waiting' OR ended_at>=?)",
        (instance_id, until, since),
    ).fetchone()
    return int(row["count"]), int(row["dead"] or 0)
