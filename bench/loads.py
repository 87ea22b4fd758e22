"""The loads: at most C messages under way, each way, and what the service needed for them."""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from bench.house import APP_SECRET, House
from bridge.sim.graph import sign

#: Customers of a run; each writes in turn.
PEOPLE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one load needed. Latencies are seconds from webhook to arrival, sorted."""

    messages: int
    seconds: float
    latencies: Sequence[float]
    far_calls: float
    cpu: float
    resident_mb: float

    def percentile(self, share: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


async def inbound(
    house: House,
    count: int,
    concurrency: int,
    *,
    run: str,
    who: Callable[[int], str] | None = None,
) -> Figures:
    """Customers write: from POST of Meta's webhook to arrival at Chatwoot.

    `who` names the number of the nth writer.
    """
    writer = who or _person
    begun: dict[str, float] = {}

    async def write(number: int) -> None:
        wamid, payload = house.graph.draft(writer(number), f"{run} {number}", name="Bench")
        begun[f"WAID:{wamid}"] = time.monotonic()
        await post(house, payload)

    calls = house.chatwoot.requests.total()
    arrived = house.chatwoot.requests["POST messages"]
    return await _measure(
        house,
        count,
        concurrency,
        write,
        arrivals=lambda: house.chatwoot.requests["POST messages"] - arrived,
        wait=house.chatwoot.wait_for,
        calls=lambda: house.chatwoot.requests.total() - calls,
        latencies=lambda: [
            message.arrived - begun[message.source_id]
            for message in house.chatwoot.messages()
            if message.source_id in begun and message.arrived is not None
        ],
    )


async def outbound(house: House, count: int, concurrency: int, *, run: str) -> Figures:
    """Agents answer: from the message in Chatwoot to its arrival at Graph, the hold included."""
    chats = [chat.id for chat in house.chatwoot.conversations.values() if chat.id != 112]
    begun: dict[str, float] = {}

    async def write(number: int) -> None:
        text = f"{run} {number}."
        begun[text] = time.monotonic()
        house.chatwoot.agent_writes(chats[number % len(chats)], text)
        await asyncio.sleep(0)

    calls = sum(house.graph.requests.values())
    arrived = len(house.graph.sent)
    return await _measure(
        house,
        count,
        concurrency,
        write,
        arrivals=lambda: len(house.graph.sent) - arrived,
        wait=house.graph.wait_for,
        calls=lambda: sum(house.graph.requests.values()) - calls,
        latencies=lambda: [
            sent.at - begun[key]
            for sent in house.graph.sent[arrived:]
            if (key := (sent.text or "").partition("\n")[2]) in begun
        ],
    )


async def answers(house: House, seconds: float, rate: float) -> Sequence[float]:
    """How long Chatwoot waits for the answer to its webhook, at an even rate; sorted seconds."""
    written = next(
        one.payload
        for one in reversed(list(house.chatwoot.webhooks))
        if one.event == "message_created" and one.payload["message_type"] == "outgoing"
    )
    inbox = next(iter(house.chatwoot.inboxes.values()))
    order = {
        "url": house.hook,
        "secret": inbox.secret,
        "body": written,
        "count": int(seconds * rate),
        "rate": rate,
    }
    measuring = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.answers", stdin=PIPE, stdout=PIPE
    )
    printed, _ = await measuring.communicate(orjson.dumps(order))
    return list(orjson.loads(printed))


async def warm(house: House) -> None:
    """Everybody has written once: contacts and conversations exist."""
    for number in range(PEOPLE):
        await post(house, house.graph.draft(_person(number), "warm", name="Bench")[1])
    await house.chatwoot.wait_for(
        lambda: house.chatwoot.requests["POST messages"] >= PEOPLE + 1, 60
    )
    await house.chatwoot.settled(60)


async def _measure(
    house: House,
    count: int,
    concurrency: int,
    write: Callable[[int], Awaitable[None]],
    *,
    arrivals: Callable[[], int],
    wait: Callable[[Callable[[], bool], float], Awaitable[None]],
    calls: Callable[[], float],
    latencies: Callable[[], list[float]],
) -> Figures:
    cpu = house.cpu()
    begun = time.monotonic()
    pending: set[asyncio.Task[None]] = set()
    for number in range(count):
        if number - arrivals() >= concurrency:
            await wait(lambda n=number: n - arrivals() < concurrency, 60)  # type: ignore[misc]
        task = asyncio.ensure_future(write(number))
        pending.add(task)
        task.add_done_callback(pending.discard)
        await asyncio.sleep(0)
    await wait(lambda: arrivals() >= count, 120)
    seconds = time.monotonic() - begun
    await asyncio.gather(*pending)
    await house.chatwoot.settled(60)
    await house.graph.settled(60)
    return Figures(
        messages=count,
        seconds=seconds,
        latencies=sorted(latencies()),
        far_calls=calls() / count,
        cpu=(house.cpu() - cpu) / count * 1000,
        resident_mb=house.resident_mb(),
    )


async def post(house: House, payload: dict[str, Any]) -> None:
    body = orjson.dumps(payload)
    async with house.session.post(
        f"{house.url}/webhook/meta",
        data=body,
        headers={
            "X-Hub-Signature-256": sign(body, APP_SECRET),
            "Content-Type": "application/json",
        },
    ) as answer:
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(await answer.text())


def _person(number: int) -> str:
    return f"55119{80000000 + number % PEOPLE}"
