"""Chatwoot tells of a conversation: its status, its team and its labels are kept for placing.

Newer news is never overwritten by older.
"""

from __future__ import annotations

from bridge.chatwoot.models import Conversation
from bridge.chatwoot.webhook import ConversationChanged
from bridge.core.conversation import CLOSED, ConversationStatus, is_better, seen_as, status_of
from bridge.engine.queue import Road
from bridge.relay.bot.takeover import Takeover
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.store.queries import bindings, chats
from bridge.store.queries.bindings import ConversationFacts
from bridge.store.queries.chats import ChatRow


def keep_news(
    unit: Unit, entry: Entry, event: ConversationChanged, takeover: Takeover, now: int
) -> None:
    """Keep what a webhook tells; a chat changes over to a conversation that is a better one.

    Only what is newer than what is known is a signal for the hand-off.
    """
    conversation, inbox = event.conversation, entry.inbox
    unit.count(Road.SIGNAL, "accepted")
    if inbox is not None and inbox.is_bots(conversation.id, conversation.source_id):
        unit.count(Road.SIGNAL, "ignored", "bot_conversation")
        return
    chat = chats.by_conversation(unit.db, entry.id, conversation.id, conversation.source_id)
    if chat is None and event.contact is not None:
        chat = chats.by_contact(unit.db, entry.id, event.contact.id)
    if chat is None or conversation.status is None:
        unit.count(Road.SIGNAL, "ignored", "conversation.not_ours")
        return
    is_bound = chat.conversation_id == conversation.id
    before = status_of(chat.status) if chat.status else None
    status = seen_as(
        conversation.status,
        is_blocked=conversation.is_blocked,
        before=before if is_bound else None,
    )
    unit.count(Road.SIGNAL, "delivered")
    if is_bound:
        is_news = bindings.news(
            unit.db,
            chat.id,
            conversation_id=conversation.id,
            status=status,
            assignee_id=conversation.assignee_id if event.tells_assignee else chat.assignee_id,
            updated_at=conversation.updated_at or 0,
            facts=_facts(conversation, status, chat, now),
            # Perhaps there is another one that should be used now.
            fresh_at=0 if before is not None and is_better(before, status) else now,
        )
        if is_news:
            takeover.told(unit, entry, chat, event, status, now)
    elif is_better(status, before):
        source_id = chat.source_id or conversation.source_id
        use(unit, chat.id, conversation, status, source_id=source_id, now=now)
        takeover.rebound(unit, entry, chat, event, status, now)


def use(
    unit: Unit,
    chat_id: int,
    conversation: Conversation,
    status: ConversationStatus,
    *,
    source_id: str | None,
    now: int,
) -> None:
    """Let a chat use a conversation from now on of which a webhook tells."""
    bindings.bind(
        unit.db,
        chat_id,
        source_id=source_id,
        conversation_id=conversation.id,
        status=status,
        assignee_id=conversation.assignee_id,
        updated_at=conversation.updated_at or 0,
        fresh_at=now,
        facts=_facts(conversation, status, None, now),
    )


def _facts(
    conversation: Conversation, status: ConversationStatus, before: ChatRow | None, now: int
) -> ConversationFacts:
    """`before`: the chat that is bound to it, as we knew it."""
    was_closed = before is not None and before.status in CLOSED
    resolved_at = before.resolved_at if before is not None and was_closed else None
    if resolved_at is None:
        resolved_at = round((conversation.updated_at or 0) * 1000) or now
    return ConversationFacts(
        resolved_at=resolved_at if status in CLOSED else None,
        team_id=conversation.team_id,
        team_name=conversation.team_name,
        labels=conversation.labels,
    )
