"""Whether a message of ours stands in Chatwoot already, and in the right conversation.

After an unknown outcome of a create the proof is looked for before anything is posted again, and an
answer counts only when it names the contact that we mean (design.md 4, Chatwoot).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import structlog

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.models import Message, MessageType
from bridge.clock import Clock
from bridge.engine.queue import Again, Delivered, Job
from bridge.errors import Certainty, PeerError, PeerGone
from bridge.relay.contacts import Bound, Contacts
from bridge.relay.directory import Side
from bridge.relay.healing import repeatable
from bridge.store.engine import Store
from bridge.store.queries import joins, ledger, merges
from bridge.store.queries.chats import ChatRow

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """Where the message of an earlier run stands."""

    message_id: int
    conversation_id: int
    has_files: bool


class Proofs:
    """`delay` (ms): how long Rails may still commit after a time-out."""

    def __init__(self, *, store: Store, contacts: Contacts, clock: Clock, delay: int) -> None:
        self._store = store
        self._contacts = contacts
        self._clock = clock
        self._delay = delay

    async def look_for(
        self, job: Job, side: Side, source: str, chat: ChatRow
    ) -> Proved | Again | None:
        """An earlier run may have posted it: find its source_id, or wait until it is safe to post.

        Returns None when it is certain that the message is not there.
        """
        conversation = chat.conversation_id
        if conversation is None and chat.source_id is not None:
            conversation = await self._find_conversation(side, chat)
        # It was on its way to the conversation of a chat that this one has taken over meanwhile.
        others = await self._store.read(lambda db: joins.conversations_before(db, chat.id))
        by = job.accepted_at if others else None
        places = dict.fromkeys((conversation, *others))
        for place in (one for one in places if one is not None):
            edge = await self._edge(job, chat, place, by)
            found = await _find(side, place, source, edge)
            if found is None:
                continue
            if not await self._is_proof(side, chat, found, place):
                return None
            job.steps.append((self._clock.ms(), "proved", f"message {found.id} was there"))
            return Proved(
                message_id=found.id, conversation_id=place, has_files=bool(found.attachments)
            )
        return may_arrive(job, self._clock.ms(), self._delay)

    async def is_theirs(
        self, side: Side, chat: ChatRow, bound: Bound, message: Message, conversation_id: int
    ) -> bool:
        """The answer must name the contact that we mean; nobody reads somebody else's message.

        An outgoing one names nobody but the user whose token we have, so it is taken as it is.
        False: it was deleted. A failure here is of unknown outcome, since the message stands there.
        """
        sender = message.sender.id if message.sender else None
        is_outgoing = message.message_type is MessageType.OUTGOING
        if is_outgoing or sender is None or sender == bound.contact_id:
            return True
        try:
            theirs = await self._store.read(lambda db: merges.bound(db, side.scope, chat.person_id))
            if sender in theirs:  # not merged, and the conversation goes on
                return True
            if await self._contacts.follow_merge(side, chat, bound, into=sender):
                return True
            log.error("message.wrong_contact", expected=bound.contact_id, found=sender)
            with suppress(PeerGone):
                await side.chatwoot.delete_message(conversation_id, message.id)
        except PeerError as error:
            error.certainty = Certainty.UNKNOWN
            raise
        return False

    async def _is_proof(
        self, side: Side, chat: ChatRow, found: Message, conversation_id: int
    ) -> bool:
        """A message of ours counts only with its own contact; elsewhere it is deleted."""
        if chat.contact_id is None or chat.source_id is None:
            return True
        bound = Bound(contact_id=chat.contact_id, source_id=chat.source_id, is_new=False)
        return await self.is_theirs(side, chat, bound, found, conversation_id)

    async def _edge(self, job: Job, chat: ChatRow, conversation: int, by: int | None) -> int | None:
        """The newest Chatwoot message that certainly is older than any attempt of this job."""
        return await self._store.read(
            lambda db: ledger.last_before(
                db, chat_id=chat.id, conversation=conversation, job_id=job.id, by=by
            )
        )

    async def _find_conversation(self, side: Side, chat: ChatRow) -> int | None:
        """A conversation whose creation was not answered, found by its contact inbox."""
        with repeatable():
            listed = await side.chatwoot.conversations(side.inbox_id, chat.source_id)
        mine = [one for one in listed if one.contact_id in (chat.contact_id, None)]
        return mine[0].id if mine else None


async def _find(side: Side, conversation: int, source: str, after: int | None) -> Message | None:
    try:
        with repeatable():
            return await side.chatwoot.find_message(conversation, source, after)
    except PeerGone:
        return None


async def posted_before(
    job: Job,
    chatwoot: Chatwoot,
    conversation_id: int,
    source: str,
    *,
    clock: Clock,
    delay: int,
    after: int | None = None,
) -> Delivered | Again | None:
    """Whether an earlier run of a job posted its note; None: it is not there, and may be posted.

    `after` and `delay` as in `Chatwoot.find_message` and in `Proofs`.
    """
    if not job.is_suspect:
        return None
    with repeatable():
        found = await chatwoot.find_message(conversation_id, source, after)
    return Delivered() if found is not None else may_arrive(job, clock.ms(), delay)


def may_arrive(job: Job, now: int, delay: int) -> Again | None:
    """Wait until no earlier attempt can appear in Chatwoot any more; None: that is so now."""
    safe_at = (job.unknown_since or 0) + delay
    if now >= safe_at:
        return None
    return Again(
        due_at=safe_at,
        why="an earlier attempt may still arrive in Chatwoot",
        unknown_since=job.unknown_since,
    )
