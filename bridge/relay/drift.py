"""Chatwoot is not as we left it: found now and then and at the next failure, mended or told.

Everything in Chatwoot is bound by id, so a renamed inbox or a moved conversation harms nothing; but
somebody may point the inbox elsewhere, change its secret, delete it, its bot contact or the room,
merge contacts, or put an older backup in place. One job an instance compares the two sides. What it
can mend for certain it mends; what only a person can decide it tells in the control room, once.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Final

import structlog

from bridge.chatwoot.models import Inbox
from bridge.clock import Clock
from bridge.engine.accept import is_new
from bridge.engine.queue import Dead, Delivered, Ignored, Job, Outcome, Queue
from bridge.errors import PeerGone, Unavailable
from bridge.locale import say
from bridge.relay import lanes
from bridge.relay.catch_up import catch_up_job
from bridge.relay.chores import chore
from bridge.relay.directory import Directory, Entry, Side
from bridge.relay.inboxes import Inboxes
from bridge.relay.provisioning import Provisioning, shown
from bridge.relay.rewinding import Rewinding
from bridge.relay.room import Room, tell
from bridge.relay.rounds import Rounds
from bridge.store.engine import Store, Unit
from bridge.store.queries import claims, jobs
from bridge.text.convert import literal

log = structlog.get_logger(__name__)

DRIFT: Final = "drift"
#: How often (ms) the service looks whose turn it is.
LOOK_MS: Final = 30_000
#: After a start the first checks begin so much later, and are spread over so long (ms).
FIRST_MS: Final = 60_000
SPREAD_MS: Final = 600_000
#: Jobs of one unit of work.
BATCH: Final = 200
#: What fails is looked into at once, but not again and again (ms).
PAUSE_MS: Final = 300_000


class Drift:
    """Runs `drift` jobs. `every` (ms): how often each instance is compared with Chatwoot."""

    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        inboxes: Inboxes,
        provisioning: Provisioning,
        room: Room,
        rewinding: Rewinding,
        clock: Clock,
        chance: Callable[[], float],
        every: int,
        also: Callable[[Unit, Entry], None],
    ) -> None:
        """`also` has what else may differ looked at, in lanes of its own."""
        self._also = also
        self._store = store
        self._queue = queue
        self._directory = directory
        self._inboxes = inboxes
        self._provisioning = provisioning
        self._room = room
        self._rewinding = rewinding
        self._clock = clock
        self._rounds = Rounds(every=every, spread=SPREAD_MS, first=FIRST_MS, chance=chance)
        self._noticed: dict[str, int] = {}

    # -- when -------------------------------------------------------------------------------

    def want(self, unit: Unit, entry: Entry) -> None:
        """Have an instance compared now, unless a job waits to do so already."""
        lane = lanes.drift(entry.id)
        if entry.side is None or not claims.exists(unit.db, entry.id):
            return
        if jobs.waiting_in(unit.db, lane):
            return
        self._queue.add(unit, chore(entry, DRIFT, lane=lane, now=self._clock.ms()))

    async def noticed(self, entry: Entry) -> None:
        """Something of ours was not where we left it: look into it soon."""
        now = self._clock.ms()
        if now - self._noticed.get(entry.id, -PAUSE_MS) < PAUSE_MS:
            return
        self._noticed[entry.id] = now
        await self._store.write(lambda unit: self.want(unit, entry))

    async def keep(self) -> None:
        """Have every instance compared in its turn, until cancelled."""
        while True:
            try:
                await self.look()
            except Unavailable as error:  # the next look finds the same
                log.warning("drift.postponed", error=str(error))
            await self._clock.wait(asyncio.Event(), self._clock.ms() + LOOK_MS)

    async def look(self) -> None:
        """Have those instances compared whose time has come."""
        now = self._clock.ms()
        self._noticed = {one: at for one, at in self._noticed.items() if now - at < PAUSE_MS}
        due = self._rounds.due((one.id for one in self._directory.served()), now)
        for start in range(0, len(due), BATCH):
            some = due[start : start + BATCH]
            await self._store.write(partial(self._want_all, some))
            self._rounds.had(some, now)

    def _want_all(self, ids: Iterable[str], unit: Unit) -> None:
        for one in ids:
            entry = self._directory.by_id(one)
            if entry is not None:
                self.want(unit, entry)

    # -- what -------------------------------------------------------------------------------

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None or entry.side is None:
            return Ignored(rule="instance.gone", reason="Its Chatwoot side is switched off.")
        try:
            found = await entry.side.chatwoot.inbox(entry.side.inbox_id)
        except PeerGone:
            await self._inboxes.restore(entry)
            self._step(job, "inbox made again")
            return Delivered()
        entry = await self._inboxes.take_over(entry, found)
        side = entry.side
        if side is None:
            return Ignored(rule="instance.gone", reason="Its Chatwoot side is switched off.")
        if await self._point_here(entry, side, found):
            self._step(job, "webhook address set again")
            text = say(entry.language, "drift.webhook_repaired")
            await self._store.write(partial(self._catch_up, entry, text))
        elif job.is_suspect:  # an earlier run may have set it, and got no further
            await self._store.write(partial(self._catch_up, entry, None))
        await self._see_to_room(entry, side)
        await self._store.write(lambda unit: self._also(unit, entry))
        lost = await self._rewinding.check(entry, side)
        if lost is not None:
            self._step(job, f"an older Chatwoot: {lost.messages} messages are not there")
            for other in self._directory.of_chatwoot(side.inbox.url):
                if other.id != entry.id:
                    await self.noticed(other)
        return Delivered()

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    async def _point_here(self, entry: Entry, side: Side, found: Inbox) -> bool:
        """See that agents' messages reach us. True: they do again.

        An address of ours, of before the public address changed, or none is set anew. One of
        somebody else was set by somebody: two bridges that take an inbox from each other by turns
        would help nobody.
        """
        url = found.webhook_url or ""
        wanted = self._provisioning.webhook_url(entry.instance, side.inbox)
        if url == wanted:
            return False
        if url and not url.endswith(f"/{side.inbox.hook}"):
            text = say(entry.language, "drift.webhook_foreign", where=literal(shown(url)))
            await self._tell(entry, f"webhook:{_digest(url)}", text)
            return False
        await side.chatwoot.update_inbox(found.id, channel={"webhook_url": wanted})
        log.warning("inbox.webhook_repaired", instance=entry.instance.name)
        return True

    def _catch_up(self, entry: Entry, text: str | None, unit: Unit) -> None:
        """Look for what agents wrote while nothing was delivered.

        Without an address Chatwoot neither delivers nor marks as failed what they write.
        """
        now = self._clock.ms()
        since = jobs.last_delivered(unit.db, entry.id, DRIFT) or 0
        self._queue.add(unit, catch_up_job(entry, since, now))
        if text is not None:
            tell(self._queue, unit, entry, text, now=now)

    async def _see_to_room(self, entry: Entry, side: Side) -> None:
        """A room that was deleted is made again; one that somebody resolved sleeps until news."""
        conversation = side.inbox.bot_conversation_id
        if conversation is not None:
            with suppress(PeerGone):
                await side.chatwoot.conversation(conversation)
                return
        await self._room.opened(entry)

    async def _tell(self, entry: Entry, what: str, text: str) -> None:
        """Tell it in the control room; the same thing again after some days (see retention)."""
        now = self._clock.ms()

        def work(unit: Unit) -> None:
            if is_new(unit, f"{DRIFT}:{entry.id}:{what}", now):
                tell(self._queue, unit, entry, text, now=now)

        await self._store.write(work)

    def _step(self, job: Job, detail: str) -> None:
        job.steps.append((self._clock.ms(), "compared", detail))


def _digest(url: str) -> str:
    """Names an address without telling it: there may be a secret in it."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]
