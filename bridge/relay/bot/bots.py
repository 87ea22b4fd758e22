"""The Typebot flows of an instance: kept, changed and shown.

A flow that is deleted takes its sessions along; one that is switched off lets those end that run
(evolution-instance-typebot.md 5.2).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from bridge.clock import Clock
from bridge.core.handoff import Phase, Stopped
from bridge.core.patterns import fault_of
from bridge.core.trigger import are_filters
from bridge.core.typebot import Bot, BotSettings, StoredBot
from bridge.engine.queue import Queue
from bridge.errors import Conflict, Invalid, NotFound
from bridge.relay.bot.agent_bot_jobs import flows_switched
from bridge.relay.bot.flows import Shelf
from bridge.relay.bot.memory import Memory, with_memory
from bridge.relay.bot.talks import Talks
from bridge.relay.directory import Entry, gone
from bridge.store.engine import Store, Unit
from bridge.store.queries import bots, chats, claims, talks
from bridge.store.queries.talks import TalkRow

T = TypeVar("T")

#: So many flows may one instance have.
MOST = 100
_NO_FILTERS = (
    'triggerValue must be filters as contains:a,b or startswith:"bom dia": '
    "contains, notcontains, startswith, endswith, exact, with blanks between filters"
)
#: Sessions that end in one commit.
_AT_ONCE = 200
#: What an instance's settings take over from the first flow that it gets (5.2).
_SHARED = (
    "expire",
    "keyword_finish",
    "delay_message",
    "unknown_message",
    "listening_from_me",
    "stop_bot_from_me",
    "keep_open",
    "debounce_time",
    "ignore_jids",
    "split_messages",
    "time_per_char",
)


class Bots:
    """Every method acts on one instance's flows only; an id of another one's is unknown."""

    def __init__(
        self, *, store: Store, clock: Clock, queue: Queue, shelf: Shelf, talks: Talks
    ) -> None:
        self._store = store
        self._clock = clock
        self._queue = queue
        self._shelf = shelf
        self._talks = talks

    async def all(self, entry: Entry) -> Sequence[StoredBot]:
        return await self._store.read(lambda db: bots.of_instance(db, entry.id))

    async def one(self, entry: Entry, bot_id: str) -> StoredBot | None:
        return await self._store.read(lambda db: bots.get(db, entry.id, bot_id))

    async def add(self, entry: Entry, bot: Bot) -> StoredBot:
        """Keep a new flow. Raises `Invalid`, and `Conflict` when a trigger is taken."""
        return await self._write(entry, lambda unit: add(unit, entry.id, bot, now=self._clock.ms()))

    async def change(self, entry: Entry, bot_id: str, change: Callable[[Bot], Bot]) -> StoredBot:
        """Change a flow. Raises `NotFound`, `Invalid`, `Conflict`."""

        def work(unit: Unit) -> StoredBot:
            before = bots.get(unit.db, entry.id, bot_id)
            if before is None:
                raise unknown(bot_id)
            changed = replace(before, bot=change(before.bot), updated_at=self._clock.ms())
            _check(bots.of_instance(unit.db, entry.id), changed)
            bots.save(unit.db, changed)
            return changed

        return await self._write(entry, work)

    async def set_only(self, entry: Entry, made: Callable[[Bot | None], Bot] | None) -> None:
        """Evolution v1 knows one flow: set the one for all messages, or (None) take it away.

        All sessions of the instance end with it.
        """
        if made is None:
            await self._end(entry, None, lambda unit: self._delete_only(unit, entry))
            return

        def work(unit: Unit) -> None:
            found = only(bots.of_instance(unit.db, entry.id))
            now = self._clock.ms()
            bot = made(found.bot if found is not None else None)
            if found is None:
                add(unit, entry.id, bot, now=now)
                return
            changed = replace(found, bot=bot, updated_at=now)
            _check_pattern(bot)
            bots.save(unit.db, changed)

        await self._write(entry, work)

    async def delete(self, entry: Entry, bot_id: str) -> None:
        """Delete a flow with its sessions. Raises `NotFound`."""
        if await self.one(entry, bot_id) is None:
            raise unknown(bot_id)
        await self._end(entry, bot_id, lambda unit: self._delete(unit, entry, bot_id))

    def _delete_only(self, unit: Unit, entry: Entry) -> None:
        found = only(bots.of_instance(unit.db, entry.id))
        if found is not None:
            self._delete(unit, entry, found.id)

    def _delete(self, unit: Unit, entry: Entry, bot_id: str) -> None:
        """Nothing falls back to a flow that is gone."""
        bots.delete(unit.db, entry.id, bot_id)
        shared = bots.settings(unit.db, entry.id)
        if shared is not None and shared.fallback_id == bot_id:
            now = self._clock.ms()
            bots.save_settings(unit.db, entry.id, replace(shared, fallback_id=None), now)

    async def _end(self, entry: Entry, bot_id: str | None, last: Callable[[Unit], object]) -> None:
        """End the sessions of a flow (None: all), some in each commit; `last` is in the last."""

        def work(unit: Unit) -> bool:
            running = talks.running(unit.db, entry.id, bot_id=bot_id, limit=_AT_ONCE)
            for talk in running:
                self._end_one(unit, entry, talk)
            if len(running) < _AT_ONCE:
                last(unit)
                return False
            return True

        while await self._write(entry, work):
            pass

    def _end_one(self, unit: Unit, entry: Entry, talk: TalkRow) -> None:
        """End one session; a human who has the word keeps it."""
        now = self._clock.ms()
        chat = chats.get(unit.db, talk.chat_id)
        if chat is not None and talk.state.phase is not Phase.PAUSED:
            self._talks.signal(unit, entry, chat, Stopped(delete=True), now)
            return
        state = replace(talk.state, has_session=False, asking=None, epoch=talk.state.epoch + 1)
        bare = replace(with_memory(talk, Memory()), state=state, session_id=None, result_id=None)
        talks.save(unit.db, bare, now)
        if chat is not None and talk.state.has_session:
            self._talks.tell_deleted(unit, entry, chat, bare, now)

    async def settings(self, entry: Entry) -> BotSettings | None:
        return await self._store.read(lambda db: bots.settings(db, entry.id))

    async def change_settings(
        self, entry: Entry, change: Callable[[BotSettings], BotSettings]
    ) -> BotSettings:
        """Change what holds for all flows. Raises `Invalid` for an unknown fallback flow."""

        def work(unit: Unit) -> BotSettings:
            before = bots.settings(unit.db, entry.id) or BotSettings()
            changed = change(before)
            fallback = changed.fallback_id
            is_new = fallback != before.fallback_id
            if fallback and is_new and bots.get(unit.db, entry.id, fallback) is None:
                raise Invalid(
                    f"The instance has no Typebot flow {fallback} to fall back to; "
                    f"GET /typebot/find/{entry.instance.name} lists its flows.",
                    code="typebot.unknown",
                )
            bots.save_settings(unit.db, entry.id, changed, self._clock.ms())
            return changed

        return await self._write(entry, work)

    async def _write(self, entry: Entry, work: Callable[[Unit], T]) -> T:
        """Raises `NotFound` for an instance that was deleted meanwhile."""

        def checked(unit: Unit) -> T:
            if not claims.exists(unit.db, entry.id):
                raise gone(entry.instance.name)
            was_on = self._shelf.of(unit.db, entry.id).is_on
            result = work(unit)
            if self._shelf.changed(unit, entry.id).is_on is not was_on:
                flows_switched(self._queue, unit, entry, now=self._clock.ms())
            return result

        return await self._store.write(checked, durable=True)


def add(unit: Unit, instance_id: str, bot: Bot, *, now: int) -> StoredBot:
    """Keep a new flow as part of a larger change. Raises `Invalid` and `Conflict`."""
    stored = StoredBot(
        id=str(uuid.uuid4()), instance_id=instance_id, bot=bot, created_at=now, updated_at=now
    )
    known = bots.of_instance(unit.db, instance_id)
    _check(known, stored)
    if len(known) >= MOST:
        raise Conflict(f"An instance has {MOST} Typebot flows at most.", code="typebot.too_many")
    bots.save(unit.db, stored)
    if bots.settings(unit.db, instance_id) is None:
        given = {name: getattr(bot, name) for name in _SHARED}
        shared = {name: value for name, value in given.items() if value is not None}
        bots.save_settings(unit.db, instance_id, BotSettings(**shared), now)
    return stored


def only(known: Sequence[StoredBot]) -> StoredBot | None:
    """The flow that Evolution v1 sees: one for all messages before others, active ones first."""
    return min(
        known, key=lambda one: (one.bot.trigger_type != "all", not one.bot.enabled), default=None
    )


def unknown(bot_id: str) -> NotFound:
    return NotFound(f'The Typebot flow "{bot_id}" does not exist', code="typebot.unknown")


def _check(known: Sequence[StoredBot], new: StoredBot) -> None:
    """Two flows that answer to the same trigger would answer twice (5.1, texts of 5.1)."""
    bot = new.bot
    _check_pattern(bot)
    others = [one.bot for one in known if one.id != new.id]
    if bot.trigger_type == "keyword" and not (bot.trigger_operator and bot.trigger_value):
        raise Invalid("Trigger operator and value are required", code="typebot.trigger")
    if bot.trigger_type == "advanced" and not bot.trigger_value:
        raise Invalid("Trigger value is required", code="typebot.trigger")
    if bot.trigger_type == "advanced" and not are_filters(bot.trigger_value or ""):
        raise Invalid(_NO_FILTERS, code="typebot.invalid")
    if bot.trigger_type == "all":
        if bot.enabled and any(one.enabled and one.trigger_type == "all" for one in others):
            raise Conflict(
                'You already have a Typebot with an "All" trigger, '
                "you cannot have more bots while it is active",
                code="typebot.trigger_taken",
            )
        return
    trigger = (bot.trigger_type, bot.trigger_operator, bot.trigger_value)
    if bot.trigger_type != "none" and any(
        (one.trigger_type, one.trigger_operator, one.trigger_value) == trigger for one in others
    ):
        raise Conflict("Trigger already exists", code="typebot.trigger_taken")


def _check_pattern(bot: Bot) -> None:
    """Raises `Invalid` for a pattern that no message could be compared with."""
    if bot.trigger_type != "keyword" or bot.trigger_operator != "regex" or not bot.trigger_value:
        return
    fault = fault_of(bot.trigger_value)
    if fault is not None:
        raise Invalid(
            f"triggerValue is no regular expression: {fault}", code="typebot.trigger_pattern"
        )
