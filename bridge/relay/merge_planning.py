"""A whole Chatwoot account is searched for contacts of one person; nothing is merged here.

The job walks all contacts, a few pages at a time, and keeps in the database by which keys they are
known: it goes on where it stopped, and its memory holds the duplicates alone. Contacts are told
apart by the rules that messages are (`core/merging.py`), with what is known of our people.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import orjson

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.models import Contact
from bridge.clock import Clock
from bridge.core import identity
from bridge.core.identity import contact_keys, person_of
from bridge.core.merging import groups, is_ambiguous
from bridge.core.party import Party
from bridge.engine.queue import Again, Dead, Delivered, Ignored, Job, Outcome, Queue
from bridge.errors import PeerGone, PeerRefused
from bridge.locale import say
from bridge.relay import room
from bridge.relay.directory import Directory, Entry, Side
from bridge.relay.merge_pairs import Found, Whose, given_labels, look_at, pairs_of
from bridge.relay.posting import ready
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, merge_plans, merges, people_keys
from bridge.store.queries.merge_plans import Plan
from bridge.text.convert import literal

PLAN = "merge_plan"
#: What one run of the job does, and how long (ms) others have Chatwoot to themselves after it.
PAGES, PEOPLE, PAUSE = 5, 3, 1000
#: No account has more contacts; a server that never ends its list shall not fill our disk.
MOST_CONTACTS = 1_000_000
#: Of one person so many contacts are planned at once; the next plan finds the rest.
MOST_OF_ONE = 50
#: Rows that go in one unit.
_BATCH = 500
_PERSON = "person:"
_OFF = "The instance has left this Chatwoot account, or Chatwoot was switched off for it."

#: The ids of contacts, and of the person.
_Person: TypeAlias = tuple[tuple[int, ...], int | None]


class Planning:
    def __init__(self, store: Store, queue: Queue, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._queue = queue
        self._directory = directory
        self._clock = clock
        #: Plan -> people of whom pairs are to be made.
        self._waiting: dict[int, deque[_Person]] = {}

    async def run(self, job: Job) -> Outcome:
        reached = ready(self._directory, job)
        if isinstance(reached, Ignored):
            return replace(reached, write=self._failed(job, _OFF))
        entry, side = reached
        plan = await self._plan(job)
        if plan is None or plan.state != "planning" or plan.scope != side.scope:
            self._waiting.pop(plan.id if plan is not None else 0, None)
            return Ignored(
                rule="merge.stopped",
                reason="The plan was dropped.",
                write=self._failed(job, _OFF),
            )
        if plan.page:
            await self._walk(side.chatwoot, plan)
        elif not await self._pair_some(entry, side, plan):
            while await self._store.write(
                lambda unit: merge_plans.forget_some(unit.db, plan.id, _BATCH)
            ):
                pass
            return Delivered(write=self._planned(entry, plan))
        return Again(due_at=self._clock.ms() + PAUSE, why="the plan is not finished")

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:
        return self._failed(job, dead.reason)

    def _failed(self, job: Job, reason: str) -> Callable[[Unit], None]:
        plan_id = orjson.loads(job.payload)["plan"]
        self._waiting.pop(plan_id, None)
        now = self._clock.ms()

        def write(unit: Unit) -> None:
            if merge_plans.turn(
                unit.db, plan_id, before=("planning",), state="failed", now=now, reason=reason
            ):
                merge_plans.skip_rest(unit.db, plan_id, reason="The plan failed.", now=now)
                entry = self._directory.by_id(job.instance_id)
                if entry is not None:
                    text = say(entry.language, "merge.plan.failed", id=plan_id)
                    room.tell(self._queue, unit, entry, text, now=now)

        return write

    async def _plan(self, job: Job) -> Plan | None:
        plan_id = orjson.loads(job.payload)["plan"]
        return await self._store.read(lambda db: merge_plans.get(db, plan_id))

    # -- looking at all contacts -------------------------------------------------------------

    async def _walk(self, chatwoot: Chatwoot, plan: Plan) -> None:
        before: set[int] = set()
        current: Plan | None = plan
        for _ in range(PAGES):
            if current is None or not current.page:
                return
            if current.seen > MOST_CONTACTS:
                raise PeerRefused(
                    f"Chatwoot tells of more than {MOST_CONTACTS} contacts.", code="merge.too_many"
                )
            listed = await chatwoot.contacts_page(current.page)
            ids = {one.id for one in listed}
            # A page like the one before: a server that knows no pages.
            after = current.page + 1 if ids and ids != before else 0
            before = ids
            current = await self._store.write(self._looking(current, listed, after))

    @staticmethod
    def _looking(
        plan: Plan, listed: Sequence[Contact], after: int
    ) -> Callable[[Unit], Plan | None]:
        def write(unit: Unit) -> Plan | None:
            bots = merges.bots(unit.db, plan.scope)
            rows = [
                (one.id, keys)
                for one in listed
                if one.id not in bots and (keys := _keys(unit.db, plan.scope, one))
            ]
            seen = len(listed) if after else 0
            merge_plans.look(unit.db, plan, rows, seen=seen, page=after)
            return merge_plans.get(unit.db, plan.id)

        return write

    # -- making pairs ------------------------------------------------------------------------

    async def _pair_some(self, entry: Entry, side: Side, plan: Plan) -> bool:
        """Plan the next few people with several contacts; False: there are no more.

        They are found once, and again after a start or a failure.
        """
        waiting = self._waiting.pop(plan.id, None)
        if waiting is None:
            waiting = deque(await self._store.read(lambda db: _people(db, plan)))
        for _ in range(min(PEOPLE, len(waiting))):
            group, person = waiting.popleft()
            looked = await self._looked_at(side.chatwoot, group)
            await self._store.write(self._pairing(entry, plan, group, looked, person))
        if waiting:
            self._waiting[plan.id] = waiting
        return bool(waiting)

    @staticmethod
    async def _looked_at(chatwoot: Chatwoot, group: Sequence[int]) -> list[Found]:
        looked: list[Found] = []
        for contact_id in group:
            try:
                looked.append(await look_at(chatwoot, await chatwoot.contact(contact_id)))
            except PeerGone:
                continue
        return looked

    def _pairing(
        self,
        entry: Entry,
        plan: Plan,
        group: Sequence[int],
        looked: list[Found],
        person_id: int | None,
    ) -> Callable[[Unit], None]:
        now = self._clock.ms()

        def write(unit: Unit) -> None:
            merge_plans.forget(unit.db, plan.id, group)
            if len(looked) < 2:  # noqa: PLR2004  (somebody was faster)
                return
            for pair in pairs_of(looked, _whose(unit.db, entry, looked, person_id)):
                merges.add(unit.db, replace(pair, plan_id=plan.id), state="planned", now=now)

        return write

    def _planned(self, entry: Entry, plan: Plan) -> Callable[[Unit], None]:
        now = self._clock.ms()

        def write(unit: Unit) -> None:
            if not merge_plans.turn(unit.db, plan.id, before=("planning",), state="planned"):
                return
            pairs = merge_plans.counts(unit.db, plan.id).get("planned", 0)
            key = "merge.plan.ready.one" if pairs == 1 else "merge.plan.ready.many"
            text = say(
                entry.language,
                key if pairs else "merge.plan.nothing",
                id=plan.id,
                name=literal(entry.instance.name),
                seen=plan.seen,
                pairs=pairs,
            )
            room.tell(self._queue, unit, entry, text, now=now)

        return write


def _keys(db: sqlite3.Connection, scope: str, contact: Contact) -> set[str]:
    """By what a contact may be joined to others; nothing where it names two people, or none."""
    keys = contact_keys(contact.phone_number, contact.identifier)
    people = merges.persons_of(db, scope, (contact.id,))
    if keys:
        people.update(people_keys.persons(db, scope, keys).values())
    known: set[str] = set().union(*(people_keys.of_person(db, scope, one) for one in people))
    if len(people) > 1 or is_ambiguous(keys, known):
        return set()
    return {*keys, *(f"{_PERSON}{one}" for one in people)}


def _people(db: sqlite3.Connection, plan: Plan) -> list[_Person]:
    """Who has several contacts: these, and who it is, if we know them."""
    found = merge_plans.alike(db, plan.id)
    named = {key for keys in found.values() for key in keys if key.startswith(_PERSON)}
    people = {key: people_keys.of_person(db, plan.scope, _number(key)) for key in named}
    return [
        (group, next((_number(key) for one in group for key in found[one] if key in named), None))
        for whole in groups(found, people)
        if (group := whole[:MOST_OF_ONE])
    ]


def _number(key: str) -> int:
    return int(key.removeprefix(_PERSON))


def _whose(
    db: sqlite3.Connection, entry: Entry, looked: Sequence[Found], person_id: int | None
) -> Whose:
    """Who the contacts of a group are, as far as they and our own tables say."""
    party = Party()
    for one in looked:
        party = identity.merge(party, person_of(one.contact.phone_number, one.contact.identifier))
    names: set[str] = set()
    if person_id is not None:
        names.update(merges.names_given(db, entry.scope, person_id))
        for _, seen in chats.parties(db, person_id):
            party = identity.merge(party, seen)
            names.update(filter(None, (seen.name, identity.display_name(seen))))
    return Whose(
        scope=entry.scope,
        instance_id=entry.id,
        person_id=person_id,
        party=party,
        names=frozenset(names),
        labels=given_labels(entry),
    )
