"""What a worker keeps until we have it on disk: taken over in order, then acknowledged.

An event is never skipped and never acknowledged before the listener has kept it. While it cannot
be kept, the worker is held back; what was not acknowledged when it ends, the next one tells again.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import structlog

from bridge.clock import Clock
from bridge.core.message import Event, Unhandled
from bridge.errors import Unavailable
from bridge.whatsapp.channel import Listener

log = structlog.get_logger(__name__)

#: Events, and their bytes, that are read ahead: somebody may write very long ones.
AHEAD: Final = 100
AHEAD_BYTES: Final = 4 * 1024 * 1024
#: Events that are handed over together.
AT_ONCE: Final = 100
#: Bytes of an event that is read beside the event loop: a megabyte may take a second.
LONG: Final = 64 * 1024
#: Milliseconds before what could not be kept is tried again, the first time and at most.
FIRST_WAIT: Final = 100
LONGEST_WAIT: Final = 5000

#: The rule under which an event is counted that cannot be read.
UNREADABLE: Final = "web.unreadable"
#: Such events are put aside in files; no more of them, and no longer ones.
MOST_FILES: Final = 200
MOST_BYTES: Final = 1024 * 1024

#: Reads an event: its name and data give what happened. May raise anything, and run in a thread.
Parse: TypeAlias = Callable[[str, dict[str, Any]], Sequence[Event]]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvent:
    """An event with its number; `data` is undecoded."""

    seq: int
    name: str
    data: dict[str, Any] = field(repr=False)
    #: Of its frame, in bytes.
    size: int = 0


class Ahead(asyncio.Queue[KeptEvent]):
    """What was read and not taken over yet; the last one may go beyond the bound."""

    def __init__(self) -> None:
        super().__init__(AHEAD)
        self._bytes = 0

    def full(self) -> bool:
        return super().full() or self._bytes >= AHEAD_BYTES

    def _put(self, item: KeptEvent) -> None:
        super()._put(item)
        self._bytes += item.size

    def _get(self) -> KeptEvent:
        item = super()._get()
        self._bytes -= item.size
        return item


class KeptEvents:
    """The events of one number, whichever worker tells them. Unreadable ones go to `aside`."""

    def __init__(self, *, number: str, parse: Parse, aside: Path, clock: Clock) -> None:
        self._number = number
        self._parse = parse
        self._aside = aside
        self._clock = clock
        self._listener: Listener | None = None
        self._news = asyncio.Event()

    def watch(self, listener: Listener | None) -> None:
        """Hand over to this listener from now on; None: to nobody."""
        self._listener = listener
        self._news.set()
        self._news = asyncio.Event()

    async def take_over(
        self, events: asyncio.Queue[KeptEvent], acknowledge: Callable[[int], None]
    ) -> None:
        """Hand over what one worker tells, until cancelled."""
        while True:
            some = [await events.get()]
            while len(some) < AT_ONCE and not events.empty():
                some.append(events.get_nowait())
            read: list[Event] = []
            for one in some:
                read += await self._read(one)
            await self._keep(read)
            acknowledge(some[-1].seq)

    async def _read(self, event: KeptEvent) -> Sequence[Event]:
        try:
            if event.size > LONG:
                return await asyncio.to_thread(self._parse, event.name, event.data)
            return self._parse(event.name, event.data)
        except Exception as error:  # noqa: BLE001  whatever it is, nothing vanishes silently
            log.warning(
                "worker.event_unreadable",
                instance=self._number,
                name=event.name[:50],
                error=type(error).__name__,
            )
        await asyncio.to_thread(self._put_aside, event)
        return (Unhandled(number=self._number, rule=UNREADABLE, detail=event.name[:50]),)

    async def _keep(self, events: Sequence[Event]) -> None:
        wait = FIRST_WAIT
        while True:
            news, listener = self._news, self._listener
            if listener is None:
                await news.wait()
                continue
            try:
                if events:
                    await listener.keep(events)
            except Unavailable as error:
                log.warning("worker.events_postponed", instance=self._number, cause=error.cause)
            except Exception:  # a bug must not lose what a customer wrote
                log.exception("worker.events_postponed", instance=self._number)
            else:
                return
            await self._clock.wait(news, self._clock.ms() + wait)
            wait = min(wait * 2, LONGEST_WAIT)

    def _put_aside(self, event: KeptEvent) -> None:
        """Store an event that cannot be read, for whoever looks into it."""
        try:
            self._aside.mkdir(mode=0o700, parents=True, exist_ok=True)
            if sum(1 for _ in self._aside.iterdir()) >= MOST_FILES:
                return
            data = json.dumps({"event": event.name, "data": event.data})[:MOST_BYTES]
            path = self._aside / f"{event.seq}.json"
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            with os.fdopen(os.open(path, flags, 0o600), "w") as file:
                file.write(data)
        except (OSError, ValueError) as error:
            log.warning("worker.event_not_put_aside", error=type(error).__name__)
