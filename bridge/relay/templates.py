"""The approved templates of numbers, kept as WhatsApp tells them.

They are asked for when an instance is created or gets other credentials, some minutes after a
start, every day, and when WhatsApp says that the state of one has changed. Nothing depends on it:
what is not known is left to WhatsApp, and a failure is told in the trace of its job alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import structlog

from bridge.clock import Clock
from bridge.core.instance import BUSINESS
from bridge.core.outgoing import OutgoingTemplate
from bridge.engine.queue import LOCAL, Dead, Delivered, Ignored, Job, NewJob, Outcome, Queue, Road
from bridge.errors import BridgeError, Remedy, Unavailable
from bridge.relay import lanes
from bridge.relay.directory import Directory, Entry
from bridge.relay.rounds import Rounds
from bridge.relay.template_params import identity_of, template_of
from bridge.store.engine import Store, Unit
from bridge.store.queries import claims, jobs, templates
from bridge.store.queries.templates import TemplateRow
from bridge.whatsapp.channel import ApprovedTemplate, ListsTemplates

__all__ = ("LISTS", "TEMPLATES", "Templates", "filled")

log = structlog.get_logger(__name__)

TEMPLATES = "templates"
#: The peer of these jobs: they have a few slots of their own, should WhatsApp let all of them hang.
LISTS = "lists of templates"
#: Seconds in which a channel must have told all its templates.
LIMIT = 30.0
DAY_MS = 24 * 3600 * 1000
#: After a start all numbers are asked within this time, spread by chance.
SPREAD_MS = 15 * 60 * 1000
#: After a failure that may pass, a number is asked again so much later.
AGAIN_MS = 30 * 60 * 1000
#: How often it is looked who is due.
LOOK_MS = 60_000
#: Jobs of one unit of work.
BATCH = 200


class Templates:
    """Runs `templates` jobs, and has them run in time."""

    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        clock: Clock,
        chance: Callable[[], float],
    ) -> None:
        self._store = store
        self._queue = queue
        self._directory = directory
        self._clock = clock
        self._rounds = Rounds(every=DAY_MS, spread=SPREAD_MS, chance=chance)
        self._running: set[str] = set()

    # -- when -------------------------------------------------------------------------------

    def want(self, unit: Unit, instance_id: str, integration: str) -> None:
        """Have the templates of a number asked for, unless a job waits to do so already."""
        if integration != BUSINESS or not claims.exists(unit.db, instance_id):
            return
        lane = lanes.templates(instance_id)
        if jobs.waiting_in(unit.db, lane) > (instance_id in self._running):
            return
        self._queue.add(
            unit,
            NewJob(
                kind=TEMPLATES,
                lane=lane,
                road=Road.INTERNAL,
                # Not the channel's: it neither waits while that is believed to be down nor makes
                # anything else wait.
                peer=LISTS,
                account=LOCAL,
                payload=b"{}",
                now=self._clock.ms(),
                instance_id=instance_id,
            ),
        )

    async def changed(self, businesses: Collection[str], numbers: Collection[str] | None) -> None:
        """WhatsApp says that templates of these business accounts are not what they were.

        `numbers`: for which the teller may speak; None: for all. Raises `Unavailable`.
        """
        entries = [
            entry.id
            for entry in self._directory.concerned((), businesses)
            if numbers is None or entry.instance.number in numbers
        ]
        await self._ask(entries)

    async def keep(self) -> None:
        """Have every number asked once a day, until cancelled."""
        while True:
            try:
                await self.look()
            except Unavailable as error:  # the next look finds the same
                log.warning("templates.postponed", error=str(error))
            await self._clock.wait(asyncio.Event(), self._clock.ms() + LOOK_MS)

    async def look(self) -> None:
        """Have those numbers asked whose day is over."""
        now = self._clock.ms()
        # A number that came since the start was asked when it was created.
        due = self._rounds.due(self._directory.ids((BUSINESS,)), now)
        for start in range(0, len(due), BATCH):
            some = due[start : start + BATCH]
            await self._ask(some)
            self._rounds.had(some, now)

    async def _ask(self, ids: Sequence[str]) -> None:
        def work(unit: Unit) -> None:
            for one in ids:
                self.want(unit, one, BUSINESS)

        if ids:
            await self._store.write(work, durable=True)

    # -- what -------------------------------------------------------------------------------

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone", reason="The instance was deleted.")
        if not isinstance(entry.channel, ListsTemplates):
            return Ignored(rule="templates.none", reason="The channel has no templates.")
        self._running.add(entry.id)
        try:
            async with asyncio.timeout(LIMIT):
                found = await entry.channel.templates()
        except (BridgeError, TimeoutError) as error:
            return self._not_told(entry, error)
        finally:
            self._running.discard(entry.id)
        rows = [_row(one) for one in found]
        job.steps.append((self._clock.ms(), "told", f"{len(rows)} templates"))
        return Delivered(write=partial(self._keep, entry.id, rows))

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    def _not_told(self, entry: Entry, error: Exception) -> Ignored:
        """What was told before stays; nobody is blamed, since messages may go out all the same."""
        passes = not isinstance(error, BridgeError) or error.remedy is Remedy.RETRY
        if passes:
            self._rounds.again(entry.id, self._clock.ms() + AGAIN_MS)
        reason = str(error) or "WhatsApp did not tell its templates in time."
        log.info("templates.not_told", instance=entry.instance.name, reason=reason)
        return Ignored(rule="templates.not_told", reason=reason)

    def _keep(self, instance_id: str, rows: Sequence[TemplateRow], unit: Unit) -> None:
        if claims.exists(unit.db, instance_id):  # not deleted while WhatsApp told them
            templates.replace(unit.db, instance_id, rows, self._clock.ms())


async def filled(store: Store, instance_id: str, params: Mapping[str, Any]) -> OutgoingTemplate:
    """The template that Chatwoot's `template_params` ask for, compared with what is known of it.

    Raises `BadTemplate`.
    """
    name, language = identity_of(params)
    known = await store.read(lambda db: templates.find(db, instance_id, name, language))
    return template_of(params, known.components if known is not None else ())


def _row(one: ApprovedTemplate) -> TemplateRow:
    return TemplateRow(
        name=one.name, language=one.language, category=one.category, components=one.components
    )
