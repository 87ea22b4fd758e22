"""The worker's end of the socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, Final, Self

from bridge.whatsapp.web.codec import PROTOCOL, BadFrame, Decoder, Frame, encode
from bridge.whatsapp.web.worker.failures import Failure

_PIECE: Final = 64 * 1024
_BEHIND: Final = 1024 * 1024


class Link:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, fd: int) -> Self:
        end = socket.socket(fileno=fd)
        end.setblocking(False)  # noqa: FBT003
        end.set_inheritable(False)  # a child of ours must not hold it open
        return cls(*await asyncio.open_unix_connection(sock=end))

    async def frames(self) -> AsyncIterator[Frame]:
        """Ends when Ponte has gone or says what is not of the protocol."""
        decoder = Decoder()
        with suppress(OSError, BadFrame):
            while piece := await self._reader.read(_PIECE):
                for frame in decoder.feed(piece):
                    yield frame

    @property
    def is_behind(self) -> bool:
        """Ponte does not read: what may be lost is not worth keeping for it."""
        return self._writer.transport.get_write_buffer_size() > _BEHIND

    def hello(self, engine: str) -> None:
        self._say({"type": "hello", "protocol": PROTOCOL, "engine": engine})

    def tell(self, event: str, data: Mapping[str, Any], seq: int | None = None) -> None:
        frame: dict[str, Any] = {"type": "ev", "event": event, "data": data}
        self._say(frame if seq is None else {**frame, "seq": seq})

    def answer(self, id_: Any, result: Mapping[str, Any]) -> None:
        try:
            self._say({"type": "res", "id": id_, "ok": result})
        except BadFrame:
            self.refuse(id_, Failure("failed", "the answer is too long", certainty="unknown"))

    def refuse(self, id_: Any, failure: Failure) -> None:
        self._say({"type": "res", "id": id_, "error": failure.json()})

    async def drain(self) -> None:
        """Until Ponte has taken what was said (most of it)."""
        with suppress(OSError):
            await self._writer.drain()

    async def flush(self, seconds: float) -> None:
        """Until the system has all that was said."""
        transport = self._writer.transport
        transport.set_write_buffer_limits(0)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(seconds):
                await self._writer.drain()

    def _say(self, frame: Mapping[str, Any]) -> None:
        if not self._writer.is_closing():
            self._writer.write(encode(frame))
