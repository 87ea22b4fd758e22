"""Which Chatwoot contacts are one person, and which of them stays when they are merged. Pure.

A merge cannot be undone in Chatwoot (chatwoot-api.md 1.6), so only shared keys join: a spelling of
one number, or ids that WhatsApp showed together. Names, e-mail addresses and attributes never do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bridge.core.identity import is_placeholder
from bridge.core.party import Party

#: What so many contacts have says of none of them who it is: Chatwoot lets few share a number.
MOST_OF_A_KEY: Final = 200


class Because(StrEnum):
    """Why a contact is the base, the one that stays."""

    OLDER = "older"
    EDITED = "edited"


class Evidence(StrEnum):
    """Why two contacts are one person."""

    #: Their numbers are one number, written in two ways.
    NUMBER = "number"
    #: They have ids that belong to one person, as WhatsApp showed.
    IDS = "ids"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A contact that may be merged. `edits`: what people did to it by hand (`edits_of`)."""

    id: int
    created_at: float | None
    edits: tuple[str, ...] = ()


def base_of(candidates: Sequence[Candidate]) -> tuple[Candidate, Because]:
    """The contact that stays: the oldest, but one that people worked on before one nobody touched.

    It is the least of an order, so it does not depend on the order in which they are met. Ids
    break ties: Chatwoot counts them up.
    """

    def rank(one: Candidate) -> tuple[bool, float, int]:
        return (not one.edits, one.created_at or 0, one.id)

    base = min(candidates, key=rank)
    oldest = min(candidates, key=lambda one: rank(one)[1:])
    return base, Because.OLDER if base is oldest else Because.EDITED


def edits_of(
    party: Party,
    *,
    name: str | None,
    names: Collection[str],
    email: str | None,
    attributes: Collection[object],
    labels: Collection[str],
) -> tuple[str, ...]:
    """What of a contact people wrote by hand, as far as it can be seen.

    `names` are the names that we or WhatsApp gave. Notes do not count: they move with a merge.
    """
    told = {one.casefold() for one in names if one}
    is_named = not is_placeholder(name, party) and (name or "").casefold() not in told
    found = {
        "name": is_named,
        "email": bool(email),
        "attributes": any(one not in (None, "", [], {}) for one in attributes),
        "labels": bool(labels),
    }
    return tuple(what for what, is_so in found.items() if is_so)


def contradicts(theirs: Iterable[str], known: Collection[str]) -> bool:
    """Whether keys of a contact show somebody else than the person with the keys `known`.

    That is a key of a kind that the person has, and not this one: another LID, another BSUID,
    another number. A group is nobody.
    """
    kinds = {key.partition(":")[0] for key in known}
    for key in theirs:
        kind = key.partition(":")[0]
        if kind == "group" or (kind in kinds and key not in known):
            return True
    return False


def is_ambiguous(theirs: Collection[str], known: Collection[str] = ()) -> bool:
    """Whether a contact names two people: two numbers, say, that are not known to be one's."""
    kinds = [key.partition(":")[0] for key in theirs if key not in known]
    mixed = {key.partition(":")[0] for key in theirs if key in known}.intersection(kinds)
    return "group" in kinds or bool(mixed) or len(set(kinds)) < len(kinds)


def evidence_of(one: Collection[str], other: Collection[str]) -> Evidence:
    """What shows two contacts to be one person, the simplest reason first."""
    shared = set(one) & set(other)
    return Evidence.NUMBER if any(key.startswith("phone:") for key in shared) else Evidence.IDS


def groups(
    contacts: Mapping[int, Collection[str]], people: Mapping[str, Collection[str]]
) -> list[tuple[int, ...]]:
    """Contacts of an account that are one person each, as ids in order; only groups of several.

    Equal keys join. `people`: what else is known of the person that a key names. Whoever would
    bring another LID, BSUID, number or person into a group stays out of it.
    """
    by_key: dict[str, list[int]] = {}
    for contact_id in sorted(contacts):
        for key in contacts[contact_id]:
            by_key.setdefault(key, []).append(contact_id)
    by_key = {key: ids for key, ids in by_key.items() if len(ids) <= MOST_OF_A_KEY}
    found: list[tuple[int, ...]] = []
    grouped: set[int] = set()
    for first in sorted(contacts):
        if first in grouped:
            continue
        group = _grown(first, contacts, by_key, people, without=grouped)
        grouped.update(group)
        if len(group) > 1:
            found.append(group)
    return found


def _grown(
    first: int,
    contacts: Mapping[int, Collection[str]],
    by_key: Mapping[str, Sequence[int]],
    people: Mapping[str, Collection[str]],
    *,
    without: Collection[int],
) -> tuple[int, ...]:
    """All that one contact's keys lead to, nearest first, the older ones before the newer."""
    group = [first]
    known: set[str] = set()
    fresh = set(contacts[first])
    while fresh:
        known |= fresh
        for key in fresh:
            known.update(people.get(key, ()))
        near = {one for key in known for one in by_key.get(key, ())}
        fresh = set()
        for one in sorted(near.difference(group, without)):
            if not contradicts(contacts[one], known | fresh):
                group.append(one)
                fresh.update(contacts[one])
    return tuple(sorted(group))
