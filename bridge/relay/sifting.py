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
from bridge.core.instance import InboxConfig
from bridge.relay.commands import is_command, is_in_room
from bridge.relay.composing import shows_typing
from bridge.relay.directory import Entry
from bridge.relay.incoming import FROM_WHATSAPP
from bridge.relay.refetching import asks_again

#: Messages with these source_ids are our own (design.md 4, Chatwoot).
ECHOES = (FROM_WHATSAPP, "PONTE:")


def uninteresting(entry: Entry, delivery: Delivery) -> str | None:
    """The rule by which a delivery needs nothing, decided without the database."""
    inbox = entry.inbox
    if inbox is None:
        return "chatwoot.off"
    match delivery:
        case MessageCreated() | MessageUpdated():
            if delivery.inbox_id != inbox.inbox_id:
                return "chatwoot.other_inbox"
            return _about_message(inbox, delivery)
        case ConversationChanged(conversation=conversation):
            return None if conversation.inbox_id == inbox.inbox_id else "chatwoot.other_inbox"
        case Typing():
            return _about_typing(entry, inbox.inbox_id, delivery)
        case Other(event=event):
            return f"chatwoot.{event[:40]}"
        case _:
            assert_never(delivery)


def _about_typing(entry: Entry, inbox_id: int | None, event: Typing) -> str | None:
    """Customers see agents write, where that can be shown; not private notes, nor themselves."""
    if event.inbox_id != inbox_id:
        return "chatwoot.other_inbox"
    shown = shows_typing(entry) and not event.is_private
    return None if shown and not event.is_contact else "chatwoot.typing"


def _is_echo(event: MessageEvent) -> bool:
    """True for what we posted, but for the deletion of a message that our own phone sent."""
    message = event.message
    source = message.source_id or ""
    is_mirror = source.startswith(FROM_WHATSAPP) and message.message_type is MessageType.OUTGOING
    if is_mirror and isinstance(event, MessageUpdated) and event.is_deleted:
        return False
    return source.startswith(ECHOES)


def _asks_again(event: MessageEvent) -> bool:
    """True for the one kind of note that is for us: an agent wants a file once more."""
    return isinstance(event, MessageCreated) and asks_again(event.message)


def _about_message(inbox: InboxConfig, event: MessageEvent) -> str | None:
    message = event.message
    checks: tuple[tuple[Callable[[], bool], str], ...] = (
        (lambda: _is_echo(event), "echo"),
        (lambda: message.message_type is MessageType.INCOMING, "echo"),
        (lambda: message.private and not _asks_again(event), "private_note"),
        (
            lambda: message.message_type not in (MessageType.OUTGOING, MessageType.TEMPLATE),
            "chatwoot.activity",
        ),
        (lambda: is_in_room(inbox, event) and not is_command(event), "bot_conversation"),
        (
            lambda: (message.created_at or 0) * 1000 + 999 < (inbox.provisioned_at or 0),
            "before_provisioning",
        ),
    )
    return next((rule for applies, rule in checks if applies()), None)
