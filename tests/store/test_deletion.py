"""Nothing stays of a deleted instance but that it was deleted."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bridge.engine import accept
from bridge.engine.erasure import erase, erase_leftovers
from bridge.store.engine import Store, Unit
from bridge.store.queries import deletion, history, instances
from bridge.store.secrets import Vault
from support.instances import CHATWOOT, inbox, instance, keep

VAULT = Vault([Fernet.generate_key().decode()])
ONE, OTHER = "id-one", "id-other"
#: It tells that the instance was deleted, and holds no data of people.
KEPT = {"event"}
SCOPE = f"{CHATWOOT}#1"


def naming_tables(db: sqlite3.Connection) -> list[str]:
    """Every table that names instances, also those that are added some day."""
    return [
        table["name"]
        for table in db.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
        for column in db.execute(f"PRAGMA table_info({table['name']})").fetchall()
        if column["name"] == "instance_id"
    ]


def fill(db: sqlite3.Connection, owner: str, person: int, *, scope: str = SCOPE) -> None:
    """A row in every table, for one instance and one of its people."""
    db.execute("INSERT OR IGNORE INTO person(id, scope, created_at) VALUES(?,?,1)", (person, scope))
    db.execute(
        "INSERT OR IGNORE INTO identity_key VALUES(?,?,?,'test',1)",
        (scope, f"phone:{person}", person),
    )
    db.execute(
        "INSERT OR IGNORE INTO contact(scope, person_id, contact_id, claimed_at, name)"
        " VALUES(?,?,7,0,'Marina')",
        (scope, person),
    )
    chat = db.execute(
        "INSERT INTO chat(instance_id, person_id, party, conversation_updated_at, fresh_at,"
        " last_inbound_at, created_at) VALUES(?,?,'{}',0,0,0,1)",
        (owner, person),
    ).lastrowid
    for state in ("waiting", "delivered", "dead", "held"):
        db.execute(
            "INSERT INTO job(lane, position, rank, kind, road, instance_id, chat_id, peer, account,"
            " payload, state, attempts, accepted_at, due_at, failure, trace)"
            " VALUES('a', 1, 0, 'test', 'inbound', ?, ?, 'p', 'a', x'', ?, 0, 1, 1, 0, '[]')",
            (owner, chat, state),
        )
    db.execute(
        "INSERT INTO ledger(instance_id, chat_id, origin, part, state, state_at, created_at)"
        " VALUES(?,?,'contact',0,'received',1,1)",
        (owner, chat),
    )
    for kind in ("content", "status", "agent", "deleted", "red"):
        db.execute("INSERT OR IGNORE INTO seen VALUES(?, 1)", (f"{kind}:{owner}:{person}",))
    db.execute(
        "INSERT INTO event(instance_id, instance_name, name, data, at)"
        " VALUES(?, 'x', 'connection.update', '{}', 1)",
        (owner,),
    )
    told = ("contact_merge", "history", "merge_plan", "plan_contact", "reaction", "room")
    for table in ("connection", "subscription", "template", "typebot_settings", "vote", *told):
        fill_one(db, table, owner)
    for table in ("talk", "pending_turn"):
        fill_one(db, table, owner, chat_id=chat)
    db.execute("UPDATE contact_merge SET scope=? WHERE instance_id=?", (scope, owner))
    db.execute("INSERT OR IGNORE INTO typebot VALUES(?,?,'{}',1,1)", (f"bot of {owner}", owner))


def fill_one(db: sqlite3.Connection, table: str, owner: str, *, chat_id: int | None = None) -> None:
    """A row with something in every column that must have something, but for its number."""
    columns = [
        row
        for row in db.execute(f"PRAGMA table_info({table})").fetchall()
        if row["name"] == "instance_id"
        or (row["notnull"] and row["type"] != "INTEGER")
        or (row["notnull"] and row["name"] != "id")
    ]
    values = [
        {"instance_id": owner, "chat_id": chat_id or 0}.get(
            row["name"], "x" if "CHAR" in row["type"] else 0
        )
        for row in columns
    ]
    db.execute(
        f"INSERT OR IGNORE INTO {table}({','.join(row['name'] for row in columns)})"
        f" VALUES({','.join('?' * len(values))})",
        values,
    )


@pytest.fixture
async def two(store: Store) -> Store:
    """Two instances in one Chatwoot account, which share one person."""
    await keep(
        store,
        VAULT,
        instance("one"),
        inbox("one", inbox_id=11),
        instance("other"),
        inbox("other", inbox_id=12),
    )

    def work(unit: Unit) -> None:
        fill(unit.db, ONE, 1)
        fill(unit.db, ONE, 2)
        fill(unit.db, OTHER, 2)

    await store.write(work)
    return store


async def count(store: Store, table: str, where: str = "1", *values: object) -> int:
    return await store.read(
        lambda db: int(
            db.execute(f"SELECT COUNT(*) FROM {table} WHERE {where}", values).fetchone()[0]  # noqa: S608
        )
    )


async def people(store: Store) -> dict[str, list[int]]:
    tables = {"person": "id", "identity_key": "person_id", "contact": "person_id"}
    return await store.read(
        lambda db: {
            table: [row[0] for row in db.execute(f"SELECT {column} FROM {table} ORDER BY 1")]  # noqa: S608
            for table, column in tables.items()
        }
    )


async def test_no_table_names_the_instance_afterwards(two: Store):
    tables = await two.read(naming_tables)
    for table in tables:  # or this test proves nothing for it
        assert await count(two, table, "instance_id=?", ONE), table

    await erase(two, ONE)

    for table in tables:
        expected = table in KEPT
        assert bool(await count(two, table, "instance_id=?", ONE)) is expected, table
        assert await count(two, table, "instance_id=?", OTHER), table
    assert await count(two, "instance", "id=?", ONE) == 0
    assert await count(two, "seen", "key LIKE ?", f"%:{ONE}:%") == 0
    assert await count(two, "seen", "key LIKE ?", f"%:{OTHER}:%") == 5


async def test_what_events_of_flows_tell_of_people_goes_with_the_instance(two: Store):
    def tell(unit: Unit) -> None:
        for owner in (ONE, OTHER):
            unit.db.execute(
                "INSERT INTO event(instance_id, instance_name, name, data, at)"
                " VALUES(?, 'x', 'typebot.start', '{}', 1)",
                (owner,),
            )

    await two.write(tell)
    await erase(two, ONE)
    of_flows = "instance_id=? AND name='typebot.start'"
    assert await count(two, "event", of_flows, ONE) == 0
    assert await count(two, "event", of_flows, OTHER) == 1
    assert await count(two, "event", "instance_id=?", ONE) == 2


def test_every_kind_of_dedupe_key_goes_with_its_instance():
    """They hold ids of messages and people; `engine.accept` lists them all."""
    listed = set(re.findall(r"``([a-z_-]+):", accept.__doc__ or ""))
    written = {
        kind
        for path in Path(accept.__file__).parents[1].rglob("*.py")
        for kind in re.findall(r"is_new\(unit, f\"([a-z_-]+):", path.read_text("utf-8"))
    }
    assert {"command", "content"} <= written <= listed
    assert listed <= {*deletion._SEEN, *deletion._SEEN_OF_ROW}


async def test_what_merged_contacts_were_goes_with_the_last_who_knows_the_person(two: Store):
    """It holds names, numbers, e-mail and attributes; the plan of a neighbour may have made it."""

    def merge(unit: Unit) -> None:
        unit.db.execute("UPDATE contact_merge SET instance_id=NULL, person_id=NULL")
        unit.db.execute("UPDATE contact_merge SET person_id=1 WHERE rowid=1")

    await two.write(merge)
    await erase(two, ONE)
    assert await count(two, "contact_merge") == 3
    await erase(two, OTHER)
    assert await count(two, "contact_merge") == 0


async def test_nothing_is_known_of_a_message_whose_row_another_gets(two: Store):
    """SQLite gives the highest ids of the ledger again."""

    def mark(unit: Unit) -> None:
        for row in unit.db.execute("SELECT id, instance_id FROM ledger").fetchall():
            for kind in ("deleted-row", "revoked-part"):
                key = f"{kind}:{row['id']}"
                unit.db.execute("INSERT INTO seen VALUES(?, 1)", (key,))

    await two.write(mark)
    await erase(two, ONE)

    known = "SELECT key FROM seen WHERE key LIKE 'deleted-row:%' OR key LIKE 'revoked-part:%'"
    left = await two.read(lambda db: {row[0] for row in db.execute(known)})
    (other,) = await two.read(lambda db: db.execute("SELECT id FROM ledger").fetchall())
    assert left == {f"deleted-row:{other['id']}", f"revoked-part:{other['id']}"}


async def test_another_instance_in_the_account_keeps_its_people(two: Store):
    await erase(two, ONE)

    assert await people(two) == {"person": [1, 2], "identity_key": [1, 2], "contact": [1, 2]}

    await erase(two, OTHER)

    assert await people(two) == {"person": [], "identity_key": [], "contact": []}


async def test_people_of_an_instance_without_chatwoot_go_with_it(two: Store):
    await keep(two, VAULT, instance("alone"))
    await two.write(lambda unit: fill(unit.db, "id-alone", 9, scope="instance:id-alone"))

    await erase(two, "id-alone")

    assert (await people(two))["person"] == [1, 2]


async def test_people_of_an_account_that_an_instance_has_left_stay_while_it_has_chats(two: Store):
    await two.write(lambda unit: unit.db.execute("UPDATE chatwoot_inbox SET account_id=2") and None)

    await erase(two, ONE)

    assert (await people(two))["person"] == [2]


async def test_what_waited_is_counted_as_ignored(two: Store):
    await erase(two, ONE)

    rows = await two.read(lambda db: db.execute("SELECT * FROM tally").fetchall())
    # Two people, of each a job that waited and one that was held after a restore.
    assert [tuple(row) for row in rows] == [("inbound", "ignored", "instance.gone", 4)]


async def test_files_of_its_jobs_are_removed_and_those_of_others_stay(two: Store, tmp_path: Path):
    spool = tmp_path / "spool"
    spool.mkdir()
    jobs = await two.read(
        lambda db: db.execute("SELECT id, instance_id FROM job ORDER BY id").fetchall()
    )
    mine = [row["id"] for row in jobs if row["instance_id"] == ONE]
    others = [row["id"] for row in jobs if row["instance_id"] == OTHER]
    for number in (mine[0], others[0]):
        (spool / f"in-{number}").touch()
        (spool / f"out-{number}-3").touch()
    (spool / "notes.txt").touch()

    await erase(two, ONE, spool=spool)

    left = {path.name for path in spool.iterdir()}
    assert left == {f"in-{others[0]}", f"out-{others[0]}-3", "notes.txt"}


async def test_it_goes_in_small_units(two: Store, monkeypatch):
    """One unit never removes more than a batch, however much there is."""

    def many(unit: Unit) -> None:
        for number in range(1200):
            unit.db.execute("INSERT INTO seen VALUES(?, 1)", (f"content:{ONE}:x{number}",))

    await two.write(many)
    sizes, write = [], two.write

    async def watched(work, **options):
        before = await count(two, "seen")
        result = await write(work, **options)
        sizes.append(before - await count(two, "seen"))
        return result

    monkeypatch.setattr(two, "write", watched)
    await erase(two, ONE)

    assert max(sizes) <= deletion.BATCH
    assert sum(sizes) == 1210
    assert await count(two, "seen", "key LIKE ?", f"%:{ONE}:%") == 0


async def test_a_deletion_that_was_cut_off_is_finished_later(two: Store, tmp_path: Path):
    await two.write(lambda unit: instances.delete(unit.db, ONE))
    assert await count(two, "ledger", "instance_id=?", ONE) == 2

    assert await erase_leftovers(two, spool=tmp_path / "none") == 1

    for table in set(await two.read(naming_tables)) - KEPT:
        assert await count(two, table, "instance_id=?", ONE) == 0
    assert await erase_leftovers(two) == 0
    assert await count(two, "ledger", "instance_id=?", OTHER) == 1


@pytest.mark.parametrize("units", range(1, 24, 3))
async def test_it_does_not_matter_where_it_was_cut_off(two: Store, units: int):
    """A row a unit; the process dies after some of them."""
    for _ in range(units):
        await two.write(lambda unit: deletion.delete_everything(unit.db, ONE, limit=1) and None)

    await erase_leftovers(two)

    assert await count(two, "seen", "key LIKE ?", f"%:{ONE}:%") == 0
    for table in set(await two.read(naming_tables)) - KEPT:
        assert await count(two, table, "instance_id=?", ONE) == 0
    assert await count(two, "seen", "key LIKE ?", f"%:{OTHER}:%") == 5


async def test_an_instance_without_anything_is_erased_too(two: Store):
    await keep(two, VAULT, instance("empty"))

    await erase(two, "id-empty")
    await erase(two, "id-empty")

    assert await count(two, "instance") == 2


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"name": "other"}, "name"),
        ({"key_hash": instance("other").key_hash}, "key"),
        ({"number": "number-of-other"}, "number"),
    ],
)
async def test_it_is_told_what_is_taken(two: Store, changes, what):
    with pytest.raises(instances.Taken) as refused:
        await keep(two, VAULT, instance("new", **changes))

    assert refused.value.what == what


async def test_a_key_is_known_also_after_its_rotation(store: Store):
    await keep(store, VAULT, instance("one", key_hash="new", old_key_hash="old"))

    found = await store.read(
        lambda db: [instances.key_known(db, key) for key in ("new", "old", "older")]
    )
    assert found == [True, True, False]


async def test_a_change_of_anything_else_does_not_take_a_new_key_back(store: Store):
    before = instance("one", ready=False)
    await keep(store, VAULT, before)

    def meanwhile(unit: Unit) -> None:
        unit.db.execute("UPDATE instance SET key_hash='new', old_key_hash='old', ready=1")

    await store.write(meanwhile)
    await keep(store, VAULT, instance("one", token="another", ready=False))

    (found,) = await store.read(lambda db: instances.everything(db, VAULT))
    assert (found.instance.key_hash, found.instance.old_key_hash) == ("new", "old")
    assert found.instance.ready
    assert found.instance.token == "another"


async def test_what_was_never_finished_is_listed(store: Store):
    await keep(store, VAULT, instance("done"), instance("half", ready=False))

    assert await store.read(instances.unready) == ["id-half"]


async def test_history_goes_a_few_chunks_at_a_time(two: Store):
    def work(unit: Unit) -> None:
        for number in range(60):
            history.add(unit.db, ONE, str(number), b"chunk", 1)

    await two.write(work)
    counts = []
    finished = False
    while not finished:
        gone = await two.write(lambda unit: deletion.delete_everything(unit.db, ONE, limit=500))
        finished = gone.finished
        counts.append(await count(two, "history", "instance_id=?", ONE))

    assert counts[-1] == 0
    assert len(counts) > 2
    assert await two.read(deletion.leftovers) == []
