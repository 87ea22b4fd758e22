"""How every number is connected, in memory and in the database, and the events of each change.

One task takes over all changes, in the order in which they were told: what a change makes of a
connection (`core.connection.advance`), the stored state and its events are one unit, and only
after its commit does the rest of the house see the new state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from bridge.clock import Clock
from bridge.core.connection import (
    BAD_SESSION,
    QRCODE_UPDATED,
    Change,
    Closed,
    ConnectionView,
    LinkState,
    Notice,
    Opened,
    QrShown,
    advance,
    qr_told,
)
from bridge.errors import Unavailable
from bridge.relay.directory import Entry
from bridge.relay.events import Events
from bridge.store.engine import Store, Unit
from bridge.store.queries import claims, connections
from bridge.whatsapp.qr import MAX_CODE, Qr
from bridge.whatsapp.registry import Registry

log = structlog.get_logger(__name__)

#: A connection that there is, or that is being made.
ALIVE: Final = (LinkState.OPEN, LinkState.CONNECTING)
#: Changes that share a unit of work at most.
AT_ONCE: Final = 50
#: How long (ms) we wait when our own database fails us.
DATABASE_WAIT: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change that has been taken over. `qr` is there while a code may be scanned."""

    entry: Entry
    change: Change
    before: ConnectionView
    after: ConnectionView
    qr: Qr | None
    notices: tuple[Notice, ...]
    #: It opens after somebody was shown a code, or for the first time ever.
    is_login: bool
    done: asyncio.Event = field(repr=False)

    @property
    def opens(self) -> bool:
        return self.after.state is LinkState.OPEN and self.before.state is not LinkState.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    entry: Entry
    change: Change
    done: asyncio.Event


