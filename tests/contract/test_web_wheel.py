"""The names and types of messages are those of the library that is installed."""

from __future__ import annotations

import ast
import inspect
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from bridge.core.content import Media, MediaKind, Text, Unsupported
from bridge.core.message import EVENT, Received, Unhandled
from bridge.core.outgoing import OutgoingMedia, OutgoingText
from bridge.core.party import Party
from bridge.whatsapp.channel import Quote
from bridge.whatsapp.web import (
    attached,
    changes,
    choosing,
    context,
    describing,
    envelope,
    gathering,
    inbound,
    messages,
    paying,
    places,
)
from bridge.whatsapp.web.content import message, revocation
from bridge.whatsapp.web.parser import events
from support.whatsapp_web import wheel

wheel.required()

from google.protobuf.json_format import MessageToDict, ParseDict  # noqa: E402

from support.whatsapp_web import protocols  # noqa: E402

PHONE = "5511987650001@s.whatsapp.net"
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
MESSAGE = protocols.e2e.Message.DESCRIPTOR
KINDS = {field.json_name: field for field in MESSAGE.fields}


def names(descriptor: Any) -> set[str]:
    return {field.json_name for field in descriptor.fields}


def body_of(kind: str) -> set[str]:
    return names(KINDS[kind].message_type)


def every_name(descriptor: Any, seen: set[str]) -> set[str]:
    """All field names of a message and of what may stand in it."""
    if descriptor.full_name in seen:
        return set()
    seen.add(descriptor.full_name)
    inner = [field.message_type for field in descriptor.fields if field.message_type]
    return names(descriptor).union(*(every_name(one, seen) for one in inner))


def test_kinds_are_called_so() -> None:
    read = {*inbound._READERS, *envelope._BESIDE, *envelope._FIRST, *messages._COUNTED}
    known = {*KINDS}
    assert read <= known
    assert {*describing._READERS} <= known
    assert {
        "deviceSentMessage",
        "editedMessage",
        "pollUpdateMessage",
        "protocolMessage",
        "reactionMessage",
        "secretEncryptedMessage",
        "viewOnceMessageV2",
    } <= known
    associated = protocols.e2e.MessageAssociation.DESCRIPTOR
    kinds = associated.enum_types_by_name["AssociationType"].values_by_name
    assert {*kinds} >= context._TOGETHER
    for kind, field in context._TARGETED.items():
        assert field in body_of(kind)


def test_fields_are_called_so() -> None:
    known = every_name(MESSAGE, set())
    assert known >= envelope._BULK
    assert known >= {*describing._WORDS}
    around = KINDS["imageMessage"].message_type.fields_by_name["contextInfo"].message_type
    assert names(around) >= {
        *context._AD_CONTEXT,
        "externalAdReply",
        "forwardingScore",
        "isForwarded",
        "mentionedJID",
        "participant",
        "quotedMessage",
        "stanzaID",
    }
    assert names(around.fields_by_name["externalAdReply"].message_type) >= {*context._AD}
    for kind in attached.KINDS:
        assert body_of(kind) >= {*attached._HANDLE}
    assert body_of("audioMessage") >= {"PTT", "seconds", "viewOnce"}
    assert body_of("stickerMessage") >= {"isAnimated", "isLottie"}
    assert body_of("videoMessage") >= {"gifPlayback", "seconds", "viewOnce"}
    assert body_of("documentMessage") >= {"caption", "fileName", "title"}
    protocol = KINDS["protocolMessage"].message_type
    assert names(protocol) >= {"editedMessage", "key", "timestampMS", "type"}
    assert names(protocol.fields_by_name["key"].message_type) >= {"ID", "fromMe", "remoteJID"}
    types = {value.name for value in protocol.fields_by_name["type"].enum_type.values}
    assert types >= {"MESSAGE_EDIT", "REVOKE"}


#: Names inside the JSON of native flows, and in a worker's event.
ELSEWHERE = {
    *("currency", "display_text", "items", "merchant_name", "order", "payment_settings"),
    *("reference_id", "total_amount", "values", "view_once", "id", "pix_static_code"),
    *("chat", "edit", "edited", "mentioned", "unavailable", "view_once", "vote"),
}


@pytest.mark.parametrize(
    "module",
    [attached, changes, choosing, context, envelope, gathering, inbound, messages, paying, places],
)
def test_every_field_that_is_read_exists(module: Any) -> None:
    """A name that is spelt in another way would be read as nothing, without a word."""
    known = every_name(MESSAGE, set())
    calls = [one for one in ast.walk(ast.parse(inspect.getsource(module))) if _reads(one)]
    read = {one.args[0].value for one in calls if isinstance(one.args[0], ast.Constant)}
    assert read - known - ELSEWHERE == set()


