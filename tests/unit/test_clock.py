"""Waiting for an event or a moment, on the machine's clock and on one that we move."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import pytest

from bridge import clock as clock_module
from bridge.clock import ManualClock, SystemClock, to_ms, utc

SOON = 30.0


@pytest.mark.parametrize("make", [SystemClock, ManualClock])
async def test_a_wait_ends_with_its_event(make):
    clock, event = make(), asyncio.Event()
    for until in (None, clock.ms() + 60_000):
        event.clear()
        waiting = asyncio.ensure_future(clock.wait(event, until))
        await asyncio.sleep(0)
        assert not waiting.done()
        event.set()
        async with asyncio.timeout(SOON):
            await waiting


@pytest.mark.parametrize("make", [SystemClock, ManualClock])
async def test_a_moment_that_has_passed_is_not_waited_for(make):
    clock = make()
    async with asyncio.timeout(SOON):
        await clock.wait(asyncio.Event(), clock.ms())
        await clock.wait(asyncio.Event(), 0)


@pytest.mark.parametrize("make", [SystemClock, ManualClock])
async def test_a_wait_can_be_cancelled(make):
    clock = make()
    for until in (None, clock.ms() + 60_000):
        waiting = asyncio.ensure_future(clock.wait(asyncio.Event(), until))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_the_machines_clock_has_reached_the_moment_when_the_wait_ends():
    clock = SystemClock()
    for _ in range(5):
        until = clock.ms() + 7
        async with asyncio.timeout(SOON):
            await clock.wait(asyncio.Event(), until)
        assert clock.ms() >= until


async def test_a_machine_whose_clock_jumps_notices(monkeypatch):
    """It slept, or its clock was set: the moment is far away by the loop's count only."""
    monkeypatch.setattr(clock_module, "LONGEST_PIECE", 0.01)
    clock, jumped = SystemClock(), []
    until = clock.ms() + 3_600_000
    monkeypatch.setattr(
        time, "time_ns", lambda: (until + 1 if len(jumped) > 1 else 0) * 1_000_000 + len(jumped)
    )
    real = clock.ms

    def ms() -> int:
        jumped.append(1)
        return real()

    monkeypatch.setattr(clock, "ms", ms)
    async with asyncio.timeout(SOON):
        await clock.wait(asyncio.Event(), until)
    assert len(jumped) > 1


async def test_a_manual_clock_wakes_whoever_waits_for_the_moment():
    clock = ManualClock(1000)
    early = asyncio.ensure_future(clock.wait(asyncio.Event(), 1500))
    late = asyncio.ensure_future(clock.wait(asyncio.Event(), 9000))
    await asyncio.sleep(0)
    clock.advance(0.5)
    async with asyncio.timeout(SOON):
        await early
    assert clock.ms() == 1500
    assert not late.done()
    clock.advance(86_400)
    async with asyncio.timeout(SOON):
        await late


def test_milliseconds_and_moments_are_the_same_thing():
    moment = datetime(2026, 11, 21, 12, 0, 0, 123_000, tzinfo=UTC)

    assert to_ms(moment) == 1_795_262_400_123
    assert utc(to_ms(moment)) == moment
    assert utc(0).tzinfo is UTC
    assert abs(SystemClock().ms() - time.time() * 1000) < 1000
