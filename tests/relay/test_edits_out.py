"""An agent's message says something else now, where the server has edits."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bridge.core.outgoing import Outgoing
from bridge.core.party import Party
from bridge.errors import PeerBroke, PeerRefused
from bridge.locale import texts
from bridge.sim.chatwoot import Conversation, Message
from bridge.sim.pictures import png
from bridge.whatsapp.channel import Accepted, Quote
from support.able_channel import AbleChannel
from support.bridge_house import House
from support.qr_channel import QrChannel, QrPhone
from support.qr_events import CUSTOMER
from support.sessions import balanced, conversation, open_up, qr_house


def house_of(tmp_path: Path, channel: type[QrChannel] = AbleChannel, **more: Any) -> Any:
    return qr_house(tmp_path, channel=channel, **more)


async def written(
    house: House, phone: QrPhone, text: str | None = "Olá, **Marina**", **more: Any
) -> tuple[Conversation, Message]:
    await open_up(house, phone)
    chat = await conversation(house, phone)
    message = house.chat.agent_writes(chat.id, text, **more)
    await house.quiet()
    return chat, message


async def edit(house: House, message: Message, text: str) -> None:
    house.chat.agent_edits(message.id, text)
    await house.quiet()


def notes(house: House) -> list[str]:
    return [
        one.content or ""
        for one in house.chat.messages()
        if one.private and (one.source_id or "").startswith("PONTE:note")
    ]


def note(rule: str) -> str:
    return texts("en")[f"note.edit.{rule}"]


def whatsapp_ids(phone: QrPhone) -> list[str]:
    return [f"3EB0{number:016X}" for number in range(1, len(phone.sent) + 1)]


async def test_another_text_is_changed_on_whatsapp(tmp_path: Path) -> None:
    async with house_of(tmp_path, order={"chatwootSignMsg": True}) as (house, phone):
        _, message = await written(house, phone)
        await edit(house, message, "Olá, _Marina_!")
        await edit(house, message, "Oi")
        (first,) = whatsapp_ids(phone)
        assert [(party.wa_id, *rest) for party, *rest in phone.edited] == [
            (CUSTOMER.wa_id, first, "*Caio:*\nOlá, _Marina_!"),
            (CUSTOMER.wa_id, first, "*Caio:*\nOi"),
        ]
        assert notes(house) == []
        assert len(phone.sent) == 1
        assert await balanced(house)


async def test_of_a_long_text_only_the_part_that_differs_is_changed(tmp_path: Path) -> None:
    async with house_of(tmp_path) as (house, phone):
        long = "a" * 65536
        _, message = await written(house, phone, long + "b")
        await edit(house, message, long + "c")
        assert [(id_, body) for _, id_, body in phone.edited] == [(whatsapp_ids(phone)[1], "c")]
        await edit(house, message, "curto")
        assert notes(house) == [note("other_parts")]
        assert len(phone.edited) == 1


@pytest.mark.parametrize("channel", [AbleChannel, QrChannel], ids=["can edit", "cannot"])
@pytest.mark.parametrize("version", ["4.2.0", "4.11.0", "4.13.0"])
async def test_what_changes_nothing_in_the_text_is_no_edit(
    tmp_path: Path, channel: type[QrChannel], version: str
) -> None:
    """Statuses, retries, translations; and what servers do to a text by themselves (4.4)."""
    async with house_of(tmp_path, channel, chatwoot={"version": version}) as (house, phone):
        _, message = await written(house, phone, "**Olá**\\\nAna\\!")
        message.content_attributes = {"translations": {"en": "Hello"}}
        for same in ("**Olá**\\\nAna\\!", "**Olá**\nAna!"):
            await edit(house, message, same)
        if version != "4.11.0":  # the server would write it out as words
            await edit(house, message, "<p><strong>Olá</strong><br>Ana!</p>")
        house.chat.agent_retries(message.id)
        await house.quiet()
        assert phone.edited == []
        assert notes(house) == []
        assert len(phone.sent) == 1
        assert await balanced(house)


async def test_where_nothing_can_be_edited_a_note_says_so_once(tmp_path: Path) -> None:
    async with house_of(tmp_path, QrChannel) as (house, phone):
        _, message = await written(house, phone)
        await edit(house, message, "outra")
        await edit(house, message, "e outra")
        assert notes(house) == [note("impossible")]
        assert await balanced(house)


async def test_after_a_quarter_of_an_hour_it_is_too_late(tmp_path: Path) -> None:
    async with house_of(tmp_path) as (house, phone):
        _, message = await written(house, phone)
        await house.pass_time(0.5)
        await edit(house, message, "outra")
        assert phone.edited == []
        assert notes(house) == [note("too_late")]


async def test_the_words_on_a_file_cannot_be_changed(tmp_path: Path) -> None:
    async with house_of(tmp_path) as (house, phone):
        picture = ("a.png", png(), "image/png")
        _, message = await written(house, phone, "veja", attachments=[picture])
        await edit(house, message, "veja bem")
        assert phone.edited == []
        assert notes(house) == [note("other_parts")]


async def test_what_whatsapp_refuses_is_told(tmp_path: Path) -> None:
    async with house_of(tmp_path) as (house, phone):
        _, message = await written(house, phone)
        phone.refuses["edit"] = [PeerRefused("No.", code="whatsapp.refused")]
        await edit(house, message, "outra")
        assert notes(house) == [note("refused")]
        assert await balanced(house)


async def test_an_older_text_that_is_told_late_does_not_come_back(tmp_path: Path) -> None:
    async with house_of(tmp_path) as (house, phone):
        chat, message = await written(house, phone, "um")
        await edit(house, message, "dois")
        # The webhook of a status that was built before the edit, and comes after it. Another
        # message is the newest by now, so that nothing tells when this was.
        house.chat.agent_writes(chat.id, "mais")
        await house.quiet()
        await edit(house, message, "um")
        assert [body for _, _, body in phone.edited] == ["dois"]
        assert notes(house) == []


async def test_an_edit_before_the_message_went_out_follows_it(tmp_path: Path) -> None:
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.drop(428, "The connection broke.", again=True)
        message = house.chat.agent_writes(chat.id, "um")
        await house.chat.settled()
        house.chat.agent_edits(message.id, "dois")
        await house.chat.settled()
        phone.scan()
        await house.quiet()
        assert phone.texts == ["um"]
        assert [body for _, _, body in phone.edited] == ["dois"]
        assert await balanced(house)


async def test_what_failed_is_sent_with_its_new_text_when_it_is_retried(tmp_path: Path) -> None:
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [PeerRefused("No.", code="whatsapp.refused")]
        message = house.chat.agent_writes(chat.id, "um")
        await house.status(message, "failed")
        await house.quiet()
        message.content = "dois"
        house.chat.agent_retries(message.id)
        await house.quiet()
        assert phone.texts == ["dois"]
        assert phone.edited == []


async def test_an_edit_of_unknown_outcome_is_made_again_also_after_a_stop(tmp_path: Path) -> None:
    async with house_of(tmp_path) as (house, phone):
        _, message = await written(house, phone)
        phone.refuses["edit"] = [PeerBroke("The connection broke.", code="whatsapp.broke")]
        phone.gates["edit"] = asyncio.Event()
        house.chat.agent_edits(message.id, "Oi")
        await phone.called("edit")
        await house.stop()
        phone.gates.clear()
        await house.start()
        await house.quiet()
        assert [body for _, _, body in phone.edited] == ["Oi"]
        assert notes(house) == []
        assert await balanced(house)


class SecondRefused(AbleChannel):
    """The second part of a message is refused once."""

    async def send(
        self, to: Party, content: Outgoing, *, key: str, reply_to: Quote | None = None
    ) -> Accepted:
        if key.split(".")[-2] == "1" and "refused" not in self._phone.calls:
            self._phone.note("refused")
            raise PeerRefused("No.", code="whatsapp.refused")
        return await super().send(to, content, key=key, reply_to=reply_to)


async def test_a_retry_sends_what_is_missing_of_what_arrived_in_part(tmp_path: Path) -> None:
    """Else WhatsApp would show the beginning of one text, and Chatwoot another text, as sent."""
    async with house_of(tmp_path, SecondRefused) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        message = house.chat.agent_writes(chat.id, "a" * 65536 + "b")
        await house.status(message, "failed")
        await house.quiet()
        message.content = "curto"
        house.chat.agent_retries(message.id)
        await house.quiet()
        assert phone.texts == ["a" * 65536, "b"]
        assert message.status != "failed"
        assert phone.edited == []
        assert notes(house) == [note("other_parts")]
        assert await balanced(house)


async def test_what_was_deleted_is_not_edited(tmp_path: Path) -> None:
    """Two jobs of Chatwoot tell of an edit and of a deletion, in any order."""
    async with house_of(tmp_path, chatwoot={"version": "4.11.0"}) as (house, phone):
        _, message = await written(house, phone)
        (told,) = [
            one.payload
            for one in house.chat.webhooks.of("message_created")
            if one.payload["id"] == message.id
        ]
        house.chat.agent_deletes(message.id)
        await house.quiet()

        late = told | {"event": "message_updated", "content": "Oi"}
        async with house.http.post(house.hook, json=late) as answer:
            assert answer.status == 200
        await house.quiet()

        assert len(phone.revoked) == 1
        assert phone.edited == []
        assert notes(house) == []
        assert await balanced(house)
