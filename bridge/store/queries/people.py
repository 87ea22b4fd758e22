"""Whose keys are whose: the identity graph applied to the stored people."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from bridge.core.identity_graph import (
    PORTFOLIO,
    TOLD,
    Link,
    pairs,
    partition,
    placings,
)
from bridge.store.queries import chats, joins, links, people_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Whose each key is, and who turned out to be one: (who stays, who is them as well).

    The keys of who is gone are the other's already; chats and contact are not.
    """

    owners: dict[str, int]
    merges: tuple[tuple[int, int], ...] = ()


def new(
    db: sqlite3.Connection,
    scope: str,
    keys: Collection[str],
    *,
    evidence: str,
    first: int,
    at: int,
    now: int,
) -> Settled:
    """Somebody of whom nothing was known, by keys that were told of together (see `links.keep`)."""
    links.keep(db, scope, pairs(sorted(keys)), evidence=evidence, first=first, at=at)
    return settle(db, scope, keys, evidence=evidence, now=now)


def settle(
    db: sqlite3.Connection, scope: str, keys: Collection[str], *, evidence: str, now: int
) -> Settled:
    """Divide the keys that can be reached from these among persons, as `partition` says.

    Keys change hands at once. A chat goes along with the hidden id by which it was last written
    in, without the conversation, which may be somebody else's; all addresses are thought over.
    """
    found = links.around(db, scope, keys)
    reached = {key for link in found for key in (link.one, link.other)} | set(keys)
    reached = {key for key in reached if not key.startswith((PORTFOLIO, TOLD))}
    owners = people_keys.owners(db, scope, reached)
    found = _with_times_of_chats(db, scope, found, {one.person for one in owners.values()})

    owned: dict[str, int] = {}
    merges: list[tuple[int, int]] = []
    for placing in placings(partition(reached, found), owners):
        keep = placing.keep if placing.keep is not None else people_keys.new_person(db, scope, now)
        unknown = [key for key in sorted(placing.keys) if key not in owners]
        people_keys.add(db, scope, unknown, keep, evidence=evidence, now=now)
        for key in placing.keys:
            if key in owners and owners[key].person != keep:
                people_keys.give(db, scope, key, keep)
        owned.update(dict.fromkeys(placing.keys, keep))
        merges += [(keep, other) for other in placing.gone]
    gone = {other: keep for keep, other in merges}
    losers = {
        one.person for key, one in owners.items() if owned[key] != gone.get(one.person, one.person)
    }
    for person_id in sorted(losers):
        for chat_id, _ in joins.part(db, scope, person_id, person_id):
            chats.hand_over(db, chat_id, person_id)  # it stays, without the other's conversation
    changed = losers | {owned[key] for key, one in owners.items() if owned[key] != one.person}
    for person_id in sorted(changed - gone.keys()):
        chats.readdress(db, scope, person_id)
    return Settled(owners=owned, merges=tuple(merges))


def move(db: sqlite3.Connection, instance_id: str, before: str, after: str) -> None:
    """The people of an instance become those of the account that it was set up in.

    `before` is the instance's own scope. Who is known there already is that person from now on, so
    that what waits for somebody and what comes later share a chat, and a lane.
    """
    names = {"instance": instance_id, "before": before, "after": after}
    moved = [
        row["key"]
        for row in db.execute("SELECT key FROM identity_key WHERE scope=?", (before,)).fetchall()
    ]
    db.execute("UPDATE OR IGNORE identity_key SET scope=:after WHERE scope=:before", names)
    db.execute(  # only the keys that the account knew already are left
        "UPDATE OR IGNORE chat SET person_id=(SELECT known.person_id FROM identity_key own"
        " JOIN identity_key known ON known.scope=:after AND known.key=own.key"
        " WHERE own.scope=:before AND own.person_id=chat.person_id ORDER BY own.key LIMIT 1)"
        " WHERE instance_id=:instance"
        " AND person_id IN (SELECT person_id FROM identity_key WHERE scope=:before)",
        names,
    )
    db.execute("DELETE FROM identity_key WHERE scope=:before", names)
    db.execute("UPDATE person SET scope=:after WHERE scope=:before", names)
    links.move(db, before, after)
    # Contacts are an account's, so there are none without it; names of an address book stay.
    db.execute(
        "UPDATE OR IGNORE contact SET scope=:after, contact_id=NULL, claimed_by=NULL"
        " WHERE scope=:before",
        names,
    )
    for table in ("contact", "other_contact"):
        db.execute(f"DELETE FROM {table} WHERE scope=:before", names)  # noqa: S608
    _settle_moved(db, after, moved)


def _settle_moved(db: sqlite3.Connection, scope: str, keys: Iterable[str]) -> None:
    """Nothing runs for an instance that is just being set up: who is one is made one at once.

    But for two chats of one person on it: whoever comes back to an account has an old one there.
    The lanes of the new one are emptied as they are, and both are written to by the same keys.
    """
    left = set(keys)
    while left:
        settled = settle(db, scope, [left.pop()], evidence="moved", now=0)
        left -= settled.owners.keys()
        for keep, gone in settled.merges:
            if not chats.share_instance(db, keep, gone):
                joins.join(db, scope, keep, gone, now=0)


def _with_times_of_chats(
    db: sqlite3.Connection, scope: str, found: Collection[Link], persons: Collection[int]
) -> list[Link]:
    """The links with what chats know better: a message in a chat keeps its time there alone."""
    times: dict[tuple[str, str], int] = {}
    for person_id in persons:
        for _, seen in chats.sightings_of(db, person_id):
            for pair in pairs(seen.shown):
                times[pair] = max(times.get(pair, 0), seen.shown_at)
    newer: list[Link] = []
    for link in found:
        at = times.get((link.one, link.other), 0)
        if at > link.at:
            links.raise_to(db, scope, [(link.one, link.other)], at)
        newer.append(replace(link, at=max(at, link.at)))
    return newer
