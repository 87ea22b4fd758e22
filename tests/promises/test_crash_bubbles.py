"""Promises 2 to 4 for what a flow says: the service dies at each await of a bubble's road, and yet
each bubble goes out at most once and in order, agents see what went or are told what perhaps did
not, and the flow goes on to its question."""

from __future__ import annotations

import orjson
import pytest

from bridge.sim.typebot import TypebotSim
from support.crashing import Road, crash_everywhere
from support.crossing import Crossing
from support.flow_house import choose, flow, text

MARINA = "5511987650001"
SAID = ["Olá!", "Somos a Padaria Aurora.", "Que tamanho?"]
MENU = flow("menu", *(text(one) for one in SAID), choose("Pequeno", "Grande"))


async def write(its: Crossing, _: None) -> None:
    await its.customer(MARINA, "Oi", name="Marina")


async def said_once_or_told(its: Crossing, _: None) -> None:
    sent = [one.text for one in its.graph.sent]
    assert len({one.callback_data for one in its.graph.sent}) == len(sent)
    assert sent == [one for one in SAID if one in sent], sent  # in order, each once
    messages = its.chat.messages()
    shown = [
        (one.content or "").partition("\n")[0]
        for one in messages
        if one.message_type == "outgoing" and (one.source_id or "").startswith("WAID:")
    ]
    assert len(shown) == len(set(shown)), shown
    notes = "\n".join(one.content or "" for one in messages if one.private)
    for one in SAID:
        assert (one in shown and one in sent) or one in notes, (one, sent, shown, notes)
    ((state,),) = its.ponte.query("SELECT state FROM talk")
    talk = orjson.loads(state)
    assert (talk["phase"], talk["left"], talk["asking"]) == ("waiting", 0, None)


@pytest.mark.timeout(240)
async def test_a_bubble_is_said_once_or_told_wherever_the_service_dies(world):
    async with TypebotSim() as typebot:
        typebot.put_said(dict(MENU))

        async def with_a_flow(its: Crossing) -> None:
            await its.customer(MARINA, "primeiro", name="Marina")
            await its.quiet()
            body = {
                "enabled": True,
                "url": typebot.url,
                "typebot": "menu",
                "triggerType": "all",
                "debounceTime": 0,
            }
            answer = await its.api("POST", "/typebot/create/loja", json=body)
            assert answer.status in {200, 201}, await answer.text()

        steps = await crash_everywhere(
            world,
            Road(
                places=("bubble", "settle bubble"),
                prepare=with_a_flow,
                walk=write,
                check=said_once_or_told,
            ),
        )
    assert steps > 10
