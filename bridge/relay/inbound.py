"""A customer writes: the message is posted into their conversation, exactly once.

What somebody writes with the phone of our own number goes the same way, as an outgoing message
(its source_id makes it an echo, so it never goes back to WhatsApp).

`relay.posting` finds or makes the conversation; after an unknown outcome we look for our own
`source_id` before posting (design.md 4, Chatwoot).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from bridge.chatwoot.models import Message
from bridge.clock import Clock
from bridge.core.content import Content, Media
from bridge.core.conversation import Origin
from bridge.core.identity import merge
from bridge.core.ignoring import chat_of
from bridge.core.message import AGAIN, EVENT, MADE_UP, Received, SentByPhone
from bridge.core.party import Party
from bridge.engine.queue import Again, Dead, Delivered, Ignored, Job, Outcome, Queue
from bridge.errors import PeerRefused
from bridge.relay.bot.agent_bot import AgentBots
from bridge.relay.content import Rendered, Renderer
from bridge.relay.directory import Directory, Entry, Side
from bridge.relay.echoes import echo, is_echo
from bridge.relay.incoming import source_id
from bridge.relay.menus import answered, taken
from bridge.relay.people import named
from bridge.relay.pictures import Pictures
from bridge.relay.posting import Posted, Posting, ready, rule_of
from bridge.relay.read_marks import ReadMarks
from bridge.relay.receipts import Receipts
from bridge.relay.refetching import Refetching, original
from bridge.relay.revocations import overtaken
from bridge.store.engine import Store, Unit
from bridge.store.queries import bindings, chats, ledger
from bridge.store.queries.chats import ChatRow

#: What ends the id of a placeholder for a message that could not be opened yet.
LATER: Final = f"{MADE_UP}undecryptable"
#: Why a file is missing of which an earlier run posted a placeholder.
FORGOTTEN: Final = "media.missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What one read of the database tells about the job."""

    chat: ChatRow
    #: What it answers: the Chatwoot message and its conversation.
    quoted: tuple[int, int] | None
    #: What it says: the option, where it answers a choice that we offered.
    content: Content
    #: We sent it ourselves; None: a send that was begun before it came is not answered yet.
    is_echo: bool | None
    #: The id of the placeholder in whose place this message comes; it answers that one.
    placeholder: str | None = None
    #: It was shown once more already, because of another note.
    stands: bool = False
    #: A file that is shown once more, though nothing stands there that lacks it: it was deleted.
    is_unwanted: bool = False
    #: A flow of ours said it, also where the channel tells it back.
    is_bots: bool = False
    #: Those who stand in the text, with the names that we know.
    mentions: tuple[Party, ...] = ()


