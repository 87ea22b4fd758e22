"""The process of one worker: how it is started, what it complains of, and its sure end."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, Self, cast

import structlog

from bridge.whatsapp.web.wire import Wire

log = structlog.get_logger(__name__)

#: What a worker gets of our own environment; nothing secret of ours is among it.
_INHERITED: Final = frozenset(
    {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    | {"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"}
)
#: An ordinary client's stanzas, and a small process (neonize.md 6 and 11).
_OF_ITS_OWN: Final = {"NEONIZE_BOT_TAG": "off", "MALLOC_ARENA_MAX": "2", "GOMEMLIMIT": "192MiB"}

#: Lines of standard error that one worker gets into the log, and how long they may be.
_MOST_LINES: Final = 500
_LONGEST_LINE: Final = 300
_LAST_WORDS: Final = 5
#: How a line begins that says why the engine ends; what it was busy with follows at length.
_FATAL: Final = ("panic:", "fatal error:", "runtime:", "Fatal Python error:")
#: How long (s) the rest of standard error is read after the end.
_LAST_WORDS_SECONDS: Final = 1.0
#: What may be a login in an address, a phone number, a key or a token.
_SECRET: Final = re.compile(r"//[^/@\s]+@|\d{6,}|[\w+/=-]{24,}", re.ASCII)


def environment(ours: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """What a worker is started with: a few of our own variables, and `more`."""
    few = {
        name: value for name, value in ours.items() if name in _INHERITED or name.startswith("LC_")
    }
    return {**few, **_OF_ITS_OWN, **more}


class Process(asyncio.SubprocessProtocol):
    """One worker, started and connected. `end` must be awaited, or it stays."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._transport: asyncio.SubprocessTransport | None = None
        self._partial = b""
        self._lines = 0
        self._last_words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._fatal: str | None = None
        #: Set once it has exited and was reaped.
        self.exited = asyncio.Event()
        self._closed = asyncio.Event()
        self.wire: Wire

    @classmethod
    async def start(
        cls, command: Sequence[str], environ: Mapping[str, str], *, instance: str
    ) -> Self:
        """Start `command` with ``--fd N``. Raises `OSError`."""
        ours, its = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003
        process = cls(instance)
        try:
            with its:
                await asyncio.get_running_loop().subprocess_exec(
                    lambda: process,
                    *command,
                    "--fd",
                    str(its.fileno()),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                    env=dict(environ),
                    pass_fds=(its.fileno(),),
                    start_new_session=True,
                )
            process.wire = await Wire.over(ours)
        except BaseException:
            ours.close()
            process.kill()
            process.let_go()
            raise
        return process

    @property
    def pid(self) -> int | None:
        """None once it has exited."""
        return (
            None if self._transport is None or self.exited.is_set() else self._transport.get_pid()
        )

    @property
    def words(self) -> list[str]:
        """What it died of, if it said so, and the last that it said; without what may be secret."""
        last = list(self._last_words)
        return last if self._fatal is None or self._fatal in last else [self._fatal, *last]

    def kill(self) -> None:
        """End it at once, with all that it started."""
        pid = self.pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    async def end(self) -> None:
        """Kill it, unless it has exited, and wait until nothing of it is left.

        Being cancelled does not cut this short: it takes a moment only.
        """
        ending = asyncio.ensure_future(self._end())
        cancelled: asyncio.CancelledError | None = None
        while not ending.done():
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled
        await ending

    async def _end(self) -> None:
        self.kill()
        self.wire.close()
        await self.exited.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await self._closed.wait()
        self.let_go()  # a child of its own may hold the pipe open for ever
        await self._closed.wait()
        await self.wire.closed()

    def let_go(self) -> None:
        """Read no more of what it says on standard error."""
        if self._transport is not None:
            self._transport.close()

    # -- what the event loop tells ----------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by their class.
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002
        *whole, self._partial = (self._partial + data).split(b"\n")
        self._partial = self._partial[:_LONGEST_LINE]
        for line in whole:
            self._said(line)

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._partial:
            self._said(self._partial)
        self.exited.set()
        self._closed.set()

    def _said(self, line: bytes) -> None:
        said = line[:_LONGEST_LINE].decode("utf-8", "replace")
        # What strangers wrote may be in it, and somebody reads the log in a terminal.
        said = "".join(char if char.isprintable() else " " for char in said)
        text = _SECRET.sub("…", said).strip()
        if not text:
            return
        self._last_words.append(text)
        if self._fatal is None and text.startswith(_FATAL):
            self._fatal = text
        self._lines += 1
        if self._lines <= _MOST_LINES:
            log.debug("worker.said", instance=self._instance, line=text)
