"""A customer writes: what agents see in Chatwoot, and what it costs."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from bridge.sim.graph import File, Route, batch, faults
from bridge.sim.pictures import jpeg, png
from support.bridge_house import MARINA, RUI, House, bridge_house


async def test_a_text_arrives_with_its_contact_and_conversation(house: House) -> None:
    chat = await house.talk(text="Oi *tudo* bem?", name="Marina Alves")
    assert house.shown() == ["Oi **tudo** bem?"]
    assert chat.contact.name == "Marina Alves"
    assert chat.contact.phone_number == "+5511987650001"
    assert chat.contact.identifier == "5511987650001@s.whatsapp.net"
    assert chat.status == "open"
    assert chat.messages[0].message_type == "incoming"


async def test_in_the_steady_state_a_text_costs_one_chatwoot_call(house: House) -> None:
    await house.talk()
    before = Counter(house.chat.requests)
    await house.talk(text="de novo")
    assert Counter(house.chat.requests) - before == {"POST messages": 1}


async def test_a_new_customer_costs_four_calls(house: House) -> None:
    before = Counter(house.chat.requests)
    await house.talk()
    assert (Counter(house.chat.requests) - before).total() <= 4


async def test_many_at_once_arrive_once_each_and_in_order(house: House) -> None:
    texts = [f"linha {number}" for number in range(12)]
    for text in texts:
        await house.graph.customer_writes(MARINA, text)
        await house.graph.customer_writes(RUI, text)
    await house.quiet()
    first, second = house.chats()
    assert house.shown(first.id) == texts
    assert house.shown(second.id) == texts


async def test_one_webhook_may_hold_messages_of_many(house: House) -> None:
    drafts = [house.graph.draft(MARINA if n % 2 else RUI, f"n{n}")[1] for n in range(8)]
    assert await house.graph.deliver(batch(*drafts)) == 200
    await house.quiet()
    assert sorted(house.shown()) == [f"n{n}" for n in range(8)]
    assert len(house.chats()) == 2


async def test_a_repeated_webhook_is_ignored(house: House) -> None:
    _, payload = house.graph.draft(MARINA, "uma vez")
    for _ in range(3):
        assert await house.graph.deliver(payload) == 200
    await house.quiet()
    assert house.shown() == ["uma vez"]
    assert (await house.events())["inbound", "ignored", "duplicate"] == 2


async def test_webhooks_that_come_twice_at_the_same_moment_are_kept_once(house: House) -> None:
    house.graph.outbox.duplicate = True
    await house.talk(text="ao mesmo tempo")
    assert house.shown() == ["ao mesmo tempo"]


async def test_an_image_arrives_with_its_caption_and_bytes(house: House) -> None:
    chat = await house.talk(text=None, image=png(20, 20), caption="_foto_")
    (message,) = chat.messages
    assert message.content == "_foto_"
    assert [held.data for held in message.attachments] == [png(20, 20)]
    assert message.attachments[0].file_type == "image"


async def test_nothing_stays_in_the_spool(house: House) -> None:
    await house.talk(text=None, image=jpeg(), caption="foto")
    spool = house.settings.storage.data_dir / "spool"
    assert await asyncio.to_thread(lambda: list(spool.iterdir())) == []


async def test_a_document_arrives_under_its_name(house: House) -> None:
    file = File(kind="document", data=b"%PDF-1.7", mime="application/pdf", filename="Nota 7.pdf")
    chat = await house.talk(text=None, file=file)
    (held,) = chat.messages[0].attachments
    assert (held.blob.filename, held.blob.data) == ("Nota 7.pdf", b"%PDF-1.7")


async def test_a_file_that_is_gone_at_whatsapp_becomes_a_visible_placeholder(house: House) -> None:
    house.graph.faults.always(Route.DOWNLOAD, faults.error(100, status=404))
    house.graph.faults.always(Route.LOOKUP, faults.error(100, status=404))
    chat = await house.talk(text=None, image=jpeg(), caption="olha")
    assert "could not be fetched" in (chat.messages[0].content or "")
    assert "olha" in (chat.messages[0].content or "")


async def test_a_file_that_fails_for_a_moment_is_fetched_again(house: House) -> None:
    house.graph.faults.next(Route.DOWNLOAD, faults.broken(), count=1)
    house.graph.faults.next(Route.LOOKUP, faults.broken(), count=1)
    chat = await house.talk(text=None, image=png())
    assert chat.messages[0].attachments[0].data == png()


@pytest.mark.parametrize(
    "message",
    [
        {"type": "location", "location": {"latitude": "north"}},
        {"type": "unsupported", "errors": [{"code": 131051, "title": "unsupported"}]},
        {"type": "something_new", "something_new": {"a": [1, {"b": None}]}},
        {"type": "text", "text": {"body": "   "}},
        {"type": "text", "text": None},
        {"type": 7},
        {"type": "image", "image": []},
    ],
    ids=lambda message: str(message["type"]),
)
async def test_what_cannot_be_shown_is_a_placeholder(house: House, message: dict) -> None:
    await house.graph.customer_writes(MARINA, message=message)
    await house.quiet()
    (shown,) = house.shown()
    assert shown.startswith("[")
    assert set((await house.balance()).values()) == {0}


async def test_a_quote_points_at_the_quoted_message(house: House) -> None:
    first = await house.graph.customer_writes(MARINA, "pergunta")
    second = await house.graph.customer_writes(MARINA, "sobre isso", reply_to=first)
    await house.quiet()
    quoted = house.of(f"WAID:{first}")
    assert house.of(f"WAID:{second}").content_attributes["in_reply_to"] == quoted.id


async def test_a_customer_may_quote_the_agent(house: House) -> None:
    chat = await house.talk()
    message = house.chat.agent_writes(chat.id, "Claro!")
    (sent,) = await house.sent()
    await house.quiet()
    reply = await house.graph.customer_writes(MARINA, "Obrigada", reply_to=sent.wamid)
    await house.quiet()
    assert house.of(f"WAID:{reply}").content_attributes["in_reply_to"] == message.id


async def test_a_quote_of_something_unknown_is_no_obstacle(house: House) -> None:
    await house.talk(text="e aquilo?", reply_to="wamid.unknown")
    assert house.shown() == ["e aquilo?"]


async def test_a_group_is_one_conversation_with_the_speakers_names(house: House) -> None:
    def said(text: str) -> dict:
        return {"type": "text", "text": {"body": text}, "group_id": "GRP-1"}

    await house.graph.customer_writes(MARINA, message=said("oi grupo"), name="Marina")
    await house.graph.customer_writes(RUI, message=said("oi"), name="Rui")
    await house.quiet()
    (chat,) = house.chats()
    assert [one.content for one in chat.messages] == [
        "**Marina (+5511987650001):**\n\noi grupo",
        "**Rui (+5511987650002):**\n\noi",
    ]
    assert chat.contact.phone_number is None
    house.chat.agent_writes(chat.id, "olá a todos")
    await house.quiet()
    assert house.graph.sent == []
    assert "groups" in (chat.messages[-1].external_error or "")


async def test_statuses_of_messages_that_are_not_ours_are_ignored(house: House) -> None:
    chat = await house.talk()
    house.chat.agent_writes(chat.id, "oi")
    (sent,) = await house.sent()
    await house.quiet()
    payload = await asyncio.to_thread(_foreign_status, house, sent.wamid)
    assert await house.graph.deliver(payload) == 200
    assert (await house.events())["status", "ignored", "status.not_our_message"] == 1


def _foreign_status(house: House, wamid: str) -> dict:
    number = next(iter(house.graph.numbers.values()))
    status = {"id": wamid + "x", "status": "read", "timestamp": "1795190000"}
    metadata = {"display_phone_number": "551130001234", "phone_number_id": number.phone_number_id}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": [status]}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": [{"value": value, "field": "messages"}]}],
    }


async def test_a_text_of_any_length_and_any_characters_arrives(house: House) -> None:
    text = "{{ contact.name }} \u202e ﷽ 👩‍👩‍👧 " + "ç" * 60_000
    await house.talk(text=text)
    assert "{{ contact.name }}" in house.shown()[0]
    assert len(house.shown()[0]) > 60_000


async def test_when_chatwoot_is_down_messages_wait_and_arrive_in_order(house: House) -> None:
    await house.talk(text="antes")
    down = house.chat.faults.fail(502)
    for text in ("um", "dois", "três"):
        await house.graph.customer_writes(MARINA, text)
    await house.chat.wait_for(lambda: down.hits >= 3)
    down.off()
    await house.quiet()
    assert house.shown() == ["antes", "um", "dois", "três"]


@pytest.mark.parametrize("how", ["stored_but", "reset", "hang"])
async def test_a_post_that_was_not_answered_is_found_not_repeated(tmp_path: Path, how: str) -> None:
    async with bridge_house(tmp_path, options={"chatwoot": {"timeout_seconds": 2}}) as house:
        await house.talk()
        match how:
            case "stored_but":
                house.chat.faults.stored_but(500, route="POST messages", times=1)
            case "reset":
                house.chat.faults.reset(route="POST messages", times=1, acts=True)
            case _:
                house.chat.faults.hang(30, route="POST messages", times=1, acts=True)
        await house.graph.customer_writes(MARINA, "uma vez só")
        await house.quiet()
        assert house.shown() == ["Oi", "uma vez só"]


async def test_a_post_that_chatwoot_commits_late_is_waited_for(tmp_path: Path) -> None:
    """Rails goes on after our time-out: a look that comes too early proves nothing."""
    options = {"chatwoot": {"timeout_seconds": 0.3, "proof_delay_seconds": 1}}
    async with bridge_house(tmp_path, options=options) as house:
        await house.talk()
        posts = house.chat.requests
        house.chat.faults.hang(0.6, route="POST messages", times=1)
        await house.graph.customer_writes(MARINA, "uma vez só")
        await house.quiet()
        await house.chat.wait_for(lambda: len(posts.of("POST messages")) == posts["POST messages"])
        assert house.shown() == ["Oi", "uma vez só"]


async def test_an_agents_answer_between_does_not_hide_the_proof(house: House) -> None:
    """The search begins behind the last message of ours, not behind the agent's newer one."""
    chat = await house.talk()
    stuck = house.chat.faults.hang(30, route="POST messages", times=1, acts=True)
    await house.graph.customer_writes(MARINA, "uma vez só")
    await house.chat.wait_for(lambda: len(house.shown()) == 2)
    house.chat.agent_writes(chat.id, "resposta")
    await house.sent()
    stuck.off()
    house.chat.faults.reset(route="POST messages", times=1)
    await house.quiet()
    assert house.shown() == ["Oi", "uma vez só"]


