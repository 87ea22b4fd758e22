"""A customer writes: the message is posted into their conversation, exactly once.

What somebody writes with the phone of our own number goes the same way, as an outgoing message
(its source_id makes it an echo, so it never goes back to WhatsApp).

In the steady state this is one call. Everything else happens only when something is new, stale,
gone or uncertain: the contact is found, adopted, merged or created; the conversation is placed;
a 404 forgets what it disproves and goes round again; after an unknown outcome we look for our own
`source_id` before posting (design.md 4, Chatwoot).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from bridge.chatwoot.models import Message
from bridge.clock import Clock
from bridge.core.identity import merge
from bridge.core.ignoring import chat_of, ignoring_rule
from bridge.core.message import EVENT, Received, SentByPhone
from bridge.core.party import Party
from bridge.engine.queue import Again, Dead, Delivered, Ignored, Job, Outcome, Queue
from bridge.errors import (
    PeerBusy,
    PeerGone,
    PeerLocked,
    PeerRefused,
    Scope,
)
from bridge.relay.contacts import Contacts, repeatable
from bridge.relay.content import Rendered, Renderer
from bridge.relay.conversations import Conversations
from bridge.relay.directory import Directory, Entry, Side
from bridge.relay.echoes import echo, is_echo
from bridge.relay.incoming import source_id
from bridge.relay.pictures import Pictures
from bridge.relay.proof import Proofs
from bridge.relay.read_marks import ReadMarks
from bridge.relay.receipts import Receipts
from bridge.relay.revocations import overtaken
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, ledger
from bridge.store.queries.chats import ChatRow
from bridge.whatsapp.channel import Capabilities

log = structlog.get_logger(__name__)

#: Rounds of healing: gone message target, gone contact, gone contact inbox.
ROUNDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What one read of the database tells about the job."""

    chat: ChatRow
    quoted: tuple[int, int] | None
    #: We sent it ourselves; None: a send that was begun before it came is not answered yet.
    is_echo: bool | None


