"""What every accept unit does: keys, and events that must not spoil their batch."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from bridge.engine.accept import apart, is_new
from bridge.errors import Unavailable
from bridge.store.engine import Unit
from support.rig import Rig, new_job


async def test_a_key_is_new_once(rig: Rig):
    answers = await asyncio.gather(
        *(rig.write(lambda unit: is_new(unit, "content:i:wamid.1", 5)) for _ in range(10))
    )

    assert sorted(answers) == [False] * 9 + [True]


async def test_a_key_of_a_unit_that_failed_is_new_again(rig: Rig):
    def work(unit: Unit) -> None:
        is_new(unit, "k", 5)
        raise LookupError

    with pytest.raises(LookupError):
        await rig.write(work)

    assert await rig.write(lambda unit: is_new(unit, "k", 5))


async def test_a_poisonous_event_leaves_nothing_and_harms_no_other(rig: Rig, logged):
    told = []

    def accept(unit: Unit, number: int) -> None:
        is_new(unit, f"k{number}", 1)
        rig.queue.add(unit, new_job(rig.clock, f"lane {number}"))
        unit.after_commit.append(lambda: told.append(number))
        unit.count("inbound", "delivered", "test")
        if number == 2:
            raise ValueError("poison")

    kept = await rig.write(
        lambda unit: [
            apart(unit, lambda number=number: accept(unit, number)) for number in range(4)
        ]
    )

    assert kept == [True, True, False, True]
    assert told == [0, 1, 3]
    assert {(await rig.run()).lane for _ in range(3)} == {"lane 0", "lane 1", "lane 3"}
    await rig.nothing_starts()
    tallies = await rig.tallies()
    assert tallies["inbound", "accepted", ""] == 3
    assert tallies["inbound", "delivered", "test"] == 3
    assert await rig.write(lambda unit: is_new(unit, "k2", 1))
    assert [entry["event"] for entry in logged] == ["event.accept_failed"]


async def test_a_failing_database_is_not_the_events_fault(rig: Rig):
    def step() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(Unavailable, match="disk is full"):
        await rig.write(lambda unit: apart(unit, step))
