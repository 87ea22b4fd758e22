"""Ten thousand known contacts: what a text costs beside them, and what they cost in memory.

One customer writes through the service; everybody else is made after that pattern, in the database
and in Chatwoot's stand-in, while nothing happens. Then random ones of them write.
"""

from __future__ import annotations

import asyncio
import random  # noqa: TID251  (seeded)
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.house import House, house
from bench.loads import Figures, inbound, post
from bridge.app import DATABASE
from bridge.relay.completing import known_of
from bridge.sim.chatwoot import ChatwootSim, Contact, Conversation, contacts, conversations
from bridge.sim.graph.payloads import bsuid_of
from bridge.store.queries import chats
from bridge.store.queries.contacts import set_profile

#: How many contacts are known: few, and many.
SIZES = (100, 10_000)
CONCURRENCIES = (1, 100)
COUNTS = {1: 300, 100: 4000}
PATTERN = "5511900000000"


async def people(run: int, size: int, *, quick: bool) -> list[dict[str, Any]]:
    folders: list[Path] = []
    async with house(0.005, prepare=lambda folder, *_: folders.append(folder)) as here:
        await _met(here)
        with _quiet(here.chatwoot):
            known = _in_chatwoot(here.chatwoot, size)
        await asyncio.to_thread(_in_database, folders[0] / DATABASE, known)
        chance = random.Random(run)
        writers = [chance.choice(list(known)) for _ in range(max(COUNTS.values()))]
        who: Callable[[int], str] = writers.__getitem__
        await inbound(here, 200, 20, run="warm", who=who)  # caches and pools are what they will be
        before = here.resident_mb()
        rows = []
        for concurrency in CONCURRENCIES:
            count = COUNTS[concurrency] // (4 if quick else 1)
            figures = await inbound(here, count, concurrency, run=f"p{concurrency}", who=who)
            rows.append(_row(run, size, concurrency, figures, before))
        made = len(here.chatwoot.contacts) - size
        if made != len(here.chatwoot.inboxes) + 1:  # the bot, and the pattern
            raise RuntimeError(f"{made} contacts were made beside those that were known")
    return rows


async def _met(here: House) -> None:
    await post(here, here.graph.draft(PATTERN, "Oi", name="Bench")[1])
    await here.chatwoot.wait_for(lambda: len(_chats(here.chatwoot)) == 1, 60)
    await here.chatwoot.settled(60)


def _chats(chatwoot: ChatwootSim) -> list[Conversation]:
    return [one for one in chatwoot.conversations.values() if _is_pattern(one.contact)]


def _is_pattern(contact: Contact) -> bool:
    return contact.phone_number == f"+{PATTERN}"


@contextmanager
def _quiet(chatwoot: ChatwootSim) -> Iterator[None]:
    """What is made inside is told to nobody."""
    world = chatwoot.world
    emit, world.emit = world.emit, lambda _event: None
    try:
        yield
    finally:
        world.emit = emit


def _in_chatwoot(chatwoot: ChatwootSim, size: int) -> dict[str, Conversation]:
    """Everybody's conversation, by their number."""
    world, (pattern,) = chatwoot.world, _chats(chatwoot)
    known = {}
    for n in range(size):
        number = f"55119{70_000_000 + n}"
        alike = partial(_alike, number)
        told = {"name": "Bench", "phone_number": f"+{number}"}
        told["identifier"] = alike(pattern.contact.identifier)
        source_id = f"{alike(pattern.contact_inbox.source_id)}-{n}"
        contact = contacts.create(world, told)
        bound = contacts.bind(world, contact, pattern.inbox, source_id)
        known[number] = conversations.create(world, bound, {"status": pattern.status}, actor=None)
    return known


def _alike(number: str, value: Any) -> Any:
    """What stands with the pattern, as it would stand with somebody else."""
    if not isinstance(value, str):
        return value
    return value.replace(bsuid_of(PATTERN), bsuid_of(number)).replace(PATTERN, number)


def _in_database(path: Path, known: dict[str, Conversation]) -> None:
    with closing(sqlite3.connect(path, timeout=30)) as db, db:
        db.row_factory = sqlite3.Row
        chat = dict(
            db.execute("SELECT * FROM chat WHERE party LIKE ?", (f"%{PATTERN}%",)).fetchone()
        )
        person = chat["person_id"]
        rows = {
            table: [dict(row) for row in db.execute(query, (person,))]
            for table, query in {
                "person": "SELECT * FROM person WHERE id=?",
                "contact": "SELECT * FROM contact WHERE person_id=?",
                "identity_key": "SELECT * FROM identity_key WHERE person_id=?",
                "chat": "SELECT * FROM chat WHERE person_id=?",
            }.items()
        }
        # Where an event shows two keys, the one that sorts first is `one`.
        linked = [
            db.execute("SELECT * FROM identity_link WHERE one=?", (row["key"],)).fetchall()
            for row in rows["identity_key"]
        ]
        rows["identity_link"] = [dict(row) for found in linked for row in found]
        newest = db.execute("SELECT MAX(person.id), MAX(chat.id) FROM person, chat").fetchone()
        for n, (number, conversation) in enumerate(known.items(), start=1):
            ids = {
                "person": {"id": newest[0] + n},
                "contact": {"person_id": newest[0] + n, "contact_id": conversation.contact.id},
                "identity_key": {"person_id": newest[0] + n},
                "chat": {
                    "id": newest[1] + n,
                    "person_id": newest[0] + n,
                    "conversation_id": conversation.id,
                    "source_id": conversation.contact_inbox.source_id,
                },
                "identity_link": {},
            }
            for table, patterns in rows.items():
                for row in patterns:
                    new = {name: _alike(number, value) for name, value in row.items()} | ids[table]
                    _insert(db, table, new)
            everything = chats.get(db, newest[1] + n)
            if everything is not None:  # nothing is new about them
                set_profile(db, everything.id, known_of(everything))


def _insert(db: sqlite3.Connection, table: str, values: dict[str, Any]) -> None:
    marks = ",".join("?" * len(values))
    db.execute(f"INSERT INTO {table}({','.join(values)}) VALUES({marks})", tuple(values.values()))


def _row(run: int, size: int, concurrency: int, figures: Figures, before: float) -> dict[str, Any]:
    return {
        "way": f"{size} known contacts: in",
        "latency": 0.005,
        "concurrency": concurrency,
        "run": run,
        "per second": figures.messages / figures.seconds,
        "p50": figures.percentile(0.50) * 1000,
        "p99": figures.percentile(0.99) * 1000,
        "calls": figures.far_calls,
        "CPU s/1000": figures.cpu,
        "before MB": before,
        "after MB": figures.resident_mb,
    }
