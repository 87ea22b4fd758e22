"""The embedded engine: the queue on our own SQLite tables, for one process.

Claiming costs no write: a job that runs is still *waiting* in the database, so after a crash every
first job of a lane may have been running, and is marked suspect (`Job.is_suspect`) for its handler
to look for proof. A stop that finished all jobs leaves none suspect.

What is in memory follows the database: every change is told by the `after_commit` of its own unit,
so it arrives here in the order of the commits.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from bridge.clock import Clock
from bridge.engine import rows
from bridge.engine.breaker import Breaker
from bridge.engine.lanes import Head, Lanes
from bridge.engine.queue import Again, DeadLetter, Job, NewJob, Outcome, Retry
from bridge.store.engine import Store, Unit
from bridge.store.queries import facts, jobs

#: The fact that says whether the last stop left nothing running.
CLEAN_STOP = "clean_stop"


class EmbeddedQueue:
    """See `engine.queue.Queue`. Call `recover` before the first `claim`."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        make_breaker: Callable[[str], Breaker],
        pace: Callable[[Head, int], int] = lambda _head, _now: 0,
    ) -> None:
        self._store = store
        self._clock = clock
        self.lanes = Lanes(make_breaker=make_breaker, pace=pace)
        self._changed = asyncio.Event()
        self._acquiring: list[asyncio.Future[None]] = []
        #: Running jobs that were woken meanwhile, and for when.
        self._woken: dict[int, int] = {}

    async def recover(self) -> int:
        """Take up what waits; returns how many jobs may have been running in a crash."""
        now = self._clock.ms()

        def load(unit: Unit) -> tuple[list[sqlite3.Row], bool]:
            heads = jobs.heads(unit.db)
            clean = facts.get(unit.db, CLEAN_STOP) == "yes"
            if not clean:
                jobs.suspect(unit.db, [row["id"] for row in heads], now)
            facts.put(unit.db, CLEAN_STOP, "no")
            return heads, clean

        heads, clean = await self._store.write(load, durable=True)
        for row in heads:
            self.lanes.offer(rows.head(row))
        self._changed.set()
        return 0 if clean else len(heads)

    async def mark_clean(self) -> None:
        """Nothing was running when we stopped: the next start suspects nothing."""
        await self._store.write(lambda unit: facts.put(unit.db, CLEAN_STOP, "yes"), durable=True)

    def add(self, unit: Unit, job: NewJob) -> int:
        head = rows.insert(unit, job)
        unit.after_commit.append(lambda: self._offer(head))
        return head.id

    def add_dead(self, unit: Unit, job: NewJob, *, cause: str, reason: str) -> int:
        job_id = rows.insert(unit, job).id
        jobs.end(unit.db, job_id, state="dead", now=job.now, cause=cause, reason=rows.plain(reason))
        unit.count(job.road, "dead", cause)
        return job_id

    async def claim(self) -> Job:
        while True:
            now = self._clock.ms()
            head = self.lanes.take(now)
            if head is None:
                self._changed.clear()
                await self._clock.wait(self._changed, self.lanes.next_moment(now))
                continue
            try:
                row = await self._store.read(partial(jobs.load, job_id=head.id))
            except BaseException:
                self._free(head.lane, head)
                raise
            if row is not None and row["lane"] == head.lane:
                return rows.job(row)
            await self._skip(head)  # it was cancelled or moved between offer and claim

    async def settle(self, job: Job, outcome: Outcome | Retry) -> None:
        now = self._clock.ms()
        trace = rows.trace(job.steps)

        def work(unit: Unit) -> None:
            match outcome:
                case Again():
                    rows.put_off(unit, job, outcome, trace=trace)
                case Retry():
                    lane = rows.try_later(unit, job, outcome, trace=trace)
                    if lane != job.lane:
                        self._reload(unit, lane)
                case _:
                    rows.end(unit, job, outcome, now=now, trace=trace)
            following = rows.first(unit.db, job.lane)
            unit.after_commit.append(lambda: self._settled(job, following))

        await self._store.write(work)

    def wake(self, unit: Unit, job_id: int, *, due_at: int) -> None:
        lane = jobs.set_due(unit.db, job_id, due_at)
        if lane is not None:
            unit.after_commit.append(lambda: self._due(lane, job_id, due_at))

    def cancel(self, unit: Unit, job_id: int, *, rule: str, now: int) -> bool:
        row = jobs.road_of(unit.db, job_id)
        if row is None or not jobs.end(
            unit.db, job_id, state="ignored", now=now, cause=rule, reason=None
        ):
            return False
        unit.count(row["road"], "ignored", rule)
        self._reload(unit, row["lane"])
        return True

    def revive(self, unit: Unit, job_id: int, *, states: tuple[str, ...], now: int) -> bool:
        row = jobs.road_of(unit.db, job_id)
        lane = jobs.revive(unit.db, job_id, states=states, now=now)
        if row is None or lane is None:
            return False
        unit.count(row["road"], "accepted")
        self._reload(unit, lane)
        return True

    def discard(self, unit: Unit, job_id: int, *, now: int) -> bool:
        return jobs.discard(unit.db, job_id, now=now)

    def move(self, unit: Unit, lane: str, target: str) -> None:
        jobs.move(unit.db, lane, target)
        self._reload(unit, lane)
        self._reload(unit, target)

    async def dead_letters(self, *, limit: int, before: int | None = None) -> list[DeadLetter]:
        found = await self._store.read(lambda db: jobs.dead(db, limit=limit, before=before))
        return [DeadLetter(**dict(row)) for row in found]

    def hold_lane(self, lane: str, *, until: int) -> None:
        self.lanes.hold(lane, until)
        self._changed.set()

    def release_lane(self, lane: str) -> None:
        self.lanes.release(lane)
        self._changed.set()

    async def acquire(self, lanes: Sequence[str]) -> None:
        for lane in lanes:
            self.lanes.block(lane)
        try:
            while any(lane in self.lanes.running for lane in lanes):
                freed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._acquiring.append(freed)
                await freed
        except asyncio.CancelledError:
            self.release(lanes)
            raise

    def release(self, lanes: Sequence[str]) -> None:
        for lane in lanes:
            self.lanes.unblock(lane)
        self._changed.set()

    def pause(self, account: str, *, until: int, reason: str) -> None:
        self.lanes.breaker(account).hold(until, reason)
        self._changed.set()

    def resume(self, account: str) -> None:
        self.lanes.breaker(account).reset()
        self._changed.set()

    def forget(self, account: str) -> None:
        self.lanes.forget(account)
        self._changed.set()

    def _offer(self, head: Head) -> None:
        self.lanes.offer(head)
        self._changed.set()

    def _due(self, lane: str, job_id: int, due_at: int) -> None:
        running = self.lanes.running.get(lane)
        if running is not None and running.id == job_id:
            self._woken[job_id] = due_at  # its outcome must not put it off again
        self.lanes.due(lane, job_id, due_at)
        self._changed.set()

    def _reload(self, unit: Unit, lane: str) -> None:
        """After the commit, let memory know what the database says of an idle lane."""
        first = rows.first(unit.db, lane)
        unit.after_commit.append(lambda: self._replace(lane, first))

    def _replace(self, lane: str, head: Head | None) -> None:
        if lane not in self.lanes.running:
            self.lanes.replace(lane, head)
        self._changed.set()

    def _settled(self, job: Job, following: Head | None) -> None:
        woken = self._woken.pop(job.id, None)
        if woken is not None and following is not None and following.id == job.id:
            following = replace(following, due_at=min(woken, following.due_at))
        self._free(job.lane, following)

    def _free(self, lane: str, following: Head | None) -> None:
        self.lanes.free(lane, following)
        self._changed.set()
        for freed in self._acquiring:
            if not freed.done():
                freed.set_result(None)
        self._acquiring.clear()

    async def _skip(self, head: Head) -> None:
        """Free a claimed lane without a result.

        In a unit, so that jobs that are added meanwhile are either seen here or offered after.
        """

        def work(unit: Unit) -> None:
            following = rows.first(unit.db, head.lane)
            unit.after_commit.append(lambda: self._free(head.lane, following))

        try:
            await self._store.write(work)
        except Exception:  # not committed; a cancelled caller's unit is
            self._free(head.lane, head)
            raise
