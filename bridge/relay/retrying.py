"""Sending again because somebody said so: Retry, replay, and what must be remembered for them."""

from __future__ import annotations

from bridge.engine.queue import Queue
from bridge.store.engine import Unit
from bridge.store.queries import jobs, seen

#: The kind of jobs that send agents' messages.
OUTBOUND = "outbound"


def tombstone(ref: str) -> str:
    """The key that says: this message was deleted, perhaps before we heard of it."""
    return f"deleted:{ref}"


def red_mark(ref: str) -> str:
    """The key that says: Chatwoot shows this message as failed, though it is still to be sent."""
    return f"red:{ref}"


def revive(queue: Queue, unit: Unit, job_id: int, *, states: tuple[str, ...], now: int) -> bool:
    """Send a message again because somebody said so: what failed or is uncertain counts no more.

    One compare-and-set; for jobs of other kinds it is `Queue.revive`.
    """
    if not queue.revive(unit, job_id, states=states, now=now):
        return False
    unit.db.execute(
        "UPDATE ledger SET state='superseded' WHERE job_id=? AND state IN ('failed','uncertain')",
        (job_id,),
    )
    return True


def replay(queue: Queue, unit: Unit, job_id: int, *, now: int) -> bool:
    """Put a dead letter back, whatever it is; an agent's message loses its red mark once sent."""
    row = jobs.one(unit.db, job_id)
    if row is None or not revive(queue, unit, job_id, states=("dead",), now=now):
        return False
    if row["kind"] == OUTBOUND and row["ref"] is not None:
        seen.remember(unit.db, red_mark(row["ref"]), now)
    return True
