"""Which answer means which failure, and what is certain about it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from bridge.errors import (
    Certainty,
    PeerBroke,
    PeerBusy,
    PeerDown,
    PeerError,
    PeerLocked,
    PeerRefused,
    PeerTimeout,
    Scope,
)
from bridge.errors.catalogue import CODES
from bridge.net.http import Answer
from bridge.typebot.faults import (
    Call,
    CommandUnknown,
    FlowClosed,
    FlowUnknown,
    NotJson,
    SessionGone,
    ViewerUnknown,
    WrongRequest,
    fault,
)
from bridge.typebot.storage_faults import FileRefused, NoStorage, slot_fault, upload_fault

HTML = b"<!DOCTYPE html><title>502 Bad Gateway</title>"
SESSION = "k3f9q0z1x2c4v5b6n7m8a9s0"
ISSUES = [{"code": "invalid_type", "path": ["message"], "message": "Invalid input"}]


def orpc(status, message, **more):
    """An error since 3.15."""
    body = {"defined": True, "code": "X_CODE", "status": status, "message": message, **more}
    return json.dumps(body).encode()


def trpc(_, message, **more):
    """An error before 3.15: issues at the top."""
    issues = more.pop("data", {}).get("issues")
    body = {"message": message, "code": "X_CODE", **({"issues": issues} if issues else {})}
    return json.dumps(body).encode()


def meant(status, body=b"", headers=None, *, call=Call.PROCEED, **options):
    answer = Answer(status=status, headers=CIMultiDict(headers or {}), body=body)
    if call == "slot":
        return slot_fault(answer, secret=SESSION)
    if call == "upload":
        return upload_fault(answer)
    return fault(answer, call=call, **options)


@pytest.mark.parametrize("form", [orpc, trpc])
@pytest.mark.parametrize(
    ("asked", "message", "more", "expected"),
    [
        ((Call.START, 404), "Typebot not found", {}, FlowUnknown),
        ((Call.START, 404), "Something else", {}, FlowUnknown),
        ((Call.PROCEED, 404), "Session not found.", {}, SessionGone),
        ((Call.PROCEED, 404), "Session expired. You need to start anew.", {}, SessionGone),
        ((Call.PROCEED, 404), "Something else", {}, SessionGone),
        ((Call.PROCEED, 404), "Typebot not found", {}, FlowUnknown),
        ((Call.PROCEED, 400), "Missing startParams", {}, SessionGone),
        ((Call.START, 404), "Not found", {}, ViewerUnknown),
        ((Call.PROCEED, 404), "Not found", {}, ViewerUnknown),
        (("slot", 404), "Not found", {}, NoStorage),
        (("slot", 400), "Can't find session", {}, SessionGone),
        ((Call.START, 400), "Fechado. Volte amanhã!", {}, FlowClosed),
        ((Call.START, 403), "This bot is now closed", {}, FlowClosed),
        ((Call.PROCEED, 403), "This bot is now closed", {}, FlowClosed),
        ((Call.START, 400), "Input validation failed", {"data": {"issues": ISSUES}}, WrongRequest),
        (
            (Call.PROCEED, 400),
            "Input validation failed",
            {"data": {"issues": ISSUES}},
            WrongRequest,
        ),
        ((Call.START, 400), "Malformed request. Ensure it", {}, WrongRequest),
        ((Call.START, 400), "Failed to parse request body", {}, WrongRequest),
        ((Call.PROCEED, 400), "Something else", {}, WrongRequest),
        ((Call.PROCEED, 400), "Command event not found", {}, CommandUnknown),
        ((Call.PROCEED, 400), "Provided response is not valid JSON", {}, NotJson),
        ((Call.START, 403), "Origin not allowed", {}, PeerRefused),
        (("slot", 400), "File type exe not allowed", {}, FileRefused),
        (("slot", 400), "Current block does not expect file upload", {}, FileRefused),
        (("slot", 400), "Input validation failed", {"data": {"issues": ISSUES}}, WrongRequest),
        (("slot", 500), "S3 not properly configured. Missing one", {}, NoStorage),
    ],
)
def test_what_typebot_says_in_both_forms(form, asked, message, more, expected):
    call, status = asked
    error = meant(status, form(status, message, **more), call=call)
    assert type(error) is expected
    assert error.certainty is Certainty.NOT_DONE
    assert error.cause in CODES


@pytest.mark.parametrize(
    ("status", "body", "expected", "cause"),
    [
        pytest.param(302, b"", PeerLocked, "typebot.redirect", id="moved"),
        pytest.param(400, HTML, WrongRequest, "typebot.refused", id="a page"),
        pytest.param(401, HTML, PeerLocked, "typebot.unauthorized", id="password"),
        pytest.param(403, HTML, PeerLocked, "typebot.firewall", id="firewall"),
        pytest.param(404, b"Not found", ViewerUnknown, "typebot.not_viewer", id="no path"),
        pytest.param(404, HTML, PeerDown, "typebot.not_typebot", id="the proxy's 404"),
        pytest.param(
            404, b"404 page not found\n", PeerDown, "typebot.not_typebot", id="a proxy's text"
        ),
        pytest.param(404, b"", PeerDown, "typebot.not_typebot", id="empty 404"),
        pytest.param(408, b"", PeerTimeout, "typebot.timeout", id="too long"),
        pytest.param(413, HTML, WrongRequest, "typebot.refused", id="too large"),
        pytest.param(418, b"", WrongRequest, "typebot.refused", id="odd refusal"),
        pytest.param(429, b"slow down", PeerBusy, "typebot.busy", id="busy"),
        pytest.param(500, b"", PeerBroke, "typebot.broke", id="crash"),
        pytest.param(502, HTML, PeerBroke, "typebot.broke", id="gateway"),
        pytest.param(503, HTML, PeerDown, "typebot.unavailable", id="not there"),
        pytest.param(504, HTML, PeerBroke, "typebot.broke", id="gateway time-out"),
        pytest.param(599, b"", PeerBroke, "typebot.broke", id="odd"),
    ],
)
@pytest.mark.parametrize("call", [Call.START, Call.PROCEED, Call.OTHER])
def test_what_an_answer_means(call, status, body, expected, cause):
    error = meant(status, body, call=call)
    assert (type(error), error.cause) == (expected, cause)
    unknown = expected in {PeerBroke, PeerTimeout}
    assert (error.certainty is Certainty.UNKNOWN) is unknown
    assert cause in CODES


@pytest.mark.parametrize(
    ("status", "expected"),
    [(403, NoStorage), (404, NoStorage), (413, FileRefused), (429, PeerBusy), (500, PeerBroke)],
)
def test_what_a_storage_answers(status, expected):
    error = meant(status, b"<Error><Message>secret key</Message></Error>", call="upload")
    assert type(error) is expected
    assert error.cause in CODES
    assert "secret" not in str(error)


def test_a_server_without_slots_has_no_storage():
    assert type(meant(404, b"Not found", call="slot")) is NoStorage


def test_a_closed_flow_carries_its_own_text():
    error = meant(400, orpc(400, "Estamos fechados.\nVolte às 9h."), call=Call.START)
    assert isinstance(error, FlowClosed)
    assert error.notice == "Estamos fechados.\nVolte às 9h."
    assert "Estamos" not in str(error)


def test_an_error_of_one_flow_is_not_that_of_the_server():
    own = meant(500, orpc(500, "Internal server error"))
    assert (own.scope, meant(500, HTML).scope) == (Scope.ACCOUNT, Scope.SERVER)


def test_how_long_to_wait_is_taken_over():
    assert meant(429, b"", {"Retry-After": "7"}).retry_after == 7
    assert meant(503, b"", {"Retry-After": "9"}).retry_after == 9


def test_both_reasons_for_a_missing_path_are_named():
    told = str(meant(404, b"Not found", call=Call.START))
    assert "viewer" in told
    assert "2.19.1" in told


@pytest.mark.parametrize("status", [400, 405, 415])
def test_a_refusal_that_is_not_typebots_says_where_to_look(status):
    assert "viewer" in (meant(status, HTML, call=Call.START).advice or "")
    assert meant(status, orpc(status, "Something else"), call=Call.PROCEED).advice is None


def test_a_quotation_is_short_one_line_and_without_the_session():
    said = f"\u202eBad\n{SESSION} " + "x" * 5000
    told = str(meant(400, orpc(400, said), secret=SESSION))
    assert SESSION not in told
    assert "“Bad *** x" in told
    assert "\n" not in told
    assert len(told) < 400


def test_pages_are_never_quoted():
    assert "DOCTYPE" not in str(meant(400, HTML))


@given(
    st.integers(300, 599),
    st.binary(max_size=40)
    | st.dictionaries(st.sampled_from(["message", "code", "data", "issues"]), st.text() | st.none())
    .map(json.dumps)
    .map(str.encode),
    st.sampled_from([*Call, "slot", "upload"]),
)
def test_every_refusal_is_an_error_that_people_can_read(status, body, call):
    error = meant(status, body, call=call)
    assert isinstance(error, PeerError)
    assert str(error)
    assert error.cause in CODES