class Inbound:
    """Runs `inbound` jobs."""

    def __init__(
        self,
        *,
        store: Store,
        directory: Directory,
        posting: Posting,
        renderer: Renderer,
        clock: Clock,
        read_marks: ReadMarks,
        pictures: Pictures,
        receipts: Receipts,
        refetching: Refetching,
        queue: Queue,
        agent_bots: AgentBots,
    ) -> None:
        self._agent_bots = agent_bots
        self._read_marks = read_marks
        self._queue = queue
        self._pictures = pictures
        self._receipts = receipts
        self._refetching = refetching
        self._store = store
        self._directory = directory
        self._posting = posting
        self._renderer = renderer
        self._clock = clock

    async def run(self, job: Job) -> Outcome:
        reached = ready(self._directory, job)
        if isinstance(reached, Ignored):
            return reached
        entry, side = reached
        told = EVENT.validate_json(job.payload)
        if not isinstance(told, Received | SentByPhone):
            return Dead(cause="internal.payload", reason="The stored event is of another kind.")
        now = self._clock.ms()
        context = await self._store.read(lambda db: _context(db, job, told, now, entry))
        event = replace(told, content=context.content, mentions=context.mentions)
        if context.is_bots and isinstance(event, SentByPhone):
            event = replace(event, by_bot=True)
        if context.is_echo is not False:
            return echo(job, now, is_certain=context.is_echo is True)
        needless = self._needless(entry, job, context, now)
        if needless is not None:
            return needless
        if job.is_suspect:
            found = await self._posting.proved(job, side, source_id(event.id), context.chat)
            if isinstance(found, Again):
                return found
            if found is not None:
                await self._renderer.forget(job, event)
                is_placeholder = isinstance(event.content, Media) and not (
                    found.has_files or self._renderer.withholds(event.content)
                )
                posted = Posted(
                    chat_id=context.chat.id,
                    conversation_id=found.conversation_id,
                    message_id=found.message_id,
                )
                return self._delivered(
                    job, entry, event, posted, missing=FORGOTTEN if is_placeholder else None
                )
        rule = rule_of(entry, side, merge(context.chat.party, chat_of(event)))
        if rule is not None:
            return Ignored(rule=rule, reason="The settings of this instance say so.")
        return await self._relay(job, entry, side, event, context)

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None  # a replay may need what lies in the spool

    def _needless(self, entry: Entry, job: Job, context: Context, now: int) -> Outcome | None:
        """Why a message is not shown once more, if so."""
        if context.stands and context.quoted is not None:
            return self._refetching.had_before(entry, job, context.quoted, now)
        if context.is_unwanted:
            return Ignored(rule="retry.not_a_placeholder", reason="The message was deleted.")
        return None

    async def _relay(
        self,
        job: Job,
        entry: Entry,
        side: Side,
        event: Received | SentByPhone,
        context: Context,
    ) -> Outcome:
        left_out = await self._posting.left_out(side, context.chat, origin=_origin(event))
        if left_out is not None:
            return left_out
        rendered = await self._renderer.render(job, entry, event)
        missing = rendered.missing
        if missing is not None and event.id.endswith(AGAIN):
            return self._refetching.missing(
                entry, job, context.quoted, missing, now=self._clock.ms()
            )
        posted = await self._posting.into(
            job,
            entry,
            side,
            context.chat,
            lambda conversation_id: self._post(
                entry, side, conversation_id, event, rendered, context
            ),
            origin=_origin(event),
        )
        await self._renderer.forget(job, event)
        if isinstance(posted, Ignored):
            return posted
        cause = missing.cause if missing is not None else None
        return self._delivered(job, entry, event, posted, missing=cause)

    async def _post(  # noqa: PLR0917
        self,
        entry: Entry,
        side: Side,
        conversation_id: int,
        event: Received | SentByPhone,
        rendered: Rendered,
        context: Context,
    ) -> Message:
        attributes: dict[str, object] = dict(rendered.attributes)
        answered = context.placeholder or event.reply_to
        if answered is not None:
            quoted = context.quoted
            attributes["in_reply_to_external_id"] = source_id(answered)
            if quoted is not None and quoted[1] == conversation_id:
                attributes["in_reply_to"] = quoted[0]
        return await side.chatwoot.create_message(
            conversation_id,
            content=rendered.text,
            message_type="incoming" if isinstance(event, Received) else "outgoing",
            source_id=source_id(event.id),
            content_attributes=attributes or None,
            files=rendered.files,
            voice=rendered.voice,
            as_bot=await self._agent_bots.speaker(entry, side) if _is_bots(event) else None,
        )

    def _delivered(
        self,
        job: Job,
        entry: Entry,
        event: Received | SentByPhone,
        posted: Posted,
        *,
        missing: str | None,
    ) -> Delivered:
        """`missing`: why what stands there is a placeholder for a file."""
        now = self._clock.ms()
        is_theirs = isinstance(event, Received)

        def write(unit: Unit) -> None:
            ledger.posted(
                unit.db,
                origin="contact" if is_theirs else "phone",
                instance_id=job.instance_id or "",
                chat_id=posted.chat_id,
                job_id=job.id,
                whatsapp_id=event.id,
                chatwoot_id=posted.message_id,
                conversation_id=posted.conversation_id,
                now=now,
                missing=missing,
            )
            if event.id.endswith(AGAIN):
                ledger.file_came(unit.db, entry.id, original(event.id))
            bindings.posted(unit.db, posted.chat_id, opens=is_theirs, now=now)
            if is_theirs:
                taken(unit.db, posted.chat_id, event.content, job.accepted_at)
                self._read_marks.delivered(unit, entry, job)
            else:
                self._receipts.shown(unit, entry, event.id, now)
            self._pictures.delivered(unit, entry, job)
            overtaken(self._queue, unit, entry.id, event.id, now)

        return Delivered(write=write)


def _origin(event: Received | SentByPhone) -> Origin:
    if isinstance(event, Received):
        return Origin.CUSTOMER
    return Origin.BOT if event.by_bot else Origin.PHONE


def _is_bots(event: Received | SentByPhone) -> bool:
    return isinstance(event, SentByPhone) and event.by_bot


def _context(
    db: sqlite3.Connection, job: Job, event: Received | SentByPhone, now: int, entry: Entry
) -> Context:
    chat = chats.surviving(db, job.chat_id or 0)
    if chat is None:
        raise PeerRefused("The chat of this message was deleted.", code="chat.gone")
    placeholder = f"{event.id}{LATER}"
    quoted = ledger.chatwoot_of(db, entry.id, placeholder)
    is_late = quoted is not None
    if not is_late and event.reply_to is not None:
        quoted = ledger.chatwoot_of(db, entry.id, event.reply_to)
    able = entry.channel.capabilities
    ours_again: bool | None = False
    if isinstance(event, SentByPhone) and not event.by_bot:
        ours_again = is_echo(db, job, chat.id, event.id, now, able)
    is_bots = isinstance(event, SentByPhone) and (
        event.by_bot or ledger.is_bubble(db, entry.id, event.id)
    )
    content = event.content
    if isinstance(event, Received):
        content = answered(db, chat.id, content, job.accepted_at)
    again = event.id.endswith(AGAIN)
    stands = again and ledger.chatwoot_of(db, entry.id, event.id) is not None
    return Context(
        chat=chat,
        quoted=quoted,
        content=content,
        is_echo=ours_again,
        placeholder=placeholder if is_late else None,
        stands=stands,
        is_bots=is_bots,
        is_unwanted=again and not ledger.lacks_file(db, entry.id, original(event.id)),
        mentions=tuple(named(db, entry.scope, party) for party in event.mentions),
    )
