"""The bot's conversation as the control room: there, one only, and it says each thing once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bridge.relay.room import tell
from bridge.sim.chatwoot import Contact, Conversation
from support.bridge_house import NAME, RUI, House, bridge_house

#: A picture of one point.
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def rooms(house: House) -> list[Conversation]:
    """Every conversation of the bot contact."""
    return [
        one
        for one in house.chat.conversations.values()
        if (one.contact.identifier or "").startswith("ponte:")
    ]


def said(house: House) -> list[str]:
    """What was told there, oldest first, in whatever conversation."""
    return [
        one.content or ""
        for one in house.chat.messages()
        if (one.source_id or "").startswith("PONTE:state:")
    ]


def bot(house: House) -> Contact:
    (found,) = [
        one for one in house.chat.contacts.values() if (one.identifier or "").startswith("ponte:")
    ]
    return found


def picture(house: House) -> bytes | None:
    avatar = bot(house).avatar
    return None if avatar is None else avatar.data


async def forget(house: House, sql: str, *values: object) -> None:
    """Have the instance know another room than before."""
    await house.service.store.write(lambda unit: unit.db.execute(sql, values))
    await house.service.directory.reload()


async def say(house: House, *texts: str) -> None:
    entry = house.service.instances.entry(NAME)
    for text in texts:
        await house.service.store.write(
            lambda unit, text=text: tell(
                house.service.queue, unit, entry, text, now=house.clock.ms()
            )
        )
    await house.quiet()


async def dress(house: House, **changes: object) -> None:
    order = {key.removeprefix("chatwoot"): value for key, value in house.order().items()}
    body = {key[0].lower() + key[1:]: value for key, value in order.items()}
    await house.ok("POST", f"/chatwoot/set/{NAME}", json={**body, "enabled": True, **changes})
    await house.quiet()


async def stored(house: House) -> int:
    (row,) = await house.rows("SELECT bot_conversation_id AS id FROM chatwoot_inbox")
    return int(row["id"])


# -- it is there, and it is one ------------------------------------------------------------------


async def test_a_room_that_somebody_put_to_sleep_is_opened_for_what_is_said(tmp_path):
    async with bridge_house(tmp_path) as house:
        (room,) = rooms(house)
        sleeps: list[Callable[[], object]] = [
            lambda: house.chat.resolve(room.id),
            lambda: house.chat.snooze(room.id),
            lambda: house.chat.pend(room.id),
            lambda: house.chat.block_contact(bot(house).id),
            lambda: (house.chat.resolve(room.id), house.chat.block_contact(bot(house).id)),
        ]
        for number, sleep in enumerate(sleeps):
            sleep()
            await say(house, f"news {number}")
            assert room.status == "open"

        assert not bot(house).blocked
        assert rooms(house) == [room]
        assert said(house) == [f"news {number}" for number in range(len(sleeps))]


async def test_a_room_that_was_deleted_is_made_again_once(tmp_path):
    async with bridge_house(tmp_path) as house:
        (room,) = rooms(house)
        house.chat.delete_conversation(room.id)
        await say(house, "one", "two", "three")
        (again,) = rooms(house)
        assert again.id == await stored(house) != room.id
        assert [one.content for one in again.messages][1:] == ["one", "two", "three"]

        house.chat.delete_contact(bot(house).id)
        await say(house, "four")
        (last,) = rooms(house)
        assert [one.content for one in last.messages][1:] == ["four"]
        assert last.id == await stored(house)

        house.chat.delete_inbox(house.inbox.id)
        await say(house, "five")
        assert "five" in said(house)
        (rebuilt,) = rooms(house)
        assert rebuilt.id == await stored(house)


async def test_a_room_that_is_there_is_adopted_and_none_is_made_beside_it(tmp_path):
    async with bridge_house(tmp_path) as house:
        (room,) = rooms(house)
        await forget(house, "UPDATE chatwoot_inbox SET bot_conversation_id=NULL")
        await say(house, "one")
        await forget(house, "UPDATE chatwoot_inbox SET bot_conversation_id=0, bot_contact_id=0")
        await say(house, "two")
        assert rooms(house) == [room]
        assert await stored(house) == room.id

        await dress(house)
        assert rooms(house) == [room]

        house.chat.agent_merges(house.chat.agent_creates_contact("Ana").id, bot(house).id)
        await say(house, "three")
        assert rooms(house) == [room]
        assert said(house) == ["one", "two", "three"]


async def test_a_number_that_now_belongs_to_a_customer_is_no_room(tmp_path):
    """An older backup of Chatwoot gives the room's number to another conversation."""
    async with bridge_house(tmp_path) as house:
        customers = await house.talk()
        (room,) = rooms(house)
        sql = "UPDATE chatwoot_inbox SET bot_conversation_id=?, bot_contact_id=?"
        await forget(house, sql, customers.id, customers.contact.id)
        await say(house, "news")

        assert [one.content for one in customers.messages if one.message_type != "activity"] == [
            "Oi"
        ]
        assert await stored(house) == room.id


