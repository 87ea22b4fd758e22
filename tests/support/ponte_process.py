"""The real service in a process of its own, to be killed and started again.

Orders go to a zygote (`support.ponte_child`), so that a start costs a fork. The port stays the
same across restarts, and so do all webhook addresses.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from support.ports import Port

API_KEY = "global-key-of-the-promises"
_TESTS = Path(__file__).parents[1]
READY_SECONDS = 60.0


class Zygote:
    """Forks services; `close` ends it and every child that is left."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environ = {k: v for k, v in os.environ.items() if not k.startswith("PONTE_")}
        path = os.pathsep.join([str(_TESTS), str(_TESTS.parent), environ.get("PYTHONPATH", "")])
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
                [sys.executable, "-m", "support.ponte_child", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environ | {"PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
            )
        self._control = ours

    def fork(self, order: Mapping[str, Any], log: int) -> int:
        """Start a child; gives the read end of its pipe of events."""
        read, write = os.pipe()
        try:
            socket.send_fds(self._control, [orjson.dumps(order)], [write, log])
        finally:
            os.close(write)
        return read

    def close(self) -> None:
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """Die at step `at` of the places (job kinds, "settle <kind>", "accept meta|chatwoot")."""

    at: int
    places: Sequence[str]
    #: Count from the start; else from `Ponte.arm` on.
    armed: bool = False
    #: Count only these steps: "suspended", "resumed" or "returned".
    moment: str | None = None


class _Run:
    """One process, from its fork to its end."""

    def __init__(self) -> None:
        self.pid: int | None = None
        self.started = asyncio.Event()
        self.ready = asyncio.Event()
        self.armed = asyncio.Event()
        self.ended = asyncio.Event()
        self.failure: str | None = None
        self.crashed: dict[str, Any] | None = None

    async def follow(self, descriptor: int) -> None:
        """Read the events until the process is gone, which ends the pipe."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
        )
        try:
            while line := await reader.readline():
                self._heard(orjson.loads(line))
        finally:
            transport.close()
            self.ended.set()

    def _heard(self, event: dict[str, Any]) -> None:
        match event:
            case {"started": pid}:
                self.pid = pid
                self.started.set()
            case {"ready": _}:
                self.ready.set()
            case {"armed": _}:
                self.armed.set()
            case {"crashed": _}:
                self.crashed = event
            case {"failed": reason}:
                self.failure = reason
            case _:
                raise AssertionError(f"an unknown event: {event}")

    def signal(self, number: int) -> None:
        if self.pid is not None and not self.ended.is_set():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


@dataclass(kw_only=True)
class Ponte:
    """One installation: a data folder, a port, and at most one process at a time."""

    zygote: Zygote
    settings: dict[str, Any]
    log_file: Path
    log_level: str = "info"
    #: With it numbers are really connected by QR code: it is what their workers find.
    environ: Mapping[str, str] | None = None
    port: Port = field(default_factory=Port)
    #: Set while the service answers; whoever repeats a webhook waits for it.
    up: asyncio.Event = field(default_factory=asyncio.Event)
    starts: int = 0
    _run: _Run | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port.number}"

    @property
    def data(self) -> Path:
        return Path(self.settings["storage"]["data_dir"])

    @property
    def database(self) -> Path:
        return self.data / "ponte.db"

    @property
    def crashed(self) -> dict[str, Any] | None:
        """Where the last process ended itself, if it did."""
        return self._run.crashed if self._run else None

    @property
    def pid(self) -> int | None:
        return self._run.pid if self._run else None

    @property
    def is_alive(self) -> bool:
        return self._run is not None and not self._run.ended.is_set()

    async def start(self, crash: Crash | None = None) -> None:
        """Fork a service and return when it answers, or has met its crash point before that."""
        assert not self.is_alive, "it runs already"
        server = {"host": "127.0.0.1", "port": self.port.number, "public_url": self.url}
        order = {
            "settings": self.settings | {"server": self.settings.get("server", {}) | server},
            "log_level": self.log_level,
            "crash": None if crash is None else asdict(crash),
            "environ": self.environ,
        }
        run = self._run = _Run()
        with self.log_file.open("ab") as log:
            descriptor = self.zygote.fork(order, log.fileno())
        self._tasks.append(asyncio.create_task(self._watch(run, descriptor)))  # noqa: TID251
        self.starts += 1
        await _first(run.ready, run.ended)
        if run.failure is not None or (run.ended.is_set() and run.crashed is None):
            raise AssertionError(f"the service did not start: {run.failure}\n{self.log_tail()}")

    async def arm(self) -> None:
        """From now on the crash point counts."""
        run = self._expect_run()
        run.signal(signal.SIGUSR1)
        await _first(run.armed, run.ended)

    async def kill(self) -> None:
        """SIGKILL, as the kernel or a container does it."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM, as an operator does it: it drains."""
        await self._end(signal.SIGTERM)

    async def ended(self) -> None:
        """Wait until the process is gone, by itself."""
        async with asyncio.timeout(READY_SECONDS):
            await self._expect_run().ended.wait()

    async def close(self) -> None:
        """End whatever runs, at the end of a test."""
        try:
            if self.is_alive:
                await self.kill()
            await asyncio.gather(*self._tasks)
        finally:
            self.port.close()

    def log_tail(self, lines: int = 25) -> str:
        text = self.log_file.read_text("utf-8", "replace") if self.log_file.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Look into the database from outside, beside the running service."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)) as db:
            return db.execute(sql, values).fetchall()

    def waiting(self) -> int:
        """How many jobs wait, but for a picture that is asked for anew in a minute: one could not
        be had when the number was not connected, or this machine stood still.
        """
        rows = self.query(
            "SELECT COUNT(*) FROM job WHERE state='waiting'"
            " AND NOT (kind='profile' AND reason IS NOT NULL)"
        )
        return int(rows[0][0])

    async def _end(self, number: int) -> None:
        run = self._expect_run()
        await _first(run.started, run.ended)
        run.signal(number)
        async with asyncio.timeout(READY_SECONDS):
            await run.ended.wait()

    async def _watch(self, run: _Run, descriptor: int) -> None:
        following = asyncio.create_task(run.follow(descriptor))  # noqa: TID251
        await _first(run.ready, run.ended)
        if run.ready.is_set() and not run.ended.is_set():
            self.up.set()
        await following
        self.up.clear()

    def _expect_run(self) -> _Run:
        assert self._run is not None, "it was never started"
        return self._run


async def _first(*events: asyncio.Event) -> None:
    """Wait for one of several events, but not for ever."""
    waits = [asyncio.create_task(event.wait()) for event in events]  # noqa: TID251
    try:
        done, _ = await asyncio.wait(
            waits, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            raise TimeoutError("the service said nothing")
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def poll(holds: Callable[[], bool], *, seconds: float, every: float = 0.01) -> None:
    """Wait for a fact about another process, which cannot tell us by itself."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110  (a file of another process has no event)
            await asyncio.sleep(every)
