"""Serves Ponte over the socket: takes its frames, runs its requests, brings the parts together."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from bridge.whatsapp.web.codec import Frame
from bridge.whatsapp.web.worker import library, opening
from bridge.whatsapp.web.worker.calls import Start, now_ms
from bridge.whatsapp.web.worker.engine import STORE, Engine
from bridge.whatsapp.web.worker.events import Intake
from bridge.whatsapp.web.worker.failures import BadRequest, Failure, NoEngine
from bridge.whatsapp.web.worker.journal import Journal
from bridge.whatsapp.web.worker.library import Library
from bridge.whatsapp.web.worker.link import Link
from bridge.whatsapp.web.worker.log import log
from bridge.whatsapp.web.worker.number import Limits, Number
from bridge.whatsapp.web.worker.ops import Op, Operations
from bridge.whatsapp.web.worker.secrets import has_phone
from bridge.whatsapp.web.worker.sending import Sending
from bridge.whatsapp.web.worker.translate import Translator

_FLUSH: Final = 2.0
_PRUNE_SECONDS: Final = 3600.0
_MOST_AT_ONCE: Final = 1000


class Service:
    def __init__(self, link: Link) -> None:
        self._link = link
        self._tasks: set[asyncio.Future[None]] = set()
        self._ops: dict[str, Op] = {"open": self._open, "ping": self._ping, "close": self._close}
        self._number: Number | None = None
        self._engine: Engine | None = None
        self._lock_fd: int | None = None
        self._opening = False
        self._connects = True
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Until Ponte has gone, or there is nothing more to do and that was told."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._terminate)
        self._link.hello(_engine_name())
        reading = asyncio.ensure_future(self._read())
        over = asyncio.ensure_future(self._over.wait())
        await asyncio.wait([reading, over], return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            await self._link.flush(_FLUSH)

    async def _read(self) -> None:
        async for frame in self._link.frames():
            match frame["type"]:
                case "req" if len(self._tasks) < _MOST_AT_ONCE:
                    self._own(self._serve(frame))
                case "req":
                    self._link.refuse(frame.get("id"), Failure("failed", "busy", passing=True))
                case "ack" if self._number is not None:
                    self._number.acknowledge(frame.get("seq"))
                case _:
                    continue  # of a later protocol

    async def _serve(self, frame: Frame) -> None:
        id_, name, args = frame.get("id"), frame.get("op"), frame.get("args") or {}
        try:
            result = await self._run(id_, name, args)
        except Failure as failure:
            self._link.refuse(id_, failure)
        except Exception as error:  # noqa: BLE001 - every request gets an answer
            log(f"error Worker: {name} failed: {type(error).__name__}: {error}")
            self._link.refuse(id_, Failure("failed", type(error).__name__, certainty="unknown"))
        else:
            self._link.answer(id_, result)
            if name == "open":
                self._begin()
        await self._link.drain()

    async def _run(self, id_: Any, name: Any, args: Any) -> dict[str, Any]:
        op = self._ops.get(name) if isinstance(name, str) else None
        if op is None:
            raise BadRequest("no such request, or not before `open`")
        if not isinstance(args, dict):
            raise BadRequest("args is an object")
        return await op({"key": id_, **args} if name == "send" else args)

    # -- requests ---------------------------------------------------------------------------

    async def _ping(self, _args: Mapping[str, Any]) -> dict[str, Any]:
        """Does not come back where the engine is stuck: that is what it is asked for."""
        if self._engine is None:
            return {"phase": "new", "connected": False, "waiting": 0}
        connected = await self._engine.is_connected()
        waiting = self._journal.waiting
        return {"phase": self._engine.phase, "connected": connected, "waiting": waiting}

    async def _close(self, _args: Mapping[str, Any]) -> dict[str, Any]:
        self._terminate()
        return {}

    async def _open(self, args: Mapping[str, Any]) -> dict[str, Any]:
        if self._opening:
            raise BadRequest("it was opened before")
        home, start, limits = (
            Path(opening.text(args, "dir")),
            opening.start(args),
            opening.limits(args),
        )
        self._opening = True
        journal = None
        try:
            wheel = library.find()
            opening.make(home)
            self._lock_fd = opening.lock(home / "lock")
            copied = await opening.patched(wheel, args.get("revision"), home.parent)
            journal = await asyncio.to_thread(opening.journal, home, limits.waiting)
            if start.proxy is not None:
                library.forget_proxies()
            loaded = await asyncio.to_thread(library.load, wheel, copied)
        except Failure:
            if journal is not None:
                journal.close()
            self._unlock()
            self._opening = False
            raise
        # The engine takes an address of its store, in which a path would be read as code.
        os.chdir(home)
        self._connects = args.get("connect") is not False
        self._assemble(loaded, journal, start, limits)
        paired = await asyncio.to_thread(has_phone, Path(STORE))
        if self._number is not None:
            self._number.is_linked = paired
        return {"paired": paired}

    def _unlock(self) -> None:
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def _assemble(self, loaded: Library, journal: Journal, start: Start, limits: Limits) -> None:
        loop = asyncio.get_running_loop()
        keys = journal.unsure()
        self._start = start
        self._journal = journal
        self._engine = engine = Engine(
            loaded,
            Intake(
                library=loaded,
                journal=journal,
                translator=lambda: self._translator,
                tells=_OnLoop(loop, self),
                keys=keys,
                history=Path("history").absolute(),
            ),
        )
        self._translator = Translator(
            as_json=loaded.json.MessageToDict,
            phones=engine.phone_of,
            votes=engine.vote_in,
            once=engine.once.holds,
        )
        sending = Sending(engine, journal, keys)
        self._number = number = Number(self._link, engine, journal, limits)
        self._ops |= Operations(engine).ops
        self._ops |= {
            "send": sending.send,
            "remembered": sending.remembered,
            "pair": self._pair,
            "logout": lambda _args: number.unlink(),
        }

    def _begin(self) -> None:
        """`open` was answered: now tell what waits, and connect."""
        assert self._number is not None and self._engine is not None  # noqa: S101, PT018
        self._number.feed()
        self._own(self._until_over())
        self._own(self._prune())
        self._own(self._start_engine(self._engine))

    async def _start_engine(self, engine: Engine) -> None:
        if not self._connects:
            return
        while self._journal.full:  # noqa: ASYNC110 - seconds do not matter here
            await asyncio.sleep(1)
        engine.start(self._start)

    async def _prune(self) -> None:
        while True:
            with suppress(sqlite3.Error):  # the disk is full; there is time
                await asyncio.to_thread(self._journal.prune, now_ms())
            await asyncio.sleep(_PRUNE_SECONDS)

    async def _until_over(self) -> None:
        assert self._number is not None  # noqa: S101
        await self._number.over.wait()
        self._over.set()

    async def _pair(self, args: Mapping[str, Any]) -> dict[str, Any]:
        assert self._engine is not None  # noqa: S101
        number = opening.text(args, "number")
        if not number.isdecimal() or not number.isascii():
            raise BadRequest("a number is its digits")
        code = await self._engine.pair(number)
        self._link.tell("pairing_code", {"code": code, "number": number})
        return {"code": code}

    def _terminate(self) -> None:
        if self._number is None:
            self._over.set()
        else:
            self._own(self._number.close())

    def _own(self, work: Any) -> None:
        task: asyncio.Future[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log(f"error Worker: {type(error).__name__}: {error}")
            self._over.set()

    @property
    def number(self) -> Number:
        assert self._number is not None  # noqa: S101
        return self._number


class _OnLoop:
    """Hands what the engine's threads say to the loop, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, service: Service) -> None:
        self._loop = loop
        self._service = service

    def code(self, code: str) -> None:
        self._later(lambda number: number.code(code))

    def control(self, kind: str, event: Any) -> None:
        self._later(lambda number: number.control(kind, event))

    def volatile(self, event: str, data: dict[str, Any]) -> None:
        self._later(lambda number: number.volatile(event, data))

    def kept(self) -> None:
        self._later(lambda number: number.kept())

    def ended(self, why: str) -> None:
        self._later(lambda number: number.ended(why))

    def refused(self, number: int) -> None:
        self._later(lambda it: it.refused(number))

    def _later(self, tell: Any) -> None:
        self._loop.call_soon_threadsafe(lambda: tell(self._service.number))


def _engine_name() -> str:
    try:
        return f"neonize {library.find().version}"
    except NoEngine:
        return "neonize"