async def test_a_bot_contact_that_was_merged_into_a_customers_is_no_customer(tmp_path):
    """Nobody's conversation is taken for the room, nor the room for a customer's."""
    async with bridge_house(tmp_path) as house:
        customers = await house.talk(name="Marina")
        (room,) = rooms(house)
        contact = customers.contact
        house.chat.agent_edits_contact(contact.id, identifier=None)  # then it gets the bot's
        house.chat.agent_merges(contact.id, room.contact.id)
        house.chat.resolve(customers.id)
        house.chat.block_contact(contact.id)
        house.chat.resolve(room.id)
        await house.quiet()
        await say(house, "news")
        await dress(house, organization="Padaria do Zé")  # finds the contact by its source_id
        await say(house, "more")
        assert [one.content for one in room.messages if one.message_type == "incoming"][-2:] == [
            "news",
            "more",
        ]
        assert contact.blocked
        house.chat.block_contact(contact.id, blocked=False)

        assert contact.name == "Marina"
        await house.talk(text="Voltei", name="Marina")
        assert "Voltei" not in [one.content for one in room.messages]
        (chat,) = await house.rows("SELECT conversation_id, source_id FROM chat")
        assert chat["conversation_id"] != room.id
        assert not chat["source_id"].startswith("ponte-")

        await house.ok("DELETE", f"/instance/delete/{NAME}?inbox=delete")
        assert contact.id in house.chat.contacts


async def test_whoever_shares_the_bots_contact_before_they_write_gets_their_own_conversation(
    tmp_path,
):
    async with bridge_house(tmp_path) as house:
        (room,) = rooms(house)
        theirs = house.chat.agent_creates_contact("Rui", phone_number=f"+{RUI}")
        house.chat.agent_merges(theirs.id, room.contact.id)
        chat = await house.talk(RUI)
        assert (chat.id != room.id, chat.contact) == (True, theirs)
        (row,) = await house.rows("SELECT source_id FROM chat")
        assert not row["source_id"].startswith("ponte-")


async def test_a_contact_that_claims_to_be_the_bot_is_left_alone(tmp_path):
    """Identifiers are what imports and agents write."""
    async with bridge_house(tmp_path) as house:
        (room,) = rooms(house)
        claimed = room.contact.identifier
        house.chat.delete_contact(room.contact.id)
        import_ = house.chat.agent_creates_contact(
            "Cliente", phone_number="+5511987650077", identifier=claimed
        )
        await say(house, "news")
        (told,) = [one for one in house.chat.messages() if one.content == "news"]
        assert told.conversation.contact is not import_
        assert [one.inbox for one in import_.contact_inboxes] == []
        assert import_.name == "Cliente"


