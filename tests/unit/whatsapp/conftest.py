"""A small stand-in for Meta's API that answers what a test tells it to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.net.guard import Guard
from bridge.net.http import Http
from bridge.whatsapp.cloud.client import CloudChannel

TOKEN = "EAAexampleAccessToken0001"


@dataclass(slots=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    token: str | None
    json: Any = None
    form: dict[str, Any] = field(default_factory=dict)


class Graph:
    """Answers by path; each answer is a JSON value, a response, or what makes one."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: dict[str, Any] = {}
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(
            method=request.method,
            path=request.raw_path.partition("?")[0],
            query=dict(request.query),
            token=request.headers.get("Authorization"),
        )
        if request.content_type == "application/json":
            asked.json = await request.json()
        elif request.content_type == "multipart/form-data":
            async for part in await request.multipart():
                asked.form[part.name] = await part.read(decode=False)
                if part.name == "file":
                    asked.form["mime"] = part.headers["Content-Type"]
        self.asked.append(asked)
        answer = self.answers[asked.path]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.json_response(answer, status=400 if "error" in answer else 200)


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    stand_in = Graph()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stand_in.handle)
    async with TestServer(app) as server:
        stand_in.url = f"http://127.0.0.1:{server.port}"
        yield stand_in


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    client = Http(Guard({"127.0.0.1", "localhost"}))
    yield client
    await client.close()


@pytest.fixture
def channel(http: Http, graph: Graph) -> Callable[..., CloudChannel]:
    """Make the channel of a number at the stand-in."""

    def make(**changes: Any) -> CloudChannel:
        settings: dict[str, Any] = {
            "http": http,
            "base_url": graph.url,
            "version": "v26.0",
            "phone_number_id": "412900001234567",
            "access_token": TOKEN,
            "timeout": 3.0,
            **changes,
        }
        return CloudChannel(**settings)

    return make
