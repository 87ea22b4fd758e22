"""Whatever a worker tells: no event is lost, none raises, and all can be stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.content import Text
from bridge.core.message import EVENT, Received, SentByPhone
from bridge.whatsapp.web import context, describing, inbound, messages
from bridge.whatsapp.web.envelope import tidy
from bridge.whatsapp.web.parser import events

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
EVENTS = (
    "message",
    "undecryptable",
    "receipt",
    "call",
    "history",
    "picture",
    "group",
    "identity",
    "settled",
    "unknown",
)
KINDS = sorted(
    {
        *("conversation", "deviceSentMessage", "documentWithCaptionMessage", "editedMessage"),
        *("ephemeralMessage", "messageContextInfo", "protocolMessage", "viewOnceMessageV2"),
        *("senderKeyDistributionMessage", "kindOfTomorrow"),
        *context._TARGETED,
        *describing._READERS,
        *inbound._READERS,
        *messages._COUNTED,
    }
)
FIELDS = (
    "ID",
    "JPEGThumbnail",
    "PTT",
    "URL",
    "amount1000",
    "body",
    "buttons",
    "caption",
    "contacts",
    "contextInfo",
    "currencyCodeIso4217",
    "degreesLatitude",
    "degreesLongitude",
    "directPath",
    "displayName",
    "externalAdReply",
    "fileLength",
    "fileName",
    "fileSHA256",
    "forwardingScore",
    "fromMe",
    "isForwarded",
    "key",
    "mediaKey",
    "message",
    "mimetype",
    "name",
    "noteMessage",
    "options",
    "product",
    "rows",
    "sections",
    "sourceID",
    "stanzaID",
    "text",
    "title",
    "type",
    "vcard",
    # what newer kinds are read by
    *("URL", "amount", "cards", "carouselMessage", "degreesLatitude", "footer", "header"),
    *("hydratedButtons", "hydratedTemplate", "interactiveMessageTemplate", "isLive", "location"),
    *("mentionedJID", "nativeFlowMessage", "nativeFlowResponseMessage", "offset", "optionName"),
    *("paramsJSON", "productMessage", "quotedMessage", "secretEncType", "selectableOptionsCount"),
    *("selectedButtonID", "singleSelectReply", "startTime", "value", "viewOnce", "vcard"),
)
#: Contact cards and native flows: texts with a form of their own.
FORMS = (
    "FN;ENCODING=QUOTED-PRINTABLE:=C3\nitem1.TEL;waid=1:2\nitem1.X-ABLABEL:x",
    '{"id": "1", "sections": [{"rows": [{"title": 7}]}], "total_amount": {"value": 1}}',
    '{"payment_settings": [{"pix_static_code": {"key": "k"}}], "values": {"a": "\\ud800"}}',
)
JIDS = (
    "5511987650001@s.whatsapp.net",
    "5511987650001:4@s.whatsapp.net",
    "204871936502817@lid",
    "120363000000000001@g.us",
    "status@broadcast",
    "1795190431@broadcast",
    "120363144038483540@newsletter",
    "0@s.whatsapp.net",
    "@lid",
    "",
)

_TEXTS = st.text(st.characters(), max_size=20)  # with NUL and halves of surrogate pairs
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | _TEXTS
    | st.sampled_from(("REVOKE", "MESSAGE_EDIT", "a2V5", "183422", *FORMS, *JIDS))
)
_ANY = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from((*KINDS, *FIELDS)) | _TEXTS, inner, max_size=5)
    ),
    max_leaves=20,
)
_BODIES = st.dictionaries(st.sampled_from(FIELDS), _ANY, max_size=4) | _ANY
_MESSAGES = st.dictionaries(st.sampled_from(KINDS), _BODIES, min_size=1, max_size=2) | _ANY
_JIDS = st.sampled_from(JIDS) | _LEAVES
_DATA = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            [
                *("chat", "chat_pn", "chat_lid", "sender", "sender_pn", "sender_lid"),
                *("from", "from_pn", "from_lid", "jid"),
            ],
            _JIDS,
        ),
        **dict.fromkeys(["id", "key", "at_ms", "push_name", "verified_name", "edit"], _LEAVES),
        **dict.fromkeys(["from_me", "group", "video", "edited", "unavailable"], _ANY),
        **dict.fromkeys(["view_once", "vote", "subject", "reason", "join", "leave"], _ANY),
        "mentioned": _ANY,
        "kind": st.sampled_from(("delivered", "read", "played", "sender", "retry")) | _LEAVES,
        "fate": st.sampled_from(("sent", "not_sent", "unknown")) | _LEAVES,
        "ids": st.lists(_LEAVES, max_size=4) | _ANY,
        "keys": st.dictionaries(_TEXTS, _LEAVES, max_size=3) | _ANY,
        "message": _MESSAGES,
    },
)
_STANZA = st.fixed_dictionaries(
    {
        "id": st.just("3A01"),
        "chat": st.sampled_from(JIDS[:4]),
        "sender": st.sampled_from(JIDS[:3]),
        "from_me": st.booleans(),
        "at_ms": st.integers(1, 2**53),
        "push_name": _TEXTS,
    }
)


def told(name: str, data: dict[str, Any]) -> list[Any]:
    found = events(name, data, number="shop", received_at=AT)
    for event in found:
        assert event.number == "shop"
        assert EVENT.validate_json(orjson.dumps(event)) == event
    return found


@given(st.sampled_from(EVENTS) | _TEXTS, _DATA)
def test_whatever_happens_gives_events_that_can_be_stored(name: str, data: dict[str, Any]) -> None:
    found = told(name, data)
    assert found
    if name != "receipt":
        assert len(found) == 1


@given(_STANZA, _MESSAGES)
def test_every_message_gives_exactly_one_event(stanza: dict[str, Any], message: Any) -> None:
    (event,) = told("message", stanza | {"message": message})
    if isinstance(event, SentByPhone):
        assert event.chat.name is None, "our own name is not theirs"


@given(_STANZA, st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_what_somebody_wrote_arrives_as_it_was(stanza: dict[str, Any], body: str) -> None:
    (event,) = told("message", stanza | {"message": {"conversation": body}})
    if isinstance(event, Received | SentByPhone):
        assert event.content == Text(body=body)


@given(_ANY)
def test_tidied_json_can_be_stored_and_stays_as_it_is(value: Any) -> None:
    once = tidy(value)
    assert tidy(once) == once
    assert orjson.loads(orjson.dumps(once)) == once
    assert "\0" not in json.dumps(once)


@pytest.mark.parametrize("deep", [60, 400])
def test_depth_is_cut_before_it_hurts(deep: int) -> None:
    message: Any = {"text": "x"}
    for _ in range(deep):
        message = {"kindOfTomorrow": [message]}
    (event,) = told("message", {"id": "3A01", "chat": JIDS[0], "message": message})
    assert event.content.upstream == "kindOfTomorrow"


def test_a_message_of_megabytes_is_read_and_kept_small() -> None:
    message = {"pollCreationMessage": {"options": [{"optionName": "x" * 99}] * 50_000}}
    (event,) = told("message", {"id": "3A01", "chat": JIDS[0], "message": message})
    assert len(orjson.dumps(event)) < 200_000
