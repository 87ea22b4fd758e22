"""Numbers connected by QR code: real workers between the double of WhatsApp Web and Chatwoot."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil

from bench.house import Running, served
from bridge.core.instance import BAILEYS
from bridge.sim.chatwoot import ChatwootSim

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # the double is part of the tests
from support.whatsapp_web import Companion, Person, Phone, Sent, WhatsAppWeb

NUMBERS = 20
#: Customers of each number.
PEOPLE = 5
#: Creates under way at once; Ponte starts so many workers at once.
AT_ONCE = 4
LATENCY = 0.005
#: We measure ourselves, not the pauses that keep numbers from being banned.
UNPACED = {
    "PONTE_WHATSAPP_WEB__MESSAGES_PER_SECOND": "100",
    "PONTE_WHATSAPP_WEB__BURST": "1000",
    "PONTE_WHATSAPP_WEB__PAIR_PAUSE_SECONDS": "0",
}


@dataclass(slots=True, kw_only=True)
class Line:
    """One connected number."""

    name: str
    phone: Phone
    people: Sequence[Person]
    instance: str = ""
    #: The Chatwoot conversation of each of its customers.
    chats: list[int] = field(default_factory=list)

    @property
    def companion(self) -> Companion:
        return self.phone.companion


@dataclass(slots=True, kw_only=True)
class Scene:
    service: Running
    chatwoot: ChatwootSim
    chatwoot_url: str
    double: WhatsAppWeb
    lines: Sequence[Line]
    #: When a text that an agent wrote was decrypted.
    decrypted: dict[str, float]

    def posted(self) -> dict[str, float]:
        """When each message of a customer arrived at Chatwoot, by its text."""
        return {
            one.content: one.arrived
            for one in self.chatwoot.messages()
            if one.content and one.arrived is not None and one.message_type == "incoming"
        }


async def web(run: int, *, quick: bool, count: int) -> list[dict[str, Any]]:
    count = min(count, 4) if quick else count
    chatwoot = ChatwootSim(latency=LATENCY)
    with tempfile.TemporaryDirectory(prefix="ponte-bench-") as folder:
        async with WhatsAppWeb() as double, chatwoot.serving() as chatwoot_url:
            environment = UNPACED | double.environ
            lines = [line_of(double, number) for number in range(count)]
            decrypted = _listen(double)

            def scene(service: Running) -> Scene:
                return Scene(
                    service=service,
                    chatwoot=chatwoot,
                    chatwoot_url=chatwoot_url,
                    double=double,
                    lines=lines,
                    decrypted=decrypted,
                )

            async with served(Path(folder), environment) as service:
                rows = [await pair_all(scene(service), run)]
                port = int(service.url.rpartition(":")[2])
            async with served(Path(folder), environment, port=port) as service:
                here = scene(service)
                rows.append(await _all_again(here, run))
                rows += await _round(here, run, quick=quick)
    return rows


async def _round(here: Scene, run: int, *, quick: bool) -> list[dict[str, Any]]:
    share, alone = (4 if quick else 1), here.lines[:1]
    rows = [_memory(here, run, "idle")]
    await _warm(here)
    for way, measure in (("in", _inbound), ("out", _outbound)):
        rows += [
            await measure(
                here,
                Load(
                    way=f"{way}, {'one number' if lines is alone else 'all numbers'}",
                    lines=lines,
                    count=count // share,
                    concurrency=concurrency,
                    run=run,
                ),
            )
            for lines, count, concurrency in (
                (alone, 100, 1),
                (alone, 400, 20),
                (here.lines, 1000, 100),
            )
        ]
    rows.append(_memory(here, run, "afterwards"))
    others = Load(
        way="in, all are well", lines=here.lines[1:], count=200 // share, concurrency=1, run=run
    )
    rows.append(await _inbound(here, others))
    async with _crashing(here, here.lines[0]) as crashes:
        rows.append(await _inbound(here, replace(others, way="in, one crashes")))
        rows[-1]["crashes"] = len(crashes)
    return rows


def line_of(double: WhatsAppWeb, number: int) -> Line:
    return Line(
        name=f"number-{number}",
        phone=double.phone(f"55119870{number:05}", name=f"Shop {number}"),
        people=[
            double.person(f"55119{80_000_000 + number * PEOPLE + one}", name="Bench")
            for one in range(PEOPLE)
        ],
    )


def _listen(double: WhatsAppWeb) -> dict[str, float]:
    """Note when a message of ours was decrypted by whom it is for."""
    times: dict[str, float] = {}
    arrived = double.arrived

    def noted(sent: Sent) -> None:
        times[sent.text] = time.monotonic()
        arrived(sent)

    double.arrived = noted  # type: ignore[method-assign]
    return times


# -- connecting --------------------------------------------------------------------------------


async def pair_all(here: Scene, run: int) -> dict[str, Any]:
    """From the first create to the last open connection: a code, its scan, 515, the login."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def pair(line: Line) -> float:
        async with turn:
            begun = time.monotonic()
            body = {
                "instanceName": line.name,
                "integration": BAILEYS,
                "qrcode": True,
                "chatwootAccountId": "1",
                "chatwootToken": here.chatwoot.admin_token,
                "chatwootUrl": here.chatwoot_url,
                "chatwootSignMsg": False,
                "chatwootReopenConversation": True,
                "chatwootConversationPending": False,
                "chatwootNameInbox": line.name,
            }
            url = f"{here.service.url}/instance/create"
            async with here.service.session.post(url, json=body) as answer:
                if answer.status != HTTPStatus.CREATED:
                    raise RuntimeError(await answer.text())
                made = await answer.json()
            line.instance = made["instance"]["instanceId"]
            companion = await line.phone.scan(made["qrcode"]["code"])
            await companion.connected()
            return time.monotonic() - begun

    begun = time.monotonic()
    waits = await asyncio.gather(*map(pair, here.lines))
    return _row(run, "paired by QR code", AT_ONCE, waits, seconds=time.monotonic() - begun)


