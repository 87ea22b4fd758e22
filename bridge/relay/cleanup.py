"""What a create that failed may have left in Chatwoot goes, once Chatwoot can be asked.

Before anything is made there, a job is stored that says what to look for: the inbox whose webhook
address is ours (its last part is secret, so it can be nobody else's), never one of some name. The
create ends the job in the commit that makes the instance ready. When it fails or the process dies,
the job deletes the inbox that was made, or gives an adopted one its former address back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog
from pydantic import TypeAdapter

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.models import Inbox
from bridge.clock import Clock
from bridge.core.instance import InboxConfig
from bridge.engine.queue import Again, Dead, Delivered, Ignored, Job, NewJob, Outcome, Queue, Road
from bridge.errors import PeerGone, PeerLocked
from bridge.relay.provisioning import Provisioning, turn_of_inbox
from bridge.relay.turns import Turns
from bridge.store.engine import Store, Unit
from bridge.store.queries import claims, jobs
from bridge.store.secrets import Vault

log = structlog.get_logger(__name__)

CLEANUP = "cleanup"
#: A create that takes longer than this is looked at; nothing happens while it goes on.
LONGEST_CREATE_MS = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What a create may leave in Chatwoot. `webhook_url` is how its inbox is known."""

    inbox: InboxConfig = field(repr=False)
    webhook_url: str = field(repr=False)
    #: An inbox that was there before us, and where it delivered to.
    adopted: int | None = None
    former_url: str | None = field(default=None, repr=False)


_TRACES = TypeAdapter(Traces)


class Cleanup:
    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        queue: Queue,
        provisioning: Provisioning,
        turns: Turns,
        make_chatwoot: Callable[[InboxConfig], Chatwoot],
        clock: Clock,
    ) -> None:
        self._store = store
        self._vault = vault
        self._queue = queue
        self._provisioning = provisioning
        self._turns = turns
        self._make_chatwoot = make_chatwoot
        self._clock = clock

    # -- for creates -------------------------------------------------------------------------

    def keep(self, unit: Unit, traces: Traces, *, now: int) -> None:
        """Store the job, before anything can be left. It rests until `hurry` or a long time."""
        inbox = traces.inbox
        self._queue.add(
            unit,
            NewJob(
                kind=CLEANUP,
                lane=_lane(inbox.instance_id),
                road=Road.INTERNAL,
                peer=f"chatwoot {inbox.url}",
                account=f"cleanup:{inbox.scope}",
                payload=self._sealed(traces),
                now=now,
                due_at=now + LONGEST_CREATE_MS,
                # Not named as a job of the instance: those go with it, and this one comes after.
                instance_id=None,
            ),
        )

    async def adopting(self, traces: Traces, found: Inbox) -> None:
        """Note, on disk, that an inbox was there before; call it before changing the inbox."""
        noted = replace(traces, adopted=found.id, former_url=found.webhook_url)
        payload = self._sealed(noted)

        def work(unit: Unit) -> None:
            head = jobs.head(unit.db, _lane(traces.inbox.instance_id))
            if head is not None:
                jobs.set_payload(unit.db, head["id"], payload)

        await self._store.write(work, durable=True)

    async def noted(self, instance_id: str) -> Traces | None:
        """What the stored job says; None: there is nothing to clean up."""

        def payload(db: sqlite3.Connection) -> bytes | None:
            head = jobs.head(db, _lane(instance_id))
            row = None if head is None else jobs.load(db, head["id"])
            return None if row is None else row["payload"]

        sealed = await self._store.read(payload)
        return self._opened(sealed) if sealed else None

    def forget(self, unit: Unit, instance_id: str, *, now: int) -> None:
        """Nothing is to be cleaned up: all is well, or clean already."""
        while (head := jobs.head(unit.db, _lane(instance_id))) is not None:
            self._queue.cancel(unit, head["id"], rule="cleanup.not_needed", now=now)
            jobs.set_payload(unit.db, head["id"], b"")

    def hurry(self, unit: Unit, instance_id: str, *, due_at: int) -> None:
        """The create is over and nothing came of it."""
        head = jobs.head(unit.db, _lane(instance_id))
        if head is not None:
            self._queue.wake(unit, head["id"], due_at=due_at)

    async def clear(self, traces: Traces) -> None:
        """Take away what we made. Raises `PeerError` when Chatwoot does not let us, or not now."""
        chatwoot = self._make_chatwoot(traces.inbox)
        try:
            listed = await chatwoot.inboxes()
        except PeerGone:  # the account itself is gone
            return
        for found in listed:
            if found.webhook_url == traces.webhook_url:
                # Whoever is about to adopt an inbox of this name waits until it is gone.
                async with self._turns.of(turn_of_inbox(traces.inbox, found.name)):
                    await self._give_back(chatwoot, traces, found.id)
        await self._provisioning.remove_bot(chatwoot, traces.inbox.instance_id)

    # -- the job -----------------------------------------------------------------------------

    async def run(self, job: Job) -> Outcome:
        if not job.payload:  # it was given up once, and is replayed
            return Ignored(rule="cleanup.not_needed")
        traces = self._opened(job.payload)
        instance_id = traces.inbox.instance_id
        ready = await self._store.read(lambda db: claims.is_ready(db, instance_id))
        if ready:
            return Ignored(rule="cleanup.not_needed", write=_emptied(job))
        if ready is False:
            due_at = self._clock.ms() + LONGEST_CREATE_MS
            return Again(due_at=due_at, why="The instance is still being created.")
        try:
            await self.clear(traces)
        except PeerLocked as error:
            if error.cause != "chatwoot.unauthorized":  # mended by a setting or a proxy's owner
                raise
            return Dead(
                cause=error.cause,
                reason=f"Chatwoot takes the token no more, so the inbox "
                f"{traces.inbox.name_inbox!r} of account {traces.inbox.account_id} at "
                f"{traces.inbox.url}, if it is there, has to be deleted by hand.",
                write=_emptied(job),
            )
        log.info("instance.cleaned_up", instance=instance_id)
        return Delivered(write=_emptied(job))

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None  # a replay needs what it holds

    async def _give_back(self, chatwoot: Chatwoot, traces: Traces, inbox_id: int) -> None:
        try:
            found = await chatwoot.inbox(inbox_id)
        except PeerGone:
            return
        if found.webhook_url != traces.webhook_url:  # it is somebody else's by now
            return
        if found.id == traces.adopted:
            await self._provisioning.point_back(chatwoot, found.id, traces.former_url)
        else:
            await self._provisioning.remove(chatwoot, found)

    def _opened(self, payload: bytes) -> Traces:
        return _TRACES.validate_json(self._vault.open(payload.decode()))

    def _sealed(self, traces: Traces) -> bytes:
        return self._vault.seal(_TRACES.dump_json(traces).decode()).encode()


def _lane(instance_id: str) -> str:
    return f"cleanup:{instance_id}"


def _emptied(job: Job) -> Callable[[Unit], None]:
    """The secrets of an ended job go at once."""
    return lambda unit: jobs.set_payload(unit.db, job.id, b"")
