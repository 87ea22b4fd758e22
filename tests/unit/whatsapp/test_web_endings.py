"""What the end of a connection over WhatsApp Web means, and how a number's worker is set up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bridge.clock import SystemClock
from bridge.core.connection import Closed, QrLimit
from bridge.core.instance import BAILEYS, InstanceOptions, Proxy
from bridge.errors import PeerLocked
from bridge.whatsapp.web import endings, kind
from bridge.whatsapp.web.process import environment
from support.instances import instance
from support.toy_phone import Times


@pytest.mark.parametrize(
    ("failures", "longest"),
    [(1, 0), (2, 1), (3, 2), (4, 4), (7, 32), (8, 60), (9, 60), (10_000, 60)],
)
def test_the_first_failure_costs_nothing_then_waits_double_up_to_a_minute_with_full_jitter(
    failures: int, longest: float
) -> None:
    assert endings.backoff(failures, 1.0) == longest
    assert endings.backoff(failures, 0.5) == longest / 2
    assert endings.backoff(failures, 0.0) == 0


@pytest.mark.parametrize(
    ("cause", "code", "again"),
    [
        ("logged_out", 401, False),
        ("replaced", 440, False),
        ("banned", 403, False),
        ("outdated", 405, False),
        ("refused", 503, True),
        ("stream_error", 503, True),
        ("unreachable", 503, True),
        ("disconnected", 408, True),
        ("never heard of", 500, True),
        (None, 500, True),
        (["x"], 500, True),
    ],
)
def test_who_starts_the_next_worker(cause: Any, code: int, again: bool) -> None:
    ending = endings.of_closed({"cause": cause})
    assert isinstance(ending.signal, Closed)
    assert (ending.signal.code, ending.signal.again, ending.again) == (code, again, again)
    assert ending.signal.reason.endswith(".")


def test_codes_that_nobody_scanned_take_a_person() -> None:
    assert endings.of_closed({"cause": "qr_timeout"}).signal == QrLimit()
    assert not endings.of_closed({"cause": "qr_timeout"}).again


def test_what_whatsapp_refuses_is_not_tried_in_a_hurry() -> None:
    ending = endings.of_closed({"cause": "refused", "code": 400})
    assert ending.slow
    assert isinstance(ending.signal, Closed)
    assert ending.signal.code == 400
    assert endings.backoff(endings.SLOW, 1.0) == endings.LAST_BOUND


@pytest.mark.parametrize("until", [None, "soon", True, -1, 0, 10**30, 1.5])
def test_a_ban_without_a_sensible_end_has_none(until: Any) -> None:
    ending = endings.of_closed({"cause": "banned", "expires_ms": until})
    assert isinstance(ending.signal, Closed)
    assert "until" not in ending.signal.reason


#: What the engine says, behind "failed to dial whatsapp web websocket: ... ".
_DIALS = {
    "proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused": "The proxy does not",
    "socks connect tcp 127.0.0.1:1->x:443: unknown error host unreachable": "The proxy does not",
    'malformed HTTP response "SSH-2.0-OpenSSH_9.2"': "The proxy does not",
    "Proxy Authentication Required": "refuses the user name or password",
    "socks connect tcp 127.0.0.1:1->x:443: username/password authentication failed": "refuses the",
    "socks connect tcp 127.0.0.1:1->x:443: no acceptable authentication methods": "refuses the",
    "tls: failed to verify certificate: x509: unknown authority": "install the package ca-cert",
    "dial tcp: lookup web.whatsapp.com on 10.0.0.1:53: no such host": "name service (DNS)",
    "proxyconnect tcp: dial tcp: lookup proxy.invalid: no such host": "The proxy does not",
    "dial tcp 192.0.2.1:443: connect: network is unreachable": "Check the network",
}


@pytest.mark.parametrize(("words", "says"), _DIALS.items())
def test_what_keeps_us_from_whatsapp_is_named_without_addresses(words: str, says: str) -> None:
    ending = endings.of_closed({"cause": "unreachable", "reason": words})
    assert isinstance(ending.signal, Closed)
    assert says in ending.signal.reason
    assert "127.0.0.1" not in ending.signal.reason


@pytest.mark.parametrize("code", [None, "515", True, -1, 10**9])
def test_odd_codes_are_replaced(code: Any) -> None:
    assert endings.lost({"cause": "disconnected", "code": code}).code == 408


@pytest.mark.parametrize(
    ("error", "again"),
    [
        ({"code": "no_engine"}, False),
        ({"code": "locked", "passing": True}, True),
        ({"code": "broken"}, False),
        ({"code": "broken", "passing": True}, True),
        ({"code": "failed"}, True),
        ({}, True),
    ],
)
def test_what_a_session_that_cannot_be_opened_means(error: dict[str, Any], again: bool) -> None:
    assert endings.of_open(error).again is again


def test_what_an_engine_lacks_is_told_in_its_own_words() -> None:
    missing = {"code": "no_engine", "message": "the engine cannot be loaded here (glibc 2.34)"}
    signal = endings.of_open(missing).signal
    assert isinstance(signal, Closed)
    assert signal.reason.startswith("The engine cannot be loaded here (glibc 2.34). `ponte doctor`")
    unsaid = endings.of_open({"code": "no_engine"}).signal
    assert isinstance(unsaid, Closed)
    assert "pip install 'ponte[whatsapp-web]'" in unsaid.reason


def test_a_worker_inherits_what_it_needs_and_no_secret() -> None:
    ours = {
        "PATH": "/bin",
        "LC_CTYPE": "C",
        "https_proxy": "http://p",
        "PONTE_TOKEN": "secret",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GOMEMLIMIT": "1GiB",
    }
    assert environment(ours, {"SSL_CERT_FILE": "/ca.pem"}) == {
        "PATH": "/bin",
        "LC_CTYPE": "C",
        "https_proxy": "http://p",
        "SSL_CERT_FILE": "/ca.pem",
        "NEONIZE_BOT_TAG": "off",
        "MALLOC_ARENA_MAX": "2",
        "GOMEMLIMIT": "192MiB",
    }


@pytest.mark.parametrize(
    ("proxy", "url"),
    [
        (None, None),
        (Proxy(host="proxy", port=80), "http://proxy:80"),
        (Proxy(host="::1", port=1, protocol="socks5"), "socks5://[::1]:1"),
        (Proxy(host="p", port=1, username="a b", password="@"), "http://a%20b:%40@p:1"),
        (Proxy(host="p", port=1, username="a"), "http://a:@p:1"),
    ],
)
def test_a_proxy_is_one_address(proxy: Proxy | None, url: str | None) -> None:
    assert kind.proxy_url(proxy) == url


async def test_without_the_library_nothing_connects_and_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind, "LIBRARY", "a_library_that_nobody_has")
    made = kind.web_kind(Times(), tmp_path, clock=SystemClock(), chance=lambda: 0)
    assert made.absent is not None
    assert "pip install 'ponte[whatsapp-web]'" in made.absent
    assert not made.has_session
    channel, _ = made.make(instance("loja", integration=BAILEYS))
    assert (await channel.link()).reason == made.absent
    with pytest.raises(PeerLocked):
        await channel.fetch(None, tmp_path / "x", limit=1)  # type: ignore[arg-type]


def test_each_number_has_a_peer_of_its_own_and_keeps_its_channel_while_its_way_out_stays(
    tmp_path: Path,
) -> None:
    made = kind.web_kind(
        Times(), tmp_path, clock=SystemClock(), chance=lambda: 0, command=["engine"]
    )
    one = instance("one", integration=BAILEYS)
    assert made.has_session
    assert made.integration == BAILEYS
    assert made.make(one)[1] == "whatsapp-web id-one"
    way = InstanceOptions(proxy=Proxy(host="p", port=1))
    named = InstanceOptions(device_name="Loja")
    identities = {
        made.identity(one),
        made.identity(instance("one", integration=BAILEYS, options=way)),
        made.identity(instance("one", integration=BAILEYS, options=named)),
    }
    assert len(identities) == 3
    assert made.identity(one) == made.identity(instance("one", integration=BAILEYS, token="x"))


def test_the_library_is_looked_for_and_not_loaded(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from bridge.clock import SystemClock;"
        "from support.toy_phone import Times; from bridge.whatsapp.web.kind import web_kind;"
        f"web_kind(Times(), Path({str(tmp_path)!r}), clock=SystemClock(), chance=lambda: 0);"
        "assert 'neonize' not in sys.modules"
    )
    tests = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tests, timeout=30)  # noqa: S603