async def _all_again(here: Scene, run: int) -> dict[str, Any]:
    """From the start of the service until all numbers are connected; its own start comes first."""
    begun = time.monotonic() - here.service.start_seconds
    waits = await asyncio.gather(*(_again(line, begun) for line in here.lines))
    return _row(run, "connected at a start", AT_ONCE, waits, seconds=max(waits))


async def _again(line: Line, begun: float) -> float:
    await line.phone.double.journal.until(
        lambda: line.companion.logins > 1 and line.companion.is_active, "it is back", seconds=120
    )
    return time.monotonic() - begun


# -- loads -------------------------------------------------------------------------------------


async def _warm(here: Scene) -> None:
    """Everybody has written once: contacts and conversations exist."""
    texts = []
    for line, number in itertools.product(here.lines, range(PEOPLE)):
        texts.append(f"warm {line.name} {number}")
        await line.people[number].writes(line.companion, texts[-1])
    await here.chatwoot.wait_for(lambda: here.posted().keys() >= set(texts), 120)
    chats = {one.content: one.conversation.id for one in here.chatwoot.messages()}
    for line in here.lines:
        line.chats = [chats[f"warm {line.name} {number}"] for number in range(PEOPLE)]
    await here.chatwoot.settled(60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """So many messages over these numbers, at most `concurrency` of them under way."""

    way: str
    lines: Sequence[Line]
    count: int
    concurrency: int
    run: int

    def whose(self, number: int) -> tuple[Line, int]:
        """The number and the customer of a message, in turn."""
        return self.lines[number % len(self.lines)], number // len(self.lines) % PEOPLE


async def _inbound(here: Scene, load: Load) -> dict[str, Any]:
    """From the double's encryption to Chatwoot."""
    before = here.chatwoot.requests["POST messages"]

    async def write(number: int, text: str) -> None:
        line, person = load.whose(number)
        await line.people[person].writes(line.companion, text)

    async def arrives(count: int) -> None:
        await here.chatwoot.wait_for(
            lambda: here.chatwoot.requests["POST messages"] - before >= count, 120
        )

    return await _measure(here, load, write, arrives, here.posted)


async def _outbound(here: Scene, load: Load) -> dict[str, Any]:
    """From the agent's message in Chatwoot to its text, decrypted; the hold is in it."""
    before = len(here.decrypted)

    async def write(number: int, text: str) -> None:
        line, person = load.whose(number)
        here.chatwoot.agent_writes(line.chats[person], text)

    async def arrives(count: int) -> None:
        await here.double.journal.until(
            lambda: len(here.decrypted) - before >= count, "all is sent", seconds=120
        )

    return await _measure(here, load, write, arrives, lambda: here.decrypted)


async def _measure(
    here: Scene,
    load: Load,
    write: Callable[[int, str], Awaitable[None]],
    arrives: Callable[[int], Awaitable[None]],
    arrived: Callable[[], dict[str, float]],
) -> dict[str, Any]:
    begun: dict[str, float] = {}
    before, started = _cpu(here), time.monotonic()
    for number in range(load.count):
        if number >= load.concurrency:
            await arrives(number - load.concurrency + 1)
        text = f"{load.way} {load.run} {load.concurrency} {number}."
        begun[text] = time.monotonic()
        await write(number, text)
    await arrives(load.count)
    await here.chatwoot.wait_for(lambda: arrived().keys() >= begun.keys(), 60)
    await here.chatwoot.settled(60)
    times, cpu = arrived(), _cpu(here)
    waits = [times[text] - begun[text] for text in begun]
    seconds = max(times[text] for text in begun) - started
    return _row(load.run, load.way, load.concurrency, waits) | {
        "per second": load.count / seconds,
        "CPU s/1000": (cpu.service - before.service) / load.count * 1000,
        "of workers": (cpu.workers - before.workers) / load.count * 1000,
    }


# -- processes ---------------------------------------------------------------------------------


def workers(here: Scene) -> list[psutil.Process]:
    """Those that live; one that was killed may be there for another moment."""
    found = []
    for child in here.service.process.children():
        with suppress(psutil.NoSuchProcess):
            if "bridge.whatsapp.web.worker" in child.cmdline():
                found.append(child)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """Seconds so far."""

    service: float
    workers: float


def _cpu(here: Scene) -> Cpu:
    spent = [0.0]
    for worker in workers(here):
        with suppress(psutil.NoSuchProcess):
            spent.append(sum(worker.cpu_times()[:2]))
    return Cpu(service=sum(here.service.process.cpu_times()[:2]), workers=sum(spent))


def _memory(here: Scene, run: int, when: str) -> dict[str, Any]:
    living = workers(here)
    found = [one.memory_full_info() for one in living]
    return {
        "way": f"web: a worker, {when}",
        "latency": LATENCY,
        "concurrency": len(found),
        "run": run,
        "PSS MB": statistics.median(one.pss for one in found) / 1e6,
        "USS MB": statistics.median(one.uss for one in found) / 1e6,
        "threads": statistics.median(one.num_threads() for one in living),
        "service MB": here.service.process.memory_info().rss / 1e6,
    }


@asynccontextmanager
async def _crashing(here: Scene, line: Line) -> AsyncIterator[list[int]]:
    """The worker of this number is killed as soon as there is one, again and again."""
    killed: list[int] = []
    begun = asyncio.Event()

    async def kill() -> None:
        while True:
            for worker in await asyncio.to_thread(_workers_of, here, line):
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
                killed.append(worker)
                begun.set()
            await asyncio.sleep(0.05)

    killing = asyncio.ensure_future(kill())
    try:
        await asyncio.wait_for(begun.wait(), 30)
        yield killed
    finally:
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)


def _workers_of(here: Scene, line: Line) -> list[int]:
    found = []
    for worker in workers(here):
        with suppress(psutil.NoSuchProcess):
            if any(line.instance in file.path for file in worker.open_files()):
                found.append(worker.pid)
    return found


def _row(
    run: int, way: str, concurrency: int, waits: Sequence[float], **more: float
) -> dict[str, Any]:
    ordered = sorted(waits)
    return {
        "way": f"web: {way}",
        "latency": LATENCY,
        "concurrency": concurrency,
        "run": run,
        "p50": ordered[len(ordered) // 2] * 1000,
        "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000,
        **more,
    }
