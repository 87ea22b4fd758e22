"""Whom an agent writes to: from a conversation of Chatwoot to a chat of ours."""

from __future__ import annotations

from bridge.chatwoot.models import Contact
from bridge.chatwoot.webhook import MessageEvent
from bridge.core.conversation import ConversationStatus, seen_as
from bridge.core.identity import keys as identity_keys
from bridge.core.identity import person_of
from bridge.core.party import Party
from bridge.engine.queue import Queue
from bridge.relay.conversation_news import use
from bridge.relay.directory import Entry
from bridge.relay.merging import keep_other_contact
from bridge.relay.people import absorbed, place_told
from bridge.store.engine import Unit
from bridge.store.queries import bindings, chats, contacts
from bridge.store.queries.chats import ChatRow


def addressee(queue: Queue, unit: Unit, entry: Entry, event: MessageEvent, now: int) -> int | None:
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
    party = person_of(contact.phone_number, contact.identifier)
    evidence = f"chatwoot contact {contact.id}"
    placed = place_told(unit.db, entry, party, evidence=evidence, now=now)
    if placed is None:
        return None
    row = chats.get(unit.db, placed.chat_id)
    if row is not None and row.contact_id is None:
        contacts.set_contact(unit.db, entry.scope, placed.person_id, contact.id, None)
    keep_other_contact(queue, unit, entry, placed.chat_id, contact, now)
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
    contacts.set_contact(unit.db, entry.scope, chat.person_id, None, None)
    bindings.bind(unit.db, chat.id, source_id=None, conversation_id=None, status=None)


def _bind(unit: Unit, chat_id: int, event: MessageEvent, now: int) -> None:
    """Let a chat without a conversation have the one that somebody of ours wrote in."""
    conversation = event.conversation
    by_nobody = event.message.sender is None  # a campaign, a survey: what follows is the answer
    chat = chats.get(unit.db, chat_id)
    bound = chat.contact_id if chat is not None else None
    is_other = event.contact is not None and bound not in (None, event.contact.id)
    mine = chat.source_id if chat is not None else None
    status = seen_as(
        conversation.status,
        is_blocked=conversation.is_blocked,
        before=ConversationStatus.UNANSWERED if by_nobody else None,
    )
    # With the source_id of another contact of theirs, no conversation could be begun.
    source_id = mine if is_other else event.contact_source_id
    use(unit, chat_id, conversation, status, source_id=source_id, now=now)