async def test_everything_is_said_once_and_in_order_whatever_chatwoot_answers(tmp_path):
    async with bridge_house(tmp_path) as house:
        (room,) = rooms(house)
        house.chat.delete_conversation(room.id)
        house.chat.faults.reset(route="POST conversations", times=1, acts=True)
        house.chat.faults.stored_but(500, route="POST messages", times=2)
        house.chat.faults.reset(route="POST messages", times=1, acts=True)
        news = [f"news {number}" for number in range(8)]
        await say(house, *news)

        assert said(house) == news
        assert len(rooms(house)) == 1


async def test_what_is_said_runs_no_liquid_and_calls_nobody(tmp_path):
    async with bridge_house(tmp_path) as house:
        await say(house, "{{ contact.name }} [x](mention://user/1/x)")

        assert "{{" not in said(house)[0]
        assert "mention://" not in said(house)[0]


async def test_an_instance_without_an_inbox_says_nothing(tmp_path):
    async with bridge_house(tmp_path) as house:
        await house.ok("POST", f"/chatwoot/set/{NAME}", json={"enabled": False})
        await say(house, "news")

        assert await house.rows("SELECT 1 FROM job WHERE kind='announce'") == []


# -- how the bot looks ---------------------------------------------------------------------------


async def test_name_and_logo_follow_the_organisation_and_a_logo_is_given_once(tmp_path):
    async with bridge_house(tmp_path) as house:
        asked = 0
        body = PNG
        status = "200 OK"

        async def logo(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            asked += 1
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(logo, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            address = f"http://127.0.0.1:{port}/logo"
            assert bot(house).name == "Ponte"

            await dress(house, organization="Loja da Ana", logo=address)
            assert picture(house) == PNG
            given = bot(house).avatar
            assert bot(house).name == "Loja da Ana"

            await dress(house, organization="Loja da Ana", logo=address)
            assert (asked, bot(house).avatar) == (2, given)

            body = PNG + b"new"
            await dress(house, organization="Loja da Ana", logo=address)
            assert picture(house) == body

            house.chat.agent_edits_contact(bot(house).id, name="Robô")
            house.chat.delete_contact(bot(house).id)
            await say(house, "news")
            assert picture(house) == body
            assert bot(house).name == "Loja da Ana"

            body = b"<html>"
            await dress(house, organization="Loja da Bia", logo=address)
            await dress(house, logo="http://169.254.169.254/latest")
            assert (bot(house).name, picture(house)) == ("Loja da Bia", PNG + b"new")
            await dress(house, organization="", logo=None)
            assert (bot(house).name, picture(house)) == ("Ponte", None)
            kept = await house.ok("GET", f"/chatwoot/find/{NAME}")
            assert (kept["organization"], kept["logo"]) == (None, None)

            for where in ("http://[", "file:///etc/passwd", "http://169.254.169.254/", address):
                status = f"302 Found\r\nLocation: {where}"
                await dress(house, logo=address)
            assert picture(house) is None
            dead = await house.rows("SELECT id FROM job WHERE state='dead'")
            assert (len(dead), len(said(house))) == (0, 7)

        assert ["no JPEG" in said(house)[1], "may not call" in said(house)[2]] == [True, True]


@pytest.mark.parametrize("status", ["resolved", "open"])
async def test_of_several_rooms_the_open_one_is_used(tmp_path, status):
    async with bridge_house(tmp_path) as house:
        (room,) = rooms(house)
        entry = house.service.instances.entry(NAME)
        assert entry.side is not None
        other = await entry.side.chatwoot.create_conversation(
            entry.side.inbox_id, bot(house).id, room.contact_inbox.source_id
        )
        if status == "resolved":
            house.chat.resolve(other.id)
        else:
            house.chat.resolve(room.id)
        await forget(house, "UPDATE chatwoot_inbox SET bot_conversation_id=NULL")
        await say(house, "news")

        assert await stored(house) == (room.id if status == "resolved" else other.id)
