"""Where outgoing calls may go."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from bridge.errors import ForbiddenAddress, SetupError
from bridge.net.guard import Guard

PUBLIC = (
    "https://graph.facebook.com/v26.0/1",
    "http://chat.example.com:3000/a b?x=1#y",
    "https://xn--wgv71a.jp/",
    "https://日本.jp/",
    "http://my_host.example/",
    "http://8.8.8.8/",
    "http://[2606:4700::1111]/",
    "http://[::ffff:8.8.8.8]/",
    "http://[64:ff9b::808:808]/",
    "http://example.com./",
)
PRIVATE = (
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://10.0.0.1/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://169.254.169.254/latest/meta-data/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.0.0.192/",
    "http://192.168.1.1/",
    "http://198.18.0.1/",
    "http://203.0.113.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::]/",
    "http://[::1]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[0:0:0:0:0:ffff:a9fe:a9fe]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::1]/",
    "http://[2001::1]/",
    "http://[2001:db8::1]/",
    "http://[2002:7f00:1::]/",
    "http://[3fff::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
)
DEFECTIVE = (
    "",
    "/path",
    "//example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "http:example.com",
    "http://",
    "http:///x",
    "http://user@example.com/",
    "http://user:secret@example.com/",
    "http://:secret@example.com/",
    "http://example.com\\@evil.example/",
    "http://example.com/\r\nX: 1",
    "http://exa mple.com/",
    "http://127%2e0%2e0%2e1/",
    "http://*.example.com/",
    "http://a..b/",
    "http://-a.example/",
    "http://example.com:0/",
    "http://example.com:99999/",
    "http://[::1",
    "http://1.2.3.4.5/",
    "http://256.1.1.1/",
    f"http://{'a' * 64}.example/",
    f"http://{'a.' * 200}example/",
    f"http://example.com/{'a' * 8000}",
)


@pytest.mark.parametrize("url", PUBLIC)
def test_public_urls_pass(url: str) -> None:
    assert Guard().check(url) == URL(url)


@pytest.mark.parametrize("url", PRIVATE)
def test_private_addresses_are_forbidden_in_every_spelling(url: str) -> None:
    with pytest.raises(ForbiddenAddress):
        Guard().check(url)


@pytest.mark.parametrize("url", DEFECTIVE)
def test_defective_urls_are_forbidden_even_where_everything_is_allowed(url: str) -> None:
    with pytest.raises(ForbiddenAddress):
        Guard({"0.0.0.0/0", "::/0", "*.example"}).check(url)


@given(st.text(max_size=80) | st.text(max_size=40).map("http://{}/".format))
def test_no_url_breaks_the_guard(url: str) -> None:
    with contextlib.suppress(ForbiddenAddress):
        assert Guard().check(url).scheme in {"http", "https"}


def test_the_error_names_host_and_setting_but_no_path() -> None:
    with pytest.raises(ForbiddenAddress) as caught:
        Guard().check("http://10.1.2.3/token/s3cr3t?key=hidden")
    assert "10.1.2.3" in str(caught.value)
    assert "network.allowed_private_hosts" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "url", "allowed"),
    [
        ("10.0.0.0/8", "http://10.9.8.7/", True),
        ("10.0.0.0/8", "http://[::ffff:10.9.8.7]/", True),
        ("10.0.0.0/8", "http://11.0.0.1/", True),
        ("10.0.0.0/8", "http://127.0.0.1/", False),
        ("10.1.2.3", "http://10.1.2.3/", True),
        ("10.1.2.3", "http://10.1.2.4/", False),
        ("fd00::/8", "http://[fd00::5]/", True),
        ("::1", "http://[::1]/", True),
    ],
)
def test_an_allowed_network_opens_its_addresses_only(entry: str, url: str, allowed: bool) -> None:
    guard = Guard({entry})
    if allowed:
        guard.check(url)
    else:
        with pytest.raises(ForbiddenAddress):
            guard.check(url)


@pytest.mark.parametrize(
    ("entry", "host", "trusted"),
    [
        ("minio", "minio", True),
        (" MinIO. ", "MINIO.", True),
        ("minio", "minio.example", False),
        ("minio", "my-minio", False),
        ("*.internal", "rails.internal", True),
        ("*.internal", "a.b.internal", True),
        ("*.internal", "internal", False),
        ("*.internal", "notinternal", False),
        ("chatwoot_rails", "chatwoot_rails", True),
    ],
)
def test_names_are_trusted_exactly_or_below_a_domain(entry: str, host: str, trusted: bool) -> None:
    assert Guard({entry}).trusts(host) is trusted


@pytest.mark.parametrize(
    "entry", ["", "*", "*.", "http://minio", "10.0.0.0/33", "a b", "minio:9000", "*.*.x", "127.1"]
)
def test_a_wrong_entry_is_refused_with_the_name_of_the_setting(entry: str) -> None:
    with pytest.raises(SetupError, match="allowed_private_hosts"):
        Guard({entry})


class Answers:
    """What DNS says, in the place of the system's resolver."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def __call__(self, _host: str, port: int, **_: Any) -> list[Any]:
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in self.addresses
        ]


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Answers:
    answers = Answers()
    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", lambda _, *a, **k: answers(*a, **k))
    return answers


@pytest.mark.parametrize(
    "addresses",
    [("127.0.0.1",), ("8.8.8.8", "10.0.0.1"), ("::ffff:169.254.169.254",), ("8.8.8.8", "fe80::1")],
)
async def test_a_name_with_one_private_address_is_forbidden(
    dns: Answers, addresses: tuple[str, ...]
) -> None:
    dns.addresses = addresses
    with pytest.raises(ForbiddenAddress, match=r"innocent\.example.*allowed_private_hosts"):
        await Guard().resolver().resolve("innocent.example", 80, socket.AF_UNSPEC)


async def test_a_name_that_was_allowed_may_be_private(dns: Answers) -> None:
    dns.addresses = ("10.0.0.1",)
    found = await Guard({"minio"}).resolver().resolve("minio", 9000, socket.AF_UNSPEC)
    assert [result["host"] for result in found] == ["10.0.0.1"]


async def test_a_name_may_lead_into_an_allowed_network(dns: Answers) -> None:
    dns.addresses = ("10.0.0.1",)
    await Guard({"10.0.0.0/8"}).resolver().resolve("minio", 9000, socket.AF_UNSPEC)


@pytest.mark.parametrize("url", ["http://typebot-viewer:3000", "http://10.0.0.1/", "ftp://a.b"])
async def test_what_cannot_be_called_now_is_known_before_it_is_stored(
    dns: Answers, url: str
) -> None:
    dns.addresses = ("10.0.0.1",)
    with pytest.raises(ForbiddenAddress):
        await Guard().judge(url)


async def test_only_what_is_certain_is_judged_beforehand(
    dns: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    dns.addresses = ("10.0.0.1",)
    await Guard({"typebot-viewer"}).judge("http://typebot-viewer:3000")
    await Guard({"10.0.0.0/8"}).judge("http://typebot-viewer:3000")
    dns.addresses = ("8.8.8.8",)
    await Guard().judge("https://bot.example")

    async def nobody_knows(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", nobody_knows)
    await Guard().judge("https://not-yet.example")


async def test_a_public_name_is_resolved(dns: Answers) -> None:
    dns.addresses = ("8.8.8.8", "2606:4700::1111")
    found = await Guard().resolver().resolve("public.example", 443, socket.AF_UNSPEC)
    assert [(result["host"], result["port"]) for result in found] == [
        ("8.8.8.8", 443),
        ("2606:4700::1111", 443),
    ]
