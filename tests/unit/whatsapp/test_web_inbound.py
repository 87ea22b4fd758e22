"""What an inbound message says, kind by kind."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from bridge.core.content import Media, MediaKind, Text, Unsupported
from bridge.core.message import EVENT, Received
from bridge.core.party import Party
from bridge.whatsapp.web.parser import events

PHONE = "5511987650001@s.whatsapp.net"
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
DIGEST = bytes(range(32))
FILE = {
    "URL": "https://mmg.whatsapp.net/v/file.enc?mms3=true",
    "directPath": "/v/file.enc",
    "fileEncSHA256": base64.b64encode(DIGEST[::-1]).decode(),
    "fileLength": "183422",
    "fileSHA256": base64.b64encode(DIGEST).decode(),
    "mediaKey": "UFWCaXxgu2T87jJ6UVwVAGj/sSGJmkCXXXpb6xZBbnk=",
    "mediaKeyTimestamp": "1795190390",
}
#: What of it is kept for the download.
KEPT = {name: value for name, value in FILE.items() if name != "URL"}


def received(message: Any, **more: Any) -> Any:
    data = more | {
        "id": "3A01",
        "chat": PHONE,
        "sender": PHONE,
        "from_me": False,
        "at_ms": 1795190431000,
        "message": message,
    }
    (event,) = events("message", data, number="shop", received_at=AT)
    assert isinstance(event, Received)
    assert EVENT.validate_json(orjson.dumps(event)) == event
    return event


def said(message: dict[str, Any]) -> Any:
    return received(message).content


# ------------------------------------------------------------------ text


@pytest.mark.parametrize(
    ("message", "body"),
    [
        ({"conversation": "Oi"}, "Oi"),
        ({"conversation": " \n"}, " \n"),
        ({"extendedTextMessage": {"text": "https://x.io/a", "title": "A page"}}, "https://x.io/a"),
        ({"extendedTextMessage": {"matchedText": "https://x.io/a"}}, "https://x.io/a"),
        ({"messageContextInfo": {"messageSecret": "eHh4"}, "conversation": "Oi"}, "Oi"),
        ({"senderKeyDistributionMessage": {"groupID": "1@g.us"}, "conversation": "Oi"}, "Oi"),
    ],
)
def test_text(message: dict[str, Any], body: str) -> None:
    assert said(message) == Text(body=body)


def test_a_text_without_words_is_a_placeholder() -> None:
    assert said({"extendedTextMessage": {"previewType": "NONE"}}) == Unsupported(
        upstream="extendedTextMessage", raw={"extendedTextMessage": {"previewType": "NONE"}}
    )


def test_texts_are_cut_where_whatsapp_would_refuse_them() -> None:
    assert len(said({"conversation": "x" * 100_000}).body) == 65_536
    assert len(said({"imageMessage": FILE | {"caption": "x" * 100_000}}).caption) == 65_536


def test_nul_and_half_characters_do_not_reach_the_database() -> None:
    assert said({"conversation": "a\0b\ud83d"}) == Text(body="ab?")


# ------------------------------------------------------------------ wrappers

INNER = {"conversation": "Oi"}


@pytest.mark.parametrize(
    "name",
    [
        "associatedChildMessage",
        "botInvokeMessage",
        "documentWithCaptionMessage",
        "ephemeralMessage",
        "groupMentionedMessage",
        "lottieStickerMessage",
        "spoilerMessage",
        "viewOnceMessage",
        "viewOnceMessageV2",
        "viewOnceMessageV2Extension",
        "aWrapperOfTomorrow",
    ],
)
def test_wrappers_are_taken_off(name: str) -> None:
    assert said({name: {"message": INNER}, "messageContextInfo": {}}) == Text(body="Oi")


def test_wrappers_in_wrappers_and_copies_for_our_own_devices_are_taken_off() -> None:
    wrapped = {"viewOnceMessageV2": {"message": {"ephemeralMessage": {"message": INNER}}}}
    copy = {"destinationJID": PHONE, "phash": "x", "message": wrapped}
    assert said({"deviceSentMessage": copy}) == Text(body="Oi")


def test_what_holds_more_than_a_message_is_no_wrapper() -> None:
    comment = {"commentMessage": {"message": INNER, "targetMessageKey": {"ID": "3A"}}}
    assert said(comment).upstream == "commentMessage"


def test_endless_wrappers_end() -> None:
    message: dict[str, Any] = INNER
    for _ in range(40):
        message = {"ephemeralMessage": {"message": message}}
    assert said(message).upstream == "ephemeralMessage"


# ------------------------------------------------------------------ files


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        (
            "imageMessage",
            {"mimetype": "image/png", "caption": "Chegou assim"},
            {"media": MediaKind.IMAGE, "mime": "image/png", "caption": "Chegou assim"},
        ),
        ("videoMessage", {}, {"media": MediaKind.VIDEO, "mime": "video/mp4"}),
        (
            "videoMessage",
            {"gifPlayback": True, "seconds": "7"},
            {"media": MediaKind.VIDEO, "mime": "video/mp4", "animated": True, "seconds": 7},
        ),
        (
            "audioMessage",
            {"mimetype": "audio/mp4", "PTT": False},
            {"media": MediaKind.AUDIO, "mime": "audio/mp4"},
        ),
        (
            "audioMessage",
            {"mimetype": "audio/ogg; codecs=opus", "PTT": True, "seconds": 4},
            {
                "media": MediaKind.AUDIO,
                "mime": "audio/ogg; codecs=opus",
                "voice": True,
                "seconds": 4,
            },
        ),
        (
            "documentMessage",
            {"mimetype": "application/pdf", "fileName": "Boleto.pdf", "caption": "segue"},
            {
                "media": MediaKind.DOCUMENT,
                "mime": "application/pdf",
                "filename": "Boleto.pdf",
                "caption": "segue",
            },
        ),
        (
            "documentMessage",
            {"title": "Boleto"},
            {
                "media": MediaKind.DOCUMENT,
                "mime": "application/octet-stream",
                "filename": "Boleto",
            },
        ),
        (
            "stickerMessage",
            {"isAnimated": True},
            {"media": MediaKind.STICKER, "mime": "image/webp", "animated": True},
        ),
        (
            "stickerMessage",
            {"isLottie": True, "mimetype": "application/was"},
            {"media": MediaKind.STICKER, "mime": "application/was", "animated": True},
        ),
    ],
)
def test_files(kind: str, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    told = said({kind: FILE | fields})
    mime = {"mimetype": fields["mimetype"]} if "mimetype" in fields else {}
    assert told == Media(handle=told.handle, sha256=DIGEST.hex(), size=183422, **expected)
    assert orjson.loads(told.handle) == {kind: KEPT | mime}


def test_a_round_video_is_fetched_as_a_video() -> None:
    told = said({"ptvMessage": FILE})
    assert (told.media, told.mime, told.round) == (MediaKind.VIDEO, "video/mp4", True)
    assert orjson.loads(told.handle) == {"videoMessage": KEPT}


def test_a_document_with_a_caption_is_a_file() -> None:
    document = {"documentMessage": FILE | {"fileName": "a.pdf", "caption": "segue"}}
    assert said({"documentWithCaptionMessage": {"message": document}}).caption == "segue"


@pytest.mark.parametrize("wrapper", ["", "V2", "V2Extension"])
def test_what_is_to_be_looked_at_once_says_so(wrapper: str) -> None:
    name = f"viewOnceMessage{wrapper}"
    for kind in ("imageMessage", "videoMessage", "audioMessage"):
        told = said({"ephemeralMessage": {"message": {name: {"message": {kind: FILE}}}}})
        assert isinstance(told, Media)
        assert told.view_once
        stub = said({name: {"message": {kind: {"viewOnce": True, "caption": "olha"}}}})
        assert (stub.upstream, stub.detail) == ("viewOnce", "olha")
    assert said({name: {"message": {}}}).upstream == "viewOnce"
    assert said({name: {"message": INNER}}) == Text(body="Oi")


def test_what_is_to_be_looked_at_once_is_known_without_its_wrapper() -> None:
    assert said({"imageMessage": FILE | {"viewOnce": True}}).view_once
    assert received({"imageMessage": FILE}, view_once=True).content.view_once
    assert not said({"imageMessage": FILE}).view_once
    assert received({}, view_once=True).content.upstream == "viewOnce"


def test_a_handle_holds_nothing_but_what_a_download_needs() -> None:
    bulk = {
        "JPEGThumbnail": "/9j/" * 1000,
        "caption": "segredo",
        "contextInfo": {"quotedMessage": INNER},
        "scansSidecar": "x",
        "mediaKeyTimestamp": [1],
    }
    told = said({"imageMessage": FILE | bulk})
    kept = {name: value for name, value in KEPT.items() if name != "mediaKeyTimestamp"}
    assert orjson.loads(told.handle) == {"imageMessage": kept}


def test_an_address_that_a_stranger_chose_is_never_asked_for_a_file() -> None:
    lure = {"URL": "http://169.254.169.254/latest", "staticURL": "http://127.0.0.1/delete"}
    assert b"http" not in said({"imageMessage": FILE | lure}).handle.encode()


@pytest.mark.parametrize("missing", [["mediaKey"], ["URL", "directPath"], ["directPath"]])
def test_a_file_that_cannot_be_fetched_is_a_placeholder_with_its_caption(
    missing: list[str],
) -> None:
    fields = {name: value for name, value in FILE.items() if name not in missing}
    told = said({"imageMessage": fields | {"caption": "Chegou assim"}})
    assert isinstance(told, Unsupported)
    assert (told.upstream, told.detail) == ("imageMessage", "Chegou assim")


@pytest.mark.parametrize("path", ["@evil.example/x", "//", "", 7, None, ["/x"]])
def test_a_path_leads_nowhere_but_to_whatsapps_own_servers(path: Any) -> None:
    told = said({"imageMessage": FILE | {"directPath": path}})
    assert isinstance(told, Media if path == "//" else Unsupported)


@pytest.mark.parametrize(
    ("field", "junk", "attribute", "expected"),
    [
        ("mimetype", "text/html\r\nX: y", "mime", "image/jpeg"),
        ("mimetype", "x" * 300, "mime", "image/jpeg"),
        ("mimetype", "IMAGE/PNG", "mime", "image/png"),
        ("mimetype", 7, "mime", "image/jpeg"),
        ("fileLength", -1, "size", None),
        ("fileLength", "9" * 40, "size", None),
        ("fileLength", "²", "size", None),
        ("fileLength", 12, "size", 12),
        ("fileSHA256", "AAAA", "sha256", None),
        ("fileSHA256", "ção", "sha256", None),
        ("fileSHA256", [], "sha256", None),
        ("caption", "", "caption", None),
        ("caption", {}, "caption", None),
        ("PTT", "true", "voice", False),
        ("isAnimated", 1, "animated", False),
        ("seconds", "x", "seconds", None),
        ("seconds", 0, "seconds", None),
        ("seconds", 2**60, "seconds", None),
        ("viewOnce", "true", "view_once", False),
        ("fileName", "a.pdf", "filename", None),
    ],
)
def test_junk_beside_a_file_does_no_harm(
    field: str, junk: object, attribute: str, expected: object
) -> None:
    assert getattr(said({"imageMessage": FILE | {field: junk}}), attribute) == expected


def test_a_long_file_name_keeps_its_end() -> None:
    told = said({"documentMessage": FILE | {"fileName": "x" * 400 + ".pdf"}})
    assert len(told.filename) == 255
    assert told.filename.endswith("x.pdf")


# ------------------------------------------------------------------ what stands around it


def test_a_reply_names_the_message_that_it_answers() -> None:
    context = {"stanzaID": "3AFF", "participant": PHONE, "quotedMessage": INNER}
    assert received({"imageMessage": FILE | {"contextInfo": context}}).reply_to == "3AFF"
    assert received({"extendedTextMessage": {"text": "a", "contextInfo": context}}).reply_to
    assert received(INNER).reply_to is None
    assert received({"extendedTextMessage": {"text": "a", "contextInfo": []}}).reply_to is None


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"isForwarded": True, "forwardingScore": 1}, (True, False)),
        ({"isForwarded": True}, (True, False)),
        ({"isForwarded": True, "forwardingScore": 5}, (True, True)),
        ({"forwardingScore": 127}, (True, True)),
        ({"forwardingScore": 0}, (False, False)),
        ({"isForwarded": "yes", "forwardingScore": "9"}, (False, False)),
        ({"forwardingScore": True}, (False, False)),
        ({}, (False, False)),
    ],
)
def test_forwarded(context: dict[str, Any], expected: tuple[bool, bool]) -> None:
    event = received({"extendedTextMessage": {"text": "a", "contextInfo": context}})
    assert (event.forwarded, event.forwarded_often) == expected


def test_whoever_is_mentioned_is_told_as_they_stand_in_the_text() -> None:
    named = [PHONE, "77@lid", "77:3@lid", "x", 7, None, "120363000000000001@g.us"]
    context = {"mentionedJID": named}
    told = received({"extendedTextMessage": {"text": "@77 oi", "contextInfo": context}})
    assert told.mentions == (Party(wa_id="5511987650001"), Party(lid="77"))
    picture = received({"imageMessage": FILE | {"caption": "@77", "contextInfo": context}})
    assert picture.mentions == told.mentions
    known = received(
        {"extendedTextMessage": {"text": "@77", "contextInfo": context}},
        mentioned={"77@lid": PHONE},
    )
    assert known.mentions[1] == Party(wa_id="5511987650001", lid="77")
    many = {"mentionedJID": [f"{number}@lid" for number in range(1, 999)]}
    crowd = received({"extendedTextMessage": {"text": "a", "contextInfo": many}})
    assert len(crowd.mentions) == 100
    junk = {"mentionedJID": {"0": PHONE}}
    assert received({"extendedTextMessage": {"text": "a", "contextInfo": junk}}).mentions == ()


def test_a_question_about_a_product_names_it() -> None:
    product = {"productID": "7001", "retailerID": "PEDAL-1", "title": "Pedal"}
    quoted = {"productMessage": {"businessOwnerJID": PHONE, "product": product}}
    context = {"stanzaID": "3AFF", "quotedMessage": quoted}
    event = received({"extendedTextMessage": {"text": "Tem?", "contextInfo": context}})
    assert event.product == {
        "catalog_id": PHONE,
        "product_retailer_id": "PEDAL-1",
        "title": "Pedal",
    }
    del product["productID"], product["retailerID"]
    assert received({"extendedTextMessage": {"text": "?", "contextInfo": context}}).product is None


def test_a_context_that_stands_deeper_is_found_too() -> None:
    """Templates and the like have it beside their words, or in the one part that they are."""
    context = {"stanzaID": "3AFF", "forwardingScore": 1}
    inner = {"interactiveMessageTemplate": {"body": {"text": "a"}, "contextInfo": context}}
    event = received({"templateMessage": inner})
    assert (event.reply_to, event.forwarded) == ("3AFF", True)


@pytest.mark.parametrize(
    ("kind", "parent"),
    [("HD_IMAGE_DUAL_UPLOAD", "3AFF"), ("MOTION_PHOTO", "3AFF"), ("MEDIA_ALBUM", None), (7, None)],
)
def test_a_better_copy_of_a_file_belongs_to_the_first_one(kind: object, parent: str | None) -> None:
    key = {"remoteJID": PHONE, "ID": "3AFF"}
    beside = {"messageAssociation": {"associationType": kind, "parentMessageKey": key}}
    child = {"associatedChildMessage": {"message": {"imageMessage": FILE}}}
    assert received(child | {"messageContextInfo": beside}).reply_to == parent
    inner = {"imageMessage": FILE, "messageContextInfo": beside}
    assert received({"associatedChildMessage": {"message": inner}}).reply_to == parent


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("declinePaymentRequestMessage", "key"),
        ("encReactionMessage", "targetMessageKey"),
        ("questionResponseMessage", "key"),
        ("sendPaymentMessage", "requestMessageKey"),
    ],
)
def test_what_is_about_another_message_answers_it(kind: str, field: str) -> None:
    assert received({kind: {field: {"ID": "3AFF"}, "text": "sim"}}).reply_to == "3AFF"
    assert received({kind: {field: "x"}}).reply_to is None


def test_an_ad_keeps_all_its_ids_and_loses_its_picture() -> None:
    ad = {
        "title": "Semana da bike",
        "body": "Frete grátis",
        "mediaType": "IMAGE",
        "thumbnail": "/9j/" * 1000,
        "thumbnailURL": "https://scontent.xx.fbcdn.net/t.jpg",
        "sourceType": "ad",
        "sourceID": "120210000000000001",
        "sourceURL": "https://fb.me/9zQexample",
        "ctwaClid": "AfExampleClid",
        "sourceApp": "instagram",
        "ref": "inverno",
        "showAdAttribution": True,
    }
    context = {
        "externalAdReply": ad,
        "conversionSource": "FB_Ads",
        "conversionData": "QWJj",
        "entryPointConversionSource": "ctwa_ad",
        "entryPointConversionApp": "instagram",
        "ctwaPayload": "cGF5",
        "ctwaSignals": "sig",
    }
    event = received({"extendedTextMessage": {"text": "Quero", "contextInfo": context}})
    assert event.referral == {
        "headline": "Semana da bike",
        "body": "Frete grátis",
        "media_type": "IMAGE",
        "thumbnail_url": "https://scontent.xx.fbcdn.net/t.jpg",
        "source_type": "ad",
        "source_id": "120210000000000001",
        "source_url": "https://fb.me/9zQexample",
        "ctwa_clid": "AfExampleClid",
        "source_app": "instagram",
        "ref": "inverno",
        "conversion_source": "FB_Ads",
        "conversion_data": "QWJj",
        "entry_point_source": "ctwa_ad",
        "entry_point_app": "instagram",
        "ctwa_payload": "cGF5",
        "ctwa_signals": "sig",
    }


def test_junk_in_an_ad_is_left_out() -> None:
    ad = {"sourceID": 120210, "title": {"x": 1}, "body": "x" * 5000, "ref": "", "mediaURL": [1]}
    context = {"externalAdReply": ad, "conversionData": {}}
    event = received({"extendedTextMessage": {"text": "Quero", "contextInfo": context}})
    assert event.referral == {"source_id": "120210"}


def test_without_an_ad_there_is_no_referral() -> None:
    context = {"externalAdReply": {"thumbnail": "x"}, "entryPointConversionSource": "search"}
    event = received({"extendedTextMessage": {"text": "Quero", "contextInfo": context}})
    assert event.referral is None


# ------------------------------------------------------------------ placeholders


@pytest.mark.parametrize(
    ("kind", "body", "detail"),
    [
        (
            "pollResultSnapshotMessage",
            {"name": "Que dia?", "pollVotes": [{"optionName": "Seg", "optionVoteCount": "2"}, 7]},
            "Que dia? · Seg: 2 · ?: 0",
        ),
        ("callLogMesssage", {"callOutcome": "MISSED", "durationSecs": "0"}, "MISSED · 0"),
        ("stickerPackMessage", {"name": "Gatos", "publisher": "x"}, "Gatos"),
        ("requestPhoneNumberMessage", {}, None),
        ("kindOfTomorrow", {"header": {"deep": {"text": "achei"}}}, "achei"),
        ("kindOfTomorrow", {"contextInfo": {"quotedMessage": {"conversation": "não é"}}}, None),
        ("kindOfTomorrow", {"contextInfo": {"quotedMessage": {"text": "não é"}}}, None),
        ("kindOfTomorrow", "só texto", "só texto"),
        ("kindOfTomorrow", ["x"], None),
        ("kindOfTomorrow", {"text": "linha\n\n  um " + "x" * 5000}, "linha um " + "x" * 990 + "…"),
    ],
)
def test_unknown_kinds_are_placeholders_with_a_short_text(
    kind: str, body: Any, detail: str | None
) -> None:
    told = said({kind: body})
    assert isinstance(told, Unsupported)
    assert (told.upstream, told.detail) == (kind, detail)


def test_a_placeholder_keeps_the_message_without_its_bulk() -> None:
    message = {
        "messageContextInfo": {"messageSecret": "eHh4"},
        "kindOfTomorrow": {
            "orderTitle": "Pedido",
            "thumbnail": "/9j/" * 9999,
            "contextInfo": {"quotedMessage": {"imageMessage": {"JPEGThumbnail": "/9j/"}}},
            "itemCount": 2,
        },
    }
    assert said(message).raw == {
        "kindOfTomorrow": {
            "orderTitle": "Pedido",
            "contextInfo": {"quotedMessage": {"imageMessage": {}}},
            "itemCount": 2,
        }
    }


def test_a_placeholder_does_not_grow_without_bound() -> None:
    told = said({"kindOfTomorrow": {"name": "x" * 1_000_000}})
    assert len(told.raw["kindOfTomorrow"]["name"]) == 8192
    many = said({"kindOfTomorrow": {"name": "x", "more": ["x" * 8000] * 100}})
    assert (many.raw, many.detail) == ({}, "x")
    assert len(said({"x" * 10_000: {}}).upstream) == 255
