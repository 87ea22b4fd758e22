"""Which answer means which failure, told by status and shape and never by text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from bridge.chatwoot.faults import ChatwootInvalid, ChatwootTooOld, fault
from bridge.errors import (
    Certainty,
    PeerBroke,
    PeerBusy,
    PeerDown,
    PeerError,
    PeerGone,
    PeerLocked,
    PeerRefused,
    Scope,
)
from bridge.net.http import Answer

HTML = b"<!DOCTYPE html><title>502 Bad Gateway</title>"
CRASH = b'{"status":500,"error":"Internal Server Error"}'


def meant(status, body=b"", headers=None, **options):
    headers = CIMultiDict(headers or {})
    return fault(Answer(status=status, headers=headers, body=body), **options)


@pytest.mark.parametrize(
    ("status", "body", "expected", "cause"),
    [
        pytest.param(301, b"", PeerLocked, "chatwoot.redirect", id="moved"),
        pytest.param(304, b"", PeerLocked, "chatwoot.redirect", id="not modified"),
        pytest.param(400, b"{}", PeerRefused, "chatwoot.refused", id="bad request"),
        pytest.param(401, HTML, PeerLocked, "chatwoot.unauthorized", id="proxy password"),
        pytest.param(402, b'{"error":"x"}', PeerLocked, "chatwoot.plan", id="plan"),
        pytest.param(403, b'{"error":"x"}', PeerRefused, "chatwoot.forbidden", id="forbidden"),
        pytest.param(403, HTML, PeerLocked, "chatwoot.firewall", id="firewall"),
        pytest.param(404, b"", PeerGone, "chatwoot.gone", id="empty 404"),
        pytest.param(404, b'{"error":"x"}', PeerGone, "chatwoot.gone", id="no record"),
        pytest.param(404, HTML, PeerDown, "chatwoot.not_chatwoot", id="the proxy's 404"),
        pytest.param(408, b"", PeerBroke, "chatwoot.broke", id="request time-out"),
        pytest.param(413, HTML, PeerRefused, "chatwoot.too_large", id="too large"),
        pytest.param(422, HTML, ChatwootInvalid, "chatwoot.invalid", id="no JSON"),
        pytest.param(429, b"Retry later\n", PeerBusy, "chatwoot.busy", id="busy"),
        pytest.param(500, CRASH, PeerBroke, "chatwoot.broke", id="crash"),
        pytest.param(502, HTML, PeerBroke, "chatwoot.broke", id="gateway"),
        pytest.param(599, b"", PeerBroke, "chatwoot.broke", id="odd"),
    ],
)
def test_what_an_answer_means(status, body, expected, cause):
    error = meant(status, body)
    assert (type(error), error.cause) == (expected, cause)
    assert (error.certainty is Certainty.UNKNOWN) == (expected is PeerBroke)


def test_a_route_that_rails_does_not_know_is_gone_and_not_a_proxy():
    error = meant(404, HTML, {"X-Runtime": "0.004"})
    assert (type(error), error.cause) == (ChatwootTooOld, "chatwoot.no_route")


def test_texts_in_portuguese_mean_the_same():
    error = meant(
        422, '{"message":"Telefone já está em uso","attributes":["phone_number"]}'.encode()
    )
    assert isinstance(error, ChatwootInvalid)
    assert error.attributes == ("phone_number",)
    assert "Telefone já está em uso" in str(error)


def test_a_crash_that_only_this_call_meets_has_scope_one():
    assert meant(500, CRASH, server_error=Scope.ONE).scope is Scope.ONE
    assert meant(500, CRASH).scope is Scope.SERVER
    assert meant(502, HTML, server_error=Scope.ONE).scope is Scope.SERVER


def test_retry_after_is_honoured():
    assert meant(429, b"", {"Retry-After": "17"}).retry_after == 17
    assert meant(503, b"", {"Retry-After": "17"}).retry_after == 17


def test_a_quotation_is_short_clean_and_without_our_token():
    said = "tok-123 " + "\\u202ea\\u0000\\n" * 300
    error = meant(401, f'{{"error":"{said}"}}'.encode(), secret="tok-123")
    assert "tok-123" not in str(error)
    assert "*** " in str(error)
    assert error.message.isprintable()
    assert len(error.message) < 300


def test_html_is_never_quoted():
    assert "Bad Gateway" not in str(meant(502, HTML))
    assert "DOCTYPE" not in str(meant(401, HTML))


@given(st.integers(100, 999), st.binary(max_size=80))
def test_any_answer_has_a_meaning(status, body):
    assert isinstance(meant(status, body), PeerError)


@pytest.mark.parametrize(
    "body",
    [b'{"attributes":5}', b'{"attributes":[1,{}],"message":[]}', b'{"error":{}}', b"[]", b"1"],
)
def test_misshapen_refusals_are_still_refusals(body):
    error = meant(422, body)
    assert isinstance(error, ChatwootInvalid)
    assert error.attributes == ()
