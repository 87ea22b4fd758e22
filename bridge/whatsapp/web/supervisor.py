"""One number's connection: a worker as long as it is wanted, and another one when it ends.

It never waits inside a call for the connection to open: what happens is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from bridge.core.connection import Closed, LinkState
from bridge.errors import PeerDown
from bridge.whatsapp.channel import Link
from bridge.whatsapp.web import endings
from bridge.whatsapp.web.attempt import Attempt, Phase
from bridge.whatsapp.web.ground import Ground
from bridge.whatsapp.web.wire import Late, WireError

log = structlog.get_logger(__name__)

#: Why nothing can be asked of the phone now.
DISCONNECTED: Final = "whatsapp.disconnected"
#: How long (ms) a logout waits to learn whether there is a session to end.
LEARN_MS: Final = 10_000


class Supervisor:
    """`chance` gives numbers from 0 to 1."""

    def __init__(self, ground: Ground, *, chance: Callable[[], float]) -> None:
        self._ground = ground
        self._chance = chance
        self._number: str | None = None
        self._attempt: Attempt | None = None
        self._life: asyncio.Future[None] | None = None
        self._stopping: asyncio.Future[None] | None = None
        self._hurry = asyncio.Event()
        self._is_leaving = False
        #: The end of the session is no news.
        self._expects_logout = False
        self._is_paired: bool | None = None
        self._last: Closed | None = None

    @property
    def pid(self) -> int | None:
        """The process that holds the connection now."""
        return self._attempt.pid if self._attempt is not None else None

    @property
    def is_open(self) -> bool:
        attempt = self._attempt
        return attempt is not None and attempt.phase is Phase.OPEN and not attempt.is_over

    @property
    def link(self) -> Link:
        if self.is_open:
            return Link(state=LinkState.OPEN)
        state = LinkState.CONNECTING if self._lives else LinkState.CLOSED
        return Link(state=state, reason=self._last.reason if self._last is not None else None)

    async def connect(self, number: str | None) -> None:
        """See `Session.connect`."""
        await self._stopped()
        if not self._lives:
            self._begin(number)
            return
        if number is not None:
            self._number = number
        attempt = self._attempt
        if attempt is None or attempt.is_over:
            self._hurry.set()
        elif number is not None:
            attempt.pair(number)

    async def restart(self) -> None:
        """See `Session.restart`."""
        await self._stopped()
        if not self._lives:
            self._begin(None)
            return
        self._number = None
        attempt = self._attempt
        if attempt is None or attempt.is_over:
            self._hurry.set()
        else:
            attempt.break_off(endings.RESTARTED)

    async def stop(self) -> None:
        """End the worker, politely at first; when this returns, nothing of it is left."""
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self._stop())
        await asyncio.shield(self._stopping)

    async def is_paired(self) -> bool:
        """Whether a phone has lent us the number. Raises `PeerDown` when that is not known yet."""
        attempt = self._attempt
        if attempt is not None and attempt.is_paired is None:
            clock = self._ground.clock
            await clock.wait(attempt.begun, clock.ms() + LEARN_MS)
        if attempt is not None and attempt.is_paired is not None:
            self._is_paired = attempt.is_paired
        if self._is_paired is None:
            raise disconnected()
        return self._is_paired

    async def log_out(self, *, seconds: float) -> None:
        """Have the phone remove this device. Raises like `request`."""
        attempt = self._attempt
        if attempt is None or not self.is_open:
            raise disconnected()
        self._expects_logout = True
        try:
            await attempt.request("logout", {}, seconds=seconds)
        except WireError:
            if not attempt.is_logged_out:  # the worker may go before it has answered
                self._expects_logout = False
                raise
        except asyncio.CancelledError:
            self._expects_logout = False
            raise

    def unpaired(self) -> None:
        """There is no session any more."""
        self._is_paired = None

    async def request(
        self, op: str, args: Mapping[str, Any], *, seconds: float, name: str | None = None
    ) -> dict[str, Any]:
        """Ask the worker. Raises `WireError`, or `PeerDown` when there is none to be asked."""
        attempt = self._attempt
        if attempt is None or attempt.is_paired is None:
            raise disconnected()
        return await attempt.request(op, args, seconds=seconds, name=name)

    async def send(self, args: Mapping[str, Any], *, seconds: float, key: str) -> dict[str, Any]:
        """Send once, over an open connection. Raises like `request`.

        A worker that does not answer in time is ended: nothing else ends what it does.
        """
        attempt = self._attempt
        if attempt is None or not self.is_open:
            raise disconnected()
        try:
            return await attempt.request("send", args, seconds=seconds, name=key)
        except Late:
            attempt.break_off(endings.silent())
            raise

    # -- its life ---------------------------------------------------------------------------

    @property
    def _lives(self) -> bool:
        return self._life is not None and not self._life.done()

    def _begin(self, number: str | None) -> None:
        self._number = number
        self._is_leaving = self._expects_logout = False
        self._last = None
        self._life = asyncio.ensure_future(self._live())

    async def _live(self) -> None:
        try:
            await self._attempts()
        except Exception:
            log.exception("worker.supervision_crashed", instance=self._ground.instance)
            self._tell(endings.final("The channel failed; the log tells more."))

    async def _attempts(self) -> None:
        failures = crashes = 0
        qr_until: int | None = None
        while True:
            self._hurry.clear()
            attempt = Attempt(self._ground, number=self._number, qr_until=qr_until)
            self._attempt = attempt
            try:
                ending = await attempt.run()
            finally:
                self._attempt = None
                if attempt.is_paired is not None:
                    self._is_paired = attempt.is_paired
            if self._leaves() or (attempt.is_logged_out and self._expects_logout):
                return
            crashes = crashes + 1 if attempt.has_crashed and not attempt.was_steady else 0
            if crashes >= endings.MANY:
                log.error(
                    "worker.keeps_ending",
                    instance=self._ground.instance,
                    times=crashes,
                    why=attempt.last_words,
                )
                ending = endings.crashes(crashes)
            self._tell(ending)
            if not ending.again:
                return
            qr_until = attempt.qr_until
            if ending is endings.RESTARTED:
                failures, qr_until = 0, None
                continue
            failures = 1 if attempt.was_steady else failures + 1
            await self._pause(endings.SLOW if ending.slow else failures)
            if self._hurry.is_set():  # somebody asks for it anew
                qr_until = None

    def _leaves(self) -> bool:
        return self._is_leaving

    async def _pause(self, failures: int) -> None:
        clock = self._ground.clock
        seconds = endings.backoff(failures, self._chance())
        log.info(
            "worker.start_postponed", instance=self._ground.instance, seconds=round(seconds, 1)
        )
        await clock.wait(self._hurry, clock.ms() + round(seconds * 1000))

    def _tell(self, ending: endings.Ending) -> None:
        if isinstance(ending.signal, Closed):
            self._last = ending.signal
        if ending.signal is not None:
            self._ground.ears.tell(ending.signal)

    # -- its end ----------------------------------------------------------------------------

    async def _stop(self) -> None:
        self._is_leaving = True
        life = self._life
        try:
            if self._attempt is not None:
                await self._attempt.say_goodbye()
        finally:
            if life is not None:
                life.cancel()
                await asyncio.gather(life, return_exceptions=True)
            self._stopping = None

    async def _stopped(self) -> None:
        if self._stopping is not None:
            await asyncio.shield(self._stopping)


def disconnected() -> PeerDown:
    return PeerDown("The number is not connected to WhatsApp.", code=DISCONNECTED)
