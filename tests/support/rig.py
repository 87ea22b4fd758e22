"""A durable queue under test: its store, a clock that moves when told, and short ways to use it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bridge.clock import ManualClock
from bridge.engine.breaker import Breaker
from bridge.engine.embedded import EmbeddedQueue
from bridge.engine.lanes import Head
from bridge.engine.queue import Delivered, Job, NewJob, Outcome, Retry, Road
from bridge.store.engine import Store, Unit

T = TypeVar("T")

#: Seconds after which something that should happen at once has not happened.
SOON = 30.0
#: Seconds in which something that must not happen is watched for.
A_MOMENT = 0.03


def make_breaker(_key: str) -> Breaker:
    return Breaker(slots=4, failures_to_open=3, probe_waits=[1000, 2000, 5000])


def new_job(clock: ManualClock, lane: str = "a", **changes: Any) -> NewJob:
    values: dict[str, Any] = {
        "kind": "test",
        "lane": lane,
        "road": Road.INBOUND,
        "peer": "server",
        "account": "server/1",
        "payload": b"{}",
        "now": clock.ms(),
    }
    return NewJob(**(values | changes))


def retry(due_at: int, **changes: Any) -> Retry:
    values: dict[str, Any] = {
        "due_at": due_at,
        "cause": "peer.broke",
        "reason": "It broke.",
        "unknown_since": None,
        "counts": True,
    }
    return Retry(**(values | changes))


@dataclass
class Rig:
    """What the conformance suite needs of an engine; `restart` is its way through a crash."""

    path: Path
    clock: ManualClock
    store: Store
    queue: EmbeddedQueue
    pace: Callable[[Head, int], int] = field(default=lambda _head, _now: 0)

    async def write(self, work: Callable[[Unit], T]) -> T:
        return await self.store.write(work)

    async def add(self, lane: str = "a", **changes: Any) -> int:
        job = new_job(self.clock, lane, **changes)
        return await self.write(lambda unit: self.queue.add(unit, job))

    async def claim(self) -> Job:
        async with asyncio.timeout(SOON):
            return await self.queue.claim()

    async def run(self, outcome: Outcome | Retry | None = None) -> Job:
        """Claim the next job and settle it."""
        job = await self.claim()
        await self.queue.settle(job, outcome or Delivered())
        return job

    async def nothing_starts(self) -> None:
        """Watch for a moment that no job can be claimed."""
        claiming = asyncio.ensure_future(self.queue.claim())
        done, _ = await asyncio.wait({claiming}, timeout=A_MOMENT)
        assert not done, f"{claiming.result()} started"
        claiming.cancel()
        await asyncio.gather(claiming, return_exceptions=True)

    async def row(self, job_id: int) -> sqlite3.Row:
        found: sqlite3.Row = await self.store.read(
            lambda db: db.execute("SELECT * FROM job WHERE id=?", (job_id,)).fetchone()
        )
        return found

    async def state(self, job_id: int) -> str:
        return str((await self.row(job_id))["state"])

    async def tallies(self) -> dict[tuple[str, str, str], int]:
        rows = await self.store.read(
            lambda db: db.execute("SELECT road, outcome, cause, n FROM tally").fetchall()
        )
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    async def restart(self, *, clean: bool) -> int:
        """Stop, cleanly or like `kill -9`, and start again; returns how many jobs are suspect."""
        if clean:
            await self.queue.mark_clean()
        await self.store.close()
        self.store = await Store.open(self.path)
        self.queue = EmbeddedQueue(
            self.store, self.clock, make_breaker=make_breaker, pace=self.pace
        )
        return await self.queue.recover()


@asynccontextmanager
async def rigged(
    path: Path, *, pace: Callable[[Head, int], int] = lambda _head, _now: 0
) -> AsyncIterator[Rig]:
    clock = ManualClock()
    store = await Store.open(path)
    queue = EmbeddedQueue(store, clock, make_breaker=make_breaker, pace=pace)
    rig = Rig(path=path, clock=clock, store=store, queue=queue, pace=pace)
    await queue.recover()
    try:
        yield rig
    finally:
        await rig.store.close()
