"""A server somewhere on which files lie that a flow names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass(slots=True)
class FileHost:
    """`files` by name: what is in them and their type. `failures`: statuses, one for each call."""

    url: str = ""
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    failures: list[int] = field(default_factory=list)
    #: So often files are given away, then they are gone.
    left: int = 1000
    asked: list[str] = field(default_factory=list)
    #: Nothing is answered before it is set.
    gate: asyncio.Event | None = None
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, name: str, data: bytes, mime: str) -> str:
        """Put a file there; gives its address."""
        self.files[name] = (data, mime)
        return f"{self.url}/{name}"

    async def was_asked(self, times: int) -> None:
        """Wait until somebody has asked for files so often."""
        async with asyncio.timeout(30):
            while len(self.asked) < times:
                self._moved.clear()
                await self._moved.wait()

    async def serve(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.asked.append(name)
        self._moved.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            return web.Response(status=self.failures.pop(0))
        if name not in self.files or not self.left:
            raise web.HTTPNotFound
        self.left -= 1
        data, mime = self.files[name]
        return web.Response(body=data, content_type=mime)


@asynccontextmanager
async def file_host() -> AsyncIterator[FileHost]:
    host = FileHost()
    app = web.Application()
    app.router.add_get("/{name}", host.serve)
    async with TestServer(app) as server:
        host.url = str(server.make_url("")).rstrip("/")
        yield host
