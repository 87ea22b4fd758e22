"""The double of WhatsApp Web against the real library: what people do besides writing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.whatsapp_web import protocols, required
from support.whatsapp_web.client import jid
from support.whatsapp_web.client.desk import Desk, open_desk

required()

READ = b"read"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as found:
        yield found


@pytest.mark.parametrize(("kind", "number"), [("", 1), ("read", 4), ("played", 6)])
async def test_receipts_of_what_the_client_sent(desk: Desk, kind, number):
    sent = [(await desk.client.send(desk.bob.lid, text)).ID for text in ("one", "two")]
    await desk.bob.confirms(desk.companion, *sent, kind=kind)
    receipt = await desk.client.next("Receipt")
    assert list(receipt.MessageIDs) == sent
    assert receipt.Type == number


async def test_what_was_read_on_the_phone_is_told(desk: Desk):
    number = await desk.bob.writes(desk.companion, "Read me")
    await desk.phone.reads(desk.bob, number)
    receipt = await desk.client.next("Receipt")
    assert list(receipt.MessageIDs) == [number]
    assert receipt.MessageSource.IsFromMe


async def test_the_client_marks_as_read(desk: Desk):
    number = await desk.bob.writes(desk.companion, "Read me")
    bob = jid(desk.bob.lid)
    await desk.client.call("MarkRead", number, 1700000000, bob, bob, READ.decode())
    assert (await desk.companion.confirms(number, "read")).jid("to") == desk.bob.lid


async def test_typing_both_ways(desk: Desk):
    await desk.bob.types(desk.companion, media="audio")
    shown = await desk.client.next("ChatPresence")
    assert shown.MessageSource.Sender.User == desk.bob.lid.user
    assert (shown.State, shown.Media) == (1, 2)
    await desk.client.call("SendChatPresence", jid(desk.bob.pn), 0, 0)
    await desk.companion.types("composing")


async def test_presence_is_told(desk: Desk):
    await desk.bob.leaves(desk.companion, last=1700000000)
    shown = await desk.client.next("Presence")
    assert shown.Unavailable
    assert shown.LastSeen == 1700000000
    await desk.bob.appears(desk.companion)
    assert not (await desk.client.next("Presence")).Unavailable


async def test_the_client_is_shown_as_online_once_it_knows_its_name(desk: Desk):
    assert b"PushName" in await desk.client.call("SendPresence", "available")
    await desk.phone.shares_settings()
    assert not await desk.client.call("SendPresence", "available")
    shown = await desk.companion.says("presence", lambda node: node.tag == "presence")
    assert (shown.get("type"), shown.get("name")) == ("available", "Loja")
    number = await desk.bob.writes(desk.companion, "Are you there?")
    await desk.companion.confirms(number)


async def test_a_call_comes_and_is_rejected(desk: Desk):
    call = await desk.bob.calls(desk.companion, video=True)
    offer = await desk.client.next("CallOffer")
    assert offer.basicCallMeta.callID == call
    assert not await desk.client.call("RejectCall", jid(desk.bob.lid), call)
    rejected = await desk.companion.rejects(call)
    assert rejected.jid("to") == desk.bob.lid
    await desk.bob.hangs_up(desk.companion, call)
    assert (await desk.client.next("CallTerminate")).basicCallMeta.callID == call


async def test_numbers_that_are_there_and_not_there_and_spelled_otherwise(desk: Desk):
    old = desk.double.person("551187654321", name="Old", also=["5511987654321"])
    found = await desk.client.call(
        "IsOnWhatsApp",
        b"5511900000002 5511987654321 5511912345678",
        answer="IsOnWhatsAppReturnFunction",
    )
    told = {one.Query: (one.IsIn, one.JID.User) for one in found.IsOnWhatsAppResponse}
    assert told["5511900000002"] == (True, desk.bob.pn.user)
    assert told["5511987654321"] == (True, old.pn.user)
    assert not told["5511912345678"][0]


async def test_lid_and_number_of_somebody_who_wrote(desk: Desk):
    await desk.bob.writes(desk.companion, "Here I am")
    await desk.client.next("Message")
    kind = "GetJIDFromStoreReturnFunction"
    number = await desk.client.call("GetPNFromLID", jid(desk.bob.lid), answer=kind)
    assert number.Jid.User == desk.bob.pn.user
    lid = await desk.client.call("GetLIDFromPN", jid(desk.bob.pn), answer=kind)
    assert lid.Jid.User == desk.bob.lid.user


async def test_a_profile_picture_has_an_address_and_its_change_is_told(desk: Desk):
    desk.bob.shows(b"JPEG")
    await desk.bob.tells_picture(desk.companion)
    assert (await desk.client.next("Picture")).JID.User == desk.bob.lid.user
    wanted = protocols.neonize.GetProfilePictureParams()
    answer = "GetProfilePictureReturnFunction"
    found = await desk.client.call("GetProfilePicture", jid(desk.bob.pn), wanted, answer=answer)
    assert found.Picture.URL.startswith("https://pps.whatsapp.net/pictures/")
    assert desk.double.media.pictures[f"/pictures/{found.Picture.ID}.jpg"] == b"JPEG"
