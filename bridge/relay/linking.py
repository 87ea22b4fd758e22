"""Two chats turn out to be one person's: one job makes them one, holding all their lanes.

The job runs in a lane of the older person and acquires those of the younger, always in this
order, so that two such jobs never wait for each other. What waits in the younger chat's lanes
moves over by accept number.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import replace

import orjson

from bridge.clock import Clock
from bridge.core.identity import keys, merge
from bridge.core.party import Party
from bridge.engine.queue import (
    LOCAL,
    Dead,
    Delivered,
    Ignored,
    Job,
    NewJob,
    Outcome,
    Queue,
    Road,
)
from bridge.relay import lanes
from bridge.relay.bot.talk_joining import join_talks
from bridge.relay.directory import Directory, Entry
from bridge.relay.merging import merge_job
from bridge.relay.people import Heard, Merges, place, witness
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, joins, menus, reactions, seen, votes
from bridge.store.queries.chats import ChatRow

LINK = "link"
#: What of a chat that is taken over waits in these.
_MOVING = (
    lanes.to_chatwoot,
    lanes.to_whatsapp,
    lanes.bot_turns,
    lanes.bot_timers,
    lanes.phone_words,
)
#: What must not run in the chat that stays: what the bot is about to say, or asks for.
_STAYING = (lanes.to_whatsapp, lanes.bot_turns)


def place_and_link(
    queue: Queue, unit: Unit, entry: Entry, party: Party, heard: Heard, *, trace_id: str | None
) -> int | None:
    """The chat of a party, as `people.place` finds it; whom it shows to be one are made one."""
    placed = place(unit.db, entry, party, heard)
    if placed is None:
        return None
    make_one(queue, unit, entry, placed.merges, heard.now, trace_id)
    return placed.chat_id


def learn_of(
    queue: Queue,
    unit: Unit,
    entry: Entry,
    parties: Iterable[Party | None],
    heard: Heard,
    *,
    trace_id: str | None,
) -> None:
    """Learn who people are of whom an event only tells: who writes in a group, who is mentioned."""
    for party in parties:
        if party is not None:
            merges = witness(unit.db, entry, party, heard)
            make_one(queue, unit, entry, merges, heard.now, trace_id)


def make_one(  # noqa: PLR0917
    queue: Queue, unit: Unit, entry: Entry, merges: Merges, now: int, trace_id: str | None
) -> None:
    """Have persons made one; at once where nothing can be under way for either."""
    for keep, gone in merges:
        first, theirs = chats.first_of(unit.db, keep), chats.first_of(unit.db, gone)
        if first is None and theirs is not None:
            # In a lane of `gone` the job would wait for itself.
            _, instance_id = theirs
            first = chats.chat_of(unit.db, instance_id, keep, now).id, instance_id
        if first is None:
            joins.join(unit.db, entry.scope, keep, gone, now=now)
        else:
            queue.add(unit, _link_job(first, keep, gone, now, trace_id))


def _link_job(
    first: tuple[int, str], keep: int, gone: int, now: int, trace_id: str | None
) -> NewJob:
    """Have two persons made one, in the lane of a chat of the one who stays."""
    chat_id, instance_id = first
    return NewJob(
        kind=LINK,
        lane=lanes.to_chatwoot(chat_id),
        road=Road.INTERNAL,
        peer=LOCAL,
        account=LOCAL,
        payload=orjson.dumps({"keep": keep, "gone": gone}),
        now=now,
        instance_id=instance_id,
        chat_id=chat_id,
        trace_id=trace_id,
    )


def recognise(
    queue: Queue, unit: Unit, entry: Entry, chat: ChatRow, recipient: Party, *, job: Job, now: int
) -> None:
    """Keep what WhatsApp called the recipient of a message of ours.

    That is the address to write to from now on (with or without the ninth digit), and a BSUID or
    LID by which an answer may come without any number (whatsapp-channels.md A.8, A.4).
    """
    before = chat.party.wa_id
    same = before is None or keys(Party(wa_id=recipient.wa_id)) == keys(Party(wa_id=before))
    known = replace(recipient, wa_id=recipient.wa_id if same else before)
    if chat.party.group:
        return
    heard = Heard(evidence=f"sent by job {job.id}", at=now, now=now)
    if merge(chat.party, known) == chat.party:
        learn_of(queue, unit, entry, [known], heard, trace_id=job.trace_id)
        return
    # The address that WhatsApp names is the newest there is.
    news = replace(heard, is_theirs=True)
    place_and_link(queue, unit, entry, known, news, trace_id=job.trace_id)


class Linking:
    def __init__(self, store: Store, queue: Queue, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._queue = queue
        self._directory = directory
        self._clock = clock

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone")
        pair = orjson.loads(job.payload)
        others, ours = await self._store.read(
            lambda db: (_chats(db, pair["gone"]), _chats(db, _survivor(db, pair["keep"])))
        )
        held = [lane(chat) for chat in others for lane in _MOVING]
        held += [lane(chat) for chat in ours for lane in _STAYING]
        held = [lane for lane in held if lane != job.lane]  # nobody waits for themselves
        await self._queue.acquire(held)
        try:
            return Delivered(write=await self._link(entry, pair["keep"], pair["gone"], job))
        finally:
            self._queue.release(held)

    async def _link(
        self, entry: Entry, keep: int, gone: int, job: Job
    ) -> Callable[[Unit], None] | None:
        now = self._clock.ms()

        def work(unit: Unit) -> None:
            survivor = _survivor(unit.db, keep)
            if survivor == gone:
                return
            joined = joins.join(unit.db, entry.scope, survivor, gone, now=now)
            for kept, given_up, instance_id in joined.chats:
                join_talks(self._queue, unit, kept=kept, given_up=given_up, now=now)
                for lane in _MOVING:
                    self._queue.move(unit, lane(given_up), lane(kept))
                _move(unit.db, instance_id, given_up, kept)
            inbox = entry.inbox
            if joined.has_other_contact and inbox is not None and inbox.merge_brazil_contacts:
                chat = chats.of_person(unit.db, entry.id, survivor)
                if chat is not None:
                    self._queue.add(unit, merge_job(entry, chat.id, now, job.trace_id))

        await self._store.write(work, durable=True)
        job.steps.append((self._clock.ms(), "linked", f"person {gone} into {keep}"))
        return None

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None


def _move(db: sqlite3.Connection, instance_id: str, given_up: int, kept: int) -> None:
    """What is known of the messages of a chat that another has taken over."""
    menus.move(db, given_up, kept)
    reactions.move(db, instance_id, given_up, kept)
    votes.move(db, instance_id, given_up, kept)
    seen.move(db, f"edit:{instance_id}:{given_up}:", f"edit:{instance_id}:{kept}:")


def _chats(db: sqlite3.Connection, person_id: int) -> list[int]:
    rows = db.execute("SELECT id FROM chat WHERE person_id=? ORDER BY id", (person_id,))
    return [row["id"] for row in rows]


def _survivor(db: sqlite3.Connection, person_id: int) -> int:
    """The person whom another link has made of this one meanwhile."""
    while True:
        row = db.execute("SELECT merged_into FROM person WHERE id=?", (person_id,)).fetchone()
        if row is None or row["merged_into"] is None:
            return person_id
        person_id = row["merged_into"]
