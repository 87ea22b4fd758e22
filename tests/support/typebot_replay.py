"""A server that answers as it is told, in turn, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

JSON = "application/json"
TEXT = "text/plain;charset=UTF-8"


@dataclass(kw_only=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    form: dict[str, tuple[str | None, bytes]] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(kw_only=True)
class Told:
    """An answer: text as it is, anything else as JSON."""

    status: int = 200
    body: Any = ""
    headers: dict[str, str] = field(default_factory=dict)


#: What a viewer says of a path that it does not have.
NO_PATH = Told(status=404, body="Not found", headers={"Content-Type": TEXT})


class Replay:
    """The last answer repeats. A `cut` one breaks the connection off instead."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self.answers: list[Told] = [Told(body={"messages": []})]
        self.cut = False

    def tell(self, *answers: Told) -> None:
        self.answers = list(answers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(
            method=request.method,
            path=request.raw_path,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=b"",
        )
        if request.content_type == "multipart/form-data":
            async for part in await request.multipart():
                asked.form[part.name] = (part.filename, bytes(await part.read()))  # type: ignore[union-attr, index]
        else:
            asked.body = await request.read()
        self.asked.append(asked)
        if self.cut:
            assert request.transport is not None
            request.transport.close()
        told = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        plain = isinstance(told.body, str | bytes)
        body = told.body if plain else json.dumps(told.body)
        headers = {"Content-Type": TEXT if plain else JSON, **told.headers}
        raw = body.encode() if isinstance(body, str) else body
        return web.Response(status=told.status, body=raw, headers=headers)


@asynccontextmanager
async def replaying() -> AsyncIterator[Replay]:
    replay = Replay()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", replay.handle)
    server = TestServer(app)
    await server.start_server()
    replay.url = str(server.make_url("/"))
    try:
        yield replay
    finally:
        await server.close()
