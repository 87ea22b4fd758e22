"""The embedded engine passes the conformance suite, and what only it has."""

from __future__ import annotations

import asyncio

import pytest
from engine.conformance import QueueConformance

from bridge.engine.queue import Delivered
from bridge.errors import Unavailable
from support.rig import SOON, Rig, new_job


class TestEmbeddedQueue(QueueConformance):
    """All of it, on SQLite."""


async def break_database(rig: Rig) -> None:
    """From now on nothing can be written, as with a full disk."""
    await rig.write(lambda unit: unit.db.execute("PRAGMA query_only=ON") and None)


async def mend_database(rig: Rig) -> None:
    await rig.store._writer.call(lambda db: db.execute("PRAGMA query_only=OFF") and None)


async def test_a_claim_that_cannot_read_gives_its_job_back(rig: Rig, monkeypatch):
    job_id = await rig.add()

    async def fail(_work):
        raise Unavailable("The database cannot be read.")

    with monkeypatch.context() as patch:
        patch.setattr(rig.store, "read", fail)
        with pytest.raises(Unavailable):
            await rig.queue.claim()

    assert (await rig.claim()).id == job_id


async def test_a_cancelled_job_in_a_failing_database_does_not_block_its_lane(rig: Rig):
    """The claim finds that its job was cancelled, and cannot store that the lane is free."""
    first, second = await rig.add(), await rig.add()
    # Cancelled behind the queue's back: memory still offers it.
    await rig.write(
        lambda unit: unit.db.execute("UPDATE job SET state='ignored' WHERE id=?", (first,)) and None
    )
    await break_database(rig)
    with pytest.raises(Unavailable):
        await rig.queue.claim()
    await mend_database(rig)

    assert (await rig.claim()).id == second


async def test_acquiring_waits_for_a_claim_that_comes_to_nothing(rig: Rig, monkeypatch):
    await rig.add("a")
    reading, fail = asyncio.Event(), asyncio.Event()

    async def slow(_work):
        reading.set()
        await fail.wait()
        raise Unavailable("The database cannot be read.")

    with monkeypatch.context() as patch:
        patch.setattr(rig.store, "read", slow)
        claiming = asyncio.ensure_future(rig.queue.claim())
        await reading.wait()
        acquiring = asyncio.ensure_future(rig.queue.acquire(["a"]))
        await asyncio.sleep(0)
        fail.set()
        async with asyncio.timeout(SOON):
            await acquiring
        with pytest.raises(Unavailable):
            await claiming


async def test_memory_holds_heads_only(rig: Rig):
    """A backlog stays on disk; what has passed leaves nothing behind."""
    for number in range(40):
        await rig.add(f"lane {number % 4}")
    assert len(rig.queue.lanes.heads) == 4

    for _ in range(40):
        job = await rig.claim()
        rig.queue.hold_lane(job.lane, until=rig.clock.ms() + 100)
        await rig.write(lambda unit, job=job: rig.queue.wake(unit, job.id, due_at=0))
        await rig.queue.settle(job, Delivered())
        rig.clock.advance(0.1)
    await rig.nothing_starts()

    lanes = rig.queue.lanes
    assert not (lanes.heads)
    assert not (lanes.running)
    assert not (lanes._held)
    assert not (lanes._timers)
    assert not (lanes._ready)
    assert not (lanes._queued)
    assert not (lanes._blocked)
    assert not (rig.queue._woken)
    assert not (rig.queue._acquiring)


async def test_two_queues_never_share_a_number(rig: Rig):
    """Accept numbers and revived positions come from one counter."""
    dead = await rig.write(
        lambda unit: rig.queue.add_dead(unit, new_job(rig.clock), cause="c", reason="r")
    )
    await rig.write(lambda unit: rig.queue.revive(unit, dead, states=("dead",), now=1))
    added = await rig.add()

    assert (await rig.row(dead))["position"] < (await rig.row(added))["position"] == added
