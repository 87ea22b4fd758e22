from __future__ import annotations

import logging
import re

import pytest
import structlog
from structlog.testing import capture_logs


def assert_is_envelope(body, status):
    assert set(body) == {"status", "error", "response"}
    assert body["status"] == status
    assert isinstance(body["error"], str)
    assert set(body["response"]) == {"message", "code"}
    messages = body["response"]["message"]
    assert messages
    assert all(isinstance(message, str) and message for message in messages)
    assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", body["response"]["code"])


async def test_an_unknown_route_is_told_as_evolution_does(client):
    async with client.get("/nowhere/at%20all?token=abc") as answer:
        body = await answer.json()
    assert answer.status == 404
    assert body == {
        "status": 404,
        "error": "Not Found",
        "response": {"message": ["Cannot GET /nowhere/at%20all"], "code": "route.unknown"},
    }


async def test_a_wrong_method_names_the_right_ones(client):
    async with client.delete("/echo") as answer:
        body = await answer.json()
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST, PUT"
    assert_is_envelope(body, 405)
    assert body["response"]["message"] == ["Cannot DELETE /echo", "Allowed: POST, PUT"]


async def test_a_very_long_path_is_not_echoed_in_full(client):
    async with client.get("/" + "x" * 5000) as answer:
        body = await answer.json()
    assert answer.status == 404
    assert len(body["response"]["message"][0]) <= 300


@pytest.mark.parametrize(
    ("how", "status", "code", "message"),
    [
        ("locked", 502, "chatwoot.invalid_token", "Chatwoot rejected the token. Make a new one."),
        ("busy", 502, "peer.busy", "Chatwoot asks us to wait."),
        ("address", 400, "net.forbidden_address", "10.0.0.1 is private. allowed_private_hosts"),
        ("big", 413, "net.too_big", "The file is too large."),
        ("full", 503, "store.busy", "Try again later."),
        ("unnamed", 500, "odd", "Something with a name."),
        ("surrogate", 404, "request.not_found", "no ? here"),
    ],
)
async def test_a_failure_with_a_name_is_told_with_it(client, how, status, code, message):
    async with client.get(f"/fail/{how}") as answer:
        body = await answer.json()
    assert answer.status == status
    assert_is_envelope(body, status)
    assert body["response"] == {"message": [message], "code": code}


async def test_how_long_to_wait_is_a_header(client):
    async with client.get("/fail/busy") as answer:
        assert answer.headers["Retry-After"] == "3"


@pytest.mark.parametrize("how", ["crash", "timeout", "connection"])
async def test_a_crash_tells_its_trace_and_nothing_else(client, how):
    with capture_logs() as logs:
        async with client.get(f"/fail/{how}", headers={"X-Request-Id": "abc-1"}) as answer:
            text = await answer.text()
            body = await answer.json()
    assert answer.status == 500
    assert_is_envelope(body, 500)
    assert body["response"]["code"] == "internal"
    assert "abc-1" in body["response"]["message"][0]
    assert "hunter2" not in text
    assert "Error" not in text.replace("Internal Server Error", "")
    crashes = [entry for entry in logs if entry["log_level"] == "error"]
    assert [entry["event"] for entry in crashes] == ["request.crashed"]
    assert crashes[0]["exc_info"]
    assert crashes[0]["route"] == "/fail/{how}"


async def test_a_callers_trace_id_is_kept_and_given_back(client):
    async with client.get("/", headers={"X-Request-Id": "ticket-42.a_b:c"}) as answer:
        assert answer.headers["X-Request-Id"] == "ticket-42.a_b:c"
        assert (await answer.json())["trace"] == "ticket-42.a_b:c"


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 65, "çã", 'a"b', "{}", "<script>"])
async def test_an_odd_trace_id_is_replaced(client, given):
    headers = {} if given is None else {"X-Request-Id": given}
    async with client.get("/", headers=headers) as answer:
        made = answer.headers["X-Request-Id"]
    assert re.fullmatch(r"[0-9a-f]{32}", made)


async def test_every_answer_has_a_trace_id(client):
    paths = ("/", "/nowhere", "/fail/crash", "/fail/full", "/moved", "/instance/connect/x")
    with capture_logs():
        for path in paths:
            async with client.get(path, allow_redirects=False) as answer:
                assert answer.headers["X-Request-Id"], path
                assert answer.headers["Server"] == "Ponte", path


async def test_a_redirect_stays_a_redirect(client):
    async with client.get("/moved", allow_redirects=False) as answer:
        assert answer.status == 302
        assert answer.headers["Location"] == "/"


async def test_logs_of_a_request_carry_its_trace_id(client):
    seen = []

    def remember(_logger, _method, entry):
        seen.append(dict(entry))
        raise structlog.DropEvent

    structlog.configure(processors=[structlog.contextvars.merge_contextvars, remember])
    try:
        async with client.get("/fail/crash", headers={"X-Request-Id": "one"}):
            pass
        async with client.get("/fail/locked", headers={"X-Request-Id": "two"}):
            pass
    finally:
        structlog.reset_defaults()
    told = {
        entry["event"]: entry["trace"] for entry in seen if entry["event"] != "request.answered"
    }
    assert told == {"request.crashed": "one", "request.failed": "two"}


async def test_logs_hold_the_template_of_a_route_and_not_its_secret(client):
    with capture_logs() as logs:
        async with client.post("/hook/abcsecret", data=b"{}") as answer:
            assert answer.status == 200
    assert [(entry["event"], entry["route"]) for entry in logs] == [
        ("request.answered", "/hook/{secret}")
    ]
    assert logs[0]["log_level"] == "debug"


async def test_a_slash_at_the_end_makes_no_difference(client):
    async with client.post("/echo/", json={"a": 1}) as answer:
        assert await answer.json() == {"a": 1}


async def test_head_is_answered_like_get_without_a_body(client):
    async with client.head("/") as answer:
        assert answer.status == 200
        assert await answer.read() == b""


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", id="TLS on a plain port"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", id="no header"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\napikey: s\x00ecret\r\n\r\n", id="NUL"),
        pytest.param(b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", id="endless path"),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", id="two lengths"
        ),
    ],
)
async def test_what_is_no_http_is_refused_without_noise(wire, caplog, request_bytes):
    caplog.set_level(logging.INFO)
    await wire.send(request_bytes)
    assert (await wire.head()).startswith(("HTTP/1.1 400 ", "HTTP/1.0 400 "))
    await wire.rest()
    assert caplog.records == []


async def test_raw_bytes_in_a_path_are_no_crash(wire):
    await wire.send(b"GET /instance/connect/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n")
    status = (await wire.head()).split(" ")[1]
    assert status in {"400", "401", "404"}
