"""The one home of time: everything below takes it as an argument."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime, tzinfo
from functools import cache, lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

#: Seconds.
LONGEST_PIECE = 60.0


class Clock(Protocol):
    """Wall-clock time for what is stored, and waiting until a moment of it."""

    def ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        ...

    async def wait(self, event: asyncio.Event, until: int | None) -> None:
        """Return when `event` is set or the clock reaches `until` (ms); None waits for ever."""
        ...


class SystemClock:
    """The machine's clock."""

    def ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def wait(self, event: asyncio.Event, until: int | None) -> None:
        if until is None:
            await event.wait()
            return
        while not event.is_set() and (delay := (until - self.ms()) / 1000) > 0:
            # In pieces: the machine may sleep, or its clock be set, meanwhile.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(delay, LONGEST_PIECE)):
                    await event.wait()


class ManualClock:
    """A clock that moves only when told: days pass in a moment, and nothing depends on luck."""

    def __init__(self, start: int = 1_795_190_000_000) -> None:
        self._now = start
        self._moved = asyncio.Event()

    def ms(self) -> int:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward and wake whoever waits for a moment that has come."""
        self._now += round(seconds * 1000)
        self._moved.set()
        self._moved = asyncio.Event()

    async def wait(self, event: asyncio.Event, until: int | None) -> None:
        while not event.is_set() and (until is None or self._now < until):
            waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(self._moved.wait())]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()


def utc(ms: int) -> datetime:
    """The aware UTC time of `ms`."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def to_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


@cache
def timezones() -> frozenset[str]:
    """The names of all time zones. The first call reads many files: not in the event loop."""
    return frozenset(available_timezones())


@lru_cache(maxsize=1000)  # others choose the names
def timezone(name: str) -> tzinfo:
    """A time zone; UTC where none has this name. The first call for a name reads a file."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
