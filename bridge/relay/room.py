"""The bot's conversation: the control room of a number, where Ponte and administrators speak.

What is said there is a job, stored in the unit that stores its cause: it outlives a Chatwoot that
is down and a restart, stands there once, and in order. The room itself is seen to before each
message: made when it is gone, opened when it sleeps, never a second one (evolution-chatwoot.md 2.1
and 2.4, without complaints 9, 12 and 20).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import orjson
import structlog

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.models import Conversation, Message
from bridge.clock import Clock
from bridge.core.conversation import ConversationStatus
from bridge.core.instance import InboxConfig
from bridge.engine.queue import Dead, Delivered, Ignored, Job, NewJob, Outcome, Queue
from bridge.errors import PeerGone, PeerRefused
from bridge.relay import bot_contact, lanes
from bridge.relay.chores import chore
from bridge.relay.directory import Directory, Entry, Side
from bridge.relay.healing import insist_on_inbox, repeatable
from bridge.relay.notes import harmless
from bridge.relay.proof import may_arrive, posted_before
from bridge.relay.turns import Turns
from bridge.store.engine import Store, Unit
from bridge.store.queries import rooms

log = structlog.get_logger(__name__)

ANNOUNCE: Final = "announce"
#: Later (ms) what happened is no news any more.
TOO_LATE: Final = 24 * 3600 * 1000
#: Rounds of looking, making and posting, while somebody deletes at the same time.
ROUNDS: Final = 3


def tell(
    queue: Queue, unit: Unit, entry: Entry, text: str, *, now: int, trace_id: str | None = None
) -> None:
    """Say something in the control room, once the unit is committed, behind what was said before.

    `text` is Markdown in the language of the instance (`Entry.language`). An instance without a
    Chatwoot inbox says nothing.
    """
    if is_heard(entry):
        queue.add(unit, saying(entry, orjson.dumps({"text": text}), now=now, trace_id=trace_id))


def is_heard(entry: Entry) -> bool:
    """Whether there is a Chatwoot inbox in which something can be said."""
    inbox = entry.inbox
    return inbox is not None and inbox.enabled and inbox.inbox_id is not None


def saying(
    entry: Entry, payload: bytes, *, now: int, trace_id: str | None = None, ref: str | None = None
) -> NewJob:
    """The job that says what its payload holds as `text`."""
    lane = lanes.announcements(entry.id)
    return chore(entry, ANNOUNCE, lane=lane, payload=payload, now=now, ref=ref, trace_id=trace_id)


class Room:
    """Runs `announce` jobs, and sees to the conversation in which they speak."""

    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        turns: Turns,
        clock: Clock,
        proof_delay: int,
    ) -> None:
        """`proof_delay` (ms): how long Rails may still commit after a time-out."""
        self._store = store
        self._queue = queue
        self._directory = directory
        self._turns = turns
        self._clock = clock
        self._proof_delay = proof_delay
        self._restore: Callable[[Entry], Awaitable[None]] | None = None

    def restoring(self, restore: Callable[[Entry], Awaitable[None]]) -> None:
        """Have `restore` make an inbox again that was deleted in Chatwoot."""
        self._restore = restore

    async def run(self, job: Job) -> Outcome:
        if self._clock.ms() - job.accepted_at > TOO_LATE:
            return Ignored(rule="announcement.late", reason="Chatwoot was away for too long.")
        return await self.say(job, orjson.loads(job.payload)["text"])

    async def say(self, job: Job, text: str) -> Outcome:
        """Say what a job of an instance has to say, once, whatever became of its earlier runs."""
        entry = self._directory.by_id(job.instance_id)
        side = entry.side if entry is not None else None
        if entry is None or side is None:
            return Ignored(rule="announcement.no_conversation", reason="It has no inbox any more.")
        proved = await self._proved(job, side)
        if proved is not None:
            return proved

        async def post(chatwoot: Chatwoot, conversation: int) -> Message:
            return await chatwoot.create_message(
                conversation,
                content=harmless(text),
                message_type="incoming",
                source_id=_source(job),
            )

        message = await self.into(entry, post)
        job.steps.append((self._clock.ms(), "posted", f"message {message.id}"))
        return Delivered()

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    async def into(
        self, entry: Entry, post: Callable[[Chatwoot, int], Awaitable[Message]]
    ) -> Message:
        """Have `post` post into the room, which is there and open; again where it was deleted.

        Raises `PeerError`.
        """
        for _ in range(ROUNDS):
            side, conversation = await self.opened(entry)
            try:
                return await post(side.chatwoot, conversation)
            except PeerGone:
                continue
        raise _cannot_heal()

    async def opened(self, entry: Entry) -> tuple[Side, int]:
        """The room of an instance: looked for, opened, adopted or made. Raises `PeerError`."""
        for _ in range(ROUNDS):
            now = self._directory.by_id(entry.id) or entry
            side = now.side
            if side is None:
                raise _cannot_heal()
            conversation = side.inbox.bot_conversation_id
            if conversation is not None and await self._is_open(side, conversation):
                return side, conversation
            await self._make(now, side)
        raise _cannot_heal()

    async def _is_open(self, side: Side, conversation: int) -> bool:
        """Open what somebody resolved, snoozed or blocked, and what an agent bot holds.

        False: it is no room of ours, or not there.
        """
        contact_id = side.inbox.bot_contact_id
        try:
            with repeatable():
                found = await side.chatwoot.conversation(conversation)
                if not bot_contact.is_room(found, side.inbox, contact_id):
                    return False
                if found.status != ConversationStatus.OPEN:
                    await self._wake(side, found, contact_id)
        except PeerGone:
            return False
        return True

    async def _wake(self, side: Side, found: Conversation, contact_id: int | None) -> None:
        """Chatwoot itself opens for an incoming message, but not where the contact is blocked."""
        if contact_id is not None:
            contact = await side.chatwoot.contact(contact_id)
            # Perhaps it is a customer's as well, and they were blocked for good reasons.
            if contact.blocked and bot_contact.is_alone(contact, side.inbox.instance_id):
                await side.chatwoot.update_contact(contact_id, blocked=False)
                log.warning("room.unblocked", instance_id=side.inbox.instance_id)
        await side.chatwoot.toggle_status(found.id, ConversationStatus.OPEN)
        log.info("room.opened", instance_id=side.inbox.instance_id, status=found.status)

    async def _make(self, entry: Entry, side: Side) -> None:
        """Find or make bot contact and conversation, once, whoever notices first."""
        async with self._turns.of(entry.id):
            now = self._directory.by_id(entry.id)
            if now is None or now.inbox != side.inbox:
                return  # somebody else did, or the inbox is another one by now
            try:
                seen = await bot_contact.see_to(
                    side.chatwoot, now.instance, side.inbox, language=now.language
                )
            except PeerGone as gone:
                missing = gone
            else:
                await self._keep(now, side, seen)
                return
        if self._restore is not None:
            await insist_on_inbox(now, side, missing, self._restore)

    async def _keep(self, entry: Entry, side: Side, seen: InboxConfig) -> None:
        look = bot_contact.look_job(entry, side.inbox, seen, now=self._clock.ms())

        def work(unit: Unit) -> None:
            if (
                rooms.move(
                    unit.db,
                    entry.id,
                    inbox_id=side.inbox_id,
                    contact_id=seen.bot_contact_id,
                    conversation_id=seen.bot_conversation_id,
                )
                and look is not None
            ):
                self._queue.add(unit, look)

        await self._store.write(work)
        await self._directory.refresh(entry.id)
        log.warning("room.moved", instance_id=entry.id, conversation=seen.bot_conversation_id)

    async def _proved(self, job: Job, side: Side) -> Outcome | None:
        """What an earlier run did; None: nothing, and nothing of it can appear any more."""
        if not job.is_suspect:
            return None
        conversation = side.inbox.bot_conversation_id
        if conversation is not None:
            with suppress(PeerGone):
                return await posted_before(
                    job,
                    side.chatwoot,
                    conversation,
                    _source(job),
                    clock=self._clock,
                    delay=self._proof_delay,
                )
        return may_arrive(job, self._clock.ms(), self._proof_delay)


def _source(job: Job) -> str:
    return f"PONTE:state:{job.id}"


def _cannot_heal() -> PeerRefused:
    return PeerRefused(
        "Chatwoot keeps saying that the bot's conversation does not exist.",
        code="chatwoot.cannot_heal",
    )
