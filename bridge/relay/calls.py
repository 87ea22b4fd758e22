"""Somebody calls: agents see that, and where the settings say so the call is declined at once.

`rejectCall` declines, `msgCall` is what the caller is told then, never in a group, and not again at
once to somebody who calls again and again. A call rings for a minute: what is older is only shown,
and nobody is written to because of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson
import structlog

from bridge.clock import Clock, to_ms
from bridge.core.content import Text
from bridge.core.ignoring import chat_of
from bridge.core.instance import Behaviour
from bridge.core.message import EVENT, MADE_UP, Called, Received
from bridge.engine.accept import is_new
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
from bridge.errors import PeerError, Remedy
from bridge.locale import say
from bridge.relay import lanes
from bridge.relay.automatic import Automatic
from bridge.relay.directory import Directory, Entry
from bridge.relay.incoming import inbound_job
from bridge.relay.linking import learn_of, place_and_link
from bridge.relay.people import Heard
from bridge.relay.sessions import in_time
from bridge.store.engine import Unit
from bridge.whatsapp.channel import RejectsCalls

log = structlog.get_logger(__name__)

CALLED = "called"
#: Longer (ms) no phone rings.
RINGS = 60_000
#: After a failure declining is tried again so much later (ms).
PAUSE = 1000
#: Whoever calls more often is told `msgCall` once in so long (ms): to send the same text over and
#: over gets a number banned, and calling is free.
ANSWERED = 600_000
#: Seconds in which a channel must have declined.
LIMIT = 10.0


class Calls:
    """Accepts calls, and runs `called` jobs."""

    def __init__(
        self,
        queue: Queue,
        directory: Directory,
        automatic: Automatic,
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._directory = directory
        self._automatic = automatic
        self._clock = clock

    def accept(
        self, unit: Unit, entry: Entry, call: Called, now: int, trace_id: str | None
    ) -> None:
        """Keep a call, once; its job decides what follows from it."""
        unit.count(Road.SIGNAL, "accepted")
        if not is_new(unit, f"call:{entry.id}:{call.id}", now):
            unit.count(Road.SIGNAL, "ignored", "duplicate")
            return
        at = to_ms(call.at)
        heard = Heard(evidence=call.id, at=at, now=now, is_theirs=True, inbound=True)
        chat_id = place_and_link(self._queue, unit, entry, chat_of(call), heard, trace_id=trace_id)
        if call.group:
            only_named = replace(heard, is_theirs=False)
            learn_of(self._queue, unit, entry, [call.caller], only_named, trace_id=trace_id)
        if chat_id is None:
            unit.count(Road.SIGNAL, "ignored", "whatsapp.no_sender")
            return
        unit.count(Road.SIGNAL, "delivered")
        self._queue.add(
            unit,
            NewJob(
                kind=CALLED,
                lane=lanes.calls(chat_id),
                road=Road.INTERNAL,
                # It calls the channel, but must not wait while that is believed to be down.
                peer=LOCAL,
                account=LOCAL,
                payload=orjson.dumps(call),
                now=now,
                instance_id=entry.id,
                chat_id=chat_id,
                ref=call.id,
                trace_id=trace_id,
            ),
        )

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone", reason="The instance was deleted.")
        call = EVENT.validate_json(job.payload)
        if not isinstance(call, Called):
            return Dead(cause="internal.payload", reason="The stored event is of another kind.")
        behaviour = entry.instance.options.behaviour
        is_declined = False
        if behaviour.reject_call and self._clock.ms() - to_ms(call.at) < RINGS:
            try:
                is_declined = await self._decline(entry, call)
            except PeerError as error:
                if error.remedy is not Remedy.NOTHING:
                    return Again(due_at=self._clock.ms() + PAUSE, why=str(error))
                log.info("call.not_declined", cause=error.cause)
        job.steps.append((self._clock.ms(), "declined" if is_declined else "shown", call.id))

        def write(unit: Unit) -> None:
            self._queue.add(unit, self._notice(entry, job, call, is_declined=is_declined))
            text = _answer(call, behaviour) if is_declined else None
            if text is not None and self._is_first(unit, entry, job):
                self._automatic.say(unit, entry, job.chat_id or 0, text, because_of=job)

        return Delivered(write=write)

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    def _is_first(self, unit: Unit, entry: Entry, job: Job) -> bool:
        now = self._clock.ms()
        return is_new(unit, f"call-answer:{entry.id}:{job.chat_id}:{now // ANSWERED}", now)

    async def _decline(self, entry: Entry, call: Called) -> bool:
        channel = entry.channel
        if not isinstance(channel, RejectsCalls):
            return False
        await in_time(channel.reject_call(call), LIMIT)
        return True

    def _notice(self, entry: Entry, job: Job, call: Called, *, is_declined: bool) -> NewJob:
        """What agents see of a call: a message of the caller's, on the road of all messages."""
        kind = "video" if call.video else "voice"
        text = say(entry.language, f"call.{kind}_declined" if is_declined else f"call.{kind}")
        shown = Received(
            number=call.number,
            id=f"{call.id}{MADE_UP}call",
            sender=call.caller,
            at=call.at,
            content=Text(body=text),
            group=call.group,
        )
        return inbound_job(
            entry, shown, chat_id=job.chat_id or 0, now=self._clock.ms(), trace_id=job.trace_id
        )


def _answer(call: Called, behaviour: Behaviour) -> str | None:
    """What the caller is told; in a group nobody asked for it."""
    return behaviour.msg_call.strip() or None if call.group is None else None
