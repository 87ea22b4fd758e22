"""What waits in the journal, told to Ponte in order, and forgotten when Ponte has it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, Final

from bridge.whatsapp.web.worker.journal import Journal
from bridge.whatsapp.web.worker.link import Link
from bridge.whatsapp.web.worker.log import log

#: Events that are read at once, at most.
_AT_ONCE: Final = 100
#: Seconds before the disk is tried again.
_DISK_WAIT: Final = 0.5


class Feed:
    """`acknowledged` is called whenever events were forgotten."""

    def __init__(self, link: Link, journal: Journal, *, acknowledged: Callable[[], None]) -> None:
        self._link = link
        self._journal = journal
        self._on_acknowledged = acknowledged
        self._told = 0
        self._acknowledged = 0
        #: There is more in the journal; there is more on the disk; Ponte has more.
        self._loose = asyncio.Event()
        self._news = asyncio.Event()
        self._acknowledging = asyncio.Event()

    async def run(self) -> None:
        """For ever."""
        await asyncio.gather(self._sync(), self._tell(), self._forget())

    def stir(self) -> None:
        """There is more in the journal."""
        self._loose.set()

    def acknowledge(self, seq: Any) -> None:
        if isinstance(seq, int) and self._acknowledged < seq <= self._told:
            self._acknowledged = seq
            self._acknowledging.set()

    async def _tell(self) -> None:
        while True:
            self._news.clear()
            batch = await asyncio.to_thread(self._journal.after, self._told, _AT_ONCE)
            for kept in batch:
                self._link.tell(kept.event, kept.data, kept.seq)
                self._told = kept.seq
                await self._link.drain()
            if not batch:
                await self._news.wait()

    async def _sync(self) -> None:
        """Have events on the disk before they are told, also while Ponte does not read."""
        while True:
            await self._loose.wait()
            self._loose.clear()
            await self._persist(self._journal.sync)
            self._news.set()

    async def _forget(self) -> None:
        while True:
            await self._acknowledging.wait()
            self._acknowledging.clear()
            await self._persist(lambda: self._journal.acknowledge(self._acknowledged))
            self._on_acknowledged()

    async def _persist(self, write: Callable[[], None]) -> None:
        """A disk that takes nothing is waited for: the engine still has what it acknowledged."""
        said = False
        while True:
            try:
                await asyncio.to_thread(write)
            except sqlite3.Error as error:
                if not said:
                    log(f"error Worker: the journal cannot be written, waiting: {error}")
                said = True
                await asyncio.sleep(_DISK_WAIT)
            else:
                return
