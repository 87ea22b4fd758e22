"""The service dies at each await of a turn: Typebot is never asked twice, and nobody is forgotten.

A text that a flow was answered with has gone to Typebot once, and what that answered is said once;
or nobody knows whether it has, and then agents are told.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count

import pytest

from bridge.sim.typebot import TypebotSim
from support.crashing import Road, crash_everywhere
from support.crossing import HTTP_CREATED, Crossing
from support.flow_house import ask, choose, flow, text, wait

MARINA = "5511987650001"
PLACES = ("accept meta", "bot_turn", "settle bot_turn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What one world says, which no other does."""

    word: str


class Flows:
    """Roads on which a person answers a flow, in worlds of which each has its own words."""

    def __init__(self, typebot: TypebotSim) -> None:
        self.typebot = typebot
        self._numbers = count(1)

    async def begin(self, its: Crossing, name: str) -> Ready:
        body = {
            "enabled": True,
            "url": self.typebot.url,
            "typebot": name,
            "triggerType": "all",
            "debounceTime": 0,
        }
        made = await its.api("POST", "/typebot/create/loja", json=body)
        assert made.status == HTTP_CREATED, await made.text()
        return Ready(word=f"palavra {next(self._numbers)}")

    async def greeted(self, its: Crossing) -> Ready:
        ready = await self.begin(its, "greets")
        await its.customer(MARINA, "oi", name="Marina")
        await its.quiet()
        return ready

    async def waited(self, its: Crossing) -> Ready:
        return await self.begin(its, "waits")

    async def first(self, its: Crossing) -> Ready:
        return await self.begin(its, "asks")

    def asked(self, word: str) -> int:
        """How often Typebot was told a word."""
        return sum(call.text == word for call in self.typebot.calls)

    async def say(self, its: Crossing, ready: Ready) -> None:
        await its.customer(MARINA, ready.word, name="Marina")

    async def is_answered(self, its: Crossing, ready: Ready) -> None:
        assert self.asked(ready.word) <= 1
        await self.is_told_once(its, ready, f"Oi, {ready.word}!")

    async def is_told_once(self, its: Crossing, ready: Ready, answer: str) -> None:
        said = [one.text for one in its.graph.sent]
        assert said.count(answer) <= 1
        assert len(said) == len(set(said))
        written = [one.content for one in its.incoming()]
        assert written.count(ready.word) == 1
        notes = [one for one in its.chat.messages() if one.private]
        if answer not in said:
            assert notes, "agents know nothing of it"
            assert its.ponte.query("SELECT 1 FROM job WHERE state='dead'")
        asking = its.ponte.query("SELECT json_extract(state, '$.asking') AS asking FROM talk")
        assert [list(row) for row in asking] == [[None]]


@pytest.fixture
async def flows() -> AsyncIterator[Flows]:
    async with TypebotSim() as typebot:
        oi = text("Oi, {{answer}}!")
        typebot.put_said(flow("greets", text("Seu nome?"), ask("text"), oi, choose("A", "B")))
        typebot.put_said(flow("asks", ask("text"), oi, choose("A", "B")))
        typebot.put_said(
            flow("waits", text("Um momento"), wait(0.05), text("Oi, {{firstMessage}}!"), ask())
        )
        yield Flows(typebot)


@pytest.mark.timeout(180)
async def test_an_answer_goes_to_the_flow_once_or_agents_are_told(world, flows):
    road = Road(
        places=PLACES, prepare=flows.greeted, walk=flows.say, check=flows.is_answered, stride=2
    )
    assert await crash_everywhere(world, road) > 5


@pytest.mark.timeout(180)
async def test_a_flow_is_started_once_or_agents_are_told(world, flows):
    road = Road(
        places=PLACES, prepare=flows.first, walk=flows.say, check=flows.is_answered, stride=2
    )
    assert await crash_everywhere(world, road) > 5


@pytest.mark.timeout(180)
async def test_a_flow_that_waits_for_us_is_answered_once_or_agents_are_told(world, flows):
    road = Road(
        places=PLACES, prepare=flows.waited, walk=flows.say, check=flows.is_answered, stride=3
    )
    assert await crash_everywhere(world, road) > 5
