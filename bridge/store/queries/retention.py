"""What has been kept for long enough goes, a few rows at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

#: Each statement takes (before, limit). A job of these states has said all that it had to.
_ENDED = ("delivered", "ignored", "discarded")
_MOST_CHUNKS = 20


def purge_jobs(db: sqlite3.Connection, before: int, limit: int) -> int:
    return sum(_purge_state(db, state, before, limit) for state in _ENDED)


def purge_dead(db: sqlite3.Connection, before: int, limit: int) -> int:
    return _purge_state(db, "dead", before, limit)


def purge_seen(db: sqlite3.Connection, before: int, limit: int) -> int:
    return db.execute(
        "DELETE FROM seen WHERE key IN (SELECT key FROM seen WHERE at<? LIMIT ?)", (before, limit)
    ).rowcount


def purge_ledger(db: sqlite3.Connection, before: int, limit: int) -> int:
    """What a waiting job may still need (so that it sends nothing twice) stays."""
    return db.execute(
        "DELETE FROM ledger WHERE id IN (SELECT ledger.id FROM ledger LEFT JOIN job"
        " ON job.id=ledger.job_id WHERE ledger.created_at<?"
        " AND (job.state IS NULL OR job.state NOT IN ('waiting', 'held')) LIMIT ?)",
        (before, limit),
    ).rowcount


def purge_audit(db: sqlite3.Connection, before: int, limit: int) -> int:
    return db.execute(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at<? LIMIT ?)", (before, limit)
    ).rowcount


def purge_events(db: sqlite3.Connection, before: int, limit: int) -> int:
    return db.execute(
        "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at<? LIMIT ?)", (before, limit)
    ).rowcount


def purge_history(db: sqlite3.Connection, before: int, limit: int) -> int:
    """Chunks are large, so only a few go at a time."""
    return db.execute(
        "DELETE FROM history WHERE rowid IN (SELECT rowid FROM history WHERE told_at<? LIMIT ?)",
        (before, min(limit, _MOST_CHUNKS)),
    ).rowcount


def purge_merges(db: sqlite3.Connection, before: int, limit: int) -> int:
    """What contacts were before they were merged, and plans with what is left of them.

    A merge that was begun stays until it is over, and a plan while a job is at work on it.
    """
    gone = db.execute(
        "DELETE FROM contact_merge WHERE id IN (SELECT id FROM contact_merge WHERE created_at<?"
        " AND state<>'intent' AND (plan_id IS NULL OR plan_id NOT IN"
        "  (SELECT id FROM merge_plan WHERE state IN ('planning', 'applying'))) LIMIT ?)",
        (before, limit),
    ).rowcount
    plans = db.execute(
        "DELETE FROM merge_plan WHERE id IN (SELECT id FROM merge_plan WHERE created_at<?"
        " AND state NOT IN ('planning', 'applying')"
        " AND NOT EXISTS (SELECT 1 FROM contact_merge WHERE plan_id=merge_plan.id) LIMIT ?)",
        (before, limit - gone),
    )
    return gone + plans.rowcount


def purge_looked_at(db: sqlite3.Connection, limit: int) -> int:
    """The contacts that a plan looked at before it was stopped, or failed: nobody needs them."""
    plan = db.execute(
        "SELECT id FROM merge_plan WHERE state<>'planning'"
        " AND EXISTS (SELECT 1 FROM plan_contact WHERE plan_id=merge_plan.id) LIMIT 1"
    ).fetchone()
    if plan is None:
        return 0
    return db.execute(
        "DELETE FROM plan_contact WHERE rowid IN"
        " (SELECT rowid FROM plan_contact WHERE plan_id=? LIMIT ?)",
        (plan["id"], limit),
    ).rowcount


def purge_talks(db: sqlite3.Connection, before: int, limit: int) -> int:
    """Chats in which no flow runs and nobody keeps the bot silent: they are as good as new.

    Where one has ended it may be that none begins again, however long ago that was.
    """
    return db.execute(
        "DELETE FROM talk WHERE chat_id IN (SELECT chat_id FROM talk"
        " WHERE phase='idle' AND updated_at<? LIMIT ?)",
        (before, limit),
    ).rowcount


def needing_files(db: sqlite3.Connection, ids: Iterable[int]) -> set[int]:
    """Those of the jobs whose files in the spool may be wanted: waiting, or to be replayed."""
    found = set()
    for job_id in ids:
        row = db.execute(
            "SELECT 1 FROM job WHERE id=? AND state IN ('waiting', 'held', 'dead')", (job_id,)
        ).fetchone()
        if row is not None:
            found.add(job_id)
    return found


def _purge_state(db: sqlite3.Connection, state: str, before: int, limit: int) -> int:
    return db.execute(
        # The second term lets SQLite use the index of ended jobs.
        "DELETE FROM job WHERE id IN (SELECT id FROM job"
        " WHERE state=? AND state<>'waiting' AND ended_at<? LIMIT ?)",
        (state, before, limit),
    ).rowcount
