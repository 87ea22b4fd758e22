"""Instances on demand end with their trial unless somebody subscribes, and nothing else ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from bridge.core.trial import Trial
from bridge.engine.queue import Again, Outcome
from bridge.errors import Unavailable
from bridge.relay.directory import Entry
from bridge.relay.trials import Trials
from support.bridge_house import House, bridge_house

PARTNER = "the-partner-token-of-the-tests"
BEARER = {"Authorization": f"Bearer {PARTNER}"}


@asynccontextmanager
async def offering(data: Path, **z_api: Any) -> AsyncIterator[House]:
    options = {"z_api": {"partner_token": PARTNER} | z_api}
    async with bridge_house(data, provisioned=False, options=options) as house:
        yield house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with offering(tmp_path) as found:
        yield found


async def order(house: House, name: str = "Loja") -> dict[str, Any]:
    made: dict[str, Any] = await house.ok(
        "POST", "/instances/integrator/on-demand", key=None, headers=BEARER, json={"name": name}
    )
    return made


async def ask(house: House, made: dict[str, Any], action: str) -> tuple[int, Any]:
    path = f"/instances/{made['id']}/token/{made['token']}/integrator/on-demand/{action}"
    return await house.call("POST", path, key=None, headers=BEARER)


async def alive(house: House) -> set[str]:
    return {row["name"] for row in await house.rows("SELECT name FROM instance")}


async def told(house: House) -> list[tuple[str, str]]:
    """What happened to trials: (event, state), oldest first."""
    rows = await house.rows("SELECT name, data FROM event WHERE name LIKE 'trial.%' ORDER BY id")
    return [(row["name"], orjson.loads(row["data"])["state"]) for row in rows]


async def audited(house: House) -> list[tuple[str, str]]:
    rows = await house.rows("SELECT action, instance FROM audit WHERE actor='ponte' ORDER BY id")
    return [(row["action"], row["instance"]) for row in rows]


async def test_what_was_not_subscribed_is_deleted_at_its_end_and_nothing_else(house: House) -> None:
    own = await house.ok("POST", "/instance/create", json={"instanceName": "own"})
    assert own["instance"]["instanceName"] == "own"
    lost, kept = await order(house, "lost"), await order(house, "kept")
    assert (await ask(house, kept, "subscription"))[0] == 201

    await house.pass_time(47)
    assert await alive(house) == {"own", lost["id"], kept["id"]}
    await house.pass_time(2)
    assert await alive(house) == {"own", kept["id"]}
    status, _ = await house.call(
        "GET", f"/instances/{lost['id']}/token/{lost['token']}/status", key=None
    )
    assert status == 401
    assert await told(house) == [
        ("trial.subscribed", "active"),
        ("trial.warning", "trial"),
        ("trial.ended", "deleting"),
    ]
    assert await audited(house) == [("trial.warning", lost["id"]), ("instance.delete", lost["id"])]
    await house.pass_time(10_000)
    assert await alive(house) == {"own", kept["id"]}
    assert not any((await house.balance()).values())


async def test_it_is_warned_of_once_a_day_before(house: House) -> None:
    made = await order(house)
    await house.pass_time(23)
    assert await told(house) == []
    with capture_logs() as logged:
        await house.pass_time(2)
        await house.pass_time(2)
    assert await told(house) == [("trial.warning", "trial")]
    (line,) = [line for line in logged if line["event"] == "trial.warned"]
    assert line == {
        "event": "trial.warned",
        "instance": made["id"],
        "due": int(made["due"]),
        "log_level": "warning",
    }


async def test_after_an_outage_it_is_warned_of_before_it_ends(house: House) -> None:
    made = await order(house)
    await house.stop()
    house.clock.ahead_seconds += 100 * 3600
    await house.start()
    await house.pass_time(0)
    assert await told(house) == [("trial.warning", "trial")]
    (row,) = (await house.ok("GET", "/instances", key=None, headers=BEARER))["content"]
    assert row["due"] > int(made["due"])
    await house.pass_time(1.1)
    assert await alive(house) == set()


async def test_it_ends_after_a_restart_too(house: House) -> None:
    await order(house)
    await house.pass_time(25)
    await house.stop()
    await house.start()
    await house.pass_time(24)
    assert await alive(house) == set()


async def test_a_clock_that_was_set_back_only_makes_it_later(house: House) -> None:
    await order(house)
    await house.pass_time(-100)
    assert await told(house) == []
    await house.pass_time(125)
    await house.pass_time(24)
    assert await alive(house) == set()


async def test_where_deletion_is_switched_off_it_is_only_told(tmp_path: Path) -> None:
    async with offering(tmp_path, delete_unsubscribed=False) as house:
        made = await order(house)
        await house.pass_time(25)
        await house.pass_time(100)
        assert await alive(house) == {made["id"]}
        assert await told(house) == [("trial.warning", "trial"), ("trial.ended", "ended")]
        assert (await audited(house))[-1] == ("trial.ended", made["id"])
        status, body = await ask(house, made, "subscription")
        assert (status, body["state"], body["due"]) == (201, "active", None)


async def test_without_a_warning_time_it_is_told_at_its_end(tmp_path: Path) -> None:
    async with offering(tmp_path, warning_hours=0, trial_hours=1) as house:
        await order(house)
        await house.pass_time(1.1)
        assert await alive(house) == set()
        assert [name for name, _ in await told(house)] == ["trial.warning", "trial.ended"]


async def test_subscribing_twice_is_once(house: House) -> None:
    made = await order(house)
    for _ in range(2):
        status, body = await ask(house, made, "subscription")
        assert (status, body["state"]) == (201, "active")
    assert await told(house) == [("trial.subscribed", "active")]
    assert await house.waiting() == 0


async def test_a_cancelled_subscription_ends_like_a_trial(house: House) -> None:
    made = await order(house)
    await ask(house, made, "subscription")
    await house.pass_time(1000)
    status, body = await ask(house, made, "cancel")
    assert (status, body["value"], body["state"]) == (201, True, "cancelled")
    assert int(body["due"]) > int(made["due"]) + 1000 * 3_600_000
    assert "due" in body["message"]
    await house.pass_time(25)
    assert await alive(house) == {made["id"]}
    await house.pass_time(24)
    assert await alive(house) == set()


async def test_a_cancelled_instance_may_be_subscribed_again(house: House) -> None:
    made = await order(house)
    for action in ("subscription", "cancel", "subscription"):
        assert (await ask(house, made, action))[0] == 201
    await house.pass_time(1000)
    assert await alive(house) == {made["id"]}


async def test_cancelling_a_trial_makes_it_no_longer(house: House) -> None:
    made = await order(house)
    await house.pass_time(40)
    for _ in range(2):
        _, body = await ask(house, made, "cancel")
        assert body["due"] == made["due"]
    await house.pass_time(9)
    assert await alive(house) == set()


async def test_a_deletion_that_was_cut_off_goes_on(house: House) -> None:
    made = await order(house)
    await house.pass_time(25)
    instances = house.service.instances
    real, tries = instances.delete, 0

    async def broken(*args: Any, **more: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise Unavailable("The database cannot be written.")
        return await real(*args, **more)

    instances.delete = broken  # type: ignore[method-assign]
    await house.pass_time(24)
    assert await alive(house) == {made["id"]}
    status, body = await ask(house, made, "subscription")
    assert (status, body["response"]["code"]) == (409, "trial.over")
    await house.pass_time(1)
    assert await alive(house) == set()
    assert [name for name, _ in await told(house)] == ["trial.warning", "trial.ended"]


async def test_a_subscription_at_the_last_moment_wins(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job has read the trial as over; the subscription commits before it claims the end."""
    made = await order(house)
    await house.pass_time(25)
    real = Trials._end
    reached, go = asyncio.Event(), asyncio.Event()
    outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    async def slow(self: Trials, entry: Entry, trial: Trial, *, now: int) -> Outcome:
        reached.set()
        await go.wait()
        outcome.set_result(await real(self, entry, trial, now=now))
        return outcome.result()

    monkeypatch.setattr(Trials, "_end", slow)
    passing = asyncio.ensure_future(house.pass_time(24))
    await reached.wait()
    status, body = await ask(house, made, "subscription")
    assert (status, body["state"]) == (201, "active")
    go.set()
    assert isinstance(await outcome, Again)
    await passing
    await house.pass_time(1000)
    assert await alive(house) == {made["id"]}
    assert await house.waiting() == 0


async def test_a_create_that_fails_leaves_no_trial(house: House) -> None:
    for body in ({}, {"name": ""}):
        status, _ = await house.call(
            "POST", "/instances/integrator/on-demand", key=None, headers=BEARER, json=body
        )
        assert status == 400
    assert await house.rows("SELECT * FROM subscription") == []
    assert await house.rows("SELECT * FROM job") == []


async def test_deleting_an_instance_ends_its_trial(house: House) -> None:
    made = await order(house)
    await house.ok("DELETE", f"/instance/delete/{made['id']}", key=made["token"])
    assert await house.rows("SELECT * FROM subscription") == []
    assert await house.waiting() == 0
    await house.pass_time(1000)
    assert await told(house) == []
