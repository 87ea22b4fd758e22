"""What is said about a message comes before it, late, after it was deleted, or in another chat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.core.content import Poll
from bridge.core.message import IdentityChanged
from bridge.core.party import Party
from bridge.relay import changes
from bridge.relay.lanes import to_whatsapp
from bridge.sim.chatwoot import Conversation, Message
from bridge.sim.graph import SentMessage
from bridge.sim.pictures import png
from support.able_channel import AbleChannel
from support.bridge_house import MARINA, House, bridge_house
from support.qr_channel import QrPhone
from support.qr_events import MOMENT, NUMBER, deleted, edited, new_id, reacted, voted, wrote
from support.sessions import balanced, bring, conversation, open_up, qr_house

#: One person by number, and by a hidden id, until both come together.
BY_NUMBER, BY_LID = Party(wa_id=MARINA), Party(lid="103899771998284")
BOTH = Party(wa_id=MARINA, lid="103899771998284")
NEW = Party(wa_id="5511987650077")
DELETES = {"relay": {"deletions": "delete"}}
ITEMS = [{"title": "Pedido", "value": "p"}, {"title": "Humano", "value": "h"}]
POLL = Poll(question="Que dia?", options=("Sábado", "Domingo"))


@asynccontextmanager
async def opened(tmp_path: Path, **more: Any) -> AsyncIterator[tuple[House, QrPhone]]:
    """At the end nothing waits, and nothing died."""
    async with qr_house(tmp_path, channel=AbleChannel, **more) as (house, phone):
        await open_up(house, phone)
        yield house, phone
        assert await balanced(house)
        assert await house.rows("SELECT kind, cause FROM job WHERE state='dead'") == []


def shown(house: House) -> list[str]:
    """What agents see in conversations with customers, without what was deleted there."""
    known = {one.id for one in house.chats() if one.contact.phone_number or one.contact.identifier}
    return [
        f"note: {one.content}" if one.private else one.content or ""
        for one in house.chat.messages()
        if one.conversation.id in known
        and (one.source_id or "").startswith(("WAID:", "PONTE:note"))
        and not one.content_attributes.get("deleted")
    ]


def told_of(house: House, target: str) -> list[Message]:
    start = f"WAID:{target}~"
    return [one for one in house.chat.messages() if (one.source_id or "").startswith(start)]


def ask(house: House, chat: Conversation, **more: Any) -> Message:
    attributes = {"items": ITEMS}
    return house.chat.agent_writes(
        chat.id, "Escolha:", content_type="input_select", content_attributes=attributes, **more
    )


# -------------------------------------------------------------------- what customers change


@pytest.mark.parametrize("when", ["after it", "before it and the message", "without the message"])
async def test_an_edit_does_not_bring_back_what_was_deleted(tmp_path, monkeypatch, when):
    async with opened(tmp_path, options=DELETES) as (house, phone):
        theirs = wrote("segredo")
        edit, deletion = edited(theirs.id, "segredo!"), deleted(theirs.id)
        await bring(house, phone, wrote("oi"))
        if when == "after it":
            await bring(house, phone, theirs, deletion)
            await bring(house, phone, edit)
            assert (await house.events())["inbound", "ignored", "edited.deleted"] == 1
        elif when == "without the message":
            monkeypatch.setattr(changes, "WAIT", 0)
            await bring(house, phone, edit)
            assert any("segredo!" in text for text in shown(house))
            await bring(house, phone, deletion)
        else:
            await phone.bring(edit)
            await phone.bring(deletion)
            await bring(house, phone, theirs)
        assert shown(house) == ["oi"]


async def test_two_quick_edits_keep_their_order_while_the_first_waits_for_the_message(tmp_path):
    """Of the same second, so nothing but their order tells which is the newer one."""
    async with opened(tmp_path) as (house, phone):
        theirs = wrote("a")
        await phone.bring(edited(theirs.id, "b"))
        await phone.bring(theirs)
        await bring(house, phone, edited(theirs.id, "c"))

        assert shown(house) == ["a", "✏️ b", "✏️ c"]


async def test_a_vote_that_overtakes_its_poll_waits_for_it(tmp_path):
    async with opened(tmp_path) as (house, phone):
        poll = wrote(POLL)
        await phone.bring(voted(poll.id, "Domingo"))
        await bring(house, phone, poll)

        (vote,) = told_of(house, poll.id)
        assert "Domingo" in (vote.content or "")
        assert vote.content_attributes["in_reply_to"] == house.of(f"WAID:{poll.id}").id


async def test_what_somebody_did_before_two_chats_became_one_is_theirs_after_it(tmp_path):
    """That is: not done by a second person, not unknown, and not older than what comes late."""
    async with opened(tmp_path) as (house, phone):
        liked, poll, text = (wrote(one, sender=BY_LID) for one in ("gostei", POLL, "a"))
        await bring(house, phone, wrote("número", sender=BY_NUMBER), liked, poll, text)
        await bring(
            house,
            phone,
            reacted(liked.id, "👍", chat=BY_LID),
            voted(poll.id, "Domingo", chat=BY_LID),
            edited(text.id, "c", chat=BY_LID, after=2),
        )
        await bring(house, phone, wrote("os dois", sender=BOTH))
        before = len(shown(house))

        await bring(
            house,
            phone,
            reacted(liked.id, None, chat=BOTH, after=1),
            voted(poll.id, "Sábado", chat=BOTH, after=1),
            edited(text.id, "b", chat=BOTH, after=1),
        )

        gone, changed = sorted(shown(house)[before:])
        assert gone.startswith("note: ")
        assert "👍" in gone
        assert "Sábado" in changed
        assert "Domingo" not in changed, "only one has voted"
        assert (await house.events())["inbound", "ignored", "edited.outdated"] == 1


@pytest.mark.parametrize("kind", ["unreacted", "unvoted"])
async def test_what_is_taken_back_is_noted_once_though_nobody_answered(tmp_path, kind):
    async with opened(tmp_path) as (house, phone):
        poll = wrote(POLL)
        first, second = {
            "unreacted": (reacted(poll.id, "👍"), reacted(poll.id, None, after=1)),
            "unvoted": (voted(poll.id, "Domingo"), voted(poll.id, after=1)),
        }[kind]
        await bring(house, phone, poll, first)
        house.chat.faults.stored_but(500, route="POST messages", times=1)

        await bring(house, phone, second, second)

        assert len([text for text in shown(house) if text.startswith("note: ")]) == 1


# ------------------------------------------------------------------------------- choices


async def test_a_choice_that_was_answered_between_two_parts_is_over(tmp_path):
    async with opened(tmp_path) as (house, phone):
        chat = await conversation(house, phone)
        answer, other = wrote("1"), wrote("2")
        first = phone.gates["sending"] = asyncio.Event()
        ask(house, chat, attachments=[("foto.png", png(9, 9), "image/png")])
        await phone.called("sending")
        second = phone.gates["sending"] = asyncio.Event()
        first.set()
        await phone.called("sending", 2)
        await phone.bring(answer)
        await house.chat.wait_for(lambda: len(shown(house)) == 2)
        second.set()
        await bring(house, phone, other)

        assert (house.of(f"WAID:{answer.id}").content or "").startswith("Pedido")
        assert house.of(f"WAID:{other.id}").content == "2"


async def test_the_second_answer_waits_for_the_first_and_is_a_text(tmp_path):
    async with opened(tmp_path) as (house, phone):
        chat = await conversation(house, phone)
        ask(house, chat)
        await house.quiet()
        down = house.chat.faults.fail(502, route="POST messages")
        answer, other = wrote("1"), wrote("2")
        await phone.bring(answer)
        await phone.bring(other)
        await house.chat.wait_for(lambda: down.hits >= 1)
        down.off()
        await house.quiet()

        assert (house.of(f"WAID:{answer.id}").content or "").startswith("Pedido")
        assert shown(house)[-1] == "2"


# -------------------------------------------------------------------- chats and numbers


async def test_what_waits_goes_along_when_a_person_has_another_number(tmp_path):
    async with opened(tmp_path) as (house, phone):
        chat = await conversation(house, phone)
        down = house.chat.faults.fail(502, route="POST messages")
        sending = phone.gates["sending"] = asyncio.Event()
        before = wrote("antes")
        await phone.bring(before)
        first = house.chat.agent_writes(chat.id, "resposta")
        house.chat.agent_writes(chat.id, "e mais uma")
        await phone.called("sending")
        await house.chat.wait_for(lambda: down.hits >= 1)
        old = Party(wa_id=MARINA)
        await phone.bring(
            IdentityChanged(number=NUMBER, id=new_id(), at=MOMENT, old=old, new=NEW),
            wrote("depois", sender=NEW),
            reacted(before.id, "👍", chat=NEW),
        )
        down.off()
        sending.set()
        await house.quiet()

        assert shown(house)[:4] == ["oi", "antes", "depois", "👍"]
        assert phone.texts == ["resposta", "e mais uma"]
        assert phone.sent[-1][0].wa_id == NEW.wa_id
        assert first.status != "failed"
        assert len(house.chats()) == 1


async def test_an_agent_edits_and_deletes_what_was_written_before_two_chats_became_one(tmp_path):
    async with opened(tmp_path) as (house, phone):
        theirs = wrote("lid", sender=BY_LID)
        await bring(house, phone, wrote("número", sender=BY_NUMBER), theirs)
        message = house.chat.agent_writes(house.of(f"WAID:{theirs.id}").conversation.id, "olá")
        await house.quiet()
        await bring(house, phone, wrote("os dois", sender=BOTH))

        house.chat.agent_edits(message.id, "olá!")
        await house.quiet()
        house.chat.agent_deletes(message.id)
        await house.quiet()

        assert [text for _, _, text in phone.edited] == ["olá!"]
        assert len(phone.revoked) == 1


# --------------------------------------------------------------------------- what agents write


async def test_an_edit_that_overtakes_its_message_is_sent_as_the_message(tmp_path):
    async with opened(tmp_path) as (house, phone):
        chat = await conversation(house, phone)
        house.chat.webhooks.hold()
        message = house.chat.agent_writes(chat.id, "olá")
        house.chat.agent_edits(message.id, "olá!")
        house.chat.webhooks.release(backwards=True)
        await house.quiet()

        assert (phone.texts, phone.edited) == (["olá!"], [])


@pytest.mark.parametrize("how", ["backwards", "twice"])
async def test_files_and_a_text_arrive_once_each_and_in_order_over_the_cloud_api(tmp_path, how):
    """As in `test_outbound_kinds`: none is sent before all of them are accepted."""
    async with bridge_house(tmp_path) as house:
        chat = await house.talk()
        (row,) = await house.rows("SELECT id FROM chat WHERE conversation_id=?", chat.id)
        until = house.clock.ms() + 600_000
        house.service.queue.hold_lane(to_whatsapp(row["id"]), until=until)
        if how == "backwards":
            house.chat.webhooks.hold()
        else:
            house.chat.webhooks.copies = 2
        one, two, three = (("a.png", png(size, 9), "image/png") for size in (1, 2, 3))
        house.chat.agent_writes(chat.id, None, attachments=[one])
        house.chat.agent_writes(chat.id, None, attachments=[two])
        house.chat.agent_writes(chat.id, "e um texto")
        house.chat.agent_writes(chat.id, "legenda", attachments=[three])
        if how == "backwards":
            house.chat.webhooks.release(backwards=True)
        await house.chat.settled()
        assert house.graph.sent == []
        await house.pass_time(hours=0.2)
        await house.quiet()

        assert [_what(house, sent) for sent in house.graph.sent] == [
            (png(1, 9), None),
            (png(2, 9), None),
            "e um texto",
            (png(3, 9), "legenda"),
        ]
        assert not any((await house.balance()).values())


def _what(house: House, sent: SentMessage) -> object:
    media = house.graph.media.get(sent.media_id or "")
    return sent.text if media is None else (media.data, sent.text)
