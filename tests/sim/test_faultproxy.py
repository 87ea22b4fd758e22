"""Each mode of the fault proxy, as an aiohttp client meets it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from bridge.sim import faultproxy
from bridge.sim.faultproxy import FaultProxy

ANSWER = b"0123456789" * 100


@dataclass
class Peer:
    proxy: FaultProxy
    session: aiohttp.ClientSession
    bodies: list[bytes] = field(default_factory=list)
    chunked: bool = False

    async def post(self, data: object = b"hello", path: str = "/send") -> tuple[int, bytes]:
        async with self.session.post(self.proxy.url + path, data=data) as answer:
            return answer.status, await answer.read()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async def handle(request: web.Request) -> web.StreamResponse:
        at_peer.bodies.append(await request.read())
        if not at_peer.chunked:
            return web.Response(body=ANSWER)
        answer = web.StreamResponse()
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        for start in range(0, len(ANSWER), 300):
            await answer.write(ANSWER[start : start + 300])
        return answer

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with FaultProxy("127.0.0.1", port) as proxy, aiohttp.ClientSession() as session:
        at_peer = Peer(proxy=proxy, session=session)
        yield at_peer
    await runner.cleanup()


async def several_pieces() -> AsyncIterator[bytes]:
    yield b"a" * 70_000
    yield b"b" * 5


async def test_requests_pass_over_one_kept_connection(peer: Peer):
    for _ in range(3):
        assert await peer.post() == (200, ANSWER)
    assert (peer.proxy.connections, peer.proxy.requests, peer.proxy.answered) == (1, 3, 3)
    assert peer.bodies == [b"hello"] * 3


async def test_chunked_bodies_pass_in_both_directions(peer: Peer):
    peer.chunked = True
    assert await peer.post(several_pieces()) == (200, ANSWER)
    assert await peer.post() == (200, ANSWER)
    assert peer.bodies == [b"a" * 70_000 + b"b" * 5, b"hello"]
    assert peer.proxy.connections == 1


async def test_head_and_expect_do_not_confuse_the_framing(peer: Peer):
    async with peer.session.head(peer.proxy.url) as answer:
        assert answer.status == 200
    async with peer.session.post(peer.proxy.url, data=b"x" * 10, expect100=True) as answer:
        assert await answer.read() == ANSWER
    assert peer.bodies == [b"", b"x" * 10]
    assert peer.proxy.connections == 1


async def test_latency_delays_the_request(peer: Peer):
    peer.proxy.next(faultproxy.latency(0.1))
    began = time.monotonic()
    assert await peer.post() == (200, ANSWER)
    assert time.monotonic() - began >= 0.1


async def test_refuse_resets_before_the_peer_hears_anything(peer: Peer):
    peer.proxy.set(faultproxy.REFUSE)
    with pytest.raises(aiohttp.ClientOSError):
        await peer.post()
    assert peer.bodies == []
    peer.proxy.set(faultproxy.PASS)
    assert await peer.post() == (200, ANSWER)
    peer.proxy.next(faultproxy.REFUSE)
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await peer.post()
    assert peer.bodies == [b"hello"]


async def test_down_refuses_connections_until_up_on_the_same_port(peer: Peer):
    assert await peer.post() == (200, ANSWER)
    url = peer.proxy.url
    peer.proxy.down()
    async with aiohttp.ClientSession() as fresh:
        with pytest.raises(aiohttp.ClientConnectorError):
            await fresh.post(url)
    await peer.proxy.up()
    assert peer.proxy.url == url
    async with aiohttp.ClientSession() as fresh, fresh.post(url) as answer:
        assert await answer.read() == ANSWER


async def test_hang_reads_and_never_answers(peer: Peer):
    peer.proxy.next(faultproxy.HANG)
    async with asyncio.TaskGroup() as group:
        hanging = group.create_task(peer.post())
        await peer.proxy.wait_for(lambda: peer.proxy.requests == 1)
        assert await peer.post(b"another") == (200, ANSWER)
        assert not hanging.done()
        hanging.cancel()
    await peer.proxy.wait_for(lambda: peer.proxy.open_connections == 1)
    assert peer.bodies == [b"another"]


async def test_cut_stops_in_the_middle_of_the_answer(peer: Peer):
    peer.proxy.next(faultproxy.cut(25))
    async with peer.session.post(peer.proxy.url, data=b"hello") as answer:
        assert answer.status == 200
        assert await answer.content.readexactly(25) == ANSWER[:25]
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.content.read()
    assert peer.bodies == [b"hello"]
    assert await peer.post() == (200, ANSWER)


async def test_cut_breaks_a_chunked_answer_too(peer: Peer):
    peer.chunked = True
    peer.proxy.next(faultproxy.cut(400))
    with pytest.raises(aiohttp.ClientPayloadError):
        await peer.post()


async def test_a_lost_answer_leaves_the_peer_done_and_the_caller_unsure(peer: Peer):
    peer.proxy.next(faultproxy.LOSE_ANSWER)
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await peer.post(several_pieces())
    assert peer.bodies == [b"a" * 70_000 + b"b" * 5]
    assert peer.proxy.answered == 1


async def test_fail_after_success_answers_500_and_keeps_the_connection(peer: Peer):
    peer.proxy.next(faultproxy.FAIL_AFTER, count=2)
    assert await peer.post(b"1") == (500, b"")
    assert await peer.post(b"2") == (500, b"")
    assert await peer.post(b"3") == (200, ANSWER)
    assert peer.bodies == [b"1", b"2", b"3"]
    assert peer.proxy.connections == 1


async def test_slow_lets_the_body_trickle(peer: Peer):
    peer.proxy.set(faultproxy.slow(10_000))
    began = time.monotonic()
    assert await peer.post() == (200, ANSWER)
    assert time.monotonic() - began >= 0.09


async def test_an_order_for_one_path_lets_the_others_pass(peer: Peer):
    peer.proxy.next(faultproxy.FAIL_AFTER, on="POST /send")
    assert (await peer.post(path="/other"))[0] == 200
    assert (await peer.post(path="/send"))[0] == 500
    assert (await peer.post(path="/send"))[0] == 200


async def test_a_peer_that_is_away_resets_the_caller():
    async with FaultProxy("127.0.0.1", 9) as proxy, aiohttp.ClientSession() as session:
        with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
            await session.post(proxy.url)


async def test_garbage_instead_of_http_ends_the_connection(peer: Peer):
    for garbage in (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", b"x" * 300_000):
        reader, writer = await asyncio.open_connection("127.0.0.1", peer.proxy.port)
        writer.write(garbage)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
    assert await peer.post() == (200, ANSWER)
