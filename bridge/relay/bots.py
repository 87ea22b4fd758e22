"""The Typebot flows of an instance: kept, changed and shown. They do not run yet."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from bridge.clock import Clock
from bridge.core.typebot import Bot, BotSettings, StoredBot
from bridge.errors import Conflict, Invalid, NotFound
from bridge.relay.directory import Entry, gone
from bridge.store.engine import Store, Unit
from bridge.store.queries import bots, claims

T = TypeVar("T")

#: So many flows may one instance have.
MOST = 100
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

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def all(self, entry: Entry) -> Sequence[StoredBot]:
        return await self._store.read(lambda db: bots.of_instance(db, entry.id))

    async def one(self, entry: Entry, bot_id: str) -> StoredBot | None:
        return await self._store.read(lambda db: bots.get(db, entry.id, bot_id))

    async def add(self, entry: Entry, bot: Bot) -> StoredBot:
        """Keep a new flow. Raises `Invalid`, and `Conflict` when a trigger is taken."""
        return await self._write(entry, lambda unit: add(unit, entry.id, bot, now=self._clock.ms()))

    async def change(self, entry: Entry, bot_id: str, bot: Bot) -> StoredBot:
        """Replace a flow. Raises `NotFound`, `Invalid`, `Conflict`."""

        def work(unit: Unit) -> StoredBot:
            before = bots.get(unit.db, entry.id, bot_id)
            if before is None:
                raise unknown(bot_id)
            changed = replace(before, bot=bot, updated_at=self._clock.ms())
            _check(bots.of_instance(unit.db, entry.id), changed)
            bots.save(unit.db, changed)
            return changed

        return await self._write(entry, work)

    async def set_only(self, entry: Entry, bot: Bot | None) -> None:
        """Evolution v1 knows one flow: set the one for all messages, or (None) take it away."""

        def work(unit: Unit) -> None:
            found = only(bots.of_instance(unit.db, entry.id))
            now = self._clock.ms()
            if bot is not None and found is not None:
                bots.save(unit.db, replace(found, bot=bot, updated_at=now))
            elif bot is not None:
                add(unit, entry.id, bot, now=now)
            elif found is not None:
                bots.delete(unit.db, entry.id, found.id)

        await self._write(entry, work)

    async def delete(self, entry: Entry, bot_id: str) -> None:
        """Delete a flow. Raises `NotFound`."""
        if not await self._write(entry, lambda unit: bots.delete(unit.db, entry.id, bot_id)):
            raise unknown(bot_id)

    async def settings(self, entry: Entry) -> BotSettings | None:
        return await self._store.read(lambda db: bots.settings(db, entry.id))

    async def change_settings(
        self, entry: Entry, change: Callable[[BotSettings], BotSettings]
    ) -> BotSettings:
        """Change what holds for all flows. Raises `Invalid` for an unknown fallback flow."""

        def work(unit: Unit) -> BotSettings:
            changed = change(bots.settings(unit.db, entry.id) or BotSettings())
            fallback = changed.fallback_id
            if fallback and bots.get(unit.db, entry.id, fallback) is None:
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
            return work(unit)

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
    others = [one.bot for one in known if one.id != new.id]
    if bot.trigger_type == "keyword" and not (bot.trigger_operator and bot.trigger_value):
        raise Invalid("Trigger operator and value are required", code="typebot.trigger")
    if bot.trigger_type == "advanced" and not bot.trigger_value:
        raise Invalid("Trigger value is required", code="typebot.trigger")
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
