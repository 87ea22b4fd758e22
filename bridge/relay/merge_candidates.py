"""Which of the contacts that were found certainly are one person's, and which of them is used."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.chatwoot.models import Contact
from bridge.core import identity
from bridge.core.identity import contact_keys
from bridge.core.merging import contradicts
from bridge.core.party import Party
from bridge.relay.directory import Entry, Side
from bridge.relay.merge_pairs import Whose, given_labels
from bridge.store.queries import merges, people_keys
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.merges import Merge


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the database says of a person and of contacts that may be theirs."""

    keys: frozenset[str]
    #: Theirs, whatever stands in them.
    bound: frozenset[int]
    #: Somebody else's.
    strangers: frozenset[int]
    names: frozenset[str]
    begun: tuple[Merge, ...]


def known_of_person(db: sqlite3.Connection, scope: str, chat: ChatRow, ids: Sequence[int]) -> Known:
    person_id = chat.person_id
    return Known(
        keys=frozenset(people_keys.of_person(db, scope, person_id)) | {*identity.keys(chat.party)},
        bound=frozenset(merges.bound(db, scope, person_id)),
        strangers=frozenset(merges.forbidden(db, scope, person_id, ids)),
        names=frozenset(merges.names_given(db, scope, person_id)),
        begun=tuple(merges.begun(db, scope, person_id)),
    )


def those_of_person(found: Sequence[Contact], party: Party, known: Known) -> list[Contact]:
    """Those that certainly are the person: nothing in them says somebody else.

    What one of them adds to the person counts against the next, so those that are bound come
    first, then the older ones.
    """
    numbers, identifiers = identity.numbers(party), identity.identifiers(party)
    keys = set(known.keys)
    mine: list[Contact] = []
    for one in sorted(found, key=lambda one: (one.id not in known.bound, one.id)):
        shown = contact_keys(one.phone_number, one.identifier)
        is_named = one.phone_number in numbers or one.identifier in identifiers
        is_known = one.id in known.bound or is_named or bool(keys.intersection(shown))
        if one.id in known.strangers or not is_known or contradicts(shown, keys):
            continue
        keys.update(shown)
        mine.append(one)
    return mine


def preferred(found: Sequence[Contact], chat: ChatRow) -> Contact:
    """The one that is bound, else the best spelling of the number: that with the ninth digit."""
    numbers, identifiers = identity.numbers(chat.party), identity.identifiers(chat.party)

    def rank(one: Contact) -> tuple[bool, int, int]:
        place = len(numbers) + len(identifiers)
        if one.phone_number in numbers:
            place = numbers.index(one.phone_number)
        elif one.identifier in identifiers:
            place = len(numbers) + identifiers.index(one.identifier)
        return (one.id != chat.contact_id, place, one.id)

    return min(found, key=rank)


def whose(side: Side, entry: Entry, chat: ChatRow, known: Known) -> Whose:
    given = (chat.contact_name, chat.party.name, identity.display_name(chat.party))
    return Whose(
        scope=side.scope,
        instance_id=entry.id,
        person_id=chat.person_id,
        party=chat.party,
        names=known.names | {one for one in given if one},
        labels=given_labels(entry),
    )
