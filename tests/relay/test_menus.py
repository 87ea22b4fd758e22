"""A choice that was offered, and what somebody answers to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bridge.core.content import Answer
from bridge.core.outgoing import OutgoingMenu
from bridge.errors import PeerBroke
from bridge.sim.chatwoot import Conversation
from bridge.whatsapp.channel import Fate, Remembered
from support.able_channel import AbleChannel
from support.bridge_house import MARINA, House
from support.qr_channel import LoggingQrChannel, QrChannel, QrPhone
from support.qr_events import wrote
from support.sessions import balanced, bring, conversation, open_up, qr_house

ITEMS = [
    {"title": "Fazer pedido", "value": "pedido"},
    {"title": "Falar com atendente", "value": "humano"},
]
BSUID = "BR.13491200000000000001"


async def asked(house: House, phone: QrPhone, items: list[dict[str, Any]] = ITEMS) -> Conversation:
    await open_up(house, phone)
    chat = await conversation(house, phone)
    await ask(house, chat, items)
    return chat


async def ask(house: House, chat: Conversation, items: list[dict[str, Any]]) -> None:
    attributes = {"items": items}
    house.chat.agent_writes(
        chat.id, "Escolha:", content_type="input_select", content_attributes=attributes
    )
    await house.quiet()


async def said(house: House, phone: QrPhone, content: Any) -> str:
    """What agents read when a customer says this."""
    event = wrote(content)
    await bring(house, phone, event)
    return house.of(f"WAID:{event.id}").content or ""


async def offers(house: House) -> int:
    return len(await house.rows("SELECT 1 FROM menu WHERE options<>'[]'"))


async def test_a_number_is_shown_as_what_was_meant_by_it_once(tmp_path: Path) -> None:
    async with qr_house(tmp_path, channel=QrChannel) as (house, phone):
        await asked(house, phone)
        assert phone.texts == ["Escolha:\n\n1. Fazer pedido\n2. Falar com atendente"]
        assert await said(house, phone, "2") == "Falar com atendente\n\n_Typed: 2_"
        assert await said(house, phone, "1") == "1"  # it was answered
        assert await offers(house) == 0
        assert await balanced(house)


async def test_what_is_no_answer_leaves_the_choice(tmp_path: Path) -> None:
    async with qr_house(tmp_path, channel=QrChannel) as (house, phone):
        await asked(house, phone)
        assert await said(house, phone, "quanto custa?") == "quanto custa?"
        assert await said(house, phone, "opção 1") == "Fazer pedido\n\n_Typed: opção 1_"


async def test_a_button_that_was_pressed_answers_too_with_its_whole_title(tmp_path: Path) -> None:
    async with qr_house(tmp_path, channel=AbleChannel) as (house, phone):
        await asked(house, phone)
        assert isinstance(phone.sent[0][1], OutgoingMenu)
        pressed = Answer(source="button", id="humano", title="Falar com aten…")
        assert await said(house, phone, pressed) == "Falar com atendente"
        assert await offers(house) == 0


async def test_a_button_may_also_be_typed(tmp_path: Path) -> None:
    async with qr_house(tmp_path, channel=AbleChannel) as (house, phone):
        await asked(house, phone)
        assert await said(house, phone, "fazer pedido") == "Fazer pedido"


async def test_the_newest_choice_counts(tmp_path: Path) -> None:
    async with qr_house(tmp_path, channel=QrChannel) as (house, phone):
        chat = await asked(house, phone)
        await ask(house, chat, [{"title": "Manhã", "value": "m"}, {"title": "Tarde", "value": "t"}])
        house.chat.agent_writes(chat.id, "sem pressa")  # words of an agent end no choice
        await house.quiet()
        assert await said(house, phone, "2") == "Tarde\n\n_Typed: 2_"


async def test_a_choice_is_over_after_a_day(tmp_path: Path) -> None:
    async with qr_house(tmp_path, channel=QrChannel) as (house, phone):
        await asked(house, phone)
        await house.pass_time(25)
        assert await said(house, phone, "2") == "2"


async def test_an_answer_whose_post_was_not_answered_is_posted_once_and_ends_the_choice(
    tmp_path: Path,
) -> None:
    async with qr_house(tmp_path, channel=QrChannel) as (house, phone):
        await asked(house, phone)
        house.chat.faults.stored_but(500, route="POST messages", times=1)
        assert await said(house, phone, "2") == "Falar com atendente\n\n_Typed: 2_"
        assert await offers(house) == 0
        assert await balanced(house)


async def test_an_answer_that_has_to_wait_is_decided_alike_when_it_is_tried_again(
    tmp_path: Path,
) -> None:
    async with qr_house(tmp_path, channel=QrChannel) as (house, phone):
        await asked(house, phone)
        house.chat.faults.fail(502, route="POST messages", times=2)
        assert await said(house, phone, "2") == "Falar com atendente\n\n_Typed: 2_"


async def test_what_was_not_sent_was_not_offered(tmp_path: Path) -> None:
    async with qr_house(tmp_path, channel=QrChannel) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        house.chat.webhooks.hold()
        attributes = {"items": ITEMS}
        message = house.chat.agent_writes(
            chat.id, "Escolha:", content_type="input_select", content_attributes=attributes
        )
        house.chat.agent_deletes(message.id)
        house.chat.webhooks.release()
        await house.quiet()
        assert await said(house, phone, "2") == "2"


async def test_a_choice_whose_send_was_cut_off_counts_once_it_is_known_to_have_gone_out(
    tmp_path: Path,
) -> None:
    async with qr_house(tmp_path, channel=LoggingQrChannel) as (house, phone):
        phone.refuses["send"] = [PeerBroke("Gone in the middle.", code="whatsapp.broke")]
        phone.remembers = [Remembered(fate=Fate.SENT, id="3EB0FF")]
        await asked(house, phone)
        assert phone.sent == []  # and is not sent again
        assert await said(house, phone, "2") == "Falar com atendente\n\n_Typed: 2_"
        assert await balanced(house)


async def test_a_choice_comes_along_when_two_chats_become_one(house: House) -> None:
    await house.talk(MARINA, "pelo número", bsuid=None)
    id_ = await house.graph.customer_writes(None, "sem número", bsuid=BSUID)
    await house.quiet()
    younger = house.of(f"WAID:{id_}").conversation
    await ask(house, younger, [*ITEMS, {"title": "x" * 80, "value": "x"}])  # too long for buttons
    await house.talk(MARINA, "os dois", bsuid=BSUID)
    id_ = await house.graph.customer_writes(MARINA, "2", bsuid=BSUID)
    await house.quiet()
    assert house.of(f"WAID:{id_}").content == "Falar com atendente\n\n_Typed: 2_"


async def test_a_deleted_instance_leaves_no_choice(tmp_path: Path) -> None:
    async with qr_house(tmp_path, channel=QrChannel) as (house, phone):
        await asked(house, phone)
        assert await offers(house) == 1
        await house.ok("DELETE", "/instance/delete/loja")
        await house.quiet()
        assert await offers(house) == 0
