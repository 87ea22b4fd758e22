"""Two chats turn out to be one person's: one job makes them one, holding all their lanes.

The job runs in the lane of the older chat and acquires those of the younger, always in this
order, so that two such jobs never wait for each other. What waits in the younger chat's lanes
moves over by accept number.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from bridge.clock import Clock
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
from bridge.relay.people import Placed
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats

LINK = "link"


def link_job(entry: Entry, placed: Placed, *, now: int, trace_id: str | None) -> NewJob:
    return NewJob(
        kind=LINK,
        lane=lanes.to_chatwoot(placed.chat_id),
        road=Road.INTERNAL,
        peer=LOCAL,
        account=LOCAL,
        payload=orjson.dumps({"keep": placed.person_id, "gone": placed.other_person}),
        now=now,
        instance_id=entry.id,
        chat_id=placed.chat_id,
        trace_id=trace_id,
    )


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
            for kept, given_up in chats.link(unit.db, entry.scope, keep, gone):
                for lane in (lanes.to_chatwoot, lanes.to_whatsapp):
                    self._queue.move(unit, lane(given_up), lane(kept))

        await self._store.write(work, durable=True)
        job.steps.append((self._clock.ms(), "linked", f"person {gone} into {keep}"))
        return None

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None
