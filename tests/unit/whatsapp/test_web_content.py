"""What we send: texts, files, answers and deletions as messages."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from typing import Any

import pytest

from bridge.core.content import Card, MediaKind, Phone
from bridge.core.outgoing import (
    Option,
    OutgoingContacts,
    OutgoingLocation,
    OutgoingMedia,
    OutgoingMenu,
    OutgoingTemplate,
    OutgoingText,
)
from bridge.core.party import Party
from bridge.core.vcard_writer import write_card
from bridge.errors import PeerRefused
from bridge.relay.uploads import kind_for
from bridge.whatsapp.channel import Quote
from bridge.whatsapp.web.capabilities import CAPABILITIES
from bridge.whatsapp.web.content import edition, message, revocation

OURS = "551130001234:5@s.whatsapp.net"
MARINA = Party(wa_id="5511987650001", lid="204871936502817")
GROUP = Party(group="120363000000000001@g.us")


def sent(content: Any, *, to: Party = MARINA, quote: Quote | None = None) -> dict[str, Any]:
    return message(content, to=to, own_jid=OURS, quote=quote)[0]


def file(kind: MediaKind, mime: str, **more: Any) -> OutgoingMedia:
    return OutgoingMedia(media=kind, path="/spool/out-1-0", mime=mime, filename="a b.bin", **more)


def test_a_text() -> None:
    assert message(OutgoingText(body="Olá"), to=MARINA, own_jid=None) == (
        {"conversation": "Olá"},
        None,
    )


def test_what_cannot_be_written_is_left_out_of_a_text() -> None:
    assert sent(OutgoingText(body="a\0b\ud83d")) == {"conversation": "ab?"}


@pytest.mark.parametrize(
    ("content", "field", "expected"),
    [
        (
            file(MediaKind.IMAGE, "image/png", caption="veja"),
            "imageMessage",
            {"mimetype": "image/png", "caption": "veja"},
        ),
        (file(MediaKind.VIDEO, "video/mp4"), "videoMessage", {"mimetype": "video/mp4"}),
        (
            file(MediaKind.DOCUMENT, "application/pdf", caption="segue"),
            "documentMessage",
            {
                "mimetype": "application/pdf",
                "caption": "segue",
                "fileName": "a b.bin",
                "title": "a b.bin",
            },
        ),
        (
            file(MediaKind.AUDIO, "audio/mpeg", caption="perdido"),
            "audioMessage",
            {"mimetype": "audio/mpeg"},
        ),
        (
            file(MediaKind.AUDIO, "audio/ogg", voice=True),
            "audioMessage",
            {"mimetype": "audio/ogg; codecs=opus", "PTT": True},
        ),
        (
            file(MediaKind.AUDIO, "audio/ogg;codecs=opus", voice=True),
            "audioMessage",
            {"mimetype": "audio/ogg; codecs=opus", "PTT": True},
        ),
        pytest.param(
            file(MediaKind.AUDIO, "audio/mpeg", voice=True),
            "audioMessage",
            {"mimetype": "audio/mpeg"},
            id="no phone plays an MP3 as a voice note",
        ),
        (
            file(MediaKind.AUDIO, "audio/ogg", voice=True, seconds=7, waveform=bytes(range(64))),
            "audioMessage",
            {
                "mimetype": "audio/ogg; codecs=opus",
                "PTT": True,
                "seconds": 7,
                "waveform": base64.b64encode(bytes(range(64))).decode(),
            },
        ),
        (
            file(MediaKind.STICKER, "image/webp", animated=True, caption="perdido"),
            "stickerMessage",
            {"mimetype": "image/webp", "width": 512, "height": 512, "isAnimated": True},
        ),
    ],
)
def test_a_file(content: OutgoingMedia, field: str, expected: dict[str, Any]) -> None:
    told, attachment = message(content, to=MARINA, own_jid=OURS)
    assert told == {field: expected}
    assert attachment is not None
    assert asdict(attachment) == {
        "field": field,
        "path": "/spool/out-1-0",
        "kind": content.media.value,
    }


def context(quote: Quote, to: Party = MARINA) -> Any:
    told = sent(OutgoingText(body="Sim"), to=to, quote=quote)
    return told.get("extendedTextMessage", {}).get("contextInfo")


@pytest.mark.parametrize(
    ("quote", "to", "author"),
    [
        pytest.param(Quote(id="3A"), MARINA, "204871936502817@lid", id="hers"),
        pytest.param(
            Quote(id="3A"),
            Party(wa_id="5511987650001"),
            "5511987650001@s.whatsapp.net",
            id="hers, by phone",
        ),
        pytest.param(
            Quote(id="3A", by_us=True), MARINA, "551130001234@s.whatsapp.net", id="our own"
        ),
        pytest.param(
            Quote(id="3A", by_us=True), GROUP, "551130001234@s.whatsapp.net", id="ours in a group"
        ),
        pytest.param(
            Quote(id="3A", sender=MARINA), GROUP, "204871936502817@lid", id="hers in a group"
        ),
    ],
)
def test_an_answer_names_the_message_and_its_author(quote: Quote, to: Party, author: str) -> None:
    assert context(quote, to) == {
        "stanzaID": "3A",
        "participant": author,
        "quotedMessage": {"conversation": ""},
    }


def test_an_answer_shows_what_it_answers_when_that_is_known() -> None:
    told = context(Quote(id="3A", text="Qual modelo?"))
    assert told["quotedMessage"] == {"conversation": "Qual modelo?"}


def test_an_answer_to_nobody_known_is_a_plain_text() -> None:
    assert context(Quote(id="3A"), GROUP) is None
    assert sent(OutgoingText(body="Sim"), to=GROUP, quote=Quote(id="3A")) == {"conversation": "Sim"}


def test_a_file_may_answer_too() -> None:
    told = sent(file(MediaKind.IMAGE, "image/png"), quote=Quote(id="3A"))
    assert told["imageMessage"]["contextInfo"]["stanzaID"] == "3A"


def test_a_deletion_names_our_message() -> None:
    assert revocation("204871936502817@lid", "3EB0AA") == {
        "protocolMessage": {
            "type": "REVOKE",
            "key": {"remoteJID": "204871936502817@lid", "fromMe": True, "ID": "3EB0AA"},
        }
    }


def test_an_edit_names_our_message_and_says_when() -> None:
    said = sent(OutgoingText(body="Até *amanhã*"))
    told = edition("204871936502817@lid", "3EB0AA", said, at_ms=1_790_000_000_000)
    protocol = told["editedMessage"]["message"]["protocolMessage"]
    assert protocol == {
        "type": "MESSAGE_EDIT",
        "key": {"remoteJID": "204871936502817@lid", "fromMe": True, "ID": "3EB0AA"},
        "editedMessage": {"conversation": "Até *amanhã*"},
        "timestampMS": "1790000000000",
    }


def test_mentions_stand_beside_the_quote() -> None:
    content = OutgoingText(body="@77 veja")
    told, _ = message(
        content, to=GROUP, own_jid=OURS, quote=Quote(id="3A", by_us=True), mentioned=("77@lid",)
    )
    found = told["extendedTextMessage"]["contextInfo"]
    assert (found["mentionedJID"], found["stanzaID"]) == (["77@lid"], "3A")


def test_a_place() -> None:
    place = OutgoingLocation(latitude=-23.5, longitude=-46.6, name="Loja", address=" ")
    assert sent(place, quote=Quote(id="3A"))["locationMessage"] == {
        "degreesLatitude": -23.5,
        "degreesLongitude": -46.6,
        "name": "Loja",
        "contextInfo": context(Quote(id="3A")),
    }


@pytest.mark.parametrize(
    "content",
    [
        OutgoingLocation(latitude=float("nan"), longitude=0),
        OutgoingLocation(latitude=90.5, longitude=0),
        OutgoingContacts(cards=()),
        OutgoingTemplate(name="oferta", language="pt_BR"),
        OutgoingMenu(body="Escolha:", options=(Option(id="a", title="Vendas"),)),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is(content: Any) -> None:
    with pytest.raises(PeerRefused):
        sent(content)


ANA = Card(name="Ana", phones=(Phone(number="+55 11 90000-0001", wa_id="5511900000001"),))


def test_one_contact_and_several() -> None:
    one = {"displayName": "Ana", "vcard": write_card(ANA)}
    assert sent(OutgoingContacts(cards=(ANA,))) == {"contactMessage": one}
    assert sent(OutgoingContacts(cards=(ANA, ANA, ANA))) == {
        "contactsArrayMessage": {"displayName": "Ana +2", "contacts": [one, one, one]}
    }


def test_nothing_that_is_sent_breaks_the_frame() -> None:
    odd = "\ud83d\0\x1b" * 10
    contents = (
        OutgoingContacts(cards=(Card(name=odd, phones=(Phone(number=odd, label=odd),)),)),
        OutgoingLocation(latitude=0, longitude=0, name=odd, address=odd),
    )
    for content in contents:
        json.dumps(sent(content)).encode()
        assert "\0" not in repr(sent(content)).replace("\\x00", "\0")


@pytest.mark.parametrize(
    ("mime", "size", "kind"),
    [
        ("image/jpeg", 1_000_000, MediaKind.IMAGE),
        ("image/jpeg", 17 * 1024 * 1024, MediaKind.DOCUMENT),
        ("image/svg+xml", 1000, MediaKind.DOCUMENT),
        ("image/gif", 1000, MediaKind.DOCUMENT),
        ("video/mp4", 30_000_000, MediaKind.VIDEO),
        ("video/quicktime", 1000, MediaKind.DOCUMENT),
        ("audio/ogg; codecs=opus", 1000, MediaKind.AUDIO),
        ("audio/wav", 1000, MediaKind.DOCUMENT),
        ("application/pdf", 50_000_000, MediaKind.DOCUMENT),
    ],
)
def test_phones_show_some_types_and_keep_the_others_as_documents(
    mime: str, size: int, kind: MediaKind
) -> None:
    assert kind_for(mime, size, None, CAPABILITIES) is kind


def test_what_is_too_long_for_a_document_fits_nowhere() -> None:
    assert kind_for("image/jpeg", 100 * 1024 * 1024 + 1, None, CAPABILITIES) is None


def test_what_the_channel_can_do() -> None:
    able = CAPABILITIES
    assert (able.locations, able.cards, able.edit_seconds) == (True, True, 900)
    assert (able.buttons, able.list_rows, able.templates) == (0, 0, False)
    assert (able.groups, able.unordered_sends) == (True, False)
    assert able.text_limit == 65_536
