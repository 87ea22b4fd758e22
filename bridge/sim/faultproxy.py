"""A TCP proxy that breaks HTTP exchanges on demand, between us and any peer.

It understands just enough HTTP/1.1 to act on single requests of kept-alive connections; bodies
pass through untouched. A request that was forwarded has always been answered upstream before
`LOSE_ANSWER`, `FAIL_AFTER` or `cut` show their effect: the peer acted, the caller cannot know.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

from bridge.sim.framing import Head, Stream, has_body, read_answer, read_framed, read_head
from bridge.sim.watch import Watch

_HEAD_LIMIT = 2**18
_PIECE = 2**16
_TICK = 0.02
#: What ends a conversation. Cancelled only by `__aexit__`, and kept from asyncio's stream callback,
#: which Python 3.11 lets log an error for a cancelled task.
_ENDINGS = (OSError, EOFError, asyncio.LimitOverrunError, ValueError, asyncio.CancelledError)


class Kind(StrEnum):
    PASS = "pass"  # noqa: S105  not a password
    LATENCY = "latency"
    REFUSE = "refuse"
    HANG = "hang"
    CUT = "cut"
    LOSE_ANSWER = "lose_answer"
    FAIL_AFTER = "fail_after"
    SLOW = "slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """What happens to a request. `amount`: seconds, bytes or bytes per second, by kind."""

    kind: Kind
    amount: float = 0


PASS = Mode(kind=Kind.PASS)
#: The connection is reset; nothing reaches the peer. (Nobody listening at all: `down()`.)
REFUSE = Mode(kind=Kind.REFUSE)
#: The request is read, goes nowhere and is never answered.
HANG = Mode(kind=Kind.HANG)
#: The peer gets the request and answers; the caller gets a reset connection instead.
LOSE_ANSWER = Mode(kind=Kind.LOSE_ANSWER)
#: The peer gets the request and answers; the caller gets a 500 instead.
FAIL_AFTER = Mode(kind=Kind.FAIL_AFTER)


def latency(seconds: float) -> Mode:
    """Wait before forwarding. The request goes on even if the caller has left meanwhile."""
    return Mode(kind=Kind.LATENCY, amount=seconds)


def cut(after: int) -> Mode:
    """Close the connection after the answer's head and `after` raw bytes of its body."""
    return Mode(kind=Kind.CUT, amount=after)


def slow(bytes_per_second: float) -> Mode:
    """Let the answer's body trickle."""
    return Mode(kind=Kind.SLOW, amount=bytes_per_second)


@dataclass(slots=True, kw_only=True)
class _Order:
    mode: Mode
    left: int
    on: str | None


