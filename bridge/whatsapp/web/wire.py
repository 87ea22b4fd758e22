"""Ponte's end of the connection to one worker: questions and answers, events, acknowledgements.

What a worker says is read in its order: an event is handed on before the next frame is read, so
whoever cannot take more events holds the worker back.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final, Self, TypeAlias

import structlog

from bridge.whatsapp.web.codec import BadFrame, Decoder, Frame, encode

log = structlog.get_logger(__name__)

_PIECE: Final = 64 * 1024
#: Questions that may wait for their answers at the same time.
_MOST_PENDING: Final = 1000


class WireError(Exception):
    """A question has no good answer. `reached`: the worker may have acted on it."""

    def __init__(self, message: str, *, reached: bool) -> None:
        super().__init__(message)
        self.reached = reached


class Gone(WireError):
    """The worker has gone, or what it says is not of the protocol."""


class Late(WireError):
    """There was no answer in time."""


class TooLong(WireError):
    """The question does not fit into a frame, or too many wait for answers; it was not asked."""


class Refusal(WireError):
    """The worker answered with an error (`{"code", "message", "certainty", "passing"}`)."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(str(error.get("code")), reached=error.get("certainty") == "unknown")
        self.error = error


#: Takes one event (its name, its data, its number when it is kept) before the next is read.
HearEvent: TypeAlias = Callable[[str, dict[str, Any], int | None], Awaitable[None]]


class Wire:
    """`run` has to run for anything to be heard."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._writing = asyncio.Lock()
        self._pending: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._asked = 0
        self._is_over = False
        #: What the worker says of itself, once it has said it.
        self.hello: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        #: An event is being handed on: the worker is held back, its silence is our doing.
        self.is_held = False
        #: Bytes of the event that is being handed on.
        self.size = 0

    @classmethod
    async def over(cls, end: socket.socket) -> Self:
        """Take over one end of a pair of stream sockets."""
        return cls(*await asyncio.open_unix_connection(sock=end))

    async def run(self, hear: HearEvent) -> None:
        """Read until the worker is gone or talks nonsense; all questions have failed then."""
        decoder = Decoder()
        try:
            while piece := await self._reader.read(_PIECE):
                for frame in decoder.feed(piece):
                    self.size = decoder.size
                    await self._take(frame, hear)
        except BadFrame as error:
            log.warning("worker.frame_unreadable", why=str(error))
        except OSError as error:
            log.info("worker.connection_broken", why=error.strerror)
        finally:
            self.close()

    async def request(
        self, op: str, args: Mapping[str, Any], *, seconds: float, name: str | None = None
    ) -> dict[str, Any]:
        """Ask, and wait for the answer. `name` is the id of the question where we choose it.

        Raises `WireError`. Whoever asks again under the same name, while the first still waits,
        gets the same answer.
        """
        self._asked += 1
        id_ = name or f"q{self._asked}"
        try:
            frame = encode({"type": "req", "id": id_, "op": op, "args": dict(args)})
        except BadFrame as error:
            raise TooLong(str(error), reached=False) from error
        was_written = False
        try:
            async with asyncio.timeout(seconds):
                if (waiting := self._pending.get(id_)) is not None:
                    was_written = True
                    return await asyncio.shield(waiting)
                async with self._writing:
                    await self._room()
                    answer = self._expect(id_)
                    self._writer.write(frame)
                    was_written = True
                return await self._answer(id_, answer)
        except TimeoutError as error:
            raise Late(f"no answer within {seconds:g} s", reached=was_written) from error

    def acknowledge(self, seq: int) -> None:
        """Say that this event and all before it are kept; nothing happens when it is too late."""
        if not self._is_over:
            self._writer.write(encode({"type": "ack", "seq": seq}))

    def close(self) -> None:
        """Hang up. Whoever waits for an answer learns that there will be none."""
        self._is_over = True
        self._writer.close()
        _fail(self.hello, Gone("the worker has gone", reached=False))
        for waiting in self._pending.values():
            _fail(waiting, Gone("the worker has gone", reached=True))
        self._pending.clear()

    async def closed(self) -> None:
        """Wait until the socket is closed."""
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _room(self) -> None:
        """Wait until what was written before has gone out.

        So a worker that does not read costs no more than one frame.
        """
        if not self._is_over:
            try:
                await self._writer.drain()
            except OSError as error:
                raise Gone("the worker has gone", reached=False) from error
        if self._is_over:
            raise Gone("the worker has gone", reached=False)

    def _expect(self, id_: str) -> asyncio.Future[dict[str, Any]]:
        if len(self._pending) >= _MOST_PENDING:
            raise TooLong("too many questions wait for answers", reached=False)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._pending[id_] = answer
        return answer

    async def _answer(self, id_: str, answer: asyncio.Future[dict[str, Any]]) -> dict[str, Any]:
        try:
            return await asyncio.shield(answer)
        finally:
            if self._pending.get(id_) is answer:
                del self._pending[id_]

    async def _take(self, frame: Frame, hear: HearEvent) -> None:
        match frame:
            case {"type": "ev", "event": str(event)}:
                seq, data = frame.get("seq"), frame.get("data")
                if seq is not None and (type(seq) is not int or seq < 0):
                    raise BadFrame("an event with an odd number")
                self.is_held = True
                try:
                    await hear(event, data if isinstance(data, dict) else {"odd": data}, seq)
                finally:
                    self.is_held = False
            case {"type": "res", "id": str(id_)}:
                self._settle(id_, frame)
            case {"type": "hello"}:
                if not self.hello.done():
                    self.hello.set_result(frame)
            case _:
                raise BadFrame("not a frame that a worker sends")

    def _settle(self, id_: str, frame: Frame) -> None:
        waiting = self._pending.get(id_)
        if waiting is None or waiting.done():
            log.debug("worker.answer_unasked")  # it came too late
            return
        match frame:
            case {"error": dict(error)}:
                _fail(waiting, Refusal(error))
            case {"ok": dict(ok)}:
                waiting.set_result(ok)
            case _:
                raise BadFrame("an answer without a result")


def _fail(waiting: asyncio.Future[dict[str, Any]], error: WireError) -> None:
    if not waiting.done():
        waiting.set_exception(error)
        waiting.exception()  # whoever waited may have gone: then nobody is to be told
