"""The sessions that we watch, the attempts to connect them, and their ends.

Neither belongs to whoever waits for it: it goes on when its callers have gone. What a session tells
is passed on in its order; of a session that is no longer ours nothing is heard. A number is
connected by one session object at a time: the next begins when the one before has been left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

import structlog

from bridge.core.connection import (
    BAD_SESSION,
    TIMED_OUT,
    Began,
    Change,
    Closed,
    Opened,
    Presence,
    QrShown,
    Signal,
)
from bridge.core.instance import Behaviour
from bridge.core.message import Event
from bridge.core.party import Party
from bridge.errors import PeerError, PeerTimeout, Unavailable
from bridge.relay.directory import Entry
from bridge.relay.link_states import ALIVE, LinkStates
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


@dataclass(slots=True, kw_only=True)
class Held:
    """A session that we watch."""

    entry: Entry
    session: Session
    behaviour: Behaviour
    #: What may be scanned at this moment.
    qr: Qr | None = None
    #: An attempt was announced and has not begun yet: codes, and our own picture, still come from
    #: the one before.
    is_stale: bool = False
    #: The number for which a pairing code was asked in this attempt.
    number: str | None = None
    #: When it was asked (ms).
    asked_at: int = 0
    #: Set, and replaced, whenever something has changed.
    news: asyncio.Event = field(default_factory=asyncio.Event)
    #: Calls to the channel that begin an attempt, under way now.
    attempts: set[asyncio.Future[None]] = field(default_factory=set)
    #: Logouts, and leaves of former session objects, under way now: attempts wait for them.
    endings: set[asyncio.Future[None]] = field(default_factory=set)
    #: Settings that are being told to the channel.
    tellings: set[asyncio.Future[None]] = field(default_factory=set)

    @property
    def beginning(self) -> bool:
        return bool(self.attempts)

    def stir(self) -> None:
        self.news.set()
        self.news = asyncio.Event()


#: Keeps what a session tells, by the id of its instance. Raises `Unavailable`.
Keep: TypeAlias = Callable[[Sequence[Event], str], Awaitable[None]]
#: Told that somebody writes, by the id of the instance.
HearTyping: TypeAlias = Callable[[str, Party, Presence], None]


class Sessions:
    def __init__(self, *, registry: Registry, states: LinkStates) -> None:
        self._registry = registry
        self._states = states
        self._keep: Keep = _not_yet
        self._typing: HearTyping = _nobody
        self._held: dict[str, Held] = {}
        #: Instances that are being deleted, or gone.
        self._released: set[str] = set()
        self._is_stopping = False
        self._at_start = asyncio.Semaphore(AT_START)

    def deliver(self, *, keep: Keep, typing: HearTyping) -> None:
        """Where messages and typing go, from now on; before, sessions keep what they hear."""
        self._keep = keep
        self._typing = typing

    def take_up(self, entry: Entry) -> None:
        """At start: watch a session, and connect it, in turn, when it was connected before."""
        self._adopt(entry, reason="Ponte was started again.", turn=self._at_start)

    def adopt(self, entry: Entry) -> None:
        """Watch the session of an instance; see `Connections.adopt`."""
        self._adopt(entry, reason="The settings of the channel were changed.", turn=None)

    def of(self, entry: Entry) -> Held:
        """Raises `Unavailable` when its instance is being deleted, or the service stops.

        An entry from before a change does not bring the former session object back.
        """
        if entry.id not in self._held:
            self.adopt(entry)
        held = self._held.get(entry.id)
        if held is None:
            raise given_up()
        return held

    async def settled(self, entry: Entry) -> Held:
        """`of`, once nothing is being ended there any more."""
        while (held := self.of(entry)).endings:
            await asyncio.wait(held.endings)
        return held

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
        told: asyncio.Event | None = None
        if began is not None:
            held.qr, held.is_stale = None, True
            told = self.tell(held, began)
        _own(held, held.attempts, self._attempt(held, act, told, turn))

    async def end(self, held: Held, act: Callable[[], Awaitable[None]]) -> None:
        """Do what ends the session; what was about to begin is given up first."""
        begun = set(held.attempts)

        async def ending() -> None:
            await _cancelled(begun)
            await act()

        task = asyncio.ensure_future(ending())
        _own(held, held.endings, task)
        await asyncio.shield(task)

    async def release(self, entry: Entry) -> None:
        """Hear no more of a session, and end what we began with it; until `spare`."""
        if self._registry.kind(entry.instance).has_session:
            self._released.add(entry.id)
        held = self._held.pop(entry.id, None)
        if held is not None:
            await _let_go(held)

    def spare(self, entry: Entry) -> None:
        """An instance that was to be deleted stays."""
        self._released.discard(entry.id)

    async def stop(self) -> None:
        """Disconnect all of them; what they tell of that is not heard."""
        self._is_stopping = True
        held, self._held = list(self._held.values()), {}
        await asyncio.gather(*(_let_go(one) for one in held))
        await asyncio.gather(*(leave(one.session) for one in held))

    def _adopt(self, entry: Entry, *, reason: str, turn: asyncio.Semaphore | None) -> None:
        if not self._registry.kind(entry.instance).has_session:
            return
        if self._is_stopping or entry.id in self._released:
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
            session.watch(_Ears(self, held, session))
            goes_on = held.beginning or self._states.view(entry).state in ALIVE
            if before is not None:
                self._replaced(held, before)
            if goes_on:
                self.begin(held, session.connect, Began(reason=reason), turn=turn)
        elif held.behaviour != behaviour:
            held.behaviour = behaviour
            _own(held, held.tellings, _behave(held))

    def _replaced(self, held: Held, before: Session) -> None:
        """Leave a former session object, after what was begun with it."""
        before.watch(None)
        held.number = None
        begun = set(held.attempts)

        async def leaving() -> None:
            await _cancelled(begun)
            await leave(before)

        _own(held, held.endings, leaving())

    async def keep(self, held: Held, events: Sequence[Event]) -> None:
        """Raises `Unavailable`."""
        await self._keep(events, held.entry.id)

    def typing(self, held: Held, party: Party, presence: Presence) -> None:
        self._typing(held.entry.id, party, presence)

    async def _attempt(
        self,
        held: Held,
        act: Callable[[], Awaitable[None]],
        told: asyncio.Event | None,
        turn: asyncio.Semaphore | None,
    ) -> None:
        if held.endings:  # never two at once on one device: they would throw each other out
            await asyncio.wait(held.endings)
        if told is not None:
            await told.wait()
        async with turn or nullcontext():
            held.is_stale = False
            failure = await _failure(held, act)
        if failure is None:
            return
        if told is not None:
            await self.tell(held, failure).wait()
            return
        log.warning("connection.no_pairing_code", instance=held.entry.instance.name)


async def _not_yet(events: Sequence[Event], of: str) -> None:
    raise Unavailable(
        f"{len(events)} events of {of} came before Ponte had started", code="connection.closed"
    )


def _nobody(of: str, party: Party, presence: Presence) -> None:
    """Nobody shows who writes."""


def given_up() -> Unavailable:
    return Unavailable(
        "The connection was given up: the instance is being deleted, or Ponte stops",
        code="connection.closed",
    )


async def in_time(call: Awaitable[None], seconds: float = CALL_SECONDS) -> None:
    """Wait for a channel. Raises `PeerTimeout` when it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            await call
    except TimeoutError as error:
        raise PeerTimeout(
            f"The channel did not answer within {seconds:g} seconds.", code="channel.timeout"
        ) from error


