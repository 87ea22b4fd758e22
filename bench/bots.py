"""Typebot flows: what a turn costs beside Typebot's own time, and many flows at once.

All delays are off: no debounce, no typing, no waits. A turn runs from before Meta's webhook is
posted until Graph's stand-in has read what the flow says next.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.house import House, house
from bench.loads import post
from bridge.sim.graph import SentMessage
from bridge.sim.typebot import TypebotSim

LATENCY = 0.005
#: Turns of the load that goes one at a time, by people in turn: nobody gets more than a few
#: messages a minute, which WhatsApp would not allow (and we do not send).
TURNS = 300
PEOPLE = 20
#: People with a flow each at once, and the questions that each answers.
CHATS = 200
QUESTIONS = 5
_LOOP, _ORDER = "loop", "order"


async def bots(run: int, *, quick: bool) -> list[dict[str, Any]]:
    async with _with_flows() as (here, typebot):
        idle = here.resident_mb()
        rows = [await _one_at_a_time(run, here, TURNS // (4 if quick else 1))]
        rows.append(await _all_at_once(run, here, typebot, CHATS // (4 if quick else 1)))
    for row in rows:
        row["before MB"] = idle
    return rows


@asynccontextmanager
async def _with_flows() -> AsyncIterator[tuple[House, TypebotSim]]:
    typebot = TypebotSim(latency=LATENCY)
    typebot.put_said(_loop())
    typebot.put_said(_order())
    async with typebot, house(LATENCY) as here:
        for flow in (_LOOP, _ORDER):
            body = {
                "enabled": True,
                "url": typebot.url,
                "typebot": flow,
                "triggerType": "keyword",
                "triggerOperator": "equals",
                "triggerValue": flow,
                "debounceTime": 0,
                "onEnd": "keep",
            }
            async with here.session.post(f"{here.url}/typebot/create/bench", json=body) as answer:
                if not answer.ok:
                    raise RuntimeError(await answer.text())
        yield here, typebot


async def _one_at_a_time(run: int, here: House, turns: int) -> dict[str, Any]:
    """Each text is answered before anybody writes another."""
    people = [f"55119{70_000_000 + n}" for n in range(PEOPLE)]
    for person in people:
        await _written(here, person, _LOOP, 1)
    await _quiet(here)
    cpu = here.cpu()
    waits = []
    for number in range(turns):
        begun = time.monotonic()
        sent = await _written(here, people[number % PEOPLE], f"texto {number}", 1)
        waits.append(sent[0].at - begun)
    await _quiet(here)
    ordered = sorted(waits)
    p50 = ordered[len(ordered) // 2] * 1000
    return {
        "way": "bots: a turn, one at a time",
        "latency": LATENCY,
        "concurrency": 1,
        "run": run,
        "p50": p50,
        "p99": ordered[int(len(ordered) * 0.99)] * 1000,
        "p50 without Typebot": p50 - LATENCY * 1000,
        "CPU s/1000": (here.cpu() - cpu) / turns * 1000,
        "after MB": here.resident_mb(),
    }


async def _written(here: House, person: str, text: str, more: int) -> list[SentMessage]:
    """Write, and wait for so many messages more than there were."""
    before = len(here.graph.sent)
    await post(here, here.graph.draft(person, text, name="Bench")[1])
    await here.graph.wait_for(lambda: len(here.graph.sent) >= before + more, 60)
    return here.graph.sent[before:]


@dataclass(slots=True, kw_only=True)
class _Chat:
    """A person who answers every question at once."""

    number: str
    begun: float = 0.0
    asked: int = 0
    took: float = 0.0
    answers: asyncio.Queue[SentMessage] = field(default_factory=asyncio.Queue)

    async def live(self, here: House) -> None:
        self.begun = time.monotonic()
        await post(here, here.graph.draft(self.number, _ORDER, name="Bench")[1])
        while self.asked <= QUESTIONS:
            last = await self.answers.get()
            if last.text and last.text.startswith("fim"):
                self.took = last.at - self.begun
                return
            self.asked += 1
            await post(here, here.graph.draft(self.number, f"r{self.asked}", name="Bench")[1])
        raise RuntimeError(f"{self.number} was asked too often")


async def _all_at_once(run: int, here: House, typebot: TypebotSim, count: int) -> dict[str, Any]:
    """Everybody starts in the same moment; nobody should fall behind the others."""
    chats = {f"55119{60_000_000 + n}": _Chat(number=f"55119{60_000_000 + n}") for n in range(count)}
    calls, cpu, begun = len(typebot.calls), here.cpu(), time.monotonic()
    handing = asyncio.ensure_future(_hand_out(here, chats))
    try:
        async with asyncio.timeout(240):
            await asyncio.gather(*(chat.live(here) for chat in chats.values()))
    finally:
        handing.cancel()
    seconds = time.monotonic() - begun
    await _quiet(here)
    took = sorted(chat.took for chat in chats.values())
    turns = len(typebot.calls) - calls
    if turns != count * (QUESTIONS + 1):
        raise RuntimeError(f"{turns} calls of Typebot for {count} flows")
    median = took[len(took) // 2]
    return {
        "way": f"bots: {count} flows at once",
        "latency": LATENCY,
        "concurrency": count,
        "run": run,
        "per second": turns / seconds,
        "median s": median,
        "worst s": took[-1],
        "worst/median": took[-1] / median,
        "CPU s/1000": (here.cpu() - cpu) / turns * 1000,
        "after MB": here.resident_mb(),
    }


async def _hand_out(here: House, chats: dict[str, _Chat]) -> None:
    """Give everybody what was sent to them, as it comes."""
    seen = len(here.graph.sent)
    while True:
        await here.graph.wait_for(lambda at=seen: len(here.graph.sent) > at, 240)  # type: ignore[misc]
        for sent in here.graph.sent[seen:]:
            chat = chats.get(sent.to)
            if chat is not None:
                chat.answers.put_nowait(sent)
            seen += 1


async def _quiet(here: House) -> None:
    await here.chatwoot.settled(60)
    await here.graph.settled(60)


_OFF = {"typingEmulation": {"enabled": False}}


def _loop() -> dict[str, Any]:
    """Asks the same again and again."""
    blocks = [
        {"id": "t_ask", "type": "text", "text": "Diga"},
        {"id": "in_ask", "type": "text input", "options": {"variableId": "v"}},
        {"id": "t_said", "type": "text", "text": "Você disse {{dito}}"},
    ]
    return {
        "public_id": _LOOP,
        "settings": _OFF,
        "variables": {"v": "dito"},
        "groups": [{"id": "g", "blocks": blocks}],
        "edges": [{"from": "t_said", "to": "in_ask"}],
    }


def _order() -> dict[str, Any]:
    """Some questions and an end."""
    blocks: list[dict[str, Any]] = []
    for n in range(QUESTIONS):
        blocks.append({"id": f"t{n}", "type": "text", "text": f"pergunta {n}"})
        blocks.append({"id": f"in{n}", "type": "text input", "options": {"variableId": f"v{n}"}})
    blocks.append({"id": "t_end", "type": "text", "text": "fim de {{r0}}"})
    return {
        "public_id": _ORDER,
        "settings": _OFF,
        "variables": {f"v{n}": f"r{n}" for n in range(QUESTIONS)},
        "groups": [{"id": "g", "blocks": blocks}],
    }
