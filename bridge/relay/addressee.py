"""Whom an agent writes to: from a conversation of Chatwoot to a chat of ours."""

from __future__ import annotations

from bridge.chatwoot.models import Contact
from bridge.chatwoot.webhook import ConversationChanged, MessageEvent
from bridge.core.identity import keys as identity_keys
from bridge.core.party import Party
from bridge.core.placement import ConversationStatus, status_of
from bridge.relay.directory import Entry
from bridge.relay.people import absorbed, place
from bridge.store.engine import Unit
from bridge.store.queries import chats
from bridge.store.queries.chats import ChatRow


def addressee(unit: Unit, entry: Entry, event: MessageEvent, now: int) -> int | None:
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
    party = _party(contact.phone_number, contact.identifier)
    placed = place(unit.db, entry, party, evidence=f"chatwoot contact {contact.id}", now=now)
    if placed is None:
        return None
    row = chats.get(unit.db, placed.chat_id)
    if row is not None and row.contact_id is None:
        chats.set_contact(unit.db, entry.scope, placed.person_id, contact.id, None)
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
    chats.set_contact(unit.db, entry.scope, chat.person_id, None, None)
    chats.bind(unit.db, chat.id, source_id=None, conversation_id=None, status=None)


def _party(phone: str | None, identifier: str | None) -> Party:
    """Whom a contact's number and identifier name; an identifier counts only as a WhatsApp id.

    CRM ids and e-mail addresses stand in identifiers too, and are no addresses (evo#1166).
    """
    name, at, server = (identifier or "").partition("@")
    lid = name if at and server == "lid" else None
    if name and server == "g.us":
        return Party(group=identifier)
    number = (phone or "").lstrip("+")
    if not number and at and server in ("s.whatsapp.net", "c.us"):
        number = name
    return Party(wa_id=number or None, lid=lid)


def _bind(unit: Unit, chat_id: int, event: MessageEvent, now: int) -> None:
    chats.bind(
        unit.db,
        chat_id,
        source_id=event.contact_source_id,
        conversation_id=event.conversation_id,
        status=status_of(event.conversation_status),
        assignee_id=event.conversation.assignee_id,
        updated_at=event.conversation_updated_at or 0,
        fresh_at=now,
    )


def rebind(
    unit: Unit, chat: ChatRow, event: ConversationChanged, status: ConversationStatus, now: int
) -> None:
    conversation = event.conversation
    chats.bind(
        unit.db,
        chat.id,
        source_id=chat.source_id or conversation.source_id,
        conversation_id=conversation.id,
        status=status,
        assignee_id=conversation.assignee_id,
        updated_at=conversation.updated_at or 0,
        fresh_at=now,
    )
