"""What is typed on the phone of our own number stands in Chatwoot, and goes nowhere else."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bridge.core.content import Media, MediaKind
from bridge.core.message import DeliveryState, Unhandled
from bridge.core.party import Party
from bridge.errors import PeerBroke
from bridge.sim.pictures import png
from support.bridge_house import MARINA
from support.qr_events import CUSTOMER, GROUP, NUMBER, reported, typed, wrote
from support.sessions import balanced, bring, change, conversation, open_up, qr_house


async def test_it_stands_as_outgoing_in_the_chats_conversation_and_is_not_sent_again(tmp_path):
    async with qr_house(tmp_path, order={"chatwootSignMsg": True}) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        ours = typed("Bom dia, *Marina*")

        await bring(house, phone, ours)

        shown = house.of(f"WAID:{ours.id}")
        assert shown.conversation is chat
        assert (shown.message_type, shown.content) == ("outgoing", "Bom dia, **Marina**")
        assert phone.sent == []
        assert await balanced(house)


async def test_what_both_sides_write_keeps_its_order(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        both = [wrote("1"), typed("2"), wrote("3"), typed("4"), typed("5"), wrote("6")]

        await bring(house, phone, *both)

        (chat,) = house.chats()
        assert [one.content for one in chat.messages] == list("123456")


async def test_told_twice_it_is_shown_once(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        ours = typed("uma vez")

        await bring(house, phone, ours, ours)
        await bring(house, phone, ours)

        house.of(f"WAID:{ours.id}")
        assert (await house.events())["inbound", "ignored", "duplicate"] == 2
        assert await balanced(house)


async def test_a_chat_that_we_begin_is_named_by_its_number_and_never_by_our_own_name(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        ours = typed("Olá", chat=replace(CUSTOMER, name="Loja da Esquina"))

        await bring(house, phone, ours)

        contact = house.of(f"WAID:{ours.id}").conversation.contact
        assert (contact.name, contact.phone_number) == (f"+{MARINA}", f"+{MARINA}")


@pytest.mark.parametrize("pending", [False, True])
@pytest.mark.parametrize("status", ["resolved", "snoozed"])
async def test_it_wakes_no_conversation_that_sleeps(tmp_path, pending, status):
    order = {"chatwootReopenConversation": True, "chatwootConversationPending": pending}
    async with qr_house(tmp_path, order=order) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        set_status = house.chat.resolve if status == "resolved" else house.chat.snooze
        set_status(chat.id)
        await house.quiet()

        first, second = typed("até logo"), typed("e obrigada")
        await bring(house, phone, first)
        await bring(house, phone, second)

        assert house.of(f"WAID:{second.id}").conversation is chat
        assert chat.status == status
        # What a customer writes then still does what it always does.
        await bring(house, phone, wrote("de novo"))
        assert chat.status == ("pending" if pending else "open")


async def test_where_conversations_are_not_reopened_it_begins_no_new_one_either(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        house.chat.resolve(chat.id)
        await house.quiet()
        ours = typed("Boa tarde")

        await bring(house, phone, ours)

        assert house.of(f"WAID:{ours.id}").conversation is chat
        assert chat.status == "resolved"


@pytest.mark.parametrize("pending", [False, True])
async def test_what_we_begin_is_begun_resolved_and_the_answer_opens_it(tmp_path, pending):
    order = {"chatwootReopenConversation": False, "chatwootConversationPending": pending}
    async with qr_house(tmp_path, order=order) as (house, phone):
        await open_up(house, phone)

        await bring(house, phone, typed("Olá, aqui é da padaria"), typed("O bolo está pronto"))

        (chat,) = house.chats()
        assert chat.status == "resolved"
        await bring(house, phone, wrote("Oba!"), wrote("Já vou"))
        assert house.chats() == [chat]
        assert chat.status == ("pending" if pending else "open")
        # It is an ordinary one from here on.
        house.chat.resolve(chat.id)
        await house.quiet()
        await bring(house, phone, wrote("Mais um, por favor"))
        assert len(house.chats()) == 2


async def test_before_a_conversation_wakes_it_is_asked_whether_there_is_a_better_one(tmp_path):
    """Of a merge that brings an open conversation along no webhook tells."""
    async with qr_house(tmp_path, order={"chatwootReopenConversation": True}) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        house.chat.resolve(chat.id)
        await house.quiet()
        await bring(house, phone, typed("Até logo"))  # now it is known that there is no other
        other = house.chat.agent_creates_contact("Marina (outra)")
        better = house.chat.agent_starts_conversation(other.id, house.inbox.id, "Oi?")
        await house.quiet()
        house.chat.agent_merges(chat.contact.id, other.id)
        await house.quiet()
        late = wrote("Voltei")
        await bring(house, phone, late)
        assert house.of(f"WAID:{late.id}").conversation is better
        assert chat.status == "resolved"


async def test_an_agent_can_quote_it_and_so_can_the_customer(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        ours = typed("São R$ 10")
        await bring(house, phone, ours)
        shown = house.of(f"WAID:{ours.id}")

        theirs = wrote("caro", reply_to=ours.id)
        await bring(house, phone, theirs)
        house.chat.agent_writes(shown.conversation.id, "à vista R$ 9", in_reply_to=shown.id)
        await phone.has_sent(1)

        assert house.of(f"WAID:{theirs.id}").content_attributes["in_reply_to"] == shown.id
        (quote,) = phone.quotes
        assert quote is not None
        assert (quote.id, quote.by_us, quote.text) == (ours.id, True, "São R$ 10")


async def test_it_can_quote_the_customer(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        question = wrote("quanto?")
        ours = typed("R$ 10", reply_to=question.id)

        await bring(house, phone, question, ours)

        quoted = house.of(f"WAID:{question.id}").id
        assert house.of(f"WAID:{ours.id}").content_attributes["in_reply_to"] == quoted


async def test_its_receipts_show_that_it_was_read_and_never_a_failure(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        ours = typed("chegou?")
        await bring(house, phone, ours)
        shown = house.of(f"WAID:{ours.id}")

        await bring(house, phone, reported(ours.id, DeliveryState.FAILED))
        assert shown.status == "sent"
        await bring(house, phone, reported(ours.id, DeliveryState.DELIVERED))
        await bring(house, phone, reported(ours.id, DeliveryState.READ))

        assert shown.status == "read"
        assert phone.sent == []
        assert await balanced(house)


async def test_its_files_come_along(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        phone.files["foto"] = png(10, 10)
        photo = Media(media=MediaKind.IMAGE, handle="foto", mime="image/png", caption="*olha*")
        lost = Media(media=MediaKind.IMAGE, handle="gone", mime="image/png", caption="sumiu")
        first, second = typed(photo), typed(lost)

        await bring(house, phone, first, second)

        shown = house.of(f"WAID:{first.id}")
        assert (shown.content, shown.message_type) == ("**olha**", "outgoing")
        assert [held.blob.data for held in shown.attachments] == [png(10, 10)]
        assert "could not be fetched" in (house.of(f"WAID:{second.id}").content or "")


@pytest.mark.parametrize("template", ["Olá {{contact.name}}", "{% if x %}Olá{% endif %}"])
async def test_chatwoot_fills_nothing_into_it(tmp_path, template):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        ours = typed(template)

        await bring(house, phone, ours)

        text = house.of(f"WAID:{ours.id}").content or ""
        assert text.replace("\u200b", "") == template


async def test_chats_that_are_ignored_are_ignored_in_both_directions(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await change(
            house,
            lambda now: replace(now, behaviour=replace(now.behaviour, groups_ignore=True)),
        )

        await bring(house, phone, typed("oi grupo", chat=Party(group=GROUP)))

        assert house.chats() == []
        assert (await house.events())["inbound", "ignored", "groups_ignored"] == 1
        assert await balanced(house)


async def test_in_a_group_it_stands_without_a_speaker(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("oi", group=GROUP, sender=replace(CUSTOMER, name="Marina"))
        ours = typed("oi, Marina", chat=Party(group=GROUP))

        await bring(house, phone, theirs, ours)

        (chat,) = house.chats()
        assert [one.content for one in chat.messages] == [
            f"**Marina (+{MARINA}):**\n\noi",
            "oi, Marina",
        ]


async def test_our_own_send_that_comes_back_is_no_second_message(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        house.chat.agent_writes(chat.id, "resposta")
        await phone.has_sent(1)
        await house.quiet()
        (row,) = await house.rows("SELECT whatsapp_id FROM ledger WHERE origin='agent'")

        await bring(house, phone, typed("resposta", id=row["whatsapp_id"]))

        assert [one.content for one in chat.messages] == ["oi", "resposta"]
        assert (await house.events())["inbound", "ignored", "echo"] == 1
        assert await balanced(house)


async def test_our_own_send_may_come_back_before_it_is_answered(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        gate = phone.gates["sending"] = asyncio.Event()
        house.chat.agent_writes(chat.id, "resposta")
        await phone.called("sending")

        echo = typed("resposta", id=f"3EB0{1:016X}")
        await phone.bring(echo, wrote("e aí?"))
        gate.set()
        await house.quiet()

        assert [one.content for one in chat.messages] == ["oi", "resposta", "e aí?"]
        assert (await house.events())["inbound", "ignored", "echo"] == 1
        assert await balanced(house)


async def test_a_send_of_unknown_outcome_holds_it_up_only_for_a_while(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [PeerBroke("It went in the middle.", code="whatsapp.broke")]
        message = house.chat.agent_writes(chat.id, "talvez")
        await phone.called("send")
        ours = typed("do telefone")

        await bring(house, phone, ours)

        assert house.of(f"WAID:{ours.id}").conversation is chat
        assert message.status == "failed"
        assert await balanced(house)


@pytest.mark.parametrize("how", ["stored_but", "reset", "hang"])
async def test_a_post_that_was_not_answered_is_found_not_repeated(tmp_path, how):
    async with qr_house(tmp_path, options={"chatwoot": {"timeout_seconds": 2}}) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        match how:
            case "stored_but":
                house.chat.faults.stored_but(500, route="POST messages", times=1)
            case "reset":
                house.chat.faults.reset(route="POST messages", times=1, acts=True)
            case _:
                house.chat.faults.hang(30, route="POST messages", times=1, acts=True)
        ours = typed("uma vez só")

        await bring(house, phone, ours)

        house.of(f"WAID:{ours.id}")
        assert phone.sent == []
        assert await balanced(house)


async def test_a_message_without_any_address_is_counted(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)

        await bring(house, phone, typed("?", chat=Party()))

        assert (await house.events())["inbound", "ignored", "whatsapp.no_sender"] == 1
        assert await balanced(house)


@pytest.mark.parametrize("rule", ["history", "status", "protocol", "newsletter", "empty"])
async def test_what_needs_no_action_is_counted_with_its_rule(tmp_path, rule):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)

        await bring(house, phone, Unhandled(number=NUMBER, rule=rule))

        assert (await house.events())["signal", "ignored", rule] == 1
        assert house.chats() == []
        assert await balanced(house)


async def test_where_no_sends_are_echoed_nothing_waits_for_a_send(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.echoes_sends = False
        await open_up(house, phone)
        chat = await conversation(house, phone)
        gate = phone.gates["sending"] = asyncio.Event()
        house.chat.agent_writes(chat.id, "um vídeo grande")
        await phone.called("sending")

        ours, theirs = typed("do telefone"), wrote("e aí?")
        await phone.bring(ours, theirs)
        await house.chat.wait_for(lambda: "e aí?" in house.shown())

        gate.set()
        await house.quiet()
        assert phone.texts == ["um vídeo grande"]
        assert await balanced(house)


async def test_a_receipt_that_was_faster_than_chatwoot_counts(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        down = house.chat.faults.fail(502)
        ours = typed("chegou?")
        await phone.bring(ours)
        await house.chat.wait_for(lambda: down.hits >= 1)
        await phone.bring(
            reported(ours.id, DeliveryState.DELIVERED), reported(ours.id, DeliveryState.READ)
        )
        down.off()
        await house.quiet()

        await house.status(house.of(f"WAID:{ours.id}"), "read")
        assert await balanced(house)


async def test_an_address_that_is_ignored_is_ignored_by_its_lid_too(tmp_path):
    order = {"chatwootIgnoreJids": [f"{MARINA}@s.whatsapp.net"]}
    async with qr_house(tmp_path, order=order) as (house, phone):
        await open_up(house, phone)
        lid = replace(CUSTOMER, wa_id=None)

        await bring(house, phone, wrote("oi"))
        await bring(house, phone, wrote("oi de novo", sender=lid), typed("oi", chat=lid))

        assert house.chats() == []
        assert (await house.events())["inbound", "ignored", "jid_ignored"] == 3


@pytest.mark.parametrize(
    ("member", "named"),
    [
        (Party(wa_id=MARINA, name="Marina"), f"Marina (+{MARINA})"),
        (Party(lid="103899771998284", name="Marina"), "Marina"),
        (Party(wa_id=MARINA), f"+{MARINA}"),
    ],
)
async def test_who_speaks_in_a_group_is_named_by_what_is_known(tmp_path, member, named):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("oi", group=GROUP, sender=member)

        await bring(house, phone, theirs)

        assert house.of(f"WAID:{theirs.id}").content == f"**{named}:**\n\noi"
