"""The whole way of a number on WhatsApp Web: the public API, the real service, its real worker and
library on one side, the stand-in Chatwoot on the other.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.sim.chatwoot import Message
from bridge.sim.pictures import jpeg, png
from support.crashing import nothing_disappeared
from support.ponte_process import poll
from support.web_crossing import WebCrossing, web_crossing
from support.whatsapp_web import protocols, required

required()

CAKE, MENU = jpeg(64, 48, grey=180), png(48, 48, colour=(210, 120, 40))
VOICE = b"OggS\0\2" + bytes(20) + b"\1\x13OpusHead\1\1" + bytes(60)


@pytest.fixture
def web_world(zygote, database, tmp_path):
    return lambda **options: web_crossing(zygote, database, tmp_path / "world", **options)


async def sees(its: WebCrossing, fits: Callable[[], object]) -> None:
    await its.chat.wait_for(lambda: bool(fits()), 20)


async def arrives(its: WebCrossing, written: str) -> Message:
    """What a customer wrote, as it stands in Chatwoot."""

    def found() -> list[Message]:
        return [one for one in its.chat.messages() if one.source_id == f"WAID:{written}"]

    await sees(its, found)
    (message,) = found()
    return message


def bot_messages(its: WebCrossing) -> list[Message]:
    return [one for one in its.chat.messages() if (one.source_id or "").startswith("PONTE:")]


def pictures(its: WebCrossing) -> list[Message]:
    """QR codes that stand in the bot's conversation and have not been taken away."""
    return [one for one in bot_messages(its) if one.attachments]


def notes(its: WebCrossing) -> list[str]:
    return [one.content or "" for one in bot_messages(its) if not one.attachments]


@pytest.mark.timeout(120)
async def test_a_number_is_connected_logged_out_from_the_phone_and_connected_again(
    zygote, database, tmp_path
):
    async with web_crossing(zygote, database, tmp_path / "world", paired=False) as its:
        made = await its.create()
        assert made["instance"]["integration"] == "WHATSAPP-BAILEYS"
        code = made["qrcode"]["code"]
        assert made["qrcode"]["base64"].startswith("data:image/png;base64,")
        await sees(its, lambda: pictures(its))
        assert pictures(its)[-1].attachments[0].data.startswith(b"\x89PNG")

        companion = await its.phone.scan(code)
        await its.connected()
        await companion.connected()
        await sees(its, lambda: any("+55 11 90000-0001" in one for one in notes(its)))
        await sees(its, lambda: not pictures(its))
        first_worker = its.worker()

        await its.phone.unlink()
        await poll(lambda: its.worker() is None, seconds=20)
        await its.reaches("close")
        await sees(its, lambda: "write `qr`" in notes(its)[-1])

        again = await its.call("GET", f"/instance/connect/{its.name}")
        assert again["code"] != code
        await sees(its, lambda: pictures(its))
        companion = await its.phone.scan(again["code"])
        await its.connected()
        assert its.worker() != first_worker
        bob = its.double.person("5511900000002", name="Bob")
        message = await arrives(its, await bob.writes(companion, "Ainda aí?"))
        assert message.content == "Ainda aí?"
        assert message.conversation.contact.name == "Bob"
        assert message.conversation.contact.phone_number == "+5511900000002"
        await its.quiet()
        await nothing_disappeared(its)


@pytest.mark.timeout(120)
async def test_texts_files_quotes_and_deletions_go_both_ways(web_world):
    async with web_world(options={"readMessages": True}) as its:
        bob = its.double.person("5511900000002", name="Bob")

        # Texts, ticks, read marks.
        written = await bob.writes(its.companion, "Vocês abrem no *domingo*?")
        question = await arrives(its, written)
        assert question.content == "Vocês abrem no **domingo**?"
        await its.companion.confirms(written, "read")
        answer = its.chat.agent_writes(question.conversation.id, "Sim, **das 7 às 13**")
        sent = await bob.next_message()
        assert sent.text == "Sim, *das 7 às 13*"
        await bob.confirms(its.companion, sent.id)
        await bob.confirms(its.companion, sent.id, kind="read")
        await sees(its, lambda: answer.status == "read")

        # Quotes.
        quoting = await bob.answers(its.companion, "Ótimo!", to=sent)
        assert (await arrives(its, quoting)).content_attributes["in_reply_to"] == answer.id
        its.chat.agent_writes(question.conversation.id, "Até já", in_reply_to=question.id)
        sent = await bob.next_message()
        assert sent.message.extendedTextMessage.contextInfo.stanzaID == written

        # Files, byte for byte.
        for kind, mime, data in (
            ("image", "image/jpeg", CAKE),
            ("document", "application/pdf", b"%PDF-1.4 invented"),
            ("audio", "audio/ogg; codecs=opus", VOICE),
        ):
            file = its.double.media.put(data, kind=kind, mime=mime)
            message = await arrives(its, await bob.sends(its.companion, file))
            assert [one.data for one in message.attachments] == [data]
        for name, mime, data, field, kind in (
            ("menu.png", "image/png", MENU, "imageMessage", "image"),
            ("menu.pdf", "application/pdf", b"%PDF-1.4 menu", "documentMessage", "document"),
            ("voz.ogg", "audio/ogg", VOICE, "audioMessage", "audio"),
        ):
            its.chat.agent_writes(question.conversation.id, "", attachments=[(name, data, mime)])
            sent = await bob.next_message()
            part = getattr(sent.message, field)
            assert its.double.media.read(part, kind) == data
        assert part.PTT

        # Deletions.
        revoked = await arrives(its, await bob.writes(its.companion, "Foi engano"))
        await bob.revokes(its.companion, (revoked.source_id or "").removeprefix("WAID:"))
        await sees(its, lambda: its.chat.messages()[-1].private)
        note = its.chat.messages()[-1]
        assert note.content_attributes["in_reply_to"] == revoked.id
        assert revoked.content == "Foi engano"
        mistake = its.chat.agent_writes(question.conversation.id, "Errei")
        sent = await bob.next_message()
        its.chat.agent_deletes(mistake.id)
        deletion = await bob.next_message()
        assert sent.id == deletion.message.protocolMessage.key.ID
        await its.quiet()
        await nothing_disappeared(its)


