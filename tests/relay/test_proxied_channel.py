"""An instance with a proxy: what goes through it, and whom its failures concern."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.sim.graph import Number
from bridge.sim.pictures import jpeg
from support.bridge_house import MARINA, RUI, House, bridge_house
from support.proxies import HttpProxy, SocksProxy

SHOP = Number()
BRANCH = Number(phone_number_id="412900009999999", display_phone_number="+55 11 3000-9999")
LOGIN = ("filial", "s3cret")
AnyProxy = HttpProxy | SocksProxy


def fields(proxy: AnyProxy) -> dict[str, Any]:
    return {
        "proxyHost": "127.0.0.1",
        "proxyPort": str(proxy.port),
        "proxyProtocol": "socks5" if isinstance(proxy, SocksProxy) else "http",
        "proxyUsername": LOGIN[0],
        "proxyPassword": LOGIN[1],
    }


@asynccontextmanager
async def two_instances(path: Path, proxy: AnyProxy, **options: Any) -> AsyncIterator[House]:
    """`loja` goes straight, `filial` through the proxy."""
    async with bridge_house(path, graph={"numbers": (SHOP, BRANCH)}, options=options) as house:
        await house.create(
            instanceName="filial",
            number=BRANCH.phone_number_id,
            chatwootNameInbox="WhatsApp Filial",
            **fields(proxy),
        )
        yield house


@pytest.fixture(params=[HttpProxy, SocksProxy])
async def proxy(request: pytest.FixtureRequest) -> AsyncIterator[AnyProxy]:
    async with request.param(login=LOGIN) as made:
        yield made


async def breaks(house: House, key: str) -> None:
    """Wait until this breaker is open."""
    async with asyncio.timeout(30):
        while True:
            house._moved.clear()
            found = house.service.queue.lanes.breakers
            if any(one.is_open for name, one in found.items() if key in name):
                return
            await house._moved.wait()


async def test_every_call_and_file_of_an_instance_goes_through_its_proxy_and_nothing_else(
    tmp_path: Path, proxy: AnyProxy
) -> None:
    async with two_instances(tmp_path, proxy) as house:
        graph = house.settings.cloud.base_url.removeprefix("http://")
        proxy.targets.clear()
        chat = await house.talk(RUI)
        house.chat.agent_writes(chat.id, "da loja")
        await house.sent(1)
        await house.quiet()
        assert proxy.targets == []

        await proxy.drop()  # else a kept-alive tunnel is used again
        house.graph.requests.clear()
        chat = await house.talk(MARINA, None, image=jpeg(), phone_number_id=BRANCH.phone_number_id)
        house.chat.agent_writes(chat.id, "da filial")
        await house.sent(2)
        await house.quiet()
        assert set(proxy.targets) == {graph}
        assert set(proxy.logins) == {"filial:s3cret"}
        if isinstance(proxy, HttpProxy):
            assert len(proxy.targets) == len(house.graph.requests)
        assert house.texts == ["da loja", "da filial"]


async def test_a_dead_proxy_stops_its_own_instance_and_nothing_is_lost_or_doubled(
    tmp_path: Path,
) -> None:
    async with SocksProxy(login=LOGIN) as proxy, two_instances(tmp_path, proxy) as house:
        shop = await house.talk(RUI)
        branch = await house.talk(MARINA, phone_number_id=BRANCH.phone_number_id)
        await proxy.drop()
        proxy.fault = "cut"
        before = proxy.connections
        for text in ("um", "dois"):
            house.chat.agent_writes(branch.id, text)
        await proxy.wait_for(lambda: proxy.connections >= before + 2)
        house.chat.agent_writes(shop.id, "da loja")
        await house.sent(1)
        assert house.texts == ["da loja"]
        proxy.fault = None
        await house.sent(3)
        await house.quiet()
        assert house.texts == ["da loja", "um", "dois"]
        assert set((await house.balance()).values()) == {0}


async def test_a_changed_password_of_the_proxy_waits_for_a_person(tmp_path: Path) -> None:
    async with SocksProxy(login=LOGIN) as proxy, two_instances(tmp_path, proxy) as house:
        shop = await house.talk(RUI)
        branch = await house.talk(MARINA, phone_number_id=BRANCH.phone_number_id)
        await proxy.drop()
        proxy.login = ("filial", "changed")
        house.chat.agent_writes(branch.id, "espera")
        await breaks(house, "whatsapp:")
        house.chat.agent_writes(shop.id, "da loja")
        await house.sent(1)
        body = {"enabled": True, "host": "127.0.0.1", "port": str(proxy.port)}
        body |= {"protocol": "socks5", "username": "filial", "password": "changed"}
        await house.ok("POST", "/proxy/set/filial", json=body)
        await house.sent(2)
        await house.quiet()
        assert house.texts == ["da loja", "espera"]


async def test_a_switched_off_proxy_is_not_used_any_more(tmp_path: Path, proxy: AnyProxy) -> None:
    async with two_instances(tmp_path, proxy) as house:
        chat = await house.talk(MARINA, phone_number_id=BRANCH.phone_number_id)
        await house.ok("POST", "/proxy/set/filial", json={"enabled": False})
        proxy.targets.clear()
        house.chat.agent_writes(chat.id, "direto")
        await house.sent(1)
        await house.quiet()
        assert proxy.targets == []


async def test_what_waited_for_a_dead_proxy_goes_out_when_another_way_is_set(
    tmp_path: Path,
) -> None:
    engine = {"breaker_failures": 1, "breaker_probe_seconds": [3600]}
    async with (
        SocksProxy(login=LOGIN) as proxy,
        two_instances(tmp_path, proxy, engine=engine) as house,
    ):
        chat = await house.talk(MARINA, phone_number_id=BRANCH.phone_number_id)
        await proxy.drop()
        proxy.fault = "cut"
        house.chat.agent_writes(chat.id, "um")
        house.chat.agent_writes(chat.id, "dois")
        await breaks(house, " through ")

        await house.ok("POST", "/proxy/set/filial", json={"enabled": False})
        await house.sent(2)

        assert house.texts == ["um", "dois"]


@pytest.mark.parametrize("status", [407, 502])
async def test_an_instance_is_not_created_with_a_proxy_that_does_not_work(
    tmp_path: Path, status: int
) -> None:
    async with HttpProxy(status=status) as proxy, bridge_house(tmp_path) as house:
        order = house.order(instanceName="filial", number=BRANCH.phone_number_id)
        answered, body = await house.call("POST", "/instance/create", json=order | fields(proxy))
        assert answered == 400
        assert "Invalid proxy" in body["response"]["message"]
        assert "s3cret" not in str(body)
        assert (await house.call("GET", "/instance/connectionState/filial"))[0] == 404