async def leave(session: Session) -> None:
    """Hear no more of a session object and disconnect it. Never raises."""
    session.watch(None)
    try:
        await in_time(session.leave(), LEAVE_SECONDS)
    except Exception:  # what follows must happen all the same
        log.exception("session.not_left")


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


async def _let_go(held: Held) -> None:
    """Hear no more of it, end what was begun, and let what ends it come to its end."""
    held.session.watch(None)
    await _cancelled(held.attempts | held.tellings)
    if held.endings:
        await asyncio.wait(held.endings, timeout=LEAVE_SECONDS)
        await _cancelled(held.endings)
    held.qr = None
    held.stir()


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


def _own(
    held: Held,
    mine: set[asyncio.Future[None]],
    work: Coroutine[None, None, None] | asyncio.Future[None],
) -> None:
    task = asyncio.ensure_future(work)
    mine.add(task)
    task.add_done_callback(partial(_done, held, mine))


def _done(held: Held, mine: set[asyncio.Future[None]], task: asyncio.Future[None]) -> None:
    mine.discard(task)
    held.stir()
    if task.cancelled() or (error := task.exception()) is None or isinstance(error, PeerError):
        return  # what a peer refuses is told to whoever asked
    log.error("session.task_failed", error=repr(error))


class _Ears:
    """Listens to one session object, for as long as it is ours."""

    def __init__(self, sessions: Sessions, held: Held, session: Session) -> None:
        self._sessions = sessions
        self._held = held
        self._session = session

    def hear(self, signal: Signal) -> None:
        if self._held.session is not self._session:
            return
        if self._held.is_stale and isinstance(signal, QrShown | Opened):
            return  # of the connection before the one that was asked for
        self._sessions.tell(self._held, signal)

    async def keep(self, events: Sequence[Event]) -> None:
        await self._sessions.keep(self._held, events)

    def typing(self, party: Party, presence: Presence) -> None:
        if self._held.session is self._session:
            self._sessions.typing(self._held, party, presence)
