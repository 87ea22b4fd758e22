"""Who answers what: a quote finds its message whoever wrote it, in both directions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.clock import utc
from bridge.core.message import Called
from bridge.core.party import Party
from bridge.relay import changes
from bridge.sim.chatwoot import Message
from bridge.sim.pictures import png
from support.bridge_house import House
from support.qr_channel import LoggingQrChannel, QrPhone
from support.qr_events import CUSTOMER, GROUP, NUMBER, reacted, typed, wrote
from support.sessions import balanced, bring, change, conversation, open_up, qr_house


def house_of(tmp_path, **more):
    return qr_house(tmp_path, channel=LoggingQrChannel, **more)


async def called(house: House, phone: QrPhone, text: str) -> str:
    """A call is declined with a text of ours; gives the call's id."""
    await change(
        house,
        lambda now: replace(now, behaviour=replace(now.behaviour, reject_call=True, msg_call=text)),
    )
    call = Called(
        number=NUMBER, id="CALL1", caller=CUSTOMER, at=utc(house.clock.ms()), handle="CALL1"
    )
    await bring(house, phone, call)
    return call.id


async def ids(house: House, origin: str) -> list[str]:
    sql = "SELECT whatsapp_id FROM ledger WHERE origin=? ORDER BY id"
    return [row["whatsapp_id"] for row in await house.rows(sql, origin)]


async def is_shown_as_answer(house: House, phone: QrPhone, id_: str, to: Message) -> None:
    theirs = wrote("sobre isso", reply_to=id_)
    await bring(house, phone, theirs)
    assert house.of(f"WAID:{theirs.id}").content_attributes["in_reply_to"] == to.id


async def test_every_part_of_an_agents_message_can_be_answered(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        files = [("a.png", png(10, 10), "image/png"), ("b.png", png(12, 12), "image/png")]
        written = house.chat.agent_writes(chat.id, "duas", attachments=files)
        await phone.has_sent(2)
        await house.quiet()

        for id_ in await ids(house, "agent"):
            await is_shown_as_answer(house, phone, id_, written)
        # The other way round the first part is what is quoted.
        house.chat.agent_writes(chat.id, "viu?", in_reply_to=written.id)
        await phone.has_sent(3)

        quote = phone.quotes[-1]
        assert quote is not None
        assert (quote.id, quote.by_us) == ((await ids(house, "agent"))[0], True)


async def test_every_part_of_what_ponte_says_can_be_answered(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        await called(house, phone, "a" * 65536 + "b")
        first, second = await ids(house, "automatic")

        shown = house.of(f"WAID:{first}")
        await is_shown_as_answer(house, phone, first, shown)
        await is_shown_as_answer(house, phone, second, shown)
        house.chat.agent_writes(shown.conversation.id, "certo?", in_reply_to=shown.id)
        await phone.has_sent(3)
        await house.quiet()

        quote = phone.quotes[-1]
        assert quote is not None
        assert (quote.id, quote.by_us) == (first, True)
        # And all of it goes when an agent deletes it.
        house.chat.agent_deletes(shown.id)
        await phone.called("revoked", 2)
        assert [id_ for _, id_ in phone.revoked] == [first, second]
        assert await balanced(house)


async def test_what_the_phone_wrote_can_be_answered(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        ours = typed("*oferta*")
        await bring(house, phone, ours)
        shown = house.of(f"WAID:{ours.id}")

        await is_shown_as_answer(house, phone, ours.id, shown)
        house.chat.agent_writes(shown.conversation.id, "até amanhã", in_reply_to=shown.id)
        await phone.has_sent(1)

        quote = phone.quotes[-1]
        assert quote is not None
        assert (quote.id, quote.by_us, quote.text) == (ours.id, True, "*oferta*")
        # The phone itself answers as well.
        answer = typed("até", reply_to=ours.id)
        await bring(house, phone, answer)
        assert house.of(f"WAID:{answer.id}").content_attributes["in_reply_to"] == shown.id


async def test_an_id_of_our_own_making_is_never_quoted(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        id_ = await called(house, phone, "Escreva!")
        call = house.of(f"WAID:{id_}~call")

        house.chat.agent_writes(call.conversation.id, "ligou?", in_reply_to=call.id)
        await phone.has_sent(2)

        assert phone.quotes[-1] is None


@pytest.mark.parametrize("how", ["unknown", "elsewhere"])
async def test_a_quote_that_leads_nowhere_keeps_no_message_back(tmp_path, how):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        other = wrote("de outra pessoa", sender=Party(wa_id="5511987650002"))
        await bring(house, phone, other)
        theirs = wrote("oi", reply_to="3AUNKNOWN" if how == "unknown" else other.id)

        await bring(house, phone, theirs)

        shown = house.of(f"WAID:{theirs.id}")
        assert shown.content == "oi"
        assert shown.content_attributes.get("in_reply_to") is None
        assert await balanced(house)


async def test_who_reacts_to_an_id_of_another_chat_learns_nothing_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(changes, "WAIT", 0)
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        secret = wrote("a senha é 1234", group=GROUP, sender=Party(lid="1002"))
        await bring(house, phone, secret, reacted(secret.id, "👍"))
        start = f"WAID:{secret.id}~"
        (shown,) = [one for one in house.chat.messages() if (one.source_id or "").startswith(start)]

        house.chat.agent_writes(shown.conversation.id, "oi?", in_reply_to=shown.id)
        await phone.has_sent(1)

        quote = phone.quotes[-1]
        assert quote is not None
        assert (quote.text, quote.sender) == (None, None)
