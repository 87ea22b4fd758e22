"""Private notes: what agents should know about a message, below it in the same conversation.

A note never reaches WhatsApp, opens no conversation and counts as no answer (chatwoot-api.md 2.3).
To Chatwoot it is an outgoing message, in which it would run Liquid (4.3): its braces are parted.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from bridge.clock import Clock
from bridge.engine.accept import is_new
from bridge.engine.queue import Dead, Delivered, Ignored, Job, NewJob, Outcome, Queue, Road
from bridge.errors import PeerGone
from bridge.locale import say
from bridge.relay import lanes
from bridge.relay.directory import Directory, Entry
from bridge.relay.proof import posted_before
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats
from bridge.text.convert import neutralise_liquid

NOTE = "note"


def note_job(
    entry: Entry,
    *,
    chat_id: int,
    conversation_id: int | None,
    about: int | None,
    text: str,
    now: int,
    trace_id: str | None = None,
) -> NewJob:
    """Tell agents something about the Chatwoot message `about`, behind all that waits there.

    Without a conversation: in that which the chat has by then.
    """
    return NewJob(
        kind=NOTE,
        lane=lanes.to_chatwoot(chat_id),
        road=Road.INTERNAL,
        peer=entry.chatwoot_peer,
        account=entry.chatwoot_account,
        payload=orjson.dumps({"conversation": conversation_id, "about": about, "text": text}),
        now=now,
        instance_id=entry.id,
        chat_id=chat_id,
        ref=None if about is None else f"{entry.id}:note:{about}:",
        trace_id=trace_id,
    )


def harmless(text: str) -> str:
    """A text of ours that may quote strangers: it runs no Liquid, and its mentions call nobody."""
    return neutralise_liquid(text).replace("mention://", "mention:\u200b//")


def noting(
    queue: Queue,
    entry: Entry | None,
    job: Job,
    key: str,
    *,
    now: int,
    once: str | None = None,
) -> Callable[[Unit], None]:
    """A write that tells agents something about the message which the job was to change.

    `key` is that of the text. The job's payload names the message: `conversation` and `message`.
    With the key `once` only the first such write tells anything.
    """
    order = orjson.loads(job.payload)

    def write(unit: Unit) -> None:
        if entry is None or entry.chatwoot is None:
            return
        if once is not None and not is_new(unit, once, now):
            return
        note = note_job(
            entry,
            chat_id=job.chat_id or 0,
            conversation_id=order["conversation"],
            about=order["message"],
            text=say(entry.language, key),
            now=now,
            trace_id=job.trace_id,
        )
        queue.add(unit, note)

    return write


class Notes:
    """Runs `note` jobs. `delay` (ms): how long Rails may still commit after a time-out."""

    def __init__(self, store: Store, directory: Directory, clock: Clock, *, delay: int) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._delay = delay

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None or entry.chatwoot is None:
            return Ignored(rule="instance.gone")
        if entry.inbox is not None and entry.inbox.predates(job.accepted_at):
            return Ignored(rule="chatwoot.moved", reason="It was about a message of another inbox.")
        order = orjson.loads(job.payload)
        source = f"PONTE:note:{job.id}"
        about = order["about"]
        conversation = order["conversation"] or await self._conversation(job)
        if conversation is None:
            return Ignored(rule="chatwoot.no_conversation", reason="The chat has none.")
        try:
            proved = await posted_before(
                job,
                entry.chatwoot,
                conversation,
                source,
                clock=self._clock,
                delay=self._delay,
                after=about,
            )
            if proved is not None:
                return proved
            await entry.chatwoot.create_message(
                conversation,
                content=harmless(order["text"]),
                message_type="outgoing",
                private=True,
                source_id=source,
                content_attributes=None if about is None else {"in_reply_to": about},
            )
        except PeerGone:
            return Ignored(rule="chatwoot.conversation_gone")
        return Delivered()

    async def _conversation(self, job: Job) -> int | None:
        chat = await self._store.read(lambda db: chats.surviving(db, job.chat_id or 0))
        return None if chat is None else chat.conversation_id

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None
