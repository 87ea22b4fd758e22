"""What stands behind a `toy_engine`, as tests steer it: the session on a phone, and a journal.

It outlives every engine process, as a phone does. What a well-behaved engine does by itself it does
too, until a test says otherwise.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bridge.clock import Clock, SystemClock
from bridge.core.connection import Closed, Opened, Presence, QrLimit, QrShown, Signal
from bridge.core.instance import BAILEYS, InstanceOptions
from bridge.core.message import Event
from bridge.core.party import Party
from bridge.whatsapp.web.channel import WebChannel
from bridge.whatsapp.web.kind import web_kind
from bridge.whatsapp.web.wire import Wire
from support.instances import instance

OWNER: Final = "5511987650009@s.whatsapp.net"
ENGINE: Final = Path(__file__).with_name("toy_engine.py")
SOON: Final = 30.0

#: Gives the answer to one question; None: none comes.
Answer = Callable[[dict[str, Any]], dict[str, Any] | None]


def failure(code: str, *, certainty: str = "not_done", passing: bool = False) -> dict[str, Any]:
    """An answer that is an error."""
    error = {"code": code, "message": code, "certainty": certainty, "passing": passing}
    return {"error": error}


@dataclass(slots=True)
class ToyPhone:
    path: Path
    paired: bool = False
    #: An engine does nothing by itself after it was told to open: no code, no connection.
    is_idle: bool = False
    #: Engines say nothing at all, not even hello.
    is_mute: bool = False
    #: What is answered in another way than usual, by operation.
    answers: dict[str, Answer] = field(default_factory=dict)
    #: Kept events that were not acknowledged yet.
    journal: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    #: Every question so far: the operation and its arguments.
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    #: One entry for each engine that was started.
    births: list[dict[str, Any]] = field(default_factory=list)
    #: Engines that live now.
    lives: int = 0
    seq: int = 0
    count: int = 0
    _writer: asyncio.StreamWriter | None = None
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def command(self) -> list[str]:
        return [sys.executable, str(ENGINE), "--control", str(self.path)]

    @property
    def pid(self) -> int:
        return int(self.births[-1]["born"])

    @property
    def ops(self) -> list[str]:
        return [op for op, _ in self.asked]

    def last(self, op: str) -> dict[str, Any]:
        return [args for name, args in self.asked if name == op][-1]

    # -- what the test lets happen ----------------------------------------------------------

    def tell(self, event: str, **data: Any) -> None:
        """A volatile event."""
        self._order(send={"type": "ev", "event": event, "data": data})

    def keep(self, event: str, **data: Any) -> int:
        """A kept event, told again by each engine until it is acknowledged."""
        self.seq += 1
        self.journal.append((self.seq, event, data))
        if self._writer is not None:
            self._tell_kept(self.journal[-1])
        return self.seq

    def show_code(self) -> None:
        self.count += 1
        self.tell("qr", code=f"2@code-{self.count}", count=self.count)

    def scan(self, *, opens: bool = True) -> None:
        self.paired = True
        self.tell("paired", jid=OWNER, lid="99@lid", platform="android", business_name=None)
        if opens:
            self.open()

    def open(self) -> None:
        self.tell("open", jid=OWNER, lid="99@lid", push_name="Loja")

    def close(self, cause: str, *, again: bool = False, code: int = 0, **more: Any) -> None:
        self.tell("closed", cause=cause, again=again, code=code, reason=cause, **more)

    def raw(self, data: bytes) -> None:
        """Bytes that need not be a frame."""
        self._order(raw=base64.b64encode(data).decode())

    def complain(self, line: str) -> None:
        self._order(complain=line)

    def crash(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def die(self, status: int = 2) -> None:
        """The process ends by itself, after what it was told before."""
        self._order(exit=status)

    def freeze(self) -> None:
        """The process lives on and does nothing any more."""
        os.kill(self.pid, signal.SIGSTOP)

    # -- what the test waits for ------------------------------------------------------------

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for what an engine hears or says, with a deadline."""
        async with asyncio.timeout(SOON):
            while not is_so():
                self._moved.clear()
                await self._moved.wait()

    async def was_asked(self, op: str, times: int = 1) -> dict[str, Any]:
        await self.until(lambda: self.ops.count(op) >= times)
        return self.last(op)

    # -- what it does by itself -------------------------------------------------------------

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.lives += 1
        try:
            while line := await reader.readline():
                self._hear(json.loads(line))
                self._moved.set()
        except ConnectionError:
            pass
        finally:
            self.lives -= 1
            if self._writer is writer:
                self._writer = None
            writer.close()
            self._moved.set()

    def _hear(self, said: dict[str, Any]) -> None:
        match said:
            case {"born": _}:
                self.births.append(said)
                if not self.is_mute:
                    self._order(send={"type": "hello", "protocol": 1, "engine": "toy 1"})
            case {"frame": {"type": "req", "id": id_, "op": str(op), "args": args}}:
                self.asked.append((op, args))
                answer = self.answers.get(op, self._usual(op))(args)
                if answer is not None:
                    whole = answer if "error" in answer else {"ok": answer}
                    self._order(send={"type": "res", "id": id_, **whole})
                    self._after(op, whole)
            case {"frame": {"type": "ack", "seq": seq}}:
                self.acknowledged.append(seq)
                self.journal = [one for one in self.journal if one[0] > seq]
            case _:
                raise AssertionError(f"Ponte says {said}")

    def _usual(self, op: str) -> Answer:
        match op:
            case "open":
                return lambda _args: {"paired": self.paired}
            case "pair":
                return lambda args: {"code": f"PAIR-{args['number'][-4:]}"}
            case "send":
                return lambda args: {"id": f"3EB0-{args['key']}", "at_ms": 1, "to": args["to"]}
            case "check":
                return lambda args: {
                    "found": [
                        {"query": one, "jid": f"{one}@s.whatsapp.net", "exists": True, "lid": None}
                        for one in args["numbers"]
                    ]
                }
            case _:
                return lambda _args: {}

    def _after(self, op: str, answer: dict[str, Any]) -> None:
        if "error" in answer:
            return
        if op == "open":
            self.count = 0
            for one in self.journal:
                self._tell_kept(one)
            if not self.is_idle:
                (self.open if self.paired else self.show_code)()
        elif op == "logout":
            self.paired = False
        elif op == "close":
            self._order(exit=0)

    def _tell_kept(self, one: tuple[int, str, dict[str, Any]]) -> None:
        self._order(send={"type": "ev", "seq": one[0], "event": one[1], "data": one[2]})

    def _order(self, **order: Any) -> None:
        assert self._writer is not None, "no engine lives"
        self._writer.write(json.dumps(order).encode() + b"\n")


