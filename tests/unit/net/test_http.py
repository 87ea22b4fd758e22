"""The outgoing HTTP client against peers that fail in every way we know."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import traceback
import tracemalloc
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bridge.errors import (
    Certainty,
    ForbiddenAddress,
    PeerBroke,
    PeerDown,
    PeerRefused,
    PeerTimeout,
    Scope,
)
from bridge.net.guard import Guard
from bridge.net.http import Answer, Http, _timeout, retry_after
from support.ports import closed_port

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def call(http: Http, url: str, method: str = "POST", **options: Any) -> Answer:
    settings = {"timeout": 5.0, "peer": "Chatwoot", **options}
    return await http.request(method, url, **settings)


# ---------------------------------------------------------------- what works


async def test_json_is_sent_and_the_answer_read_whatever_its_status(http, peer) -> None:
    bodies: list[bytes] = []

    async def script(line) -> None:
        head = await line.request()
        assert "content-type: application/json" in head.lower()
        bodies.append(head.encode())
        await line.say(b"HTTP/1.1 422 No\r\nX-Reason: why\r\nContent-Length: 4\r\n\r\nnope")

    there = await peer(script)
    answer = await call(http, there.url, json={"name": "Ana"}, params={"a": "b c"})
    assert (answer.status, answer.body, answer.headers["x-reason"]) == (422, b"nope", "why")
    assert there.heads[0].startswith("POST /?a=b+c HTTP/1.1")


async def test_json_may_be_bytes_already(http, peer) -> None:
    async def script(line) -> None:
        await line.request()
        await line.say(OK)

    there = await peer(script)
    await call(http, there.url, json=orjson.dumps({"a": 1}))
    assert "content-length: 7" in there.heads[0].lower()


async def test_connections_are_reused_and_cookies_are_not_kept(http, peer) -> None:
    connections = 0

    async def script(line) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            await line.request()
            await line.say(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")

    there = await peer(script)
    await call(http, there.url)
    await call(http, there.url)
    assert connections == 1
    assert "cookie" not in there.heads[1].lower()


async def test_a_redirect_is_an_answer_like_any_other(http, peer) -> None:
    async def script(line) -> None:
        await line.request()
        await line.say(b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n")

    there = await peer(script)
    assert (await call(http, there.url, method="GET")).status == 302
    assert len(there.heads) == 1


@pytest.mark.parametrize("size", [0, 1, 65536, 300_000])
async def test_answers_of_any_size_are_read_completely(http, peer, size: int) -> None:
    async def script(line) -> None:
        await line.request()
        await line.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)

    there = await peer(script)
    assert (await call(http, there.url, limit=size)).body == b"x" * size


# ---------------------------------------------------------------- nothing was sent


async def test_a_refused_connection_means_nothing_was_done(http) -> None:
    with pytest.raises(PeerDown, match="Chatwoot") as caught:
        await call(http, f"http://127.0.0.1:{closed_port()}/")
    assert caught.value.certainty is Certainty.NOT_DONE
    assert caught.value.scope is Scope.SERVER


async def test_an_unknown_host_name_means_nothing_was_done(http, monkeypatch) -> None:
    async def nowhere(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", nowhere)
    with pytest.raises(PeerDown, match="host name is not found"):
        await call(http, "http://nowhere.example/")


@pytest.mark.parametrize("limit", [0.4, 6.0])
async def test_a_connection_that_does_not_come_in_time_means_nothing_was_done(
    http, limit: float, monkeypatch
) -> None:
    monkeypatch.setattr("bridge.net.http.CONNECT", 0.3)
    async with AsyncExitStack() as stack:
        full = stack.enter_context(closing(socket.socket()))
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):  # nobody accepts: the queue fills up, and Linux drops what comes then
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        with pytest.raises(PeerDown, match="no connection in time"):
            await call(http, f"http://127.0.0.1:{full.getsockname()[1]}/", timeout=limit)


@pytest.mark.parametrize("total", [0.01, 1, 5.2, 6, 9.99, 10, 11, 120])
def test_connecting_always_runs_out_before_the_whole(total: float) -> None:
    limits = _timeout(total)
    assert limits.connect is not None
    assert limits.connect < total
    # Beyond the threshold aiohttp rounds both up, perhaps to the same second.
    assert limits.ceil_threshold > total


async def test_no_free_connection_in_time_means_nothing_was_done(peer) -> None:
    waiting = asyncio.Event()

    async def script(line) -> None:
        await line.request()
        waiting.set()
        await line.gone()

    there = await peer(script)
    http = Http(Guard({"127.0.0.1"}), connections=1)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(call(http, there.url))
        await waiting.wait()
        with pytest.raises(PeerDown):
            await call(http, there.url, timeout=0.2)
        first.cancel()
    await http.close()
    assert len(there.heads) == 1


async def test_tls_to_a_plain_server_means_nothing_was_done(http, peer) -> None:
    async def script(line) -> None:
        await line.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    there = await peer(script)
    with pytest.raises(PeerDown, match="TLS"):
        await call(http, there.url.replace("http:", "https:"))
    assert there.heads == []


def self_signed(where: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "chat.example")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    file = where / "pair.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_a_certificate_that_is_not_valid_is_never_accepted(http, tmp_path) -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=self_signed(tmp_path))
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(PeerDown, match="certificate"):
            await call(http, f"https://127.0.0.1:{port}/")
    assert asked == []


async def test_a_closed_client_says_so(http) -> None:
    await http.close()
    with pytest.raises(PeerDown, match="shutting down"):
        await call(http, "http://127.0.0.1:1/")


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"api_access_token": "abc\r\nX: y"}},
        {"json": {"text": "\ud800"}},
        {"json": 2**70},
    ],
)
async def test_what_cannot_be_written_down_is_refused(http, peer, options) -> None:
    async def script(line) -> None:
        await line.request()

    there = await peer(script)
    with pytest.raises(PeerRefused) as caught:
        await call(http, there.url, **options)
    assert there.heads == []
    assert "abc" not in str(caught.value)


async def test_a_forbidden_address_is_not_called(http) -> None:
    with pytest.raises(ForbiddenAddress):
        await call(http, "http://127.0.0.2:9/")


async def test_a_name_that_leads_inside_is_not_called(peer) -> None:
    async def script(line) -> None:
        await line.request()

    there = await peer(script)
    http = Http(Guard())
    with pytest.raises(ForbiddenAddress, match=r"localhost.*allowed_private_hosts"):
        await call(http, f"http://localhost:{there.port}/")
    await http.close()
    assert there.heads == []


async def test_a_name_may_be_allowed(peer) -> None:
    async def script(line) -> None:
        await line.request()
        await line.say(OK)

    there = await peer(script)
    http = Http(Guard({"localhost"}))
    assert (await call(http, f"http://localhost:{there.port}/")).body == b"ok"
    await http.close()


# ---------------------------------------------------------------- it may have acted


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Len", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"],
    ids=["before the answer", "in the head", "in the body"],
)
async def test_silence_is_a_timeout_with_unknown_outcome(http, peer, said: bytes) -> None:
    async def script(line) -> None:
        await line.request()
        await line.say(said)
        await line.gone()

    there = await peer(script)
    with pytest.raises(PeerTimeout, match="Chatwoot did not answer in time") as caught:
        await call(http, there.url, timeout=0.3)
    assert caught.value.certainty is Certainty.UNKNOWN
    assert len(there.heads) == 1


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Len",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    ],
    ids=["before", "in the head", "in the body", "in a chunk", "no HTTP", "no chunk", "no gzip"],
)
@pytest.mark.parametrize("how", ["closed", "reset"])
async def test_a_cut_connection_has_an_unknown_outcome(http, peer, said: bytes, how: str) -> None:
    async def script(line) -> None:
        await line.request()
        await line.say(said)
        if how == "reset":
            line.reset()

    there = await peer(script)
    with pytest.raises(PeerBroke, match="Chatwoot") as caught:
        await call(http, there.url)
    assert caught.value.certainty is Certainty.UNKNOWN
    assert len(there.heads) == 1


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("how", ["closed", "reset"])
async def test_a_send_over_a_stale_connection_is_reported_and_never_repeated(
    http, peer, method: str, how: str
) -> None:
    async def script(line) -> None:
        await line.request()
        await line.say(OK)
        await line.request()
        if how == "reset":
            line.reset()

    there = await peer(script)
    await call(http, there.url, method=method)
    with pytest.raises(PeerBroke):
        await call(http, there.url, method=method, json={"once": True})
    assert len(there.heads) == 2


async def test_an_answer_larger_than_the_limit_is_not_read_to_its_end(http, peer) -> None:
    async def script(line) -> None:
        await line.request()
        await line.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await line.say(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")

    there = await peer(script)
    with pytest.raises(PeerBroke, match="more than 1000 bytes"):
        await call(http, there.url, limit=1000)


async def test_the_limit_counts_what_a_compressed_answer_unfolds_to(http, peer) -> None:
    bomb = gzip.compress(bytes(64 * 2**20))

    async def script(line) -> None:
        await line.request()
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
        await line.say(head.encode() + bomb)

    there = await peer(script)
    tracemalloc.start()
    with pytest.raises(PeerBroke, match="more than"):
        await call(http, there.url, limit=2**20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"?\r\n"]
)
async def test_no_error_shows_the_url_or_a_header(http, peer, said: bytes) -> None:
    async def script(line) -> None:
        await line.request()
        await line.say(said)

    there = await peer(script)
    secret = "never-shown"
    for host in (there.url, f"http://127.0.0.1:{closed_port()}"):
        with pytest.raises((PeerBroke, PeerDown)) as caught:
            await call(
                http,
                f"{host}/token/{secret}",
                headers={"Authorization": f"Bearer {secret}"},
                params={"key": secret},
            )
        assert secret not in "".join(traceback.format_exception(caught.value))


# ---------------------------------------------------------------- Retry-After


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 0 "}, 0.0),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "1e9"}, None),
        ({"Retry-After": "99999999"}, 86400.0),
        ({"Retry-After": "9" * 5000}, None),
        ({"Retry-After": "soon"}, None),
        (
            {
                "Retry-After": "Sat, 21 Nov 2026 12:00:30 GMT",
                "Date": "Sat, 21 Nov 2026 12:00:00 GMT",
            },
            30.0,
        ),
        (
            {
                "Retry-After": "Sat, 21 Nov 2026 11:00:00 GMT",
                "Date": "Sat, 21 Nov 2026 12:00:00 GMT",
            },
            0.0,
        ),
        ({"Retry-After": "Sat, 21 Nov 2026 12:00:30 GMT"}, None),
    ],
)
def test_how_long_a_peer_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds
