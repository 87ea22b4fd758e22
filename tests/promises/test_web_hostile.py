"""What strangers can send over WhatsApp, through the real library: all of it is accounted for, none
of it ends the worker, and nobody is taken for somebody else.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from bridge.sim.chatwoot import Message
from support.crashing import nothing_disappeared
from support.web_crossing import WebCrossing, web_crossing
from support.whatsapp_web import Companion, Person, protocols, required
from support.whatsapp_web.contents import edit, key, quote, revocation, text

required()

EVES_TEXT, LAST = "palavra da Eva", "o fim"
E2E = protocols.e2e


def number(value: int) -> bytes:
    """As protobuf writes it."""
    told = bytearray()
    while value > 0x7F:
        told.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*told, value])


def mapping(phone: str, lid: str) -> bytes:
    """What a phone tells its own devices: this LID is that number."""
    one = b"\x08" + number(int(phone)) + b"\x10" + number(int(lid)) + b"\x18" + number(int(lid))
    return zlib.compress(b"\x0a" + number(len(one)) + one)


def nested(levels: int) -> Any:
    """Quotes in quotes in quotes."""
    message = text("o mais fundo")
    for _ in range(levels):
        message = text("x", quotes=quote("A", author="1@lid", quoted=message))
    return message


def wrapped(levels: int) -> Any:
    message = text("embrulhado")
    for _ in range(levels):
        message = E2E.Message(viewOnceMessage=E2E.FutureProofMessage(message=message))
    return message


def pretending(bob: Person, eve: Person) -> Iterator[Any]:
    """What only our own phone may say, and what names others in the message itself."""
    protocol = E2E.ProtocolMessage
    history = protocols.history.HistorySync(
        syncType=protocols.history.HistorySync.INITIAL_BOOTSTRAP
    )
    history.conversations.add(ID=str(eve.lid)).name = "Forged"
    notice = E2E.HistorySyncNotification(
        syncType=history.syncType,
        initialHistBootstrapInlinePayload=zlib.compress(history.SerializeToString()),
    )
    yield E2E.Message(
        protocolMessage=protocol(
            type=protocol.HISTORY_SYNC_NOTIFICATION, historySyncNotification=notice
        )
    )
    told = E2E.LIDMigrationMappingSyncMessage(
        encodedMappingPayload=mapping(eve.pn.user, bob.lid.user)
    )
    yield E2E.Message(
        protocolMessage=protocol(
            type=protocol.LID_MIGRATION_MAPPING_SYNC, lidMigrationMappingSyncMessage=told
        )
    )
    yield E2E.Message(
        deviceSentMessage=E2E.DeviceSentMessage(
            destinationJID=str(eve.pn), message=text("como se fosse do telefone")
        )
    )


def odd() -> Iterator[Any]:
    """Too deep, too long, too many, or not what it says."""
    yield nested(30)
    yield wrapped(40)
    yield text(
        "\u202e\u2066txt.exe \0 {{contact.name}} <img src=x onerror=alert(1)> [a](javascript:x)"
    )
    yield text("l" * 300_000)
    yield E2E.Message(
        extendedTextMessage=E2E.ExtendedTextMessage(
            text="todos", contextInfo=E2E.ContextInfo(mentionedJID=["1@lid"] * 10_000)
        )
    )
    card = "BEGIN:VCARD\n" + "TEL:+55 11 90000-0000\n" * 10_000 + "END:VCARD"
    yield E2E.Message(contactMessage=E2E.ContactMessage(displayName="**c**", vcard=card))
    yield E2E.Message(
        documentMessage=E2E.DocumentMessage(
            URL="http://127.0.0.1:1/x",
            directPath="/v/none",
            mediaKey=b"k" * 32,
            fileEncSHA256=b"e" * 32,
            fileSHA256=b"s" * 32,
            fileLength=2**63,
            fileName="../../etc/passwd\u202egpj.exe",
            mimetype="text/html\r\nX-Evil: 1",
        )
    )
    yield E2E.Message(imageMessage=E2E.ImageMessage(mediaKey=b"k", directPath="@evil.example/x"))
    yield E2E.Message()


async def everything(companion: Companion, bob: Person, eve: Person, eves: str) -> None:
    for message in (*pretending(bob, eve), *odd()):
        await bob.writes(companion, message)
    for name in ("x" * 256, "a b", "../../x", "1~call", "1#1", "\u202eid"):
        await bob.writes(companion, "um id estranho", id=name)
    await bob.writes(companion, "um nome", notify="**\u202e{{x}}** " + "n" * 5000)
    of_eve = key(eves, chat=str(companion.phone.lid), from_me=True)
    await bob.writes(companion, revocation(of_eve))
    of_eve = key(eves, chat=str(eve.lid), from_me=False, author=str(eve.lid))
    await bob.writes(companion, revocation(of_eve))
    await bob.writes(companion, edit(of_eve, text("outra palavra da Eva")))
    forged = quote(eves, author=str(eve.lid), quoted=text("Eva nunca disse isto"))
    await bob.writes(companion, text("viu o que ela disse?", quotes=forged))
    await bob.confirms(companion, *(f"NONE{one}" for one in range(10_000)), kind="read")
    for _ in range(200):
        await bob.types(companion)
    for _ in range(5):
        await bob.calls(companion)
    await bob.writes(companion, LAST)


def of(its: WebCrossing, conversation: int) -> list[Message]:
    return [one for one in its.chat.messages() if one.conversation.id == conversation]


@pytest.mark.timeout(180)
async def test_what_strangers_send_harms_nobody(zygote, database, tmp_path):
    options = {"rejectCall": True, "msgCall": "Só por texto."}
    async with web_crossing(zygote, database, tmp_path / "w", options=options) as its:
        eve = its.double.person("5511900000003", name="Eve")
        bob = its.double.person("5511900000002", name="Bob")
        eves = await eve.writes(its.companion, EVES_TEXT)
        await its.chat.wait_for(lambda: len(its.from_customers()) == 1, 20)
        (from_eve,) = its.from_customers()
        worker = its.worker()

        await everything(its.companion, bob, eve, eves)
        found = lambda: [one for one in its.from_customers() if one.content == LAST]  # noqa: E731
        await its.chat.wait_for(lambda: bool(found()), 60)
        await its.quiet()

        assert its.worker() == worker
        await nothing_disappeared(its)
        # Bob stays Bob, and Eve is who she was.
        (last,) = found()
        assert last.conversation.contact.phone_number == "+5511900000002"
        assert last.conversation.id != from_eve.conversation.id
        assert [one.content for one in of(its, from_eve.conversation.id)] == [EVES_TEXT]
        assert from_eve.conversation.contact.name == "Eve"
        await eve.writes(its.companion, "ainda eu")
        await its.chat.wait_for(lambda: len(of(its, from_eve.conversation.id)) == 2, 20)
        # Nobody but our phone tells history, and nobody but our phone speaks as us.
        files = list((its.ponte.data / "whatsapp-web").glob("*/history/*"))
        assert not any(b"Forged" in gzip.decompress(one.read_bytes()) for one in files)
        said = [one.content for one in its.chat.messages() if one.message_type == "outgoing"]
        assert "como se fosse do telefone" not in said
        assert [one.text for one in bob.inbox if one.text == "Só por texto."] == ["Só por texto."]