class Inbound:
    """Runs `inbound` jobs."""

    def __init__(
        self,
        *,
        store: Store,
        directory: Directory,
        contacts: Contacts,
        proofs: Proofs,
        conversations: Conversations,
        renderer: Renderer,
        clock: Clock,
        restore: Callable[[Entry], Awaitable[None]],
        read_marks: ReadMarks,
        pictures: Pictures,
        receipts: Receipts,
        queue: Queue,
    ) -> None:
        """`restore` makes the inbox of an instance again, when it was deleted in Chatwoot."""
        self._restore = restore
        self._read_marks = read_marks
        self._queue = queue
        self._pictures = pictures
        self._receipts = receipts
        self._store = store
        self._directory = directory
        self._contacts = contacts
        self._conversations = conversations
        self._renderer = renderer
        self._clock = clock
        self._proofs = proofs

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone", reason="The instance was deleted.")
        if entry.inbox is None or not entry.inbox.enabled:
            return Ignored(rule="chatwoot.off", reason="Chatwoot is switched off for it.")
        if entry.side is None:
            raise PeerLocked(
                "The Chatwoot inbox of this instance is not set up.",
                code="chatwoot.no_inbox",
                advice="Repeat POST /chatwoot/set; it says which step fails.",
            )
        event = EVENT.validate_json(job.payload)
        if not isinstance(event, Received | SentByPhone):
            return Dead(cause="internal.payload", reason="The stored event is of another kind.")
        now, able = self._clock.ms(), entry.channel.capabilities
        context = await self._store.read(lambda db: _context(db, job, event, now, able))
        if context.is_echo is not False:
            return echo(job, now, is_certain=context.is_echo is True)
        if job.is_suspect:
            found = await self._proofs.look_for(job, entry.side, event, context.chat)
            if isinstance(found, Again):
                return found
            if found is not None:
                await self._renderer.forget(job, event)
                return self._delivered(
                    job, entry, event, context.chat.id, found.conversation_id, found.message_id
                )
        rule = _rule(entry, entry.side, merge(context.chat.party, chat_of(event)))
        if rule is not None:
            return Ignored(rule=rule, reason="The settings of this instance say so.")
        return await self._relay(job, entry, entry.side, event, context)

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None  # a replay may need what lies in the spool

    async def _relay(
        self,
        job: Job,
        entry: Entry,
        side: Side,
        event: Received | SentByPhone,
        context: Context,
    ) -> Outcome:
        rendered = await self._renderer.render(job, entry, event)
        chat = context.chat
        ours = isinstance(event, SentByPhone)
        for _ in range(ROUNDS):
            try:
                bound = await self._contacts.ensure(side, chat, by=f"job {job.id}")
                placed = await self._conversations.ensure(side, chat, bound, ours=ours)
            except PeerGone as gone:
                await self._insist_on_inbox(entry, side, gone)
                chat = await self._forget(side, chat, gone, contact=True)
                continue
            job.steps.append(
                (self._clock.ms(), "placed", f"{placed.conversation_id}: {placed.why}")
            )
            try:
                message = await self._post(side, placed.conversation_id, event, rendered, context)
            except PeerGone as gone:
                chat = await self._forget(side, chat, gone, contact=False)
                continue
            if not await self._proofs.is_theirs(side, chat, bound, message, placed.conversation_id):
                chat = await self._forget(side, chat, None, contact=True)
                continue
            job.steps.append((self._clock.ms(), "posted", f"message {message.id}"))
            await self._renderer.forget(job, event)
            return self._delivered(job, entry, event, chat.id, placed.conversation_id, message.id)
        raise PeerRefused(
            "Chatwoot keeps saying that contact or conversation do not exist.",
            code="chatwoot.cannot_heal",
        )

    async def _post(
        self,
        side: Side,
        conversation_id: int,
        event: Received | SentByPhone,
        rendered: Rendered,
        context: Context,
    ) -> Message:
        attributes: dict[str, object] = {}
        if event.reply_to is not None:
            quoted = context.quoted
            attributes["in_reply_to_external_id"] = source_id(event.reply_to)
            if quoted is not None and quoted[1] == conversation_id:
                attributes["in_reply_to"] = quoted[0]
        return await side.chatwoot.create_message(
            conversation_id,
            content=rendered.text,
            message_type="incoming" if isinstance(event, Received) else "outgoing",
            source_id=source_id(event.id),
            content_attributes=attributes or None,
            files=rendered.files,
        )

    async def _insist_on_inbox(self, entry: Entry, side: Side, gone: PeerGone) -> None:
        """Raise when nothing is found since the inbox itself was deleted; it is made again."""
        if gone.cause == "chatwoot.no_route":
            raise gone
        try:
            with repeatable():
                await side.chatwoot.inbox(side.inbox_id)
        except PeerGone:
            await self._restore(entry)
            raise PeerBusy(
                "The inbox had been deleted in Chatwoot and was made again.",
                code="chatwoot.inbox_restored",
                scope=Scope.ONE,
                retry_after=0,
            ) from gone

    async def _forget(
        self, side: Side, chat: ChatRow, gone: PeerGone | None, *, contact: bool
    ) -> ChatRow:
        """Drop what Chatwoot says is gone: the conversation, and the contact if it is gone too."""
        if gone is not None and gone.cause == "chatwoot.no_route":
            raise gone
        drop_contact = contact or not await self._contact_exists(side, chat)
        log.warning("chat.unbound", chat=chat.id, contact=drop_contact)

        def work(unit: Unit) -> None:
            if drop_contact:
                chats.set_contact(unit.db, side.scope, chat.person_id, None, None)
            chats.bind(
                unit.db,
                chat.id,
                source_id=None if drop_contact else chat.source_id,
                conversation_id=None,
                status=None,
            )

        await self._store.write(work)
        fresh = await self._store.read(lambda db: chats.get(db, chat.id))
        return fresh if fresh is not None else chat

    async def _contact_exists(self, side: Side, chat: ChatRow) -> bool:
        if chat.contact_id is None:
            return False
        try:
            with repeatable():
                await side.chatwoot.contact(chat.contact_id)
        except PeerGone:
            return False
        return True

    def _delivered(  # noqa: PLR0917
        self,
        job: Job,
        entry: Entry,
        event: Received | SentByPhone,
        chat_id: int,
        conversation_id: int,
        message_id: int,
    ) -> Delivered:
        now = self._clock.ms()
        is_theirs = isinstance(event, Received)

        def write(unit: Unit) -> None:
            ledger.posted(
                unit.db,
                origin="contact" if is_theirs else "phone",
                instance_id=job.instance_id or "",
                chat_id=chat_id,
                job_id=job.id,
                whatsapp_id=event.id,
                chatwoot_id=message_id,
                conversation_id=conversation_id,
                now=now,
            )
            chats.posted(unit.db, chat_id, opens=is_theirs, now=now)
            if is_theirs:
                self._read_marks.delivered(unit, entry, job)
            else:
                self._receipts.shown(unit, entry, event.id, now)
            self._pictures.delivered(unit, entry, job)
            overtaken(self._queue, unit, entry.id, event.id, now)

        return Delivered(write=write)


def _context(
    db: sqlite3.Connection, job: Job, event: Received | SentByPhone, now: int, able: Capabilities
) -> Context:
    chat = chats.surviving(db, job.chat_id or 0)
    if chat is None:
        raise PeerRefused("The chat of this message was deleted.", code="chat.gone")
    quoted = None
    if event.reply_to is not None:
        quoted = ledger.chatwoot_of(db, job.instance_id or "", event.reply_to)
    ours_again = isinstance(event, SentByPhone) and is_echo(db, job, chat.id, event.id, now, able)
    return Context(chat=chat, quoted=quoted, is_echo=ours_again)


def _rule(entry: Entry, side: Side, party: Party) -> str | None:
    """The rule of the settings by which messages of this chat are not relayed."""
    return ignoring_rule(
        party,
        groups_ignore=entry.instance.options.behaviour.groups_ignore,
        ignored=side.inbox.options.get("ignoreJids") or (),
    )
