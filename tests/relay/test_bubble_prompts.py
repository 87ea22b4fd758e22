"""What a flow asks to choose from: as the channel shows it, and what agents read of it."""

from __future__ import annotations

from pathlib import Path

from bridge.core.content import Answer
from bridge.core.flow import Offer, Prompt
from bridge.core.outgoing import Option, OutgoingMenu
from support.able_channel import AbleChannel
from support.bot_says import line, mirrored, says
from support.bridge_house import House
from support.qr_channel import QrChannel
from support.qr_events import wrote
from support.sessions import balanced, bring, conversation, open_up, qr_house

SIZES = (Option(id="blk1", title="Pequeno"), Option(id="blk2", title="Grande"))
PROMPT = Prompt(offers=(Offer(options=SIZES),))


async def test_buttons_on_the_cloud_api_have_typebots_ids_and_agents_read_them(
    house: House,
) -> None:
    await house.talk()
    laid = await says(house, line("Olá"), line("Que tamanho?"), prompt=PROMPT)
    await house.quiet()

    assert (laid.bubbles, laid.numbered) == (2, SIZES)
    menu = house.graph.sent[1].body["interactive"]
    assert menu["type"] == "button"
    assert [one["reply"] for one in menu["action"]["buttons"]] == [
        {"id": "blk1", "title": "Pequeno"},
        {"id": "blk2", "title": "Grande"},
    ]
    assert [one.content for one in mirrored(house)] == [
        "Olá",
        "Que tamanho?\n\n• Pequeno\n• Grande",
    ]
    assert await balanced(house)


async def test_numbers_where_there_are_no_buttons_and_the_answer_is_shown_as_what_it_means(
    tmp_path: Path,
) -> None:
    async with qr_house(tmp_path, channel=QrChannel) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        await says(house, line("Que tamanho?"), prompt=PROMPT)
        await house.quiet()
        assert phone.texts == ["Que tamanho?\n\n1. Pequeno\n2. Grande"]
        answer = wrote("2")
        await bring(house, phone, answer)
        assert house.of(f"WAID:{answer.id}").content == "Grande\n\n_Typed: 2_"


async def test_the_numbers_of_several_cards_go_through_all_of_them(tmp_path: Path) -> None:
    cards = tuple(
        Offer(body=f"*Sapato {n}*", options=(Option(id=f"ver{n}", title=f"Ver {n}"),))
        for n in (1, 2, 3)
    )
    async with qr_house(tmp_path, channel=QrChannel) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        await says(house, prompt=Prompt(offers=cards, follows=False))
        await house.quiet()
        assert phone.texts[-1] == "*Sapato 3*\n\n3. Ver 3"
        answer = wrote("1")
        await bring(house, phone, answer)
        assert house.of(f"WAID:{answer.id}").content == "Ver 1\n\n_Typed: 1_"


async def test_equal_buttons_below_pictures_are_shown_to_agents_as_what_was_chosen(
    tmp_path: Path,
) -> None:
    panels = tuple(
        Offer(body=f"*{what}*", options=(Option(id=what, title="Escolher", description=what),))
        for what in ("Sapato", "Bota")
    )
    async with qr_house(tmp_path, channel=AbleChannel) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        await says(house, prompt=Prompt(offers=panels, follows=False))
        await house.quiet()
        assert all(isinstance(one, OutgoingMenu) for _, one in phone.sent)
        answer = wrote(Answer(source="button", id="Bota", title="Escolher"))
        await bring(house, phone, answer)
        assert house.of(f"WAID:{answer.id}").content == "Escolher: Bota"
