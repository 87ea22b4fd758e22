from __future__ import annotations

import asyncio
import contextlib

import pytest
from aiohttp import ClientError, ClientSession, web

from bridge.http.envelope import json_response
from bridge.http.reading import read_json
from bridge.http.routing import Access, Route
from bridge.http.server import make_app, serving
from support.toy_http import MAX_BODY, ToyGate


class Slow:
    """A handler that stops in the middle until it may go on."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.ended = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        data = await read_json(request)
        self.begun.set()
        await self.may_end.wait()
        self.ended.set()
        return json_response(data)

    def app(self) -> web.Application:
        route = Route(
            method="POST",
            path="/slow",
            handler=self.handle,
            summary="",
            tag="",
            access=Access.WEBHOOK,
            responses={200: None},
            raw_body=True,
        )
        return make_app([route], gate=ToyGate(), max_body=MAX_BODY)


async def test_a_request_under_way_is_answered_before_the_server_ends():
    slow = Slow()
    async with ClientSession() as session, contextlib.AsyncExitStack() as stack:
        host, port = await stack.enter_async_context(
            serving(slow.app(), host="127.0.0.1", port=0, shutdown_seconds=30)
        )

        async def ask() -> int:
            async with session.post(f"http://{host}:{port}/slow", json={}) as answer:
                return answer.status

        async with asyncio.TaskGroup() as group:
            asked = group.create_task(ask())
            await slow.begun.wait()
            stopping = group.create_task(stack.aclose())
            await refuses_connections(host, port)
            assert not stopping.done()
            slow.may_end.set()
        assert asked.result() == 200


async def refuses_connections(host: str, port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0)


async def test_a_request_that_does_not_end_is_cut_off_when_the_time_is_up():
    slow = Slow()

    async def ask(url: str) -> None:
        async with ClientSession() as session:
            with pytest.raises(ClientError):
                await session.post(url, json={})

    async with (
        asyncio.TaskGroup() as group,
        serving(slow.app(), host="127.0.0.1", port=0, shutdown_seconds=0.1) as (host, port),
    ):
        group.create_task(ask(f"http://{host}:{port}/slow"))
        await slow.begun.wait()
    assert not slow.ended.is_set()


async def test_a_caller_that_hangs_up_does_not_stop_what_it_began():
    slow = Slow()
    async with serving(slow.app(), host="127.0.0.1", port=0) as (host, port):
        _, writer = await asyncio.open_connection(host, port)
        writer.write(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        await slow.begun.wait()
        writer.transport.abort()
        async with ClientSession() as session, asyncio.timeout(10):
            for _ in range(3):  # round trips, in which the server notices
                await session.get(f"http://{host}:{port}/nothing")
            slow.may_end.set()
            await slow.ended.wait()


async def test_an_idle_connection_does_not_hold_up_the_end():
    slow = Slow()
    slow.may_end.set()
    async with ClientSession() as session, asyncio.timeout(10):
        async with serving(slow.app(), host="127.0.0.1", port=0, shutdown_seconds=60) as at:
            answer = await session.post(f"http://{at[0]}:{at[1]}/slow", json={})
            assert await answer.json() == {}
        with pytest.raises(ClientError):
            await session.post(f"http://{at[0]}:{at[1]}/slow", json={})


async def test_a_taken_address_is_an_os_error(address):
    with pytest.raises(OSError, match="address"):
        async with serving(Slow().app(), host=address[0], port=address[1]):
            pass
