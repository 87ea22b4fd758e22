"""Runs claimed jobs and decides what a failure means for the job, its lane and its peer."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from bridge.clock import Clock
from bridge.engine.breaker import Breaker
from bridge.engine.queue import LOCAL, Again, Dead, Delivered, Job, Outcome, Queue, Retry
from bridge.engine.rows import PARKED
from bridge.engine.schedule import asked_wait, next_try
from bridge.errors import BridgeError, Certainty, Remedy, Scope, Unavailable
from bridge.store.engine import Unit

log = structlog.get_logger(__name__)

#: A handler that finds a bug of ours is tried again like any failure, under this cause.
BUG = "internal.bug"

#: How long (ms) we wait when our own database fails us.
DATABASE_WAIT = 1000
#: How long (ms) a job waits whose instance is held.
HELD_WAIT = 1000


class Handler(Protocol):
    """What runs one kind of job. It may be run again at any time: every step must bear that."""

    async def run(self, job: Job) -> Outcome:
        """Do the work. Raise `BridgeError` for failures; the worker decides about retries."""
        ...

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:
        """What to store when the job died of a failure (to tell the agent, say)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Times in milliseconds."""

    retry_delays: Sequence[int]
    park_after: int
    #: Waits between probes of an account that needs a person.
    person_waits: Sequence[int] = (15_000, 60_000, 300_000)


class Worker:
    """Claims and runs jobs until `stop`."""

    def __init__(
        self,
        queue: Queue,
        handlers: Mapping[str, Handler],
        *,
        clock: Clock,
        chance: Callable[[], float],
        breaker: Callable[[str], Breaker],
        policy: Policy,
        slots: int,
        alert: Callable[[str, str, str], None] = lambda _subject, _cause, _reason: None,
        observe: Callable[[Job, Outcome | Retry], None] = lambda _job, _outcome: None,
    ) -> None:
        """`alert` is told (account, cause, reason) when something needs a person.

        `observe` is told how each run of a job went.
        """
        self._observe = observe
        self._queue = queue
        self._handlers = handlers
        self._clock = clock
        self._chance = chance
        self._breaker = breaker
        self._policy = policy
        self._slots = asyncio.Semaphore(slots)
        self._alert = alert
        self._running: dict[asyncio.Task[None], Job] = {}
        #: Those of them that are inside their handler.
        self._inside: set[asyncio.Task[None]] = set()
        #: Instances for which nothing runs.
        self._held: Counter[str] = Counter()
        self._is_clean = True
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def running(self) -> int:
        return len(self._running)

    async def run(self) -> None:
        """Work until cancelled; what runs then goes on until `stop`."""
        while True:
            await self._slots.acquire()
            try:
                job = await self._queue.claim()
            except BaseException as error:
                self._slots.release()
                if not isinstance(error, Exception):
                    raise
                log.exception("queue.claim_failed")
                await self._pause()
                continue
            # The table owns the task; `stop` waits for it or cancels it.
            task = asyncio.create_task(self._work(job))  # noqa: TID251
            self._running[task] = job
            self._idle.clear()
            task.add_done_callback(self._done)

    async def stop(self, drain: float) -> bool:
        """After `run` was cancelled: wait up to `drain` seconds; True when nothing was cut off."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain):
                await self._idle.wait()
        cut = list(self._running)
        for task in cut:
            task.cancel()
        await asyncio.gather(*cut, return_exceptions=True)
        return self._is_clean and not cut

    @contextlib.asynccontextmanager
    async def held(self, instance_id: str) -> AsyncIterator[None]:
        """Run nothing for an instance inside the block (it is being deleted).

        What runs is cut off first, and its outcome is unknown then; whatever its handler has handed
        to the store by now is written before anything that the block hands in. Jobs that come up
        meanwhile wait.
        """
        self._held[instance_id] += 1
        caller = asyncio.current_task()  # a job may be what deletes it
        try:
            mine = [
                task
                for task, job in self._running.items()
                if job.instance_id == instance_id and task is not caller
            ]
            for task in self._inside.intersection(mine):
                task.cancel()
            if mine:
                await asyncio.wait(mine)
            yield
        finally:
            self._held[instance_id] -= 1
            if not self._held[instance_id]:
                del self._held[instance_id]

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._slots.release()
        if not self._running:
            self._idle.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._is_clean = False
            log.error("worker.task_failed", error=repr(error))

    async def _work(self, job: Job) -> None:
        structlog.contextvars.bind_contextvars(trace=job.trace_id, job=job.id)
        outcome = await self._outcome(job)
        while True:
            try:
                await self._queue.settle(job, outcome)
            except Unavailable as error:
                # The disk is full or the database locked: keep the lane, try again.
                log.error("job.settle_failed", error=str(error))  # noqa: TRY400
                await self._pause()
            except Exception as error:  # a bug in what the outcome writes
                log.exception("job.settle_crashed", kind=job.kind)
                await self._pause()
                outcome = self._unwritable(job, outcome, error)
            else:
                self._observe(job, outcome)
                return

    async def _pause(self) -> None:
        await self._clock.wait(asyncio.Event(), self._clock.ms() + DATABASE_WAIT)

    async def _outcome(self, job: Job) -> Outcome | Retry:
        handler = self._handlers.get(job.kind)
        if handler is None:
            return Dead(cause="internal.no_handler", reason=f"Nothing handles {job.kind!r} jobs.")
        try:
            outcome = await self._handled(handler, job)
        except Unavailable as error:
            return self._database_failed(job, error)
        except BridgeError as error:
            return self._failed(job, handler, error)
        except Exception as error:  # the worker loop outlives every bug
            log.exception("job.crashed", kind=job.kind)
            return self._retry(job, handler, _bug(error))
        now = self._clock.ms()
        if isinstance(outcome, Again) and outcome.blame is not None:
            job.steps.append((now, "failed", f"{outcome.blame.cause}: {outcome.blame}"))
            self._blame(job, outcome.blame, now)
        elif isinstance(outcome, Delivered):  # waiting, ignoring and giving up prove nothing
            self._breaker(job.peer).succeeded(now)
            self._breaker(job.account).succeeded(now)
        return outcome

    async def _handled(self, handler: Handler, job: Job) -> Outcome:
        """Run the handler, unless its instance is held; being cut off for that is no failure."""
        task = asyncio.current_task()
        if task is None or job.instance_id in self._held:
            return self._wait_for_instance(job.unknown_since)
        self._inside.add(task)
        try:
            return await handler.run(job)
        except asyncio.CancelledError:
            if job.instance_id not in self._held or task.uncancel():
                raise  # the service stops
            return self._wait_for_instance(self._clock.ms())
        finally:
            self._inside.discard(task)

    def _wait_for_instance(self, unknown_since: int | None) -> Again:
        return Again(
            due_at=self._clock.ms() + HELD_WAIT,
            why="Its instance is being deleted.",
            unknown_since=unknown_since,
        )

    def _unwritable(self, job: Job, outcome: Outcome | Retry, error: Exception) -> Outcome | Retry:
        """What to settle when the writing of an outcome fails for ever."""
        if isinstance(outcome, Dead):
            return replace(outcome, write=None)
        return self._retry(job, self._handlers[job.kind], _bug(error))

    def _database_failed(self, job: Job, error: Unavailable) -> Retry:
        """Our own database failed in the middle: nobody's fault, and perhaps half done."""
        now = self._clock.ms()
        job.steps.append((now, "failed", f"{error.cause}: {error}"))
        log.error("job.database_failed", kind=job.kind, error=str(error))
        return Retry(
            due_at=now + DATABASE_WAIT,
            cause=error.cause,
            reason=str(error),
            unknown_since=now,
            counts=False,
            failing_since=job.failing_since,
        )

    def _failed(self, job: Job, handler: Handler, error: BridgeError) -> Outcome | Retry:
        now = self._clock.ms()
        job.steps.append((now, "failed", f"{error.cause}: {error}"))
        log.info("job.failed", kind=job.kind, cause=error.cause, reason=str(error))
        match error.remedy:
            case Remedy.NOTHING:
                return self._dead(job, handler, error.cause, str(error))
            case Remedy.PERSON if error.scope is Scope.ONE:
                return self._dead(job, handler, error.cause, str(error))
            case Remedy.PERSON:
                return self._needs_person(job, error)
            case Remedy.RETRY:
                return self._retry(job, handler, error)

    def _needs_person(self, job: Job, error: BridgeError) -> Retry:
        """Pause the account: no attempt is used, everything resumes in order when it is mended."""
        now = self._clock.ms()
        due_at = now
        waits = self._policy.person_waits
        gate = self._gate(job, error)
        if gate is None:  # it concerns this job alone, or work that calls nobody
            due_at = now + waits[-1]
            is_news = True
        else:
            is_news = not gate.is_open or gate.reason != str(error)
            gate.trip(now, str(error), waits=waits)
        if is_news:
            self._alert(
                job.peer if error.scope is Scope.SERVER else job.account, error.cause, str(error)
            )
        return Retry(
            due_at=due_at,
            cause=error.cause,
            reason=str(error),
            unknown_since=job.unknown_since,
            counts=False,
            failing_since=job.failing_since,
        )

    def _retry(self, job: Job, handler: Handler, error: BridgeError) -> Outcome | Retry:
        now = self._clock.ms()
        gate = self._blame(job, error, now)
        since = job.failing_since
        # Held against the job only when it fails alone: the peer worked for others meanwhile.
        alone = gate is None or (since is not None and gate.last_success > since)
        attempts = job.attempts + 1 if alone else job.attempts
        failing_since = since if alone and job.attempts and since is not None else now
        unknown_since = now if error.certainty is Certainty.UNKNOWN else job.unknown_since
        wait: int | None = 0  # not alone: the breaker says when
        if alone:
            wait = next_try(
                attempts,
                delays=self._policy.retry_delays,
                chance=self._chance(),
                retry_after=asked_wait(error.retry_after),
            )
        if wait is None:
            reason = f"{error} Tried {attempts} times."
            return replace(
                self._dead(job, handler, error.cause, reason), unknown_since=unknown_since
            )
        park = alone and PARKED not in job.lane and now - failing_since >= self._policy.park_after
        if park:
            log.warning("job.parked", kind=job.kind, lane=job.lane, cause=error.cause)
            job.steps.append((now, "parked", "it failed alone; its lane goes on"))
        return Retry(
            due_at=now + wait,
            cause=error.cause,
            reason=str(error),
            unknown_since=unknown_since,
            counts=alone,
            failing_since=failing_since,
            park=park,
        )

    def _blame(self, job: Job, error: BridgeError, now: int) -> Breaker | None:
        """Tell the breaker that the failure concerns; None when it concerns this job alone."""
        gate = self._gate(job, error)
        if gate is None:
            return None
        wait = asked_wait(error.retry_after)
        if wait is None:
            gate.failed(now, str(error))
        else:
            gate.trip(now, str(error), waits=(wait,))
        return gate

    def _gate(self, job: Job, error: BridgeError) -> Breaker | None:
        if error.scope is Scope.ONE:
            return None
        key = job.peer if error.scope is Scope.SERVER else job.account
        return None if key == LOCAL else self._breaker(key)

    def _dead(self, job: Job, handler: Handler, cause: str, reason: str) -> Dead:
        dead = Dead(cause=cause, reason=reason)
        self._alert(job.account, cause, reason)
        try:
            return replace(dead, write=handler.died(job, dead))
        except Exception:  # a job that cannot be told about must die all the same
            log.exception("job.died_crashed", kind=job.kind)
            return dead


def _bug(error: Exception) -> BridgeError:
    """Where it struck is not known, so neither is what was done before."""
    bug = BridgeError(f"An internal error ({type(error).__name__}).", code=BUG)
    bug.certainty = Certainty.UNKNOWN
    return bug
