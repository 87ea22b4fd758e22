"""An agent deletes a message that was sent: it is deleted on WhatsApp too, each part of it.

The job waits behind the message in its lane. Where a part cannot be deleted (the channel has no
such thing, it is too late, WhatsApp refuses) a private note says so, once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

import orjson
import structlog

from bridge.clock import Clock
from bridge.core.party import Party
from bridge.core.receipts import OPEN
from bridge.engine.accept import is_new
from bridge.engine.queue import Again, Dead, Delivered, Ignored, Job, NewJob, Outcome, Queue, Road
from bridge.errors import PeerError, PeerLocked, Remedy
from bridge.locale import say
from bridge.relay import lanes
from bridge.relay.directory import Directory, Entry
from bridge.relay.healing import repeatable
from bridge.relay.notes import noting
from bridge.relay.retrying import by_agent
from bridge.relay.sending import shall_not_wait
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, ledger
from bridge.whatsapp.channel import Revokes

log = structlog.get_logger(__name__)

REVOKE = "revoke"
#: WhatsApp deletes for everyone for two days and twelve hours (ms).
TOO_LATE = 60 * 3600 * 1000
#: A part that is being sent is looked at again so much later (ms), for so long.
PAUSE = 1000
LONGEST_WAIT = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What one read of the database tells about the job."""

    party: Party
    parts: list[sqlite3.Row]


def accept_deletion(  # noqa: PLR0917
    queue: Queue,
    unit: Unit,
    entry: Entry,
    message_id: int,
    conversation_id: int,
    now: int,
    trace_id: str | None = None,
) -> bool:
    """Have what went onto WhatsApp deleted there; False when nothing of the message did."""
    parts = ledger.went_out(unit.db, entry.id, message_id)
    if not parts:
        return False
    for part in parts:
        is_new(unit, by_agent(part["id"]), now)
    chat_id = parts[0]["chat_id"]
    queue.add(
        unit,
        NewJob(
            kind=REVOKE,
            lane=lanes.to_whatsapp(chat_id),
            road=Road.OUTBOUND,
            peer=entry.channel_peer,
            account=entry.channel_account,
            payload=orjson.dumps({"message": message_id, "conversation": conversation_id}),
            now=now,
            instance_id=entry.id,
            chat_id=chat_id,
            ref=f"{entry.id}:deleted:{message_id}:",
            trace_id=trace_id,
        ),
    )
    return True


class Revoking:
    """Runs `revoke` jobs."""

    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        clock: Clock,
        install: str,
        obstacle: Callable[[Entry], PeerLocked | None],
    ) -> None:
        """`install` and `obstacle` as in `relay.sending`."""
        self._store = store
        self._queue = queue
        self._directory = directory
        self._clock = clock
        self._install = install
        self._obstacle = obstacle

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone", reason="The instance was deleted.")
        context = await self._store.read(lambda db: _context(db, job))
        if context is None or not context.parts:
            return Ignored(rule="revoke.nothing", reason="Nothing of it went onto WhatsApp.")
        now = self._clock.ms()
        if any(
            part["state"] in OPEN and now - part["state_at"] < LONGEST_WAIT
            for part in context.parts
        ):
            return Again(due_at=now + PAUSE, why="it is not known yet whether it was sent")
        if not isinstance(entry.channel, Revokes):
            return self._refused(job, "revoke.impossible")
        if now - min(part["created_at"] for part in context.parts) > TOO_LATE:
            return self._refused(job, "revoke.too_late")
        obstacle = self._obstacle(entry)
        if obstacle is not None:
            if shall_not_wait(entry, obstacle):
                return self._refused(job, "revoke.disconnected")
            raise obstacle
        return await self._revoke(job, entry, entry.channel, context)

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return self._note(job, "revoke.refused")

    async def _revoke(self, job: Job, entry: Entry, channel: Revokes, context: Context) -> Outcome:
        """Delete every part that has an id; what WhatsApp refuses does not spare the others."""
        trouble: str | None = None
        for part in context.parts:
            if part["whatsapp_id"] is None:
                trouble = "revoke.unknown"
                continue
            key = f"{self._install}.{job.id}.{part['id']}.{self._clock.ms()}"
            try:
                with repeatable():
                    await channel.revoke(context.party, part["whatsapp_id"], key=key)
            except PeerError as error:
                if shall_not_wait(entry, error):
                    return self._refused(job, "revoke.disconnected")
                if error.remedy is not Remedy.NOTHING:
                    raise
                log.info("message.not_revoked", cause=error.cause)
                trouble = "revoke.refused"
                continue
            job.steps.append((self._clock.ms(), "revoked", f"part {part['part'] + 1}"))
        return Delivered() if trouble is None else self._refused(job, trouble)

    def _refused(self, job: Job, rule: str) -> Ignored:
        reason = say("en", f"note.{rule}")
        return Ignored(rule=rule, reason=reason, write=self._note(job, rule))

    def _note(self, job: Job, rule: str) -> Callable[[Unit], None]:
        entry = self._directory.by_id(job.instance_id)
        return noting(self._queue, entry, job, f"note.{rule}", now=self._clock.ms())


def _context(db: sqlite3.Connection, job: Job) -> Context | None:
    chat = chats.surviving(db, job.chat_id or 0)
    if chat is None:
        return None
    message = orjson.loads(job.payload)["message"]
    parts = ledger.went_out(db, job.instance_id or "", message)
    return Context(party=chat.party, parts=parts)
