from __future__ import annotations

import asyncio
import gzip
import math

import orjson
import pytest
from aiohttp import ClientSession
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import Invalid
from bridge.http.reading import MAX_DEPTH, decode_object
from bridge.http.server import make_app, serving
from support.toy_http import BAKERY_KEY, GLOBAL_KEY, MAX_BODY, ToyGate, toy_routes

HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The request body is empty; it must be a JSON object."),
        (b" \n\t", "The request body is empty; it must be a JSON object."),
        (b"\xef\xbb\xbf", "The request body is empty; it must be a JSON object."),
        (b'{"a": 1', "The request body is cut off: its JSON ends too early."),
        (b'{"a": "b', "The request body is cut off: its JSON ends too early."),
        (b'{"a":', "The request body is cut off: its JSON ends too early."),
        (b'{"a": "\xff"}', "The request body is not UTF-8 text (byte 8)."),
        ('{"a": "é"}'.encode("latin-1"), "The request body is not UTF-8 text (byte 8)."),
        ('{"a": 1}'.encode("utf-16"), "The request body is not UTF-8 text (byte 1)."),
        (b"[1, 2]", "The request body must be a JSON object, not an array."),
        (b"null", "The request body must be a JSON object, not null."),
        (b"true", "The request body must be a JSON object, not a boolean."),
        (b'"text"', "The request body must be a JSON object, not a string."),
        (b"1.5", "The request body must be a JSON object, not a number."),
        (b'{"a": 1, // why\n"b": 2}', "JSON has no comments; remove the one at line 1, column 10."),
        (b'{"a": 1,\n# why\n"b": 2}', "JSON has no comments; remove the one at line 2, column 1."),
        (
            b'{"a": NaN}',
            "The request body holds a number that JSON does not have, at line 1, column 7.",
        ),
        (
            b'{"a": -Infinity}',
            "The request body holds a number that JSON does not have, at line 1, column 8.",
        ),
        (
            b'{"a": 1e999}',
            "The request body holds a number that JSON does not have, at line 1, column 7.",
        ),
        (b'{"a": 9223372036854775808}', "The request body holds a number that is too large."),
        (b'{"a": [' + b"9" * 400 + b"]}", None),
        (b'{"a": -1e300}', "The request body holds a number that is too large."),
        (b'{"a": "b\\u0000c"}', "The request body holds a text with the NUL character."),
        (b'{"a": {"b\\u0000": 1}}', "The request body holds a text with the NUL character."),
        (b'{"a": "\\ud800"}', None),
        (b"a=1&b=2", None),
        (b"{'a': 1}", None),
        (b'{"a": 1}}', None),
        (b"<xml/>", None),
        (
            b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH + b" ",
            "",
        ),
        (
            b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
            f"The request body is nested deeper than {MAX_DEPTH} levels.",
        ),
        (
            b'{"a":' + b"[" * 4000 + b"]" * 4000 + b"}",
            f"The request body is nested deeper than {MAX_DEPTH} levels.",
        ),
    ],
)
async def test_a_bad_body_is_refused_in_one_exact_sentence(client, body, message):
    async with client.post("/echo", data=body) as answer:
        told = await answer.json()
    if message == "":
        assert answer.status == 200
        return
    assert answer.status == 400
    assert told["error"] == "Bad Request"
    assert told["response"]["code"] == "request.invalid"
    assert len(told["response"]["message"]) == 1
    if message is not None:
        assert told["response"]["message"] == [message]


async def test_a_byte_order_mark_is_forgiven(client):
    async with client.post("/echo", data=b'\xef\xbb\xbf{"a": 1}') as answer:
        assert await answer.json() == {"a": 1}


async def test_a_refused_body_is_quoted_nowhere(client):
    async with client.post("/echo", data=b'{"token": "hunter2", oops}') as answer:
        assert "hunter2" not in await answer.text()


async def test_a_refusal_does_not_carry_the_body_as_its_cause():
    with pytest.raises(Invalid) as refused:
        decode_object(b'{"token": "hunter2", oops}')
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


async def test_an_announced_50_mb_are_refused_before_they_are_sent(wire):
    await wire.send(HEAD + b"Content-Length: 52428800\r\n\r\n{")
    head = await wire.head()
    assert head.startswith("HTTP/1.1 413 ")
    assert "connection: close" in head.lower()


async def test_an_unannounced_flood_is_refused_at_the_limit(wire):
    await wire.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
    for _ in range(2):  # just over the limit, and no end
        await wire.send(chunk)
    assert (await wire.head()).startswith("HTTP/1.1 413 ")


async def test_a_caller_that_sends_50_mb_before_it_listens_reads_the_413(wire):
    await wire.send(HEAD + b"Content-Length: 52428800\r\n\r\n")
    for _ in range(50):
        await wire.send(b"x" * 1_048_576)
    assert (await wire.head()).startswith("HTTP/1.1 413 ")
    assert orjson.loads(await wire.rest())["response"] == {
        "message": [f"The request body is larger than {MAX_BODY} bytes."],
        "code": "request.too_large",
    }