class LinkStates:
    def __init__(
        self,
        *,
        store: Store,
        events: Events,
        registry: Registry,
        clock: Clock,
        note: Callable[[Unit, Step], None],
        moved: Callable[[Step], None],
    ) -> None:
        """`note` is called in the unit that stores a change, so in the writer's thread.

        `moved` is called in the event loop after each change, before its events are told.
        """
        self._store = store
        self._events = events
        self._registry = registry
        self._clock = clock
        self._note = note
        self._moved = moved
        #: Instances of whose attempt a code was shown.
        self._shown: set[str] = set()
        self._views: dict[str, ConnectionView] = {}
        self._inbox: asyncio.Queue[_Told | asyncio.Event | None] = asyncio.Queue()
        self._is_stopping = False

    async def load(self) -> None:
        self._views = await self._store.read(connections.everything)

    def view(self, entry: Entry) -> ConnectionView:
        """How it is connected, as far as we know. A number without a session was never asked."""
        kind = self._registry.kind(entry.instance)
        if kind.absent is not None:
            state, reason = LinkState.CLOSED, kind.absent
        elif entry.id in self._views:
            return self._views[entry.id]
        else:
            state, reason = (LinkState.CLOSED if kind.has_session else LinkState.OPEN), None
        return ConnectionView(state=state, reason=reason, changed_at=entry.instance.created_at)

    def alive(self) -> frozenset[str]:
        """The ids of the instances that are connected, or being connected."""
        return frozenset(id_ for id_, view in self._views.items() if view.state in ALIVE)

    def drop(self, entry: Entry) -> None:
        self._views.pop(entry.id, None)
        self._shown.discard(entry.id)

    def tell(self, entry: Entry, change: Change) -> asyncio.Event:
        """Take note of a change; the event is set once it is taken over."""
        told = _Told(entry=entry, change=change, done=asyncio.Event())
        self._inbox.put_nowait(told)
        return told.done

    def settled(self) -> asyncio.Event:
        """It is set once everything that was told so far is taken over."""
        done = asyncio.Event()
        self._inbox.put_nowait(done)
        return done

    async def run(self) -> None:
        """Take over what is told until `stop`."""
        while True:
            first = await self._inbox.get()
            some = [first]
            while len(some) < AT_ONCE and not self._inbox.empty():
                some.append(self._inbox.get_nowait())
            told = [one for one in some if isinstance(one, _Told)]
            if told:
                await self._outlive(told)
            for one in some:
                if isinstance(one, asyncio.Event):
                    one.set()
            if None in some:
                return

    def stop(self) -> None:
        """Let `run` end once it has taken over what was told so far."""
        self._is_stopping = True
        self._inbox.put_nowait(None)

    async def _outlive(self, told: Sequence[_Told]) -> None:
        """No bug and no odd change of one connection may end the task that serves all of them."""
        try:
            await self._take_over(told)
        except Exception:
            log.exception("connection.change_crashed")
            if len(told) == 1:
                told[0].done.set()
                return
            for one in told:
                await self._outlive([one])

    async def _take_over(self, told: Sequence[_Told]) -> None:
        steps: list[Step] = []
        views: dict[str, ConnectionView] = {}
        for one in told:
            change, qr = await _drawn(one.change)
            before = views.get(one.entry.id) or self.view(one.entry)
            after, notices = advance(
                before, change, instance=one.entry.instance.name, now=self._clock.ms()
            )
            views[one.entry.id] = after
            steps.append(
                Step(
                    entry=one.entry,
                    change=change,
                    before=before,
                    after=after,
                    qr=qr,
                    notices=notices,
                    is_login=self._is_login(one.entry, before, change),
                    done=one.done,
                )
            )
        while True:
            try:
                await self._store.write(partial(self._keep, steps))
            except Unavailable as error:
                log.warning("connection.keeping_postponed", error=str(error))
                if self._is_stopping:
                    return
                await self._clock.wait(asyncio.Event(), self._clock.ms() + DATABASE_WAIT)
            else:
                return

    def _is_login(self, entry: Entry, before: ConnectionView, change: Change) -> bool:
        """Remember that a code is shown until the attempt ends, and tell whether it was."""
        if isinstance(change, QrShown):
            self._shown.add(entry.id)
        elif not isinstance(change, Closed) or not change.again:  # after a scan it connects anew
            was_shown = entry.id in self._shown
            self._shown.discard(entry.id)
            return isinstance(change, Opened) and (was_shown or before.owner_jid is None)
        return False

    def _keep(self, steps: Sequence[Step], unit: Unit) -> None:
        for step in steps:
            if not claims.exists(unit.db, step.entry.id):  # deleted meanwhile
                unit.after_commit.append(step.done.set)
                continue
            if step.after != step.before:
                connections.save(unit.db, step.entry.id, step.after)
            self._note(unit, step)
            unit.after_commit.append(partial(self._apply, step))
            for notice in step.notices:
                live = _live(notice, step.qr)
                self._events.emit(unit, step.entry, notice.name, notice.data, live=live)

    def _apply(self, step: Step) -> None:
        self._views[step.entry.id] = step.after
        if (step.before.state, step.before.code) != (step.after.state, step.after.code):
            log.info(
                "connection.changed",
                instance=step.entry.instance.name,
                state=str(step.after.state),
                code=step.after.code,
                reason=step.after.reason,
            )
        step.done.set()
        self._moved(step)


def _live(notice: Notice, qr: Qr | None) -> dict[str, object] | None:
    if qr is None or notice.name != QRCODE_UPDATED:
        return None
    told = qr_told(notice, code=qr.code, pairing_code=qr.pairing_code, base64=qr.base64)
    return dict(told.data or {})


async def _drawn(change: Change) -> tuple[Change, Qr | None]:
    """Draw a code outside the event loop, since that takes a while; refuse what is no QR code."""
    if not isinstance(change, QrShown):
        return change, None
    qr = Qr(
        code=change.code,
        pairing_code=change.pairing_code,
        no_pairing_code=change.no_pairing_code,
        count=change.count,
    )
    if not (0 < len(qr.code) <= MAX_CODE and qr.code.isascii()):
        reason = "The channel gave a code of which no QR code can be made."
        return Closed(code=BAD_SESSION, reason=reason), None
    await asyncio.to_thread(lambda: qr.base64)
    return change, qr
