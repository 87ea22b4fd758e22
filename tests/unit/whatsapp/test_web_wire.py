"""Ponte's end of the connection to a worker, over a real pair of sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from bridge.clock import ManualClock
from bridge.whatsapp.web.codec import LONGEST, Decoder, encode
from bridge.whatsapp.web.heartbeat import beat
from bridge.whatsapp.web.wire import Gone, Late, Refusal, TooLong, Wire

SOON = 10.0


@dataclass
class Pair:
    wire: Wire
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[tuple[str, dict[str, Any], int | None]] = field(default_factory=list)
    #: Events are taken while this is set.
    takes: asyncio.Event = field(default_factory=asyncio.Event)
    running: asyncio.Future[None] | None = None
    decoder: Decoder = field(default_factory=Decoder)
    frames: list[dict[str, Any]] = field(default_factory=list)

    async def hear(self, event: str, data: dict[str, Any], seq: int | None) -> None:
        await self.takes.wait()
        self.heard.append((event, data, seq))

    def say(self, **frame: Any) -> None:
        self.writer.write(encode(frame))

    async def next(self) -> dict[str, Any]:
        """The next frame that Ponte sends."""
        async with asyncio.timeout(SOON):
            while not self.frames:
                self.frames += self.decoder.feed(await self.reader.read(65536))
        return self.frames.pop(0)


@asynccontextmanager
async def paired() -> AsyncIterator[Pair]:
    ours, its = socket.socketpair()
    for end in (ours, its):
        end.setblocking(False)
    reader, writer = await asyncio.open_unix_connection(sock=its)
    pair = Pair(await Wire.over(ours), reader, writer)
    pair.takes.set()
    pair.running = asyncio.ensure_future(pair.wire.run(pair.hear))
    try:
        yield pair
    finally:
        writer.close()
        await writer.wait_closed()
        pair.takes.set()
        async with asyncio.timeout(SOON):
            await pair.running
        await pair.wire.closed()


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with paired() as made:
        yield made


def ask(pair: Pair, op: str = "ping", **more: Any) -> asyncio.Future[dict[str, Any]]:
    more = {"seconds": SOON, **more}
    return asyncio.ensure_future(pair.wire.request(op, {}, **more))


async def test_answers_find_their_questions_whatever_their_order(pair: Pair) -> None:
    first, second = ask(pair, "one"), ask(pair, "two")
    frames = [await pair.next(), await pair.next()]
    for frame in reversed(frames):
        pair.say(type="res", id=frame["id"], ok={"op": frame["op"]})
    assert await asyncio.gather(first, second) == [{"op": "one"}, {"op": "two"}]


async def test_an_answer_that_is_an_error_is_raised_with_what_it_says(pair: Pair) -> None:
    question = ask(pair)
    error = {"code": "failed", "certainty": "unknown"}
    pair.say(type="res", id=(await pair.next())["id"], error=error)
    with pytest.raises(Refusal) as caught:
        await question
    assert caught.value.error == error
    assert caught.value.reached


async def test_an_answer_that_nobody_waits_for_any_more_is_of_no_account(pair: Pair) -> None:
    with pytest.raises(Late) as caught:
        await ask(pair, seconds=0.05)
    assert caught.value.reached
    pair.say(type="res", id=(await pair.next())["id"], ok={})
    question = ask(pair)
    pair.say(type="res", id=(await pair.next())["id"], ok={"fresh": True})
    assert await question == {"fresh": True}


async def test_a_worker_that_goes_fails_all_questions(pair: Pair) -> None:
    question = ask(pair)
    await pair.next()
    pair.writer.close()
    with pytest.raises(Gone) as caught:
        await question
    assert caught.value.reached
    with pytest.raises(Gone) as caught:
        await ask(pair)
    assert not caught.value.reached
    with pytest.raises(Gone):
        await pair.wire.hello
    pair.wire.acknowledge(1)


@pytest.mark.parametrize(
    "said",
    [
        b"\xff\xff\xff\xff",
        encode({"type": "res", "id": "q1"}),
        encode({"type": "res", "id": "q1", "ok": []}),
        encode({"type": "req", "id": "q1", "op": "ping", "args": {}}),
        encode({"type": "ev", "event": 1}),
        encode({"type": "ev", "event": "x", "seq": "1"}),
        encode({"type": "ev", "event": "x", "seq": True}),
        encode({"type": "ev", "event": "x", "seq": -1}),
    ],
)
async def test_nonsense_ends_the_connection(pair: Pair, said: bytes) -> None:
    question = ask(pair)
    await pair.next()
    pair.writer.write(said)
    with pytest.raises(Gone):
        await question


async def test_events_are_handed_on_in_their_order_and_one_at_a_time(pair: Pair) -> None:
    pair.takes.clear()
    for number in range(3):
        pair.say(type="ev", event="message", data={"n": number}, seq=number)
    pair.say(type="ev", event="odd", data=[1])
    question = ask(pair)
    pair.say(type="res", id=(await pair.next())["id"], ok={})
    assert not question.done()
    assert pair.wire.is_held
    pair.takes.set()
    assert await question == {}
    assert [one[2] for one in pair.heard] == [0, 1, 2, None]
    assert pair.heard[3] == ("odd", {"odd": [1]}, None)
    assert not pair.wire.is_held


async def test_a_question_that_is_too_long_is_not_asked(pair: Pair) -> None:
    with pytest.raises(TooLong) as caught:
        await pair.wire.request("send", {"text": "x" * LONGEST}, seconds=SOON)
    assert not caught.value.reached


async def test_questions_to_a_worker_that_does_not_read_are_certain_not_to_have_reached_it(
    pair: Pair,
) -> None:
    long = asyncio.ensure_future(pair.wire.request("x", {"text": "x" * 4_000_000}, seconds=SOON))
    await asyncio.sleep(0)
    with pytest.raises(Late) as caught:
        await pair.wire.request("send", {}, seconds=0.05, name="k")
    assert not caught.value.reached
    long.cancel()
    await asyncio.gather(long, return_exceptions=True)


async def test_acknowledgements_name_the_last_event(pair: Pair) -> None:
    pair.wire.acknowledge(7)
    assert await pair.next() == {"type": "ack", "seq": 7}


# -- the heartbeat ------------------------------------------------------------------------------


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_three_silences_end_a_worker_and_an_answer_makes_them_none(pair: Pair) -> None:
    clock = ManualClock()
    beating = asyncio.ensure_future(beat(pair.wire, clock, seconds=20))
    for _ in range(3):
        await settled()
        clock.advance(20)
    ping = await pair.next()
    pair.say(type="res", id=ping["id"], error={"code": "failed"})
    async with asyncio.timeout(SOON):
        while pair.wire._pending:  # noqa: ASYNC110
            await asyncio.sleep(0)
    for _ in range(3):
        await settled()
        assert not beating.done()
        clock.advance(20)
    assert (await pair.next())["op"] == "ping"
    await settled()
    assert not beating.done()
    clock.advance(20)
    async with asyncio.timeout(SOON):
        await beating


async def test_the_silence_of_a_worker_that_we_hold_back_does_not_count(pair: Pair) -> None:
    clock = ManualClock()
    beating = asyncio.ensure_future(beat(pair.wire, clock, seconds=20))
    pair.takes.clear()
    pair.say(type="ev", event="message", data={}, seq=1)
    async with asyncio.timeout(SOON):
        while not pair.wire.is_held:  # noqa: ASYNC110
            await asyncio.sleep(0)
    for _ in range(10):
        await settled()
        clock.advance(20)
    await settled()
    assert not beating.done()
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
