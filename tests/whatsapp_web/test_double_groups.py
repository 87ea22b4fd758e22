"""The double of WhatsApp Web against the real library: groups."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.whatsapp_web import protocols, required
from support.whatsapp_web.client import Client, jid
from support.whatsapp_web.client.desk import Desk, open_desk

required()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as found:
        yield found


async def texts(client: Client, count: int) -> list[str]:
    """Of messages with content: the one that hands over a sender key has none."""
    found: list[str] = []
    while len(found) < count:
        body = (await client.next("Message")).Message.conversation
        found += [body] if body else []
    return found


async def test_texts_and_files_in_a_group(desk: Desk):
    group = desk.double.group("Team", [desk.bob, desk.phone])
    await desk.bob.writes(desk.companion, "Hi all", group=group)
    await desk.bob.writes(desk.companion, "Again", group=group)
    assert await texts(desk.client, 2) == ["Hi all", "Again"]
    source = desk.client.all("Message")[-1].Info.MessageSource
    assert (source.IsGroup, source.Chat.User) == (True, group.jid.user)
    assert source.Sender.User == desk.bob.lid.user
    assert not desk.double.letters.retries


async def test_the_client_writes_to_all_members(desk: Desk):
    eve = desk.double.person("5511900000003", name="Eve", devices=2)
    group = desk.double.group("Team", [desk.bob, eve, desk.phone])
    for body in ("First", "Second"):
        await desk.client.send(group.jid, body)
        sent = await desk.companion.next_sent()
        assert (sent.to, sent.text) == (group.jid, body)
        assert {desk.bob.lid, eve.lid, eve.lid.on(1), desk.phone.lid} <= set(sent.copies)


async def test_what_the_phone_writes_in_a_group(desk: Desk):
    group = desk.double.group("Team", [desk.phone, desk.bob])
    await desk.phone.writes_to(group, "From the phone")
    assert await texts(desk.client, 1) == ["From the phone"]
    assert desk.client.all("Message")[-1].Info.MessageSource.IsFromMe


async def test_facts_and_changes_of_a_group(desk: Desk):
    group = desk.double.group("Team", [desk.bob, desk.phone])
    await group.invites(desk.companion, desk.bob)
    assert (await desk.client.next("JoinedGroup")).GroupInfo.GroupName.Name == "Team"
    answer = "GetGroupInfoReturnFunction"
    found = (await desk.client.call("GetGroupInfo", jid(group.jid), answer=answer)).GroupInfo
    assert found.GroupName.Name == "Team"
    assert {one.JID.User for one in found.Participants} == {desk.bob.lid.user, desk.phone.lid.user}
    await group.renames(desk.companion, desk.bob, "The team")
    assert (await desk.client.next("GroupInfoEvent")).Name.Name == "The team"
    eve = desk.double.person("5511900000003", name="Eve")
    await group.changes(desk.companion, desk.bob, "add", eve)
    assert (await desk.client.next("GroupInfoEvent")).Join[0].User == eve.lid.user
    await group.changes(desk.companion, desk.bob, "remove", eve)
    assert (await desk.client.next("GroupInfoEvent")).Leave[0].User == eve.lid.user


async def test_two_clients_in_one_group(desk: Desk, tmp_path: Path):
    other = desk.double.phone("5511900000009", name="Filial")
    group = desk.double.group("Team", [desk.bob, desk.phone, other])
    async with Client(desk.double.environ, tmp_path / "other.db") as client:
        companion = await other.scan(await client.code())
        await companion.connected()
        await desk.client.send(group.jid, "Both of us")
        assert await texts(client, 1) == ["Both of us"]


async def test_a_picture_in_a_group(desk: Desk):
    group = desk.double.group("Team", [desk.bob, desk.phone])
    file = desk.double.media.put(b"picture", kind="image", mime="image/png")
    part = protocols.e2e.ImageMessage(**file.fields())
    message = protocols.e2e.Message(imageMessage=part)
    await desk.bob.writes(desk.companion, message, group=group)
    while not (found := (await desk.client.next("Message")).Message).HasField("imageMessage"):
        pass
    assert await desk.client.download(found) == b"picture"


async def test_a_status_is_no_message_of_a_chat(desk: Desk):
    await desk.bob.writes(desk.companion, "On holiday", group=desk.double.statuses)
    assert await texts(desk.client, 1) == ["On holiday"]
    source = desk.client.all("Message")[-1].Info.MessageSource
    assert (source.Chat.User, source.Chat.Server) == ("status", "broadcast")
