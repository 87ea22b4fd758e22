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

from bridge.chatwoot.models import Contact, Message, MessageType
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
from bridge.core.identity import keys as identity_keys
from bridge.core.message import Party
from bridge.core.placement import ConversationStatus, is_better, status_of
from bridge.engine.accept import is_new
from bridge.engine.queue import NewJob, Queue, Road
from bridge.relay import lanes
from bridge.relay.directory import Entry
from bridge.relay.outbound import OUTBOUND, red_mark, revive, tombstone
from bridge.relay.outgoing import read_event
from bridge.relay.people import absorbed, place
from bridge.relay.receipts import report_job
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, ledger
from bridge.store.queries.chats import ChatRow

log = structlog.get_logger(__name__)

#: Messages with these source_ids are our own (design.md 4, Chatwoot).
ECHOES = ("WAID:", "PONTE:")
#: States of a part that certainly did not reach anybody.
UNSENT = frozenset({"failed", "superseded"})
#: So many display names are remembered at most.
MOST_NAMES = 10_000
_Event = TypeVar("_Event", bound=MessageEvent)
#: The dashboard offers Retry for a day (chatwoot-api.md 1.8).
RETRY_MS = 24 * 3600 * 1000


class ChatwootIntake:
    """`hold` (ms): how long an agent's message waits for one that Chatwoot sent out of order."""

    def __init__(self, store: Store, queue: Queue, clock: Clock, *, hold: int) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock
        self._hold = hold
        #: Display names of agents, by Chatwoot account and user, as last seen.
        self._names: dict[tuple[str, int], str] = {}

    async def keep(self, entry: Entry, delivery: Delivery, *, trace_id: str | None) -> None:
        """Store what follows from a verified delivery; when this returns it is on disk."""
        rule = _uninteresting(entry, delivery)
        if rule is not None:
            road = Road.OUTBOUND if isinstance(delivery, MessageEvent) else Road.SIGNAL
            self._store.count(road, "accepted")
            self._store.count(road, "ignored", rule)
            return
        now = self._clock.ms()
        match delivery:
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
                await self._store.write(lambda unit: self._changed(unit, entry, delivery, now))
            case Typing() | Other():
                pass
            case _:
                assert_never(delivery)

    def catch_up(
        self, unit: Unit, entry: Entry, event: MessageCreated, *, was_failed: bool, now: int
    ) -> None:
        """Accept a message that was found by listing, as its webhook would have been."""
        event = self._named(entry, event)
        self._created(unit, entry, event, now, None, was_failed=was_failed, caught_up=True)

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
        if not is_new(unit, _key(entry, event.message), now):
            unit.count(Road.OUTBOUND, "accepted")
            unit.count(Road.OUTBOUND, "ignored", "duplicate")
            if was_failed:
                self._marked_red(unit, entry, event, now)
            return
        chat = _chat(unit, entry, event, now)
        written = now
        if caught_up and event.message.created_at:
            written = min(now, round(event.message.created_at * 1000))
        self._queue.add(
            unit,
            NewJob(
                kind=OUTBOUND,
                lane=(
                    lanes.to_whatsapp(chat)
                    if chat
                    else lanes.unbound(entry.id, event.conversation_id)
                ),
                road=Road.OUTBOUND,
                peer=entry.channel_peer,
                account=entry.channel_account,
                payload=orjson.dumps(read_event(event, was_failed=was_failed)),
                now=written,
                due_at=now + self._hold,
                rank=event.message.id,
                instance_id=entry.id,
                chat_id=chat,
                ref=_ref(entry, event.message),
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
        if event.is_deleted:
            self._deleted(unit, entry, event, now)
            return
        if event.external_error is not None or event.message.status == "failed":
            self._marked_red(unit, entry, event, now)
            self._ignore(unit, "chatwoot.failure_shown")
            return
        row = unit.db.execute(
            "SELECT id, chat_id, failure FROM job WHERE ref=? ORDER BY id DESC LIMIT 1",
            (_ref(entry, event.message),),
        ).fetchone()
        if row is not None:
            if row["failure"] == 2 and self._revive(unit, entry, event, row, now):  # noqa: PLR2004
                log.info("message.retried", job=row["id"])
                return
            self._ignore(unit, "chatwoot.nothing_new")
            return
        age = now - round((event.message.created_at or 0) * 1000)
        known = ledger.whatsapp_of(unit.db, entry.id, event.message.id)
        if known is not None or age > RETRY_MS:
            self._ignore(unit, "chatwoot.nothing_new")
            return
        # Never seen: we were down when it was written, and somebody pressed Retry; or Chatwoot
        # sent this before `message_created`, which will then be the duplicate.
        self._created(unit, entry, event, now, trace_id)

    def _marked_red(self, unit: Unit, entry: Entry, event: MessageEvent, now: int) -> None:
        """Chatwoot shows a failure; unless we told it so, its webhook was kept but not answered.

        Then the mark is taken away once the message is sent.
        """
        ref = _ref(entry, event.message)
        row = unit.db.execute(
            "SELECT id, chat_id, state, failure FROM job WHERE ref=? ORDER BY id DESC LIMIT 1",
            (ref,),
        ).fetchone()
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
        chat = _chat(unit, entry, event, now)
        went_out = any(part["state"] not in UNSENT for part in ledger.parts(unit.db, row["id"]))
        if chat is not None and chat != row["chat_id"] and not went_out:
            unit.db.execute(
                "UPDATE job SET chat_id=?, lane=? WHERE id=? AND state IN ('dead','delivered')",
                (chat, lanes.to_whatsapp(chat), row["id"]),
            )
        return revive(self._queue, unit, row["id"], states=("dead", "delivered"), now=now)

    def _deleted(self, unit: Unit, entry: Entry, event: MessageUpdated, now: int) -> None:
        """A deletion may overtake its message: the tombstone outlives both."""
        is_new(unit, tombstone(_ref(entry, event.message)), now)
        row = unit.db.execute(
            "SELECT id FROM job WHERE ref=? AND state='waiting'", (_ref(entry, event.message),)
        ).fetchone()
        if row is not None and not ledger.parts(unit.db, row["id"]):
            self._queue.cancel(unit, row["id"], rule="deleted_before_send", now=now)
        unit.count(Road.OUTBOUND, "accepted")
        unit.count(Road.OUTBOUND, "delivered")

    def _changed(self, unit: Unit, entry: Entry, event: ConversationChanged, now: int) -> None:
        """Keep what we know of conversations fresh; never overwrite newer with older news."""
        conversation = event.conversation
        unit.count(Road.SIGNAL, "accepted")
        chat = chats.by_conversation(unit.db, entry.id, conversation.id, conversation.source_id)
        if chat is None and event.contact is not None:
            chat = chats.by_contact(unit.db, entry.id, event.contact.id)
        if chat is None or conversation.status is None:
            unit.count(Road.SIGNAL, "ignored", "conversation.not_ours")
            return
        status = status_of(conversation.status)
        if chat.conversation_id != conversation.id:
            if is_better(status, status_of(chat.status) if chat.status else None):
                _rebind(unit, chat, event, status, now)
            unit.count(Road.SIGNAL, "delivered")
            return
        if chat.status == ConversationStatus.BLOCKED and status is ConversationStatus.RESOLVED:
            status = ConversationStatus.BLOCKED
        chats.conversation_news(
            unit.db,
            chat.id,
            conversation_id=conversation.id,
            status=status,
            assignee_id=conversation.assignee_id if event.tells_assignee else chat.assignee_id,
            updated_at=conversation.updated_at or 0,
            now=now,
        )
        unit.count(Road.SIGNAL, "delivered")

    def _ignore(self, unit: Unit, rule: str) -> None:
        unit.count(Road.OUTBOUND, "accepted")
        unit.count(Road.OUTBOUND, "ignored", rule)


def _uninteresting(entry: Entry, delivery: Delivery) -> str | None:
    """The rule by which a delivery needs nothing, decided without the database."""
    inbox = entry.inbox
    if inbox is None:
        return "chatwoot.off"
    match delivery:
        case MessageCreated() | MessageUpdated():
            if delivery.inbox_id != inbox.inbox_id:
                return "chatwoot.other_inbox"
            return _uninteresting_message(inbox.bot_conversation_id, inbox.provisioned_at, delivery)
        case ConversationChanged(conversation=conversation):
            return None if conversation.inbox_id == inbox.inbox_id else "chatwoot.other_inbox"
        case Typing():
            return "chatwoot.typing"
        case Other(event=event):
            return f"chatwoot.{event[:40]}"
        case _:
            assert_never(delivery)


def _uninteresting_message(
    bot_conversation: int | None, provisioned_at: int | None, event: MessageEvent
) -> str | None:
    message = event.message
    checks: tuple[tuple[Callable[[], bool], str], ...] = (
        (lambda: (message.source_id or "").startswith(ECHOES), "echo"),
        (lambda: message.message_type is MessageType.INCOMING, "echo"),
        (lambda: message.private, "private_note"),
        (
            lambda: message.message_type not in (MessageType.OUTGOING, MessageType.TEMPLATE),
            "chatwoot.activity",
        ),
        (lambda: event.conversation_id == bot_conversation, "bot_conversation"),
        (
            lambda: (message.created_at or 0) * 1000 + 999 < (provisioned_at or 0),
            "before_provisioning",
        ),
    )
    return next((rule for applies, rule in checks if applies()), None)


def _key(entry: Entry, message: Message) -> str:
    """One message of one inbox; a restored Chatwoot reuses ids, so the second belongs to it."""
    return f"agent:{_ref(entry, message)}"


def _ref(entry: Entry, message: Message) -> str:
    inbox = entry.inbox.inbox_id if entry.inbox else 0
    return f"{entry.id}:{inbox}:{message.id}:{int(message.created_at or 0)}"


def _chat(unit: Unit, entry: Entry, event: MessageEvent, now: int) -> int | None:
    """The chat that an agent writes to: bound already, or found by the contact's number."""
    chat = chats.by_conversation(unit.db, entry.id, event.conversation_id, event.contact_source_id)
    if chat is None and event.contact is not None:
        chat = chats.by_contact(unit.db, entry.id, event.contact.id)
    if chat is None:
        chat = absorbed(unit.db, entry.id, event.conversation_id, event.contact_source_id)
    if chat is not None and _has_new_number(chat, event.contact):
        _unbind(unit, entry, chat)
        chat = None
    if chat is not None:
        if chat.conversation_id is None:
            _bind(unit, chat.id, event, now)
        return chat.id
    contact = event.contact
    if contact is None:
        return None
    party = _party(contact.phone_number, contact.identifier)
    placed = place(unit.db, entry, party, evidence=f"chatwoot contact {contact.id}", now=now)
    if placed is None:
        return None
    row = chats.get(unit.db, placed.chat_id)
    if row is not None and row.contact_id is None:
        chats.set_contact(unit.db, entry.scope, placed.person_id, contact.id, None)
    if row is None or row.conversation_id is None:
        _bind(unit, placed.chat_id, event, now)
    return placed.chat_id


def _has_new_number(chat: ChatRow, contact: Contact | None) -> bool:
    """The agent has given the contact another number, and nobody has written from the one before.

    Whoever writes to us has the address that WhatsApp names, whatever stands in Chatwoot.
    """
    if chat.last_inbound_at or contact is None or not contact.phone_number:
        return False
    said = identity_keys(Party(wa_id=contact.phone_number.lstrip("+")))
    return bool(said) and not set(said) & set(identity_keys(chat.party))


def _unbind(unit: Unit, entry: Entry, chat: ChatRow) -> None:
    chats.set_contact(unit.db, entry.scope, chat.person_id, None, None)
    chats.bind(unit.db, chat.id, source_id=None, conversation_id=None, status=None)


def _party(phone: str | None, identifier: str | None) -> Party:
    """Whom a contact's number and identifier name; an identifier counts only as a WhatsApp id.

    CRM ids and e-mail addresses stand in identifiers too, and are no addresses (evo#1166).
    """
    name, at, server = (identifier or "").partition("@")
    lid = name if at and server == "lid" else None
    number = (phone or "").lstrip("+")
    if not number and at and server in ("s.whatsapp.net", "c.us"):
        number = name
    return Party(wa_id=number or None, lid=lid)


def _bind(unit: Unit, chat_id: int, event: MessageEvent, now: int) -> None:
    chats.bind(
        unit.db,
        chat_id,
        source_id=event.contact_source_id,
        conversation_id=event.conversation_id,
        status=status_of(event.conversation_status),
        assignee_id=event.conversation.assignee_id,
        updated_at=event.conversation_updated_at or 0,
        fresh_at=now,
    )


def _rebind(
    unit: Unit, chat: ChatRow, event: ConversationChanged, status: ConversationStatus, now: int
) -> None:
    conversation = event.conversation
    chats.bind(
        unit.db,
        chat.id,
        source_id=chat.source_id or conversation.source_id,
        conversation_id=conversation.id,
        status=status,
        assignee_id=conversation.assignee_id,
        updated_at=conversation.updated_at or 0,
        fresh_at=now,
    )
