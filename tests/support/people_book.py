"""People in a database of their own, without a service: events go in, who is who comes out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from bridge.core.identity import keys
from bridge.core.instance import InstanceConfig
from bridge.core.party import Party
from bridge.relay.directory import Entry
from bridge.relay.people import Heard, place, rename, witness
from bridge.store import schema
from bridge.store.queries import joins
from bridge.whatsapp.absent import AbsentChannel

NOW = 4_000_000_000_000
SCOPE = "https://chat.example#1"


class _Account(Entry):
    """An instance of an account, as far as people are concerned."""

    @property
    def scope(self) -> str:
        return SCOPE


def instance(name: str, *, business: str | None = None) -> Entry:
    config = InstanceConfig(
        id=name,
        name=name,
        integration="test",
        key_hash="",
        number=None,
        business_id=business,
        token=None,
        created_at=1,
        updated_at=1,
    )
    return _Account(
        instance=config,
        inbox=None,
        channel=AbsentChannel("test"),
        chatwoot=None,
        channel_peer="test",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event. `how`: wrote, named (a status, a mention ...), typed by us, or changed."""

    on: str
    party: Party
    at: int
    how: str = "wrote"
    new: Party = field(default_factory=Party)

    @property
    def keys(self) -> frozenset[str]:
        return frozenset((*keys(self.party), *keys(self.new)))


@dataclass(slots=True)
class Book:
    db: sqlite3.Connection
    instances: dict[str, Entry]
    #: Persons whose chats are not one yet.
    waiting: list[tuple[int, int]] = field(default_factory=list)

    def hear(self, told: Told) -> int | None:
        """The chat where it stands, if in any."""
        entry = self.instances[told.on]
        heard = Heard(
            evidence=f"{told.how} {told.at}",
            at=told.at,
            now=NOW,
            is_theirs=told.how in {"wrote", "changed"},
            inbound=told.how == "wrote",
        )
        if told.how == "named":
            self.waiting += witness(self.db, entry, told.party, heard)
            return None
        if told.how == "changed":
            renamed = rename(self.db, entry, told.party, told.new, heard)
            self.waiting += renamed.merges
            return renamed.chat_id
        placed = place(self.db, entry, told.party, heard)
        assert placed is not None
        self.waiting += placed.merges
        return placed.chat_id

    def run_links(self) -> None:
        """As the jobs do, in order."""
        for pair in self.waiting:
            keep, gone = map(self._survivor, pair)
            if keep != gone:
                joins.join(self.db, SCOPE, keep, gone, now=NOW)
        self.waiting.clear()

    def _survivor(self, person_id: int) -> int:
        row = self.db.execute("SELECT merged_into FROM person WHERE id=?", (person_id,)).fetchone()
        return person_id if row[0] is None else self._survivor(row[0])

    def people(self) -> set[frozenset[str]]:
        """Which keys are one person's."""
        found: dict[int, set[str]] = {}
        for row in self.db.execute("SELECT key, person_id FROM identity_key"):
            found.setdefault(row["person_id"], set()).add(row["key"])
        return {frozenset(one) for one in found.values()}

    def person_of(self, key: str) -> frozenset[str]:
        return next((one for one in self.people() if key in one), frozenset())

    def addresses(self) -> dict[tuple[frozenset[str], str], tuple[str | None, ...]]:
        """How each person is written to on each instance, wherever there is a way."""
        found: dict[tuple[frozenset[str], str], tuple[str | None, ...]] = {}
        for row in self.db.execute(
            "SELECT person_id, instance_id, party FROM chat WHERE merged_into IS NULL"
        ):
            party = Party(**orjson.loads(row["party"]))
            address = (party.wa_id, party.lid, party.bsuid)
            theirs = self.db.execute(
                "SELECT key FROM identity_key WHERE person_id=?", (row["person_id"],)
            )
            if any(address):
                person = frozenset(one["key"] for one in theirs)
                assert (person, row["instance_id"]) not in found
                found[person, row["instance_id"]] = address
        return found


@contextmanager
def book(instances: Iterable[Entry]) -> Iterator[Book]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.row_factory = sqlite3.Row
        db.deserialize(_empty())
        yield Book(db=db, instances={one.id: one for one in instances})


@cache
def _empty() -> bytes:
    """A database with all tables; a rollback journal, since it lives in memory."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "book.db"
        schema.create(path)
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA journal_mode=DELETE")
        return path.read_bytes()
