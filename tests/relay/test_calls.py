"""Calls: agents see them, and what the settings say happens at once, and once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.core.instance import InstanceOptions
from bridge.core.message import DeliveryState
from bridge.errors import PeerBroke, PeerRefused
from bridge.relay import calls
from support.bridge_house import House
from support.happenings import GROUP, MARINA, called
from support.qr_channel import QrPhone
from support.qr_events import reported
from support.sessions import change, open_up, qr_house

ANSWER = "Não *atendemos* ligações. Escreva, por favor!"


async def decline(house: House, phone: QrPhone, *, text: str = "") -> None:
    def to(now: InstanceOptions) -> InstanceOptions:
        return replace(now, behaviour=replace(now.behaviour, reject_call=True, msg_call=text))

    await change(house, to)
    await open_up(house, phone)


def outgoing(house: House) -> list[str | None]:
    return [one.content for one in house.chat.messages() if one.message_type == "outgoing"]


@pytest.mark.parametrize(
    ("video", "text"), [(False, "📞 Voice call"), (True, "📹 Video call")], ids=["voice", "video"]
)
async def test_agents_see_that_somebody_called(tmp_path, video, text):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        call = called(video=video)

        await phone.bring(call)
        await house.quiet()

        assert house.shown() == [text]
        assert house.of(f"WAID:{call.id}~call").conversation.contact.name == "Marina"
        assert (phone.declined, phone.sent) == ([], [])
        assert set((await house.balance()).values()) == {0}


async def test_a_call_is_declined_and_answered_once_however_often_it_is_told(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await decline(house, phone, text=ANSWER)
        call = called()

        await phone.bring(call, call)
        await house.quiet()
        await phone.bring(call)
        await house.quiet()

        assert phone.declined == [call]
        assert house.shown() == ["📞 Voice call, declined automatically"]
        assert phone.texts == [ANSWER]
        assert phone.sent[0][0].wa_id == MARINA.wa_id
        events = await house.events()
        assert events["signal", "ignored", "duplicate"] == 2
        assert set((await house.balance()).values()) == {0}


async def test_agents_see_what_the_caller_was_told(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await decline(house, phone, text="Escreva, por favor!")
        await phone.bring(called())
        await house.quiet()

        assert outgoing(house) == ["Escreva, por favor!"]
        assert len(house.chats()) == 1
        assert phone.texts == ["Escreva, por favor!"]
        said = await house.rows("SELECT chatwoot_id FROM ledger WHERE origin<>'contact'")
        assert [row["chatwoot_id"] is not None for row in said] == [True]

        (shown,) = (one for one in house.chat.messages() if one.message_type == "outgoing")
        house.chat.agent_writes(shown.conversation.id, "Alô?", in_reply_to=shown.id)
        await phone.has_sent(2)
        quote = phone.quotes[-1]
        assert quote is not None
        assert (quote.by_us, quote.text) == (True, "Escreva, por favor!")


async def test_without_a_text_a_declined_call_is_only_shown(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await decline(house, phone, text="  ")

        await phone.bring(called())
        await house.quiet()

        assert house.shown() == ["📞 Voice call, declined automatically"]
        assert phone.sent == []


async def test_a_call_in_a_group_is_declined_without_a_word_to_the_group(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.groups = True
        await decline(house, phone, text=ANSWER)

        await phone.bring(called(group=GROUP))
        await house.quiet()

        assert len(phone.declined) == 1
        assert phone.sent == []
        assert "Voice call, declined automatically" in house.shown()[0]


async def test_a_call_that_rang_while_nobody_was_connected_is_only_shown(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await decline(house, phone, text=ANSWER)

        await phone.bring(called(ago=timedelta(seconds=90)))
        await house.quiet()

        assert house.shown() == ["📞 Voice call"]
        assert (phone.declined, phone.sent) == ([], [])


async def test_declining_is_tried_again_while_it_rings(tmp_path, monkeypatch):
    monkeypatch.setattr(calls, "PAUSE", 0)
    async with qr_house(tmp_path) as (house, phone):
        await decline(house, phone, text=ANSWER)
        phone.refuses["decline"] = [PeerBroke("not now"), PeerBroke("not now")]

        await phone.bring(called())
        await house.quiet()

        assert phone.calls.count("decline") == 3
        assert phone.texts == [ANSWER]


async def test_nobody_is_told_that_a_call_was_declined_which_was_not(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await decline(house, phone, text=ANSWER)
        phone.refuses["decline"] = [PeerRefused("no")]

        await phone.bring(called())
        await house.quiet()

        assert house.shown() == ["📞 Voice call"]
        assert phone.sent == []


async def test_a_call_is_no_message_that_could_be_marked_as_read(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await change(
            house, lambda now: replace(now, behaviour=replace(now.behaviour, read_messages=True))
        )
        await open_up(house, phone)

        await phone.bring(called())
        await house.quiet()

        assert "read" not in phone.calls


async def test_the_answer_to_a_call_is_sent_where_chatwoot_is_switched_off(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await decline(house, phone, text=ANSWER)
        chatwoot = await house.ok("GET", "/chatwoot/find/loja")
        await house.ok("POST", "/chatwoot/set/loja", json=chatwoot | {"enabled": False})

        await phone.bring(called())
        await house.quiet()

        assert phone.texts == [ANSWER]
        assert set((await house.balance()).values()) == {0}


async def test_an_answer_that_was_uncertain_is_shown_once_a_receipt_settles_it(tmp_path):
    options = {"relay": {"uncertain_after_seconds": 0.2}}
    async with qr_house(tmp_path, options=options) as (house, phone):
        await decline(house, phone, text="Escreva!")
        phone.refuses["send"] = [PeerBroke("The connection went in the middle.")]
        await phone.bring(called())
        await house.quiet()
        (note,) = (one for one in house.chat.messages() if one.private)
        assert "“Escreva!”" in (note.content or "")
        assert outgoing(house) == [note.content]
        (row,) = await house.rows("SELECT tag FROM ledger WHERE tag>''")

        await phone.bring(reported("3EB0ANSWER", DeliveryState.DELIVERED, tag=row["tag"]))
        await house.quiet()

        assert phone.texts == []
        assert outgoing(house) == [note.content, "Escreva!"]
        await phone.bring(reported("3EB0ANSWER", DeliveryState.READ))
        await house.status(house.of("WAID:3EB0ANSWER"), "read")
        assert set((await house.balance()).values()) == {0}
