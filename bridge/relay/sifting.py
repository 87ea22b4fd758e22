"""Which of Chatwoot's deliveries need nothing: decided from the event alone, without a commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from bridge.chatwoot.models import MessageType
from bridge.chatwoot.webhook import (
    ConversationChanged,
    Delivery,
    MessageCreated,
    MessageEvent,
    MessageUpdated,
    Other,
    Typing,
)
from bridge.relay.directory import Entry

#: Messages with these source_ids are our own (design.md 4, Chatwoot).
ECHOES = ("WAID:", "PONTE:")


def uninteresting(entry: Entry, delivery: Delivery) -> str | None:
    """The rule by which a delivery needs nothing, decided without the database."""
    inbox = entry.inbox
    if inbox is None:
        return "chatwoot.off"
    match delivery:
        case MessageCreated() | MessageUpdated():
            if delivery.inbox_id != inbox.inbox_id:
                return "chatwoot.other_inbox"
            return _about_message(inbox.bot_conversation_id, inbox.provisioned_at, delivery)
        case ConversationChanged(conversation=conversation):
            return None if conversation.inbox_id == inbox.inbox_id else "chatwoot.other_inbox"
        case Typing():
            return "chatwoot.typing"
        case Other(event=event):
            return f"chatwoot.{event[:40]}"
        case _:
            assert_never(delivery)


def _about_message(
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
