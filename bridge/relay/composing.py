"""Who is writing is shown on the other side: agents and bots to customers, customers to agents.

Nothing of it is kept and nothing waits for it. Each chat has at most one call under way in each
direction; of what comes meanwhile the newest counts, and what comes too fast is dropped. Both sides
let the sign expire by themselves (chatwoot-api.md 3.2), so a lost end does no harm.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import structlog

from bridge.chatwoot.webhook import Typing
from bridge.clock import Clock
from bridge.core import identity
from bridge.core.connection import Presence
from bridge.core.conversation import CLOSED
from bridge.core.party import Party
from bridge.engine.pacing import Bucket, Rate
from bridge.errors import BridgeError
from bridge.relay.directory import Directory, Entry
from bridge.store.engine import Store
from bridge.store.queries import chats, ledger, people_keys, talks
from bridge.store.queries.chats import ChatRow
from bridge.whatsapp.channel import ShowsTyping, ShowsTypingBelow

log = structlog.get_logger(__name__)

#: Seconds of one call; a sign that takes longer says nothing true any more.
LIMIT = 5.0
#: The same sign again is shown no sooner than this (ms).
REPEAT = 3000
#: A few changes at once, then one each three seconds.
CHANGES = Rate(burst=4, interval_ms=3000)
#: Calls under way at once, in all chats.
MOST_CALLS = 100
#: A bot's sign is shown again after so long (ms): it fades by itself.
REFRESH = 8000
#: So short a wait (ms) is not worth a sign.
LEAST = 400
#: So many chats are remembered at most.
MOST_CHATS = 5000

_WRITES = frozenset({Presence.COMPOSING, Presence.RECORDING})


@dataclass(slots=True, kw_only=True)
class _Sign:
    """One direction of one chat."""

    changes: Bucket
    is_on: bool = False
    at: int = -REPEAT
    #: What is to be shown next: it replaces what was to be shown before.
    following: Callable[[], Awaitable[None]] | None = None
    task: asyncio.Future[None] | None = field(default=None, repr=False)


class Composing:
    def __init__(
        self,
        *,
        store: Store,
        directory: Directory,
        clock: Clock,
        can_send: Callable[[Entry], bool],
        is_down: Callable[[str], bool],
    ) -> None:
        """`can_send` tells of a number, `is_down` of a server that it does not answer."""
        self._store = store
        self._directory = directory
        self._clock = clock
        self._can_send = can_send
        self._is_down = is_down
        self._signs: dict[tuple[str, str, object], _Sign] = {}
        self._running = 0
        self._is_stopping = False
        #: In which chats a bot seems to write.
        self._bots: dict[int, asyncio.Future[None]] = {}

    def by_agent(self, entry: Entry, event: Typing) -> None:
        """Show the customer that an agent writes, or stopped. Never blocks or raises."""
        if not shows_typing(entry) or not self._can_send(entry):
            return
        presence = Presence.COMPOSING if event.is_on else Presence.PAUSED

        def who(db: sqlite3.Connection) -> tuple[ChatRow, str | None] | None:
            chat = chats.by_conversation(
                db, entry.id, event.conversation_id, event.contact_source_id
            )
            return None if chat is None else (chat, ledger.last_heard(db, chat.id))

        async def show() -> None:
            found = await self._store.read(who)
            if found is not None:
                await _tell(entry, *found, presence)

        self._show(("agent", entry.id, event.conversation_id), show, is_on=event.is_on)

    def by_bot(
        self, entry: Entry, chat_id: int, *, epoch: int, until: int, voice: bool = False
    ) -> None:
        """Show the customer that a flow writes (`voice`: records), until a moment (ms).

        Or until the hand-off has another epoch. Never blocks or raises.
        """
        if self._is_stopping or until - self._clock.ms() < LEAST or not shows_typing(entry):
            return
        before = self._bots.pop(chat_id, None)
        if before is not None:
            before.cancel()
        if len(self._bots) >= MOST_CHATS:
            return
        writes = Presence.RECORDING if voice else Presence.COMPOSING
        task = asyncio.ensure_future(self._write_on(entry, chat_id, epoch, until, writes))
        self._bots[chat_id] = task
        task.add_done_callback(lambda ended: self._wrote(chat_id, ended))

    async def _write_on(
        self, entry: Entry, chat_id: int, epoch: int, until: int, writes: Presence
    ) -> None:
        def who(db: sqlite3.Connection) -> tuple[ChatRow, str | None, bool] | None:
            chat = chats.surviving(db, chat_id)
            if chat is None:
                return None
            may = talks.epoch(db, chat.id) == epoch
            return chat, ledger.last_heard(db, chat.id), may

        # Each wait begins anew: what was shown for the bubble before went with it.
        key = ("bot", entry.id, (chat_id, until))
        while (now := self._clock.ms()) < until:
            found = await self._store.read(who)
            if found is None or not self._can_send(entry):
                return
            chat, newest, may = found
            presence = writes if may else Presence.PAUSED
            self._show(key, partial(_tell, entry, chat, newest, presence), is_on=may)
            if not may:
                return
            await self._clock.wait(asyncio.Event(), min(until, now + REFRESH))

    def _wrote(self, chat_id: int, ended: asyncio.Future[None]) -> None:
        if self._bots.get(chat_id) is ended:
            del self._bots[chat_id]
        _ended(ended)

    def by_customer(self, of: str, party: Party, presence: Presence) -> None:
        """Show the agents that a customer writes, or stopped. Never blocks or raises."""
        entry = self._directory.by_id(of)
        side = entry.side if entry is not None else None
        keys = identity.keys(party)
        if entry is None or side is None or not keys:
            return
        inbox = side.inbox.inbox_identifier
        if inbox is None or self._is_down(entry.chatwoot_peer):
            return
        is_on = presence in _WRITES

        async def show() -> None:
            chat = await self._store.read(lambda db: _chat(db, entry, keys))
            if (
                chat is not None
                and chat.conversation_id is not None
                and chat.source_id is not None
                and chat.status not in CLOSED
            ):
                await side.chatwoot.show_typing(
                    inbox, chat.source_id, chat.conversation_id, on=is_on
                )

        self._show(("customer", of, keys[0]), show, is_on=is_on)

    async def stop(self) -> None:
        """Show nothing more, and give up what is under way."""
        self._is_stopping = True
        tasks = [sign.task for sign in self._signs.values() if sign.task is not None]
        tasks += self._bots.values()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _show(
        self, key: tuple[str, str, object], call: Callable[[], Awaitable[None]], *, is_on: bool
    ) -> None:
        now = self._clock.ms()
        sign = self._signs.get(key)
        if sign is None:
            if not is_on:
                return  # nothing was shown, or it has expired
            self._make_room(now)
            sign = self._signs[key] = _Sign(changes=Bucket.full(CHANGES, now))
        if (is_on == sign.is_on and now - sign.at < REPEAT) or self._is_stopping:
            return
        if sign.task is None and self._running >= MOST_CALLS:
            return
        if sign.changes.take(now):
            return
        sign.is_on, sign.at, sign.following = is_on, now, call
        if sign.task is None:
            self._running += 1
            sign.task = asyncio.ensure_future(self._follow(sign))
            sign.task.add_done_callback(_ended)

    async def _follow(self, sign: _Sign) -> None:
        """Show what is wanted, until nothing newer came meanwhile."""
        try:
            while sign.following is not None:
                call, sign.following = sign.following, None
                try:
                    async with asyncio.timeout(LIMIT):
                        await call()
                except (BridgeError, TimeoutError) as error:
                    log.debug("typing.not_shown", cause=type(error).__name__)
        finally:
            sign.task = None
            self._running -= 1

    def _make_room(self, now: int) -> None:
        if len(self._signs) >= MOST_CHATS:
            self._signs = {
                key: sign
                for key, sign in self._signs.items()
                if sign.task is not None or now - sign.at < REPEAT
            }


async def _tell(entry: Entry, chat: ChatRow, newest: str | None, presence: Presence) -> None:
    """`newest` is the person's newest message, below which some channels show it."""
    if isinstance(entry.channel, ShowsTyping):
        await entry.channel.show_typing(chat.party, presence)
    elif isinstance(entry.channel, ShowsTypingBelow) and newest and presence in _WRITES:
        await entry.channel.show_typing_below(newest)


def shows_typing(entry: Entry) -> bool:
    """Whether customers of this number can see that an agent writes.

    Where that marks what they wrote as read, only if the instance marks it so anyway.
    """
    if isinstance(entry.channel, ShowsTypingBelow):
        return entry.instance.options.behaviour.read_messages
    return isinstance(entry.channel, ShowsTyping)


def _ended(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("typing.task_failed", error=repr(error))


def _chat(db: sqlite3.Connection, entry: Entry, keys: tuple[str, ...]) -> ChatRow | None:
    """The chat of a person or group that is known; nobody becomes known by writing."""
    persons = people_keys.persons(db, entry.scope, keys)
    person = next((persons[key] for key in keys if key in persons), None)
    return None if person is None else chats.of_person(db, entry.id, person)
