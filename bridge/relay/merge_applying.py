"""A plan that was shown is carried out, pair by pair; it can be stopped, and goes on after a crash.

Each pair is looked at again right before: what was changed since the plan was made is left alone,
and the ledger says so. No notes are written, since thousands of them would turn the list of
conversations upside down: the plan tells what was merged, and the control room how far it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import orjson

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.models import Contact
from bridge.clock import Clock
from bridge.engine.queue import Again, Dead, Delivered, Ignored, Job, Outcome, Queue
from bridge.errors import PeerError, PeerGone, Scope
from bridge.locale import say
from bridge.relay import room
from bridge.relay.directory import Directory, Entry
from bridge.relay.merge_pairs import Found, carry_out, look_at, renewed
from bridge.relay.posting import ready
from bridge.store.engine import Store, Unit
from bridge.store.queries import merge_plans, merges, people_keys
from bridge.store.queries.merge_plans import Plan
from bridge.store.queries.merges import Merge
from bridge.text.convert import literal

APPLY = "merge_apply"
#: Pairs in one run of the job, and how long (ms) others have Chatwoot to themselves after it.
PAIRS, PAUSE = 3, 1000
#: After so many pairs the control room hears how far it is.
TOLD_EVERY = 100

_OFF = "The instance has left this Chatwoot account, or Chatwoot was switched off for it."
_CHANGED = "was changed in Chatwoot after the plan was made"
_COMPARED = ("phone_number", "identifier", "email", "name")


class Applying:
    def __init__(self, store: Store, queue: Queue, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._queue = queue
        self._directory = directory
        self._clock = clock

    async def run(self, job: Job) -> Outcome:
        reached = ready(self._directory, job)
        if isinstance(reached, Ignored):
            return replace(reached, write=self._failed(job, _OFF))
        entry, side = reached
        plan_id = orjson.loads(job.payload)["plan"]
        plan = await self._store.read(lambda db: merge_plans.get(db, plan_id))
        if plan is None or plan.scope != side.scope:
            return Ignored(rule="merge.stopped", reason=_OFF, write=self._failed(job, _OFF))
        await self._finish_begun(side.chatwoot, plan)
        if plan.state != "applying":
            return Ignored(rule="merge.stopped", reason="The plan was dropped.")
        before = _over(await self._counts(plan))
        waiting = await self._store.read(
            lambda db: merge_plans.pairs(db, plan.id, limit=PAIRS, state="planned")
        )
        for pair in waiting:
            await self._merge(side.chatwoot, plan, pair)
        after = await self._counts(plan)
        if not after.get("planned"):
            return Delivered(write=self._applied(entry, plan, after))
        is_news = _over(after) // TOLD_EVERY > before // TOLD_EVERY
        return Again(
            due_at=self._clock.ms() + PAUSE,
            why="the plan is not finished",
            write=self._telling(entry, plan, after) if is_news else None,
        )

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:
        return self._failed(job, dead.reason)

    def _failed(self, job: Job, reason: str) -> Callable[[Unit], None]:
        plan_id = orjson.loads(job.payload)["plan"]
        now = self._clock.ms()

        def write(unit: Unit) -> None:
            entry = self._directory.by_id(job.instance_id)
            failed = merge_plans.turn(
                unit.db, plan_id, before=("applying",), state="failed", now=now, reason=reason
            )
            if failed and entry is not None:
                text = say(entry.language, "merge.apply.failed", id=plan_id)
                room.tell(self._queue, unit, entry, text, now=now)

        return write

    async def _counts(self, plan: Plan) -> dict[str, int]:
        return await self._store.read(lambda db: merge_plans.counts(db, plan.id))

    async def _finish_begun(self, chatwoot: Chatwoot, plan: Plan) -> None:
        """What an earlier run was stopped in is ended, whatever became of the plan."""
        begun = await self._store.read(
            lambda db: merge_plans.pairs(db, plan.id, limit=PAIRS, state="intent")
        )
        for pair in begun:
            await self._carry_out(chatwoot, pair)

    # -- one pair ----------------------------------------------------------------------------

    async def _merge(self, chatwoot: Chatwoot, plan: Plan, pair: Merge) -> None:
        try:
            base = await look_at(chatwoot, await chatwoot.contact(pair.base_id))
            mergee = await look_at(chatwoot, await chatwoot.contact(pair.mergee_id))
        except PeerGone:
            await self._end(pair, "skipped", "One of the two contacts is not there any more.")
            return
        begun = await self._store.write(
            lambda unit: self._begin(unit.db, plan, pair, base, mergee), durable=True
        )
        if begun is not None:
            await self._carry_out(chatwoot, begun)

    def _begin(
        self, db: sqlite3.Connection, plan: Plan, pair: Merge, base: Found, mergee: Found
    ) -> Merge | None:
        """Write down that the pair is about to be merged; None: it is not to be."""
        obstacle = _changed(db, plan, pair, base.contact, mergee.contact)
        people = merges.persons_of(db, plan.scope, (pair.base_id, pair.mergee_id))
        keys = {*base.keys, *mergee.keys}
        if keys:
            people.update(people_keys.persons(db, plan.scope, sorted(keys)).values())
        if obstacle is None and len(people) > 1:
            obstacle = "The two contacts belong to two people, as WhatsApp has shown meanwhile."
        if obstacle is None and {pair.base_id, pair.mergee_id} & merges.bots(db, plan.scope):
            obstacle = "One of the two is the contact of Ponte itself."
        if obstacle is None and merges.touched(db, plan.scope, (pair.base_id, pair.mergee_id)):
            obstacle = "One of the two is being merged for another reason right now."
        if obstacle is not None:
            now = self._clock.ms()
            merges.end(db, pair.id, state="skipped", now=now, reason=obstacle)
            return None
        now_is = renewed(pair, base, mergee, person_id=next(iter(people), None))
        return merges.get(db, pair.id) if merges.begin(db, pair.id, now_is) else None

    async def _carry_out(self, chatwoot: Chatwoot, pair: Merge) -> None:
        """One pair that Chatwoot does not merge keeps no other from being merged."""
        try:
            await carry_out(chatwoot, self._store, self._clock, pair)
        except PeerError as error:
            if error.scope is not Scope.ONE:
                raise
            if await self._is_merged(chatwoot, pair):  # it failed afterwards
                await carry_out(chatwoot, self._store, self._clock, pair)
            else:
                await self._end(pair, "failed", str(error))

    @staticmethod
    async def _is_merged(chatwoot: Chatwoot, pair: Merge) -> bool:
        try:
            await chatwoot.contact(pair.mergee_id)
        except PeerGone:
            return True
        return False

    async def _end(self, pair: Merge, state: str, reason: str) -> None:
        now = self._clock.ms()
        await self._store.write(
            lambda unit: merges.end(unit.db, pair.id, state=state, now=now, reason=reason)
        )

    # -- what is told ------------------------------------------------------------------------

    def _applied(self, entry: Entry, plan: Plan, counts: dict[str, int]) -> Callable[[Unit], None]:
        now = self._clock.ms()
        text = _report(entry, "merge.apply.ended", plan, counts)

        def write(unit: Unit) -> None:
            if merge_plans.turn(unit.db, plan.id, before=("applying",), state="applied", now=now):
                room.tell(self._queue, unit, entry, text, now=now)

        return write

    def _telling(self, entry: Entry, plan: Plan, counts: dict[str, int]) -> Callable[[Unit], None]:
        now = self._clock.ms()
        text = _report(entry, "merge.apply.progress", plan, counts)
        return lambda unit: room.tell(self._queue, unit, entry, text, now=now)


def _over(counts: dict[str, int]) -> int:
    return sum(counts.values()) - counts.get("planned", 0)


def _report(entry: Entry, key: str, plan: Plan, counts: dict[str, int]) -> str:
    return say(
        entry.language,
        key,
        id=plan.id,
        name=literal(entry.instance.name),
        over=_over(counts),
        pairs=sum(counts.values()),
        done=counts.get("done", 0),
        skipped=counts.get("skipped", 0),
        failed=counts.get("failed", 0),
    )


def _changed(
    db: sqlite3.Connection, plan: Plan, pair: Merge, base: Contact, mergee: Contact
) -> str | None:
    """Whether somebody changed who the contacts are, or how people call them; None: nobody did.

    What the merges of this very plan brought into the base is no change.
    """
    ours = _brought(merge_plans.into(db, plan.id, pair.base_id))
    if _differs(mergee, pair.moved["mergee"], {}):
        return f"The contact that was to be merged {_CHANGED}."
    if _differs(base, pair.moved["base"], ours):
        return f"The contact that was to stay {_CHANGED}."
    return None


def _brought(done: Sequence[Merge]) -> dict[str, set[Any]]:
    found: dict[str, set[Any]] = {what: set() for what in _COMPARED}
    for one in done:
        for what in _COMPARED:
            found[what].update((one.moved["mergee"].get(what), one.moved["carry"].get(what)))
    return found


def _differs(contact: Contact, then: dict[str, Any], brought: dict[str, set[Any]]) -> bool:
    return any(
        (value := getattr(contact, what)) != then[what] and value not in brought.get(what, ())
        for what in _COMPARED
    )
