"""The engine of one number: started once, asked only when that is safe, never waited for."""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal, Protocol, TypeAlias, TypeVar

from bridge.whatsapp.web.worker.calls import CLIENT, Calls, Start
from bridge.whatsapp.web.worker.failures import Failure, clean, refusal_in
from bridge.whatsapp.web.worker.jids import read, written
from bridge.whatsapp.web.worker.library import Library
from bridge.whatsapp.web.worker.log import log
from bridge.whatsapp.web.worker.once import Once
from bridge.whatsapp.web.worker.translate import CONNECTED, KINDS
from bridge.whatsapp.web.worker.votes import can_be_opened

_Result = TypeVar("_Result")

#: `waiting`: for its first code or its first connection. `offline`: it connects again by itself.
Phase: TypeAlias = Literal["new", "waiting", "qr", "pairing", "open", "offline", "ended"]

#: Calls at the same time; one of them may wait for a slow upload for long.
_THREADS: Final = 8
#: Seconds without an event after which none is on its way any more.
_SILENCE: Final = 0.25
#: The engine's own logging: from this level on.
_LEVEL: Final = b"WARN"
#: Relative to the number's directory, which is the worker's own: a path could hold what an
#: address of a database cannot. Pragmas: neonize.md 3; what it appends is swallowed by the last.
STORE: Final = "session.db"
_ADDRESS: Final = (
    f"{STORE}?_foreign_keys=on&_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=5000&_z=1"
)


class Hears(Protocol):
    """What the engine tells, in threads of its own."""

    def code(self, code: str) -> None:
        """A QR code to show."""

    @property
    def heard(self) -> int:
        """How many events it told so far."""

    def event(self, kind: int, data: bytes) -> None: ...

    def ended(self, why: str) -> None:
        """It runs no more: it could not connect for the first time, or was stopped."""

    def refused(self, number: int) -> None:
        """WhatsApp refused the login with this number, as the engine writes in its log."""


class Engine:
    """One for the whole life of the process: the library takes no second one (neonize.md 6)."""

    def __init__(self, library: Library, hears: Hears) -> None:
        self.library = library
        self.calls = Calls(library)
        self.phase: Phase = "new"
        self.once = Once()
        self._hears = hears
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="call")
        #: Of its own, so that slow calls do not make the engine look stuck.
        self._pulse = ThreadPoolExecutor(1, thread_name_prefix="pulse")
        self._was_open = False
        self._kept: tuple[Any, ...] = ()

    # -- its life ---------------------------------------------------------------------------

    def start(self, start: Start) -> None:
        self.phase = "waiting"
        binder = self.library.binder
        wanted = (ctypes.c_char * len(KINDS)).from_buffer(bytearray(KINDS))
        device = start.device(self.library)
        arguments = (
            _ADDRESS.encode(),
            CLIENT,
            b"",
            0,
            0,
            _LEVEL,
            binder.func_string(self._on_code),
            binder.func_string(_ignore),
            binder.func_callback_bytes(self._on_event),
            binder.func_callback_bytes2(self._on_log),
            wanted,
            len(KINDS),
            device,
            len(device),
            b"",
            0,
            start.through(self.library),
        )
        self._kept = arguments  # as long as the engine may call back
        threading.Thread(target=self._run, args=(arguments,), name="engine", daemon=True).start()

    def opened(self) -> None:
        self.phase = "open"

    async def disconnect(self) -> None:
        """Leave WhatsApp; the engine cannot be used any more.

        What it has acknowledged to WhatsApp and not yet told, it tells meanwhile.
        """
        ran = self.phase not in {"new", "ended"}
        self.phase = "ended"
        if ran:
            await self._in(self._pool, self.calls.disconnect)
            heard = -1
            while heard != self._hears.heard:
                heard = self._hears.heard
                await asyncio.sleep(_SILENCE)

    async def is_connected(self) -> bool:
        """Does not answer at all where the engine is stuck."""
        if self.phase in {"new", "waiting", "ended"}:
            # Its first call must not come while the engine still starts: it would abort.
            return False
        return await self._in(self._pulse, self.calls.is_connected)

    # -- questions --------------------------------------------------------------------------

    async def call(self, function: Callable[[], _Result]) -> _Result:
        """Ask for what needs WhatsApp. Raises `Failure`."""
        self.check_open()
        return await self._in(self._pool, function)

    async def me(self) -> Any:
        """Who we are, whatever slow calls are under way. Raises `Failure`."""
        self.check_open()
        found = await self._in(self._pulse, self.calls.me)
        self.check_open()  # what ended it meanwhile was told already
        return found

    async def pair(self, number: str) -> str:
        if self.phase != "qr":
            raise Failure("bad_request", "a code can be had while a QR code is shown")
        return await self._in(self._pool, lambda: self.calls.pair(number))

    async def ask_store(self, function: Callable[[], _Result]) -> _Result:
        """Ask for what the engine knows by itself. Raises `Failure`."""
        if not self.may_ask_store:
            raise Failure("not_connected", "the number was not connected yet", passing=True)
        return await self._in(self._pool, function)

    def shows_codes(self) -> bool:
        return self.phase == "qr"

    @property
    def may_ask_store(self) -> bool:
        return self._was_open and self.phase != "ended"

    def check_open(self) -> None:
        if self.phase == "open":
            return
        if self.phase in {"qr", "pairing"}:
            raise Failure("not_logged_in", "no phone is linked")
        raise Failure("not_connected", "there is no connection to WhatsApp", passing=True)

    def phone_of(self, lid: str) -> str:
        """From the engine's own list, also in its own threads; "" when it is not there."""
        if not self.may_ask_store:
            return ""
        try:
            return written(self.calls.phone(read(lid, self.library.types)))
        except Failure:
            return ""

    def vote_in(self, event: Any) -> list[str] | None:
        """What somebody chose in a poll, in hexadecimal; None when it cannot be opened.

        In the engine's own threads. Its secret is in the poll, which the engine may not have seen.
        """
        if not self.may_ask_store or not can_be_opened(event.Message.pollUpdateMessage):
            return None
        try:
            return [digest.hex() for digest in self.calls.vote(event)]
        except Failure:
            return None

    async def _in(self, pool: ThreadPoolExecutor, function: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(pool, function)

    # -- what it says, in its own threads ---------------------------------------------------

    def _run(self, arguments: tuple[Any, ...]) -> None:
        error = self.library.binder.gocode.Neonize(*arguments)
        self._hears.ended(clean(error.decode("utf-8", "replace")))

    def _on_code(self, _client: int, code: int) -> None:
        self._hears.code(ctypes.string_at(code).decode("utf-8", "replace"))

    def _on_event(self, _client: bytes, data: int, size: int, kind: int) -> None:
        if kind == CONNECTED:  # here, because what follows may name LIDs at once
            self._was_open = True
        self._hears.event(kind, ctypes.string_at(data, size) if data and size > 0 else b"")

    def _on_log(self, data: int, size: int) -> None:
        if not data or size <= 0:
            return
        try:
            entry = self.library.types.LogEntry.FromString(ctypes.string_at(data, size))
        except Exception:  # noqa: BLE001 - a line of a log
            return
        self.once.hear(entry.Message)
        log(f"{entry.Level.lower()} {entry.Name}: {entry.Message}")
        if self.phase in {"waiting", "qr"} and (number := refusal_in(entry.Message)) is not None:
            self._hears.refused(number)


def _ignore(_client: int, _status: int) -> None:
    """The engine's word on logging in: events tell more."""
