"""A customer's picture while WhatsApp refuses our token."""

from __future__ import annotations

from bridge.sim.graph import faults
from bridge.sim.graph.faults import Route
from bridge.sim.pictures import png
from support.bridge_house import MARINA, House


async def test_a_picture_waits_for_the_token_and_is_no_dead_letter(house: House) -> None:
    await house.talk()
    house.graph.faults.next(Route.DOWNLOAD, faults.error(190, status=401), count=2)
    house.graph.faults.next(Route.LOOKUP, faults.error(190, status=401), count=2)
    await house.graph.customer_writes(MARINA, None, image=png(10, 10))
    await house.graph.customer_writes(MARINA, "viu?")
    await house.quiet()
    assert await house.ok("GET", "/dead-letters") == []
    _, picture, text = house.chats()[0].messages
    assert [held.data for held in picture.attachments] == [png(10, 10)]
    assert text.content == "viu?"
