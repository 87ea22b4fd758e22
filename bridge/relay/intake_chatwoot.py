"""A Chatwoot webhook arrives: what matters is kept in one commit, then answered at once.

Chatwoot waits five seconds, asks once, and marks the message failed otherwise; its deliveries come
reordered, doubled and late (chatwoot-api.md 3.6). So everything here is decided from the event
itself and from our own tables, and nothing is called.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar, assert_never

import orjson
import structlog

from bridge.chatwoot.webhook import (
    ConversationChanged,
    Delivery,
    MessageCreated,
    MessageEvent,
    MessageUpdated,
    Other,
    Typing,
)
from bridge.clock import Clock
from bridge.core.receipts import DONE
from bridge.engine.accept import is_new
from bridge.engine.queue import NewJob, Queue, Road
from bridge.relay import lanes
from bridge.relay.addressee import addressee
from bridge.relay.bot.takeover import Takeover
from bridge.relay.commands import accept_command, is_command, is_in_room
from bridge.relay.conversation_news import keep_news
from bridge.relay.directory import Entry
from bridge.relay.editing import accept_edit, says_otherwise
from bridge.relay.outgoing import AGENT_MESSAGE, read_event
from bridge.relay.receipts import report_job
from bridge.relay.refetching import Refetching
from bridge.relay.retrying import AUTOMATIC, OUTBOUND, by_ponte, red_mark, ref_of, revive, tombstone
from bridge.relay.revoking import accept_deletion
from bridge.relay.sifting import uninteresting
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, claims, jobs, ledger, seen

log = structlog.get_logger(__name__)

#: States of a part that certainly did not reach anybody.
UNSENT = frozenset({"failed", "superseded"})
#: So many display names are remembered at most.
MOST_NAMES = 10_000
_Event = TypeVar("_Event", bound=MessageEvent)
#: The dashboard offers Retry for a day (chatwoot-api.md 1.8).
RETRY_MS = 24 * 3600 * 1000


class ChatwootIntake:
    """`hold` (ms): how long an agent's message waits for one that Chatwoot sent out of order."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        clock: Clock,
        *,
        hold: int,
        typing: Callable[[Entry, Typing], None] | None,
        refetching: Refetching,
        takeover: Takeover,
    ) -> None:
        """`typing` is told when an agent begins or stops writing; None: nobody shall know."""
        self._refetching = refetching
        self._takeover = takeover
        self._store = store
        self._typing = typing
        self._queue = queue
        self._clock = clock
        self._hold = hold
        #: Display names of agents, by Chatwoot account and user, as last seen.
        self._names: dict[tuple[str, int], str] = {}

    async def keep(self, entry: Entry, delivery: Delivery, *, trace_id: str | None) -> None:
        """Store what follows from a verified delivery; when this returns it is on disk."""
        rule = uninteresting(entry, delivery)
        if rule is not None:
            road = Road.OUTBOUND if isinstance(delivery, MessageEvent) else Road.SIGNAL
            self._store.count(road, "accepted")
            self._store.count(road, "ignored", rule)
            return
        now = self._clock.ms()
        match delivery:
            case MessageCreated() if delivery.message.private:
                await self._store.write(
                    lambda unit: self._refetching.accept(unit, entry, delivery, now, trace_id),
                    durable=True,
                )
            case MessageCreated() | MessageUpdated() if _is_to_bot(entry, delivery):
                command = self._named(entry, delivery)
                await self._store.write(
                    lambda unit: self._command(unit, entry, command, now, trace_id), durable=True
                )
            case MessageCreated():
                created = self._named(entry, delivery)
                await self._store.write(
                    lambda unit: self._created(unit, entry, created, now, trace_id), durable=True
                )
            case MessageUpdated():
                updated = self._named(entry, delivery)
                await self._store.write(
                    lambda unit: self._updated(unit, entry, updated, now, trace_id), durable=True
                )
            case ConversationChanged():
                await self._store.write(lambda unit: self.news(unit, entry, delivery, now))
            case Typing():
                self._store.count(Road.SIGNAL, "accepted")
                if self._typing is None:
                    self._store.count(Road.SIGNAL, "ignored", "typing.off")
                else:
                    self._store.count(Road.SIGNAL, "delivered")
                    self._typing(entry, delivery)
            case Other():
                pass
            case _:
                assert_never(delivery)

    def news(self, unit: Unit, entry: Entry, event: ConversationChanged, now: int) -> None:
        """Keep what was found out about a conversation, as its webhook would have told it."""
        keep_news(unit, entry, event, self._takeover, now)

    def catch_up(
        self, unit: Unit, entry: Entry, event: MessageCreated, *, was_failed: bool, now: int
    ) -> None:
        """Accept a message that was found by listing, as its webhook would have been."""
        if event.message.private:
            self._refetching.accept(unit, entry, event, now, None)
            return
        event = self._named(entry, event)
        if _is_to_bot(entry, event):
            if is_command(event):
                self._command(unit, entry, event, now, None, is_red=was_failed)
            return
        self._created(unit, entry, event, now, None, was_failed=was_failed, caught_up=True)

    def _command(
        self,
        unit: Unit,
        entry: Entry,
        event: MessageEvent,
        now: int,
        trace_id: str | None,
        *,
        is_red: bool = False,
    ) -> None:
        """An agent writes to the bot, unless its contact was merged with a customer's."""
        room = entry.inbox.bot_conversation_id if entry.inbox is not None else None
        if event.conversation_id != room and chats.by_conversation(
            unit.db, entry.id, event.conversation_id, event.contact_source_id
        ):
            self._created(unit, entry, event, now, trace_id, was_failed=is_red)
            return
        accept_command(
            self._queue,
            unit,
            entry,
            event,
            now=now,
            hold=self._hold,
            trace_id=trace_id,
            is_red=is_red,
        )

    def _named(self, entry: Entry, event: _Event) -> _Event:
        """Give the agent the display name of before where this body shows none.

        Otherwise the signature would change from one message to the next.
        """
        sender = event.message.sender
        if sender is None or sender.id is None or sender.type != "user":
            return event
        key = (entry.scope, sender.id)
        if event.display_name is None:
            known = self._names.get(key)
            return event if known is None else replace(event, sender_name=known)
        if len(self._names) >= MOST_NAMES:
            self._names.clear()
        self._names[key] = event.display_name
        return event

    def _created(
        self,
        unit: Unit,
        entry: Entry,
        event: MessageEvent,
        now: int,
        trace_id: str | None,
        *,
        was_failed: bool = False,
        caught_up: bool = False,
    ) -> None:
        if not claims.exists(unit.db, entry.id):  # deleted while the delivery was read
            return
        if not is_new(unit, f"agent:{ref_of(entry, event.message)}", now):
            unit.count(Road.OUTBOUND, "accepted")
            unit.count(Road.OUTBOUND, "ignored", "duplicate")
            if was_failed:
                self._marked_red(unit, entry, event, now)
            return
        chat = addressee(self._queue, unit, entry, event, now)
        self._takeover.agent_spoke(unit, entry, chat, event, now)
        written = now
        if caught_up and event.message.created_at:
            written = min(now, round(event.message.created_at * 1000))
        message = read_event(event, was_failed=was_failed)
        self._queue.add(
            unit,
            NewJob(
                kind=OUTBOUND if message.by_person else AUTOMATIC,
                lane=(
                    lanes.to_whatsapp(chat)
                    if chat
                    else lanes.unbound(entry.id, event.conversation_id)
                ),
                road=Road.OUTBOUND,
                peer=entry.channel_peer,
                account=entry.channel_account,
                payload=orjson.dumps(message),
                now=written,
                due_at=now + self._hold,
                rank=event.message.id,
                instance_id=entry.id,
                chat_id=chat,
                ref=ref_of(entry, event.message),
                trace_id=trace_id,
            ),
        )

    def _updated(
        self,
        unit: Unit,
        entry: Entry,
        event: MessageUpdated,
        now: int,
        trace_id: str | None,
    ) -> None:
        if not claims.exists(unit.db, entry.id):  # deleted while the delivery was read
            return
        if event.is_deleted:
            self.deleted(unit, entry, event, now)
            return
        if event.external_error is not None or event.message.status == "failed":
            self._marked_red(unit, entry, event, now)
            self._ignore(unit, "chatwoot.failure_shown")
            return
        row = jobs.newest(unit.db, ref_of(entry, event.message))
        if row is not None:
            is_retry = row["failure"] == 2  # noqa: PLR2004
            take = self._retried if is_retry else self._edited
            if not take(unit, entry, event, row, now, trace_id):
                self._ignore(unit, "chatwoot.nothing_new")
            return
        age = now - round((event.message.created_at or 0) * 1000)
        arrived = event.message.status in {"delivered", "read"}  # whoever sent it
        if arrived or age > RETRY_MS or ledger.is_on_whatsapp(unit.db, entry.id, event.message.id):
            self._ignore(unit, "chatwoot.nothing_new")
            return
        # Never seen: we were down when it was written, and somebody pressed Retry; or Chatwoot
        # sent this before `message_created`, which will then be the duplicate.
        self._created(unit, entry, event, now, trace_id)

    def _edited(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        event: MessageUpdated,
        row: sqlite3.Row,
        now: int,
        trace_id: str | None,
    ) -> bool:
        """Have it changed on WhatsApp if it says something else, unless it was deleted there."""
        if seen.knows(unit.db, tombstone(ref_of(entry, event.message))):
            return False
        return accept_edit(self._queue, unit, entry, event, row, now, trace_id)

    def _retried(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        event: MessageUpdated,
        row: sqlite3.Row,
        now: int,
        trace_id: str | None,
    ) -> bool:
        """Send what failed again; if it says something else now, so.

        Where some of its parts arrived the others follow them as they are, and then all of it is
        changed as far as WhatsApp lets us.
        """
        arrived = any(part["state"] in DONE for part in ledger.parts(unit.db, row["id"]))
        if not arrived:
            self._rewritten(unit, row, event)
        if not self._revive(unit, entry, event, row, now):
            return False
        log.info("message.retried", job=row["id"])
        if AGENT_MESSAGE.validate_json(row["payload"]).by_person:
            self._takeover.retried(unit, entry, row["chat_id"], now)
        if arrived:
            self._edited(unit, entry, event, row, now, trace_id)
        return True

    def _rewritten(self, unit: Unit, row: sqlite3.Row, event: MessageUpdated) -> None:
        """What failed and says something else now is sent so, should anybody want it again."""
        written = AGENT_MESSAGE.validate_json(row["payload"])
        if says_otherwise(event, written, written.content):
            new = replace(written, content=event.message.content or "")
            jobs.set_payload(unit.db, row["id"], orjson.dumps(new))

    def _marked_red(self, unit: Unit, entry: Entry, event: MessageEvent, now: int) -> None:
        """Chatwoot shows a failure; unless we told it so, its webhook was kept but not answered.

        Then the mark is taken away once the message is sent.
        """
        ref = ref_of(entry, event.message)
        row = jobs.newest(unit.db, ref)
        if row is not None and row["failure"]:
            return
        if row is None or row["state"] != "delivered":
            is_new(unit, red_mark(ref), now)
            return
        message = {
            "job_id": row["id"],
            "chat_id": row["chat_id"],
            "chatwoot_id": event.message.id,
            "conversation_id": event.conversation_id,
        }
        self._queue.add(unit, report_job(entry, message, "sent", now=now))

    def _revive(
        self, unit: Unit, entry: Entry, event: MessageEvent, row: sqlite3.Row, now: int
    ) -> bool:
        """Failed to sending: one compare-and-set per failure that was shown.

        The contact may have got a number, or another one, since then.
        """
        chat = addressee(self._queue, unit, entry, event, now)
        went_out = any(part["state"] not in UNSENT for part in ledger.parts(unit.db, row["id"]))
        if chat is not None and chat != row["chat_id"] and not went_out:
            unit.db.execute(
                "UPDATE job SET chat_id=?, lane=? WHERE id=? AND state IN ('dead','delivered')",
                (chat, lanes.to_whatsapp(chat), row["id"]),
            )
        return revive(self._queue, unit, row["id"], states=("dead", "delivered"), now=now)

    def deleted(self, unit: Unit, entry: Entry, event: MessageUpdated, now: int) -> None:
        """A deletion may overtake its message: the tombstone outlives both.

        What is on WhatsApp by now, or may be, is deleted there.
        """
        inbox = entry.inbox.inbox_id if entry.inbox else None
        if seen.knows(unit.db, by_ponte(entry.id, inbox, event.message.id)):
            self._ignore(unit, "echo")
            return
        if not is_new(unit, tombstone(ref_of(entry, event.message)), now):
            self._ignore(unit, "duplicate")
            return
        if accept_deletion(self._queue, unit, entry, event.message.id, event.conversation_id, now):
            return
        row = unit.db.execute(
            "SELECT id FROM job WHERE ref=? AND state='waiting'", (ref_of(entry, event.message),)
        ).fetchone()
        if row is not None and not ledger.parts(unit.db, row["id"]):
            self._queue.cancel(unit, row["id"], rule="deleted_before_send", now=now)
        unit.count(Road.OUTBOUND, "accepted")
        unit.count(Road.OUTBOUND, "delivered")

    def _ignore(self, unit: Unit, rule: str) -> None:
        unit.count(Road.OUTBOUND, "accepted")
        unit.count(Road.OUTBOUND, "ignored", rule)


def _is_to_bot(entry: Entry, event: MessageEvent) -> bool:
    return entry.inbox is not None and is_in_room(entry.inbox, event)
