"""Forward proxies on loopback: HTTP (CONNECT and absolute URIs) and SOCKS5, with faults on demand.

Both dial what `names` says a name is, or else the literal address that they are asked for: no
name service is involved, so a test sees who resolved a name.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from types import TracebackType
from typing import Self

from bridge.sim.framing import Head, Stream, read_answer, read_framed, read_head
from bridge.sim.watch import Watch

#: What ends a connection. A cancelled callback of a stream would be logged as an error.
_ENDINGS = (OSError, EOFError, asyncio.CancelledError)


@dataclass(kw_only=True)
class _Proxy:
    """`async with HttpProxy() as proxy:` listens on `proxy.port` meanwhile."""

    names: Mapping[str, str] = field(default_factory=dict)
    #: User name and password that are asked for.
    login: tuple[str, str] | None = None
    #: What happens to a connection: nothing is answered (hang), it is closed (cut), or bytes
    #: are said that mean nothing (garbage).
    fault: str | None = None
    tls: ssl.SSLContext | None = None
    port: int = 0
    #: Connections accepted since the start.
    connections: int = 0
    #: `host:port` of all targets that were asked for, in order, whatever became of them.
    targets: list[str] = field(default_factory=list)
    #: The logins that were offered.
    logins: list[str] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _watch: Watch = field(default_factory=Watch)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._server.close()
        await self.drop()

    async def drop(self) -> None:
        """End all connections, as a restarted proxy does."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def wait_for(self, predicate: Callable[[], bool]) -> None:
        """Return as soon as this is true of what the proxy has counted."""
        await self._watch.wait_for(predicate)

    @abstractmethod
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self._watch.changed()
        try:
            match self.fault:
                case "hang":
                    await reader.read()
                case "cut":
                    await reader.read(1)
                case "garbage":
                    await reader.read(1)
                    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
                    await writer.drain()
                    await reader.read()
                case _:
                    await self._serve(reader, writer)
        except _ENDINGS:
            pass
        finally:
            self._tasks.discard(task)
            await _end(writer)

    async def _dial(self, host: str, port: int) -> Stream:
        self.targets.append(f"{host}:{port}")
        address = self.names.get(host, host)
        ip_address(address)
        reader, writer = await asyncio.open_connection(address, port)
        return Stream(reader=reader, writer=writer)


async def _end(writer: asyncio.StreamWriter) -> None:
    """Close; a TLS peer that has gone without its farewell is not waited for."""
    writer.close()
    try:
        async with asyncio.timeout(0.5):
            await writer.wait_closed()
    except OSError:
        writer.transport.abort()


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, there: Stream
) -> None:
    """Both ways, until one side ends."""

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(2**16):
            sink.write(piece)
            await sink.drain()

    pumps = [
        asyncio.ensure_future(pump(reader, there.writer)),
        asyncio.ensure_future(pump(there.reader, writer)),
    ]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        there.writer.close()  # first: whatever follows may be cancelled
        for one in pumps:
            one.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


@dataclass(kw_only=True)
class HttpProxy(_Proxy):
    """One request for each connection, or one tunnel."""

    #: The status that it answers, instead of passing anything on.
    status: int | None = None
    #: First lines of all requests.
    lines: list[str] = field(default_factory=list)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_head(reader)
        if request is None:
            return
        self.lines.append(request.line)
        basic = request.fields.get("proxy-authorization", "").removeprefix("Basic ")
        offered = base64.b64decode(basic).decode("latin-1")
        if offered:
            self.logins.append(offered)
        if self.login is not None and offered != ":".join(self.login):
            await _answer(writer, 407)
            return
        if self.status is not None:
            await _answer(writer, self.status)
            return
        method, url, version = request.line.split(" ")
        plain = re.fullmatch(r"http://([^/:]+):?(\d*)(/.*)?", url)
        host, port = (plain[1], plain[2] or "80") if plain else url.rsplit(":", 1)
        try:
            there = await self._dial(host.strip("[]"), int(port))
        except (OSError, ValueError):
            await _answer(writer, 502)
            return
        if plain is None:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _pass_on(reader, writer, there)
        else:
            line = f"{method} {plain[3] or '/'} {version}"
            await _exchange(request, line, Stream(reader=reader, writer=writer), there)


async def _exchange(request: Head, line: str, client: Stream, there: Stream) -> None:
    try:
        there.writer.write(_last(request, line))
        async for piece in read_framed(client.reader, request):
            there.writer.write(piece)
        answer = await read_head(there.reader)
        if answer is not None:
            client.writer.write(_last(answer, answer.line))
            async for piece in read_answer(there.reader, request, answer):
                client.writer.write(piece)
                await client.writer.drain()
    finally:
        await there.close()


def _last(head: Head, line: str) -> bytes:
    """A head without what is between two neighbours only; nothing follows on its connection."""
    fields = [
        f"{name}: {value}\r\n"
        for name, value in head.fields.items()
        if name != "connection" and not name.startswith("proxy-")
    ]
    return f"{line}\r\nConnection: close\r\n{''.join(fields)}\r\n".encode("latin-1")


async def _answer(writer: asyncio.StreamWriter, status: int) -> None:
    head = f"HTTP/1.1 {status} Own word\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    writer.write(head.encode())
    await writer.drain()


@dataclass(kw_only=True)
class SocksProxy(_Proxy):
    """SOCKS5 with names that it resolves itself."""

    #: The reply to each request for a connection, instead of making one.
    reply: int | None = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        wanted = 0 if self.login is None else 2
        if wanted not in methods:
            writer.write(b"\x05\xff")
            await writer.drain()
            return
        writer.write(bytes([5, wanted]))
        if self.login is not None and not await self._signed_in(reader, writer):
            return
        _, _, _, kind = await reader.readexactly(4)
        host = await _host(reader, kind)
        port = int.from_bytes(await reader.readexactly(2), "big")
        if self.reply is not None:
            writer.write(bytes([5, self.reply, 0, 1]) + bytes(6))
            await writer.drain()
            return
        try:
            there = await self._dial(host, port)
        except (OSError, ValueError):
            writer.write(b"\x05\x04\x00\x01" + bytes(6))
            await writer.drain()
            return
        # A name as bound address, as some servers answer: its length has to be read.
        writer.write(b"\x05\x00\x00\x03\x05proxy" + bytes(2))
        await _pass_on(reader, writer, there)

    async def _signed_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await reader.readexactly(1)
        words = [(await reader.readexactly((await reader.readexactly(1))[0])) for _ in range(2)]
        name, password = (word.decode() for word in words)
        self.logins.append(f"{name}:{password}")
        right = (name, password) == self.login
        writer.write(b"\x01\x00" if right else b"\x01\x01")
        await writer.drain()
        return right


async def _host(reader: asyncio.StreamReader, kind: int) -> str:
    if kind == 3:
        (length,) = await reader.readexactly(1)
        return (await reader.readexactly(length)).decode()
    return str(ip_address(await reader.readexactly(4 if kind == 1 else 16)))
