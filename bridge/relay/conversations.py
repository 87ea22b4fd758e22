"""The conversation that a message from WhatsApp goes into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.models import Conversation
from bridge.clock import Clock
from bridge.core.instance import InboxConfig
from bridge.core.placement import ConversationStatus, Create, Known, place, status_of
from bridge.errors import PeerGone
from bridge.relay.contacts import Bound, repeatable
from bridge.relay.directory import Side
from bridge.store.engine import Store
from bridge.store.queries import chats
from bridge.store.queries.chats import ChatRow

#: Chatwoot opens such a conversation for every incoming message.
ASLEEP = frozenset({ConversationStatus.RESOLVED, ConversationStatus.SNOOZED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    conversation_id: int
    status: ConversationStatus
    why: str


class Conversations:
    """`stale_before` says since when our knowledge can be trusted (ms): start, or an outage."""

    def __init__(
        self, store: Store, clock: Clock, *, stale_before: Callable[[InboxConfig], int]
    ) -> None:
        self._store = store
        self._clock = clock
        self._stale_before = stale_before

    async def ensure(
        self, side: Side, chat: ChatRow, bound: Bound, *, ours: bool = False
    ) -> Placed:
        """Place the chat. No call when the stored conversation is fresh and can be reused.

        `ours`: the message was written with the phone of our own number.
        Raises `PeerError`; of unknown certainty only when a new conversation may exist.
        """
        known, asked = await self._known(side, chat, bound)
        placing = place(
            known,
            reopen=side.inbox.reopen_conversation,
            pending=side.inbox.conversation_pending,
            lock=side.inbox.lock_to_single,
            ours=ours,
        )
        if isinstance(placing, Create):
            return await self._create(side, chat, bound, placing)
        status = next(one.status for one in known if one.id == placing.id)
        if placing.set_status is not None:
            with repeatable():
                now_is = await side.chatwoot.toggle_status(placing.id, placing.set_status)
            status = status_of(now_is)
        if asked or status != chat.status:
            await self._bind(chat, bound, placing.id, status)
        return Placed(conversation_id=placing.id, status=status, why=placing.why)

    async def is_asleep(self, side: Side, chat: ChatRow) -> bool:
        """Whether nobody works in the chat's conversation: it is resolved or snoozed."""
        if chat.conversation_id is None or chat.status is None:
            return False
        stored = Known(id=chat.conversation_id, status=status_of(chat.status))
        current: Known | None = stored
        if chat.fresh_at < self._stale_before(side.inbox):
            current = await self._look(side.chatwoot, stored)
        return current is not None and current.status in ASLEEP

    async def _known(self, side: Side, chat: ChatRow, bound: Bound) -> tuple[list[Known], bool]:
        """The contact's conversations as far as the decision needs them; True: asked just now."""
        if chat.conversation_id is not None and chat.status is not None:
            stored = Known(id=chat.conversation_id, status=status_of(chat.status))
            resolved = stored.status is ConversationStatus.RESOLVED
            stays = side.inbox.reopen_conversation or side.inbox.lock_to_single
            if chat.fresh_at >= self._stale_before(side.inbox):
                if not resolved or stays:
                    return [stored], False
            elif not resolved:
                current = await self._look(side.chatwoot, stored)
                if current is not None and current.status is not ConversationStatus.RESOLVED:
                    return [current], True
        if bound.is_new:
            return [], False
        with repeatable():
            listed = await side.chatwoot.contact_conversations(bound.contact_id)
        return [_known(one) for one in listed if one.inbox_id == side.inbox_id], True

    async def _look(self, chatwoot: Chatwoot, stored: Known) -> Known | None:
        try:
            with repeatable():
                current = _known(await chatwoot.conversation(stored.id))
        except PeerGone:
            return None
        blocked = stored.status is ConversationStatus.BLOCKED
        if blocked and current.status is ConversationStatus.RESOLVED:
            return stored
        return current

    async def _create(self, side: Side, chat: ChatRow, bound: Bound, placing: Create) -> Placed:
        made = await side.chatwoot.create_conversation(
            side.inbox_id, bound.contact_id, bound.source_id, status=placing.status
        )
        status = status_of(made.status)
        if status is ConversationStatus.RESOLVED:
            status = ConversationStatus.BLOCKED  # Chatwoot resolves what blocked contacts start
        await self._bind(chat, bound, made.id, status)
        return Placed(conversation_id=made.id, status=status, why=placing.why)

    async def _bind(
        self, chat: ChatRow, bound: Bound, conversation_id: int, status: ConversationStatus
    ) -> None:
        now = self._clock.ms()
        updated_at = chat.conversation_updated_at if conversation_id == chat.conversation_id else 0
        await self._store.write(
            lambda unit: chats.bind(
                unit.db,
                chat.id,
                source_id=bound.source_id,
                conversation_id=conversation_id,
                status=status,
                assignee_id=chat.assignee_id,
                updated_at=updated_at,
                fresh_at=now,
            )
        )


def _known(conversation: Conversation) -> Known:
    return Known(
        id=conversation.id,
        status=status_of(conversation.status),
        last_activity=conversation.last_activity_at or 0,
    )
