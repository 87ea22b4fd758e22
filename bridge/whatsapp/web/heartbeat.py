"""Whether a worker lives: it is asked now and then, and may be silent for a while only."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from bridge.clock import Clock
from bridge.whatsapp.web.wire import Wire, WireError

#: Pings without an answer that a worker may leave behind it.
SILENCES: Final = 3
#: Longer than any worker is borne without an answer.
_SECONDS: Final = 3600.0


async def beat(wire: Wire, clock: Clock, *, seconds: float) -> None:
    """Ask every so many seconds; return when the worker has been silent for too long.

    While we hold the worker back ourselves, its silence does not count.
    """
    silences = 0
    ping: asyncio.Future[None] | None = None
    try:
        while silences < SILENCES:
            await clock.wait(asyncio.Event(), clock.ms() + round(seconds * 1000))
            if wire.is_held:
                continue
            if ping is None or ping.done():
                silences = 0
                ping = asyncio.ensure_future(_ping(wire))
            else:
                silences += 1
    finally:
        if ping is not None:
            ping.cancel()
            await asyncio.gather(ping, return_exceptions=True)


async def _ping(wire: Wire) -> None:
    """Ends with any answer."""
    with suppress(WireError):
        await wire.request("ping", {}, seconds=_SECONDS)
