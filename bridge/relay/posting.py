"""A message is posted into the conversation of its person, whatever is gone or new there.

In the steady state that is one call. Otherwise the contact is found, adopted, merged or created,
the conversation is placed, and a 404 forgets what it disproves and goes round again (design.md 4,
Chatwoot).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from bridge.chatwoot.models import Message
from bridge.clock import Clock
from bridge.core.ignoring import ignoring_rule
from bridge.core.party import Party
from bridge.engine.queue import Again, Ignored, Job
from bridge.errors import PeerBusy, PeerGone, PeerLocked, PeerRefused, Scope
from bridge.relay.contacts import Contacts, repeatable
from bridge.relay.conversations import Conversations
from bridge.relay.directory import Directory, Entry, Side
from bridge.relay.proof import Proofs, Proved
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats
from bridge.store.queries.chats import ChatRow

log = structlog.get_logger(__name__)

#: Rounds of healing: gone message target, gone contact, gone contact inbox.
ROUNDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """Where a message stands now."""

    chat_id: int
    conversation_id: int
    message_id: int


class Posting:
    def __init__(
        self,
        *,
        store: Store,
        contacts: Contacts,
        proofs: Proofs,
        conversations: Conversations,
        clock: Clock,
        restore: Callable[[Entry], Awaitable[None]],
    ) -> None:
        """`restore` makes the inbox of an instance again, when it was deleted in Chatwoot."""
        self._store = store
        self._contacts = contacts
        self._proofs = proofs
        self._conversations = conversations
        self._clock = clock
        self._restore = restore

    async def proved(
        self, job: Job, side: Side, source: str, chat: ChatRow
    ) -> Proved | Again | None:
        """Whether an earlier run posted the message of this source_id; see `Proofs.look_for`."""
        return await self._proofs.look_for(job, side, source, chat)

    async def is_asleep(self, side: Side, chat: ChatRow) -> bool:
        """See `Conversations.is_asleep`."""
        return await self._conversations.is_asleep(side, chat)

    async def into(
        self,
        job: Job,
        entry: Entry,
        side: Side,
        chat: ChatRow,
        post: Callable[[int], Awaitable[Message]],
        *,
        ours: bool,
    ) -> Posted:
        """Have `post` post into the conversation that it is told; again where that was gone.

        `ours`: the message was written with the phone of our own number.
        """
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
                message = await post(placed.conversation_id)
            except PeerGone as gone:
                chat = await self._forget(side, chat, gone, contact=False)
                continue
            if not await self._proofs.is_theirs(side, chat, bound, message, placed.conversation_id):
                chat = await self._forget(side, chat, None, contact=True)
                continue
            job.steps.append((self._clock.ms(), "posted", f"message {message.id}"))
            return Posted(
                chat_id=chat.id, conversation_id=placed.conversation_id, message_id=message.id
            )
        raise PeerRefused(
            "Chatwoot keeps saying that contact or conversation do not exist.",
            code="chatwoot.cannot_heal",
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


def ready(directory: Directory, job: Job) -> tuple[Entry, Side] | Ignored:
    """The instance of a job and its Chatwoot side, as far as there is one to post into.

    Raises `PeerLocked` while the inbox is not set up.
    """
    entry = directory.by_id(job.instance_id)
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
    return entry, entry.side


def rule_of(entry: Entry, side: Side, party: Party) -> str | None:
    """The rule of the settings by which messages of this chat are not relayed."""
    return ignoring_rule(
        party,
        groups_ignore=entry.instance.options.behaviour.groups_ignore,
        ignored=side.inbox.options.get("ignoreJids") or (),
    )
