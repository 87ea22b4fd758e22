"""Everything that can be written in Chatwoot, on its way to WhatsApp."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.core.content import Phone
from bridge.core.outgoing import (
    Outgoing,
    OutgoingContacts,
    OutgoingLocation,
    OutgoingMedia,
    OutgoingMenu,
    OutgoingText,
)
from bridge.sim.chatwoot import Conversation
from bridge.sim.pictures import png
from support.able_channel import AbleChannel
from support.bridge_house import MARINA, House
from support.qr_channel import QrChannel, QrPhone
from support.sessions import balanced, conversation, open_up, qr_house

VCF = b"BEGIN:VCARD\nVERSION:3.0\nFN:Ana Silva\nTEL:+55 11 90000-0001\nEND:VCARD\n"
PLACE = {
    "file_type": "location",
    "coordinates_lat": -23.5505,
    "coordinates_long": -46.6333,
    "fallback_title": "Padaria",
    "data_url": "https://maps.example/x",
}
CARD = {
    "file_type": "contact",
    "fallback_title": "+5511900000001",
    "meta": {"firstName": "Ana", "lastName": "Silva"},
}
LINK = "https://maps.google.com/?q=-23.5505,-46.6333"
ITEMS = [{"title": "Sim", "value": "s"}, {"title": "Não", "value": "n"}]
ROWS: dict[str, list[dict[str, Any]]] = {
    "input_select": ITEMS,
    "cards": [{"title": "Bolo", "actions": [{"type": "postback", "text": "Sim", "payload": "s"}]}],
    "article": [{"title": "Trocas", "description": "Sete dias", "link": "https://a.example"}],
    "form": [{"name": "email", "label": "E-mail", "type": "email"}],
}


async def begin(house: House, phone: QrPhone) -> Conversation:
    await open_up(house, phone)
    return await conversation(house, phone)


async def test_attachments_without_a_file_go_out_as_what_they_are(tmp_path: Path) -> None:
    async with qr_house(tmp_path, channel=AbleChannel) as (house, phone):
        chat = await begin(house, phone)
        picture = ("a.png", png(10, 10), "image/png")
        house.chat.agent_writes(chat.id, "tudo", attachments=[picture], shared=[PLACE, CARD])
        await phone.has_sent(3)
        first, second, third = (content for _, content in phone.sent)
        assert isinstance(first, OutgoingMedia)
        assert first.caption == "tudo"
        assert second == OutgoingLocation(latitude=-23.5505, longitude=-46.6333, name="Padaria")
        assert isinstance(third, OutgoingContacts)
        assert third.cards[0].name == "Ana Silva"
        assert await balanced(house)


async def test_where_there_are_no_places_and_cards_they_are_texts(tmp_path: Path) -> None:
    async with qr_house(tmp_path, channel=QrChannel) as (house, phone):
        chat = await begin(house, phone)
        house.chat.agent_writes(chat.id, None, shared=[PLACE, CARD])
        house.chat.agent_writes(chat.id, LINK)
        await phone.has_sent(3)
        assert phone.texts == [f"📍 Padaria\n{LINK}", "👤 Ana Silva\n+5511900000001", LINK]


async def test_a_pasted_place_goes_out_as_one(tmp_path: Path) -> None:
    async with qr_house(tmp_path, channel=AbleChannel) as (house, phone):
        chat = await begin(house, phone)
        house.chat.agent_writes(chat.id, LINK)
        house.chat.agent_writes(chat.id, f"É aqui: {LINK}")
        await phone.has_sent(2)
        assert [content for _, content in phone.sent] == [
            OutgoingLocation(latitude=-23.5505, longitude=-46.6333),
            OutgoingText(body=f"É aqui: {LINK}"),
        ]


async def test_a_contact_file_becomes_a_card_and_anything_else_stays_a_file(tmp_path: Path) -> None:
    async with qr_house(tmp_path, channel=AbleChannel) as (house, phone):
        chat = await begin(house, phone)
        files = [("ana.vcf", VCF, "text/vcard"), ("outra.vcf", b"no card", "text/vcard")]
        house.chat.agent_writes(chat.id, "veja", attachments=files)
        await phone.has_sent(3)
        text, card, document = (content for _, content in phone.sent)
        assert text == OutgoingText(body="veja")
        assert isinstance(card, OutgoingContacts)
        assert card.cards[0].phones == (Phone(number="+55 11 90000-0001"),)
        assert isinstance(document, OutgoingMedia)
        assert document.filename == "outra.vcf"
        assert await balanced(house)


async def test_a_select_of_a_bot_has_buttons_on_the_cloud_api(house: House) -> None:
    chat = await house.talk()
    fields = {"content_type": "input_select", "content_attributes": {"items": ITEMS}}
    house.chat.agent_writes(chat.id, "Continuar?", **fields)
    (sent,) = await house.sent()
    buttons = sent.body["interactive"]["action"]["buttons"]
    assert (sent.type, sent.text) == ("interactive", "Continuar?")
    assert [one["reply"] for one in buttons] == [
        {"id": "s", "title": "Sim"},
        {"id": "n", "title": "Não"},
    ]


async def test_a_card_whose_picture_cannot_be_had_still_says_what_it_says(tmp_path: Path) -> None:
    async with qr_house(
        tmp_path, channel=QrChannel, options={"relay": {"file_wait_seconds": 0}}
    ) as (house, phone):
        chat = await begin(house, phone)
        item = {"title": "Bolo", "media_url": f"{house.chat_url}/nothing.png"}
        fields = {"content_type": "cards", "content_attributes": {"items": [item]}}
        house.chat.agent_writes(chat.id, None, **fields)
        await phone.has_sent(1)
        assert phone.texts == ["*Bolo*"]
        assert await balanced(house)


@pytest.mark.parametrize("content_type", [None, *ROWS])
async def test_a_private_note_never_leaves_whatever_is_in_it(
    tmp_path: Path, content_type: str | None
) -> None:
    async with qr_house(tmp_path, channel=AbleChannel) as (house, phone):
        chat = await begin(house, phone)
        fields: dict[str, Any] = {}
        if content_type is not None:
            fields = {
                "content_type": content_type,
                "content_attributes": {"items": ROWS[content_type]},
            }
        fields["template_params"] = {"name": "aviso", "language": "pt_BR"}
        note = house.chat.agent_writes(
            chat.id,
            LINK,
            private=True,
            attachments=[("a.png", png(), "image/png"), ("ana.vcf", VCF, "text/vcard")],
            shared=[PLACE, CARD],
            **fields,
        )
        house.chat.agent_edits(note.id, "outra coisa")
        await house.quiet()
        assert phone.sent == phone.edited == []
        assert await house.rows("SELECT 1 FROM menu") == []
        assert await balanced(house)


@pytest.mark.parametrize("content_type", ROWS)
async def test_every_kind_of_rows_arrives(tmp_path: Path, content_type: str) -> None:
    async with qr_house(tmp_path, channel=AbleChannel) as (house, phone):
        chat = await begin(house, phone)
        attributes = {"items": ROWS[content_type]}
        house.chat.agent_writes(
            chat.id, "Oi", content_type=content_type, content_attributes=attributes
        )
        await house.quiet()
        shown = [content.body for _, content in phone.sent]  # type: ignore[union-attr]
        assert shown[0].startswith("Oi")
        has_menu = any(isinstance(content, OutgoingMenu) for _, content in phone.sent)
        assert has_menu is (content_type in {"input_select", "cards"})
        assert await balanced(house)


@pytest.mark.parametrize("how", ["backwards", "twice"])
async def test_files_and_a_text_written_quickly_arrive_once_each_and_in_order(
    tmp_path: Path, how: str
) -> None:
    """Another bridge reads them from the conversation's last message, and mixes them up."""
    async with qr_house(tmp_path) as (house, phone):
        marina = house.chat.agent_creates_contact("Marina", phone_number=f"+{MARINA}")
        chat = house.chat.agent_starts_conversation(marina.id, house.inbox.id, "oi")
        await house.chat.settled()
        if how == "backwards":
            house.chat.webhooks.hold()
        else:
            house.chat.webhooks.copies = 2
        files = [("a.png", png(10, 10), "image/png"), ("b.png", png(20, 20), "image/png")]
        house.chat.agent_writes(chat.id, "duas", attachments=files)
        house.chat.agent_writes(chat.id, "e um texto")
        house.chat.agent_writes(chat.id, None, attachments=[("c.png", png(5, 5), "image/png")])
        if how == "backwards":
            house.chat.webhooks.release(backwards=True)
        await house.chat.settled()  # all are accepted before the number can send
        await open_up(house, phone)
        await house.quiet()
        assert [_kind(content) for _, content in phone.sent] == [
            "oi",
            ("a.png", "duas"),
            ("b.png", None),
            "e um texto",
            ("c.png", None),
        ]
        assert await balanced(house)


def _kind(content: Outgoing) -> object:
    if isinstance(content, OutgoingMedia):
        return content.filename, content.caption
    return content.body if isinstance(content, OutgoingText) else content
