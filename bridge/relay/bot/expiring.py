"""A session ends when nobody has said anything for as long as its flow waits.

One timer for each session: it looks when it is due, and goes on waiting while people talk, while
bubbles go out, and while a human has the word (a paused session never expires).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from bridge.clock import Clock
from bridge.core.handoff import Expired, Phase
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
from bridge.relay.bot.bubbles import Bubbles
from bridge.relay.bot.flows import Shelf
from bridge.relay.bot.talks import EXPIRY, SESSION_OVER, Talks
from bridge.relay.directory import Directory, Entry
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, talks

log = structlog.get_logger(__name__)

MINUTE_MS = 60_000


def expiry_job(entry: Entry, chat_id: int, *, now: int, expire: int) -> NewJob:
    """`expire` in minutes."""
    return NewJob(
        kind=EXPIRY,
        lane=lanes.bot_timers(chat_id),
        road=Road.INTERNAL,
        peer=LOCAL,
        account=LOCAL,
        payload=b"{}",
        now=now,
        due_at=now + expire * MINUTE_MS,
        instance_id=entry.id,
        chat_id=chat_id,
    )


class Expiring:
    """Runs `bot_expiry` jobs."""

    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        shelf: Shelf,
        talks: Talks,
        bubbles: Bubbles,
        clock: Clock,
    ) -> None:
        self._store = store
        self._queue = queue
        self._directory = directory
        self._shelf = shelf
        self._talks = talks
        self._bubbles = bubbles
        self._clock = clock

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone")
        return await self._store.write(lambda unit: self._look(unit, entry, job))

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    def _look(self, unit: Unit, entry: Entry, job: Job) -> Outcome:
        now = self._clock.ms()
        chat = chats.surviving(unit.db, job.chat_id or 0)
        talk = self._talks.of(unit.db, chat) if chat is not None else None
        if chat is None or talk is None or talk.timer_job != job.id:
            return Ignored(rule=SESSION_OVER)
        settings = self._shelf.of(unit.db, entry.id).merged(talk.bot_id)
        state, lasts = talk.state, settings.expire * MINUTE_MS
        if not state.has_session or lasts <= 0:
            talks.save(unit.db, replace(talk, timer_job=None), now)
            return Ignored(rule=SESSION_OVER)
        silent = self._talks.silenced(unit.db, entry, chat, talk, now)
        if state.phase is not Phase.WAITING or silent is not None:
            return Again(due_at=now + lasts, why="the session is paused, or speaks")
        if state.touched_at + lasts > now:
            return Again(due_at=state.touched_at + lasts, why="somebody spoke meanwhile")
        kept = talks.pending(unit.db, chat.id)
        after = self._talks.signal(
            unit, entry, chat, Expired(), now, talk=replace(talk, timer_job=None)
        )
        if settings.expire_message.strip():
            self._bubbles.farewell(unit, entry, chat, after, settings.expire_message, now=now)
        if kept is not None:  # said while the flow listened for something else
            self._queue.wake(unit, kept.job_id, due_at=now)
        job.steps.append((now, "expired", f"nobody spoke for {settings.expire} minutes"))
        log.info("talk.expired", chat=chat.id)
        return Delivered()