async def test_a_body_of_exactly_the_limit_is_taken(client):
    body = b'{"a":"' + b"x" * (MAX_BODY - 8) + b'"}'
    async with client.post("/echo", data=body) as answer:
        assert answer.status == 200
    async with client.post("/echo", data=body + b" ") as answer:
        assert answer.status == 413


async def test_a_route_may_have_a_limit_of_its_own(client):
    headers = {"apikey": GLOBAL_KEY}
    async with client.post("/big", data=b"x" * 20_000, headers=headers) as answer:
        assert await answer.json() == {"bytes": 20_000}
    async with client.post("/big", data=b"x" * 20_001, headers=headers) as answer:
        assert answer.status == 413


async def test_a_small_gzip_that_unpacks_large_is_refused(client):
    bomb = gzip.compress(b" " * 5_000_000)
    assert len(bomb) < MAX_BODY
    async with client.post("/echo", data=bomb, headers={"Content-Encoding": "gzip"}) as answer:
        assert answer.status == 413


async def test_gzip_that_is_none_is_refused(client):
    async with client.post("/echo", data=b"{}", headers={"Content-Encoding": "gzip"}) as answer:
        assert answer.status == 400


async def test_chunks_that_break_while_we_read_are_given_up(wire, monkeypatch):
    # aiohttp's parser does not tell the reader of a body, so it is the time limit that ends it.
    monkeypatch.setattr("bridge.http.reading.READ_SECONDS", 0.05)
    await wire.send(HEAD + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert (await wire.head()).startswith("HTTP/1.1 100 ")
    await wire.send(b"2\r\n{}\r\nZZ\r\n")
    assert (await wire.head()).startswith("HTTP/1.1 408 ")


async def test_more_bytes_than_announced_do_not_join_the_body(wire):
    await wire.send(HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert (await wire.head()).startswith("HTTP/1.1 100 ")
    await wire.send(b'{}, "more": 1}')
    assert (await wire.head()).startswith("HTTP/1.1 200 ")
    assert (await wire.rest()).startswith(b"{}HTTP/1.0 400 ")  # the rest counts as a new request


async def test_a_caller_that_leaves_in_the_middle_is_no_crash(address, client, caplog):
    reader, writer = await asyncio.open_connection(*address)
    writer.write(HEAD + b'Content-Length: 100\r\n\r\n{"a"')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    del reader
    async with client.get("/") as answer:
        assert answer.status == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_waiting_caller_is_asked_for_its_body_only_when_it_is_wanted(wire):
    expect = b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    await wire.send(HEAD + expect)
    assert (await wire.head()).startswith("HTTP/1.1 100 ")
    await wire.send(b"{}")
    assert (await wire.head()).startswith("HTTP/1.1 200 ")


async def test_a_waiting_caller_without_a_key_is_refused_at_once(wire):
    await wire.send(
        b"POST /instance/create HTTP/1.1\r\nHost: x\r\n"
        b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    )
    assert (await wire.head()).startswith("HTTP/1.1 401 ")


async def test_a_body_that_never_ends_is_given_up(wire, monkeypatch):
    monkeypatch.setattr("bridge.http.reading.READ_SECONDS", 0.05)
    await wire.send(HEAD + b"Content-Length: 100\r\n\r\n{")
    assert (await wire.head()).startswith("HTTP/1.1 408 ")


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        ({}, ['instance requires property "instanceName"']),
        ({"instanceName": ""}, ['The "instanceName" cannot be empty']),
        ({"instanceName": 5}, ["instanceName is not of a type(s) string"]),
        (
            {"instanceName": "x" * 21},
            ["instanceName does not meet maximum length of 20"],
        ),
        ({"instanceName": "a", "qrcode": "true"}, ["qrcode is not of a type(s) boolean"]),
        ({"instanceName": "a", "qrcode": 1}, ["qrcode is not of a type(s) boolean"]),
        (
            {"instanceName": "a", "number": "x"},
            [r'number does not match pattern "^\\d+[\\.@\\w-]+"'],
        ),
        (
            {"instanceName": "a", "chatwootAccountId": []},
            ["chatwootAccountId is not of a type(s) integer,string"],
        ),
        ({"instanceName": "a", "integration": "X"}, ["Invalid integration"]),
        ({"instanceName": "a", "webhook": 5}, ["webhook is not of a type(s) object,string"]),
        (
            {"instanceName": "a", "webhook": {"url": "", "events": ["QRCODE_UPDATED", "X", 4]}},
            [
                'The "webhook.url" cannot be empty',
                'webhook requires property "enabled"',
                "webhook.events[1] is not one of enum values: QRCODE_UPDATED,CONNECTION_UPDATE",
                "webhook.events[2] is not one of enum values: QRCODE_UPDATED,CONNECTION_UPDATE",
            ],
        ),
        (
            {"qrcode": "no", "daysLimit": -1},
            [
                'instance requires property "instanceName"',
                "qrcode is not of a type(s) boolean",
                "daysLimit must be greater than or equal to 0",
            ],
        ),
        ({"instanceName": "a", "daysLimit": "soon"}, ["daysLimit is not of a type(s) integer"]),
    ],
)
async def test_all_mistakes_are_told_in_evolutions_words(client, body, messages):
    async with client.post("/instance/create", json=body, headers={"apikey": GLOBAL_KEY}) as answer:
        told = await answer.json()
    assert answer.status == 400
    assert told["response"] == {"message": messages, "code": "request.invalid"}


