"""A create with a channel that is connected by QR code: its first code is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import PeerDown
from support.bridge_house import House, bridge_house
from support.qr_channel import QrPhones


@pytest.fixture
def phones() -> QrPhones:
    return QrPhones()


@pytest.fixture
async def house(
    tmp_path: Path, phones: QrPhones, request: pytest.FixtureRequest
) -> AsyncIterator[House]:
    """Impatient where no code is to come, and there alone: machines are slow at times."""
    options = {"api": {"qr_wait_seconds": 0.2 if "no_code" in request.node.name else 20}}
    async with bridge_house(
        tmp_path, provisioned=False, channels=phones.kinds, options=options
    ) as found:
        yield found


def order(house: House, **changes: Any) -> dict[str, Any]:
    return house.order(
        **{"integration": "WHATSAPP-BAILEYS", "token": None, "number": None, "qrcode": True}
        | changes
    )


async def test_the_first_code_is_in_the_answer_beside_chatwoot(house: House) -> None:
    made = await house.ok("POST", "/instance/create", json=order(house))
    assert made["instance"]["status"] == "connecting"
    assert made["qrcode"]["code"].startswith("2@")
    assert made["qrcode"]["base64"].startswith("data:image/png;base64,")
    assert made["qrcode"]["count"] == 1
    assert made["chatwoot"]["enabled"] is True
    assert "notActive" not in made
    (row,) = await house.rows("SELECT state FROM connection")
    assert row["state"] == "connecting"


async def test_with_a_number_it_can_be_typed_too(house: House) -> None:
    made = await house.ok("POST", "/instance/create", json=order(house, number="5511987650001"))
    assert made["qrcode"]["pairingCode"]


async def test_nothing_is_connected_unless_that_was_asked_for(
    house: House, phones: QrPhones
) -> None:
    made = await house.ok("POST", "/instance/create", json=order(house, qrcode=False))
    assert made["instance"]["status"] == "close"
    assert "qrcode" not in made
    assert phones["loja"].calls == []


async def test_that_no_code_came_in_time_is_no_failure(house: House, phones: QrPhones) -> None:
    phones["loja"].is_silent = True
    made = await house.ok("POST", "/instance/create", json=order(house))
    assert made["qrcode"]["count"] == 0
    assert any("no QR code within" in text for text in made["warnings"])
    assert [row["name"] for row in await house.ok("GET", "/instance/fetchInstances")] == ["loja"]


async def test_that_the_channel_does_not_begin_is_no_failure(
    house: House, phones: QrPhones
) -> None:
    phones["loja"].connect_fails.append(PeerDown("The worker is down."))
    made = await house.ok("POST", "/instance/create", json=order(house))
    assert any("The worker is down." in text for text in made["warnings"])
    assert made["qrcode"]["count"] == 0


async def test_a_create_that_fails_leaves_no_session(house: House, phones: QrPhones) -> None:
    house.chat.faults.fail(500, route="POST contacts")
    status, _ = await house.call("POST", "/instance/create", json=order(house))
    assert status == 400
    assert "forget" in phones["loja"].calls
    assert await house.rows("SELECT * FROM connection") == []


async def test_a_deleted_instance_is_logged_out_and_forgotten(
    house: House, phones: QrPhones
) -> None:
    await house.ok("POST", "/instance/create", json=order(house))
    phones["loja"].scan()
    async with asyncio.timeout(30):
        while (await house.rows("SELECT state FROM connection"))[0]["state"] != "open":
            await house.service.store.write(lambda _unit: None)
    await house.ok("DELETE", "/instance/delete/loja")
    assert phones["loja"].calls[-2:] == ["logout", "forget"]
    assert await house.rows("SELECT * FROM connection") == []