def _reads(node: ast.AST) -> Any:
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_call and node.func.attr == "get"


def filled(descriptor: Any, depth: int = 4) -> dict[str, Any]:
    """JSON with each field of a message set (one of those that exclude each other)."""
    if descriptor.full_name == MESSAGE.full_name:
        return {"conversation": "Oi"}
    made: dict[str, Any] = {}
    for field in descriptor.fields:
        oneof = field.containing_oneof
        if oneof is not None and oneof.fields[0].name != field.name:
            continue
        if field.message_type is not None:
            if depth == 0 or field.message_type.GetOptions().map_entry:
                continue
            value: Any = filled(field.message_type, depth - 1)
        elif field.enum_type is not None:
            value = field.enum_type.values[0].name
        else:
            value = {field.CPPTYPE_STRING: "MDEy", field.CPPTYPE_BOOL: True}.get(field.cpp_type, 7)
        made[field.json_name] = [value] if field.is_repeated else value
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_message_gives_one_event_that_can_be_stored(kind: str) -> None:
    field = KINDS[kind]
    body: Any = filled(field.message_type, 3) if field.message_type else "Oi"
    told = MessageToDict(ParseDict({kind: body}, protocols.e2e.Message()))
    assert kind in told
    data = {"id": "3A01", "chat": PHONE, "sender": PHONE, "message": told}
    (event,) = events("message", data, number="shop", received_at=AT)
    assert EVENT.validate_json(orjson.dumps(event)) == event
    assert len(orjson.dumps(event)) < 200_000
    if kind in envelope._BESIDE or kind in messages._COUNTED:
        assert isinstance(event, Unhandled)
    elif isinstance(event, Received) and isinstance(event.content, Unsupported):
        assert event.content.raw, "nothing was kept of it"


@pytest.mark.parametrize("kind", attached.KINDS)
def test_a_handle_is_a_message_that_can_be_downloaded(kind: str) -> None:
    part = filled(KINDS[kind].message_type) | {"directPath": "/v/t62.7118-24/example.enc"}
    told = MessageToDict(ParseDict({kind: part}, new()))
    data = {"id": "3A01", "chat": PHONE, "sender": PHONE, "message": told}
    (event,) = events("message", data, number="shop", received_at=AT)
    assert isinstance(event, Received)
    assert isinstance(event.content, Media)
    again = ParseDict(orjson.loads(event.content.handle), new())
    ((field, body),) = again.ListFields()
    assert field.json_name == ("videoMessage" if kind == "ptvMessage" else kind)
    assert body.mediaKey
    assert body.directPath


def new() -> Any:
    return protocols.e2e.Message()


SENT = [
    OutgoingText(body="Olá"),
    *(
        OutgoingMedia(
            media=kind, path="/x", mime="audio/ogg", filename="a", caption="b", voice=True
        )
        for kind in MediaKind
    ),
]


@pytest.mark.parametrize("quote", [None, Quote(id="3A", text="Qual?"), Quote(id="3E", by_us=True)])
@pytest.mark.parametrize("content", SENT)
def test_what_we_send_is_a_message(content: Any, quote: Quote | None) -> None:
    told, attachment = message(content, to=Party(lid="7"), own_jid=PHONE, quote=quote)
    read = ParseDict(told, new())
    assert MessageToDict(read) == told
    if attachment is not None:
        assert read.HasField(attachment.field)


def test_a_deletion_is_a_message() -> None:
    read = ParseDict(revocation("7@lid", "3EB0AA"), new()).protocolMessage
    assert (read.key.ID, read.key.fromMe, read.key.remoteJID) == ("3EB0AA", True, "7@lid")
    assert read.HasField("type")
    assert read.type == protocols.e2e.ProtocolMessage.REVOKE


def test_what_we_send_comes_back_as_it_was_written() -> None:
    """Our own texts return as copies when they were written with another device."""
    told, _ = message(
        OutgoingText(body="Olá"), to=Party(lid="7"), own_jid=PHONE, quote=Quote(id="3A")
    )
    data = {
        "id": "3A02",
        "chat": PHONE,
        "sender": PHONE,
        "message": MessageToDict(ParseDict(told, new())),
    }
    (event,) = events("message", data, number="shop", received_at=AT)
    assert isinstance(event, Received)
    assert (event.content, event.reply_to) == (Text(body="Olá"), "3A")