async def test_a_wrong_token_pauses_and_nothing_is_lost(tmp_path: Path) -> None:
    async with bridge_house(tmp_path) as house:
        await house.talk()
        refused = house.chat.faults.fail(401)
        await house.graph.customer_writes(MARINA, "guardada")
        await house.chat.wait_for(lambda: refused.hits >= 1)
        refused.off()
        body = {
            "accountId": house.chat.account_id,
            "token": house.chat.admin_token,
            "url": house.chat_url,
            "nameInbox": "WhatsApp Loja",
        }
        await house.ok("POST", "/chatwoot/set/loja", json=body)
        await house.quiet()
        assert house.shown() == ["Oi", "guardada"]


async def test_two_inboxes_of_one_account_share_the_contact(tmp_path: Path) -> None:
    from bridge.sim.graph import Number  # noqa: PLC0415

    other = Number(phone_number_id="412900009999999", display_phone_number="+55 11 3000-9999")
    async with bridge_house(tmp_path, graph={"numbers": (Number(), other)}) as house:
        await house.create(
            instanceName="filial", number=other.phone_number_id, chatwootNameInbox="WhatsApp Filial"
        )
        first = house.graph.customer_writes(MARINA, "para a loja")
        second = house.graph.customer_writes(
            MARINA, "para a filial", phone_number_id=other.phone_number_id
        )
        await asyncio.gather(first, second)
        await house.quiet()
        assert sorted(house.shown()) == ["para a filial", "para a loja"]
        one, two = house.chats()
        assert one.contact is two.contact
        assert one.inbox is not two.inbox
