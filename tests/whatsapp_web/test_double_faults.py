"""The double of WhatsApp Web against the real library: what goes wrong, and what comes later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.whatsapp_web import Fate, WhatsAppWeb, required
from support.whatsapp_web.client import Client, Refused
from support.whatsapp_web.client.desk import Desk, open_desk

required()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as found:
        yield found


async def test_messages_wait_for_a_client_that_is_away(desk: Desk):
    await desk.client.kill()
    await desk.companion.gone()
    written = [await desk.bob.writes(desk.companion, f"number {n}") for n in range(5)]
    await desk.bob.confirms(desk.companion, "UNKNOWN")
    await desk.bob.types(desk.companion)
    assert desk.companion.waiting == written
    async with Client(desk.double.environ, desk.database) as client:
        found = [(await client.next("Message")).Info.ID for _ in written]
        assert found == written
        assert (await client.next("OfflineSyncPreview")).Message == 5
        assert (await client.next("OfflineSyncCompleted")).Count == 6
        await desk.companion.acks(*written)
        assert not desk.companion.waiting
        assert not client.all("ChatPresence")
        await desk.companion.settled()


async def test_a_message_that_was_not_acknowledged_comes_again(desk: Desk):
    desk.double.faults.deaf = True
    number = await desk.bob.writes(desk.companion, "Hello")
    await desk.client.next("Message")
    await desk.companion.confirms(number, "inactive")
    assert desk.companion.waiting == [number]
    desk.double.faults.deaf = False
    desk.double.drop()
    await desk.companion.acks(number)
    assert len(desk.client.all("Message")) == 1


async def test_a_message_that_cannot_be_opened_is_asked_for_again(desk: Desk):
    number = await desk.bob.writes(desk.companion, "Second try", broken=True)
    assert number == (await desk.client.next("UndecryptableMessage")).Info.ID
    message = await desk.client.next("Message")
    assert (message.Info.ID, message.Message.conversation) == (number, "Second try")
    assert desk.double.letters.retries == {number: 1}


async def test_a_message_in_a_group_that_cannot_be_opened_is_asked_for_again(desk: Desk):
    group = desk.double.group("Team", [desk.bob, desk.phone])
    number = await desk.bob.writes(desk.companion, "Second try", group=group, broken=True)
    await desk.client.next("UndecryptableMessage")
    message = await desk.client.next("Message")
    assert (message.Info.ID, message.Message.conversation) == (number, "Second try")
    await desk.bob.writes(desk.companion, "First try", group=group)
    await desk.companion.settled()
    assert desk.double.letters.retries == {number: 1}


async def test_a_message_of_the_client_that_cannot_be_opened_is_sent_again(desk: Desk):
    await desk.client.send(desk.bob.lid, "Once more")
    first = await desk.companion.next_sent()
    await desk.bob.retries(desk.companion, first)
    again = await desk.companion.next_sent()
    assert (again.id, again.text, again.to) == (first.id, "Once more", desk.bob.lid)
    assert [sent.id for sent in desk.bob.inbox] == [first.id]


@pytest.mark.parametrize("away", [False, True])
async def test_the_same_message_twice(desk: Desk, away):
    if away:
        desk.double.refuse_logins(503, times=1)
        desk.double.drop()
        await desk.companion.gone()
    for _ in range(2):
        await desk.bob.writes(desk.companion, "Twice", id="SAME")
    found = [(await desk.client.next("Message")).Info.ID for _ in range(2)]
    assert found == ["SAME", "SAME"]


async def test_a_message_is_refused_with_a_number(desk: Desk):
    desk.double.faults.fates.append(Fate.refused(479))
    with pytest.raises(Refused, match="479"):
        await desk.client.send(desk.bob.lid, "No")
    assert not desk.bob.inbox


async def test_an_answer_is_held_back_and_given(desk: Desk):
    desk.double.hold_acks()
    sending = asyncio.ensure_future(desk.client.send(desk.bob.lid, "Wait"))
    sent = await desk.bob.next_message()
    # An answer to a later question would have come behind an answer to the message.
    await desk.client.call("IsOnWhatsApp", b"5511900000002")
    assert not sending.done()
    await desk.double.release_acks()
    assert sent.id == (await sending).ID


async def test_a_connection_that_ends_before_the_answer(desk: Desk):
    desk.double.faults.fates.append(Fate.CUT_BEFORE_ACK)
    answer = await desk.client.send(desk.bob.lid, "Where are you?")
    assert [sent.id for sent in desk.bob.inbox] == [answer.ID]
    assert [sent.repeated for sent in desk.companion.sent] == [False, True]


async def test_a_connection_that_ends_after_the_answer(desk: Desk):
    desk.double.faults.fates.append(Fate.CUT_AFTER_ACK)
    await desk.client.send(desk.bob.lid, "Bye")
    await desk.client.next("Disconnected")
    await desk.companion.connected()


@pytest.mark.parametrize(
    ("reason", "fields", "event"),
    [
        (401, {}, "LoggedOut"),
        (403, {}, "LoggedOut"),
        (402, {"code": "101", "expire": "3600"}, "TemporaryBan"),
        (405, {}, "ClientOutdated"),
        (409, {}, "ConnectFailure"),
    ],
)
async def test_a_login_is_refused(desk: Desk, reason, fields, event):
    desk.double.refuse_logins(reason, **fields)
    desk.double.drop()
    found = await desk.client.next(event)
    if event == "TemporaryBan":
        assert found.Expire == 3600


async def test_a_server_that_is_busy_is_tried_again(desk: Desk):
    desk.double.refuse_logins(503, times=1)
    desk.double.drop()
    await desk.client.next("Connected")
    assert desk.companion.logins == 2


async def test_a_stream_that_is_replaced(desk: Desk):
    await desk.companion.replaced()
    await desk.client.next("StreamReplaced")
    await desk.companion.gone()


@pytest.mark.parametrize("code", [515, 503])
async def test_a_stream_that_ends_with_an_error(desk: Desk, code):
    await desk.companion.stream_error(code)
    await desk.companion.again()
    assert desk.companion.logins == 2


async def test_a_server_that_is_slow(desk: Desk):
    desk.double.faults.delay = 0.2
    await desk.client.send(desk.bob.lid, "Take your time")
    assert (await desk.bob.next_message()).text == "Take your time"


async def test_frames_of_nonsense_are_passed_over(desk: Desk):
    await desk.companion.garbage()
    await desk.bob.writes(desk.companion, "Still there?")
    assert (await desk.client.next("Message")).Message.conversation == "Still there?"


@pytest.mark.parametrize("status", [404, 410])
async def test_a_file_that_is_gone(desk: Desk, status):
    file = desk.double.media.put(b"gone", kind="image", mime="image/png")
    desk.double.media.download_statuses += [status] * 20
    await desk.bob.sends(desk.companion, file)
    with pytest.raises(Refused, match=str(status)):
        await desk.client.download((await desk.client.next("Message")).Message)


async def test_a_file_that_is_another_one(desk: Desk):
    file = desk.double.media.put(b"right" * 100, kind="image", mime="image/png")
    desk.double.media.damage(file)
    await desk.bob.sends(desk.companion, file)
    with pytest.raises(Refused, match=r"hash|hmac"):
        await desk.client.download((await desk.client.next("Message")).Message)


async def test_a_download_that_ends_in_the_middle(desk: Desk):
    file = desk.double.media.put(b"x" * 100_000, kind="image", mime="image/png")
    desk.double.media.cuts = 1
    await desk.bob.sends(desk.companion, file)
    message = (await desk.client.next("Message")).Message
    with pytest.raises(Refused, match="EOF"):
        await desk.client.download(message)
    assert await desk.client.download(message) == b"x" * 100_000


async def test_an_upload_that_fails(desk: Desk):
    desk.double.media.upload_statuses += [500] * 20
    with pytest.raises(Refused, match="500"):
        await desk.client.upload(b"data", kind=0)


async def test_a_silent_server_has_no_code(tmp_path: Path):
    async with WhatsAppWeb() as double:
        double.faults.silent = True
        async with Client(double.environ, tmp_path / "session.db") as client:
            await double.journal.until(lambda: bool(double.connections), "a connection")
            assert not client.codes


async def test_what_cannot_be_read_is_an_error_at_the_end(tmp_path: Path):
    async def lose_a_message() -> None:
        async with open_desk(tmp_path) as desk:
            await desk.client.send(desk.bob.lid, "Here is the session")
            desk.bob.devices[0].forget(desk.companion.name)
            await desk.client.send(desk.bob.lid, "Lost")

    with pytest.raises(AssertionError, match="cannot be read"):
        await lose_a_message()
