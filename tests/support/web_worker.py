"""A worker of WhatsApp Web, and Ponte's end of its socket: what it says, in order, as frames."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from bridge.whatsapp.web.codec import Decoder, Frame, encode
from support.whatsapp_web import Companion, Phone, WhatsAppWeb

Told: TypeAlias = dict[str, Any]

_OURS = re.compile(r"PATH|HOME|LANG|LC_.*|TMPDIR|PYTHONPATH")
PATIENCE = 20.0


class Refused(Exception):
    """The worker answered with an error."""

    def __init__(self, error: Told) -> None:
        super().__init__(error)
        self.error = error


class Worker:
    """`async with Worker(directory, environ) as worker:` starts one; it is killed at the end.

    Events that are kept stay unacknowledged unless `acknowledges`.
    """

    def __init__(
        self, home: Path, environ: Mapping[str, str] | None = None, *, acknowledges: bool = True
    ) -> None:
        self.home = home
        self.acknowledges = acknowledges
        self.environ = {
            **{name: value for name, value in os.environ.items() if _OURS.fullmatch(name)},
            "NEONIZE_BOT_TAG": "off",
            "MALLOC_ARENA_MAX": "2",
            **(environ or {}),
        }
        self.frames: list[Frame] = []
        self.said = b""
        self._changed = asyncio.Event()
        self._asked = 0
        self._tasks: set[asyncio.Future[None]] = set()
        self._taken: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        ours, its = socket.socketpair()
        ours.setblocking(False)
        with its:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "bridge.whatsapp.web.worker",
                "--fd",
                str(its.fileno()),
                pass_fds=(its.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=self.environ,
                start_new_session=True,
            )
        self._reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        for work in (self._read(), self._hear()):
            self._tasks.add(asyncio.ensure_future(work))
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.kill()
        self._writer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def kill(self) -> None:
        """As the system does it: at once."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def gone(self, seconds: float = PATIENCE) -> int:
        """Wait for its own end; its exit code."""
        async with asyncio.timeout(seconds):
            return await self.process.wait()

    def hang_up(self) -> None:
        """Close Ponte's end of the socket."""
        self._writer.transport.abort()

    async def open(self, **more: Any) -> Told:
        args = {"dir": str(self.home), "device_name": "Ponte", "revision": None, "proxy": None}
        return await self.ask("open", {**args, "history": False, "connect": True, **more})

    def start(self, op: str, args: Told | None = None, id_: str | None = None) -> str:
        """Ask, without waiting for the answer."""
        self._asked += 1
        name = id_ or f"q{self._asked}"
        self._writer.write(encode({"type": "req", "id": name, "op": op, "args": args or {}}))
        return name

    async def ask(self, op: str, args: Told | None = None, id_: str | None = None) -> Told:
        """Raises `Refused`."""
        return await self.answer(self.start(op, args, id_))

    async def answer(self, id_: str) -> Told:
        """The first answer to this that was not taken yet. Raises `Refused`."""
        seen = self._taken.get(id_, 0)

        def answers() -> list[Frame]:
            return [one for one in self.frames if one["type"] == "res" and one["id"] == id_]

        await self.until(lambda: len(answers()) > seen, f"an answer to {id_}")
        self._taken[id_] = seen + 1
        frame = answers()[seen]
        if "error" in frame:
            raise Refused(frame["error"])
        told: Told = frame["ok"]
        return told

    async def send(self, key: str, to: str, text: str) -> Told:
        message = {"extendedTextMessage": {"text": text}}
        return await self.ask("send", {"key": key, "to": to, "message": message}, key)

    def acknowledge(self, seq: int) -> None:
        self._writer.write(encode({"type": "ack", "seq": seq}))

    async def waits_for(self, events: int) -> None:
        """Wait until so many events wait for their acknowledgement, by its own account."""
        async with asyncio.timeout(PATIENCE):
            while (await self.ask("ping"))["waiting"] != events:  # noqa: ASYNC110
                await asyncio.sleep(0)  # each question is a wait by itself

    def events(self, name: str | None = None) -> list[Frame]:
        return [one for one in self.frames if one["type"] == "ev" and name in (None, one["event"])]

    def told(self, name: str) -> list[Told]:
        return [one["data"] for one in self.events(name)]

    async def event(self, name: str, is_it: Callable[[Told], bool] = bool) -> Told:
        """The first event of this name that is it."""
        await self.until(lambda: any(map(is_it, self.told(name))), f"a {name}")
        return next(filter(is_it, self.told(name)))

    async def until(self, is_so: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not is_so():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            names = [one.get("event", one["type"]) for one in self.frames]
            ends, said = self.told("closed"), self.said[-2000:]
            raise AssertionError(f"no {what}; there was {names}; {ends}; {said!r}") from None

    async def _read(self) -> None:
        decoder = Decoder()
        while piece := await self._reader.read(2**16):
            for frame in decoder.feed(piece):
                self.frames.append(frame)
                if self.acknowledges and frame.get("seq") is not None:
                    self.acknowledge(frame["seq"])
            self._changed.set()

    async def _hear(self) -> None:
        assert self.process.stderr is not None
        while piece := await self.process.stderr.read(2**16):
            self.said += piece


@asynccontextmanager
async def linked(
    double: WhatsAppWeb, phone: Phone, home: Path, *, acknowledges: bool = True, **more: Any
) -> AsyncIterator[tuple[Worker, Companion]]:
    """A worker whose number is linked with this phone, and connected."""
    async with Worker(home, double.environ, acknowledges=acknowledges) as worker:
        companion = await link(worker, phone, **more)
        yield worker, companion


async def link(worker: Worker, phone: Phone, **more: Any) -> Companion:
    await worker.open(**more)
    companion = await phone.scan((await worker.event("qr"))["code"])
    await worker.event("open")
    await companion.connected()
    return companion


@asynccontextmanager
async def resumed(
    double: WhatsAppWeb, home: Path, *, acknowledges: bool = True, **more: Any
) -> AsyncIterator[Worker]:
    """A worker for a number that was linked before, connected."""
    async with Worker(home, double.environ, acknowledges=acknowledges) as worker:
        assert (await worker.open(**more))["paired"]
        await worker.event("open")
        yield worker
