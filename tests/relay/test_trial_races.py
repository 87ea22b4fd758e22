"""The end of a trial while something else ends the instance, or the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from support.bridge_house import House, bridge_house
from support.qr_channel import QrPhone, QrPhones

PARTNER = "partner-token-of-the-tests"
BEARER = {"Authorization": f"Bearer {PARTNER}"}
ON_DEMAND = "/instances/integrator/on-demand"


@asynccontextmanager
async def ending(tmp_path: Path) -> AsyncIterator[tuple[House, QrPhone, dict[str, Any]]]:
    """A trial of which was warned, and whose session takes its time to be forgotten."""
    phones = QrPhones()
    async with bridge_house(
        tmp_path,
        provisioned=False,
        channels=phones.kinds,
        options={"z_api": {"partner_token": PARTNER}},
    ) as house:
        made = await house.ok("POST", ON_DEMAND, key=None, headers=BEARER, json={"name": "Loja"})
        await house.pass_time(25)
        phone = phones[made["id"]]
        phone.gates["forget"] = asyncio.Event()
        yield house, phone, made


async def gone(house: House) -> None:
    """All of it, once, and nothing failed on the way."""
    assert await house.rows("SELECT * FROM instance") == []
    assert await house.rows("SELECT * FROM subscription") == []
    assert await house.rows("SELECT * FROM job") == []
    deleted = await house.rows("SELECT * FROM event WHERE name='instance.delete'")
    assert len(deleted) == 1
    assert set((await house.balance()).values()) <= {0}


async def test_an_instance_that_is_deleted_at_the_end_of_its_trial_goes_once(tmp_path):
    async with ending(tmp_path) as (house, phone, made):
        passing = asyncio.ensure_future(house.pass_time(24))
        await phone.called("forget")

        deleting = asyncio.ensure_future(house.call("DELETE", f"/instance/delete/{made['id']}"))
        phone.gates["forget"].set()
        status, _ = await deleting
        await passing

        assert status == 404
        await gone(house)


async def test_a_trial_that_ends_while_its_instance_is_deleted_is_no_failure(tmp_path):
    async with ending(tmp_path) as (house, phone, made):
        deleting = asyncio.ensure_future(house.ok("DELETE", f"/instance/delete/{made['id']}"))
        await phone.called("forget")

        passing = asyncio.ensure_future(house.pass_time(24))
        await happens(house, "trial.ended")
        phone.gates["forget"].set()
        await deleting
        await passing

        await gone(house)


async def test_a_subscription_is_refused_once_the_deletion_has_begun(tmp_path):
    async with ending(tmp_path) as (house, phone, made):
        passing = asyncio.ensure_future(house.pass_time(24))
        await phone.called("forget")

        path = f"/instances/{made['id']}/token/{made['token']}/integrator/on-demand/subscription"
        status, body = await house.call("POST", path, key=None, headers=BEARER)
        phone.gates["forget"].set()
        await passing

        assert (status, body["response"]["code"]) == (409, "trial.over")
        await gone(house)


async def test_a_deletion_that_the_end_of_the_service_cuts_off_goes_on(tmp_path):
    async with ending(tmp_path) as (house, phone, _made):
        house.clock.ahead_seconds += 24 * 3600
        house.service.queue.resume("local")
        await phone.called("forget")

        await house.stop()
        phone.gates["forget"].set()
        await house.start()
        await house.quiet()

        await gone(house)


async def happens(house: House, name: str) -> None:
    moved = asyncio.Event()
    house.service.events.listen(lambda _happened: moved.set())
    async with asyncio.timeout(10):
        while not await house.rows("SELECT 1 FROM event WHERE name=?", name):
            await moved.wait()
            moved.clear()
