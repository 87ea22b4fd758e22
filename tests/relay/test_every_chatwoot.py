"""One conversation as people have it, with each version of Chatwoot whose differences matter."""

from __future__ import annotations

import pytest

from bridge.sim.graph import Route, faults
from bridge.sim.pictures import png
from support.bridge_house import CHATWOOTS, MARINA, bridge_house

#: What the rich editor stores, from 4.9 on.
EDITOR = "**Oi**, *tudo bem?*\\\nSão 2\\*3 \\_itens\\_: https://loja.example/a_b\n\n- um\n- dois"
#: What a customer shall see of it.
SEEN = "*Oi*, _tudo bem?_\nSão 2*3 _itens_: https://loja.example/a_b\n\n- um\n- dois"


@pytest.mark.parametrize("version", CHATWOOTS)
async def test_a_conversation(tmp_path, version):
    order = {"chatwootSignMsg": True, "chatwootReopenConversation": True}
    async with bridge_house(tmp_path, chatwoot={"version": version}, order=order) as house:
        house.inbox.fields.update(greeting_enabled=True, greeting_message="Olá! Já respondemos.")
        first = await house.graph.customer_writes(MARINA, "*Bom* dia, vi snake_case_x e 2*3*4")
        await house.quiet()
        asked = house.of(f"WAID:{first}")
        assert asked.content == "**Bom** dia, vi snake_case_x e 2\\*3\\*4"
        assert house.texts == ["Olá! Já respondemos."]

        answer = house.chat.agent_writes(
            asked.conversation.id,
            EDITOR,
            in_reply_to=asked.id,
            attachments=[("São João.png", png(4, 4), "image/png")],
        )
        house.chat.agent_writes(asked.conversation.id, "só para nós", private=True)
        await house.quiet()
        _, sent = house.graph.sent
        assert sent.text == f"*Caio:*\n{SEEN}"
        assert sent.body["context"] == {"message_id": first}
        assert house.graph.media[sent.media_id or ""].data == png(4, 4)

        await house.graph.customer_reads(sent.wamid)
        await house.status(answer, "read")
        second = await house.graph.customer_writes(MARINA, "esta?", reply_to=sent.wamid)
        await house.quiet()
        assert house.of(f"WAID:{second}").content_attributes["in_reply_to"] == answer.id

        house.chat.resolve(asked.conversation.id)
        await house.graph.customer_writes(MARINA, "mais uma coisa")
        await house.quiet()
        assert [chat.status for chat in house.chats()] == ["open"]

        house.graph.faults.next(Route.MESSAGES, faults.error(131026))
        lost = house.chat.agent_writes(asked.conversation.id, "perdida")
        await house.status(lost, "failed")
        house.chat.agent_retries(lost.id)
        await house.quiet()
        assert house.texts[-1] == "*Caio:*\nperdida"
        assert set((await house.balance()).values()) == {0}
