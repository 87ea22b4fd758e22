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
from bridge.core.conversation import Origin
from bridge.core.ignoring import ignoring_rule
from bridge.core.party import Party
from bridge.core.placement import Skip
from bridge.engine.queue import Again, Ignored, Job
from bridge.errors import PeerGone, PeerLocked, PeerRefused
from bridge.relay.contacts import Contacts
from bridge.relay.conversations import Conversations
from bridge.relay.directory import Directory, Entry, Side
from bridge.relay.healing import insist_on_inbox
from bridge.relay.proof import Proofs, Proved
from bridge.store.engine import Store, Unit
from bridge.store.queries import bindings, chats
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.contacts import drop

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
        drifted: Callable[[Entry], Awaitable[None]],
    ) -> None:
        """`restore` makes the inbox of an instance again, when it was deleted in Chatwoot.

        `drifted` is told when something of ours was not where we left it.
        """
        self._store = store
        self._contacts = contacts
        self._proofs = proofs
        self._conversations = conversations
        self._clock = clock
        self._restore = restore
        self._drifted = drifted

    async def proved(
        self, job: Job, side: Side, source: str, chat: ChatRow
    ) -> Proved | Again | None:
        """Whether an earlier run posted the message of this source_id; see `Proofs.look_for`."""
        return await self._proofs.look_for(job, side, source, chat)

    async def is_asleep(self, side: Side, chat: ChatRow) -> bool:
        """See `Conversations.is_asleep`."""
        return await self._conversations.is_asleep(side, chat)

    async def left_out(self, side: Side, chat: ChatRow, *, origin: Origin) -> Ignored | None:
        """Whether a rule leaves a message out, as far as it can be told without its conversation.

        Then nothing is to be made for it, no contact either.
        """
        skip = await self._conversations.skipped(side, chat, origin=origin)
        return None if skip is None else left_out(skip)

    async def into(
        self,
        job: Job,
        entry: Entry,
        side: Side,
        chat: ChatRow,
        post: Callable[[int], Awaitable[Message]],
        *,
        origin: Origin,
    ) -> Posted | Ignored:
        """Have `post` post into the conversation that it is told; again where that was gone.

        Ignored: a rule leaves messages of this kind out (`core.placement`).
        """
        skip = await self.left_out(side, chat, origin=origin)
        if skip is not None:
            return skip
        for _ in range(ROUNDS):
            try:
                bound = await self._contacts.ensure(side, chat, by=f"job {job.id}")
                placed = await self._conversations.ensure(side, chat, bound, origin=origin)
            except PeerGone as gone:
                await insist_on_inbox(entry, side, gone, self._restore)
                chat = await self._forget(entry, side, chat, gone, contact=True)
                continue
            if isinstance(placed, Skip):
                return left_out(placed)
            job.steps.append(
                (self._clock.ms(), "placed", f"{placed.conversation_id}: {placed.why}")
            )
            try:
                message = await post(placed.conversation_id)
            except PeerGone as gone:
                chat = await self._forget(entry, side, chat, gone, contact=False)
                continue
            if not await self._proofs.is_theirs(side, chat, bound, message, placed.conversation_id):
                chat = await self._forget(entry, side, chat, None, contact=True)
                continue
            job.steps.append((self._clock.ms(), "posted", f"message {message.id}"))
            return Posted(
                chat_id=chat.id, conversation_id=placed.conversation_id, message_id=message.id
            )
        raise PeerRefused(
            "Chatwoot keeps saying that contact or conversation do not exist.",
            code="chatwoot.cannot_heal",
        )

    async def _forget(
        self, entry: Entry, side: Side, chat: ChatRow, gone: PeerGone | None, *, contact: bool
    ) -> ChatRow:
        """Drop what Chatwoot says is gone: the conversation, and the contact if it is gone too.

        `contact`: its contact inbox is in doubt as well. Without `gone` they are somebody else's.
        """
        contact_id = chat.contact_id
        drop_contact = gone is None or not await self._contact_exists(side, chat)
        log.warning("chat.unbound", chat=chat.id, contact=drop_contact)

        def work(unit: Unit) -> None:
            if drop_contact and contact_id is not None:
                drop(unit.db, side.scope, chat.person_id, contact_id)
            bindings.bind(
                unit.db,
                chat.id,
                source_id=None if drop_contact or contact else chat.source_id,
                conversation_id=None,
                status=None,
            )

        await self._store.write(work)
        await self._drifted(entry)
        fresh = await self._store.read(lambda db: chats.get(db, chat.id))
        return fresh if fresh is not None else chat

    async def _contact_exists(self, side: Side, chat: ChatRow) -> bool:
        """Where agents merged it into another, that one is the person's from now on."""
        if chat.contact_id is None:
            return False
        try:
            await self._contacts.present(side, chat, chat.contact_id)
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


def left_out(skip: Skip) -> Ignored:
    return Ignored(rule="conversation_rule", reason=f"{skip.why} [{skip.rule}].")


def rule_of(entry: Entry, side: Side, party: Party) -> str | None:
    """The rule of the settings by which messages of this chat are not relayed."""
    return ignoring_rule(
        party,
        groups_ignore=entry.instance.options.behaviour.groups_ignore,
        ignored=side.inbox.options.get("ignoreJids") or (),
    )
