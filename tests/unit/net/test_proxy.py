"""The way through a proxy: what goes through it, what each failure means, what never leaks."""

from __future__ import annotations

import asyncio
import socket
import ssl
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp.connector
import pytest

from bridge.core.instance import Proxy
from bridge.errors import (
    BridgeError,
    Certainty,
    ForbiddenAddress,
    Invalid,
    PeerBroke,
    PeerDown,
    PeerError,
    PeerLocked,
    PeerTimeout,
    Remedy,
)
from bridge.net.guard import Guard
from bridge.net.http import Answer, Http
from bridge.net.proxy import probe_proxy
from support.certificates import trusted_pair
from support.ports import closed_port
from support.proxies import HttpProxy, SocksProxy

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#: Names that only the proxies know.
NAMES = {"graph.example": "127.0.0.1", "files.example": "127.0.0.1"}
LOGIN = ("filial", "s3cret:é")
AnyProxy = HttpProxy | SocksProxy


def of(proxy: AnyProxy, *, login: tuple[str, str] | None = None, **changes: Any) -> Proxy:
    protocol = "socks5" if isinstance(proxy, SocksProxy) else "https" if proxy.tls else "http"
    username, password = login or (None, None)
    told: dict[str, Any] = {"host": "127.0.0.1", "port": proxy.port, "protocol": protocol}
    return Proxy(**told | {"username": username, "password": password} | changes)


