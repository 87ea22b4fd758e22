"""An agent answers: each part goes onto WhatsApp once, or is visibly uncertain.

A part is written into the ledger before it is sent. When the process dies or the connection breaks
inside the send, the ledger says *intent*: we wait for a status that carries our key, and when none
comes the message is marked uncertain; it is never sent again unless the agent presses Retry
(design.md 4, Sends onto WhatsApp).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from bridge.clock import Clock
from bridge.core.message import Outgoing, OutgoingText, Party
from bridge.core.receipts import DONE, OPEN
from bridge.engine.queue import LOCAL, Again, Dead, Delivered, Ignored, Job, Outcome, Queue
from bridge.errors import Certainty, PeerDown, PeerError, PeerLocked
from bridge.relay.directory import Directory, Entry
from bridge.relay.linking import recognise
from bridge.relay.outgoing import (
    AGENT_MESSAGE,
    AgentMessage,
    FilePart,
    Part,
    TextPart,
    plan,
)
from bridge.relay.receipts import Receipts
from bridge.relay.retrying import red_mark, tombstone
from bridge.relay.uploads import Unsendable, Uploads
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, jobs, ledger, seen
from bridge.store.queries.chats import ChatRow
from bridge.whatsapp.channel import Session

log = structlog.get_logger(__name__)

#: States of a part of which the agent has been told that it did not (surely) arrive.
TOLD = frozenset({"failed", "uncertain"})


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
    quoted: str | None
    is_deleted: bool


class _Cancelled(Exception):
    """The agent deleted the message before its part was written down."""


class Outbound:
    """Runs `outbound` jobs."""

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
    ) -> None:
        """`install` makes our keys differ from those of any other installation or restore.

        `obstacle` tells why a number cannot send now, where that is known without trying.
        """
        self._obstacle = obstacle
        self._store = store
        self._queue = queue
        self._directory = directory
        self._receipts = receipts
        self._uploads = uploads
        self._clock = clock
        self._times = times
        self._install = install

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone", reason="The instance was deleted.")
        message = AGENT_MESSAGE.validate_json(job.payload)
        if entry.inbox is None or not entry.inbox.enabled:
            return self._dead(job, message, "chatwoot.off", "This inbox is switched off in Ponte.")
        context = await self._store.read(lambda db: _context(db, job, message))
        parts = self._plan(entry, message)
        waiting = await self._unsettled(job, entry, context, len(parts))
        if waiting is not None:
            return waiting
        refusal = self._refusal(job, message, context, parts)
        if refusal is not None:
            return refusal
        # It had only waited for a status: now it calls WhatsApp again.
        if job.peer == LOCAL and not _all_done(context, len(parts)):
            gates = (entry.channel_peer, entry.channel_account)
            return Again(due_at=self._clock.ms(), why="settled; more to send", gates=gates)
        try:
            return await self._send_all(job, entry, message, context, parts)
        except _Cancelled:
            return Ignored(rule="deleted_before_send", reason="The agent deleted it.")
        except Unsendable as error:
            return self._dead(job, message, error.cause, str(error))

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:
        message = AGENT_MESSAGE.validate_json(job.payload)
        return self._mark_failed(job, message, dead.cause, dead.reason)

    def _plan(self, entry: Entry, message: AgentMessage) -> Sequence[Part]:
        inbox = entry.inbox
        return plan(
            message,
            sign_messages=inbox.sign_msg if inbox else False,
            delimiter=inbox.sign_delimiter if inbox else None,
            able=entry.channel.capabilities,
        )

    def _refusal(
        self, job: Job, message: AgentMessage, context: Context, parts: Sequence[Part]
    ) -> Outcome | None:
        """Why the message is not sent at all, if so."""
        if context.is_deleted and not context.rows:
            return Ignored(rule="deleted_before_send", reason="The agent deleted it.")
        if not parts:
            return self._dead(
                job, message, "message.empty", "There is nothing in it that WhatsApp could show."
            )
        if context.chat is None:
            return self._dead(
                job,
                message,
                "contact.no_number",
                "The contact has no phone number on which WhatsApp could be reached.",
            )
        if context.chat.party.group:
            return self._dead(
                job, message, "group.unsupported", "Answers into groups are not possible yet."
            )
        if not context.rows and self._clock.ms() - job.accepted_at > self._times.not_after:
            return self._dead(job, message, "too_old", "It was waiting for too long.")
        return None

    async def _unsettled(
        self, job: Job, entry: Entry, context: Context, count: int
    ) -> Outcome | None:
        """Wait for, or give up on, a part whose send was never answered.

        A part that failed, or that nobody knows about, is not sent again by itself: the agent has
        been told, and Retry (`revive`) is what sends it again.
        """
        now = self._clock.ms()
        for number in range(count):
            row = context.rows.get(number)
            if row is not None and row["state"] in TOLD:
                return Dead(cause=row["cause"] or row["state"], reason=row["reason"] or "")
            if row is None or row["state"] not in OPEN:
                continue
            deadline = row["state_at"] + self._times.uncertain_after
            if now < deadline:
                return Again(
                    due_at=deadline,
                    why="WhatsApp did not answer; waiting for a status",
                    unknown_since=row["state_at"],
                    gates=(LOCAL, LOCAL),
                )
            return await self._give_up(job, entry, row)
        return None

    async def _give_up(self, job: Job, entry: Entry, row: sqlite3.Row) -> Outcome:
        """Mark a part as uncertain, visibly, unless a status has settled it at this very moment."""
        message = AGENT_MESSAGE.validate_json(job.payload)
        reason = "It is unknown whether WhatsApp took this message."
        mark = self._mark_failed(job, message, "uncertain", reason)
        now = self._clock.ms()

        def work(unit: Unit) -> bool:
            if ledger.state_of(unit.db, row["id"]) not in OPEN:
                return False
            ledger.set_state(unit.db, row["id"], "uncertain", now, cause="uncertain", reason=reason)
            mark(unit)
            return True

        if not await self._store.write(work, durable=True):
            return Again(due_at=now, why="a status came after all", gates=(LOCAL, LOCAL))
        log.warning("message.uncertain", instance=entry.instance.name, part=row["part"])
        return Dead(cause="uncertain", reason=reason)

    async def _send_all(
        self,
        job: Job,
        entry: Entry,
        message: AgentMessage,
        context: Context,
        parts: Sequence[Part],
    ) -> Outcome:
        chat = context.chat
        assert chat is not None  # noqa: S101  (`_refusal` ended the job otherwise)
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
                return self._disconnected(job, entry, message, obstacle)
            outgoing = await self._prepare(job, entry, part, number)
            row_id, tag = await self._intend(job, chat, message, number)
            try:
                accepted = await entry.channel.send(
                    chat.party, outgoing, key=tag, reply_to=context.quoted if number == 0 else None
                )
            except PeerError as error:
                return await self._not_sent(job, entry, message, row_id, error)
            accepted_id = accepted.id
            recipient = Party(wa_id=accepted.wa_id, bsuid=accepted.bsuid)
            job.steps.append((self._clock.ms(), "sent", f"part {number + 1}: {accepted.id}"))
            if number + 1 < len(parts):
                await self._sent(row_id, accepted_id)
        await self._uploads.forget(job, len(parts))
        delivered = self._delivered(entry, job, chat, message, row_id, accepted_id)
        now = self._clock.ms()

        def write(unit: Unit) -> None:
            delivered(unit)
            recognise(self._queue, unit, entry, chat, recipient, job=job, now=now)

        return Delivered(write=write)

    async def _prepare(self, job: Job, entry: Entry, part: Part, number: int) -> Outgoing:
        match part:
            case TextPart(body=body):
                return OutgoingText(body=body)
            case FilePart(file=file, caption=caption):
                return await self._uploads.fetch(job, number, entry, file, caption=caption)

    async def _intend(
        self, job: Job, chat: ChatRow, message: AgentMessage, number: int
    ) -> tuple[int, str]:
        """Write down that the part is about to be sent; from here on it may have gone out."""
        now = self._clock.ms()
        entry = self._directory.by_id(job.instance_id)
        inbox = entry.inbox if entry is not None else None
        is_here = inbox is None or not inbox.predates(job.accepted_at)

        def work(unit: Unit) -> tuple[int, str]:
            if not jobs.is_waiting(unit.db, job.id):
                raise _Cancelled
            tries = len(ledger.parts(unit.db, job.id))
            tag = f"{self._install}.{job.id}.{number}.{tries}"
            row_id = ledger.intend(
                unit.db,
                {
                    "instance_id": job.instance_id,
                    "chat_id": chat.id,
                    "job_id": job.id,
                    "origin": "agent",
                    "part": number,
                    "chatwoot_id": message.message_id if is_here else None,
                    "conversation_id": message.conversation_id if is_here else None,
                    "tag": tag,
                    "now": now,
                },
            )
            return row_id, tag

        return await self._store.write(work, durable=True)

    async def _not_sent(
        self, job: Job, entry: Entry, message: AgentMessage, row_id: int, error: PeerError
    ) -> Outcome:
        now = self._clock.ms()
        if error.certainty is Certainty.NOT_DONE:
            await self._store.write(
                lambda unit: ledger.set_state(
                    unit.db, row_id, "superseded", now, cause=error.cause, reason=str(error)
                )
            )
            return self._disconnected(job, entry, message, error)
        return Again(
            due_at=now + self._times.uncertain_after,
            why="WhatsApp did not answer; waiting for a status",
            unknown_since=now,
            blame=error,
            gates=(LOCAL, LOCAL),
            write=lambda unit: _unknown(unit, row_id, now, error),
        )

    def _disconnected(
        self, job: Job, entry: Entry, message: AgentMessage, error: PeerError
    ) -> Outcome:
        """It certainly was not sent: fail visibly at once where that is wanted, else wait."""
        says_so = isinstance(error, PeerLocked) or (
            isinstance(error, PeerDown) and isinstance(entry.channel, Session)
        )
        if says_so and entry.instance.options.fail_when_disconnected:
            return self._dead(job, message, error.cause, str(error))
        raise error

    async def _sent(self, row_id: int, whatsapp_id: str) -> None:
        now = self._clock.ms()
        await self._store.write(lambda unit: ledger.sent(unit.db, row_id, whatsapp_id, now))

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
        row_id: int,
        whatsapp_id: str,
    ) -> Callable[[Unit], None]:
        now = self._clock.ms()

        def write(unit: Unit) -> None:
            if row_id:
                ledger.sent(unit.db, row_id, whatsapp_id, now)
                if entry.channel.capabilities.unordered_sends:
                    self._wait_for_sent(unit, job, row_id, now)
            # A red mark (Chatwoot's own, or that of a dead letter that was replayed) is wrong now.
            if message.was_failed or seen.knows(unit.db, red_mark(job.ref or "")):
                row = _address(job, chat.id, message)
                self._receipts.report(unit, entry, row, "sent", now=now)

        return write

    def _wait_for_sent(self, unit: Unit, job: Job, row_id: int, now: int) -> None:
        """Calls keep no order there: the next message waits for `sent` of this one, a while.

        Decided in the commit: a status that was faster than our answer has been stored by now.
        """
        if ledger.state_of(unit.db, row_id) == "accepted":
            until = now + self._times.sent_wait
            unit.after_commit.append(lambda: self._queue.hold_lane(job.lane, until=until))

    def _dead(self, job: Job, message: AgentMessage, cause: str, reason: str) -> Dead:
        return Dead(
            cause=cause, reason=reason, write=self._mark_failed(job, message, cause, reason)
        )

    def _mark_failed(
        self, job: Job, message: AgentMessage, cause: str, reason: str
    ) -> Callable[[Unit], None]:
        """Show the failure on the agent's message; from then on Retry works."""
        now = self._clock.ms()
        entry = self._directory.by_id(job.instance_id)

        def write(unit: Unit) -> None:
            if entry is not None and entry.chatwoot is not None:
                row = _address(job, job.chat_id or 0, message)
                self._receipts.fail(unit, entry, row, cause=cause, reason=reason, now=now)

        return write


def _all_done(context: Context, count: int) -> bool:
    return all(
        number in context.rows and context.rows[number]["state"] in DONE for number in range(count)
    )


def _address(job: Job, chat_id: int, message: AgentMessage) -> dict[str, int]:
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


def _context(db: sqlite3.Connection, job: Job, message: AgentMessage) -> Context:
    chat = chats.surviving(db, job.chat_id) if job.chat_id else None
    rows = {row["part"]: row for row in ledger.parts(db, job.id) if row["state"] != "superseded"}
    quoted = None
    if message.in_reply_to is not None:
        quoted = ledger.whatsapp_of(db, job.instance_id or "", message.in_reply_to)
    return Context(
        chat=chat,
        rows=rows,
        quoted=quoted,
        is_deleted=seen.knows(db, tombstone(job.ref or "")),
    )
