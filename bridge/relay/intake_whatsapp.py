"""A WhatsApp webhook arrives: everything in it is kept in one commit, then answered."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import orjson
import structlog

from bridge.clock import Clock, to_ms
from bridge.core.message import EVENT, Event, Party, Received, Unhandled
from bridge.engine.accept import apart, is_new
from bridge.engine.queue import Dead, Delivered, Job, NewJob, Outcome, Queue, Road
from bridge.relay import lanes
from bridge.relay.directory import Directory, Entry
from bridge.relay.linking import link_job
from bridge.relay.people import place
from bridge.relay.receipts import Receipts
from bridge.store.engine import Store, Unit

log = structlog.get_logger(__name__)

INBOUND = "inbound"
#: The kind of an event that could not be accepted; a replay accepts it again.
ACCEPT = "accept"
UNKNOWN_NUMBER = "whatsapp.unknown_number"
#: So many events share a commit at most: a webhook may hold a thousand, and nobody waits for long.
AT_ONCE = 100


class WhatsAppIntake:
    """Keeps events of every channel; the channel's parser made them neutral before."""

    def __init__(
        self, store: Store, queue: Queue, directory: Directory, receipts: Receipts, clock: Clock
    ) -> None:
        self._store = store
        self._queue = queue
        self._directory = directory
        self._receipts = receipts
        self._clock = clock

    async def keep(self, events: list[Event], *, trace_id: str | None) -> None:
        """Store the events; when this returns they are on disk. Raises `Unavailable` otherwise."""
        now = self._clock.ms()
        kept = [event for event in events if not self._ignored(event)]
        if not kept:
            return

        for start in range(0, len(kept), AT_ONCE):
            some = kept[start : start + AT_ONCE]
            # When a later commit fails all of it comes again, and what is kept is a duplicate.
            await self._store.write(partial(self._accept, some, now, trace_id), durable=True)

    def _accept(self, events: list[Event], now: int, trace_id: str | None, unit: Unit) -> None:
        for event in events:
            if not apart(unit, self._step(unit, event, now, trace_id)):
                self._keep_poison(unit, event, now, trace_id)

    async def run(self, job: Job) -> Outcome:
        """Accept an event again that was kept as a dead letter."""
        await self.keep([EVENT.validate_json(job.payload)], trace_id=job.trace_id)
        return Delivered()

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    def _ignored(self, event: Event) -> bool:
        """Count what needs no action at once: it costs no commit of its own."""
        if isinstance(event, Unhandled):
            rule, road = event.rule, Road.SIGNAL
        elif self._directory.by_number(event.number) is None:
            rule, road = UNKNOWN_NUMBER, _road(event)
        else:
            return False
        self._store.count(road, "accepted")
        self._store.count(road, "ignored", rule)
        log.info("event.ignored", rule=rule)
        return True

    def _step(self, unit: Unit, event: Event, now: int, trace_id: str | None) -> Callable[[], None]:
        entry = self._directory.by_number(event.number)
        if entry is None or isinstance(event, Unhandled):  # deleted since `_ignored` looked
            return lambda: _unknown(unit, _road(event))
        if isinstance(event, Received):
            return lambda: self._received(unit, entry, event, now, trace_id)
        return lambda: self._receipts.accept(unit, entry, event, now)

    def _received(
        self, unit: Unit, entry: Entry, event: Received, now: int, trace_id: str | None
    ) -> None:
        if not is_new(unit, f"content:{entry.id}:{event.id}", now):
            unit.count(Road.INBOUND, "accepted")
            unit.count(Road.INBOUND, "ignored", "duplicate")
            return
        placed = place(
            unit.db,
            entry,
            Party(group=event.group) if event.group else event.sender,
            evidence=event.id,
            now=now,
            inbound_at=to_ms(event.at),
        )
        if placed is None:
            unit.count(Road.INBOUND, "accepted")
            unit.count(Road.INBOUND, "ignored", "whatsapp.no_sender")
            return
        if placed.other_person is not None:
            self._queue.add(unit, link_job(entry, placed, now=now, trace_id=trace_id))
        self._queue.add(
            unit,
            NewJob(
                kind=INBOUND,
                lane=lanes.to_chatwoot(placed.chat_id),
                road=Road.INBOUND,
                peer=entry.chatwoot_peer,
                account=entry.chatwoot_account,
                payload=orjson.dumps(event),
                now=now,
                instance_id=entry.id,
                chat_id=placed.chat_id,
                ref=event.id,
                trace_id=trace_id,
            ),
        )

    def _keep_poison(self, unit: Unit, event: Event, now: int, trace_id: str | None) -> None:
        """An event that cannot even be kept as a job is kept as a dead letter, whole."""
        self._queue.add_dead(
            unit,
            NewJob(
                kind=ACCEPT,
                lane="poison",
                road=_road(event),
                peer="local",
                account="local",
                payload=orjson.dumps(event),
                now=now,
                trace_id=trace_id,
            ),
            cause="internal.accept",
            reason="This event could not be accepted; see the log.",
        )


def _unknown(unit: Unit, road: Road) -> None:
    unit.count(road, "accepted")
    unit.count(road, "ignored", UNKNOWN_NUMBER)


def _road(event: Event) -> Road:
    return Road.INBOUND if isinstance(event, Received) else Road.STATUS
