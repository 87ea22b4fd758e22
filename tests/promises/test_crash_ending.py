"""The service dies at each await of a flow's ending: agents read of it once, and it is all done.

What it changes itself is taken for no human's doing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bridge.sim.chatwoot import Conversation
from bridge.sim.typebot import TypebotSim
from support.crashing import Road, crash_everywhere
from support.crossing import HTTP_CREATED, Crossing
from support.flow_house import ask, flow, text

MARINA = "5511987650001"
PLACES = ("bot_ending", "settle bot_ending")


@pytest.fixture
async def typebot() -> AsyncIterator[TypebotSim]:
    async with TypebotSim() as found:
        found.put_said(flow("curto", text("Seu nome?"), ask(), text("Obrigado!")))
        yield found


@pytest.mark.timeout(180)
async def test_the_note_stands_once_and_all_is_done(world, typebot) -> None:
    async def asked(its: Crossing) -> Conversation:
        body = {
            "enabled": True,
            "url": typebot.url,
            "typebot": "curto",
            "triggerType": "all",
            "debounceTime": 0,
            "endLabels": ["bot"],
            "endAgent": its.chat.agent.email,
            "onEnd": "resolve",
        }
        made = await its.api("POST", "/typebot/create/loja", json=body)
        assert made.status == HTTP_CREATED, await made.text()
        await its.customer(MARINA, "oi", name="Marina")
        await its.quiet()
        return its.customers_conversations()[0]

    async def answers(its: Crossing, _: Conversation) -> None:
        await its.customer(MARINA, "Marina", name="Marina")

    async def is_done(its: Crossing, chat: Conversation) -> None:
        notes = [one.content or "" for one in chat.messages if one.private]
        assert len(notes) == 1, notes
        assert "Seu nome? **Marina**" in notes[0]
        assert chat.status == "resolved"
        assert chat.assignee is its.chat.agent
        assert chat.labels == ["bot"]
        assert chat.custom_attributes == {"bot": "curto", "bot_result": "ended"}
        (row,) = its.ponte.query("SELECT phase, json_extract(state, '$.human') FROM talk")
        assert list(row) == ["paused", 0]
        assert its.ponte.query("SELECT 1 FROM job WHERE state='dead'") == []

    road = Road(places=PLACES, prepare=asked, walk=answers, check=is_done)
    assert await crash_everywhere(world, road) > 5
