"""`readMessages`: a customer's message is marked as read once agents can see it.

Best effort, in lanes of their own: no message waits for a mark or for what it meets, and a mark
that is late or refused is given up without a word to anybody.
"""

from __future__ import annotations

from collections.abc import Callable

from bridge.clock import Clock
from bridge.core.message import EVENT, MADE_UP, Received
from bridge.engine.queue import Again, Dead, Delivered, Ignored, Job, NewJob, Outcome, Queue, Road
from bridge.errors import PeerError, Remedy
from bridge.relay import lanes
from bridge.relay.directory import Directory, Entry
from bridge.store.engine import Unit
from bridge.whatsapp.channel import MarksRead

READ_MARK = "read_mark"
#: Later (ms) a mark says nothing true any more.
TOO_LATE = 600_000
#: After a failure it is tried again so much later (ms).
PAUSE = 30_000


class ReadMarks:
    """Runs `read_mark` jobs."""

    def __init__(self, queue: Queue, directory: Directory, clock: Clock) -> None:
        self._queue = queue
        self._directory = directory
        self._clock = clock

    def delivered(self, unit: Unit, entry: Entry, job: Job) -> None:
        """Have the message of an inbound job marked, in the unit that ends the job."""
        wanted = entry.instance.options.behaviour.read_messages
        if not wanted or not isinstance(entry.channel, MarksRead):
            return
        if MADE_UP in (job.ref or ""):  # a call, or what cannot be read: no message of WhatsApp's
            return
        self._queue.add(
            unit,
            NewJob(
                kind=READ_MARK,
                lane=lanes.read_marks(job.chat_id or 0),
                road=Road.INTERNAL,
                peer=entry.channel_peer,
                account=entry.channel_account,
                payload=job.payload,
                now=self._clock.ms(),
                instance_id=entry.id,
                chat_id=job.chat_id,
                trace_id=job.trace_id,
            ),
        )

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        event = EVENT.validate_json(job.payload)
        if entry is None:
            return Ignored(rule="instance.gone", reason="The instance was deleted.")
        if not isinstance(event, Received):
            return Ignored(rule="read_mark.ours", reason="Our own number wrote it.")
        if not isinstance(entry.channel, MarksRead):
            return Ignored(rule="read_mark.impossible", reason="The channel has no read marks.")
        now = self._clock.ms()
        if now - job.accepted_at > TOO_LATE:
            return Ignored(rule="read_mark.late", reason="It could not be marked in time.")
        try:
            await entry.channel.mark_read(event)
        except PeerError as error:
            if error.remedy is Remedy.NOTHING:
                return Ignored(rule="read_mark.refused", reason=str(error))
            # Nobody is blamed: a breaker that opened for this would keep messages waiting.
            return Again(due_at=now + PAUSE, why=str(error))
        return Delivered()

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None
