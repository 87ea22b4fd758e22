"""What became of a send that was never answered: the channel's own log is asked (design.md 4).

A channel that `Remembers` its sends by our keys often knows, also after a crash: then the part is
recorded as sent, or sent again, and nobody has to guess.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import structlog

from bridge.clock import Clock
from bridge.core.receipts import OPEN, RETRIED
from bridge.engine.queue import Job
from bridge.errors import PeerError
from bridge.relay.directory import Entry
from bridge.relay.healing import repeatable
from bridge.relay.receipts import Receipts
from bridge.store.engine import Store, Unit
from bridge.store.queries import ledger
from bridge.whatsapp.channel import Fate, Remembered, Remembers

log = structlog.get_logger(__name__)

#: The channel is asked again so much later (ms).
PAUSE = 1000


class Fates:
    """Made at the start of the service: no channel could be asked before."""

    def __init__(self, store: Store, receipts: Receipts, clock: Clock) -> None:
        self._store = store
        self._receipts = receipts
        self._clock = clock
        self._started = clock.ms()

    def open_since(self, entry: Entry, row: sqlite3.Row) -> int:
        """Since when (ms) the fate of a part could have been learnt."""
        if isinstance(entry.channel, Remembers):
            return max(int(row["state_at"]), self._started)
        return int(row["state_at"])

    def look_again(self, entry: Entry, now: int, deadline: int) -> int:
        """When (ms) to look again for what became of a part."""
        return min(deadline, now + PAUSE) if isinstance(entry.channel, Remembers) else deadline

    async def settle(self, job: Job, entry: Entry, rows: Iterable[sqlite3.Row]) -> bool:
        """Ask for every part whose fate is open; True when any is settled now."""
        channel = entry.channel
        if not isinstance(channel, Remembers):
            return False
        settled = False
        for row in rows:
            if row["state"] not in OPEN or row["tag"] is None:
                continue
            try:
                told = await channel.remembered(row["tag"], since=row["created_at"])
            except PeerError as error:
                log.info("send.fate_not_told", cause=error.cause)
                continue
            if await self._take_over(entry, row["id"], told):
                settled = True
                self._note(job, row, told)
        return settled

    async def once_more(self, job: Job, entry: Entry, rows: Iterable[sqlite3.Row]) -> bool:
        """Ask for every part that somebody wants sent again; True when there was one.

        What is still not known then is sent again: they have been told, and want it. Raises
        `PeerError` while the channel's log cannot be asked.
        """
        retried = [row for row in rows if row["state"] == RETRIED]
        for row in retried:
            told = Remembered(fate=Fate.UNKNOWN)
            if isinstance(entry.channel, Remembers):
                with repeatable():
                    told = await entry.channel.remembered(row["tag"], since=row["created_at"])
                self._note(job, row, told)
            await self._take_over(entry, row["id"], told)
        return bool(retried)

    def _note(self, job: Job, row: sqlite3.Row, told: Remembered) -> None:
        fate = f"part {row['part'] + 1}: {told.fate}"
        job.steps.append((self._clock.ms(), "remembered", fate))

    async def _take_over(self, entry: Entry, row_id: int, told: Remembered) -> bool:
        """True when the fate of the part is known, unless a status was faster."""
        now = self._clock.ms()

        def work(unit: Unit) -> bool:
            state = ledger.state_of(unit.db, row_id)
            if state not in OPEN and state != RETRIED:
                return True
            if told.id is not None and (
                told.fate is Fate.SENT or self._receipts.has_early(entry, told.id)
            ):
                self._receipts.sent(unit, entry, row_id, told.id, now)
                return True
            if told.fate is Fate.NOT_SENT:
                reason = "WhatsApp never got it."
                ledger.set_state(
                    unit.db, row_id, "superseded", now, cause="whatsapp.not_sent", reason=reason
                )
                return True
            if state == RETRIED:
                reason = "It is unknown whether WhatsApp took it, and somebody wanted it again."
                ledger.set_state(
                    unit.db, row_id, "superseded", now, cause="uncertain", reason=reason
                )
                return True
            return False

        return await self._store.write(work, durable=True)
