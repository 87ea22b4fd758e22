"""A message goes onto WhatsApp, part by part, each of them once.

A part is written into the ledger before it is sent. When the process dies or the connection breaks
inside the send, the ledger says *intent*, and `relay.outbound` decides what becomes of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson
import structlog

from bridge.clock import Clock
from bridge.core.party import Party
from bridge.core.receipts import DONE
from bridge.engine.queue import LOCAL, Again, Delivered, Job, Outcome, Queue
from bridge.errors import Certainty, PeerDown, PeerError, PeerLocked
from bridge.relay.bot.silence import Cancelled, Silence
from bridge.relay.directory import Directory, Entry
from bridge.relay.linking import recognise
from bridge.relay.menus import offer
from bridge.relay.outgoing import AgentMessage, FilePart, Part, became
from bridge.relay.preparing import prepared
from bridge.relay.receipts import Receipts
from bridge.relay.retrying import red_mark, tombstone
from bridge.relay.uploads import Unsendable, Uploads
from bridge.store.engine import Store, Unit
from bridge.store.queries import jobs, ledger, seen
from bridge.store.queries.chats import ChatRow
from bridge.whatsapp.channel import Quote, Remembers, Session

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """All in milliseconds; see `settings.Relay`."""

    not_after: int
    uncertain_after: int
    sent_wait: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What one read of the database tells about the job."""

    chat: ChatRow | None
    rows: dict[int, sqlite3.Row]
    quoted: Quote | None
    is_deleted: bool


