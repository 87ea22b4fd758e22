"""What Chatwoot has of a person: by identifier and number, in every spelling of every id.

The ids are those that the person has now, and those that they had: who is known in Chatwoot by the
number of last year is found by it, as long as we remember that it was theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bridge.chatwoot.models import Contact
from bridge.core import identity
from bridge.core.party import Party
from bridge.relay.directory import Side
from bridge.store.engine import Store
from bridge.store.queries import contacts, people_keys
from bridge.store.queries.chats import ChatRow

__all__ = ("Spellings", "ids_of", "merged_into", "own_identifiers", "search", "spellings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spellings:
    """How Chatwoot may have written down a person."""

    numbers: tuple[str, ...]
    identifiers: tuple[str, ...]

    def fit(self, contact: Contact) -> bool:
        """Whether it is the person: Chatwoot's search ignores case, and identifiers do not."""
        return contact.phone_number in self.numbers or contact.identifier in self.identifiers


def spellings(parties: Sequence[Party]) -> Spellings:
    numbers = (number for party in parties for number in identity.numbers(party))
    identifiers = (one for party in parties for one in identity.identifiers(party))
    return Spellings(
        numbers=tuple(dict.fromkeys(numbers)), identifiers=tuple(dict.fromkeys(identifiers))
    )


def own_identifiers(party: Party) -> tuple[str, ...]:
    """What we write as identifier: phone JID, else LID JID, else BSUID."""
    fewer = (party, replace(party, wa_id=None), replace(party, wa_id=None, lid=None))
    return tuple(dict.fromkeys(one for party in fewer if (one := identity.identifier(party))))


async def ids_of(store: Store, side: Side, chat: ChatRow) -> tuple[Party, ...]:
    """The person as last seen, and then each id that they have or had, by itself."""
    keys = await store.read(lambda db: people_keys.of_person(db, side.scope, chat.person_id))
    return (chat.party, *(party for key in keys if (party := _of_key(key)) is not None))


async def search(store: Store, side: Side, chat: ChatRow) -> list[Contact]:
    """What Chatwoot has of the person, but for what we know to be somebody else's."""
    known = spellings(await ids_of(store, side, chat))
    found = await side.chatwoot.find_contacts(known.numbers, known.identifiers)
    fitting = {one.id: one for one in found if known.fit(one)}
    strangers = await store.read(
        lambda db: contacts.of_others(db, side.scope, chat.person_id, fitting.keys())
    )
    return [fitting[one] for one in sorted(fitting.keys() - strangers)]


async def merged_into(store: Store, side: Side, chat: ChatRow) -> Contact | None:
    """The contact to which the person's contact inboxes belong now; nobody else can guess those."""
    sources = await store.read(lambda db: contacts.sources_of(db, side.scope, chat.person_id))
    for inbox_id, source_id in sources:
        contact = await side.chatwoot.contact_by_source(inbox_id, source_id)
        if contact is not None:
            return contact
    return None


def _of_key(key: str) -> Party | None:
    kind, _, value = key.partition(":")
    match kind:
        case "phone":
            return Party(wa_id=value)
        case "lid":
            return Party(lid=value)
        case "bsuid":
            return Party(bsuid=value)
        case _:
            return None