@dataclass(slots=True)
class Ear:
    """A `Listener` that remembers; `refuses` is raised by the next calls of `keep`, one each."""

    signals: list[Signal] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    writing: list[tuple[Party, Presence]] = field(default_factory=list)
    refuses: list[Exception] = field(default_factory=list)
    #: `keep` waits for this one.
    gate: asyncio.Event | None = None
    batches: list[int] = field(default_factory=list)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, signal: Signal) -> None:
        self.signals.append(signal)
        self._moved.set()

    async def keep(self, events: Any) -> None:
        if self.gate is not None:
            await self.gate.wait()
        self.batches.append(len(events))
        self._moved.set()
        if self.refuses:
            raise self.refuses.pop(0)
        self.events.extend(events)

    def typing(self, party: Party, presence: Presence) -> None:
        self.writing.append((party, presence))
        self._moved.set()

    @property
    def told(self) -> list[str]:
        """The signals in short: "qr 1", "open", "closed 401", "closed 500 again", "limit"."""
        return [_short(one) for one in self.signals]

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON):
            while not is_so():
                self._moved.clear()
                await self._moved.wait()

    async def hears(self, what: str, times: int = 1) -> None:
        try:
            await self.until(lambda: self.told.count(what) >= times)
        except TimeoutError:
            raise AssertionError(f"never heard {what!r}, but {self.told}") from None


def _short(one: Signal) -> str:
    match one:
        case QrShown(count=count):
            return f"qr {count}"
        case Opened():
            return "open"
        case Closed(code=code, again=again):
            return f"closed {code} again" if again else f"closed {code}"
        case QrLimit():
            return "limit"


@contextlib.asynccontextmanager
async def toy_phone() -> AsyncIterator[ToyPhone]:
    """A phone to which engines come; at the end none of them may live."""
    folder = Path(tempfile.mkdtemp(prefix="toy-"))  # the path of a socket must be short
    path = folder / "toy.sock"
    phone = ToyPhone(path=path)
    server = await asyncio.start_unix_server(phone.serve, path, limit=32 * 1024 * 1024)
    try:
        yield phone
        await phone.until(lambda: phone.lives == 0)
    finally:
        server.close()
        await server.wait_closed()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The settings of `[whatsapp_web]`, with patience for slow machines."""

    device_name: str = "Ponte"
    revision: int | None = None
    start_seconds: float = 20.0
    pairing_seconds: float = 20.0
    qr_seconds: float = 60.0
    heartbeat_seconds: float = 20.0
    send_seconds: float = 20.0
    most_codes: int = 50


@dataclass(slots=True)
class Line:
    """A number: its phone, its channel, and who listens to it."""

    phone: ToyPhone
    channel: WebChannel
    ear: Ear
    folder: Path

    async def opened(self) -> None:
        """Connect; the phone is paired already."""
        self.phone.paired = True
        await self.channel.connect()
        await self.ear.hears("open")

    async def held_back(self) -> None:
        """Wait until the worker is held back: nobody takes what it tells."""
        async with asyncio.timeout(SOON):
            while not (self.wire is not None and self.wire.is_held):  # noqa: ASYNC110
                await asyncio.sleep(0)

    @property
    def wire(self) -> Wire | None:
        """The connection to the engine that lives now."""
        attempt = self.channel.supervisor._attempt
        return attempt._process.wire if attempt is not None and attempt._process else None


@contextlib.asynccontextmanager
async def toy_line(
    data_dir: Path,
    times: Times | None = None,
    *,
    clock: Clock | None = None,
    chance: float = 0.0,
    **changes: Any,
) -> AsyncIterator[Line]:
    """A number over a toy engine, listened to and not yet connected. `changes` to its options."""
    async with toy_phone() as phone:
        kind = web_kind(
            times or Times(),
            data_dir,
            clock=clock or SystemClock(),
            chance=lambda: chance,
            command=phone.command,
        )
        config = instance("loja", integration=BAILEYS, options=InstanceOptions(**changes))
        channel, _ = kind.make(config)
        assert isinstance(channel, WebChannel)
        ear = Ear()
        channel.watch(ear)
        line = Line(
            phone=phone, channel=channel, ear=ear, folder=data_dir / "whatsapp-web" / config.id
        )
        try:
            yield line
        finally:
            await channel.leave()