class Sending:
    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        receipts: Receipts,
        uploads: Uploads,
        clock: Clock,
        times: Times,
        install: str,
        obstacle: Callable[[Entry], PeerLocked | None],
        silence: Silence,
    ) -> None:
        """`install` makes our keys differ from those of any other installation or restore.

        `obstacle` tells why a number cannot send now, where that is known without trying.
        """
        self._obstacle = obstacle
        self._silence = silence
        self._store = store
        self._queue = queue
        self._directory = directory
        self._receipts = receipts
        self._uploads = uploads
        self._clock = clock
        self._times = times
        self._install = install

    async def send(
        self,
        job: Job,
        entry: Entry,
        message: AgentMessage,
        context: Context,
        parts: Sequence[Part],
    ) -> Outcome:
        """Send the parts that have not been sent yet, one after the other.

        Raises `Unsendable`, `Cancelled`, or a `PeerError` when a part certainly was not sent.
        """
        chat = context.chat
        assert chat is not None  # noqa: S101  (`Outbound` ended the job otherwise)
        row_id = 0
        accepted_id = ""
        recipient = Party()
        for number, part in enumerate(parts):
            row = context.rows.get(number)
            if row is not None and row["state"] in DONE:
                continue
            if row_id:
                await self._between(entry, chat, row_id, accepted_id)
            obstacle = self._obstacle(entry)
            if obstacle is not None:
                _end_if_wanted(entry, obstacle)
                raise obstacle
            outgoing = await prepared(self._store, self._uploads, job, entry, part, number)
            row_id, tag = await self._intend(
                job, chat, became(message, number, part, outgoing), number
            )
            try:
                accepted = await entry.channel.send(
                    chat.party, outgoing, key=tag, reply_to=context.quoted if number == 0 else None
                )
            except PeerError as error:
                return await self._not_sent(entry, row_id, error)
            accepted_id = accepted.id
            recipient = Party(wa_id=accepted.wa_id, bsuid=accepted.bsuid, lid=accepted.lid)
            job.steps.append((self._clock.ms(), "sent", f"part {number + 1}: {accepted.id}"))
            if number + 1 < len(parts):
                await self._sent(job, entry, message, parts[: number + 1], row_id, accepted_id)
        if any(isinstance(part, FilePart) for part in parts):
            await self._uploads.forget(job, len(parts))
        delivered = self._delivered(entry, job, chat, message, parts, row_id, accepted_id)
        now = self._clock.ms()

        def write(unit: Unit) -> None:
            delivered(unit)
            recognise(self._queue, unit, entry, chat, recipient, job=job, now=now)

        return Delivered(write=write)

    async def _intend(
        self, job: Job, chat: ChatRow, message: AgentMessage, number: int
    ) -> tuple[int, str]:
        """Write down that the part is about to be sent; from here on it may have gone out."""
        now = self._clock.ms()
        entry = self._directory.by_id(job.instance_id)
        inbox = entry.inbox if entry is not None else None
        is_here = inbox is None or not inbox.predates(job.accepted_at)

        def work(unit: Unit) -> tuple[int, str]:
            is_deleted = seen.knows(unit.db, tombstone(job.ref or ""))  # between two parts
            if is_deleted or not jobs.is_waiting(unit.db, job.id):
                raise Cancelled
            if message.bubble is not None and entry is not None:
                self._silence.refuse(unit.db, entry, chat.id, message.bubble)
            tries = len(ledger.parts(unit.db, job.id))
            if message.is_signed is not None or message.bubble is not None:
                # A retry must not decide it anew.
                jobs.set_payload(unit.db, job.id, orjson.dumps(message))
            tag = f"{self._install}.{job.id}.{number}.{tries}"
            row_id = ledger.intend(
                unit.db,
                {
                    "instance_id": job.instance_id,
                    "chat_id": chat.id,
                    "job_id": job.id,
                    "origin": "automatic" if message.message_id is None else "agent",
                    "part": number,
                    "chatwoot_id": message.message_id if is_here else None,
                    "conversation_id": message.conversation_id if is_here else None,
                    "tag": tag,
                    "now": now,
                },
            )
            return row_id, tag

        return await self._store.write(work, durable=True)

    async def _not_sent(self, entry: Entry, row_id: int, error: PeerError) -> Outcome:
        now = self._clock.ms()
        if error.certainty is Certainty.NOT_DONE:
            await self._store.write(
                lambda unit: ledger.set_state(
                    unit.db, row_id, "superseded", now, cause=error.cause, reason=str(error)
                )
            )
            _end_if_wanted(entry, error)
            raise error
        asks = isinstance(entry.channel, Remembers)
        return Again(
            due_at=now if asks else now + self._times.uncertain_after,
            why="WhatsApp did not answer; waiting for a status",
            unknown_since=now,
            blame=error,
            gates=(LOCAL, LOCAL),
            write=lambda unit: _unknown(unit, row_id, now, error),
        )

    async def _sent(  # noqa: PLR0917
        self,
        job: Job,
        entry: Entry,
        message: AgentMessage,
        parts: Sequence[Part],
        row_id: int,
        whatsapp_id: str,
    ) -> None:
        """Record that the last of these parts was taken, and what they ask to choose from."""
        now = self._clock.ms()

        def work(unit: Unit) -> None:
            self._receipts.sent(unit, entry, row_id, whatsapp_id, now)
            offer(unit.db, job, message, parts)

        await self._store.write(work)

    async def _between(self, entry: Entry, chat: ChatRow, row_id: int, whatsapp_id: str) -> None:
        """Calls keep no order there: the next part waits for `sent` of the one before, a while."""
        if not entry.channel.capabilities.unordered_sends:
            return
        until = self._clock.ms() + self._times.sent_wait
        sent = self._receipts.watch(row_id)
        try:
            state = await self._store.read(lambda db: ledger.state_of(db, row_id))
            if state == "accepted":
                await self._clock.wait(sent, until)
        finally:
            self._receipts.unwatch(row_id)
        log.debug("part.followed", chat=chat.id, whatsapp=whatsapp_id)

    def _delivered(  # noqa: PLR0917
        self,
        entry: Entry,
        job: Job,
        chat: ChatRow,
        message: AgentMessage,
        parts: Sequence[Part],
        row_id: int,
        whatsapp_id: str,
    ) -> Callable[[Unit], None]:
        now = self._clock.ms()

        def write(unit: Unit) -> None:
            offer(unit.db, job, message, parts)
            if row_id:
                self._receipts.sent(unit, entry, row_id, whatsapp_id, now)
                if entry.channel.capabilities.unordered_sends:
                    self._wait_for_sent(unit, job, row_id, now)
            # A red mark (Chatwoot's own, or that of a dead letter that was replayed) is wrong now.
            row = address(job, chat.id, message)
            if row is not None and (
                message.was_failed or seen.knows(unit.db, red_mark(job.ref or ""))
            ):
                self._receipts.report(unit, entry, row, "sent", now=now)

        return write

    def _wait_for_sent(self, unit: Unit, job: Job, row_id: int, now: int) -> None:
        """Calls keep no order there: the next message waits for `sent` of this one, a while.

        Decided in the commit: a status that was faster than our answer has been stored by now.
        """
        if ledger.state_of(unit.db, row_id) == "accepted":
            until = now + self._times.sent_wait
            unit.after_commit.append(lambda: self._queue.hold_lane(job.lane, until=until))


def shall_not_wait(entry: Entry, error: PeerError) -> bool:
    """True when nothing was done for want of a connection, and the settings bid us not to wait."""
    says_so = isinstance(error, PeerLocked) or (
        isinstance(error, PeerDown) and isinstance(entry.channel, Session)
    )
    return says_so and entry.instance.options.fail_when_disconnected


def _end_if_wanted(entry: Entry, error: PeerError) -> None:
    """It certainly was not sent: raise `Unsendable` where that shall not wait for a connection."""
    if shall_not_wait(entry, error):
        raise Unsendable(str(error), code=error.cause) from error


def address(job: Job, chat_id: int, message: AgentMessage) -> dict[str, int] | None:
    """Where the agent's message stands, as `Receipts` report to it; None: not in Chatwoot."""
    if message.message_id is None or message.conversation_id is None:
        return None
    return {
        "job_id": job.id,
        "chat_id": chat_id,
        "chatwoot_id": message.message_id,
        "conversation_id": message.conversation_id,
        "created_at": job.accepted_at,
    }


def _unknown(unit: Unit, row_id: int, now: int, error: PeerError) -> None:
    """The status may have been faster than this commit: then nothing is unknown any more."""
    unit.db.execute(
        "UPDATE ledger SET state='unknown', state_at=?, cause=?, reason=?"
        " WHERE id=? AND state='intent'",
        (now, error.cause, str(error), row_id),
    )
