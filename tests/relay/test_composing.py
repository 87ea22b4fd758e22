"""Who writes is shown on the other side: at once, not too often, and never in anybody's way."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bridge.core.connection import LinkState, Presence
from bridge.core.party import Party
from bridge.errors import PeerBroke
from bridge.relay import composing
from bridge.sim.chatwoot import Conversation
from support.bridge_house import House
from support.happenings import MARINA, RUI, written
from support.qr_channel import QrPhone
from support.sessions import change, open_up, qr_house, reaches

TYPING = "POST public/toggle_typing"


async def talk(house: House, phone: QrPhone, text: str = "Oi") -> Conversation:
    await open_up(house, phone)
    event = written(text)
    await phone.bring(event)
    await house.quiet()
    return house.of(f"WAID:{event.id}").conversation


def signs(house: House) -> list[str]:
    """What Chatwoot was told of customers who write."""
    return [seen.params["typing_status"] for seen in house.chat.requests.of(TYPING)]


def shown(phone: QrPhone) -> list[Presence]:
    return [presence for _, presence in phone.typed]


async def test_a_customer_sees_an_agent_begin_and_stop_writing(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        chat = await talk(house, phone)

        house.chat.typing(chat.id)
        await phone.has_typed(1)
        house.chat.typing(chat.id, on=False)
        await phone.has_typed(2)

        assert [party.wa_id for party, _ in phone.typed] == [MARINA.wa_id] * 2
        assert shown(phone) == [Presence.COMPOSING, Presence.PAUSED]
        await house.quiet()
        assert set((await house.balance()).values()) == {0}


async def test_the_cloud_api_shows_it_below_the_newest_message_that_is_read_anyway(house: House):
    await house.talk()
    newest = await house.graph.customer_writes("5511987650001", "Alguém aí?")
    await house.quiet()
    chat = house.of(f"WAID:{newest}").conversation
    house.chat.typing(chat.id)
    await house.quiet()
    assert house.graph.typing == []  # it would mark what they wrote as read

    await change(
        house, lambda now: replace(now, behaviour=replace(now.behaviour, read_messages=True))
    )
    house.clock.ahead_seconds += 60
    house.chat.typing(chat.id)
    await house.graph.wait_for(lambda: house.graph.typing == [newest])
    house.chat.typing(chat.id, on=False)
    await house.quiet()

    assert house.graph.typing == [newest]
    assert set((await house.balance()).values()) == {0}


async def test_customers_see_nothing_where_that_is_switched_off(tmp_path):
    options = {"relay": {"show_typing": False}}
    async with qr_house(tmp_path, options=options) as (house, phone):
        chat = await talk(house, phone)

        house.chat.typing(chat.id)
        await house.quiet()

        assert phone.typed == []
        assert (await house.events())["signal", "ignored", "typing.off"] == 1


async def test_a_private_note_in_the_making_is_not_shown(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        chat = await talk(house, phone)

        house.chat.typing(chat.id, private=True)
        await house.quiet()

        assert phone.typed == []
        assert (await house.events())["signal", "ignored", "chatwoot.typing"] == 1


async def test_nothing_is_shown_over_a_number_that_is_not_connected(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        chat = await talk(house, phone)
        phone.drop(440, "Another device took over.")
        await reaches(house, LinkState.CLOSED)

        house.chat.typing(chat.id)
        await house.quiet()

        assert "typing" not in phone.calls


async def test_while_one_sign_is_on_its_way_the_newest_of_the_others_counts(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        chat = await talk(house, phone)
        gate = phone.gates["typing"] = asyncio.Event()
        house.chat.typing(chat.id)
        await phone.called("typing")

        for on in (False, True):
            house.chat.typing(chat.id, on=on)
            await house.quiet()
        gate.set()
        await phone.has_typed(2)

        assert shown(phone) == [Presence.COMPOSING, Presence.COMPOSING]
        assert phone.calls.count("typing") == 2


async def test_a_sign_that_does_not_come_through_is_forgotten(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        chat = await talk(house, phone)
        phone.refuses["typing"] = [PeerBroke("no"), RuntimeError("a bug")]  # type: ignore[list-item]

        house.chat.typing(chat.id)
        await phone.called("typing", 1)
        house.chat.typing(chat.id, on=False)
        await phone.called("typing", 2)
        house.chat.typing(chat.id)
        await phone.has_typed(1)

        assert shown(phone) == [Presence.COMPOSING]


async def test_agents_see_a_customer_begin_and_stop_writing(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        chat = await talk(house, phone)

        phone.types(MARINA)
        await house.chat.wait_for(lambda: len(signs(house)) == 1)
        phone.types(MARINA, Presence.PAUSED)
        await house.chat.wait_for(lambda: len(signs(house)) == 2)
        phone.types(Party(lid=MARINA.lid), Presence.RECORDING)
        await house.chat.wait_for(lambda: len(signs(house)) == 3)

        assert signs(house) == ["on", "off", "on"]
        assert all(
            f"/conversations/{chat.id}/" in one.path
            for one in house.chat.requests.recent
            if one.route == TYPING
        )
        await house.quiet()  # Chatwoot tells us of it, and that is no agent
        assert "typing" not in phone.calls


async def test_the_same_sign_is_repeated_only_after_a_while(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await talk(house, phone)
        phone.types(MARINA)
        await house.chat.wait_for(lambda: len(signs(house)) == 1)

        for _ in range(50):
            phone.types(MARINA)
            await house.service.store.read(lambda _db: None)
        house.clock.ahead_seconds += 4
        phone.types(MARINA)
        await house.chat.wait_for(lambda: len(signs(house)) == 2)

        await house.quiet()
        assert signs(house) == ["on", "on"]


async def test_a_customer_who_plays_with_the_keyboard_does_not_flood_chatwoot(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await talk(house, phone)
        for number in range(200):
            state = Presence.PAUSED if number % 2 else Presence.COMPOSING
            phone.types(MARINA, state)
            await house.service.store.read(lambda _db: None)

        house.clock.ahead_seconds += 60
        phone.types(MARINA, Presence.RECORDING)
        await house.chat.wait_for(lambda: signs(house)[-1:] == ["on"] and len(signs(house)) > 1)

        await house.quiet()
        assert len(signs(house)) <= 5


async def test_nobody_becomes_known_by_writing(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await talk(house, phone)
        before = await house.rows("SELECT * FROM person")

        phone.types(RUI)
        phone.types(Party())
        phone.types(MARINA)
        await house.chat.wait_for(lambda: len(signs(house)) == 1)

        await house.quiet()
        assert await house.rows("SELECT * FROM person") == before


async def test_a_resolved_conversation_shows_nobody_writing(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        chat = await talk(house, phone)
        house.chat.resolve(chat.id)
        await house.quiet()

        phone.types(MARINA)
        await house.service.composing.stop()

        assert signs(house) == []


async def test_a_stop_waits_for_no_sign(tmp_path, monkeypatch):
    monkeypatch.setattr(composing, "LIMIT", 3600)
    async with qr_house(tmp_path) as (house, phone):
        chat = await talk(house, phone)
        phone.gates["typing"] = asyncio.Event()
        house.chat.typing(chat.id)
        await phone.called("typing")

        async with house.stopped():
            pass

        assert phone.typed == []
