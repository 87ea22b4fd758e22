"""Signatures and the parser against forgers, replays and mutated bodies."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.chatwoot.webhook import (
    ConversationChanged,
    MessageCreated,
    MessageUpdated,
    Other,
    Typing,
    UnreadableDelivery,
    Verdict,
    parse,
    verify,
)

SECRET = "invented-secret"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parents[2] / "contract" / "chatwoot"
WEBHOOKS = [
    json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(SAMPLES.glob("webhook-*.json"))
    if "headers" not in path.stem
]


def signed(body, *, secret=SECRET, at=NOW):
    stamp = str(int(at.timestamp()))
    mac = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Chatwoot-Timestamp": stamp, "X-Chatwoot-Signature": f"sha256={mac}"}


def test_a_right_signature_verifies_whatever_the_case_of_the_headers():
    headers = {name.lower(): value for name, value in signed(b"{}").items()}
    assert verify(b"{}", headers, SECRET, now=NOW) is Verdict.VALID


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        pytest.param(0, Verdict.VALID, id="now"),
        pytest.param(300, Verdict.VALID, id="at the limit"),
        pytest.param(-300, Verdict.VALID, id="clock ahead, at the limit"),
        pytest.param(301, Verdict.STALE, id="too old"),
        pytest.param(-301, Verdict.STALE, id="from the future"),
    ],
)
def test_a_signature_is_good_for_five_minutes(age, expected):
    headers = signed(b"{}", at=NOW - timedelta(seconds=age))
    assert verify(b"{}", headers, SECRET, now=NOW) is expected


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"X-Chatwoot-Signature": "sha256=" + "0" * 64}, id="wrong mac"),
        pytest.param({"X-Chatwoot-Signature": "0" * 64}, id="no prefix"),
        pytest.param({"X-Chatwoot-Signature": ""}, id="empty mac"),
        pytest.param({"X-Chatwoot-Signature": "sha256=é\udcff"}, id="not ASCII"),
        pytest.param({"X-Chatwoot-Timestamp": "1"}, id="another time"),
        pytest.param({"X-Chatwoot-Timestamp": "soon"}, id="no number"),
        pytest.param({"X-Chatwoot-Timestamp": "9" * 5000}, id="huge"),
        pytest.param({"X-Chatwoot-Timestamp": "١٢٣"}, id="Arabic digits"),
        pytest.param({"X-Chatwoot-Timestamp": ""}, id="no time"),
    ],
)
def test_a_forged_signature_is_wrong(change):
    assert verify(b"{}", {**signed(b"{}"), **change}, SECRET, now=NOW) is Verdict.WRONG


def test_a_wrong_signature_is_wrong_and_not_stale_when_it_is_old():
    headers = signed(b"{}", secret="guess", at=NOW - timedelta(days=1))
    assert verify(b"{}", headers, SECRET, now=NOW) is Verdict.WRONG


def test_an_empty_secret_never_verifies():
    assert verify(b"{}", signed(b"{}", secret=""), "", now=NOW) is Verdict.WRONG


def test_half_a_signature_is_wrong_and_none_is_missing():
    headers = signed(b"{}")
    for name in headers:
        assert verify(b"{}", {name: headers[name]}, SECRET, now=NOW) is Verdict.WRONG
    assert verify(b"{}", {}, SECRET, now=NOW) is Verdict.MISSING


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff\xfe", b"[" * 5000]
)
def test_what_is_no_json_object_is_unreadable(body):
    with pytest.raises(UnreadableDelivery) as raised:
        parse(body)
    assert raised.value.cause == "chatwoot.unreadable_delivery"


def message(**changes):
    body = {
        "event": "message_created",
        "id": 5,
        "created_at": "2026-11-21T12:00:00.000Z",
        "message_type": "outgoing",
        "content": "Olá",
        "account": {"id": 1},
        "inbox": {"id": 7},
        "sender": {"id": 3, "name": "Lia Prado", "type": "user"},
        "conversation": {"id": 112, "meta": {}},
    }
    return parse(json.dumps({**body, **changes}).encode())


def test_the_display_name_is_taken_only_from_the_same_message():
    def shown(identity):
        entry = {"id": identity, "status": "failed", "sender": {"available_name": "Lia"}}
        return message(conversation={"id": 112, "messages": [{"id": 4}, entry]})

    assert (shown(5).sender_name, shown(5).message.status) == ("Lia", "failed")
    assert (shown(6).sender_name, shown(6).message.status) == ("Lia Prado", None)


def test_the_display_name_is_also_taken_from_another_message_of_the_same_agent():
    def shown(person):
        entry = {"id": 4, "sender": {"available_name": "Lia", "type": "user", **person}}
        event = message(conversation={"id": 112, "messages": [entry]})
        return event.display_name, event.sender_name

    assert shown({"id": 3}) == ("Lia", "Lia")
    assert shown({"id": 4}) == (None, "Lia Prado")
    assert shown({"id": 3, "type": "agent_bot"}) == (None, "Lia Prado")
    assert shown({"id": 3, "available_name": None}) == (None, "Lia Prado")


def test_the_display_name_is_also_taken_from_the_assignee_when_it_is_the_same_agent():
    def shown(identity):
        assignee = {"id": identity, "available_name": "Lia", "type": "user"}
        return message(conversation={"id": 112, "meta": {"assignee": assignee}}).sender_name

    assert (shown(3), shown(4)) == ("Lia", "Lia Prado")


def test_attachments_of_another_message_are_never_taken():
    stray = {"id": 5, "content": "stray", "attachments": [{"id": 1, "data_url": "https://x/y"}]}
    event = message(conversation={"id": 112, "messages": [stray]})
    assert event.message.attachments == ()
    assert event.message.content == "Olá"


def test_an_event_without_its_ids_says_so():
    assert message(id=None) == Other(event="message_created", account_id=1, why="no message id")
    assert message(conversation=None).why == "no conversation id"
    assert parse(b'{"event":"conversation_updated"}').why == "no conversation id"
    assert parse(b'{"event":"conversation_typing_on"}').why == "no conversation id"
    assert parse(b'{"event":["x"]}') == Other(event="", account_id=None, why="not used")


@pytest.mark.parametrize("identity", [True, 0, -1, 2**63, 5.0, "5x", "٥", "", [5]])
def test_what_is_no_id_is_none(identity):
    assert message(id=identity).why == "no message id"


@pytest.mark.parametrize("identity", [5, "5", 2**63 - 1])
def test_an_id_may_be_spelled_as_a_string(identity):
    assert message(id=identity).message.id == int(identity)


def test_nobody_assigned_differs_from_not_told():
    def changed(meta):
        return parse(json.dumps({"event": "conversation_updated", "id": 9, "meta": meta}).encode())

    assert (changed({}).tells_assignee, changed({}).conversation.assignee_id) == (False, None)
    nobody = changed({"assignee": None})
    assert (nobody.tells_assignee, nobody.conversation.assignee_id) == (True, None)
    somebody = changed({"assignee": {"id": 5}})
    assert (somebody.tells_assignee, somebody.conversation.assignee_id) == (True, 5)


@pytest.mark.parametrize(
    "meta",
    [
        pytest.param({"assignee": {"id": 9, "name": "Fluxo", "type": "agent_bot"}}, id="webhook"),
        pytest.param({"assignee": {"id": 9}, "assignee_type": "AgentBot"}, id="REST"),
    ],
)
def test_an_agent_bot_that_has_a_conversation_is_nobody(meta):
    """Newer servers assign conversations to agent bots, whose ids are no agents'."""
    body = {"event": "conversation_updated", "id": 9, "meta": meta}
    told = parse(json.dumps(body).encode())
    assert (told.tells_assignee, told.conversation.assignee_id) == (True, None)


