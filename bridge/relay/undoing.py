"""What is begun of an instance and not brought to its end is undone: at once, or a little later.

Our own database is told first what is to be undone in Chatwoot (`relay.cleanup`), so neither a
death of the process nor a failure of either side leaves anything for good, and no name stays taken.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

import structlog

from bridge.clock import Clock
from bridge.core.instance import InstanceConfig
from bridge.errors import Certainty, PeerError
from bridge.relay.cleanup import Cleanup, Traces
from bridge.relay.deleting import Deleting
from bridge.relay.directory import Directory
from bridge.relay.turns import Turns
from bridge.store.engine import Store, Unit
from bridge.store.queries import claims, instances

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """In seconds. After `proof_delay` a call that was not answered has shown its effect."""

    probe: float
    qr_wait: float
    proof_delay: float

    @property
    def proof_ms(self) -> int:
        return round(self.proof_delay * 1000)


class Undoing:
    def __init__(
        self,
        *,
        store: Store,
        directory: Directory,
        cleanup: Cleanup,
        deleting: Deleting,
        turns: Turns,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._store = store
        self._directory = directory
        self._cleanup = cleanup
        self._deleting = deleting
        self._turns = turns
        self._clock = clock
        self._limits = limits
        #: What our own database did not let us roll back.
        self._left: set[str] = set()

    async def at_start(self) -> None:
        """Undo what the death of the process cut off."""
        for instance_id in await self._store.read(instances.unready):
            await self._undo(instance_id)

    async def what_is_left(self) -> None:
        """Free the names that a failing database kept. Raises `Unavailable` if it still fails."""
        for instance_id in tuple(self._left):
            async with self._turns.of(instance_id):
                await self._undo(instance_id)
            self._left.discard(instance_id)

    async def roll_back(self, instance: InstanceConfig, error: BaseException) -> None:
        """Undo a create that failed; raises nothing. The caller has the turn of the instance.

        When our own database fails, it is undone before the next create, or at the next start. A
        create that was cancelled in its last commit, which went through, is whole and stays.
        """
        try:
            if isinstance(error, asyncio.CancelledError) and await self._is_whole(instance.id):
                await self._directory.refresh(instance.id)
            else:
                await self._take_back(instance, error)
        except Exception:
            log.exception("instance.not_rolled_back", instance=instance.name)
            self._left.add(instance.id)

    async def _is_whole(self, instance_id: str) -> bool:
        ready = await self._store.write(lambda unit: claims.is_ready(unit.db, instance_id))
        return bool(ready)

    async def _take_back(self, instance: InstanceConfig, error: BaseException) -> None:
        """Undo it here for certain, and in Chatwoot now or by the stored job."""
        traces = await self._cleanup.noted(instance.id)
        unsure = getattr(error.__cause__ or error, "certainty", None) is Certainty.UNKNOWN
        clean = traces is None or (await self._is_cleared(traces) and not unsure)

        def work(unit: Unit) -> None:
            now = self._clock.ms()
            if clean:
                self._cleanup.forget(unit, instance.id, now=now)
            else:  # what Chatwoot did not answer may still come to be
                due_at = now + (self._limits.proof_ms if unsure else 0)
                self._cleanup.hurry(unit, instance.id, due_at=due_at)

        await self._directory.refresh(instance.id)
        entry = self._directory.by_id(instance.id)
        if entry is not None:
            await self._deleting.wipe(entry, work)
        log.info("instance.rolled_back", instance=instance.name, clean=clean)

    async def _is_cleared(self, traces: Traces) -> bool:
        try:
            async with asyncio.timeout(self._limits.probe):
                await self._cleanup.clear(traces)
        except (PeerError, TimeoutError):
            return False
        return True

    async def _undo(self, instance_id: str) -> None:
        await self._directory.refresh(instance_id)
        entry = self._directory.by_id(instance_id)
        if entry is None:
            return
        # What Chatwoot was just asked for may still come to be (design.md 4, proof).
        due_at = self._clock.ms() + self._limits.proof_ms
        hurry = partial(self._cleanup.hurry, instance_id=instance_id, due_at=due_at)
        await self._deleting.wipe(entry, hurry)
        log.warning("instance.undone", instance=entry.instance.name)
