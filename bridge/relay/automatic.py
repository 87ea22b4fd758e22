"""What no person wrote goes onto WhatsApp as agents' messages do: in order, each once, or visibly.

That is what Chatwoot's bots and templates say, and what Ponte itself says. The latter stands
nowhere in Chatwoot: once WhatsApp has it, it is shown there like a message that was written with
the phone, so that agents see what the customer was told. What did not go out, or perhaps did not,
they are told in a private note: there is no message that could turn red.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson

from bridge.clock import Clock, utc
from bridge.core.content import Text
from bridge.core.message import SentByPhone
from bridge.engine.accept import is_new
from bridge.engine.queue import Dead, Delivered, Job, NewJob, Outcome, Queue, Road
from bridge.locale import say
from bridge.relay import lanes
from bridge.relay.directory import Directory, Entry
from bridge.relay.incoming import inbound_job
from bridge.relay.notes import note_job
from bridge.relay.outbound import Outbound
from bridge.relay.outgoing import AGENT_MESSAGE, own_text
from bridge.relay.retrying import AUTOMATIC
from bridge.relay.window import told
from bridge.store.engine import Unit
from bridge.store.queries import chats, ledger


class Automatic:
    """Runs `automatic` jobs."""

    def __init__(
        self,
        queue: Queue,
        directory: Directory,
        outbound: Outbound,
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._directory = directory
        self._outbound = outbound
        self._clock = clock

    def say(self, unit: Unit, entry: Entry, chat_id: int, text: str, *, because_of: Job) -> None:
        """Have a text sent to a chat, as it is, once. `because_of` is the job that wants it."""
        self._queue.add(
            unit,
            NewJob(
                kind=AUTOMATIC,
                lane=lanes.to_whatsapp(chat_id),
                road=Road.OUTBOUND,
                peer=entry.channel_peer,
                account=entry.channel_account,
                payload=orjson.dumps(own_text(text)),
                now=self._clock.ms(),
                instance_id=entry.id,
                chat_id=chat_id,
                ref=because_of.ref,
                trace_id=because_of.trace_id,
            ),
        )

    async def run(self, job: Job) -> Outcome:
        outcome = await self._outbound.run(job)
        entry = self._directory.by_id(job.instance_id)
        message = AGENT_MESSAGE.validate_json(job.payload)
        if entry is None or message.message_id is not None:
            return outcome
        if isinstance(outcome, Dead):
            return replace(outcome, write=self._note(entry, job, message.content, outcome))
        if not isinstance(outcome, Delivered):
            return outcome
        sent = outcome.write

        def write(unit: Unit) -> None:
            if sent is not None:
                sent(unit)
            self._show(unit, entry, job, message.content)

        return Delivered(write=write)

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:
        entry = self._directory.by_id(job.instance_id)
        message = AGENT_MESSAGE.validate_json(job.payload)
        if entry is None or message.message_id is not None:
            return self._outbound.died(job, dead)
        return self._note(entry, job, message.content, dead)

    def _note(self, entry: Entry, job: Job, text: str, dead: Dead) -> Callable[[Unit], None]:
        now = self._clock.ms()
        return lambda unit: not_told(self._queue, unit, entry, job, text, dead, now=now)

    def _show(self, unit: Unit, entry: Entry, job: Job, text: str) -> None:
        """Have the text shown in Chatwoot, under the id that its first part has on WhatsApp."""
        now = self._clock.ms()
        ids = [row["whatsapp_id"] for row in ledger.parts(unit.db, job.id) if row["whatsapp_id"]]
        # A channel that tells of our own sends has perhaps told of these.
        news = [is_new(unit, f"content:{entry.id}:{one}", now) for one in ids]
        chat = chats.surviving(unit.db, job.chat_id or 0)
        if chat is None or not news or not news[0]:
            return
        shown = SentByPhone(
            number=entry.id,
            id=ids[0],
            chat=chat.party,
            at=utc(now),
            content=Text(body=text),
        )
        self._queue.add(
            unit, inbound_job(entry, shown, chat_id=chat.id, now=now, trace_id=job.trace_id)
        )


def not_told(  # noqa: PLR0917
    queue: Queue, unit: Unit, entry: Entry, job: Job, text: str, dead: Dead, *, now: int
) -> None:
    """Tell agents that the customer was not told this, or that nobody knows."""
    chat = chats.surviving(unit.db, job.chat_id or 0)
    if entry.chatwoot is None or chat is None:
        return
    said = told(unit.db, entry.id, entry.language, dead.cause, dead.reason)
    reason = said.note or said.mark
    queue.add(
        unit,
        note_job(
            entry,
            chat_id=chat.id,
            conversation_id=chat.conversation_id,
            about=None,
            text=say(entry.language, "note.not_told", text=text, reason=reason),
            now=now,
            trace_id=job.trace_id,
        ),
    )