@pytest.mark.parametrize(
    ("spelled", "seconds"),
    [
        (1793709611.5, 1793709611.5),
        (1793709611, 1793709611.0),
        ("2026-11-03T12:40:11.500Z", 1793709611.5),
        ("2026-11-03T09:40:11.500-03:00", 1793709611.5),
        ("2026-11-03T12:40:11.500", 1793709611.5),
        ("yesterday", None),
        (0, None),
        (True, None),
        (1e300, None),
        ([], None),
    ],
)
def test_updated_at_may_be_a_number_or_a_date(spelled, seconds):
    event = message(conversation={"id": 112, "updated_at": spelled})
    assert event.conversation_updated_at == seconds


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def places(value, path=()):
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))
        else:
            yield (*path, key)


def mutated(value, path, new):
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = mutated(value[path[0]], path[1:], new)
    return copy


@st.composite
def mutants(draw):
    body = draw(st.sampled_from(WEBHOOKS))
    for _ in range(draw(st.integers(1, 4))):
        if isinstance(body, dict):
            body = mutated(body, draw(st.sampled_from(sorted(places(body), key=str))), draw(JSON))
    return body


@given(mutants())
def test_a_mutated_delivery_never_crashes_the_parser(body):
    raw = json.dumps(body).encode()
    try:
        event = parse(raw)
    except UnreadableDelivery:
        return
    assert isinstance(event, MessageCreated | MessageUpdated | ConversationChanged | Typing | Other)
    assert isinstance(getattr(event, "conversation_id", 1), int)


@given(st.binary(max_size=60))
def test_random_bytes_never_crash_the_parser(raw):
    try:
        parse(raw)
    except UnreadableDelivery:
        return


@given(st.binary(max_size=40), st.text(max_size=90), st.text(max_size=20), st.text(max_size=20))
def test_random_headers_never_verify_and_never_crash(body, signature, stamp, secret):
    headers = {"x-chatwoot-signature": signature, "x-chatwoot-timestamp": stamp}
    assert verify(body, headers, secret, now=NOW) is Verdict.WRONG
