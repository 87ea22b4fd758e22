"""The double of WhatsApp Web against the real library: messages, both ways."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.whatsapp_web import contents, protocols, required
from support.whatsapp_web.client import Client, Refused
from support.whatsapp_web.client.desk import Desk, open_desk

required()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as found:
        yield found


@pytest.mark.parametrize("via", ["lid", "pn"])
async def test_a_text_arrives_from_either_address(desk: Desk, via):
    number = await desk.bob.writes(desk.companion, "Olá", via=via)
    message = await desk.client.next("Message")
    assert message.Message.conversation == "Olá"
    assert number == message.Info.ID
    assert message.Info.MessageSource.Sender.User == desk.bob.jid(via).user
    other = desk.bob.pn if via == "lid" else desk.bob.lid
    assert message.Info.MessageSource.SenderAlt.User == other.user
    assert message.Info.Pushname == "Bob"
    await desk.companion.acks(number)
    await desk.companion.confirms(number, "inactive")


async def test_a_text_goes_out_to_the_person_and_to_the_own_phone(desk: Desk):
    said = await desk.client.send("5511900000002@s.whatsapp.net", "Hello Bob")
    sent = await desk.companion.next_sent()
    assert sent.id == said.ID
    assert sent.text == "Hello Bob"
    assert sent.to == desk.bob.lid
    assert set(sent.copies) == {desk.bob.lid, desk.phone.lid}
    assert await desk.bob.next_message() is sent


async def test_a_conversation_goes_on(desk: Desk):
    for number in range(3):
        await desk.bob.writes(desk.companion, f"in {number}")
        assert (await desk.client.next("Message")).Message.conversation == f"in {number}"
        await desk.client.send(desk.bob.lid, f"out {number}")
        assert (await desk.bob.next_message()).text == f"out {number}"
    assert not desk.double.letters.retries


async def test_an_answer_quotes_what_the_client_sent(desk: Desk):
    await desk.client.send(desk.bob.lid, "Which one?")
    await desk.bob.answers(desk.companion, "This one", to=await desk.bob.next_message())
    found = (await desk.client.next("Message")).Message.extendedTextMessage
    assert found.text == "This one"
    assert found.contextInfo.quotedMessage.conversation == "Which one?"


async def test_a_message_is_edited_revoked_and_reacted_to(desk: Desk):
    number = await desk.bob.writes(desk.companion, "Helo")
    await desk.client.next("Message")
    await desk.bob.edits(desk.companion, number, "Hello")
    edited = await desk.client.next("Message")
    assert edited.IsEdit
    assert number == edited.Message.protocolMessage.key.ID
    assert edited.Message.protocolMessage.editedMessage.conversation == "Hello"
    await desk.bob.reacts(desk.companion, number, "👍", own=True)
    assert (await desk.client.next("Message")).Message.reactionMessage.text == "👍"
    await desk.bob.revokes(desk.companion, number)
    revoked = await desk.client.next("Message")
    assert number == revoked.Message.protocolMessage.key.ID
    assert revoked.Info.Edit == "7"


@pytest.mark.parametrize("kind", ["image", "video", "audio", "document", "sticker"])
async def test_a_file_arrives_and_can_be_downloaded(desk: Desk, kind):
    content = b"some bytes " * 1000
    file = desk.double.media.put(content, kind=kind, mime="application/x-test")
    await desk.bob.sends(desk.companion, file)
    message = await desk.client.next("Message")
    assert message.Info.MediaType == kind
    assert await desk.client.download(message.Message) == content


async def test_a_file_of_the_client_is_read(desk: Desk):
    content = b"\x89PNG picture" * 1000
    uploaded = await desk.client.upload(content, kind=0)
    await desk.client.send(
        desk.bob.lid,
        protocols.e2e.Message(
            imageMessage=protocols.e2e.ImageMessage(
                URL=uploaded.url,
                directPath=uploaded.DirectPath,
                mediaKey=uploaded.MediaKey,
                fileEncSHA256=uploaded.FileEncSHA256,
                fileSHA256=uploaded.FileSHA256,
                fileLength=uploaded.FileLength,
                caption="Look",
            )
        ),
    )
    part = (await desk.bob.next_message()).message.imageMessage
    assert part.caption == "Look"
    assert desk.double.media.read(part, "image") == content


async def test_what_the_phone_itself_writes_is_from_the_account(desk: Desk):
    await desk.phone.writes_to(desk.bob, "From the phone")
    message = await desk.client.next("Message")
    assert message.Message.conversation == "From the phone"
    source = message.Info.MessageSource
    assert source.IsFromMe
    assert source.Chat.User == desk.bob.lid.user
    assert source.RecipientAlt.User == desk.bob.pn.user


@pytest.mark.parametrize("inline", [True, False], ids=["inline", "file"])
async def test_history_comes_within_the_message_or_as_a_file(desk: Desk, inline):
    history = protocols.history.HistorySync(
        syncType=protocols.history.HistorySync.INITIAL_BOOTSTRAP
    )
    conversation = history.conversations.add(ID=desk.bob.lid, name="Bob")
    old = conversation.messages.add().message
    old.key.ID, old.key.remoteJID = "OLD", desk.bob.lid
    old.message.conversation = "From before"
    await desk.phone.sends_history(history, inline=inline)
    found = (await desk.client.next("HistorySync")).Data
    assert found.conversations[0].messages[0].message.message.conversation == "From before"


async def test_a_person_with_two_devices_reads_on_both(desk: Desk):
    eve = desk.double.person("5511900000003", name="Eve", devices=2)
    await desk.client.send(eve.pn, "Hello")
    sent = await eve.next_message()
    assert set(sent.copies) == {eve.lid, eve.lid.on(1), desk.phone.lid}


async def test_two_accounts_write_to_each_other(desk: Desk, tmp_path: Path):
    other = desk.double.phone("5511900000009", name="Filial")
    async with Client(desk.double.environ, tmp_path / "other.db") as client:
        companion = await other.scan(await client.code())
        await companion.connected()
        await desk.client.send(other.pn, "Hello, branch")
        assert (await client.next("Message")).Message.conversation == "Hello, branch"
        await client.send(desk.phone.pn, "Hello, shop")
        assert (await desk.client.next("Message")).Message.conversation == "Hello, shop"


async def test_an_unknown_number_cannot_be_written_to(desk: Desk):
    with pytest.raises(Refused):
        await desk.client.send("5511999999999@s.whatsapp.net", "Anybody?")
    assert not desk.companion.sent


async def test_the_content_of_a_quote_is_built_by_hand(desk: Desk):
    context = contents.quote("X", author=desk.bob.lid, quoted=contents.text("Before"))
    await desk.client.send(desk.bob.lid, contents.text("After", quotes=context))
    sent = await desk.companion.next_sent()
    assert sent.message.extendedTextMessage.contextInfo.stanzaID == "X"
