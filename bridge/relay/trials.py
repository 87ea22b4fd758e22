"""Instances made on demand: warned of and deleted unless somebody subscribes.

Each has a row, written in the commit that makes the instance, and one durable job, which reads the
row anew whenever it runs. Both live as long as the instance, so restarts and a clock that jumps
change nothing. Source: evolution-instance-typebot.md 8, row 004.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import assert_never

import structlog

from bridge.clock import Clock
from bridge.core.order import InstanceOrder
from bridge.core.trial import End, Stay, Terms, Trial, TrialState, Wait, Warn, next_step
from bridge.engine.queue import (
    LOCAL,
    Again,
    Dead,
    Delivered,
    Ignored,
    Job,
    NewJob,
    Outcome,
    Queue,
    Road,
)
from bridge.errors import Conflict, NotFound
from bridge.relay.audit import PONTE
from bridge.relay.directory import Directory, Entry
from bridge.relay.events import Events
from bridge.relay.instances import Created, Instances
from bridge.store.engine import Store, Unit
from bridge.store.queries import audit, jobs, subscriptions

TRIAL = "trial"
#: Events, by their wire names, beside ``trial.subscribed`` and ``trial.cancelled``.
WARNING = "trial.warning"
ENDED = "trial.ended"

log = structlog.get_logger(__name__)

#: How soon a job looks again for an instance that is just being made (ms).
SOON = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDemand:
    """What was made, and until when (ms) it lives unless it is subscribed."""

    made: Created = field(repr=False)
    due: int


class Trials:
    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        instances: Instances,
        events: Events,
        clock: Clock,
        terms: Terms,
    ) -> None:
        self._store = store
        self._queue = queue
        self._directory = directory
        self._instances = instances
        self._events = events
        self._clock = clock
        self._terms = terms

    # -- what partners ask for ---------------------------------------------------------------

    async def create(self, order: InstanceOrder, *, label: str, mobile: bool) -> OnDemand:
        """Create an instance with its trial: both or neither. Raises as `Instances.create`."""
        now = self._clock.ms()
        due = now + self._terms.lasts

        def begin(unit: Unit, instance_id: str) -> None:
            trial = Trial(
                instance_id=instance_id,
                state=TrialState.TRIAL,
                due=due,
                warned_at=None,
                label=label,
                mobile=mobile,
            )
            subscriptions.insert(unit.db, trial, now=now)
            self._schedule(unit, trial, now=now)

        made = await self._instances.create(order, also=begin)
        log.info("trial.started", instance=order.name, due=due)
        return OnDemand(made=made, due=due)

    async def subscribe(self, entry: Entry) -> Trial:
        """It lives on. A subscription that comes before the deletion has begun wins, always."""

        def subscribed(trial: Trial, _now: int) -> Trial:
            return replace(trial, state=TrialState.ACTIVE, due=None, warned_at=None)

        return await self._change(entry, subscribed, action="trial.subscribed")

    async def cancel(self, entry: Entry) -> Trial:
        """End a subscription: the instance lives as long again as a trial.

        What was not subscribed keeps its end, or cancelling would be a way to live for ever.
        """

        def cancelled(trial: Trial, now: int) -> Trial:
            if trial.state is TrialState.ACTIVE:
                due = now + self._terms.lasts
                return replace(trial, state=TrialState.CANCELLED, due=due, warned_at=None)
            if trial.state is TrialState.TRIAL:
                return replace(trial, state=TrialState.CANCELLED)
            return trial

        return await self._change(entry, cancelled, action="trial.cancelled")

    async def find(self, entry: Entry) -> Trial | None:
        """None: this one was not made on demand."""
        return await self._store.read(lambda db: subscriptions.find(db, entry.id))

    async def page(
        self, *, text: str | None, mobile: bool | None, number: int, size: int
    ) -> subscriptions.Page:
        """Page `number` (from 1) of those made on demand, newest first."""
        return await self._store.read(
            lambda db: subscriptions.page(
                db, text=text, mobile=mobile, limit=size, offset=(number - 1) * size
            )
        )

    async def _change(
        self, entry: Entry, to: Callable[[Trial, int], Trial], *, action: str
    ) -> Trial:
        now = self._clock.ms()

        def work(unit: Unit) -> tuple[Trial, bool]:
            before = subscriptions.find(unit.db, entry.id)
            if before is None:
                raise Conflict(
                    "This instance was not made on demand: it has no trial and needs no "
                    "subscription.",
                    code="trial.none",
                )
            if before.state is TrialState.DELETING:
                raise Conflict(
                    "The trial of this instance has ended and it is being deleted; "
                    "create another one.",
                    code="trial.over",
                )
            after = to(before, now)
            if after == before:
                return before, False
            subscriptions.change(unit.db, before, after, now=now)
            self._unschedule(unit, after, rule=action, now=now)
            if after.due is not None:
                self._schedule(unit, after, now=now)
            self._tell(unit, entry, after, event=action)
            return after, True

        trial, changed = await self._store.write(work, durable=True)
        if changed:
            log.info(action, instance=entry.instance.name, due=trial.due)
        return trial

    # -- the job -----------------------------------------------------------------------------

    async def run(self, job: Job) -> Outcome:
        instance_id = job.instance_id or ""
        trial = await self._store.read(lambda db: subscriptions.find(db, instance_id))
        if trial is None:
            return Ignored(rule="instance.gone")
        now = self._clock.ms()
        entry = self._directory.by_id(instance_id)
        if entry is None or not entry.instance.ready:
            return Again(due_at=now + SOON, why="The instance is just being made.")
        match next_step(trial, now=now, warning=self._terms.warning):
            case Stay():
                return Ignored(rule=f"trial.{trial.state}")
            case Wait(until=until):
                return Again(due_at=until, why="The trial goes on.")
            case Warn(due=due):
                await self._warn(entry, trial, due=due, now=now)
                return Again(due_at=due, why="Its end was warned of.")
            case End():
                return await self._end(entry, trial, now=now)
            case other:
                assert_never(other)

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    async def _warn(self, entry: Entry, trial: Trial, *, due: int, now: int) -> None:
        warned = replace(trial, due=due, warned_at=now)
        if await self._step(entry, trial, warned, event=WARNING, action=WARNING, now=now):
            log.warning("trial.warned", instance=entry.instance.name, due=due)

    async def _end(self, entry: Entry, trial: Trial, *, now: int) -> Outcome:
        """Claim the end in one compare-and-set; from then on a subscription is refused."""
        if trial.state is not TrialState.DELETING:
            deletes = self._terms.deletes
            over = replace(trial, state=TrialState.DELETING if deletes else TrialState.ENDED)
            action = "instance.delete" if deletes else ENDED
            if not await self._step(entry, trial, over, event=ENDED, action=action, now=now):
                return Again(due_at=now, why="It was changed at this moment.")
            log.warning("trial.ended", instance=entry.instance.name, deletes=deletes)
            trial = over
        if trial.state is TrialState.DELETING:
            with suppress(NotFound):  # somebody else was quicker
                await self._instances.delete(entry)
        return Delivered()

    async def _step(
        self, entry: Entry, before: Trial, after: Trial, *, event: str, action: str, now: int
    ) -> bool:
        """False, and nothing written, when somebody changed the trial meanwhile."""

        def work(unit: Unit) -> bool:
            if not subscriptions.change(unit.db, before, after, now=now):
                return False
            self._tell(unit, entry, after, event=event)
            audit.add(
                unit.db,
                at=now,
                actor=PONTE,
                address=None,
                action=action,
                instance=entry.instance.name,
                status=HTTPStatus.OK,
                code=None,
                trace_id=None,
            )
            return True

        return await self._store.write(work, durable=True)

    def _tell(self, unit: Unit, entry: Entry, trial: Trial, *, event: str) -> None:
        told = {"state": trial.state, "due": trial.due, "deletes": self._terms.deletes}
        self._events.emit(unit, entry, event, told)

    def _schedule(self, unit: Unit, trial: Trial, *, now: int) -> None:
        step = next_step(trial, now=now, warning=self._terms.warning)
        job = NewJob(
            kind=TRIAL,
            lane=_lane(trial.instance_id),
            road=Road.INTERNAL,
            peer=LOCAL,
            account=LOCAL,
            payload=b"{}",  # all is read when it runs
            now=now,
            due_at=step.until if isinstance(step, Wait) else now,
            instance_id=trial.instance_id,
        )
        self._queue.add(unit, job)

    def _unschedule(self, unit: Unit, trial: Trial, *, rule: str, now: int) -> None:
        while (head := jobs.head(unit.db, _lane(trial.instance_id))) is not None:
            self._queue.cancel(unit, head["id"], rule=rule, now=now)


def _lane(instance_id: str) -> str:
    return f"trial:{instance_id}"
