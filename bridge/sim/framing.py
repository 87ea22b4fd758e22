"""Connections, and just enough HTTP/1.1 framing to know where a request or an answer ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

_PIECE = 2**16


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def reset(self) -> None:
        """Close with RST, as a crashed peer does."""
        sock = self.writer.get_extra_info("socket")
        if sock is not None and not self.writer.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A start line and its fields; `raw` is what arrived, `fields` has lower-case names."""

    raw: bytes
    line: str
    fields: dict[str, str]

    @property
    def status(self) -> str:
        return [*self.line.split(" "), ""][1]

    @property
    def is_chunked(self) -> bool:
        return "chunked" in self.fields.get("transfer-encoding", "").lower()

    @property
    def is_framed(self) -> bool:
        return self.is_chunked or "content-length" in self.fields

    @property
    def awaits_continue(self) -> bool:
        return "100-continue" in self.fields.get("expect", "").lower()

    @property
    def ends_connection(self) -> bool:
        return "close" in self.fields.get("connection", "").lower()


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Read up to the empty line. None when the other side has closed before it."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    line, *rest = raw.decode("latin-1").split("\r\n")
    pairs = (field.partition(":") for field in rest if field)
    return Head(raw=raw, line=line, fields={k.strip().lower(): v.strip() for k, _, v in pairs})


def has_body(request: Head, answer: Head) -> bool:
    """Say whether a body follows an answer (it may be empty all the same)."""
    return not request.line.startswith("HEAD ") and answer.status not in {"204", "304"}


async def read_framed(reader: asyncio.StreamReader, head: Head) -> AsyncIterator[bytes]:
    """Yield the raw bytes of a body whose end the head tells, chunk framing included.

    Raises `EOFError` when it breaks off, `ValueError` when the framing is nonsense.
    """
    if head.is_chunked:
        size = -1
        while size != 0:
            line = await reader.readuntil(b"\n")
            size = int(line.split(b";")[0], 16)
            yield line
            if size:
                yield await reader.readexactly(size + 2)
        trailer = b""
        while trailer != b"\r\n":
            trailer = await reader.readuntil(b"\r\n")
            yield trailer
        return
    left = int(head.fields.get("content-length", "0"))
    while left > 0:
        piece = await reader.read(min(left, _PIECE))
        if not piece:
            raise EOFError
        left -= len(piece)
        yield piece


async def read_answer(
    reader: asyncio.StreamReader, request: Head, answer: Head
) -> AsyncIterator[bytes]:
    """Yield the raw bytes of an answer's body, until the connection ends if nothing else tells."""
    if not has_body(request, answer):
        return
    if answer.is_framed:
        async for piece in read_framed(reader, answer):
            yield piece
    else:
        while piece := await reader.read(_PIECE):
            yield piece