async def call(http: Http, url: str, method: str = "POST", **options: Any) -> Answer:
    settings = {"timeout": 5.0, "peer": "WhatsApp", **options}
    return await http.request(method, url, **settings)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Of servers; the client trusts their certificate."""
    server, client = trusted_pair(tmp_path, *NAMES)
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", client)
    return server


@pytest.fixture(params=["http", "https", "socks5"])
async def proxy(request: pytest.FixtureRequest, tls: ssl.SSLContext) -> AsyncIterator[AnyProxy]:
    made: AnyProxy
    if request.param == "socks5":
        made = SocksProxy(names=NAMES)
    else:
        made = HttpProxy(names=NAMES, tls=tls if request.param == "https" else None)
    async with made:
        yield made


class Target:
    """A server that answers every request with "ok"; with TLS."""

    def __init__(self) -> None:
        self.connections = 0
        self.heads: list[str] = []
        self.answers: list[bytes] = []
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.connections += 1
        try:
            while True:
                self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
                answer = self.answers.pop(0) if self.answers else OK
                if answer == b"":
                    return
                writer.write(answer)
                await writer.drain()
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def tls_target(tls: ssl.SSLContext) -> AsyncIterator[tuple[Target, int]]:
    target = Target()
    server = await asyncio.start_server(target.serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield target, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in target.tasks:
            task.cancel()
        await asyncio.gather(*target.tasks, return_exceptions=True)


# ---------------------------------------------------------------- the way


async def test_a_call_goes_through_the_proxy_which_resolves_the_name(http, peer, proxy) -> None:
    async def script(line) -> None:
        await line.request()
        await line.say(OK)

    there = await peer(script)
    answer = await call(http.through(of(proxy)), f"http://graph.example:{there.port}/v1?a=b")
    assert answer.body == b"ok"
    assert proxy.targets == [f"graph.example:{there.port}"]
    assert there.heads[0].startswith("POST /v1?a=b HTTP/1.1\r\n")
    assert f"host: graph.example:{there.port}" in there.heads[0].lower()


async def test_only_the_view_goes_through_the_proxy(http, peer, proxy) -> None:
    async def script(line) -> None:
        while await line.request():
            await line.say(OK)

    there = await peer(script)
    view = http.through(of(proxy))
    await call(view, there.url)
    await call(http, there.url)
    await call(view.through(None), there.url)
    assert (len(there.heads), len(proxy.targets)) == (3, 1)


async def test_a_tunnel_is_used_again_and_never_for_another_login(http, proxy, tls) -> None:
    proxy.login = LOGIN
    async with tls_target(tls) as (target, port):
        view = http.through(of(proxy, login=LOGIN))
        for _ in range(3):
            assert (await call(view, f"https://graph.example:{port}/")).body == b"ok"
        assert (proxy.connections, target.connections, len(target.heads)) == (1, 1, 3)
        with pytest.raises(PeerLocked):
            await call(http.through(of(proxy)), f"https://graph.example:{port}/")
        assert (proxy.connections, len(target.heads)) == (2, 3)
        await http.close()


async def test_a_login_is_shown_to_the_proxy_alone(http, peer, proxy) -> None:
    async def script(line) -> None:
        for _ in range(2):
            await line.request()
            await line.say(OK)

    proxy.login = login = ("filial", "s3cret")
    there = await peer(script)
    view = http.through(of(proxy, login=login))
    for _ in range(2):
        await call(view, f"http://graph.example:{there.port}/")
    assert set(proxy.logins) == {"filial:s3cret"}
    assert len(there.heads) == 2
    assert not any("proxy-" in head.lower() for head in there.heads)


async def test_a_socks_connection_is_used_again_without_tls_too(http, peer) -> None:
    async def script(line) -> None:
        for _ in range(2):
            await line.request()
            await line.say(OK)

    there = await peer(script)
    async with SocksProxy(login=("filial", "s3cret")) as proxy:
        view = http.through(of(proxy, login=proxy.login))
        for _ in range(2):
            await call(view, f"{there.url}/x")
        assert proxy.connections == 1
        await http.close()
    assert [head.split("\r\n")[0] for head in there.heads] == ["POST /x HTTP/1.1"] * 2
    assert "proxy-" not in "".join(there.heads).lower()


async def test_a_socks_login_may_hold_any_character(http, peer) -> None:
    async def script(line) -> None:
        await line.request()
        await line.say(OK)

    there = await peer(script)
    async with SocksProxy(login=("a:b@c", "日本/%41")) as proxy:
        await call(http.through(of(proxy, login=proxy.login)), there.url)
        assert proxy.logins == ["a:b@c:日本/%41"]
        await http.close()


async def test_a_download_and_its_redirect_go_through_the_proxy(
    http, peer, proxy, tmp_path
) -> None:
    async def script(line) -> None:
        head = await line.request()
        if "/moved" in head:
            await line.say(OK)
        else:
            to = f"http://files.example:{there.port}/moved"
            await line.say(
                f"HTTP/1.1 302 F\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()
            )

    there = await peer(script)
    got = await http.through(of(proxy)).download(
        f"http://graph.example:{there.port}/file",
        tmp_path / "file",
        limit=100,
        timeout=5,
        peer="WhatsApp",
        headers={"Authorization": "Bearer token"},
    )
    assert got.path.read_bytes() == b"ok"
    assert proxy.targets == [f"graph.example:{there.port}", f"files.example:{there.port}"]
    assert "bearer" not in there.heads[1].lower()


async def test_views_share_the_limit_of_connections(peer) -> None:
    waiting = asyncio.Event()

    async def script(line) -> None:
        await line.request()
        waiting.set()
        await line.gone()

    there = await peer(script)
    http = Http(Guard({"127.0.0.1"}), connections=1)
    async with SocksProxy() as proxy, asyncio.TaskGroup() as group:
        first = group.create_task(call(http.through(of(proxy)), there.url))
        await waiting.wait()
        with pytest.raises(PeerDown):
            await call(http, there.url, timeout=0.2)
        first.cancel()
    await http.close()
    assert len(there.heads) == 1


async def test_views_end_with_their_client(http, proxy, tls) -> None:
    async with tls_target(tls) as (_, port):
        view = http.through(of(proxy))
        await call(view, f"https://graph.example:{port}/")
        await http.close()
        with pytest.raises(PeerDown, match="shutting down"):
            await call(view, f"https://graph.example:{port}/")
    assert proxy.connections == 1


# ---------------------------------------------------------------- what is not called


async def test_a_private_proxy_must_be_allowed(proxy) -> None:
    http = Http(Guard({"127.0.0.2"}))
    for host in ("127.0.0.1", "localhost"):
        view = http.through(of(proxy, host=host))
        with pytest.raises(ForbiddenAddress, match=r"allowed_private_hosts"):
            await call(view, "https://graph.example/")
    await http.close()
    assert proxy.connections == 0


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[::1]", "0x7f.1"])
async def test_a_literal_private_target_is_refused(http, proxy, host: str) -> None:
    with pytest.raises(ForbiddenAddress):
        await call(http.through(of(proxy)), f"http://{host}/")
    assert proxy.connections == 0


async def test_a_redirect_to_a_literal_private_address_is_refused(http, peer, proxy, tmp_path):
    async def script(line) -> None:
        await line.request()
        await line.say(b"HTTP/1.1 302 F\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n")

    there = await peer(script)
    with pytest.raises(ForbiddenAddress):
        await http.through(of(proxy)).download(
            there.url, tmp_path / "file", limit=100, timeout=5, peer="WhatsApp"
        )
    assert len(proxy.targets) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "a@b"},
        {"host": ""},
        {"host": "a\x00b"},
        {"host": "a/b#c"},
        {"host": "2130706433"},
        {"host": "x" * 300},
        {"host": "\ud800"},
        {"port": 0},
        {"port": 70000},
    ],
)
async def test_a_proxy_without_a_valid_address_is_refused(http, changes) -> None:
    proxy = Proxy(**{"host": "127.0.0.1", "port": 9, "protocol": "socks5"} | changes)
    with pytest.raises(ForbiddenAddress):
        await call(http.through(proxy), "http://graph.example/")


# ---------------------------------------------------------------- nothing was done


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("offered", [None, ("filial", "wrong")])
async def test_a_refused_login_needs_a_person(http, proxy, scheme: str, offered) -> None:
    proxy.login = LOGIN
    with pytest.raises(PeerLocked, match=rf"127\.0\.0\.1:{proxy.port}") as caught:
        await call(http.through(of(proxy, login=offered)), f"{scheme}://graph.example/")
    error = caught.value
    assert (error.cause, error.remedy) == ("proxy.auth", Remedy.PERSON)
    assert error.certainty is Certainty.NOT_DONE
    assert proxy.targets == []
    await http.close()


@pytest.mark.parametrize("protocol", ["http", "https", "socks5"])
async def test_a_dead_proxy_means_nothing_was_done(http, protocol) -> None:
    proxy = Proxy(host="127.0.0.1", port=closed_port(), protocol=protocol)
    with pytest.raises(PeerDown, match=r"The proxy .* cannot be reached: no connection") as caught:
        await call(http.through(proxy), "https://graph.example/")
    assert caught.value.cause == "proxy.unreachable"


@pytest.mark.parametrize("protocol", ["http", "socks5"])
async def test_a_proxy_without_a_name_is_told_as_such(http, protocol, monkeypatch) -> None:
    async def unknown(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr("bridge.net.guard._GuardedResolver.resolve", unknown)
    proxy = Proxy(host="proxy.example", port=9, protocol=protocol)
    with pytest.raises(PeerDown, match=r"example:9 cannot .*: its host name") as caught:
        await call(http.through(proxy), "https://graph.example/")
    assert caught.value.cause == "proxy.unreachable"


@pytest.mark.parametrize(
    ("fault", "code"),
    [("hang", "proxy.unreachable"), ("cut", "proxy.broke"), ("garbage", "proxy.broke")],
)
async def test_a_proxy_that_fails_before_the_tunnel_means_nothing_was_done(
    http, proxy, fault: str, code: str
) -> None:
    proxy.fault = fault
    limit = 1.5 if fault == "hang" else 5.0  # the limits of connecting and of all are far apart
    with pytest.raises(PeerDown, match="The proxy") as caught:
        await call(http.through(of(proxy)), "https://graph.example/", "GET", timeout=limit)
    assert (caught.value.cause, caught.value.certainty) == (code, Certainty.NOT_DONE)
    assert proxy.connections == 1


@pytest.mark.parametrize("status", [403, 502, 503, 204])
async def test_a_proxy_that_gives_no_tunnel_means_nothing_was_done(http, status: int) -> None:
    async with HttpProxy(status=status) as proxy:
        with pytest.raises(PeerDown, match=f"gives no connection: it answered {status}") as caught:
            await call(http.through(of(proxy)), "https://graph.example/")
        assert caught.value.cause == "proxy.refused"


@pytest.mark.parametrize(("reply", "why"), [(2, "rules"), (5, "refuses"), (99, "reason 99")])
async def test_a_socks_proxy_says_why_it_gives_no_connection(http, reply: int, why: str) -> None:
    async with SocksProxy(reply=reply) as proxy:
        with pytest.raises(PeerDown, match=why) as caught:
            await call(http.through(of(proxy)), "http://graph.example/")
        assert caught.value.cause == "proxy.refused"


@pytest.mark.parametrize("kind", [HttpProxy, SocksProxy])
async def test_a_target_without_a_valid_certificate_is_the_targets_failure(
    http, tls, kind: type[AnyProxy]
) -> None:
    names = {"other.example": "127.0.0.1"}
    async with tls_target(tls) as (target, port), kind(names=names) as proxy:
        with pytest.raises(PeerDown, match=r"WhatsApp .* certificate is not valid"):
            await call(http.through(of(proxy)), f"https://other.example:{port}/")
        assert target.heads == []


async def test_a_proxy_without_a_valid_certificate_is_not_used(http, tls, monkeypatch) -> None:
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", ssl.create_default_context())
    async with HttpProxy(tls=tls) as proxy:
        with pytest.raises(PeerDown, match=r"The proxy .* certificate is not valid"):
            await call(http.through(of(proxy, login=LOGIN)), "https://graph.example/")
        assert proxy.lines == []


@pytest.mark.parametrize(
    ("protocol", "login"),
    [
        ("http", ("a:b", "hidden")),
        ("http", ("filial", "hidden日")),
        ("socks5", ("filial", "hidden" * 50)),
        ("socks5", ("hidden" * 50, "")),
    ],
)
async def test_a_login_that_cannot_be_sent_needs_a_person(http, protocol, login) -> None:
    proxy = Proxy(host="127.0.0.1", port=9, protocol=protocol, username=login[0], password=login[1])
    with pytest.raises(PeerLocked) as caught:
        await call(http.through(proxy), "https://graph.example/")
    assert caught.value.cause == "proxy.auth"
    assert "hidden" not in "".join(traceback.format_exception(caught.value))


# ---------------------------------------------------------------- it may have acted


@pytest.mark.parametrize(("answer", "error"), [(b"", PeerBroke), (b"HTTP/1.1 2", PeerTimeout)])
async def test_behind_the_tunnel_failures_are_the_targets(
    http, proxy, tls, answer: bytes, error: type[PeerError]
) -> None:
    async with tls_target(tls) as (target, port):
        target.answers = [answer]
        with pytest.raises(error, match="WhatsApp") as caught:
            await call(http.through(of(proxy)), f"https://graph.example:{port}/", timeout=0.5)
        assert caught.value.certainty is Certainty.UNKNOWN
        assert len(target.heads) == 1
        await http.close()


async def test_an_error_page_without_tls_is_an_answer(http) -> None:
    async with HttpProxy(status=502) as proxy:
        answer = await call(http.through(of(proxy)), "http://graph.example/")
        assert answer.status == 502


# ---------------------------------------------------------------- secrets


async def test_no_failure_and_no_repr_shows_the_login(http, proxy) -> None:
    login = ("hidden-name", "hidden-word")
    mine = of(proxy, login=login)
    assert "hidden" not in repr(mine) + repr(http.through(mine))

    async def told(url: str, **changes: Any) -> None:
        with pytest.raises(BridgeError) as caught:
            await call(http.through(of(proxy, login=login, **changes)), url, timeout=0.5)
        shown = "".join(traceback.format_exception(caught.value))
        assert "hidden" not in shown + repr(caught.value)
        assert "aGlkZGVu" not in shown  # the same in base64

    await told("https://graph.example/", port=closed_port())
    await told("https://graph.example/", host="10.0.0.1")
    proxy.login = LOGIN
    await told("https://graph.example/")
    proxy.login = None
    proxy.names = {}
    await told("https://nowhere.example/")
    for fault in ("cut", "garbage", "hang"):
        proxy.fault = fault
        await told("http://graph.example/")
        await told("https://graph.example/")


# ---------------------------------------------------------------- the probe


@pytest.mark.parametrize("status", [200, 302, 404, 500])
async def test_any_answer_of_the_target_proves_a_proxy(http, proxy, tls, status: int) -> None:
    async with tls_target(tls) as (target, port):
        target.answers = [f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()]
        await probe_proxy(http, of(proxy), f"https://graph.example:{port}", seconds=5)
        assert (len(target.heads), len(proxy.targets)) == (1, 1)
        await http.close()


async def test_even_a_bad_gateway_of_the_target_proves_a_proxy_behind_tls(http, proxy, tls) -> None:
    async with tls_target(tls) as (target, port):
        target.answers = [b"HTTP/1.1 502 X\r\nContent-Length: 0\r\n\r\n"]
        await probe_proxy(http, of(proxy), f"https://graph.example:{port}", seconds=5)
        await http.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("status", [407, 502, 503, 504])
async def test_an_error_of_the_proxy_itself_proves_nothing(http, scheme: str, status: int) -> None:
    async with HttpProxy(status=status) as proxy:
        with pytest.raises(Invalid) as caught:
            await probe_proxy(http, of(proxy), f"{scheme}://graph.example", seconds=5)
    first, why = caught.value.messages
    assert (first, caught.value.cause) == ("Invalid proxy", "proxy.invalid")
    assert ("password" if status == 407 else str(status)) in why
    await http.close()


async def test_a_probe_tells_the_cause(http, proxy) -> None:
    for mine, why in [
        (of(proxy, port=closed_port()), "no connection"),
        (of(proxy, host="10.0.0.1"), "network.allowed_private_hosts"),
    ]:
        with pytest.raises(Invalid, match=why):
            await probe_proxy(http, mine, "https://graph.example", seconds=5)


async def test_a_probe_takes_no_longer_than_it_may(http, proxy) -> None:
    proxy.fault = "hang"
    with pytest.raises(Invalid, match="in time"):
        await probe_proxy(http, of(proxy), "https://graph.example", seconds=0.2)
