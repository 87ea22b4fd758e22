"""The toy API, served over real HTTP; and the whole service for the tests of its routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from bridge.http.docs import docs_routes
from bridge.http.openapi import openapi_route
from bridge.http.server import make_app, serving
from support.bridge_house import House, bridge_house
from support.toy_http import MAX_BODY, ToyGate, toy_routes


@pytest.fixture
def gate() -> ToyGate:
    return ToyGate()


@pytest.fixture
def app(gate: ToyGate) -> web.Application:
    routes = toy_routes()
    reference = openapi_route(routes, title="Toy", version="1")
    return make_app((*routes, reference, *docs_routes()), gate=gate, max_body=MAX_BODY)


@pytest.fixture
async def address(app: web.Application) -> AsyncIterator[tuple[str, int]]:
    async with serving(app, host="127.0.0.1", port=0, shutdown_seconds=5) as bound:
        yield bound


@pytest.fixture
async def client(address: tuple[str, int]) -> AsyncIterator[ClientSession]:
    async with ClientSession(f"http://{address[0]}:{address[1]}") as session:
        yield session


class Wire:
    """A bare connection, for what a well-behaved client would not send."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> str:
        """Read one status line with its headers."""
        async with asyncio.timeout(30):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    async def rest(self) -> bytes:
        """Read until the server closes the connection."""
        async with asyncio.timeout(30):
            return await self.reader.read()


@pytest.fixture
async def wire(address: tuple[str, int]) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection(*address)
    yield Wire(reader, writer)
    writer.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """The service with one instance."""
    async with bridge_house(tmp_path) as found:
        yield found


@pytest.fixture
async def empty_house(tmp_path: Path) -> AsyncIterator[House]:
    """The service without any instance."""
    async with bridge_house(tmp_path, provisioned=False) as found:
        yield found
