"""From identity keys to a person and a chat row, inside the accept commit.

Keys that come together in one event belong to one person (design.md 4, Identity), as
`core.identity_graph` says. When they belonged to several, the event goes to the oldest person's
chat and *link* jobs make them one. The keys change hands at once, so that whatever is accepted
later waits behind those jobs. A number that somebody gave up goes over to its next owner by itself.

What counts is when an event happened, not when it came here. What a person writes counts to the
millisecond; what only names them (a status, a mention) by its day, so that it seldom costs a write.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from bridge.core.identity import keys as identity_keys
from bridge.core.identity import merge
from bridge.core.identity_graph import Link, Pair, changed, is_hidden, pairs, tokens
from bridge.core.party import Party
from bridge.core.sightings import Sightings, observed
from bridge.relay.directory import Entry
from bridge.store.queries import chats, links, people, people_keys
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.people import Settled

log = structlog.get_logger(__name__)

DAY: Final = 86_400_000
#: So far (ms) a clock may be ahead of ours (whatsapp-channels.md E.1.6).
_FUTURE: Final = 60_000
#: Persons who turned out to be one: (who stays, who goes).
Merges = tuple[tuple[int, int], ...]


def absorbed(
    db: sqlite3.Connection, instance_id: str, conversation_id: int, source_id: str | None
) -> ChatRow | None:
    """The chat that took over the one to which a conversation belonged before they were linked."""
    row = db.execute(
        "SELECT merged_into FROM chat WHERE instance_id=? AND merged_into IS NOT NULL"
        " AND (conversation_id=? OR source_id=?) ORDER BY id DESC LIMIT 1",
        (instance_id, conversation_id, source_id),
    ).fetchone()
    return chats.surviving(db, row["merged_into"]) if row is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What tells of somebody: an event that happened at `at` (ms) and is accepted `now`.

    `is_theirs`: they did it themselves, and its time counts as it is. `inbound`: they wrote, which
    opens the 24-hour window.
    """

    evidence: str
    at: int
    now: int
    is_theirs: bool = False
    inbound: bool = False

    @property
    def counts_as(self) -> int:
        at = max(0, min(self.at, self.now + _FUTURE))
        return at if self.is_theirs else at - at % DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The chat of an event. `merges`: persons who turned out to be one (who stays, who goes)."""

    chat_id: int
    person_id: int
    merges: Merges = ()


def place(db: sqlite3.Connection, entry: Entry, party: Party, heard: Heard) -> Placed | None:
    """Find or make the person and the chat; None when the party has no identity at all."""
    keys = identity_keys(party)
    if not keys:
        return None
    known = people_keys.persons(db, entry.scope, keys)
    shown = tokens(keys, _account(entry))
    stored = links.known(db, entry.scope, pairs(shown))
    settled = _settled(db, entry.scope, pairs(shown), keys, known, stored, heard)
    person_id = settled.owners[keys[0]]  # the strongest says who it is
    theirs = [key for key in keys if settled.owners[key] == person_id]

    chat = chats.chat_of(db, entry.id, person_id, heard.now)
    seen = observed(chat.seen, party, at=heard.counts_as, theirs=theirs)
    seen = _together(db, entry.scope, seen, shown, stored, heard.counts_as)
    inbound_at = heard.counts_as if heard.inbound else 0
    if seen != chat.seen or inbound_at > chat.last_inbound_at:
        chats.observed(db, chat.id, seen, inbound_at)
    return Placed(chat_id=chat.id, person_id=person_id, merges=settled.merges)


def place_told(
    db: sqlite3.Connection, entry: Entry, party: Party, *, evidence: str, now: int
) -> Placed | None:
    """The same for what stands in Chatwoot, where anybody may have written it.

    It makes no one person of two, and whatever WhatsApp says counts for more.
    """
    keys = identity_keys(party)
    known = people_keys.persons(db, entry.scope, keys) if keys else {}
    strongest = next((known[key] for key in keys if key in known), None)
    if any(known.get(key, strongest) != strongest for key in keys):
        party = replace(party, wa_id=None)
    return place(db, entry, party, Heard(evidence=evidence, at=0, now=now))


def witness(db: sqlite3.Connection, entry: Entry, party: Party, heard: Heard) -> Merges:
    """Learn who somebody is of whom an event tells who has nothing to do with a chat of theirs."""
    keys = identity_keys(party)
    if len(keys) == 1 or not keys:
        return ()
    shown = tokens(keys, _account(entry))
    stored = links.known(db, entry.scope, pairs(shown))
    is_old = all(one.at >= heard.counts_as for one in stored.values())
    if is_old and not _news(pairs(shown), stored, heard):
        return ()
    known = people_keys.persons(db, entry.scope, keys)
    settled = _settled(db, entry.scope, pairs(shown), keys, known, stored, heard)
    links.raise_to(db, entry.scope, stored, heard.counts_as)
    return settled.merges


def named(db: sqlite3.Connection, scope: str, party: Party) -> Party:
    """A person of whom one event tells ids only, with the name by which we know them."""
    if party.name:
        return party
    known = people_keys.persons(db, scope, identity_keys(party))
    for person_id in dict.fromkeys(known.values()):
        for _, theirs in chats.parties(db, person_id):
            party = merge(theirs, party)
    return party


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """Who has another number now, and who else turns out to be them.

    `chat_id` None: there is nobody here to tell of. `before` is how they were last seen, until now.
    """

    chat_id: int | None = None
    merges: Merges = ()
    before: Party = field(default_factory=Party)


def rename(db: sqlite3.Connection, entry: Entry, old: Party, new: Party, heard: Heard) -> Renamed:
    """Somebody known as `old` is `new` from now on, also for sending.

    Nobody new comes of it, and nobody is told of whom this instance does not know, or who has lost
    the new number to somebody else since. Doing it again changes nothing.
    """
    before, after = identity_keys(old), identity_keys(new)
    keys = tuple(dict.fromkeys((*before, *after)))
    known = people_keys.persons(db, entry.scope, keys) if keys else {}
    if not before or not after:
        return Renamed()
    seen = {one: chats.of_person(db, entry.id, one) for one in set(known.values())}
    shown = changed(before, after, _account(entry), heard.counts_as)
    stored = links.known(db, entry.scope, shown)
    links.raise_to(db, entry.scope, stored, heard.counts_as)
    if not known:  # whoever of them comes first will be both
        _keep(db, entry.scope, _news(shown, stored, heard), heard)
        return Renamed()
    settled = _settled(db, entry.scope, shown, keys, known, stored, heard)
    keep = settled.owners[before[0]]
    theirs = [key for key in keys if settled.owners[key] == keep]
    ours = {keep, *(gone for stays, gone in settled.merges if stays == keep)}
    if not any(seen.get(one) for one in ours):
        return Renamed(merges=settled.merges)
    chat = chats.chat_of(db, entry.id, keep, heard.now)
    is_told, latest = any(map(is_hidden, keys)), chat.seen
    for party, at in ((old, heard.counts_as - 1), (new, heard.counts_as)):
        latest = observed(latest, party, at=at, theirs=theirs, is_told=is_told)
    if latest != chat.seen:
        chats.observed(db, chat.id, latest)
    if not set(after) & set(theirs):
        return Renamed(merges=settled.merges)
    mine = next((seen[known[key]] for key in before if key in known), None)
    return Renamed(
        chat_id=chat.id, merges=settled.merges, before=mine.party if mine is not None else old
    )


def _account(entry: Entry) -> str:
    """The business account whose BSUIDs an instance sees; unknown, it is the instance's own."""
    return entry.instance.business_id or entry.id


