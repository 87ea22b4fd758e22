"""Two chats turn out to be one person's: one job makes them one, holding all their lanes.

The job runs in the lane of the older chat and acquires those of the younger, always in this
order, so that two such jobs never wait for each other. What waits in the younger chat's lanes
moves over by accept number.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
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
from bridge.relay.directory import Directory, Entry
from bridge.relay.people import place
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, menus, reactions, seen, votes
from bridge.store.queries.chats import ChatRow

LINK = "link"


def place_and_link(
    queue: Queue,
    unit: Unit,
    entry: Entry,
    party: Party,
    *,
    evidence: str,
    now: int,
    trace_id: str | None,
    inbound_at: int = 0,
) -> int | None:
    """The chat of a party, as `people.place` finds it; whom it shows to be one are made one."""
    placed = place(unit.db, entry, party, evidence=evidence, now=now, inbound_at=inbound_at)
    if placed is None:
        return None
    other = placed.other_person
    if other is not None:
        queue.add(unit, link_job(entry, placed.chat_id, placed.person_id, other, now, trace_id))
    return placed.chat_id


def link_job(  # noqa: PLR0917
    entry: Entry, chat_id: int, keep: int, gone: int, now: int, trace_id: str | None
) -> NewJob:
    """Have two persons made one; `chat_id` is that of the one who stays."""
    return NewJob(
        kind=LINK,
        lane=lanes.to_chatwoot(chat_id),
        road=Road.INTERNAL,
        peer=LOCAL,
        account=LOCAL,
        payload=orjson.dumps({"keep": keep, "gone": gone}),
        now=now,
        instance_id=entry.id,
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
    if chat.party.group or merge(chat.party, known) == chat.party:
        return
    evidence = f"sent by job {job.id}"
    place_and_link(queue, unit, entry, known, evidence=evidence, now=now, trace_id=job.trace_id)


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
        others = await self._store.read(
            lambda db: [
                row["id"]
                for row in db.execute(
                    "SELECT id FROM chat WHERE person_id=? ORDER BY id", (pair["gone"],)
                )
            ]
        )
        held = [
            lane for chat in others for lane in (lanes.to_chatwoot(chat), lanes.to_whatsapp(chat))
        ]
        await self._queue.acquire(held)
        try:
            return Delivered(write=await self._link(entry, pair["keep"], pair["gone"], job))
        finally:
            self._queue.release(held)

    async def _link(
        self, entry: Entry, keep: int, gone: int, job: Job
    ) -> Callable[[Unit], None] | None:
        def work(unit: Unit) -> None:
            survivor = _survivor(unit.db, keep)
            for kept, given_up in chats.link(unit.db, entry.scope, survivor, gone):
                for lane in (lanes.to_chatwoot, lanes.to_whatsapp):
                    self._queue.move(unit, lane(given_up), lane(kept))
                _move(unit.db, entry.id, given_up, kept)

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


def _survivor(db: sqlite3.Connection, person_id: int) -> int:
    """The person whom another link has made of this one meanwhile."""
    while True:
        row = db.execute("SELECT merged_into FROM person WHERE id=?", (person_id,)).fetchone()
        if row is None or row["merged_into"] is None:
            return person_id
        person_id = row["merged_into"]
