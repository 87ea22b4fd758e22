"""What an answer says of a code to scan is true of one code, also while codes change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.core.connection import LinkState
from bridge.whatsapp.qr import Qr
from support.bridge_house import KEY, NAME, House, bridge_house
from support.qr_channel import QrPhone, QrPhones
from support.sessions import QR_ORDER, reaches

NUMBER = "5511987650009"


@pytest.fixture
def phones() -> QrPhones:
    return QrPhones()


@pytest.fixture
async def house(tmp_path: Path, phones: QrPhones) -> AsyncIterator[House]:
    async with bridge_house(tmp_path, order=QR_ORDER, channels=phones.kinds) as found:
        yield found


@pytest.fixture
def phone(phones: QrPhones) -> QrPhone:
    return phones[NAME]


async def connect(house: House, query: str = "") -> Any:
    return await house.ok("GET", f"/instance/connect/{NAME}{query}")


async def taken_over(house: House, code: str) -> None:
    """Wait until this code is the one to scan."""
    moved = asyncio.Event()
    house.service.events.listen(lambda _happened: moved.set())
    entry = house.service.instances.entry(NAME)
    async with asyncio.timeout(10):
        while (qr := house.service.connections.qr(entry)) is None or qr.code != code:
            await moved.wait()
            moved.clear()


async def test_picture_text_and_count_are_those_of_one_code(house, phone):
    pictures = set()
    first = await connect(house)
    for count in range(1, 5):
        if count > 1:
            phone.show_code()
            await taken_over(house, f"2@code-{count}")
        body = await connect(house)
        assert (body["code"], body["count"]) == (f"2@code-{count}", count)
        assert body["base64"] == Qr(code=body["code"], count=count).base64
        pictures.add(body["base64"])

    assert first["count"] == 1
    assert len(pictures) == 4
    assert phone.calls == ["connect"]


async def test_a_pairing_code_stays_with_the_codes_that_follow(house, phone):
    assert (await connect(house, f"?number={NUMBER}"))["pairingCode"] == "PAIR0009"
    phone.show_code(NUMBER)
    await taken_over(house, "2@code-2")

    body = await connect(house, f"?number={NUMBER}")

    assert (body["code"], body["pairingCode"]) == ("2@code-2", "PAIR0009")
    assert phone.calls == [f"connect {NUMBER}"]


async def test_after_a_scan_no_code_is_shown(house, phone):
    await connect(house)
    phone.scan()
    await reaches(house, LinkState.OPEN)

    assert await connect(house) == {"instance": {"instanceName": NAME, "state": "open"}}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"instanceName": "x"}, id="nothing said"),
        pytest.param({"instanceName": "x", "rejectCall": True}, id="v2"),
        pytest.param({"instanceName": "x", "reject_call": True}, id="v1"),
        pytest.param({"instanceName": "x", "webhook": "https://hook.example/x"}, id="early v1"),
        pytest.param({"instanceName": "x", "integration": ""}, id="an empty one"),
        pytest.param({"instanceName": "x", "integration": None}, id="none"),
    ],
)
@pytest.mark.parametrize("dialect", ["", "v1", "v1-legacy", "v2", "l2"])
async def test_a_create_that_names_no_integration_makes_one_to_be_scanned(house, body, dialect):
    headers = {"X-Api-Dialect": dialect} if dialect else {}

    made = await house.ok("POST", "/instance/create", json=body | {"qrcode": True}, headers=headers)

    (row,) = await house.rows("SELECT integration FROM instance WHERE name='x'")
    assert row["integration"] == "WHATSAPP-BAILEYS"
    assert made["qrcode"]["code"] == "2@code-1"
    status, _ = await house.call("GET", "/instance/connectionState/x", key=KEY)
    assert status == 200