def _settled(  # noqa: PLR0917
    db: sqlite3.Connection,
    scope: str,
    shown: Sequence[Pair],
    keys: Sequence[str],
    known: dict[str, int],
    stored: dict[Pair, Link],
    heard: Heard,
) -> Settled:
    """Whose the keys are. Nothing is written, and no more read, where nothing is new."""
    news = _news(shown, stored, heard)
    is_one = len(set(known.values())) == 1 and len(known) == len(keys)
    if is_one and not news:
        return Settled(owners=known)
    _keep(db, scope, news, heard)
    links.raise_to(db, scope, stored, heard.counts_as)
    settled = people.settle(db, scope, keys, evidence=heard.evidence, now=heard.now)
    moved = [key for key, owner in known.items() if settled.owners[key] != owner]
    if moved:
        log.info("person.settled", persons=sorted(set(settled.owners.values())), keys=len(moved))
    return settled


def _news(shown: Iterable[Pair], stored: dict[Pair, Link], heard: Heard) -> list[Pair]:
    """The links that are new, or were there before the first event that we knew of."""
    return [pair for pair in shown if pair not in stored or _is_first(stored[pair], heard.at)]


def _is_first(link: Link, at: int) -> bool:
    return at > 0 and (at < link.first or not link.first)


def _keep(db: sqlite3.Connection, scope: str, news: Sequence[Pair], heard: Heard) -> None:
    if news:
        at = heard.counts_as
        links.keep(db, scope, news, evidence=heard.evidence, first=heard.at, at=at)


def _together(  # noqa: PLR0917
    db: sqlite3.Connection,
    scope: str,
    seen: Sightings,
    shown: tuple[str, ...],
    stored: dict[Pair, Link],
    at: int,
) -> Sightings:
    """Keep when the keys were seen together last: in the chat's row, which is written anyway."""
    if len(shown) == 1:
        return seen
    if seen.shown in {(), shown}:
        return seen if at <= seen.shown_at else replace(seen, shown=shown, shown_at=at)
    if at > seen.shown_at:
        links.raise_to(db, scope, pairs(seen.shown), seen.shown_at)
        return replace(seen, shown=shown, shown_at=at)
    if any(before.at < at for before in stored.values()):
        links.raise_to(db, scope, stored, at)
    return seen