@pytest.mark.timeout(120)
async def test_groups_the_phone_itself_typing_calls_and_history(web_world):
    options = {"rejectCall": True, "msgCall": "Só por texto, por favor.", "groupsIgnore": False}
    async with web_world(options=options) as its:
        bob = its.double.person("5511900000002", name="Bob")
        eve = its.double.person("5511900000003", name="Eve")
        group = its.double.group("Família", [its.phone, bob, eve])

        # A group: one conversation, each message names who speaks.
        message = await arrives(its, await bob.writes(its.companion, "Oi gente", group=group))
        assert "Bob" in (message.content or "")
        assert "Oi gente" in (message.content or "")
        await sees(its, lambda: "Família" in (message.conversation.contact.name or ""))
        other = await arrives(its, await eve.writes(its.companion, "Oi", group=group))
        assert other.conversation.id == message.conversation.id
        its.chat.agent_writes(message.conversation.id, "Olá a todos")
        sent = await its.companion.next_sent()
        assert sent.to == group.jid
        assert sent.text == "Olá a todos"

        # Typed on the phone: outgoing, and nowhere sent again.
        typed = await its.phone.writes_to(bob, "Do telefone")
        mirrored = await arrives(its, typed)
        assert mirrored.message_type == "outgoing"
        assert mirrored.conversation.contact.phone_number == "+5511900000002"

        # Typing.
        await bob.types(its.companion)
        its.chat.typing(mirrored.conversation.id, on=True)
        await its.companion.types("composing")

        # A call is declined, and answered once.
        call = await bob.calls(its.companion)
        await its.companion.rejects(call)
        assert (await bob.next_message()).text == "Só por texto, por favor."

        # History is kept, and shown to nobody.
        before = len(its.chat.messages())
        history = protocols.history.HistorySync(
            syncType=protocols.history.HistorySync.INITIAL_BOOTSTRAP
        )
        chat = history.conversations.add(ID=bob.lid, name="Bob")
        chat.messages.add().message.key.ID = "OLD1"
        await its.phone.sends_history(history)
        folder = its.ponte.data / "whatsapp-web"
        await poll(lambda: any(folder.glob("*/history/*")), seconds=20)
        await its.quiet()
        assert [
            one for one in its.chat.messages()[before:] if "OLD1" in (one.source_id or "")
        ] == []
        assert bob.inbox[-1].text == "Só por texto, por favor."
        await nothing_disappeared(its)


@pytest.mark.timeout(120)
async def test_the_first_message_goes_to_the_spelling_that_exists(web_world):
    async with web_world() as its:
        maria = its.double.person(
            "551187654321", name="Maria"
        )  # registered without the ninth digit
        contact = its.chat.agent_creates_contact("Maria", phone_number="+5511987654321")
        inbox = next(iter(its.chat.inboxes))
        conversation = its.chat.agent_starts_conversation(contact.id, inbox, "Bom dia!")
        assert (await maria.next_message()).text == "Bom dia!"
        message = await arrives(its, await maria.writes(its.companion, "Bom dia"))
        assert message.conversation.id == conversation.id

        nobody = its.chat.agent_creates_contact("Ninguém", phone_number="+5511955555555")
        its.chat.agent_starts_conversation(nobody.id, inbox, "Oi?")
        await sees(its, lambda: its.chat.messages()[-1].status == "failed")
        assert "WhatsApp" in (its.chat.messages()[-1].external_error or "")
