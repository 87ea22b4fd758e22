"""Agents' messages while a number that was paired comes and goes: once, in order, none lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bridge.core.connection import LinkState
from bridge.core.instance import Proxy
from bridge.sim.chatwoot import Conversation
from support.bridge_house import MARINA, House
from support.sessions import balanced, change, open_up, qr_house, reaches


async def start(house: House) -> Conversation:
    marina = house.chat.agent_creates_contact("Marina", phone_number=f"+{MARINA}")
    return house.chat.agent_starts_conversation(marina.id, house.inbox.id, "oi")


async def test_a_disconnect_between_two_parts_fails_visibly_and_retry_sends_the_rest(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await change(house, lambda now: replace(now, fail_when_disconnected=True))
        await open_up(house, phone)
        chat = await start(house)
        await phone.has_sent(1)
        gate = phone.gates["sending"] = asyncio.Event()
        long = "a" * 65536 + "b"
        message = house.chat.agent_writes(chat.id, long)
        await phone.called("sending")
        del phone.gates["sending"]
        phone.is_open = False
        gate.set()
        await house.status(message, "failed")

        phone.drop(428, "The connection broke.", again=True)
        phone.scan()
        await reaches(house, LinkState.OPEN)
        house.chat.agent_retries(message.id)
        await phone.has_sent(3)
        house.chat.agent_writes(chat.id, "fim")
        await phone.has_sent(4)

        assert "".join(phone.texts) == "oi" + long + "fim"
        assert await balanced(house)


async def test_a_disconnect_between_two_parts_only_makes_the_rest_later(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await start(house)
        await phone.has_sent(1)
        gate = phone.gates["sending"] = asyncio.Event()
        long = "a" * 65536 + "b"
        house.chat.agent_writes(chat.id, long)
        house.chat.agent_writes(chat.id, "fim")
        await phone.called("sending")
        del phone.gates["sending"]
        phone.drop(428, "The connection broke.")
        await reaches(house, LinkState.CLOSED)
        gate.set()

        await open_up(house, phone)
        await phone.has_sent(4)

        assert "".join(phone.texts) == "oi" + long + "fim"
        assert await balanced(house)


async def test_a_new_proxy_in_the_middle_of_a_send_makes_it_uncertain_and_never_double(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await start(house)
        await phone.has_sent(1)
        gate = phone.gates["sending"] = asyncio.Event()
        message = house.chat.agent_writes(chat.id, "um")
        house.chat.agent_writes(chat.id, "dois")
        await phone.called("sending")
        del phone.gates["sending"]

        proxy = Proxy(host="proxy.example", port=3128)
        await change(house, lambda now: replace(now, proxy=proxy))
        await phone.called("connect", 2)
        await reaches(house, LinkState.OPEN)
        gate.set()
        await house.status(message, "failed")
        await phone.has_sent(2)

        assert phone.texts == ["oi", "dois"]
        assert phone.most == 1
        assert await balanced(house)


async def test_what_waits_goes_in_order_over_several_disconnects_and_restarts(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        chat = await start(house)
        written = ["oi"]
        for turn in range(3):
            for number in range(2):
                written.append(f"{turn}.{number}")
                house.chat.agent_writes(chat.id, written[-1])
            await open_up(house, phone)
            written.append(f"{turn}.open")
            house.chat.agent_writes(chat.id, written[-1])
            await phone.has_sent(len(written))
            if turn == 1:
                async with house.stopped():
                    pass
                await reaches(house, LinkState.OPEN)
            phone.drop(440, "Another device took over.")
            await reaches(house, LinkState.CLOSED)

        assert phone.texts == written
        assert await balanced(house)
