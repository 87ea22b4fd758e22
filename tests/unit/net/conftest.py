"""Peers that misbehave: plain TCP servers that play a script, one for each connection."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from bridge.net.guard import Guard
from bridge.net.http import Http

Script = Callable[["Line"], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Line:
    """One connection, seen from the peer."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heads: list[str]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._heads = heads

    async def request(self) -> str:
        """Read one request with its body; gives the head."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        self._heads.append(head)
        for line in head.lower().split("\r\n"):
            if line.startswith("content-length:"):
                await self._reader.readexactly(int(line.partition(":")[2]))
        return head

    async def say(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def reset(self) -> None:
        """Hang up with an RST, as a killed process does."""
        linger = struct.pack("ii", 1, 0)
        self._writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, linger
        )
        self._writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the other side hangs up."""
        await self._reader.read()


class Peer:
    def __init__(self, port: int, heads: list[str]) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        #: Heads of all requests, in order of arrival.
        self.heads = heads


@pytest.fixture
async def peer() -> AsyncIterator[Callable[[Script], Awaitable[Peer]]]:
    """Start a peer that plays the script on every connection."""
    async with AsyncExitStack() as stack:

        async def start(script: Script) -> Peer:
            heads: list[str] = []
            running: set[asyncio.Task[None]] = set()

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                task = asyncio.current_task()
                assert task is not None
                running.add(task)
                try:
                    await script(Line(reader, writer, heads))
                except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                    pass
                finally:
                    running.discard(task)
                    writer.close()

            server = await asyncio.start_server(serve, "127.0.0.1", 0)

            async def stop() -> None:
                server.close()
                for task in list(running):
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

            stack.push_async_callback(stop)
            return Peer(server.sockets[0].getsockname()[1], heads)

        yield start


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    client = Http(Guard({"127.0.0.1"}))
    yield client
    await client.close()