async def test_a_good_body_becomes_a_model(client):
    async with client.post(
        "/instance/create",
        json={"instanceName": "padaria", "chatwootAccountId": "7", "unknown": True},
        headers={"apikey": GLOBAL_KEY},
    ) as answer:
        assert await answer.json() == {"name": "padaria", "account": "7"}


async def test_very_many_mistakes_are_told_up_to_a_limit(client):
    body = {"instanceName": "a", "webhook": {"url": "u", "enabled": True, "events": [1] * 2000}}
    async with client.post("/instance/create", json=body, headers={"apikey": GLOBAL_KEY}) as answer:
        messages = (await answer.json())["response"]["message"]
    assert len(messages) == 101
    assert messages[-1] == "and 1900 more"


async def test_a_query_is_read_as_text_and_never_merged(client):
    headers = {"apikey": BAKERY_KEY}
    path = "/instance/connect/padaria"
    async with client.get(f"{path}?number=5511&page=2&other=1", headers=headers) as answer:
        assert (await answer.json())["asked"] == {"number": "5511", "page": 2}
    async with client.get(f"{path}?number=&page=", headers=headers) as answer:
        assert (await answer.json())["asked"] == {"number": None, "page": 1}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("page=two", "page is not of a type(s) integer"),
        ("page=0", "page must be greater than or equal to 1"),
        ("page=1&page=2", "page is given more than once"),
        ("number=%00", "number holds the NUL character"),
    ],
)
async def test_a_bad_query_is_refused(client, query, message):
    async with client.get(
        f"/instance/fetchInstances?{query}", headers={"apikey": GLOBAL_KEY}
    ) as answer:
        assert answer.status == 400
        assert (await answer.json())["response"]["message"] == [message]


storable = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(-1e15, 1e15)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abcção\u200f🇧🇷"), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abcção\u200f🇧🇷"), storable))
def test_every_storable_object_is_read_as_it_was_written(data):
    assert decode_object(orjson.dumps(data)) == data


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(
    st.binary(max_size=60)
    | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.text('{}[]",:\\u0019e+-.ntf/#NaI \n', max_size=60).map(str.encode)
    | st.builds(
        lambda n, m: b'{"a":' + b"[" * n + b"]" * m + b"}", st.integers(0, 99), st.integers(0, 99)
    )
)
def test_any_bytes_are_an_object_or_a_refusal(body):
    try:
        data = decode_object(body)
    except Invalid as refused:
        messages = refused.messages
    else:
        assert depth(data) <= MAX_DEPTH
        assert not any(isinstance(v, float) and not math.isfinite(v) for v in data.values())
        return
    assert len(messages) == 1
    assert messages[0].endswith(".")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(min_size=1, max_size=3000), max_size=5))
def test_any_chunks_over_http_get_an_answer_in_our_form(chunks):
    runner, session, url = _toy_server()

    async def send() -> tuple[int, dict]:
        async def parts():
            for chunk in chunks:
                yield chunk

        async with session.post(f"{url}/echo", data=parts()) as answer:
            return answer.status, orjson.loads(await answer.read())

    status, body = runner.run(send())
    if status != 200:
        assert status == (413 if sum(map(len, chunks)) > MAX_BODY else 400)
        assert body["status"] == status
        assert body["response"]["message"]


_running: list = []


def _toy_server():
    """Start one server for all examples: hypothesis has no fixture that lives that long."""
    if not _running:
        runner = asyncio.Runner()

        async def start():
            app = make_app(toy_routes(), gate=ToyGate(), max_body=MAX_BODY)
            server = serving(app, host="127.0.0.1", port=0)
            host, port = await server.__aenter__()
            return server, ClientSession(), f"http://{host}:{port}"

        _running.extend((runner, *runner.run(start())))
    runner, _server, session, url = _running
    return runner, session, url


@pytest.fixture(scope="module", autouse=True)
def _stop_toy_server():
    yield
    if _running:
        runner, server, session, _ = _running

        async def stop():
            await session.close()
            await server.__aexit__(None, None, None)

        runner.run(stop())
        runner.close()
        _running.clear()
