"""After a stop, each instance looks for what agents wrote while nobody listened.

Chatwoot asks once and then marks the message failed, so what was written during a stop is found by
listing (chatwoot-api.md 3.6). It goes through the same accept key as webhooks: what was seen is not
sent again. What agents deleted meanwhile is deleted too, as far as it was written shortly before:
older messages are not listed. While an instance catches up its own sends wait, so that order is
kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import orjson
import structlog

from bridge.chatwoot.models import Conversation, Message, MessageType
from bridge.chatwoot.webhook import Change, ConversationChanged, MessageCreated, MessageUpdated
from bridge.clock import Clock
from bridge.engine.queue import Dead, Delivered, Ignored, Job, NewJob, Outcome, Queue, Road
from bridge.relay.chores import chore
from bridge.relay.directory import Directory, Entry, Served, Side
from bridge.relay.intake_chatwoot import ChatwootIntake
from bridge.relay.refetching import asks_again
from bridge.relay.sifting import ECHOES
from bridge.store.backup import RESTORED
from bridge.store.engine import Store, Unit
from bridge.store.queries import facts

log = structlog.get_logger(__name__)

_Kind = TypeVar("_Kind", MessageCreated, MessageUpdated)

CATCH_UP = "catch_up"
#: The fact that holds when we were last alive (ms).
ALIVE = "alive_at"
#: The fact that holds when a restored database first ran (ms). What was written before is left
#: alone for good, since the database that it replaced may have sent it.
RESUMED = "resumed_at"
#: Clocks differ, and Chatwoot's activity time is a little older than its webhook.
MARGIN_MS = 120_000
#: Jobs of one unit of work: a start with thousands of instances holds up nobody for long.
BATCH = 200
#: Sends of an instance wait for its catching up, but not for ever.
WAIT_MS = 60_000


class CatchUp:
    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        intake: ChatwootIntake,
        clock: Clock,
        furthest: int,
    ) -> None:
        """`furthest` (ms): no look goes further back."""
        self._store = store
        self._queue = queue
        self._directory = directory
        self._intake = intake
        self._clock = clock
        self._furthest = furthest

    async def begin(self) -> None:
        """At start: one job an instance; nothing when the service has never run."""
        now = self._clock.ms()
        alive, resumed = await self._store.read(
            lambda db: (facts.get(db, ALIVE), facts.get(db, RESUMED))
        )
        if alive is None:
            await self._store.write(lambda unit: _resume(unit, now))
            await self.alive()  # it may be killed before its first heartbeat
            return
        since = max(int(alive) - MARGIN_MS, int(resumed or 0))
        served = self._directory.served()
        for start in range(0, len(served), BATCH):
            await self._store.write(partial(self._add, served[start : start + BATCH], since, now))
        for one in served:
            self._queue.pause(
                one.channel_account, until=now + WAIT_MS, reason="catching up after a stop"
            )

    def _add(self, served: Sequence[Served], since: int, now: int, unit: Unit) -> None:
        for one in served:
            self._queue.add(unit, catch_up_job(one, since, now))

    async def alive(self) -> None:
        """Note that we are alive; called now and then, and at the end."""
        now = str(self._clock.ms())
        await self._store.write(lambda unit: facts.put(unit.db, ALIVE, now))

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None or entry.side is None:
            return Ignored(rule="instance.gone")
        since = max(int(orjson.loads(job.payload)["since"]), job.accepted_at - self._furthest)
        found = 0
        age = max(60, (self._clock.ms() - since) // 1000)
        for conversation in await entry.side.chatwoot.active_conversations(
            entry.side.inbox_id, int(age)
        ):
            found += await self._conversation(entry, entry.side, conversation, since)
        self._queue.resume(entry.channel_account)
        job.steps.append((self._clock.ms(), "caught up", f"{found} messages found"))
        log.info("instance.caught_up", instance=entry.instance.name, found=found)
        return Delivered()

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        entry = self._directory.by_id(job.instance_id)
        if entry is not None:
            self._queue.resume(entry.channel_account)
        return None

    async def _conversation(
        self, entry: Entry, side: Side, conversation: Conversation, since: int
    ) -> int:
        """Accept what agents wrote since then; returns how many messages were new to us."""
        listed = await side.chatwoot.messages_since(conversation.id, since / 1000)
        agents = [message for message in listed if _is_agents(message, side, since)]
        missed = [message for message in agents if _is_for_us(message)]
        gone = [message for message in agents if message.is_deleted]
        if not missed and not gone:
            await self._store.write(lambda unit: self._status(unit, entry, side, conversation))
            return 0
        # Listed messages do not tell the contact: the conversation does.
        contact = (
            await side.chatwoot.contact(conversation.contact_id)
            if conversation.contact_id
            else None
        )
        now = self._clock.ms()

        def event(kind: type[_Kind], message: Message) -> _Kind:
            return kind(
                account_id=side.inbox.account_id,
                inbox_id=side.inbox_id,
                conversation_id=conversation.id,
                conversation=conversation,
                contact=contact,
                message=replace(message, inbox_id=side.inbox_id),
                sender_name=_name(message),
                created_at=str(message.created_at),
                display_name=message.sender.available_name if message.sender else None,
            )

        def work(unit: Unit) -> int:
            before = unit.tally.get((Road.OUTBOUND, "ignored", "duplicate"), 0)
            for message in missed:
                created = event(MessageCreated, message)
                failed = message.status == "failed"
                self._intake.catch_up(unit, entry, created, was_failed=failed, now=now)
            seen = unit.tally.get((Road.OUTBOUND, "ignored", "duplicate"), 0) - before
            for message in gone:
                self._intake.deleted(unit, entry, event(MessageUpdated, message), now)
            self._status(unit, entry, side, conversation)
            return len(missed) - seen

        return await self._store.write(work, durable=True)

    def _status(self, unit: Unit, entry: Entry, side: Side, conversation: Conversation) -> None:
        """What became of the conversation meanwhile, behind what was written in it."""
        told = ConversationChanged(
            change=Change.UPDATED,
            account_id=side.inbox.account_id,
            conversation=conversation,
            contact=None,
            tells_assignee=True,
            changed=frozenset(),
        )
        self._intake.news(unit, entry, told, self._clock.ms())


def _resume(unit: Unit, now: int) -> None:
    if facts.get(unit.db, RESTORED) is not None:
        facts.put(unit.db, RESUMED, str(now))


def catch_up_job(served: Served | Entry, since: int, now: int) -> NewJob:
    """Look for what agents wrote since a moment (ms)."""
    lane = f"instance:{served.id}:catch-up"
    return chore(served, CATCH_UP, lane=lane, payload=orjson.dumps({"since": since}), now=now)


def _is_agents(message: Message, side: Side, since: int) -> bool:
    written = (message.created_at or 0) * 1000
    return (
        message.message_type in (MessageType.OUTGOING, MessageType.TEMPLATE)
        and (not message.private or asks_again(message))
        and written + 999 >= max(since, side.inbox.provisioned_at or 0)
    )


def _is_for_us(message: Message) -> bool:
    return not message.is_deleted and not (message.source_id or "").startswith(ECHOES)


def _name(message: Message) -> str | None:
    sender = message.sender
    return (sender.available_name or sender.name) if sender else None
