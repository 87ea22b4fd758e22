"""Files, both ways: how fast they pass, and what of them is in memory meanwhile."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.house import house, served
from bridge.sim.chatwoot import ChatwootSim
from bridge.sim.graph.records import File

MB = 10**6
SIZES = (1, 10, 100)
LATENCY = 0.005
SECONDS = 120
PERSON = "5511980000001"
#: Files of each size, one after the other.
COUNTS = {1: 10, 10: 5, 100: 3}
MIME = "application/pdf"
#: A hundred millions of bytes are allowed in as well.
LIMITS = {"PONTE_CLOUD__MAX_MEDIA_MB": "128", "PONTE_WHATSAPP_WEB__MAX_MEDIA_MB": "128"}


@dataclass(kw_only=True)
class Road:
    """One way for files; `passes` returns when the file has arrived on the other side."""

    name: str
    passes: Callable[[bytes], Awaitable[None]]
    #: The service, and the workers of its numbers.
    service: psutil.Process
    workers: list[psutil.Process]


async def media(run: int, *, quick: bool, with_web: bool) -> list[dict[str, Any]]:
    rows = []
    for world in (_cloud, _web) if with_web else (_cloud,):
        async with world() as roads:
            for road in roads:
                await road.passes(os.urandom(MB))  # everybody knows everybody
            for size in SIZES:
                rows += [await _measure(road, size, run, quick=quick) for road in roads]
    return rows


async def _measure(road: Road, size: int, run: int, *, quick: bool) -> dict[str, Any]:
    count = 1 if quick else COUNTS[size]
    files = [os.urandom(size * MB) for _ in range(count)]
    before = _resident(road.service), sum(map(_resident, road.workers))
    began, seconds = time.monotonic(), []
    async with _peaks(road) as peaks:
        for data in files:
            began = time.monotonic()
            await road.passes(data)
            seconds.append(time.monotonic() - began)
    row: dict[str, Any] = {
        "way": f"{road.name}, {size} MB",
        "latency": LATENCY,
        "concurrency": 1,
        "run": run,
        "s": sorted(seconds)[len(seconds) // 2],
        "MB/s": size * count / sum(seconds),
        "service + MB": peaks[0] - before[0],
    }
    return row | ({"worker + MB": peaks[1] - before[1]} if road.workers else {})


@asynccontextmanager
async def _peaks(road: Road) -> AsyncIterator[list[float]]:
    """The largest memory (MB) of the service and of its workers, looked at all the time."""
    peaks = [0.0, 0.0]

    async def look() -> None:
        while True:
            peaks[0] = max(peaks[0], _resident(road.service))
            peaks[1] = max(peaks[1], sum(map(_resident, road.workers)))
            await asyncio.sleep(0.005)

    looking = asyncio.ensure_future(look())
    try:
        yield peaks
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


def _resident(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / MB


async def _arrives(chatwoot: ChatwootSim, written: str) -> None:
    """Wait until what a customer wrote stands in Chatwoot."""
    source = f"WAID:{written}"
    await chatwoot.wait_for(
        lambda: any(one.source_id == source for one in chatwoot.messages()), SECONDS
    )
    await chatwoot.settled(SECONDS)


def _chat(chatwoot: ChatwootSim) -> int:
    """The conversation of the customer who wrote."""
    return next(
        one.conversation.id
        for one in chatwoot.messages()
        if (one.source_id or "").startswith("WAID:")
    )


# -- the roads ---------------------------------------------------------------------------------


@asynccontextmanager
async def _cloud() -> AsyncIterator[list[Road]]:
    os.environ |= LIMITS
    async with house(LATENCY) as here:

        async def comes(data: bytes) -> None:
            sent = File(kind="document", data=data, mime=MIME, filename="a.pdf")
            await _arrives(here.chatwoot, await here.graph.customer_writes(PERSON, file=sent))
            here.graph.shelf.files.clear()

        async def goes(data: bytes) -> None:
            before = len(here.graph.sent)
            here.chatwoot.agent_writes(
                _chat(here.chatwoot), "", attachments=[("a.pdf", data, MIME)]
            )
            await here.graph.wait_for(lambda: len(here.graph.sent) > before, SECONDS)
            await here.chatwoot.settled(SECONDS)
            here.graph.shelf.files.clear()

        yield [
            Road(name="cloud in", passes=comes, service=here.process, workers=[]),
            Road(name="cloud out", passes=goes, service=here.process, workers=[]),
        ]


@asynccontextmanager
async def _web() -> AsyncIterator[list[Road]]:
    """One number on the double of WhatsApp Web; its worker does the encryption."""
    # It needs the library; `bench.web` makes the tests' double importable.
    from bench.web import UNPACED, Scene, line_of, pair_all, workers  # noqa: PLC0415
    from support.whatsapp_web import WhatsAppWeb  # noqa: PLC0415

    chatwoot = ChatwootSim(latency=LATENCY)
    with tempfile.TemporaryDirectory(prefix="ponte-bench-") as folder:
        async with WhatsAppWeb() as double, chatwoot.serving() as chatwoot_url:
            line = line_of(double, 0)
            bob = line.people[0]
            environment = UNPACED | LIMITS | double.environ
            async with served(Path(folder), environment) as service:
                here = Scene(
                    service=service,
                    chatwoot=chatwoot,
                    chatwoot_url=chatwoot_url,
                    double=double,
                    lines=[line],
                    decrypted={},
                )
                await pair_all(here, 0)

                async def comes(data: bytes) -> None:
                    file = double.media.put(data, kind="document", mime=MIME)
                    sent = await bob.sends(line.companion, file, fileName="a.pdf")
                    await _arrives(chatwoot, sent)
                    double.media.stored.clear()

                async def goes(data: bytes) -> None:
                    chatwoot.agent_writes(_chat(chatwoot), "", attachments=[("a.pdf", data, MIME)])
                    await bob.next_message()
                    double.media.stored.clear()

                yield [
                    Road(
                        name=f"web {way}",
                        passes=passes,
                        service=service.process,
                        workers=workers(here),
                    )
                    for way, passes in (("in", comes), ("out", goes))
                ]
