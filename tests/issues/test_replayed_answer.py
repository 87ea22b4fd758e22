"""An agent's message that died and was replayed by the operator."""

from __future__ import annotations

from bridge.sim.graph import faults
from bridge.sim.graph.faults import Route
from support.bridge_house import House


async def replay(house: House) -> None:
    (letter,) = await house.ok("GET", "/dead-letters")
    await house.ok("POST", f"/dead-letters/{letter['id']}/replay")


async def test_a_replayed_answer_loses_its_red_mark(house: House) -> None:
    talk = await house.talk()
    house.graph.faults.next(Route.MESSAGES, faults.error(131026))
    message = house.chat.agent_writes(talk.id, "resposta")
    await house.status(message, "failed")
    await house.quiet()
    await replay(house)
    await house.quiet()
    assert house.texts == ["resposta"]
    assert message.status == "sent"
    assert message.external_error is None
    assert set((await house.balance()).values()) == {0}


async def test_a_failure_that_is_shown_after_the_replay_does_not_stay(house: House) -> None:
    talk = await house.talk()
    house.graph.faults.next(Route.MESSAGES, faults.error(131026))
    down = house.chat.faults.fail(503, route="PATCH message")
    message = house.chat.agent_writes(talk.id, "resposta")
    await house.chat.wait_for(lambda: down.hits >= 1)
    await replay(house)
    await house.sent()
    down.off()
    await house.quiet()
    assert house.texts == ["resposta"]
    assert message.status == "sent"
