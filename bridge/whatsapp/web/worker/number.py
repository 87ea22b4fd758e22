"""One number's life in this process: opened, paired, connected, ended (docs/whatsapp-web.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from bridge.whatsapp.web.worker.calls import now_ms
from bridge.whatsapp.web.worker.engine import STORE, Engine
from bridge.whatsapp.web.worker.failures import Failure
from bridge.whatsapp.web.worker.feed import Feed
from bridge.whatsapp.web.worker.jids import written
from bridge.whatsapp.web.worker.journal import WAITING_EVENTS, Journal
from bridge.whatsapp.web.worker.link import Link
from bridge.whatsapp.web.worker.log import log

Told: TypeAlias = dict[str, Any]

#: How often (s) it is looked whether codes are still good, and how long (s) in vain.
_LOOK: Final = 1.0
_LOOKED_IN_VAIN: Final = 5.0
#: Seconds between two looks whether the phone has told a new device how its owner is called.
_NAME_LOOKS: Final = (0.5, 1, 2, 4, 8, 15, *(30,) * 10)
_FAREWELL: Final = 2.0
#: Of the engine's reasons for a refused login: the numbers that WhatsApp answers with.
_REFUSALS: Final = {
    1: 400, 2: 401, 3: 402, 4: 403, 5: 406, 6: 405, 7: 409, 8: 500, 9: 501, 10: 503,
}  # fmt: skip
_OUTDATED: Final = 405
#: What the engine says of a pairing that failed.
_PAIR_FAILED: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    #: In all of the six codes that WhatsApp gives, and some (neonize.md 3).
    qr_seconds: float = 165.0
    #: Events that may wait for their acknowledgements.
    waiting: int = WAITING_EVENTS


class Number:
    """`over` is set when there is nothing more to do; what was said then has to be flushed."""

    def __init__(self, link: Link, engine: Engine, journal: Journal, limits: Limits) -> None:
        self._link = link
        self._engine = engine
        self._journal = journal
        self._limits = limits
        self._tasks: set[asyncio.Future[Any]] = set()
        self._feed = Feed(link, journal, acknowledged=self._take_leave)
        self._codes = 0
        self._first_code = 0.0
        self._is_full = False
        self._has_left = False
        #: A phone was linked already when the engine started.
        self.is_linked = True
        self.over = asyncio.Event()

    # -- events to Ponte --------------------------------------------------------------------

    def feed(self) -> None:
        """Tell what waits in the journal, and go on with what comes."""
        self._own(self._feed.run())

    def kept(self) -> None:
        self._feed.stir()
        if self._journal.full and not self._is_full:
            self._is_full = True
            self._own(self._stop_taking())

    def acknowledge(self, seq: Any) -> None:
        self._feed.acknowledge(seq)

    async def _stop_taking(self) -> None:
        """More than may wait: what WhatsApp keeps for an absent device is safer with WhatsApp."""
        log("error Worker: too many events wait to be kept; leaving WhatsApp until they are")
        self._closed("disconnected", reason="journal_full", again=True)
        await self._engine.disconnect()
        self._has_left = True
        self._take_leave()

    def _take_leave(self) -> None:
        """Ponte starts the next worker, which connects again."""
        if self._has_left and self._journal.relieved:
            self.over.set()

    # -- what the engine says ---------------------------------------------------------------

    def code(self, code: str) -> None:
        self._codes += 1
        if self._codes == 1:
            self._first_code = asyncio.get_running_loop().time()
            self._own(self._watch_codes())
        self._engine.phase = "qr"
        self._link.tell("qr", {"code": code, "count": self._codes})

    def volatile(self, event: str, data: Told) -> None:
        if not self._link.is_behind:
            self._link.tell(event, data)

    def ended(self, why: str) -> None:
        if self._engine.phase == "ended":
            return
        cause = "unreachable" if self._engine.phase == "waiting" else "disconnected"
        self._engine.phase = "ended"
        self._closed(cause, reason=why or None)
        self.over.set()

    def refused(self, number: int) -> None:
        """The engine tells no event of it as long as no phone is linked."""
        if not self.is_linked and self._engine.phase in {"waiting", "qr"}:
            self._finish("outdated" if number == _OUTDATED else "refused", code=number)

    def control(self, kind: str, event: Any) -> None:
        """`event` is None when it could not be read."""
        if self._engine.phase == "ended":
            return
        match kind:
            case "PairStatus":
                self._paired(event)
            case "Connected":
                self._engine.opened()
                self._own(self._open())
            case "Disconnected":
                if self._engine.phase == "open":
                    self._engine.phase = "offline"
                    self._closed("disconnected", again=True)
            case "KeepAliveTimeout":
                log("warning Worker: WhatsApp does not answer on the connection")
            case "StreamError":
                self._closed("stream_error", code=_number(event), again=True)
            case "LoggedOut":
                self._own(self._signed_out(_refusal(event)))
            case _:
                self._ended_by_whatsapp(kind, event)

    def _ended_by_whatsapp(self, kind: str, event: Any) -> None:
        match kind:
            case "StreamReplaced":
                self._finish("replaced", code=440)
            case "TemporaryBan":
                self._finish("banned", code=event.Code if event else None, ban=event)
            case "ClientOutdated":
                self._finish("outdated", code=405)
            case "ConnectFailure":
                reason = event.Message if event else ""
                self._finish("refused", code=_refusal(event), reason=reason)
            case _:
                return

    def _paired(self, event: Any) -> None:
        if event is None or event.Status == _PAIR_FAILED:
            self._finish("refused", reason=event.Error if event else "pairing failed")
            return
        self._engine.phase = "pairing"
        self._link.tell(
            "paired",
            {
                "jid": written(event.ID),
                "lid": None,
                "platform": event.Platform or None,
                "business_name": event.BusinessName or None,
            },
        )

    async def _open(self) -> None:
        """Told again once there is a name.

        A new device gets it from the phone, in its own time; the engine says nothing of it.
        """
        told: Told | None = None
        for wait in (0, *_NAME_LOOKS):
            await asyncio.sleep(wait)
            try:
                me = await self._engine.me()
            except Failure:
                return  # it is gone again, and that is told as well
            now = {
                "jid": written(me.JID) or None,
                "lid": written(me.LID) or None,
                "push_name": me.PushName or None,
            }
            if now != told:
                self._link.tell("open", now)
            told = now
            if me.PushName:
                return

    async def _watch_codes(self) -> None:
        """The engine says nothing when the codes have run out or the connection went."""
        clock = asyncio.get_running_loop().time
        seen = clock()
        while self._engine.shows_codes():
            await asyncio.sleep(_LOOK)
            if await self._engine.is_connected():
                seen = clock()
            shown = clock() - self._first_code
            if not self._engine.shows_codes():
                return
            if shown >= self._limits.qr_seconds:
                self._finish("qr_timeout", code=428)
            elif clock() - seen >= _LOOKED_IN_VAIN:
                late = shown >= 0.9 * self._limits.qr_seconds
                cause = "qr_timeout" if late else "unreachable"
                self._finish(cause, code=428 if late else None, reason="the connection was lost")

    # -- the end ----------------------------------------------------------------------------

    async def unlink(self) -> Told:
        await self._engine.call(self._engine.calls.logout)
        await self._signed_out(None)
        return {}

    async def close(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await self._engine.disconnect()
        self.over.set()

    async def _signed_out(self, code: int | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await self._engine.disconnect()
        forget_phone(Path())
        self._closed("logged_out", code=code or 401)
        self.over.set()

    def _finish(
        self, cause: str, *, code: int | None = None, reason: str = "", ban: Any = None
    ) -> None:
        """Nothing more can come of this connection."""
        expires_ms = now_ms() + ban.Expire * 1000 if ban else None
        self._closed(cause, code=code, reason=reason or None, expires_ms=expires_ms)
        self._own(self.close())

    def _closed(
        self,
        cause: str,
        *,
        code: int | None = None,
        reason: str | None = None,
        again: bool = False,
        expires_ms: int | None = None,
    ) -> None:
        told = {"cause": cause, "code": code, "reason": reason, "again": again}
        more = {} if expires_ms is None else {"expires_ms": expires_ms}
        self._link.tell("closed", {**told, **more})

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log(f"error Worker: {type(error).__name__}: {error}")
            self.over.set()


def forget_phone(home: Path) -> None:
    """Remove the link with the phone; another one can be linked then."""
    for file in home.glob(f"{STORE}*"):
        file.unlink(missing_ok=True)


def _refusal(event: Any) -> int | None:
    return _REFUSALS.get(event.Reason) if event else None


def _number(event: Any) -> int | None:
    return int(event.Code) if event and event.Code.isdecimal() else None
