"""Connecting a number, and knowing how it is connected.

A *session* (a phone lends us the connection, by QR code) is watched from the start of the service
on; there is one attempt to connect at a time, which all callers share. Waiting is for what the
channel tells, with a deadline. Channels without a session (the Cloud API) are asked.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Final

import structlog

from bridge.clock import Clock
from bridge.core.connection import (
    BAD_SESSION,
    FORBIDDEN,
    LOGGED_OUT,
    Began,
    Change,
    Closed,
    ConnectionView,
    LinkState,
    Opened,
    Presence,
)
from bridge.engine.queue import Queue
from bridge.errors import Invalid, PeerError, PeerLocked, RequestError, Unavailable
from bridge.relay.announcing import Announcing
from bridge.relay.directory import Directory, Entry
from bridge.relay.events import Events
from bridge.relay.link_states import ALIVE, LinkStates, Step
from bridge.relay.sessions import (
    HearTyping,
    Held,
    Keep,
    Sessions,
    given_up,
    in_time,
    leave,
)
from bridge.store.engine import Store, Unit
from bridge.store.queries import jobs
from bridge.whatsapp import absent
from bridge.whatsapp.channel import Link, Session
from bridge.whatsapp.qr import Qr
from bridge.whatsapp.registry import Registry

log = structlog.get_logger(__name__)

#: Milliseconds that a caller waits for our own database to take a change over.
KEEP_MS: Final = 5000
#: After so long (ms) a pairing code that was refused is asked for again, when somebody asks.
ANEW_MS: Final = 60_000

#: Why something failed for want of the connection, and not for any fault of its own.
_DISCONNECTED: Final = "whatsapp.disconnected"

_OTHER_NUMBER: Final = (
    "A pairing code was asked for another number meanwhile. Ask again, or scan the QR code."
)
_NO_PAIRING_CODE: Final = (
    "WhatsApp has given no pairing code in time. Ask again, or scan the QR code."
)


class Connections:
    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        registry: Registry,
        events: Events,
        announcing: Announcing,
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._directory = directory
        self._registry = registry
        self._announcing = announcing
        self._clock = clock
        self._states = LinkStates(
            store=store,
            events=events,
            registry=registry,
            clock=clock,
            note=self._note,
            moved=self._moved,
        )
        self._sessions = Sessions(registry=registry, states=self._states)
        self._listening: asyncio.Future[None] | None = None

    # -- the life of the service, and of instances ------------------------------------------

    def deliver(self, *, keep: Keep, typing: HearTyping) -> None:
        """Where messages of sessions go, and who writes; to be called before `start`."""
        self._sessions.deliver(keep=keep, typing=typing)

    async def start(self) -> None:
        """Load what is known, and take up the sessions that were connected, some at a time.

        When it returns, none of them counts as connected before it is. Others are watched from
        their first use on.
        """
        await self._states.load()
        await self._announcing.begin()
        await self._registry.sweep(frozenset(self._directory.ids()))
        self._listening = asyncio.ensure_future(self._states.run())
        alive = self._states.alive()
        for id_ in self._directory.ids(self._registry.sessions):
            entry = self._directory.by_id(id_) if id_ in alive else None
            if entry is not None:
                self._sessions.take_up(entry)
        await self._taken_over(self._states.settled())

    async def stop(self) -> None:
        """Disconnect, keep every session and its last state, and store what was told so far."""
        await self._sessions.stop()
        if self._listening is not None:
            self._states.stop()
            await self._listening
        await self._announcing.stop()

    def adopt(self, entry: Entry) -> None:
        """Watch the session of an instance, and let it know of changed settings.

        To be called after creation and after every change of the instance; repeating it does
        nothing. When the entry has got another channel object, the new one takes over.
        """
        self._sessions.adopt(entry)

    async def forget(self, entry: Entry) -> None:
        """Log out and delete what the channel keeps, before an instance is deleted.

        Raises `PeerError` when the channel cannot forget. From now on nobody can connect it, unless
        it is spared.
        """
        try:
            if self._registry.kind(entry.instance).has_session:
                await self._forget(entry)
        finally:
            self._states.drop(entry)
            await self._announcing.forget(entry.id)

    def spare(self, entry: Entry) -> None:
        """An instance that was forgotten stays after all: it may be connected anew."""
        self._sessions.spare(entry)

    async def _forget(self, entry: Entry) -> None:
        if self.view(entry).state is LinkState.OPEN:
            try:
                await self.logout(entry)
            except (PeerError, RequestError) as error:
                log.warning("connection.not_logged_out", cause=error.cause)
        await self._sessions.release(entry)
        await self._taken_over(self._states.settled())  # its events come before its deletion
        session = entry.channel
        if isinstance(session, Session):
            try:
                await in_time(session.forget())
            except BaseException:
                await leave(session)  # or it would go on without its instance
                raise

    # -- knowing ----------------------------------------------------------------------------

    def view(self, entry: Entry) -> ConnectionView:
        """How a number is connected, as far as we know; asks nobody."""
        return self._states.view(entry)

    def qr(self, entry: Entry) -> Qr | None:
        """What may be scanned at this moment."""
        held = self._sessions.find(entry)
        return held.qr if held is not None else None

    def obstacle(self, entry: Entry) -> PeerLocked | None:
        """Why nothing can be sent now, when that is known without trying."""
        kind = self._registry.kind(entry.instance)
        view = self.view(entry)
        if kind.absent is not None:
            return PeerLocked(kind.absent, code=absent.CODE)
        if not kind.has_session or view.state is LinkState.OPEN:
            return None
        why = f": {view.reason}" if view.reason else "."
        return PeerLocked(f"The number is not connected{why}", code="channel.disconnected")

    async def ask(self, entry: Entry) -> ConnectionView:
        """How a number is connected, asked just now where there is no session.

        A failure to ask is a reason, no error, and leaves the state as it was.
        """
        kind = self._registry.kind(entry.instance)
        if kind.absent is not None or kind.has_session:
            return self.view(entry)
        try:
            link = await entry.channel.link()
        except PeerLocked as error:
            link = Link(state=LinkState.CLOSED, reason=str(error))
        except PeerError as error:
            return replace(self.view(entry), reason=f"WhatsApp could not be asked: {error}")
        now = self._directory.by_id(entry.id)
        if now is None or now.channel is not entry.channel:  # deleted, or another token by now
            return self.view(entry)
        await self._taken_over(self._states.tell(entry, _as_change(link)))
        return self.view(entry)

    # -- connecting -------------------------------------------------------------------------

    async def connect(self, entry: Entry, number: str | None = None, *, wait: float) -> Qr | None:
        """Connect, and give the code to scan; None: the number is connected.

        Waits up to `wait` seconds. With a `number` (digits) the code can be typed too. Raises
        `Invalid` (`channel.not_installed`), `Unavailable`: `connection.closed` and
        `connection.refused` say why it did not connect, `connection.no_qr` that nothing came in
        time; the attempt goes on then.
        """
        if self._is_asked(entry):
            await self._insist_on_open(entry)
            return None
        held = await self._sessions.settled(entry)
        state = self.view(entry).state
        if not held.beginning and state is not LinkState.CONNECTING:
            if state is LinkState.OPEN:
                return None
            held.number, held.asked_at = number, self._clock.ms()
            self._sessions.begin(held, partial(_begin, held, number), Began())
        elif number is not None and (number != held.number or self._asks_anew(held)):
            held.number, held.asked_at = number, self._clock.ms()
            if held.qr is not None:  # its code is for another number
                held.qr = replace(held.qr, pairing_code=None, no_pairing_code=None)
            self._sessions.begin(held, partial(_begin, held, number), None)
        return await self._first(held, number, wait)

    def _asks_anew(self, held: Held) -> bool:
        """WhatsApp gave no pairing code; some callers ask every second, and it counts them."""
        refused = held.qr is not None and held.qr.no_pairing_code is not None
        return refused and self._clock.ms() - held.asked_at >= ANEW_MS

    async def restart(self, entry: Entry, *, wait: float) -> Qr | None:
        """Break the connection and connect anew, from every state; answers like `connect`."""
        if self._is_asked(entry):
            await self._insist_on_open(entry)
            return None
        held = await self._sessions.settled(entry)
        if not held.beginning:
            held.number = None
            lives = self.view(entry).state in ALIVE
            act = held.session.restart if lives else held.session.connect
            self._sessions.begin(held, act, Began())
        return await self._first(held, None, wait)

    async def logout(self, entry: Entry) -> None:
        """End the session on the phone too. Raises `Invalid` when there is none, or `PeerError`."""
        if self._is_asked(entry):
            raise Invalid(
                f"The number of {entry.instance.name} is connected by its token: there is no "
                "session to log out of",
                code="channel.no_session",
            )
        held = await self._sessions.settled(entry)
        if self.view(entry).state not in ALIVE and not held.beginning:
            raise _not_connected(entry)
        await self._sessions.end(held, partial(self._log_out, held, interrupts=held.beginning))

    async def _log_out(self, held: Held, *, interrupts: bool) -> None:
        ended = Closed(code=LOGGED_OUT, reason="The session was ended over the API.")
        try:
            await in_time(held.session.logout())
        except PeerError as error:
            if interrupts:  # no attempt goes on, so it does not connect any more
                self._sessions.tell(held, Closed(code=BAD_SESSION, reason=str(error)))
            raise
        await self._taken_over(self._sessions.tell(held, ended))

    async def set_presence(self, entry: Entry, presence: Presence) -> None:
        """Show the number so to all. Raises `Invalid` where that cannot be, or `PeerError`."""
        if self._is_asked(entry):
            raise Invalid(
                f"The number of {entry.instance.name} has no presence: its channel knows none",
                code="channel.no_presence",
            )
        held = await self._sessions.settled(entry)
        if self.view(entry).state is not LinkState.OPEN:
            raise _not_connected(entry)
        await in_time(held.session.set_presence(presence))

    def _is_asked(self, entry: Entry) -> bool:
        """Whether its channel has no session. Raises `Invalid` when it has no channel at all."""
        kind = self._registry.kind(entry.instance)
        if kind.absent is not None:
            raise Invalid(kind.absent, code=absent.CODE)
        return not kind.has_session

    async def _first(self, held: Held, number: str | None, wait: float) -> Qr | None:
        """Wait for the first thing that there is to show."""
        until = self._clock.ms() + round(wait * 1000)
        while True:
            if self._sessions.find(held.entry) is not held:
                raise given_up()
            if not held.beginning:
                view = self.view(held.entry)
                if view.state is LinkState.OPEN:
                    return None
                if view.state is not LinkState.CONNECTING:
                    raise _did_not_connect(view)
            qr = held.qr
            is_late = self._clock.ms() >= until
            if qr is not None and (shown := _shown(qr, held, number, is_late=is_late)) is not None:
                return shown
            if is_late:
                raise _no_qr(self.view(held.entry), wait)
            await self._clock.wait(held.news, until)

    async def _insist_on_open(self, entry: Entry) -> None:
        view = await self.ask(entry)
        if view.state is not LinkState.OPEN:
            raise _did_not_connect(view)

    async def _taken_over(self, done: asyncio.Event) -> None:
        await self._clock.wait(done, self._clock.ms() + KEEP_MS)

    def _note(self, unit: Unit, step: Step) -> None:
        self._announcing.note(unit, step)
        if step.opens:  # files that could not be fetched meanwhile
            now = self._clock.ms()
            for job_id in jobs.held_up(unit.db, step.entry.id, _DISCONNECTED, now):
                self._queue.wake(unit, job_id, due_at=now)

    def _moved(self, step: Step) -> None:
        if step.opens:  # what waited for it goes out, in order
            self._queue.resume(step.entry.channel_account)
            if self._registry.kind(step.entry.instance).has_session:  # its server is its own
                self._queue.resume(step.entry.channel_peer)
        held = self._sessions.find(step.entry)
        if held is not None:
            held.qr = None if held.is_stale else step.qr
            held.stir()
        self._announcing.moved(step)


def _shown(qr: Qr, held: Held, number: str | None, *, is_late: bool) -> Qr | None:
    """What a caller is shown of a code; None: the characters to type may still come."""
    if number is None:
        return replace(qr, no_pairing_code=None)  # nobody has asked for them here
    if number != held.number:
        return replace(qr, pairing_code=None, no_pairing_code=_OTHER_NUMBER)
    if qr.pairing_code is None and qr.no_pairing_code is None:
        return replace(qr, no_pairing_code=_NO_PAIRING_CODE) if is_late else None
    return qr


def _no_qr(view: ConnectionView, wait: float) -> Unavailable:
    """With what is known of the cause, when something is."""
    if view.reason:
        text = f"The number has not connected within {wait:g} seconds: {view.reason}"
    else:
        text = f"WhatsApp gave no QR code within {wait:g} seconds. Ask again, or restart the "
        text += "connection (POST /instance/restart)"
    return Unavailable(text, code="connection.no_qr")


async def _begin(held: Held, number: str | None) -> None:
    try:
        await held.session.connect(number=number)
    except BaseException:
        if held.number == number:
            held.number = None  # it may be asked for again
        raise


def _as_change(link: Link) -> Change:
    if link.state is LinkState.CLOSED:
        return Closed(code=FORBIDDEN, reason=link.reason or "WhatsApp does not accept us.")
    digits = "".join(char for char in link.display_number or "" if char in "0123456789")
    jid = f"{digits}@s.whatsapp.net" if digits else None
    return Opened(jid=jid, profile_name=link.profile_name)


def _not_connected(entry: Entry) -> Invalid:
    return Invalid(
        f'The "{entry.instance.name}" instance is not connected', code="connection.closed"
    )


def _did_not_connect(view: ConnectionView) -> Unavailable:
    code = "connection.refused" if view.state is LinkState.REFUSED else "connection.closed"
    return Unavailable(
        f"The number is not connected: {view.reason or 'it was disconnected'}", code=code
    )
