"""A flow is started over the API (evolution-instance-typebot.md 5.6): for somebody, by its address.

What is asked for is stored and done by the chat's next turn, as everything is that Typebot is asked
for: no two calls run at once in a chat. The caller waits for the first of them, and learns whether
the flow exists.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from bridge.clock import Clock
from bridge.core.handoff import Stopped
from bridge.core.party import Party
from bridge.core.typebot import StoredBot
from bridge.engine.queue import Queue
from bridge.errors import Conflict, Forbidden, Invalid, NotFound, PeerFailed, RequestError
from bridge.relay.bot import pending
from bridge.relay.bot.flows import Flows, Shelf
from bridge.relay.bot.hearing import left_alone
from bridge.relay.bot.memory import Memory, memory_of, with_memory
from bridge.relay.bot.sessions import placed
from bridge.relay.bot.starting import DEALT_WITH
from bridge.relay.bot.talks import Talks
from bridge.relay.directory import Entry, gone
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, claims, jobs, talks
from bridge.typebot.faults import FlowClosed, FlowUnknown

#: So long (ms) a caller waits for Typebot; a start that takes longer goes on by itself.
PATIENCE: Final = 25_000
_FIRST_LOOK: Final = 20
_LOOKS_EVERY: Final = 200
#: A pause that the API made is no hindrance to what the API starts.
_OURS: Final = "bot.api"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOrder:
    """`keeps`: there is a session, so the person can answer; else the flow is only played."""

    url: str
    typebot: str
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    keeps: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    chat_id: int
    job_id: int


class BotStarts:
    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        queue: Queue,
        talks: Talks,
        shelf: Shelf,
        patience: int = PATIENCE,
    ) -> None:
        self._store = store
        self._clock = clock
        self._queue = queue
        self._talks = talks
        self._shelf = shelf
        self._patience = patience

    async def start(self, entry: Entry, party: Party, order: StartOrder) -> bool:
        """Start a flow in place of the one that runs. True: it has begun; False: it is still to.

        Raises `Forbidden` for a chat that flows leave alone, `Conflict` where a human has the word,
        `NotFound` for an unknown flow, and `PeerFailed` when Typebot does not do its part.
        """
        until = self._clock.ms() + self._patience
        begun = await self._begun(entry, party, order)
        return await self._settled(entry, begun, order, until)

    # -- asking for it ----------------------------------------------------------------------

    async def _begun(self, entry: Entry, party: Party, order: StartOrder) -> _Begun:
        """A call that is under way in the chat is over first; nobody waits for its answer."""

        def work(unit: Unit) -> _Begun:
            if not claims.exists(unit.db, entry.id):
                raise gone(entry.instance.name)
            now = self._clock.ms()
            flows = self._shelf.of(unit.db, entry.id)
            bot_id = _stored(flows, order)
            chat = placed(unit, entry, party, now)
            if chat is None:
                raise Invalid("remoteJid is no address of WhatsApp.", code="typebot.address")
            _allowed(left_alone(chat, flows.merged(bot_id)))
            talk = replace(self._talks.of(unit.db, chat), bot_id=bot_id)
            rule = self._talks.silenced(unit.db, entry, chat, talk, now)
            if rule is not None and rule != _OURS:
                raise _silenced(rule)
            talk = self._talks.signal(unit, entry, chat, Stopped(delete=True), now)
            memory = Memory(wanted=True, once=not order.keeps, variables=dict(order.variables))
            wanted = replace(
                with_memory(talk, memory),
                bot_id=bot_id,
                url=order.url,
                typebot=order.typebot,
                session_id=None,
                result_id=None,
            )
            talks.save(unit.db, wanted, now)
            row = pending.put(
                self._queue, unit, entry, chat, (), url=order.url, now=now, due_at=now
            )
            return _Begun(chat_id=chat.id, job_id=row.job_id)

        return await self._store.write(work, durable=True)

    # -- waiting for it ---------------------------------------------------------------------

    async def _settled(self, entry: Entry, begun: _Begun, order: StartOrder, until: int) -> bool:
        wait = _FIRST_LOOK
        while self._clock.ms() < until:
            ended = await self._store.read(lambda db: jobs.ended(db, begun.job_id))
            if ended is not None:
                return _has_begun(*ended)
            if await self._store.read(lambda db: _cannot_be_reached(db, begun)):
                await self._give_up(entry, begun)
                raise _unreachable(order)
            await self._clock.wait(asyncio.Event(), self._clock.ms() + wait)
            wait = min(wait * 2, _LOOKS_EVERY)
        return False

    async def _give_up(self, entry: Entry, begun: _Begun) -> None:
        """What was asked for is not tried again: the caller decides."""

        def work(unit: Unit) -> None:
            chat = chats.surviving(unit.db, begun.chat_id)
            if chat is not None and _cannot_be_reached(unit.db, begun):
                self._talks.signal(unit, entry, chat, Stopped(delete=True), self._clock.ms())

        await self._store.write(work)


def _stored(flows: Flows, order: StartOrder) -> str | None:
    """The stored flow of this address and name: its settings hold."""

    def fits(one: StoredBot) -> bool:
        return (one.bot.url, one.bot.typebot) == (order.url, order.typebot)

    return next((one.id for one in flows.bots if fits(one)), None)


def _allowed(rule: str | None) -> None:
    if rule == "bot.group":
        advice = "Flows speak in groups only where groups is true."
        raise Forbidden("Jid not allowed", advice, code="typebot.ignored")
    if rule is not None:
        raise Forbidden("Jid not allowed", code="typebot.ignored")


def _silenced(rule: str) -> Conflict:
    return Conflict(
        f"The flow may not speak in this chat now: {rule}.",
        "Resolve the conversation, or give the word back with POST /typebot/changeStatus.",
        code="typebot.silenced",
    )


def _cannot_be_reached(db: sqlite3.Connection, begun: _Begun) -> bool:
    """Whether Typebot was tried and could not be reached: it would be tried for a while."""
    talk = talks.get(db, begun.chat_id)
    if talk is None or jobs.ended(db, begun.job_id) is not None:
        return False
    memory = memory_of(talk)
    return memory.wanted and memory.trying_since is not None and talk.state.asking is None


def _has_begun(state: str, cause: str | None, reason: str | None) -> bool:
    if state == "delivered" or cause == DEALT_WITH:  # by another turn
        return True
    if state == "ignored" and (cause or "").startswith("bot."):
        raise _silenced(cause or "")
    raise _refusal(cause or "typebot.failed", reason or "Typebot did not start the flow.")


def _refusal(cause: str, reason: str) -> RequestError:
    if cause == FlowUnknown.code:
        return NotFound(reason, code=cause)
    if cause == FlowClosed.code:
        return Conflict(reason, code=cause)
    return PeerFailed(reason, code="typebot.failed")


def _unreachable(order: StartOrder) -> PeerFailed:
    host = urlsplit(order.url).netloc.rpartition("@")[2]
    return PeerFailed(
        f"Typebot cannot be reached at {host}; nothing was started.", code="typebot.unreachable"
    )
