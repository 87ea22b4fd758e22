"""Walk a road once for each of its steps, dying there, and see what it looks like afterwards."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from support.crossing import Crossing, World, times
from support.ponte_process import Crash

Ready = TypeVar("Ready")
Worlds = Callable[..., AbstractAsyncContextManager[Crossing]]

#: Worlds at the same time: mostly they wait.
AT_ONCE = 5
#: A road that has more steps than this does not end.
MOST_STEPS = 400
EVERY = "PONTE_TEST_EVERY_CRASH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Road(Generic[Ready]):
    """`prepare` brings a world to the start, `walk` begins, `check` looks at the end.

    With `from_start`, `prepare` leaves the service dead, and it is the next start that is walked.
    Of a long road only each `stride`-th step is taken, unless `PONTE_TEST_EVERY_CRASH` is set.
    """

    places: Sequence[str]
    prepare: Callable[[Crossing], Awaitable[Ready]]
    walk: Callable[[Crossing, Ready], Awaitable[None]]
    check: Callable[[Crossing, Ready], Awaitable[None]]
    from_start: bool = False
    stride: int = 1


async def crash_everywhere(world: Worlds, road: Road[Any], **options: Any) -> int:
    """Crash at each step in turn, until there is none left; gives the number of crashes.

    Fails with the place of the crash and what is wrong after it.
    """
    stride = 1 if os.environ.get(EVERY) else road.stride
    numbers = iter(range(1, MOST_STEPS, stride))
    crashes: set[int] = set()
    done = asyncio.Event()

    async def walk_some() -> None:
        while not done.is_set():
            step = next(numbers)
            if await _walk(world, road, step, options):
                crashes.add(step)
            else:
                done.set()

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(walk_some())
    assert crashes, "no step was met"
    return len(crashes)


async def _walk(world: Worlds, road: Road[Any], step: int, options: dict[str, Any]) -> bool:
    """True when the road was long enough to crash at this step."""
    crash = Crash(at=step, places=road.places, armed=road.from_start)
    async with world(crash=None if road.from_start else crash, **options) as its:
        ready = await road.prepare(its)
        if road.from_start:
            await its.ponte.start(crash)
        else:
            await its.quiet()
            await its.ponte.arm()
        walking = asyncio.ensure_future(_to_the_end(its, road, ready))
        dying = asyncio.ensure_future(its.ponte.ended())
        await asyncio.wait((walking, dying), return_when=asyncio.FIRST_COMPLETED)
        if not dying.done() and not await its.answers():
            await dying
        crashed = its.ponte.crashed
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        try:
            if crashed is not None:
                await its.ponte.start()
            await walking
            await road.check(its, ready)
            await nothing_disappeared(its)
        except Exception as error:
            walking.cancel()
            error.add_note(f"after the crash at step {step}: {crashed}\n{its.ponte.log_tail()}")
            raise
    return crashed is not None


async def _to_the_end(its: Crossing, road: Road[Any], ready: Any) -> None:
    await road.walk(its, ready)
    await its.quiet()


async def nothing_disappeared(its: World) -> None:
    """Promise 4: on each road accepted = delivered + ignored + dead + waiting."""
    for road, counts in (await its.metrics()).items():
        accepted, ended = times(counts)
        assert accepted == ended, f"{road}: {dict(counts)}"
