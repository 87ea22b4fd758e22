"""Somebody writes with the phone of our own number, or a channel tells of what we sent ourselves.

The first takes the word from the bot, in the unit that keeps the message; the second is no signal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

import orjson

from bridge.clock import Clock, to_ms
from bridge.core.handoff import HumanSpoke
from bridge.core.message import SentByPhone
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
from bridge.relay import lanes
from bridge.relay.bot.takeover import is_settled
from bridge.relay.bot.talks import Talks
from bridge.relay.directory import Directory, Entry
from bridge.relay.echoes import PAUSE, WAIT
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, jobs, ledger

#: The kind of jobs that find out whether the phone wrote, or we did.
PHONE_WORD: Final = "phone_word"
#: So soon (ms) after it came a message of the phone's is looked at again.
SOON: Final = 20


class PhoneWords:
    """`run` is the handler of `phone_word` jobs."""

    def __init__(
        self, *, store: Store, queue: Queue, directory: Directory, talks: Talks, clock: Clock
    ) -> None:
        self._store = store
        self._queue = queue
        self._directory = directory
        self._talks = talks
        self._clock = clock

    def spoke(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        chat_id: int,
        event: SentByPhone,
        now: int,
        trace_id: str | None,
    ) -> bool:
        """Somebody wrote with the phone of our own number; False: we did, or perhaps did.

        A channel that tells us of our own sends may do so before it answers one. A job of its own
        waits for that answer then, since the chat's other lanes may wait for Chatwoot; until it
        knows nothing more is sent into the chat.
        """
        is_echo = _is_echo(unit.db, entry, chat_id, event.id, since=now, now=now)
        if is_echo is None:
            self._queue.add(unit, _job(entry, event, chat_id, now, trace_id))
            if ledger.is_in_flight(unit.db, chat_id):
                lane = lanes.to_whatsapp(chat_id)
                unit.after_commit.append(lambda: self._queue.hold_lane(lane, until=now + WAIT))
        if is_echo is not False:
            return False
        self._signal(unit, entry, chat_id, to_ms(event.at), now)
        return True

    def _signal(self, unit: Unit, entry: Entry, chat_id: int, at: int, now: int) -> None:
        chat = chats.surviving(unit.db, chat_id)
        if chat is not None and not is_settled(chat, at):
            self._talks.signal(unit, entry, chat, HumanSpoke(phone=True), now)

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone", reason="The instance was deleted.")
        told = orjson.loads(job.payload)

        def work(unit: Unit) -> bool | None:
            now = self._clock.ms()
            chat = chats.surviving(unit.db, job.chat_id or 0)
            if chat is None:
                return True
            is_echo = _is_echo(unit.db, entry, chat.id, told["id"], since=job.accepted_at, now=now)
            if is_echo is False:
                self._signal(unit, entry, chat.id, told["at"], now)
            # A send that broke off has to run again in its lane before anything is known of it.
            is_over = not ledger.is_in_flight(unit.db, chat.id)
            if is_over or (is_echo is not None and jobs.waiting_in(unit.db, job.lane) <= 1):
                unit.after_commit.append(lambda: self._let_go(job))
            return is_echo

        is_echo = await self._store.write(work, durable=True)
        if is_echo is None:
            now = self._clock.ms()
            pause = min(PAUSE, max(SOON, (now - job.accepted_at) // 4))
            return Again(due_at=now + pause, why="it may be what we are sending")
        return Ignored(rule="echo", reason="We sent it ourselves.") if is_echo else Delivered()

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        self._let_go(job)
        return None

    def _let_go(self, job: Job) -> None:
        self._queue.release_lane(lanes.to_whatsapp(job.chat_id or 0))


def _is_echo(
    db: sqlite3.Connection, entry: Entry, chat_id: int, whatsapp_id: str, *, since: int, now: int
) -> bool | None:
    """Whether we sent it; None: a send that was begun before it came is not answered yet."""
    if ledger.we_sent(db, entry.id, whatsapp_id):
        return True
    if not entry.channel.capabilities.echoes_sends or now >= since + WAIT:
        return False
    return None if ledger.is_sending(db, chat_id, since=since - WAIT, until=since) else False


def _job(entry: Entry, event: SentByPhone, chat_id: int, now: int, trace_id: str | None) -> NewJob:
    return NewJob(
        kind=PHONE_WORD,
        lane=lanes.phone_words(chat_id),
        road=Road.INTERNAL,
        peer=LOCAL,
        account=LOCAL,
        payload=orjson.dumps({"id": event.id, "at": to_ms(event.at)}),
        now=now,
        due_at=now + SOON,
        instance_id=entry.id,
        chat_id=chat_id,
        ref=event.id,
        trace_id=trace_id,
    )
