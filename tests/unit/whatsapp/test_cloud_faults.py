"""Meta's error codes, one by one: the table of whatsapp-channels.md A.10."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from bridge.core.message import UpstreamFault
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
    Remedy,
    Scope,
)
from bridge.locale import LANGUAGES, failure
from bridge.net.http import Answer
from bridge.whatsapp.cloud.faults import from_answer, from_status, is_expired_media

SAMPLES = Path(__file__).parents[2] / "contract" / "whatsapp" / "cloud"

TABLE: list[tuple[type[PeerError], str, Scope, tuple[int, ...]]] = [
    (PeerLocked, "token", Scope.ACCOUNT, (0, 190)),
    (PeerLocked, "permission", Scope.ACCOUNT, (3, 10, 200, 230, 299, 131005)),
    (PeerBusy, "rate", Scope.ACCOUNT, (4, 80007, 130429)),
    (PeerBusy, "pair_rate", Scope.ONE, (131056,)),
    (PeerBroke, "service", Scope.SERVER, (1, 2, 131016, 133004)),
    (PeerBroke, "service", Scope.ONE, (131000,)),
    (PeerBroke, "service", Scope.ACCOUNT, (131057,)),
    (PeerLocked, "quality", Scope.ACCOUNT, (131048, 131064)),
    (PeerLocked, "account", Scope.ACCOUNT, (368, 131031)),
    (PeerLocked, "country", Scope.ONE, (130497,)),
    (PeerRefused, "window", Scope.ONE, (131047,)),
    (PeerRefused, "recipient", Scope.ONE, (131026, 131062, 130403, 130472)),
    (PeerRefused, "opted_out", Scope.ONE, (131050,)),
    (PeerRefused, "test_number", Scope.ONE, (131030,)),
    (PeerRefused, "marketing_cap", Scope.ONE, (131049,)),
    (PeerRefused, "request", Scope.ONE, (33, 100, 131008, 131009, 131021, 131051, 135000)),
    (PeerRefused, "media", Scope.ONE, (131052, 131053)),
    (PeerRefused, "template", Scope.ONE, (132008, 132068, 132069)),
    (PeerRefused, "template_unknown", Scope.ONE, (132001,)),
    (PeerRefused, "template_parameters", Scope.ONE, (132000, 132005, 132012, 132018)),
    (PeerRefused, "template_paused", Scope.ONE, (132007, 132015, 132016)),
    (PeerLocked, "registration", Scope.ACCOUNT, (131037, 131045, 133000, 133005, 133006)),
    (PeerLocked, "registration", Scope.ACCOUNT, (133008, 133009, 133010, 133015, 133016)),
    (PeerLocked, "payment", Scope.ACCOUNT, (131042,)),
    (PeerRefused, "identity", Scope.ONE, (137000,)),
    (PeerRefused, "history", Scope.ONE, (2593107, 2593108, 2593109)),
    (PeerRefused, "group", Scope.ONE, (131200, 131250, 131299)),
]
ROWS = [
    pytest.param(code, error, f"whatsapp.{cause}", scope, id=str(code))
    for error, cause, scope, codes in TABLE
    for code in codes
]


def answer(status: int = 400, headers: dict[str, str] | None = None, **error: Any) -> Answer:
    return Answer(
        status=status,
        headers=CIMultiDict(headers or {}),
        body=orjson.dumps({"error": error}) if error else b"<html>",
    )


@pytest.mark.parametrize(("code", "error", "cause", "scope"), ROWS)
@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_the_code_decides_whatever_the_status(
    code: int, error: type[PeerError], cause: str, scope: Scope, status: int
) -> None:
    met = from_answer(answer(status, code=code, error_data={"details": "Because of that."}))
    assert (type(met), met.cause, met.scope) == (error, cause, scope)
    assert str(code) in str(met)
    assert ("Because of that." in str(met)) is (cause != "whatsapp.token")


@pytest.mark.parametrize(("code", "error", "cause", "scope"), ROWS)
def test_a_failed_status_means_the_same_but_is_certain(
    code: int, error: type[PeerError], cause: str, scope: Scope
) -> None:
    met = from_status(UpstreamFault(code=str(code), title="Title", detail="Because of that."))
    assert met.cause == cause
    assert met.certainty is Certainty.NOT_DONE
    assert type(met) is (PeerDown if error is PeerBroke else error)
    assert met.scope is (Scope.ONE if error is PeerBroke else scope)


@pytest.mark.parametrize(("code", "error", "cause", "scope"), ROWS)
def test_what_needs_a_person_says_what_to_do(
    code: int, error: type[PeerError], cause: str, scope: Scope
) -> None:
    met = from_answer(answer(code=code))
    if met.remedy is Remedy.PERSON:
        assert met.advice


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (999999, PeerBroke),
        (100, PeerBroke),
        (190, PeerBroke),
        (131056, PeerBusy),
        (None, PeerBroke),
    ],
)
def test_what_meta_calls_transient_is_never_final(code: int | None, error: type[PeerError]) -> None:
    assert type(from_answer(answer(code=code, is_transient=True))) is error


@pytest.mark.parametrize(
    ("status", "error", "cause"),
    [
        (200, PeerBroke, "whatsapp.service"),
        (302, PeerBroke, "whatsapp.service"),
        (400, PeerRefused, "whatsapp.request"),
        (401, PeerLocked, "whatsapp.token"),
        (403, PeerLocked, "whatsapp.permission"),
        (404, PeerGone, "whatsapp.not_found"),
        (408, PeerBroke, "whatsapp.service"),
        (413, PeerRefused, "whatsapp.media"),
        (429, PeerBusy, "whatsapp.rate"),
        (500, PeerBroke, "whatsapp.service"),
        (503, PeerBroke, "whatsapp.service"),
    ],
)
@pytest.mark.parametrize("told", [{}, {"code": 987654}, {"code": "junk", "message": "No"}])
def test_an_unknown_code_is_judged_by_the_status(
    status: int, error: type[PeerError], cause: str, told: dict[str, Any]
) -> None:
    met = from_answer(answer(status, **told))
    assert (type(met), met.cause) == (error, cause)


def test_the_sample_of_a_pair_rate_limit() -> None:
    body = (SAMPLES / "api_error_131056_pair_rate.json").read_bytes()
    met = from_answer(Answer(status=400, headers={}, body=body))
    assert (type(met), met.scope, met.certainty) == (PeerBusy, Scope.ONE, Certainty.NOT_DONE)
    assert "too many messages" in str(met)


def test_meta_may_ask_for_a_pause() -> None:
    assert from_answer(answer(429, {"retry-after": "12"}, code=130429)).retry_after == 12


@pytest.mark.parametrize("code", [190, 100, 555])
def test_a_token_that_meta_quotes_is_not_shown(code: int) -> None:
    token = "EAAJZC0exampleToken0123456789"
    met = from_answer(answer(401, code=code, message=f"Malformed access token {token}"))
    assert token not in str(met)


def test_long_words_of_meta_are_cut() -> None:
    assert len(str(from_answer(answer(code=100, message="much ado " * 1000)))) < 500


@pytest.mark.parametrize("code", ["", "unknown", "-3", "²", "9" * 99])
def test_a_failed_status_with_a_strange_code_is_final(code: str) -> None:
    met = from_status(UpstreamFault(code=code, title="Odd"))
    assert (type(met), met.cause) == (PeerRefused, "whatsapp.refused")
    assert "Odd" in str(met)


@pytest.mark.parametrize(
    ("given", "expired"),
    [
        (answer(400, code=100, error_subcode=33), True),
        (answer(400, code=100), False),
        (answer(404), True),
        (answer(404, code=190), False),
        (answer(500), False),
    ],
)
def test_an_expired_file_is_known_by_code_and_subcode(given: Answer, expired: bool) -> None:
    assert is_expired_media(given) is expired


@given(st.binary(max_size=60), st.integers(200, 599))
def test_no_answer_breaks_the_faults(body: bytes, status: int) -> None:
    assert isinstance(from_answer(Answer(status=status, headers={}, body=body)), BridgeError)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "code", "message", "error_data", "details", "is_transient"]),
            inner,
            max_size=6,
        )
    ),
)


@given(JSON, st.integers(200, 599))
def test_no_error_body_breaks_the_faults(told: object, status: int) -> None:
    body = orjson.dumps({"error": told})
    assert isinstance(from_answer(Answer(status=status, headers={}, body=body)), BridgeError)


#: What an agent can do something about; the others are told in Meta's own words.
TOLD = (
    *(131047, 131026, 131030, 131049, 131050, 131053, 132000, 132001, 132005, 132007, 132008),
    *(132012, 132015, 132016, 132018, 132068, 131042, 131048, 131031, 368, 130497),
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", TOLD)
def test_agents_read_in_their_language_what_to_do(code: int, language: str) -> None:
    met = from_status(UpstreamFault(code=str(code), title="Title"))
    text = failure(language, met.cause, "?")
    assert text not in {"?", failure(language, "whatsapp.refused", "?")}
    assert "{" not in text
