"""A number sends no faster than its owner allows, and people need not wait for bots."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bridge.core.party import Party
from support.bridge_house import NAME, House, bridge_house
from support.happenings import written
from support.qr_channel import QrPhones
from support.sessions import QR_ORDER, open_up

SLOWLY = {"whatsapp_web": {"messages_per_second": 0.001, "burst": 4}}


async def bot_writes(house: House, conversation: int, text: str) -> None:
    headers = {"api_access_token": house.chat.bot_token}
    url = f"{house.chat_url}/api/v1/accounts/1/conversations/{conversation}/messages"
    async with house.http.post(url, json={"content": text}, headers=headers) as answer:
        assert answer.status == 200


async def test_an_agent_is_heard_while_a_bot_floods_the_other_chats(tmp_path: Path) -> None:
    phones = QrPhones(peer="whatsapp-web")
    async with bridge_house(
        tmp_path, order=QR_ORDER, channels=phones.kinds, options=SLOWLY
    ) as house:
        phone = phones[NAME]
        await open_up(house, phone)
        house.chat.world.inboxes[house.inbox.id].bot = house.chat.bot
        for number in range(6):
            await phone.bring(written("Oi", Party(wa_id=f"551198765{number:04}")))
        await house.quiet()
        *flooded, last = house.chats()

        gate = phone.gates["sending"] = asyncio.Event()
        for chat in [*flooded, *flooded]:
            await bot_writes(house, chat.id, "Somos um robô.")
        await house.chat.settled()
        gate.set()
        await phone.has_sent(2)
        house.chat.agent_writes(last.id, "Olá, sou a Ana.")
        await phone.has_sent(3)

        assert phone.texts == ["Somos um robô.", "Somos um robô.", "Olá, sou a Ana."]
        kinds = await house.rows("SELECT kind FROM job WHERE state='waiting'")
        assert [row["kind"] for row in kinds].count("automatic") == 8
