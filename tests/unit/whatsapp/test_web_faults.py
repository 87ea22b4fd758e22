"""A worker's failures: what they mean, what is certain, and what helps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import (
    BridgeError,
    Certainty,
    PeerBroke,
    PeerBusy,
    PeerDown,
    PeerError,
    PeerGone,
    PeerLocked,
    PeerRefused,
    PeerTimeout,
    Remedy,
    Scope,
    TooBig,
)
from bridge.errors.catalogue import CODES
from bridge.locale import LANGUAGES, failure
from bridge.whatsapp.web.faults import from_error, lost, no_pairing_code
from bridge.whatsapp.web.worker.failures import refusal_in


def error(code: str, **more: Any) -> dict[str, Any]:
    return {"code": code, "message": "", "certainty": "not_done", "passing": False, **more}


@pytest.mark.parametrize(
    ("told", "kind", "cause", "scope"),
    [
        (error("not_connected"), PeerDown, "whatsapp.disconnected", Scope.ACCOUNT),
        (error("not_logged_in"), PeerLocked, "whatsapp.logged_out", Scope.ACCOUNT),
        (error("timeout", certainty="unknown"), PeerTimeout, "whatsapp.timeout", Scope.ACCOUNT),
        (error("refused", number=479), PeerRefused, "whatsapp.refused", Scope.ONE),
        (error("refused"), PeerRefused, "whatsapp.refused", Scope.ONE),
        (error("refused", number=429), PeerBusy, "whatsapp.rate", Scope.ACCOUNT),
        (error("refused", number=463), PeerRefused, "whatsapp.restricted", Scope.ONE),
        (error("refused", number=403), PeerRefused, "whatsapp.forbidden", Scope.ONE),
        (error("refused", number=503), PeerBroke, "whatsapp.service", Scope.ONE),
        (error("refused", number=475, passing=True), PeerBroke, "whatsapp.service", Scope.ONE),
        (error("not_on_whatsapp"), PeerRefused, "whatsapp.not_on_whatsapp", Scope.ONE),
        (error("gone"), PeerGone, "whatsapp.media_gone", Scope.ONE),
        (error("too_big"), PeerRefused, "whatsapp.media", Scope.ONE),
        (error("bad_request"), PeerRefused, "whatsapp.request", Scope.ONE),
        (error("no_engine"), PeerLocked, "whatsapp.no_engine", Scope.SERVER),
        (error("locked"), PeerDown, "whatsapp.session_locked", Scope.ACCOUNT),
        (error("broken"), PeerLocked, "whatsapp.session_broken", Scope.ACCOUNT),
        (error("failed", passing=True), PeerBroke, "whatsapp.engine", Scope.ONE),
        (error("failed", certainty="unknown"), PeerBroke, "whatsapp.engine", Scope.ONE),
        pytest.param(
            error("failed"),
            PeerRefused,
            "whatsapp.engine",
            Scope.ONE,
            id="certainly not done, and no use to repeat",
        ),
        (error("of tomorrow", passing=True), PeerBroke, "whatsapp.engine", Scope.ONE),
    ],
)
def test_what_a_failure_means(
    told: dict[str, Any], kind: type[PeerError], cause: str, scope: Scope
) -> None:
    made = from_error(told, op="send")
    assert type(made) is kind
    assert (made.cause, made.scope) == (cause, scope)
    assert made.certainty == told["certainty"]
    assert cause in CODES


@pytest.mark.parametrize(
    ("certainty", "expected"),
    [
        ("not_done", Certainty.NOT_DONE),
        ("unknown", Certainty.UNKNOWN),
        (None, Certainty.UNKNOWN),
        ("perhaps", Certainty.UNKNOWN),
        ([], Certainty.UNKNOWN),
    ],
)
def test_what_is_not_said_to_be_certain_is_not(certainty: object, expected: Certainty) -> None:
    assert from_error(error("timeout", certainty=certainty)).certainty is expected
    assert from_error(error("failed", certainty=certainty)).certainty is expected


def test_a_refusal_may_be_uncertain_too() -> None:
    made = from_error(error("not_connected", certainty="unknown"), op="send")
    assert made.certainty is Certainty.UNKNOWN


def test_a_download_that_is_too_large_is_no_fault_of_whatsapp() -> None:
    assert type(from_error(error("too_big"), op="download")) is TooBig


def test_a_refusal_names_its_number_and_never_that_of_a_person() -> None:
    made = from_error(error("refused", number=479, message="server returned error 479"))
    assert str(made) == "WhatsApp refuses the message. (error 479)"
    words = "can't send to 5511987650001:7@s.whatsapp.net"
    made = from_error(error("failed", message=words, passing=True))
    assert "5511987650001" not in str(made)
    assert "can't send to …:7@s.whatsapp.net" in str(made)


def test_a_worker_that_is_gone_leaves_only_a_send_in_doubt() -> None:
    sent = lost("send")
    assert (sent.certainty, sent.remedy) == (Certainty.UNKNOWN, Remedy.RETRY)
    assert sent.cause == "whatsapp.engine"
    asked = lost("check")
    assert (asked.certainty, asked.remedy) == (Certainty.NOT_DONE, Remedy.RETRY)
    assert (asked.cause, asked.scope) == ("whatsapp.disconnected", Scope.ACCOUNT)


@pytest.mark.parametrize(
    "cause",
    [
        "channel.disconnected",
        "whatsapp.disconnected",
        "whatsapp.forbidden",
        "whatsapp.logged_out",
        "whatsapp.media",
        "whatsapp.not_on_whatsapp",
        "whatsapp.refused",
        "whatsapp.restricted",
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_agent_reads_why_in_their_language(cause: str, language: str) -> None:
    assert failure(language, cause, "") != ""


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "code": st.sampled_from(["refused", "failed", "too_big", "gone", "locked"]) | _JSON,
            "message": _JSON,
            "certainty": st.sampled_from(["not_done", "unknown"]) | _JSON,
            "passing": _JSON,
            "number": _JSON,
        },
    ),
    st.sampled_from(["send", "download", "check", ""]),
)
def test_any_answer_is_some_failure_of_ours(told: dict[str, Any], op: str) -> None:
    made = from_error(told, op=op)
    assert isinstance(made, BridgeError)
    assert made.cause in CODES
    assert len(str(made)) < 500


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"code": "refused", "number": 429}, "Wait some hours"),
        ({"code": "refused", "number": 400}, "with its country code"),
        ({"code": "refused", "number": 503, "message": "status 503"}, "status 503. Ask again"),
        ({"code": "failed", "message": "of 5511987650001, no"}, "of …, no. Ask again"),
        ({}, "gave no pairing code. Ask again"),
    ],
)
def test_why_there_is_no_pairing_code_comes_with_a_way_on(told: dict[str, Any], words: str) -> None:
    assert words in no_pairing_code(told)
    assert "QR code" in no_pairing_code(told)


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("Client outdated (405) connect failure (client version: 2.3000.1)", 405),
        ("Got 503/ connect failure, assuming automatic reconnect will handle it", 503),
        ('Unknown connect failure: <failure location="vll" reason="409"/>', 409),
        ('Temporary ban connect failure: <failure code="101" expire="7200" reason="402"/>', 402),
        ("Failed to delete store after 403 failure: device JID must be known", 403),
        ("Error reading from websocket: failed to get reader: EOF", None),
        ("Got 50 messages", None),
    ],
)
def test_a_refused_login_is_found_in_the_log_of_the_engine(line: str, number: int | None) -> None:
    assert refusal_in(line) == number
