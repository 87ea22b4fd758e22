"""The sessions that we watch, and the attempts to connect them.

An attempt belongs to nobody who waits for it: it goes on when its callers have gone. What a
session tells is passed on in its order; of a session that is no longer ours nothing is heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from bridge.core.connection import (
    BAD_SESSION,
    TIMED_OUT,
    Began,
    Change,
    Closed,
    LinkState,
    Signal,
)
from bridge.core.instance import Behaviour
from bridge.errors import PeerError, PeerTimeout
from bridge.relay.directory import Entry
from bridge.relay.link_states import LinkStates
from bridge.whatsapp.channel import Session
from bridge.whatsapp.qr import Qr
from bridge.whatsapp.registry import Registry

log = structlog.get_logger(__name__)

#: Seconds in which a channel must have begun to connect, or have done what it was asked for.
CALL_SECONDS: Final = 30.0
#: Seconds in which a channel must have let go, when nothing more is wanted of it.
LEAVE_SECONDS: Final = 10.0
#: Sessions that are taken up again at the same time when the service starts.
AT_START: Final = 8

#: A connection that there is, or that is being made.
ALIVE: Final = (LinkState.OPEN, LinkState.CONNECTING)


@dataclass(slots=True, kw_only=True)
class Held:
    """A session that we watch."""

    entry: Entry
    session: Session
    behaviour: Behaviour
    #: What may be scanned at this moment.
    qr: Qr | None = None
    #: The number for which a pairing code was asked in this attempt.
    number: str | None = None
    #: Calls to the channel that begin an attempt, under way now.
    beginning: int = 0
    #: Set, and replaced, whenever something has changed.
    news: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Future[None]] = field(default_factory=set)

    def stir(self) -> None:
        self.news.set()
        self.news = asyncio.Event()


class Sessions:
    def __init__(self, *, registry: Registry, states: LinkStates) -> None:
        self._registry = registry
        self._states = states
        self._held: dict[str, Held] = {}
        self._at_start = asyncio.Semaphore(AT_START)

    def take_up(self, entry: Entry) -> None:
        """At start: watch a session, and connect it, in turn, when it was connected before."""
        self._adopt(entry, reason="Ponte was started again.", turn=self._at_start)

    def adopt(self, entry: Entry) -> None:
        """Watch the session of an instance; see `Connections.adopt`."""
        self._adopt(entry, reason="The settings of the channel were changed.", turn=None)

    def of(self, entry: Entry) -> Held:
        self.adopt(entry)
        return self._held[entry.id]

    def find(self, entry: Entry) -> Held | None:
        return self._held.get(entry.id)

    def tell(self, held: Held, change: Change) -> asyncio.Event:
        """Pass on what happens, unless the instance is being deleted or the service stops."""
        if self._held.get(held.entry.id) is held:
            return self._states.tell(held.entry, change)
        gone = asyncio.Event()
        gone.set()
        return gone

    def begin(
        self,
        held: Held,
        act: Callable[[], Awaitable[None]],
        began: Began | None,
        *,
        turn: asyncio.Semaphore | None = None,
    ) -> None:
        """Have the channel begin. Without `began` it is part of the attempt that is under way."""
        held.beginning += 1
        if began is not None:
            held.qr = None
        self._own(held, self._attempt(held, act, began, turn))

    async def release(self, entry: Entry) -> None:
        """Hear no more of a session, and end what we began with it."""
        held = self._held.pop(entry.id, None)
        if held is None:
            return
        held.session.watch(_deaf)
        await _cancelled(held.tasks)
        held.qr = None
        held.stir()

    async def stop(self) -> None:
        """Disconnect all of them; what they tell of that is not heard."""
        held, self._held = list(self._held.values()), {}
        for one in held:
            one.session.watch(_deaf)
        await _cancelled({task for one in held for task in one.tasks})
        await asyncio.gather(*(_leave(one.session) for one in held))

    def _adopt(self, entry: Entry, *, reason: str, turn: asyncio.Semaphore | None) -> None:
        if not self._registry.kind(entry.instance).has_session:
            return
        session = entry.channel
        if not isinstance(session, Session):
            raise TypeError(f"{type(session).__name__} is no Session")
        behaviour = entry.instance.options.behaviour
        held = self._held.get(entry.id)
        before = held.session if held is not None else None
        if held is None:
            held = Held(entry=entry, session=session, behaviour=behaviour)
            self._held[entry.id] = held
        held.entry = entry
        if before is not session:
            held.session, held.behaviour = session, behaviour
            session.watch(partial(self._heard, held, session))
            if self._states.view(entry).state in ALIVE:
                act = partial(_replace, before, session)
                self.begin(held, act, Began(reason=reason), turn=turn)
            elif before is not None:
                self._own(held, _leave(before))
        elif held.behaviour != behaviour:
            held.behaviour = behaviour
            self._own(held, _behave(held))

    def _heard(self, held: Held, session: Session, signal: Signal) -> None:
        if held.session is session:
            self.tell(held, signal)

    async def _attempt(
        self,
        held: Held,
        act: Callable[[], Awaitable[None]],
        began: Began | None,
        turn: asyncio.Semaphore | None,
    ) -> None:
        try:
            if began is not None:
                await self.tell(held, began).wait()
            async with turn or nullcontext():
                failure = await _failure(held, act)
            if failure is not None and began is not None:
                await self.tell(held, failure).wait()
        finally:
            held.beginning -= 1
            held.stir()

    def _own(self, held: Held, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        held.tasks.add(task)
        task.add_done_callback(partial(_done, held))


async def in_time(call: Awaitable[None], seconds: float = CALL_SECONDS) -> None:
    """Wait for a channel. Raises `PeerTimeout` when it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            await call
    except TimeoutError as error:
        raise PeerTimeout(
            f"The channel did not answer within {seconds:g} seconds.", code="channel.timeout"
        ) from error


async def _failure(held: Held, act: Callable[[], Awaitable[None]]) -> Closed | None:
    try:
        await in_time(act())
    except PeerError as error:
        code = TIMED_OUT if isinstance(error, PeerTimeout) else BAD_SESSION
        return Closed(code=code, reason=str(error))
    except Exception:  # a bug in a channel is a failed attempt
        log.exception("connection.attempt_crashed", instance=held.entry.instance.name)
        return Closed(code=BAD_SESSION, reason="The channel failed; the log tells more.")
    return None


async def _replace(before: Session | None, session: Session) -> None:
    """Never two at once on one device: they would throw each other out."""
    if before is not None:
        await _leave(before)
    await session.connect()


async def _leave(session: Session) -> None:
    session.watch(_deaf)
    try:
        await in_time(session.leave(), LEAVE_SECONDS)
    except Exception:  # what follows must happen all the same
        log.exception("session.not_left")


async def _behave(held: Held) -> None:
    try:
        await in_time(held.session.behave(held.behaviour))
    except PeerError as error:
        name = held.entry.instance.name
        log.warning("session.settings_refused", instance=name, cause=error.cause)


async def _cancelled(tasks: set[asyncio.Future[None]]) -> None:
    cut = list(tasks)
    for task in cut:
        task.cancel()
    await asyncio.gather(*cut, return_exceptions=True)


def _done(held: Held, task: asyncio.Future[None]) -> None:
    held.tasks.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("session.task_failed", error=repr(error))


def _deaf(signal: Signal) -> None:
    """Hear nothing of a session that is no longer ours."""