class FaultProxy:
    """`async with FaultProxy(host, port) as proxy:` listens on `proxy.url` meanwhile."""

    def __init__(self, target_host: str, target_port: int, *, host: str = "127.0.0.1") -> None:
        self._target = (target_host, target_port)
        self._host = host
        self._mode = PASS
        self._orders: deque[_Order] = deque()
        self._watch = Watch()
        self._clients: dict[asyncio.Task[None], Stream] = {}
        self._server: asyncio.Server | None = None
        self._reserved: socket.socket | None = None
        self.port = 0
        #: Connections accepted since the start.
        self.connections = 0
        #: Requests whose head has arrived, whatever became of them.
        self.requests = 0
        #: Requests that the peer has answered.
        self.answered = 0

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}"

    @property
    def open_connections(self) -> int:
        return len(self._clients)

    def set(self, mode: Mode) -> None:
        """Treat all requests like this, from now on."""
        self._mode = mode

    def next(self, mode: Mode, count: int = 1, *, on: str | None = None) -> None:
        """Treat the next `count` requests like this, before whatever `set` says.

        With `on`, only requests whose first line contains it ("POST /v26.0/"); the others pass by.
        """
        self._orders.append(_Order(mode=mode, left=count, on=on))

    async def wait_for(self, predicate: Callable[[], bool], timeout: float = 20.0) -> None:  # noqa: ASYNC109  an argument of the public API
        """Wait until a predicate over the counters holds; `TimeoutError` otherwise."""
        await self._watch.wait_for(predicate, timeout)

    async def up(self) -> None:
        """Listen (again), on the same port."""
        if self._server is None:
            self._server = await asyncio.start_server(
                self._serve, sock=_bound(self._host, self.port), limit=_HEAD_LIMIT
            )

    def down(self) -> None:
        """Stop listening, so that connecting is refused, and reset what is open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for client in self._clients.values():
            client.reset()

    async def __aenter__(self) -> Self:
        # A bound socket that never listens keeps the port ours while we are down.
        self._reserved = _bound(self._host, 0)
        self.port = self._reserved.getsockname()[1]
        await self.up()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()
        tasks = list(self._clients)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._reserved is not None:
            self._reserved.close()

    def _take(self, line: str) -> Mode:
        for order in self._orders:
            if order.on is None or order.on in line:
                order.left -= 1
                if order.left <= 0:
                    self._orders.remove(order)
                return order.mode
        return self._mode

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Stream(reader=reader, writer=writer)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  asyncio runs this callback as a task
        self._clients[task] = client
        self.connections += 1
        self._watch.changed()
        try:
            if self._mode.kind is Kind.REFUSE and not self._orders:
                client.reset()
            else:
                await self._converse(client)
        except _ENDINGS:
            client.reset()
        finally:
            del self._clients[task]
            await client.close()
            self._watch.changed()

    async def _converse(self, client: Stream) -> None:
        """Carry one request after the other, over one connection to the peer while it lasts."""
        peer: Stream | None = None
        try:
            while (request := await read_head(client.reader)) is not None:
                self.requests += 1
                mode = self._take(request.line)
                self._watch.changed()
                if mode.kind is Kind.REFUSE:
                    client.reset()
                    return
                if mode.kind is Kind.HANG:
                    while await client.reader.read(_PIECE):
                        pass
                    return
                if mode.kind is Kind.LATENCY:
                    await asyncio.sleep(mode.amount)
                if peer is None or peer.reader.at_eof() or peer.writer.is_closing():
                    if peer is not None:
                        await peer.close()
                    peer = await self._dial()
                if not await self._exchange(mode, request, client, peer):
                    return
        finally:
            if peer is not None:
                await peer.close()

    async def _dial(self) -> Stream:
        reader, writer = await asyncio.open_connection(*self._target, limit=_HEAD_LIMIT)
        return Stream(reader=reader, writer=writer)

    async def _exchange(self, mode: Mode, request: Head, client: Stream, peer: Stream) -> bool:
        """Forward one request and treat its answer. False when the connection ends with it."""
        if request.awaits_continue:
            client.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        peer.writer.write(request.raw)
        async for piece in read_framed(client.reader, request):
            peer.writer.write(piece)
            await peer.writer.drain()
        answer = await read_head(peer.reader)
        while answer is not None and answer.status.startswith("1"):
            answer = await read_head(peer.reader)
        if answer is None:
            client.reset()
            return False
        body = read_answer(peer.reader, request, answer)
        if mode.kind in (Kind.LOSE_ANSWER, Kind.FAIL_AFTER):
            async for _ in body:
                pass
            self._count_answer()
            if mode.kind is Kind.LOSE_ANSWER:
                client.reset()
                return False
            client.writer.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
            await client.writer.drain()
            return True
        client.writer.write(answer.raw)
        self._count_answer()
        whole = await _pass_on(body, client.writer, mode)
        told_its_end = answer.is_framed or not has_body(request, answer)
        return whole and told_its_end and not answer.ends_connection

    def _count_answer(self) -> None:
        self.answered += 1
        self._watch.changed()


async def _pass_on(body: AsyncIterator[bytes], writer: asyncio.StreamWriter, mode: Mode) -> bool:
    """Write the body out as the mode wants it. False when it was cut."""
    left = int(mode.amount)
    step = max(1, int(mode.amount * _TICK))
    async for piece in body:
        if mode.kind is Kind.CUT:
            writer.write(piece[:left])
            left -= len(piece)
            if left <= 0:
                return False
        elif mode.kind is Kind.SLOW:
            for start in range(0, len(piece), step):
                part = piece[start : start + step]
                await asyncio.sleep(len(part) / mode.amount)
                writer.write(part)
                await writer.drain()
        else:
            writer.write(piece)
        await writer.drain()
    await writer.drain()
    return mode.kind is not Kind.CUT


def _bound(host: str, port: int) -> socket.socket:
    # With its protocol named, asyncio switches Nagle off for what is accepted here.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    return sock
