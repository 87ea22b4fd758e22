"""The duplicates of a whole Chatwoot account: looked for, shown, and merged only when asked again.

A plan belongs to the instance through which it was asked for, and concerns its whole account. Its
work is done by jobs (`relay/merge_planning.py`, `relay/merge_applying.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson
import structlog

from bridge.clock import Clock
from bridge.engine.queue import NewJob, Queue
from bridge.errors import Conflict, NotFound
from bridge.relay import lanes
from bridge.relay.chores import chore
from bridge.relay.directory import Entry
from bridge.relay.merge_applying import APPLY
from bridge.relay.merge_planning import PLAN
from bridge.store.engine import Store, Unit
from bridge.store.queries import merge_plans, merges
from bridge.store.queries.merge_plans import Plan
from bridge.store.queries.merges import Merge

log = structlog.get_logger(__name__)

_DROPPED = "The plan was dropped."


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """How far a plan is. `seen`: contacts that were looked at; times in ms."""

    id: int
    state: str
    seen: int
    reason: str | None
    created_at: int
    ended_at: int | None
    #: Pairs in all, and what became of them.
    pairs: int
    planned: int
    done: int
    skipped: int
    failed: int


class MergePlans:
    def __init__(self, store: Store, queue: Queue, clock: Clock) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock

    async def begin(self, entry: Entry, actor: str) -> int:
        """Look for duplicates; gives the plan's id. Raises `Conflict` while one is under way."""
        _insist_on_inbox(entry)

        def write(unit: Unit) -> int:
            _insist_on_quiet(unit, entry)
            now = self._clock.ms()
            plan_id = merge_plans.add(unit.db, entry.scope, entry.id, now=now)
            self._queue.add(unit, _job(PLAN, entry, plan_id, now))
            return plan_id

        plan_id = await self._store.write(write, durable=True)
        log.info("merge.plan_begun", plan=plan_id, instance=entry.id, actor=actor)
        return plan_id

    async def apply(self, entry: Entry, plan_id: int, actor: str) -> PlanView:
        """Merge what a plan shows. Again for one that is being applied, or was: nothing happens.

        Raises `NotFound`, or `Conflict` for a plan that is not ready, or was dropped.
        """
        _insist_on_inbox(entry)

        def write(unit: Unit) -> bool:
            plan = _plan(unit, entry, plan_id)
            if plan.state in ("applying", "applied"):
                return False
            counts = merge_plans.counts(unit.db, plan_id)
            rest = counts.get("planned", 0) + counts.get("intent", 0)
            if plan.state != "planned" and not (plan.state == "failed" and rest):
                raise Conflict(
                    f"Plan {plan_id} cannot be applied, it is {plan.state}.",
                    code="merge.not_planned",
                )
            _insist_on_quiet(unit, entry)
            merge_plans.turn(unit.db, plan_id, before=("planned", "failed"), state="applying")
            self._queue.add(unit, _job(APPLY, entry, plan_id, self._clock.ms()))
            return True

        if await self._store.write(write, durable=True):
            log.info("merge.plan_applied", plan=plan_id, instance=entry.id, actor=actor)
        return await self.status(entry, plan_id)

    async def drop(self, entry: Entry, plan_id: int, actor: str) -> PlanView:
        """Stop a plan; what is merged already stays merged, the rest is left as it is."""

        def write(unit: Unit) -> bool:
            _plan(unit, entry, plan_id)
            now = self._clock.ms()
            dropped = merge_plans.turn(
                unit.db,
                plan_id,
                before=("planning", "planned", "applying", "failed"),
                state="dropped",
                now=now,
            )
            if dropped:
                merge_plans.skip_rest(unit.db, plan_id, reason=_DROPPED, now=now)
            return dropped

        if await self._store.write(write, durable=True):
            log.info("merge.plan_dropped", plan=plan_id, instance=entry.id, actor=actor)
        return await self.status(entry, plan_id)

    async def status(self, entry: Entry, plan_id: int) -> PlanView:
        """Raises `NotFound` for a plan of another account."""
        found = await self._store.read(
            lambda db: (merge_plans.get(db, plan_id), merge_plans.counts(db, plan_id))
        )
        plan, counts = found
        if plan is None or plan.scope != entry.scope:
            raise _unknown(plan_id)
        return _view(plan, counts)

    async def latest(self, entry: Entry, *, limit: int = 20) -> list[PlanView]:
        """The newest plans of the account first."""
        return await self._store.read(
            lambda db: [
                _view(plan, merge_plans.counts(db, plan.id))
                for plan in merge_plans.latest(db, entry.scope, limit=limit)
            ]
        )

    async def pairs(self, entry: Entry, plan_id: int, *, limit: int, after: int = 0) -> list[Merge]:
        """What a plan would merge, or has merged, in order. Raises `NotFound`."""
        await self.status(entry, plan_id)
        return await self._store.read(
            lambda db: merge_plans.pairs(db, plan_id, limit=limit, after=after)
        )

    async def ledger(self, entry: Entry, *, limit: int, before: int | None = None) -> list[Merge]:
        """What was merged in the account, newest first: in messages, and by plans."""
        return await self._store.read(
            lambda db: merges.page(db, entry.scope, limit=limit, before=before)
        )


def _insist_on_inbox(entry: Entry) -> None:
    if entry.side is None:
        raise Conflict(
            "This instance has no Chatwoot inbox, so there are no contacts to be merged.",
            code="merge.no_inbox",
        )


def _insist_on_quiet(unit: Unit, entry: Entry) -> None:
    at_work = merge_plans.under_way(unit.db, entry.scope)
    if at_work is not None:
        raise Conflict(
            f"Plan {at_work.id} of this Chatwoot account is {at_work.state} right now.",
            code="merge.under_way",
        )


def _plan(unit: Unit, entry: Entry, plan_id: int) -> Plan:
    plan = merge_plans.get(unit.db, plan_id)
    if plan is None or plan.scope != entry.scope:
        raise _unknown(plan_id)
    return plan


def _unknown(plan_id: int) -> NotFound:
    return NotFound(f"There is no plan {plan_id} of merges here.", code="merge.unknown")


def _view(plan: Plan, counts: dict[str, int]) -> PlanView:
    return PlanView(
        id=plan.id,
        state=plan.state,
        seen=plan.seen,
        reason=plan.reason,
        created_at=plan.created_at,
        ended_at=plan.ended_at,
        pairs=sum(counts.values()),
        planned=counts.get("planned", 0) + counts.get("intent", 0),
        done=counts.get("done", 0),
        skipped=counts.get("skipped", 0),
        failed=counts.get("failed", 0),
    )


def _job(kind: str, entry: Entry, plan_id: int, now: int) -> NewJob:
    payload = orjson.dumps({"plan": plan_id})
    return chore(entry, kind, lane=lanes.merges(entry.id), payload=payload, now=now)
