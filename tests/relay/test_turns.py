"""One at a time for each name, and nothing is kept of names that nobody uses."""

from __future__ import annotations

import asyncio

import pytest

from bridge.relay.turns import Turns


async def test_one_name_is_used_by_one_at_a_time_and_others_go_on() -> None:
    turns, told, go = Turns(), [], asyncio.Event()

    async def use(name: str, who: int) -> None:
        async with turns.of(name):
            told.append((name, who))
            if who == 0:
                await go.wait()

    async with asyncio.TaskGroup() as group:
        for who in range(3):
            group.create_task(use("a", who))
        await group.create_task(use("b", 9))
        assert told == [("a", 0), ("b", 9)]
        go.set()
    assert told == [("a", 0), ("b", 9), ("a", 1), ("a", 2)]
    assert turns._turns == {}


async def test_who_gives_up_waiting_keeps_nobody_waiting() -> None:
    turns = Turns()
    async with turns.of("a"):
        waiting = asyncio.ensure_future(turns.of("a").__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(1), turns.of("a"):
        pass
    assert turns._turns == {}
