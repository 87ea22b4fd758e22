"""WhatsApp refuses a number's token; the administrator gives a new one."""

from __future__ import annotations

import asyncio

from support.bridge_house import NAME, House

NEW = "a-new-token-of-meta"


async def _until_paused(house: House) -> None:
    breakers = house.service.queue.lanes.breakers
    async with asyncio.timeout(30):
        while not any(one.is_open for key, one in breakers.items() if key.startswith("whatsapp:")):
            house._moved.clear()
            await house._moved.wait()


async def test_what_waited_for_the_token_goes_out_once_there_is_a_new_one(house: House) -> None:
    conversation = await house.talk()
    house.graph.access_token = NEW
    house.chat.agent_writes(conversation.id, "ainda está aí?")
    await _until_paused(house)
    assert house.graph.sent == []
    await house.ok("POST", f"/instance/credentials/{NAME}", json={"token": NEW})
    await house.graph.wait_for(lambda: len(house.graph.sent) == 1)
    assert [sent.text for sent in house.graph.sent] == ["ainda está aí?"]


async def test_a_token_that_whatsapp_refuses_changes_nothing(house: House) -> None:
    conversation = await house.talk()
    status, answer = await house.call(
        "POST", f"/instance/credentials/{NAME}", json={"token": "wrong"}
    )
    assert (status, answer["response"]["code"]) == (400, "whatsapp.token")
    house.chat.agent_writes(conversation.id, "oi")
    await house.graph.wait_for(lambda: len(house.graph.sent) == 1)
