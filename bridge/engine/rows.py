"""What the embedded queue writes and reads: jobs as rows, and what an outcome makes of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict

import orjson

from bridge.engine.lanes import Head
from bridge.engine.queue import Again, Dead, Delivered, Ignored, Job, NewJob, Retry, Road
from bridge.store.engine import Unit
from bridge.store.queries import jobs

#: Ends the name of the lane that a parked job left; its number follows.
PARKED = "/parked/"

LONGEST_DETAIL = 500


def insert(unit: Unit, job: NewJob) -> Head:
    due_at = job.now if job.due_at is None else job.due_at
    values = asdict(job) | {"due_at": due_at, "road": job.road.value}
    job_id, position = jobs.insert(unit.db, values)
    unit.count(job.road, "accepted")
    return Head(
        id=job_id,
        lane=job.lane,
        position=position,
        rank=job.rank,
        due_at=due_at,
        peer=job.peer,
        account=job.account,
        kind=job.kind,
    )


def first(db: sqlite3.Connection, lane: str) -> Head | None:
    """The first waiting job of a lane."""
    row = jobs.head(db, lane)
    return None if row is None else head(row)


def head(row: sqlite3.Row) -> Head:
    return Head(**dict(row))


def job(row: sqlite3.Row) -> Job:
    return Job(**(dict(row) | {"road": Road(row["road"])}))


def end(unit: Unit, job: Job, outcome: Delivered | Ignored | Dead, *, now: int, trace: str) -> None:
    """A job that was cancelled while it ran keeps that end; what the outcome writes counts."""
    cause: str | None = None
    reason: str | None = None
    unknown_since: int | None = None
    state = "delivered"
    if isinstance(outcome, Ignored):
        state, cause, reason = "ignored", outcome.rule, outcome.reason
    elif isinstance(outcome, Dead):
        state, cause, reason = "dead", outcome.cause, outcome.reason
        unknown_since = outcome.unknown_since
    if jobs.end(
        unit.db,
        job.id,
        state=state,
        now=now,
        cause=cause,
        reason=plain(reason),
        trace=trace,
        unknown_since=unknown_since,
    ):
        unit.count(job.road, state, cause or "")
    if outcome.write is not None:
        outcome.write(unit)


def put_off(unit: Unit, job: Job, outcome: Again, *, trace: str) -> None:
    jobs.postpone(
        unit.db,
        job.id,
        due_at=outcome.due_at,
        counts=False,
        cause="waiting",
        reason=plain(outcome.why),
        unknown_since=outcome.unknown_since,
        failing_since=job.failing_since,
        lane=job.lane,
        trace=trace,
    )
    if outcome.gates is not None:
        jobs.set_gates(unit.db, job.id, *outcome.gates)
    if outcome.write is not None:
        outcome.write(unit)


def try_later(unit: Unit, job: Job, outcome: Retry, *, trace: str) -> str:
    """Returns the lane in which the job waits from now on."""
    lane = f"{job.lane}{PARKED}{job.id}" if outcome.park else job.lane
    jobs.postpone(
        unit.db,
        job.id,
        due_at=outcome.due_at,
        counts=outcome.counts,
        cause=outcome.cause,
        reason=plain(outcome.reason),
        unknown_since=outcome.unknown_since,
        failing_since=outcome.failing_since,
        lane=lane,
        trace=trace,
    )
    return lane


def trace(steps: Sequence[tuple[int, str, str]]) -> str:
    """The steps of one run as JSON, cut to what is worth keeping."""
    kept = [
        (at, step, (plain(detail) or "")[:LONGEST_DETAIL])
        for at, step, detail in steps[-jobs.MAX_STEPS :]
    ]
    return orjson.dumps(kept).decode()


def plain(text: str | None) -> str | None:
    """Text that can be stored: what peers say may hold halves of surrogate pairs."""
    return None if text is None else text.encode(errors="replace").decode()
