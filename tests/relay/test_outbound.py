"""An agent answers: what goes onto WhatsApp, in which order, and what the agent sees of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.sim.chatwoot import ChatwootSim, Conversation
from bridge.sim.graph import Route, faults
from bridge.sim.pictures import jpeg, png
from support.bridge_house import MARINA, RUI, House, bridge_house
from support.qr_channel import QrPhone
from support.sessions import conversation, open_up, qr_house


async def test_an_answer_arrives_as_whatsapp_writes_it(house: House) -> None:
    chat = await house.talk()
    house.chat.agent_writes(chat.id, "Olá **Marina**, _tudo_ bem?\n\n~~não~~ `x`")
    (sent,) = await house.sent()
    assert sent.text == "Olá *Marina*, _tudo_ bem?\n\n~não~ `x`"
    assert sent.to == MARINA


async def test_private_notes_and_activities_are_never_sent(house: House) -> None:
    chat = await house.talk()
    house.chat.agent_writes(chat.id, "só entre nós", private=True)
    house.chat.assign(chat.id, house.chat.agent)
    house.chat.label(chat.id, ["vip"])
    await house.quiet()
    assert house.graph.sent == []
    assert (await house.events())["outbound", "ignored", "private_note"] == 1


async def test_our_own_messages_are_recognised_as_echoes(house: House) -> None:
    await house.talk()
    await house.talk(text="mais uma")
    assert house.graph.sent == []
    assert (await house.events())["outbound", "ignored", "echo"] == 2


async def test_a_greeting_of_chatwoot_is_sent_unsigned(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, order={"chatwootSignMsg": True}) as house:
        house.chat.update_inbox(
            house.inbox.id, greeting_enabled=True, greeting_message="Bem-vinda!"
        )
        await house.talk()
        assert house.texts == ["Bem-vinda!"]


async def test_a_message_of_a_bot_is_not_signed(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, order={"chatwootSignMsg": True}) as house:
        house.chat.world.inboxes[house.inbox.id].bot = house.chat.bot
        chat = await house.talk()
        headers = {"api_access_token": house.chat.bot_token}
        url = f"{house.chat_url}/api/v1/accounts/1/conversations/{chat.id}/messages"
        async with house.http.post(url, json={"content": "Sou um robô"}, headers=headers) as answer:
            assert answer.status == 200
        await house.sent()
        assert house.texts == ["Sou um robô"]


@pytest.mark.parametrize(
    ("delimiter", "expected"),
    [
        (None, "*Caio:*\nOlá"),
        (" - ", "*Caio:* - Olá"),
        ("\\n\\n", "*Caio:*\n\nOlá"),
    ],
)
async def test_messages_are_signed_with_the_display_name_and_the_delimiter(
    house: House, delimiter: str | None, expected: str
) -> None:
    body = {
        "accountId": house.chat.account_id,
        "token": house.chat.admin_token,
        "url": house.chat_url,
        "nameInbox": "WhatsApp Loja",
        "signMsg": True,
        "signDelimiter": delimiter,
    }
    await house.ok("POST", "/chatwoot/set/loja", json=body)
    chat = await house.talk()
    house.chat.agent_writes(chat.id, "Olá")
    await house.sent()
    assert house.texts == [expected]


async def test_the_signature_stays_the_same_when_a_body_shows_no_display_name(
    tmp_path: Path,
) -> None:
    """Webhooks are built at delivery: `conversation.messages` then shows a later message."""
    async with bridge_house(tmp_path, order={"chatwootSignMsg": True}) as house:
        chat = await house.talk()
        house.chat.agent_writes(chat.id, "um")
        await house.sent(1)
        house.chat.webhooks.hold()
        house.chat.agent_writes(chat.id, "dois")
        await house.graph.customer_writes(MARINA, "no meio")
        await house.chat.wait_for(lambda: "no meio" in house.shown())
        house.chat.webhooks.release()
        await house.sent(2)
        assert house.texts == ["*Caio:*\num", "*Caio:*\ndois"]


async def test_an_image_goes_out_with_its_caption(house: House) -> None:
    chat = await house.talk()
    house.chat.agent_writes(chat.id, "**olha**", attachments=[("a.png", png(10, 10), "image/png")])
    (sent,) = await house.sent()
    assert (sent.type, sent.text) == ("image", "*olha*")
    assert house.graph.media[sent.media_id or ""].data == png(10, 10)


async def test_of_two_attachments_only_the_first_has_the_caption(house: House) -> None:
    chat = await house.talk()
    files = [("a.png", png(10, 10), "image/png"), ("b.jpg", jpeg(), "image/jpeg")]
    house.chat.agent_writes(chat.id, "duas", attachments=files)
    first, second = await house.sent(2)
    assert (first.text, second.text) == ("duas", None)
    assert house.graph.media[second.media_id or ""].mime == "image/jpeg"


async def test_an_attachment_without_text_has_no_caption(house: House) -> None:
    chat = await house.talk()
    house.chat.agent_writes(chat.id, None, attachments=[("a.png", png(), "image/png")])
    (sent,) = await house.sent()
    assert sent.text is None


async def test_a_document_keeps_its_name(house: House) -> None:
    chat = await house.talk()
    file = ("Orçamento final.pdf", b"%PDF-1.7 ...", "application/pdf")
    house.chat.agent_writes(chat.id, "segue", attachments=[file])
    (sent,) = await house.sent()
    assert (sent.type, sent.body["document"]["filename"]) == ("document", "Orçamento final.pdf")


async def test_a_voice_message_with_text_goes_out_as_text_and_voice(house: House) -> None:
    chat = await house.talk()
    ogg = b"OggS\x00\x02" + bytes(22) + b"\x01\x13OpusHead\x01\x01" + bytes(40)
    house.chat.agent_writes(chat.id, "ouve", attachments=[("v.ogg", ogg, "audio/ogg")])
    first, second = await house.sent(2)
    assert (first.type, first.text, second.type) == ("text", "ouve", "audio")


@pytest.mark.parametrize(
    ("name", "data", "mime"),
    [
        pytest.param("a.png", png() + bytes(6 * 1024 * 1024), "image/png", id="too large"),
        pytest.param("a.gif", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "image/gif", id="type"),
    ],
)
async def test_a_file_that_whatsapp_refuses_fails_visibly_and_the_next_message_goes_out(
    house: House, name: str, data: bytes, mime: str
) -> None:
    chat = await house.talk()
    message = house.chat.agent_writes(chat.id, "olha", attachments=[(name, data, mime)])
    house.chat.agent_writes(chat.id, "viu?")
    await house.status(message, "failed")
    assert "WhatsApp" in (message.external_error or "")
    await house.quiet()
    assert house.texts == ["viu?"]


async def test_a_file_over_our_limit_fails_visibly(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, options={"chatwoot": {"max_media_mb": 1}}) as house:
        chat = await house.talk()
        huge = ("a.bin", bytes(2 * 1024 * 1024), "application/octet-stream")
        message = house.chat.agent_writes(chat.id, "pesado", attachments=[huge])
        await house.status(message, "failed")
        assert (message.external_error or "").startswith("This file is larger than 1 MB")
        assert house.graph.sent == []


async def test_a_file_that_is_gone_fails_visibly_and_retry_sends_it_again(house: House) -> None:
    chat = await house.talk()
    house.chat.faults.files_expired = True
    message = house.chat.agent_writes(chat.id, "foto", attachments=[("a.png", png(), "image/png")])
    await house.status(message, "failed")
    assert message.external_error == "The file could not be fetched from Chatwoot."
    await house.quiet()
    house.chat.faults.files_expired = False
    house.chat.agent_retries(message.id)
    (sent,) = await house.sent()
    assert sent.text == "foto"


async def test_a_long_text_is_split_in_order(house: House) -> None:
    chat = await house.talk()
    text = " ".join(f"palavra{number}" for number in range(1500))
    house.chat.agent_writes(chat.id, text)
    await house.quiet()
    assert len(house.texts) > 2
    assert all(len(part or "") <= 4096 for part in house.texts)
    assert " ".join(part or "" for part in house.texts).split() == text.split()


async def test_a_text_too_long_for_a_caption_goes_first(house: House) -> None:
    chat = await house.talk()
    house.chat.agent_writes(chat.id, "x" * 1500, attachments=[("a.png", png(), "image/png")])
    first, second = await house.sent(2)
    assert (first.type, second.type, second.text) == ("text", "image", None)


async def test_a_quote_of_the_customer_is_a_quote_on_whatsapp(house: House) -> None:
    id_ = await house.graph.customer_writes(MARINA, "quanto custa?")
    await house.quiet()
    quoted = house.of(f"WAID:{id_}")
    house.chat.agent_writes(quoted.conversation.id, "R$ 10", in_reply_to=quoted.id)
    (sent,) = await house.sent()
    assert sent.body["context"] == {"message_id": id_}


async def test_a_quote_of_our_own_message_is_a_quote_on_whatsapp(house: House) -> None:
    chat = await house.talk()
    first = house.chat.agent_writes(chat.id, "R$ 10")
    (sent,) = await house.sent()
    await house.quiet()
    house.chat.agent_writes(chat.id, "à vista", in_reply_to=first.id)
    _, second = await house.sent(2)
    assert second.body["context"] == {"message_id": sent.wamid}


async def test_webhooks_that_come_in_reverse_go_out_by_message_id(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, options={"chatwoot": {"hold_ms": 300}}) as house:
        chat = await house.talk()
        house.chat.webhooks.hold()
        for number in range(6):
            house.chat.agent_writes(chat.id, f"{number}")
        house.chat.webhooks.release(backwards=True)
        await house.quiet()
        assert house.texts == [f"{number}" for number in range(6)]


async def test_a_message_waits_a_little_for_the_one_before_it(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, options={"chatwoot": {"hold_ms": 500}}) as house:
        chat = await house.talk()
        house.chat.webhooks.wait = 0.15
        house.chat.agent_writes(chat.id, "primeira")
        house.chat.webhooks.wait = 0
        house.chat.agent_writes(chat.id, "segunda")
        await house.quiet()
        assert house.texts == ["primeira", "segunda"]


async def test_a_message_deleted_before_its_send_is_not_sent(tmp_path: Path) -> None:
    async with slow_sends(tmp_path) as (house, phone, chat):
        house.chat.agent_writes(chat.id, "primeira")
        await phone.called("sending")
        second = house.chat.agent_writes(chat.id, "arrependida")
        await house.chat.settled()
        house.chat.agent_deletes(second.id)
        await house.chat.settled()
        phone.gates["sending"].set()
        await house.quiet()
        assert phone.texts == ["primeira"]
        assert (await house.events())["outbound", "ignored", "deleted_before_send"] == 1


@asynccontextmanager
async def slow_sends(tmp_path: Path) -> AsyncIterator[tuple[House, QrPhone, Conversation]]:
    """What goes onto WhatsApp waits at the gate "sending"."""
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.gates["sending"] = asyncio.Event()
        yield house, phone, chat


async def test_a_deletion_that_overtakes_its_message_holds(house: House) -> None:
    chat = await house.talk()
    house.chat.webhooks.hold()
    message = house.chat.agent_writes(chat.id, "arrependida")
    house.chat.agent_deletes(message.id)
    house.chat.webhooks.release(backwards=True)
    await house.quiet()
    assert house.graph.sent == []
    assert set((await house.balance()).values()) == {0}


async def test_webhooks_are_answered_before_whatsapp_is(tmp_path: Path) -> None:
    async with slow_sends(tmp_path) as (house, phone, chat):
        message = house.chat.agent_writes(chat.id, "devagar")
        await phone.called("sending")
        await house.chat.settled()
        assert message.status == "sent"
        assert await house.waiting() == 1
        assert phone.sent == []


async def test_a_repeated_webhook_sends_once(house: House) -> None:
    chat = await house.talk()
    house.chat.webhooks.copies = 3
    house.chat.agent_writes(chat.id, "uma vez")
    await house.quiet()
    assert house.texts == ["uma vez"]


async def test_an_empty_message_says_so(house: House) -> None:
    chat = await house.talk()
    message = house.chat.agent_writes(chat.id, "  \n ")
    await house.status(message, "failed")
    assert message.external_error == ("There is nothing in this message that WhatsApp could show.")


async def test_rate_limits_wait_and_lose_nothing(house: House) -> None:
    chat = await house.talk()
    house.graph.faults.next(Route.MESSAGES, faults.error(131056), count=2)
    for number in range(3):
        house.chat.agent_writes(chat.id, f"{number}")
    await house.quiet()
    assert house.texts == ["0", "1", "2"]


async def test_one_slow_customer_does_not_hold_up_the_next(house: House) -> None:
    marina, rui = await house.talk(MARINA), await house.talk(RUI)
    house.graph.faults.always(Route.MESSAGES, faults.error(131056), to=MARINA)
    house.chat.agent_writes(marina.id, "espera")
    house.chat.agent_writes(rui.id, "já")
    (sent,) = await house.sent()
    assert sent.text == "já"
    house.graph.faults.off()
    await house.quiet()
    assert house.texts == ["já", "espera"]


# ---------------------------------------------------------------- contacts that we never bound


def unbound(chat: ChatwootSim, **fields: Any) -> int:
    return chat.agent_creates_contact("Nova Cliente", **fields).id


async def test_an_agent_may_start_a_conversation(house: House) -> None:
    contact = unbound(house.chat, phone_number="+5511987650009")
    chat = house.chat.agent_starts_conversation(contact, house.inbox.id, "Olá, tudo bem?")
    (sent,) = await house.sent()
    assert (sent.to, sent.text) == ("5511987650009", "Olá, tudo bem?")
    await house.quiet()
    answer = await house.talk("5511987650009", "Tudo!")
    assert answer is chat
    assert [held.source_id for held in answer.contact.contact_inboxes] == [
        chat.contact_inbox.source_id
    ]


async def test_the_answer_may_come_from_the_spelling_without_the_ninth_digit(house: House) -> None:
    house.graph.known_as["5531987650009"] = "553187650009"
    contact = unbound(house.chat, phone_number="+5531987650009")
    chat = house.chat.agent_starts_conversation(contact, house.inbox.id, "Olá")
    (sent,) = await house.sent()
    await house.quiet()
    assert sent.person.wa_id == "553187650009"
    assert await house.talk("553187650009", "Oi!") is chat


async def test_an_agent_may_start_a_second_conversation_with_somebody_known(house: House) -> None:
    first = await house.talk()
    house.chat.resolve(first.id)
    house.chat.agent_starts_conversation(first.contact.id, house.inbox.id, "Voltamos")
    (sent,) = await house.sent()
    assert sent.to == MARINA


async def test_a_contact_without_a_number_fails_with_the_reason(house: House) -> None:
    contact = unbound(house.chat, email="nova@example.org", identifier="crm-9")
    chat = house.chat.agent_starts_conversation(contact, house.inbox.id, "Olá")
    await house.status(chat.messages[0], "failed")
    assert "no phone number" in (chat.messages[0].external_error or "")


async def test_after_the_number_was_added_retry_sends(house: House) -> None:
    contact = unbound(house.chat, email="nova@example.org")
    chat = house.chat.agent_starts_conversation(contact, house.inbox.id, "Olá")
    await house.status(chat.messages[0], "failed")
    await house.quiet()
    house.chat.agent_edits_contact(contact, phone_number="+5511987650009")
    house.chat.agent_retries(chat.messages[0].id)
    (sent,) = await house.sent()
    assert sent.to == "5511987650009"
    await house.quiet()
    assert chat.messages[0].status == "sent"


async def test_after_the_number_was_corrected_retry_goes_to_the_new_one(house: House) -> None:
    contact = unbound(house.chat, phone_number="+5511987650008")
    house.graph.faults.always(Route.MESSAGES, faults.error(131026), to="5511987650008")
    chat = house.chat.agent_starts_conversation(contact, house.inbox.id, "Olá")
    await house.status(chat.messages[0], "failed")
    assert "number" in (chat.messages[0].external_error or "")
    await house.quiet()
    house.chat.agent_edits_contact(contact, phone_number="+5511987650009")
    house.chat.agent_retries(chat.messages[0].id)
    (sent,) = await house.sent()
    assert sent.to == "5511987650009"


async def test_whoever_wrote_to_us_keeps_the_address_that_whatsapp_named(house: House) -> None:
    chat = await house.talk()
    house.chat.agent_edits_contact(chat.contact.id, phone_number="+5511987650007")
    house.chat.agent_writes(chat.id, "Oi")
    (sent,) = await house.sent()
    assert sent.to == MARINA


async def test_messages_of_another_inbox_are_ignored(house: House) -> None:
    other = house.chat.add_inbox("Outro", webhook_url=house.hook, members=[house.chat.agent])
    contact = unbound(house.chat, phone_number="+5511987650009")
    house.chat.agent_starts_conversation(contact, other.id, "Olá")
    await house.quiet()
    assert house.graph.sent == []


async def test_the_bots_own_conversation_goes_nowhere(house: House) -> None:
    (inbox,) = await house.rows("SELECT bot_conversation_id FROM chatwoot_inbox")
    house.chat.agent_writes(inbox["bot_conversation_id"], "olá bot")
    await house.quiet()
    assert house.graph.sent == []
    (job,) = await house.rows("SELECT state FROM job WHERE kind='command'")
    assert job["state"] == "delivered"
