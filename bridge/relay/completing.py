"""A contact is given what became known since it was made, and nothing that people wrote is lost."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import structlog

from bridge.chatwoot.faults import ChatwootInvalid
from bridge.chatwoot.models import Contact
from bridge.core import identity, naming
from bridge.core.naming import Name
from bridge.relay.directory import Side
from bridge.relay.lookup import ids_of, own_identifiers
from bridge.store.engine import Store
from bridge.store.queries import contacts
from bridge.store.queries.chats import ChatRow

__all__ = ("improve", "known_of")

log = structlog.get_logger(__name__)


def known_of(chat: ChatRow) -> str:
    """A digest of all that a contact is given of a person: another one, and there is news."""
    name = naming.best_name(chat.party, chat.address_name)
    facts = (name.text, identity.e164(chat.party), *identity.keys(chat.party))
    return hashlib.sha256("\n".join(fact or "" for fact in facts).encode()).hexdigest()[:16]


async def improve(store: Store, side: Side, chat: ChatRow, contact: Contact) -> Contact:
    """Fill in the number, identifier and name that it lacks; can be done again after any failure.

    What we wrote, and what is merely a number or an id, gives way to a better name.
    """
    name = await _name_for(store, side, chat, contact)
    number, identifiers = identity.e164(chat.party), own_identifiers(chat.party)
    wanted: dict[str, Any] = {}
    if number and not contact.phone_number:
        wanted["phone_number"] = number
    if identifiers and not contact.identifier:
        wanted["identifier"] = identifiers[0]
    if name is not None:
        wanted["name"] = name.text
        wanted["additional_attributes"] = {naming.WRITTEN: name.text}
    contact = await _update(side, contact, wanted)
    if name is not None:
        await store.write(
            lambda unit: contacts.set_name(
                unit.db, side.scope, chat.person_id, contact.id, name.text
            )
        )
    return contact


async def _name_for(store: Store, side: Side, chat: ChatRow, contact: Contact) -> Name | None:
    """A better name than the one that the contact has, unless a person gave it that one."""
    ours = contact.additional_attributes.get(naming.WRITTEN)
    written = {ours, chat.contact_name if contact.id == chat.contact_id else None}
    return naming.better_name(
        contact.name,
        naming.best_name(chat.party, chat.address_name),
        written={one for one in written if isinstance(one, str)},
        parties=await ids_of(store, side, chat),
    )


async def _update(side: Side, contact: Contact, wanted: Mapping[str, Any]) -> Contact:
    """Change a contact, but for what another contact has already: that stays theirs."""
    while wanted:
        try:
            return await side.chatwoot.update_contact(contact.id, **wanted)
        except ChatwootInvalid as error:
            log.info("contact.not_improved", contact=contact.id, taken=error.attributes)
            fewer = {key: one for key, one in wanted.items() if key not in error.attributes}
            wanted = fewer if len(fewer) < len(wanted) else {}
    return contact
