"""An agent answers: each part goes onto WhatsApp once, or is visibly uncertain.

Here is decided what is sent, and whether; `relay.sending` does it. When the process dies or the
connection breaks inside a send, the ledger says *intent*: a channel that keeps a log of its sends
is asked (`relay.fates`), and we wait for a status that carries our key. When nothing settles it the
message is marked uncertain; it is never sent again unless the agent presses Retry (design.md 4,
Sends onto WhatsApp).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import structlog

from bridge.clock import Clock
from bridge.core.receipts import DONE, OPEN
from bridge.engine.queue import LOCAL, Again, Dead, Ignored, Job, Outcome
from bridge.errors import PeerError
from bridge.relay.bot.silence import Cancelled
from bridge.relay.directory import Directory, Entry
from bridge.relay.fates import Fates
from bridge.relay.outgoing import AGENT_MESSAGE, AgentMessage, Part
from bridge.relay.planning import plan
from bridge.relay.quoting import quote_of
from bridge.relay.receipts import Receipts
from bridge.relay.retrying import tombstone
from bridge.relay.sending import Context, Sending, Times, address, shall_not_wait
from bridge.relay.signing import is_anew, signature_of, signs_on_change
from bridge.relay.template_params import BadTemplate
from bridge.relay.uploads import Unsendable
from bridge.relay.window import Window
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, ledger, seen

log = structlog.get_logger(__name__)

#: Characters whose planning holds nobody up: Chatwoot lets 150,000 through, which take a second.
LONG = 8_000
#: States of a part of which the agent has been told that it did not (surely) arrive.
TOLD = frozenset({"failed", "uncertain"})


class Outbound:
    """Runs `outbound` jobs."""

    def __init__(
        self,
        *,
        store: Store,
        directory: Directory,
        receipts: Receipts,
        sending: Sending,
        clock: Clock,
        times: Times,
    ) -> None:
        self._store = store
        self._directory = directory
        self._receipts = receipts
        self._sending = sending
        self._clock = clock
        self._times = times
        self._fates = Fates(store, receipts, clock)
        self._window = Window(clock)

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone", reason="The instance was deleted.")
        message = AGENT_MESSAGE.validate_json(job.payload)
        is_own = message.message_id is None
        if not is_own and (entry.inbox is None or not entry.inbox.enabled):
            return self._dead(job, message, "chatwoot.off", "This inbox is switched off in Ponte.")
        context = await self._store.read(lambda db: _context(db, job, message))
        message = await self._decided(job, entry, message, context)
        parts = await self._planned(entry, message)
        if await self._fates.settle(job, entry, context.rows.values()):
            context = await self._store.read(lambda db: _context(db, job, message))
        waiting = await self._unsettled(job, entry, context, len(parts))
        if waiting is not None:
            return waiting
        refusal = self._refusal(job, entry, message, context, parts)
        if refusal is not None:
            return refusal
        # It had only waited for a status: now it calls WhatsApp again.
        if job.peer == LOCAL and not _all_done(context, len(parts)):
            gates = (entry.channel_peer, entry.channel_account)
            return Again(due_at=self._clock.ms(), why="settled; more to send", gates=gates)
        return await self._send(job, entry, message, context, parts)

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:
        message = AGENT_MESSAGE.validate_json(job.payload)
        return self._mark_failed(job, message, dead.cause, dead.reason)

    async def _send(
        self,
        job: Job,
        entry: Entry,
        message: AgentMessage,
        context: Context,
        parts: Sequence[Part],
    ) -> Outcome:
        try:
            if await self._fates.once_more(job, entry, context.rows.values()):
                context = await self._store.read(lambda db: _context(db, job, message))
        except PeerError as error:
            if shall_not_wait(entry, error):
                return self._dead(job, message, error.cause, str(error))
            raise
        try:
            return await self._sending.send(job, entry, message, context, parts)
        except Cancelled as cancelled:
            return Ignored(rule=cancelled.rule, reason=cancelled.reason)
        except BadTemplate as error:
            return self._dead(job, message, error.cause, str(error), values=error.values)
        except Unsendable as error:
            return self._dead(job, message, error.cause, str(error))

    async def _decided(
        self, job: Job, entry: Entry, message: AgentMessage, context: Context
    ) -> AgentMessage:
        """The message with what depends on those before it, which stays once it was begun."""
        chat = context.chat
        if context.rows or chat is None or not signs_on_change(entry.inbox, message):
            return message
        anew = await self._store.read(lambda db: is_anew(db, chat.id, job.id, message))
        return replace(message, is_signed=anew)

    async def _planned(self, entry: Entry, message: AgentMessage) -> Sequence[Part]:
        if message.parts is not None:
            return message.parts
        made = partial(
            plan,
            message,
            signature=signature_of(entry.inbox, message),
            able=entry.channel.capabilities,
            language=entry.language,
        )
        return await asyncio.to_thread(made) if len(message.content) > LONG else made()

    def _refusal(
        self,
        job: Job,
        entry: Entry,
        message: AgentMessage,
        context: Context,
        parts: Sequence[Part],
    ) -> Outcome | None:
        """Why the message is not sent at all, if so."""
        if context.is_deleted and not _all_done(context, len(parts)):
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
        if context.chat.party.group and not entry.channel.capabilities.groups:
            return self._dead(
                job, message, "group.unsupported", "Answers into groups are not possible yet."
            )
        closed = self._window.refusal(entry, context.chat, parts)
        if closed is not None and not _all_done(context, len(parts)):
            return self._dead(job, message, *closed)
        is_old = self._clock.ms() - job.accepted_at > self._times.not_after
        if is_old and not context.rows and message.bubble is None:  # see `bot.bubbles`
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
            deadline = self._fates.open_since(entry, row) + self._times.uncertain_after
            if now < deadline:
                return Again(
                    due_at=self._fates.look_again(entry, now, deadline),
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

    def _dead(
        self,
        job: Job,
        message: AgentMessage,
        cause: str,
        reason: str,
        values: Mapping[str, str] | None = None,
    ) -> Dead:
        """`values` are those of the text that agents read."""
        mark = self._mark_failed(job, message, cause, reason, values)
        return Dead(cause=cause, reason=reason, write=mark)

    def _mark_failed(
        self,
        job: Job,
        message: AgentMessage,
        cause: str,
        reason: str,
        values: Mapping[str, str] | None = None,
    ) -> Callable[[Unit], None]:
        """Show the failure on the agent's message; from then on Retry works."""
        now = self._clock.ms()
        entry = self._directory.by_id(job.instance_id)

        def write(unit: Unit) -> None:
            row = address(job, job.chat_id or 0, message)
            if row is not None and entry is not None and entry.chatwoot is not None:
                self._receipts.fail(
                    unit, entry, row, cause=cause, reason=reason, values=values, now=now
                )

        return write


def _all_done(context: Context, count: int) -> bool:
    return all(
        number in context.rows and context.rows[number]["state"] in DONE for number in range(count)
    )


def _context(db: sqlite3.Connection, job: Job, message: AgentMessage) -> Context:
    chat = chats.surviving(db, job.chat_id) if job.chat_id else None
    rows = {row["part"]: row for row in ledger.parts(db, job.id) if row["state"] != "superseded"}
    quoted = None
    if message.in_reply_to is not None:
        quoted = quote_of(db, job.instance_id or "", message.in_reply_to)
    return Context(
        chat=chat,
        rows=rows,
        quoted=quoted,
        is_deleted=seen.knows(db, tombstone(job.ref or "")),
    )
