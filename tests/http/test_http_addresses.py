"""Who is counted: the caller, however many proxies stand in front and whatever it claims."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession

from bridge.errors import SetupError
from bridge.http.addresses import counted_as, networks
from bridge.http.server import make_app, serving
from support.toy_http import GLOBAL_KEY, MAX_BODY, ToyGate, toy_routes


async def address_seen(trusted: list[str], *forwarded: str) -> str:
    gate = ToyGate()
    app = make_app(toy_routes(), gate=gate, max_body=MAX_BODY, trusted_proxies=networks(trusted))
    headers = [("apikey", GLOBAL_KEY), *(("X-Forwarded-For", text) for text in forwarded)]
    async with (
        serving(app, host="127.0.0.1", port=0, shutdown_seconds=1) as (host, port),
        ClientSession(f"http://{host}:{port}") as session,
        session.get("/instance/fetchInstances", headers=headers) as answer,
    ):
        assert answer.status == 200
    return gate.claims[0].address


async def test_a_header_of_somebody_who_is_no_proxy_of_ours_is_not_believed():
    assert await address_seen([], "203.0.113.9") == "127.0.0.1"
    assert await address_seen(["10.0.0.0/8"], "203.0.113.9") == "127.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "seen"),
    [
        pytest.param([], "127.0.0.1", id="the proxy says nothing"),
        pytest.param(["203.0.113.9"], "203.0.113.9", id="one"),
        pytest.param(["1.1.1.1, 203.0.113.9"], "203.0.113.9", id="the left one is a lie"),
        pytest.param(["1.1.1.1", "203.0.113.9"], "203.0.113.9", id="in two headers"),
        pytest.param(["1.1.1.1, 203.0.113.9, 10.1.2.3"], "203.0.113.9", id="two proxies"),
        pytest.param(["10.9.9.9, 10.1.2.3"], "10.9.9.9", id="only proxies: the first of them"),
        pytest.param(["203.0.113.9, unknown"], "127.0.0.1", id="no address: the last known"),
        pytest.param(["unknown, 203.0.113.9:4711"], "203.0.113.9", id="with a port"),
        pytest.param(["[2001:db8::7]:4711"], "2001:db8::7", id="IPv6 with a port"),
        pytest.param(["::ffff:203.0.113.9"], "203.0.113.9", id="IPv4 in IPv6"),
        pytest.param(["1.1.1.1,, ,"], "127.0.0.1", id="empty ones"),
        pytest.param(["9" * 4000], "127.0.0.1", id="huge"),
    ],
)
async def test_a_trusted_proxy_names_the_caller(forwarded, seen):
    assert await address_seen(["127.0.0.1", "10.0.0.0/8"], *forwarded) == seen


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::1", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_network_counts_as_one(address, counted):
    assert counted_as(address) == counted


def test_a_proxy_that_is_no_network_stops_the_start():
    with pytest.raises(SetupError, match='"traefik" is neither an address nor a network'):
        networks(["10.0.0.0/8", "traefik"])


def test_a_network_may_be_written_by_one_of_its_addresses():
    assert [str(network) for network in networks(["10.1.2.3/8", "::1"])] == [
        "10.0.0.0/8",
        "::1/128",
    ]
