"""The life of one worker: it is started, opens the session, holds the connection, and ends.

Each phase has its deadline; a worker that misses one is killed. What it tells is passed on in its
order, until its end is decided: from then on nothing of it is heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final

import structlog

from bridge.core.connection import Opened, QrShown
from bridge.whatsapp.web import endings, faults
from bridge.whatsapp.web.codec import PROTOCOL
from bridge.whatsapp.web.endings import Ending
from bridge.whatsapp.web.ground import Ground
from bridge.whatsapp.web.heartbeat import beat
from bridge.whatsapp.web.kept import Ahead, KeptEvent
from bridge.whatsapp.web.process import Process
from bridge.whatsapp.web.wire import Refusal, WireError

log = structlog.get_logger(__name__)

#: How long (ms) one worker keeps the next from starting, at most.
TURN_MS: Final = 5000
#: How long (ms) the engine may take to make a lost connection anew by itself.
RETURN_MS: Final = 120_000
#: After so long (ms) of an open connection the next failure counts as the first.
STEADY_MS: Final = 60_000
#: Seconds in which a worker must have left after it was asked to.
GOODBYE_SECONDS: Final = 3.0
PAIR_SECONDS: Final = 20.0


class Phase(StrEnum):
    STARTING = "starting"
    QR = "qr"
    PAIRING = "pairing"
    OPEN = "open"
    #: The connection is lost, and the engine makes it anew.
    RETURNING = "returning"


#: What is lost there is made anew by the engine, when it says so.
_MAY_RETURN: Final = frozenset({"disconnected", "stream_error"})


class Attempt:
    """`number`: for this one a pairing code is wanted too."""

    def __init__(
        self, ground: Ground, *, number: str | None = None, qr_until: int | None = None
    ) -> None:
        self._ground = ground
        self._number = number
        #: When the codes to scan end; it outlives a worker, so that a crash does not prolong it.
        self.qr_until = qr_until
        self.phase = Phase.STARTING
        #: None until the worker has said it.
        self.is_paired: bool | None = None
        #: Set once the worker has answered `open`, or its end is decided.
        self.begun = asyncio.Event()
        self.was_steady = False
        self._ending: Ending | None = None
        self._moved = asyncio.Event()
        self._deadline: int | None = None
        self._opened_at: int | None = None
        self._process: Process | None = None
        self._events = Ahead()
        self._drops = False
        self._shown: QrShown | None = None
        self._tasks: set[asyncio.Future[None]] = set()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def has_crashed(self) -> bool:
        """The worker ended without a word, or talked nonsense."""
        return self._ending is endings.CRASHED

    @property
    def last_words(self) -> list[str]:
        """What it said of its end on standard error, without what may be secret."""
        return self._process.words if self._process is not None else []

    @property
    def is_over(self) -> bool:
        """Its end is decided."""
        return self._ending is not None

    @property
    def _is_well(self) -> bool:
        return self._ending is None or self._ending is endings.RESTARTED

    @property
    def is_logged_out(self) -> bool:
        return self._ending is endings.LOGGED_OUT_BY_PHONE

    async def run(self) -> Ending:
        """Live until the end, and leave nothing behind; also when cancelled."""
        ground = self._ground
        async with AsyncExitStack() as stack:
            async with ground.turn:
                if self._ending is not None:
                    return self._ending
                try:
                    self._process = process = await ground.start()
                except OSError as error:
                    log.warning("worker.not_started", instance=ground.instance, why=error.strerror)
                    return endings.passing("The process for the connection cannot be started.")
                stack.push_async_callback(process.end)
                stack.push_async_callback(self._end_tasks)
                stack.callback(ground.showing.end, ground.instance)
                stack.callback(process.kill)
                log.info("worker.started", instance=ground.instance, pid=process.pid)
                self._until(ground.patience.start)
                self._own(self._listen(process))
                self._own(ground.kept.take_over(self._events, process.wire.acknowledge))
                self._own(self._begin(process))
                await ground.clock.wait(self.begun, ground.clock.ms() + TURN_MS)
            ending = await self._over()
            if ending is endings.RESTARTED:
                await self.say_goodbye()
        log.info("worker.ended", instance=ground.instance, last_words=process.words)
        return ending

    def break_off(self, ending: Ending) -> None:
        """Decide the end. The first decision counts."""
        if self._ending is None:
            self._note_steady()
            self._ending = ending
            self.begun.set()
            self._moved.set()

    def pair(self, number: str) -> None:
        """Ask for a pairing code for this number too, now or once there is a code to scan."""
        shown = self._shown
        if number == self._number and (shown is None or shown.no_pairing_code is None):
            return  # it is there, or on its way
        self._number = number
        if shown is not None and self.phase is Phase.QR and self._ending is None:
            self._shown = replace(shown, pairing_code=None, no_pairing_code=None)
            self._own(self._pair(number))

    async def request(
        self, op: str, args: Mapping[str, Any], *, seconds: float, name: str | None = None
    ) -> dict[str, Any]:
        """Raises `WireError`."""
        if self._process is None:
            raise WireError("the worker has not started", reached=False)
        return await self._process.wire.request(op, args, seconds=seconds, name=name)

    async def say_goodbye(self) -> None:
        """Ask the worker to leave, and wait for it a little."""
        self._drops = True  # what it goes on telling stays with it; it must not hold us up
        while not self._events.empty():
            self._events.get_nowait()
        process = self._process
        if process is None or self.is_paired is None or not self._is_well:
            return
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                await process.wire.request("close", {}, seconds=GOODBYE_SECONDS)
                await process.exited.wait()
        except WireError:
            return  # it has gone, or is about to be killed
        except TimeoutError:
            log.info("worker.did_not_leave", instance=self._ground.instance)

    # -- its end ----------------------------------------------------------------------------

    async def _over(self) -> Ending:
        clock = self._ground.clock
        while self._ending is None:
            if self._deadline is not None and clock.ms() >= self._deadline:
                if self._process is not None and self._process.wire.is_held:
                    self._until(self._ground.patience.start)  # it is we who do not listen
                    continue
                self.break_off(self._missed())
                break
            self._moved.clear()
            await clock.wait(self._moved, self._deadline)
        assert self._ending is not None  # noqa: S101
        return self._ending

    def _missed(self) -> Ending:
        match self.phase:
            case Phase.QR:
                return endings.NOT_SCANNED
            case Phase.PAIRING:
                return endings.STUCK_AFTER_PAIRING
            case Phase.RETURNING | Phase.OPEN:
                return endings.did_not_return()
            case Phase.STARTING:
                return endings.did_not_start()

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- what is done beside ----------------------------------------------------------------

    async def _listen(self, process: Process) -> None:
        await process.wire.run(self._hear)
        self.break_off(endings.CRASHED)

    async def _begin(self, process: Process) -> None:
        patience = self._ground.patience
        try:
            hello = await process.wire.hello
            if hello.get("protocol") != PROTOCOL:
                self.break_off(endings.final("The channel's engine speaks another protocol."))
                return
            log.debug("worker.engine", engine=str(hello.get("engine"))[:100])
            opening = self._ground.opening()
            answer = await process.wire.request("open", opening, seconds=patience.start)
        except Refusal as error:
            log.warning("worker.open_refused", code=str(error)[:50])
            self.break_off(endings.of_open(error.error))
        except WireError:
            self.break_off(endings.did_not_start())
        else:
            if self.is_paired is None:
                self.is_paired = answer.get("paired") is True
            self.begun.set()
            await beat(process.wire, self._ground.clock, seconds=patience.heartbeat)
            self.break_off(endings.silent())

    async def _pair(self, number: str) -> None:
        try:
            answer = await self.request("pair", {"number": number}, seconds=PAIR_SECONDS)
        except WireError as error:
            log.warning("worker.no_pairing_code", why=str(error)[:50])
            why = faults.no_pairing_code(error.error if isinstance(error, Refusal) else {})
            self._show_pairing(number, no_pairing_code=why)
        else:
            self._show_pairing_code({**answer, "number": number})

    # -- what the worker tells --------------------------------------------------------------

    async def _hear(self, event: str, data: dict[str, Any], seq: int | None) -> None:
        if self._ending is not None:
            return
        if seq is not None:
            if not self._drops:
                self._ground.ears.heard(event, data, kept=True)
                size = self._process.wire.size if self._process is not None else 0
                await self._events.put(KeptEvent(seq=seq, name=event, data=data, size=size))
            return
        match event:
            case "qr":
                self._show(data)
            case "pairing_code":
                self._show_pairing_code(data)
            case "paired":
                self.is_paired = True
                self._enter(Phase.PAIRING, self._ground.patience.pairing)
            case "open":
                self._open(data)
            case "closed":
                self._closed(data)
            case _:
                self._ground.ears.heard(event, data, kept=False)

    def _show(self, data: Mapping[str, Any]) -> None:
        code, count = data.get("code"), data.get("count")
        if self.phase in (Phase.PAIRING, Phase.OPEN) or not isinstance(code, str):
            return
        showing = self._ground.showing
        if not showing.begin(self._ground.instance):
            self.break_off(endings.too_many_codes(showing.most))
            return
        before = self._shown
        self._shown = replace(
            before or QrShown(code=code), code=code, count=count if type(count) is int else 1
        )
        self.is_paired = False  # whatever files there are
        if self.qr_until is None:
            self.qr_until = self._in(self._ground.patience.qr)
        self.phase, self._deadline = Phase.QR, self.qr_until
        self._moved.set()
        self._ground.ears.tell(self._shown)
        if before is None and self._number is not None:
            self._own(self._pair(self._number))

    def _show_pairing_code(self, data: Mapping[str, Any]) -> None:
        code = data.get("code")
        if isinstance(code, str):
            self._show_pairing(data.get("number"), pairing_code=code)

    def _show_pairing(
        self, number: object, *, pairing_code: str | None = None, no_pairing_code: str | None = None
    ) -> None:
        shown, is_wanted = self._shown, self.phase is Phase.QR and number == self._number
        if shown is None or not is_wanted or self._ending is not None:
            return
        now = replace(shown, pairing_code=pairing_code, no_pairing_code=no_pairing_code)
        if now != shown:
            self._shown = now
            self._ground.ears.tell(now)

    def _open(self, data: Mapping[str, Any]) -> None:
        jid = _text(data.get("jid"))
        self.is_paired, self.qr_until, self._shown = True, None, None
        self._opened_at = self._ground.clock.ms()
        self._enter(Phase.OPEN, None)
        self._ground.ears.opened(Opened(jid=jid, profile_name=_text(data.get("push_name"))))

    def _closed(self, data: Mapping[str, Any]) -> None:
        if data.get("again") is not True or data.get("cause") not in _MAY_RETURN:
            self.break_off(endings.of_closed(data))
            return
        self._note_steady()
        if self.phase is not Phase.PAIRING:  # there its own deadline goes on
            self._enter(Phase.RETURNING, RETURN_MS / 1000)
        self._ground.ears.tell(endings.lost(data))

    def _enter(self, phase: Phase, seconds: float | None) -> None:
        self._ground.showing.end(self._ground.instance)
        self.phase = phase
        self._until(seconds)

    def _until(self, seconds: float | None) -> None:
        self._deadline = None if seconds is None else self._in(seconds)
        self._moved.set()

    def _in(self, seconds: float) -> int:
        return self._ground.clock.ms() + round(seconds * 1000)

    def _note_steady(self) -> None:
        if self.phase is Phase.OPEN and self._opened_at is not None:
            self.was_steady |= self._ground.clock.ms() - self._opened_at >= STEADY_MS

    def _own(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("worker.watch_crashed", instance=self._ground.instance, exc_info=error)
            self.break_off(endings.CRASHED)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
