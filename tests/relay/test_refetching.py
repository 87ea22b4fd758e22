"""A file that could not be had is fetched again when an agent asks for it in a private note."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridge.chatwoot.reading import read_message
from bridge.core.content import Media, MediaKind
from bridge.core.message import Received, SentByPhone
from bridge.relay.refetching import asks_again
from bridge.sim.chatwoot import Message
from bridge.sim.graph import Route, faults
from bridge.sim.pictures import jpeg, png
from support.bridge_house import House, bridge_house
from support.qr_channel import QrPhone
from support.qr_events import deleted, typed, wrote
from support.sessions import balanced, bring, open_up, qr_house

PHOTO = Media(media=MediaKind.IMAGE, handle="1", mime="image/png", caption="olha")


async def placeholder(
    house: House, phone: QrPhone, event: Received | SentByPhone | None = None
) -> Message:
    event = event or wrote(PHOTO)
    await bring(house, phone, event)
    return house.of(f"WAID:{event.id}")


async def asks(house: House, about: Message, text: str = "/retry") -> Message:
    note = house.chat.agent_writes(about.conversation.id, text, private=True, in_reply_to=about.id)
    await house.quiet()
    return note


def notes(house: House, about: Message) -> list[str]:
    """What we told agents about a message."""
    return [
        one.content or ""
        for one in about.conversation.messages
        if one.private
        and (one.source_id or "").startswith("PONTE:note:")
        and one.content_attributes["in_reply_to"] == about.id
    ]


def again(house: House, about: Message) -> list[Message]:
    return [one for one in house.chat.messages() if one.source_id == f"{about.source_id}~again"]


async def test_the_file_comes_in_reply_to_its_placeholder(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        stands = await placeholder(house, phone)
        assert "private note: /retry" in (stands.content or "")

        await asks(house, stands)  # it is still not there
        assert len(notes(house, stands)) == 1
        assert "does not have this file" in notes(house, stands)[0]
        assert not again(house, stands)

        phone.files["1"] = png()
        await asks(house, stands, " /Tentar\n")
        (shown,) = again(house, stands)
        assert (shown.message_type, shown.content) == ("incoming", "olha")
        assert shown.attachments[0].data == png()
        assert shown.content_attributes["in_reply_to"] == stands.id

        await asks(house, stands, "/REINTENTAR")
        assert len(again(house, stands)) == 1
        # What has its file is no placeholder any more.
        assert len(notes(house, stands)) == 1

        # Whoever answers the file answers the message on WhatsApp.
        house.chat.agent_writes(stands.conversation.id, "bonita", in_reply_to=shown.id)
        await phone.has_sent(1)
        quote = phone.quotes[-1]
        assert quote is not None
        assert f"WAID:{quote.id}" == stands.source_id
        assert await balanced(house)
        spool = house.settings.storage.data_dir / "spool"
        assert await asyncio.to_thread(lambda: list(spool.iterdir())) == []


async def test_two_notes_at_once_bring_one_file(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        stands = await placeholder(house, phone)
        phone.files["1"] = png()
        slow = house.chat.faults.hang(30, route="POST messages", times=1)
        conversation = stands.conversation.id
        for _ in range(2):
            house.chat.agent_writes(conversation, "/retry", private=True, in_reply_to=stands.id)
            await house.chat.settled()
        slow.off()
        await house.quiet()
        assert len(again(house, stands)) == 1
        assert len(notes(house, stands)) <= 1
        assert await balanced(house)


async def test_notes_about_anything_else_are_left_alone(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        stands = await placeholder(house, phone)
        other = await placeholder(house, phone, wrote("oi"))
        await asks(house, other)
        await asks(house, stands, "please /retry this")
        house.chat.agent_writes(stands.conversation.id, "/retry", private=True)
        await house.quiet()
        events = await house.events()
        assert events["outbound", "ignored", "retry.not_a_placeholder"] == 1
        assert events["outbound", "ignored", "private_note"] == 2
        assert not notes(house, stands)
        assert await balanced(house)


async def test_a_note_in_another_inbox_is_not_for_us(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await placeholder(house, phone)
        other = house.chat.add_inbox("Outro", webhook_url=house.hook, members=[house.chat.agent])
        ana = house.chat.agent_creates_contact("Ana", phone_number="+5511900000003")
        chat = house.chat.agent_starts_conversation(ana.id, other.id, "oi")
        (written,) = (one for one in chat.messages if one.content == "oi")
        await asks(house, written)
        assert ("outbound", "ignored", "retry.not_a_placeholder") not in await house.events()
        assert not notes(house, written)
        assert await balanced(house)


async def test_a_note_that_is_delivered_twice_counts_once(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        stands = await placeholder(house, phone)
        house.chat.webhooks.copies = 2
        await asks(house, stands)
        assert len(notes(house, stands)) == 1
        assert (await house.events())["outbound", "ignored", "duplicate"] == 1


async def test_after_retention_agents_are_told_that_it_is_too_late(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        stands = await placeholder(house, phone)
        await house.service.store.write(
            lambda unit: unit.db.execute("DELETE FROM job WHERE kind='inbound'")
        )
        phone.files["1"] = png()
        await asks(house, stands)
        assert "no longer keeps its data" in notes(house, stands)[0]
        assert not again(house, stands)


async def test_a_post_that_was_not_answered_is_found_not_repeated(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        # Of the placeholder, which stays one, and of the file.
        await bring(house, phone, wrote("oi"))
        house.chat.faults.stored_but(500, route="POST messages", times=1)
        stands = await placeholder(house, phone)
        phone.files["1"] = png()
        house.chat.faults.stored_but(500, route="POST messages", times=1)
        await asks(house, stands)
        (shown,) = again(house, stands)
        assert shown.attachments[0].data == png()
        await asks(house, stands)
        assert len(again(house, stands)) == 1


async def test_what_our_own_phone_sent_is_shown_as_ours(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        stands = await placeholder(house, phone, typed(PHOTO))
        phone.files["1"] = png()
        await asks(house, stands)
        (shown,) = again(house, stands)
        assert shown.message_type == "outgoing"
        assert not phone.sent


async def test_a_note_that_was_written_while_nobody_listened_is_found(tmp_path: Path) -> None:
    async with bridge_house(tmp_path) as house:
        for route in (Route.DOWNLOAD, Route.LOOKUP):
            house.graph.faults.always(route, faults.error(100, status=404))
        chat = await house.talk(text=None, image=jpeg())
        (stands,) = chat.messages
        house.graph.faults.off()
        async with house.stopped():
            house.chat.agent_writes(chat.id, "/retry", private=True, in_reply_to=stands.id)
            await house.chat.settled()
        await house.quiet()
        assert len(again(house, stands)) == 1
        assert await balanced(house)


async def test_a_deletion_takes_the_file_along(tmp_path: Path) -> None:
    options = {"relay": {"deletions": "delete"}}
    async with qr_house(tmp_path, options=options) as (house, phone):
        await open_up(house, phone)
        event = wrote(PHOTO)
        stands = await placeholder(house, phone, event)
        phone.files["1"] = png()
        await asks(house, stands)
        await bring(house, phone, deleted(event.id))
        (shown,) = again(house, stands)
        assert [one.content_attributes.get("deleted") for one in (stands, shown)] == [True, True]
        assert not shown.attachments


@pytest.mark.parametrize("asked", ["before", "after"])
async def test_what_was_deleted_is_not_shown_once_more(tmp_path: Path, asked: str) -> None:
    deletes = {"relay": {"deletions": "delete"}}
    async with qr_house(tmp_path, options=deletes) as (house, phone):
        await open_up(house, phone)
        event = wrote(PHOTO)
        stands = await placeholder(house, phone, event)
        phone.files["1"] = png()
        down = house.chat.faults.fail(502, route="POST messages")
        await phone.bring(wrote("outra"), deleted(event.id))  # which waits behind the other
        await house.chat.wait_for(lambda: down.hits >= 1)
        if asked == "before":
            house.chat.agent_writes(
                stands.conversation.id, "/retry", private=True, in_reply_to=stands.id
            )
            await house.chat.settled()
        down.off()
        await house.quiet()
        if asked == "after":
            await asks(house, stands)
        assert again(house, stands) == []
        assert notes(house, stands) == []
        assert await balanced(house)


async def test_an_official_number_has_it_too(tmp_path: Path) -> None:
    async with bridge_house(tmp_path) as house:
        for route in (Route.DOWNLOAD, Route.LOOKUP):
            house.graph.faults.always(route, faults.error(100, status=404))
        chat = await house.talk(text=None, image=jpeg(), caption="olha")
        (stands,) = chat.messages
        house.graph.faults.off()
        await asks(house, stands)
        (shown,) = again(house, stands)
        assert shown.attachments[0].data == jpeg()


@pytest.mark.parametrize(
    "changes",
    [
        {"private": False},
        {"message_type": 0},
        {"content_attributes": {}},
        {"content": "/retry now"},
        {"content": None},
        {"content": "/retry" + " " * 10_000 + "x"},
        {"content_attributes": {"in_reply_to": "x"}},
        {"content_attributes": {"in_reply_to": 7, "deleted": True}},
    ],
)
def test_only_a_note_that_says_just_that_asks(changes: dict[str, object]) -> None:
    body = {
        "id": 1,
        "private": True,
        "message_type": 1,
        "content": "/retry",
        "content_attributes": {"in_reply_to": 7},
    }
    right, wrong = read_message(body), read_message(body | changes)
    assert right is not None
    assert asks_again(right)
    assert wrong is not None
    assert not asks_again(wrong)
