"""A channel tells of events: all of them are kept in commits, and only then it may forget them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import assert_never

import orjson
import structlog

from bridge.clock import Clock, to_ms
from bridge.core.ignoring import chat_of
from bridge.core.message import (
    EVENT,
    Called,
    Edited,
    Event,
    GroupChanged,
    HistoryTold,
    IdentityChanged,
    NameTold,
    Reacted,
    Received,
    Revoked,
    SentByPhone,
    StatusReported,
    Unhandled,
    Voted,
)
from bridge.engine.accept import apart, is_new
from bridge.engine.queue import LOCAL, Dead, Delivered, Job, NewJob, Outcome, Queue, Road
from bridge.relay import history
from bridge.relay.address_book import AddressBook
from bridge.relay.bot.hearing import NO_FLOW, Hearing
from bridge.relay.bot.phone_words import PhoneWords
from bridge.relay.bot.rules import UNHEARD
from bridge.relay.calls import Calls
from bridge.relay.changes import Changes
from bridge.relay.directory import Directory, Entry
from bridge.relay.identities import Identities
from bridge.relay.incoming import inbound_job
from bridge.relay.linking import learn_of, place_and_link
from bridge.relay.people import Heard
from bridge.relay.pictures import Pictures
from bridge.relay.receipts import Receipts
from bridge.relay.revocations import Revocations
from bridge.store.engine import Store, Unit
from bridge.store.queries import jobs

log = structlog.get_logger(__name__)

#: The kind of an event that could not be accepted; a replay accepts it again.
ACCEPT = "accept"
UNKNOWN_NUMBER = "whatsapp.unknown_number"
#: So many events share a commit at most: a webhook may hold a thousand, and nobody waits for long.
AT_ONCE = 100


class WhatsAppIntake:
    """Keeps events of every channel; the channel's parser made them neutral before."""

    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        receipts: Receipts,
        calls: Calls,
        revocations: Revocations,
        changes: Changes,
        identities: Identities,
        pictures: Pictures,
        address_book: AddressBook,
        phone_words: PhoneWords,
        hearing: Hearing,
        clock: Clock,
    ) -> None:
        self._store = store
        self._queue = queue
        self._directory = directory
        self._receipts = receipts
        self._calls = calls
        self._revocations = revocations
        self._changes = changes
        self._identities = identities
        self._pictures = pictures
        self._address_book = address_book
        self._phone_words = phone_words
        self._hearing = hearing
        self._clock = clock

    async def keep(
        self, events: Sequence[Event], *, trace_id: str | None, of: str | None = None
    ) -> None:
        """Store the events; when this returns they are on disk. Raises `Unavailable` otherwise.

        `of` is the id of the instance whose session tells them; without it they belong to the
        number that they name.
        """
        now = self._clock.ms()
        kept = [event for event in events if not self._ignored(event, of)]
        if not kept:
            return

        for start in range(0, len(kept), AT_ONCE):
            some = kept[start : start + AT_ONCE]
            # When a later commit fails all of it comes again, and what is kept is a duplicate.
            await self._store.write(partial(self._accept, some, of, now, trace_id), durable=True)

    def _accept(
        self, events: list[Event], of: str | None, now: int, trace_id: str | None, unit: Unit
    ) -> None:
        for event in events:
            if not apart(unit, self._step(unit, event, of, now, trace_id)):
                self._keep_poison(unit, event, of, now, trace_id)

    async def run(self, job: Job) -> Outcome:
        """Accept an event again that was kept as a dead letter."""
        await self.keep(
            [EVENT.validate_json(job.payload)], trace_id=job.trace_id, of=job.instance_id
        )
        return Delivered()

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    def _entry(self, event: Event, of: str | None) -> Entry | None:
        return self._directory.by_number(event.number) if of is None else self._directory.by_id(of)

    def _ignored(self, event: Event, of: str | None) -> bool:
        """Count what needs no action at once: it costs no commit of its own."""
        if isinstance(event, Unhandled):
            rule, road = event.rule, Road.SIGNAL
        elif self._entry(event, of) is None:
            rule, road = UNKNOWN_NUMBER, _road(event)
        else:
            return False
        self._store.count(road, "accepted")
        self._store.count(road, "ignored", rule)
        log.info("event.ignored", rule=rule)
        return True

    def _step(  # noqa: C901  (an arm for each kind)
        self, unit: Unit, event: Event, of: str | None, now: int, trace_id: str | None
    ) -> Callable[[], None]:
        entry = self._entry(event, of)
        if entry is None:  # deleted since `_ignored` looked
            return lambda: _unknown(unit, _road(event))
        accept: Callable[[], None]
        match event:
            case Received() | SentByPhone():
                accept = partial(self._written, unit, entry, event, now, trace_id)
            case StatusReported():
                accept = partial(self._receipts.accept, unit, entry, event, now)
            case Called():
                accept = partial(self._calls.accept, unit, entry, event, now, trace_id)
            case Revoked():
                accept = partial(self._revocations.accept, unit, entry, event, now, trace_id)
            case Reacted() | Edited() | Voted():
                accept = partial(self._changes.accept, unit, entry, event, now, trace_id)
            case IdentityChanged():
                accept = partial(self._identities.accept, unit, entry, event, now, trace_id)
            case GroupChanged():
                accept = partial(self._pictures.changed, unit, entry, event, now, trace_id)
            case NameTold():
                accept = partial(self._address_book.accept, unit, entry, event, now, trace_id)
            case HistoryTold():
                accept = partial(history.accept, unit, entry, event, now)
            case Unhandled():  # `_ignored` has taken these out
                accept = partial(_unknown, unit, _road(event))
            case _:
                assert_never(event)
        return accept

    def _written(
        self,
        unit: Unit,
        entry: Entry,
        event: Received | SentByPhone,
        now: int,
        trace_id: str | None,
    ) -> None:
        """Keep a message, whoever of the two sides wrote it: both share the chat's lane."""
        if not is_new(unit, f"content:{entry.id}:{event.id}", now):
            unit.count(Road.INBOUND, "accepted")
            unit.count(Road.INBOUND, "ignored", "duplicate")
            return
        is_theirs = isinstance(event, Received)
        heard = Heard(
            evidence=event.id, at=to_ms(event.at), now=now, is_theirs=is_theirs, inbound=is_theirs
        )
        chat_id = place_and_link(self._queue, unit, entry, chat_of(event), heard, trace_id=trace_id)
        others = [event.sender] if isinstance(event, Received) and event.group else []
        only_named = replace(heard, is_theirs=False)
        learn_of(
            self._queue, unit, entry, [*others, *event.mentions], only_named, trace_id=trace_id
        )
        if chat_id is None:
            unit.count(Road.INBOUND, "accepted")
            unit.count(Road.INBOUND, "ignored", "whatsapp.no_sender")
            return
        job_id = self._queue.add(
            unit, inbound_job(entry, event, chat_id=chat_id, now=now, trace_id=trace_id)
        )
        if isinstance(event, Received) or self._phone_words.spoke(
            unit, entry, chat_id, event, now, trace_id
        ):
            hear = partial(self._hear, unit, entry, event, chat_id, job_id, now, trace_id)
            if not apart(unit, hear):  # agents get it all the same
                jobs.begin_trace(unit.db, job_id, now, UNHEARD, "bot.fault")

    def _hear(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        event: Received | SentByPhone,
        chat_id: int,
        job_id: int,
        now: int,
        trace_id: str | None,
    ) -> None:
        """Keep it for the flow that it is for."""
        rule = self._hearing.accept(unit, entry, event, chat_id, now, trace_id)
        if rule not in (None, NO_FLOW):
            jobs.begin_trace(unit.db, job_id, now, UNHEARD, rule)

    def _keep_poison(
        self, unit: Unit, event: Event, of: str | None, now: int, trace_id: str | None
    ) -> None:
        """An event that cannot even be kept as a job is kept as a dead letter, whole."""
        self._queue.add_dead(
            unit,
            NewJob(
                kind=ACCEPT,
                lane="poison",
                road=_road(event),
                peer=LOCAL,
                account=LOCAL,
                payload=orjson.dumps(event),
                now=now,
                instance_id=of,
                trace_id=trace_id,
            ),
            cause="internal.accept",
            reason="This event could not be accepted; see the log.",
        )


def _unknown(unit: Unit, road: Road) -> None:
    unit.count(road, "accepted")
    unit.count(road, "ignored", UNKNOWN_NUMBER)


def _road(event: Event) -> Road:
    """Messages and their deletions are inbound, whoever of the two sides is behind them."""
    match event:
        case Received() | SentByPhone() | Revoked() | Reacted() | Edited() | Voted():
            return Road.INBOUND
        case StatusReported():
            return Road.STATUS
        case Called() | IdentityChanged() | GroupChanged() | NameTold():
            return Road.SIGNAL
        case HistoryTold() | Unhandled():
            return Road.SIGNAL
        case _:
            assert_never(event)
