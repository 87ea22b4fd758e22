"""Waiting for a fact instead of sleeping: the stand-ins tell when they have changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Watch:
    """Wakes those who wait for a fact, at the very change that makes it true. No polling."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def changed(self) -> None:
        """Say that something the predicates look at is different now."""
        for predicate, future in tuple(self._waiting):
            if future.done():
                continue
            try:
                holds = predicate()
            except Exception as error:  # noqa: BLE001  the predicate belongs to the one who waits
                future.set_exception(error)
            else:
                if holds:
                    future.set_result(None)

    async def wait_for(self, predicate: Callable[[], bool], timeout: float = 20.0) -> None:  # noqa: ASYNC109  an argument of the public API, passed on to asyncio.timeout
        """Return as soon as `predicate()` is true; `TimeoutError` after `timeout` seconds.

        What the predicate raises is raised here.
        """
        if predicate():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (predicate, future)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout):
                await future
        finally:
            self._waiting.remove(entry)
