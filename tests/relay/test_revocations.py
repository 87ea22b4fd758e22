"""Messages that somebody deletes, on WhatsApp or in Chatwoot."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bridge.core.connection import LinkState
from bridge.core.party import Party
from bridge.errors import PeerBroke, PeerGone, PeerRefused
from bridge.locale import LANGUAGES, texts
from bridge.relay import changes
from bridge.sim.chatwoot import Message
from bridge.sim.pictures import png
from support.bridge_house import House, bridge_house
from support.qr_channel import LoggingQrChannel, QrPhone
from support.qr_events import CUSTOMER, GROUP, deleted, edited, typed, wrote
from support.sessions import balanced, bring, change, conversation, open_up, qr_house, reaches

RUI = Party(wa_id="5511987650002")
BY_CUSTOMER = texts("en")["note.deleted_by_customer"]
BY_PHONE = texts("en")["note.deleted_by_phone"]
BY_GROUP = texts("en")["note.deleted_by_group"]


def house_of(tmp_path, **more):
    return qr_house(tmp_path, channel=LoggingQrChannel, **more)


def notes(house: House) -> list[tuple[str | None, object]]:
    """Private notes in conversations with customers: text, and what they are about."""
    return [
        (one.content, one.content_attributes.get("in_reply_to"))
        for one in house.chat.messages()
        if one.private and (one.source_id or "").startswith("PONTE:note")
    ]


# ------------------------------------------------------------------------ deleted on WhatsApp


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_a_customer_deletes_stays_for_agents_with_a_note(tmp_path, language):
    async with house_of(tmp_path, options={"relay": {"language": language}}) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("segredo")

        await bring(house, phone, theirs)
        await bring(house, phone, deleted(theirs.id))

        shown = house.of(f"WAID:{theirs.id}")
        assert shown.content == "segredo"
        assert notes(house) == [(texts(language)["note.deleted_by_customer"], shown.id)]
        assert phone.sent == phone.revoked == []
        assert await balanced(house)


async def test_a_deletion_waits_for_its_message(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        down = house.chat.faults.fail(502)
        theirs = wrote("segredo")
        await phone.bring(theirs, deleted(theirs.id))
        await house.chat.wait_for(lambda: down.hits >= 1)

        down.off()
        await house.quiet()

        assert notes(house) == [(BY_CUSTOMER, house.of(f"WAID:{theirs.id}").id)]
        assert await balanced(house)


async def test_a_deletion_that_overtakes_its_message_is_told_once_that_is_there(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("segredo")
        await bring(house, phone, deleted(theirs.id))
        assert (await house.events())["inbound", "ignored", "revoked.not_here"] == 1

        await bring(house, phone, theirs)
        await bring(house, phone, deleted(theirs.id))

        assert notes(house) == [(BY_CUSTOMER, house.of(f"WAID:{theirs.id}").id)]
        assert await balanced(house)


async def test_a_deletion_that_is_told_again_is_noted_once(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("segredo")
        again = deleted(theirs.id)

        await bring(house, phone, theirs, again, again)
        await bring(house, phone, again, deleted(theirs.id))

        assert len(notes(house)) == 1
        assert (await house.events())["inbound", "ignored", "duplicate"] == 3
        assert await balanced(house)


async def test_what_our_own_phone_deletes_is_noted_too(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        ours = typed("engano")
        await bring(house, phone, ours)
        written = house.chat.agent_writes(chat.id, "outro engano")
        await phone.has_sent(1)
        await house.quiet()
        (row,) = await house.rows("SELECT whatsapp_id FROM ledger WHERE origin='agent'")

        await bring(house, phone, deleted(ours.id, by_us=True))
        await bring(house, phone, deleted(row["whatsapp_id"], by_us=True))

        assert notes(house) == [(BY_PHONE, house.of(f"WAID:{ours.id}").id), (BY_PHONE, written.id)]
        assert phone.revoked == []
        assert await balanced(house)


async def test_several_parts_of_one_message_make_one_note(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        written = house.chat.agent_writes(chat.id, "a" * 65536 + "b")
        await phone.has_sent(2)
        await house.quiet()
        rows = await house.rows("SELECT whatsapp_id FROM ledger WHERE origin='agent'")

        await bring(house, phone, *(deleted(row["whatsapp_id"], by_us=True) for row in rows))

        assert notes(house) == [(BY_PHONE, written.id)]
        assert await balanced(house)


async def test_nobody_deletes_what_somebody_else_wrote(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs, ours = wrote("de Marina"), typed("nossa")
        await bring(house, phone, theirs, ours, wrote("oi", sender=RUI))

        await bring(
            house,
            phone,
            deleted(theirs.id, chat=RUI),
            deleted(theirs.id, by_us=True),
            deleted(ours.id),
        )

        assert notes(house) == []
        events = await house.events()
        assert events["inbound", "ignored", "revoked.not_here"] == 1
        assert events["inbound", "ignored", "revoked.not_theirs"] == 2
        # And the one who may still can.
        await bring(house, phone, deleted(theirs.id))
        assert len(notes(house)) == 1
        assert await balanced(house)


async def test_in_a_group_the_note_does_not_say_who(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("oi", group=GROUP)

        await bring(house, phone, theirs, deleted(theirs.id, chat=Party(group=GROUP)))

        assert [text for text, _ in notes(house)] == [BY_GROUP]


@pytest.mark.parametrize("deletions", ["keep", "delete"])
async def test_a_member_of_a_group_deletes_nothing_of_others(tmp_path, deletions):
    ana, mallory = Party(wa_id="5511900000002", lid="1002"), Party(lid="1003")
    here = Party(group=GROUP)
    async with house_of(tmp_path, options={"relay": {"deletions": deletions}}) as (house, phone):
        await open_up(house, phone)
        theirs, ours = wrote("prova", group=GROUP, sender=ana), typed("preço", chat=here)
        await bring(house, phone, theirs, ours)

        await bring(
            house,
            phone,
            deleted(theirs.id, chat=here, author=mallory),
            deleted(ours.id, chat=here, author=mallory),
        )

        assert notes(house) == []
        shown = house.of(f"WAID:{theirs.id}")
        assert (shown.content or "").endswith("prova")
        assert house.of(f"WAID:{ours.id}").content == "preço"
        assert (await house.events())["inbound", "ignored", "revoked.not_theirs"] == 2
        # What was forged does not keep its author from deleting it.
        await bring(house, phone, deleted(theirs.id, chat=here, author=ana))
        if deletions == "keep":
            assert notes(house) == [(BY_GROUP, shown.id)]
        else:
            assert not (shown.content or "").endswith("prova")
        assert await balanced(house)


async def test_a_note_opens_no_conversation(tmp_path):
    async with house_of(tmp_path, order={"chatwootReopenConversation": True}) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("segredo")
        await bring(house, phone, theirs)
        chat = house.of(f"WAID:{theirs.id}").conversation
        house.chat.resolve(chat.id)
        await house.quiet()

        await bring(house, phone, deleted(theirs.id))

        assert len(notes(house)) == 1
        assert chat.status == "resolved"


@pytest.mark.parametrize("how", ["stored_but", "reset", "hang"])
async def test_a_note_whose_post_was_not_answered_is_found_not_repeated(tmp_path, how):
    async with house_of(tmp_path, options={"chatwoot": {"timeout_seconds": 2}}) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("segredo")
        await bring(house, phone, theirs)
        match how:
            case "stored_but":
                house.chat.faults.stored_but(500, route="POST messages", times=1)
            case "reset":
                house.chat.faults.reset(route="POST messages", times=1, acts=True)
            case _:
                house.chat.faults.hang(30, route="POST messages", times=1, acts=True)

        await bring(house, phone, deleted(theirs.id))

        assert len(notes(house)) == 1
        assert await balanced(house)


async def test_a_note_about_a_conversation_that_is_gone_is_left_out(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("segredo")
        await bring(house, phone, theirs)
        house.chat.delete_conversation(house.of(f"WAID:{theirs.id}").conversation.id)

        await bring(house, phone, deleted(theirs.id))

        assert (await house.events())["internal", "ignored", "chatwoot.conversation_gone"] == 1
        assert await balanced(house)


# ------------------------------------------------------------------------ deleted in Chatwoot


async def answered(house: House, phone: QrPhone, text: str = "engano", **more) -> Message:
    chat = await conversation(house, phone)
    message = house.chat.agent_writes(chat.id, text, **more)
    await phone.has_sent(1)
    await house.quiet()
    return message


async def ids(house: House) -> list[str]:
    rows = await house.rows("SELECT whatsapp_id FROM ledger WHERE origin='agent' ORDER BY part")
    return [row["whatsapp_id"] for row in rows]


async def test_what_an_agent_deletes_is_deleted_on_whatsapp(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        message = await answered(house, phone)

        house.chat.agent_deletes(message.id)
        await phone.called("revoked")

        (id_,) = await ids(house)
        ((chat, revoked),) = phone.revoked
        assert (chat.wa_id, revoked) == (CUSTOMER.wa_id, id_)
        assert notes(house) == []
        assert await balanced(house)


async def test_all_parts_are_deleted(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        files = [("a.png", png(10, 10), "image/png"), ("b.png", png(12, 12), "image/png")]
        message = await answered(house, phone, "duas", attachments=files)

        house.chat.agent_deletes(message.id)
        await phone.called("revoked", 2)

        assert [id_ for _, id_ in phone.revoked] == await ids(house)


async def test_our_own_deletion_that_comes_back_is_no_news(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        message = await answered(house, phone)
        ours = typed("do telefone")
        await bring(house, phone, ours)
        house.chat.agent_deletes(message.id)
        house.chat.agent_deletes(house.of(f"WAID:{ours.id}").id)
        await phone.called("revoked", 2)
        await house.quiet()

        for _, id_ in list(phone.revoked):
            await bring(house, phone, deleted(id_, by_us=True))

        assert {id_ for _, id_ in phone.revoked} == {*await ids(house), ours.id}
        assert notes(house) == []
        assert (await house.events())["inbound", "ignored", "echo"] == 2
        assert await balanced(house)


async def test_a_deletion_is_done_once_however_often_chatwoot_tells_it(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        message = await answered(house, phone)

        house.chat.webhooks.copies = 3
        house.chat.agent_deletes(message.id)
        await phone.called("revoked")
        house.chat.agent_deletes(message.id)
        await house.quiet()

        assert len(phone.revoked) == 1
        assert await balanced(house)


async def test_what_customers_wrote_is_never_deleted_on_whatsapp(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)

        house.chat.agent_deletes(chat.messages[0].id)
        await house.quiet()

        assert phone.revoked == []
        assert notes(house) == []


async def test_a_deletion_waits_until_the_number_is_connected_again(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        message = await answered(house, phone)
        phone.drop(428, "The connection broke.")
        await reaches(house, LinkState.CLOSED)

        house.chat.agent_deletes(message.id)
        await house.chat.settled()
        await open_up(house, phone)
        await phone.called("revoked")

        assert phone.calls.count("revoke") == 1  # it was not even tried before
        assert notes(house) == []
        assert await balanced(house)


async def test_where_nothing_shall_wait_for_a_connection_the_agent_is_told(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await change(house, lambda now: replace(now, fail_when_disconnected=True))
        await open_up(house, phone)
        message = await answered(house, phone)
        phone.drop(428, "The connection broke.")
        await reaches(house, LinkState.CLOSED)

        house.chat.agent_deletes(message.id)
        await house.quiet()

        assert notes(house) == [(texts("en")["note.revoke.disconnected"], message.id)]
        # And it keeps nobody else waiting.
        late = house.chat.agent_writes(message.conversation.id, "e agora?")
        await house.status(late, "failed")
        assert await balanced(house)


async def test_an_unknown_outcome_is_tried_again(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        message = await answered(house, phone)
        phone.refuses["revoke"] = [PeerBroke("It went in the middle.", code="whatsapp.broke")]

        house.chat.agent_deletes(message.id)
        await phone.called("revoked")

        assert len(phone.revoked) == 1
        assert await balanced(house)


@pytest.mark.parametrize("error", [PeerRefused("No."), PeerGone("There is none.")])
async def test_what_whatsapp_does_not_delete_is_told_once(tmp_path, error):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        files = [("a.png", png(10, 10), "image/png"), ("b.png", png(12, 12), "image/png")]
        message = await answered(house, phone, "duas", attachments=files)
        phone.refuses["revoke"] = [error, PeerRefused("No.")]

        house.chat.agent_deletes(message.id)
        await phone.called("revoke", 2)
        await house.quiet()

        assert notes(house) == [(texts("en")["note.revoke.refused"], message.id)]
        assert phone.revoked == []
        assert await balanced(house)


async def test_too_late_is_told_without_asking(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        message = await answered(house, phone)
        await house.pass_time(hours=61)

        house.chat.agent_deletes(message.id)
        await house.quiet()

        assert notes(house) == [(texts("en")["note.revoke.too_late"], message.id)]
        assert phone.revoked == []


async def test_where_the_channel_cannot_delete_the_agent_is_told(tmp_path):
    async with bridge_house(tmp_path) as house:
        chat = await house.talk()
        message = house.chat.agent_writes(chat.id, "engano")
        await house.sent()
        await house.quiet()

        house.chat.agent_deletes(message.id)
        await house.quiet()

        assert notes(house) == [(texts("en")["note.revoke.impossible"], message.id)]
        assert house.texts == ["engano"]
        assert await balanced(house)


async def test_a_deletion_between_two_parts_stops_the_second_and_deletes_the_first(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        gate = phone.gates["sending"] = asyncio.Event()
        message = house.chat.agent_writes(chat.id, "a" * 65536 + "b")
        await phone.called("sending")

        house.chat.agent_deletes(message.id)
        await house.chat.settled()
        gate.set()
        await phone.called("revoked")
        await house.quiet()

        assert [len(text) for text in phone.texts] == [65536]
        assert [id_ for _, id_ in phone.revoked] == await ids(house)
        assert await balanced(house)


async def test_a_message_of_unknown_fate_cannot_be_deleted_and_that_is_said(tmp_path):
    async with qr_house(tmp_path, channel=LoggingQrChannel) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [PeerBroke("It went in the middle.", code="whatsapp.broke")]
        phone.remembers = [PeerBroke("The log cannot be read.", code="whatsapp.broke")]
        message = house.chat.agent_writes(chat.id, "talvez")
        await house.status(message, "failed")
        await house.quiet()

        house.chat.agent_deletes(message.id)
        await house.quiet()

        assert notes(house) == [(texts("en")["note.revoke.unknown"], message.id)]
        assert await balanced(house)


async def test_a_deletion_outlives_a_restart(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        message = await answered(house, phone)
        phone.drop(428, "The connection broke.")
        await reaches(house, LinkState.CLOSED)
        house.chat.agent_deletes(message.id)
        await house.chat.settled()

        await house.stop()
        await house.start()
        await open_up(house, phone)
        await phone.called("revoked")

        assert len(phone.revoked) == 1
        assert await balanced(house)


async def test_why_tells_the_whole_story_of_a_deletion(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        message = house.chat.agent_writes(chat.id, "engano")
        await phone.has_sent(1)
        await house.quiet()
        phone.refuses["revoke"] = [PeerRefused("too late")]

        house.chat.agent_deletes(message.id)
        await house.quiet()

        stories = await house.ok("GET", f"/why?message={message.id}")
        told = [(story["kind"], story["state"], story["cause"]) for story in stories]
        assert told == [
            ("note", "delivered", None),
            ("revoke", "ignored", "revoke.refused"),
            ("outbound", "delivered", None),
        ]


async def test_what_an_agent_deletes_while_we_are_down_is_deleted_after_it(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        message = await answered(house, phone)
        ours = typed("do telefone")
        await bring(house, phone, ours)
        mirror = house.of(f"WAID:{ours.id}")

        await house.stop()
        house.chat.agent_deletes(message.id)
        house.chat.agent_deletes(mirror.id)
        await house.chat.settled()
        await house.start()
        await open_up(house, phone)
        await phone.called("revoked", 2)
        await house.quiet()

        assert ours.id in [id_ for _, id_ in phone.revoked]
        assert len(phone.revoked) == 2
        assert await balanced(house)
        await house.stop()
        await house.start()
        await open_up(house, phone)
        await house.quiet()
        assert len(phone.revoked) == 2


# ------------------------------------------------------------------------ deleted in both


DELETES = {"relay": {"deletions": "delete"}}


def is_deleted(message: Message) -> bool:
    return bool(message.content_attributes.get("deleted"))


async def test_what_a_customer_deletes_can_be_deleted_in_chatwoot_too(tmp_path):
    async with house_of(tmp_path, options=DELETES) as (house, phone):
        await open_up(house, phone)
        theirs, other = wrote("segredo"), wrote("fica")
        edit = edited(theirs.id, "segredo!")
        await bring(house, phone, theirs, other, edit)

        await bring(house, phone, deleted(theirs.id), deleted(theirs.id))

        shown = [one for one in house.chat.messages() if one.message_type == "incoming"]
        texts_left = [one.content for one in shown if not is_deleted(one)]
        assert "fica" in texts_left
        assert not any("segredo" in (text or "") for text in texts_left)
        assert is_deleted(house.of(f"WAID:{theirs.id}"))
        assert notes(house) == []
        assert phone.revoked == []
        assert await balanced(house)


async def test_a_deletion_that_overtakes_its_message_deletes_it_once_it_is_there(tmp_path):
    async with house_of(tmp_path, options=DELETES) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("segredo")

        await bring(house, phone, deleted(theirs.id))
        await bring(house, phone, theirs)

        assert is_deleted(house.of(f"WAID:{theirs.id}"))
        assert await balanced(house)


async def test_nobody_deletes_the_edits_of_another_member(tmp_path, monkeypatch):
    """Of a message that never came, only what was made of it says whose it is."""
    monkeypatch.setattr(changes, "WAIT", 0)
    ana, mallory, here = Party(lid="1002"), Party(lid="1003"), Party(group=GROUP)
    async with house_of(tmp_path, options=DELETES) as (house, phone):
        await open_up(house, phone)
        await bring(house, phone, deleted("3AGONE", chat=here, author=mallory))
        await bring(house, phone, edited("3AGONE", "prova", chat=here, sender=ana))
        await bring(house, phone, deleted("3AGONE", chat=here, author=Party(lid="1004")))

        shown = house.chat.messages()
        (told,) = [one for one in shown if (one.source_id or "").startswith("WAID:3AGONE~")]
        assert not is_deleted(told)
        await bring(house, phone, deleted("3AGONE", chat=here, author=ana))
        assert is_deleted(told)
        assert await balanced(house)


async def test_a_message_is_deleted_in_chatwoot_once_all_its_parts_are(tmp_path):
    async with house_of(tmp_path, options=DELETES) as (house, phone):
        await open_up(house, phone)
        ours = typed("do telefone")
        await bring(house, phone, wrote("oi"), ours)
        written = house.chat.agent_writes(house.chats()[0].id, "a" * 65536 + "b")
        await phone.has_sent(2)
        await house.quiet()
        first, second = await ids(house)

        await bring(house, phone, deleted(first, by_us=True))
        assert not is_deleted(written)
        assert notes(house) == [(BY_PHONE, written.id)]
        await bring(house, phone, deleted(second, by_us=True), deleted(ours.id, by_us=True))

        assert is_deleted(written)
        assert is_deleted(house.of(f"WAID:{ours.id}"))
        # What Chatwoot tells us of our own deletion is no agent's.
        assert phone.revoked == []
        assert (await house.events())["outbound", "ignored", "echo"] >= 2
        assert await balanced(house)


@pytest.mark.parametrize("how", ["stored_but", "gone"])
async def test_a_deletion_in_chatwoot_may_fail_and_is_repeated(tmp_path, how):
    async with house_of(tmp_path, options=DELETES) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("segredo")
        await bring(house, phone, theirs)
        shown = house.of(f"WAID:{theirs.id}")
        if how == "stored_but":
            house.chat.faults.stored_but(500, route="DELETE message", times=1)
        else:
            house.chat.delete_conversation(shown.conversation.id)

        await bring(house, phone, deleted(theirs.id))

        if how == "stored_but":
            assert is_deleted(shown)
        assert await balanced(house)
