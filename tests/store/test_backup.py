"""A copy while the service works, and a database put back that sends nothing twice."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bridge.engine.queue import Dead, Road
from bridge.errors import SetupError
from bridge.store import schema
from bridge.store.backup import (
    NOT_RESENT,
    backup,
    backup_file,
    confirm_file,
    held,
    is_unconfirmed,
    restore,
)
from bridge.store.engine import Unit
from bridge.store.queries import facts
from support.database import fresh
from support.rig import Rig, rigged

NOW = 1_800_000_000_000


@pytest.fixture
async def rig(database: Path) -> AsyncIterator[Rig]:
    async with rigged(database) as made:
        yield made


def rows(path: Path, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(statement, values).fetchall()


def states(path: Path) -> dict[str, str]:
    return dict(rows(path, "SELECT kind, state FROM job"))


def fact(path: Path, name: str) -> str | None:
    with closing(sqlite3.connect(path)) as db:
        return facts.get(db, name)


def tree(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def copy(database: Path, tmp_path: Path) -> Path:
    """A backup of a database with one waiting job of each kind."""

    async def story() -> None:
        async with rigged(database) as rig:
            await rig.add("f", kind="dead", road=Road.OUTBOUND)
            await rig.run(Dead(cause="c", reason="r"))
            await rig.add("a", kind="inbound", road=Road.INBOUND)
            await rig.add("b", kind="outbound", road=Road.OUTBOUND)
            await rig.add("b", kind="outbound behind", road=Road.OUTBOUND)
            await rig.add("c", kind="report", road=Road.INTERNAL)
            await rig.add("d", kind="recheck", road=Road.INTERNAL)
            await rig.add("e", kind="catch_up", road=Road.INTERNAL)
            await rig.add("g", kind="cleanup", road=Road.INTERNAL)
            await rig.write(write_facts)
            await backup(rig.store, tmp_path / "copy.db")

    def write_facts(unit: Unit) -> None:
        facts.put(unit.db, "install", "old-name")
        facts.put(unit.db, "alive_at", "5")
        facts.put(unit.db, "clean_stop", "yes")
        unit.db.execute(
            "INSERT INTO chat(instance_id, person_id, party, conversation_updated_at, fresh_at,"
            " last_inbound_at, created_at) VALUES('i', 1, '{}', 0, 99, 0, 1)"
        )

    asyncio.run(story())
    return tmp_path / "copy.db"


# Backup


async def test_a_backup_is_one_private_file_that_holds_everything(rig: Rig, tmp_path: Path):
    target = tmp_path / "copy.db"
    numbers = [await rig.add() for _ in range(50)]
    await backup(rig.store, target)
    later = await rig.add()

    def look() -> None:
        assert [row[0] for row in rows(target, "SELECT id FROM job")] == numbers
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        assert rows(target, "PRAGMA journal_mode") == [("delete",)]
        assert {name for name in tree(tmp_path) if name.startswith((".", "copy"))} == {"copy.db"}

    await asyncio.to_thread(look)
    assert (await rig.row(later))["state"] == "waiting"


async def test_a_backup_is_consistent_while_others_write(rig: Rig, tmp_path: Path):
    """Two rows of one unit are both in it or neither is, and it ends although writing does not."""

    def both(unit: Unit, number: int) -> None:
        unit.db.execute("INSERT INTO fact VALUES(?, 'x')", (f"left {number}",))
        unit.db.execute("INSERT INTO fact VALUES(?, ?)", (f"right {number}", "x" * 3000))

    wanted = True

    async def write() -> int:
        number = 0
        while wanted:
            number += 1
            await rig.write(lambda unit, number=number: both(unit, number))
        return number

    writing = asyncio.ensure_future(write())
    for number in range(5):
        await backup(rig.store, tmp_path / f"copy {number}.db")
    wanted = False
    assert await writing > 5

    def look() -> None:
        for number in range(5):
            sides = rows(
                tmp_path / f"copy {number}.db",
                "SELECT SUM(name LIKE 'left %'), SUM(name LIKE 'right %') FROM fact",
            )[0]
            assert sides[0] == sides[1]

    await asyncio.to_thread(look)


def test_a_backup_replaces_a_file_only_when_told(database: Path, tmp_path: Path):
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(SetupError, match="exists already"):
        backup_file(database, target)
    assert target.read_text() == "precious"

    backup_file(database, target, overwrite=True)

    assert schema.revision(target) == schema.HEAD


def test_a_database_is_not_replaced_by_its_own_backup(database: Path):
    with pytest.raises(SetupError, match="exists already"):
        backup_file(database, database, overwrite=True)


def test_a_backup_that_cannot_be_written_leaves_nothing(database: Path, tmp_path: Path):
    with pytest.raises(SetupError, match="cannot be written"):
        backup_file(database, tmp_path / "none" / "copy.db")
    with pytest.raises(SetupError, match="cannot be written"):
        backup_file(tmp_path / "none.db", tmp_path / "copy.db")
    assert tree(tmp_path) == {"ponte.db"}


def test_a_damaged_database_makes_no_backup(database: Path, tmp_path: Path):
    damage(database)

    with pytest.raises(SetupError, match=r"damaged|malformed"):
        backup_file(database, tmp_path / "copy.db")
    assert "copy.db" not in tree(tmp_path)


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    path.write_bytes(data)


# Restore


def test_what_a_restored_database_may_do(copy: Path, database: Path, tmp_path: Path):
    aside = restore(copy, database, now=NOW, suffix="before-restore")

    assert states(database) == {
        "inbound": "waiting",
        "report": "waiting",
        "outbound": "held",
        "outbound behind": "held",
        "recheck": "held",
        "catch_up": "ignored",
        "cleanup": "ignored",  # it would delete an inbox that is used since
        "dead": "dead",
    }
    assert rows(database, "SELECT DISTINCT unknown_since FROM job WHERE state='waiting'") == [
        (NOW,)
    ]
    assert rows(database, "SELECT DISTINCT cause FROM job WHERE state='held'") == [("restored",)]
    assert rows(database, "SELECT fresh_at FROM chat") == [(0,)]
    assert fact(database, "alive_at") is None
    assert fact(database, "clean_stop") == "no"
    assert fact(database, "install") not in (None, "", "old-name")
    with closing(sqlite3.connect(database)) as db:
        assert is_unconfirmed(db)
        assert held(db) == 3
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    assert states(aside)["catch_up"] == "waiting"
    assert tree(tmp_path) == {"ponte.db", "ponte.db.before-restore", "copy.db"}


def test_every_restore_gets_a_name_of_its_own(copy: Path, tmp_path: Path):
    names = set()
    for number in range(5):
        target = tmp_path / f"{number}.db"
        assert restore(copy, target, now=NOW, suffix="x") is None
        names.add(fact(target, "install"))

    assert len(names) == 5


def test_a_restored_database_starts_and_holds_back_what_may_have_been_sent(
    copy: Path, database: Path
):
    restore(copy, database, now=NOW, suffix="x")

    async def story() -> None:
        async with rigged(database) as rig:
            runs = [await rig.run(), await rig.run()]
            assert {job.kind for job in runs} == {"inbound", "report"}
            assert all(job.is_suspect for job in runs)
            await rig.nothing_starts()

    asyncio.run(story())


def test_what_is_confirmed_is_sent_in_its_order(copy: Path, database: Path):
    restore(copy, database, now=NOW, suffix="x")
    assert confirm_file(database, resend=True, now=NOW + 5) == 3

    async def story() -> None:
        async with rigged(database) as rig:
            rig.clock.advance((NOW + 5 - rig.clock.ms()) / 1000)
            runs = [await rig.run() for _ in range(5)]
            outbound = [job for job in runs if job.road is Road.OUTBOUND]
            assert [job.kind for job in outbound] == ["outbound", "outbound behind"]
            # Else an agent's message would be too old the moment somebody wants it sent.
            assert {job.accepted_at for job in outbound} == {NOW + 5}

    asyncio.run(story())
    assert fact(database, "restored") == "resent"


def test_what_is_not_to_be_sent_again_ends_as_ignored(copy: Path, database: Path):
    restore(copy, database, now=NOW, suffix="x")

    assert confirm_file(database, resend=False, now=NOW + 5) == 3

    assert rows(database, "SELECT COUNT(*) FROM job WHERE state='ignored' AND cause=?", NOT_RESENT)
    assert fact(database, "restored") == "not_resent"
    counts = dict(rows(database, "SELECT outcome, SUM(n) FROM tally GROUP BY outcome"))
    waiting = rows(database, "SELECT COUNT(*) FROM job WHERE state='waiting'")[0][0]
    assert counts["accepted"] == counts["ignored"] + counts["dead"] + waiting


def test_a_decision_is_made_once(copy: Path, database: Path, tmp_path: Path):
    with pytest.raises(SetupError, match="No restored backup"):
        confirm_file(database, resend=True, now=NOW)
    restore(copy, database, now=NOW, suffix="x")
    confirm_file(database, resend=False, now=NOW)

    with pytest.raises(SetupError, match="No restored backup"):
        confirm_file(database, resend=True, now=NOW)
    with pytest.raises(SetupError, match="no database"):
        confirm_file(tmp_path / "none.db", resend=True, now=NOW)


def test_a_restore_does_not_touch_a_database_in_use(copy: Path, database: Path, tmp_path: Path):
    with closing(sqlite3.connect(database)) as service:
        service.execute("INSERT INTO fact VALUES('mine', 'x')")
        service.commit()
        with pytest.raises(SetupError, match="Stop Ponte first"):
            restore(copy, database, now=NOW, suffix="x")

        found = service.execute("SELECT value FROM fact WHERE name='mine'").fetchall()
        assert found == [("x",)]
    assert "ponte.db.x" not in tree(tmp_path)


def test_the_journal_of_the_old_database_does_not_reach_the_new_one(
    copy: Path, database: Path, tmp_path: Path
):
    """After a crash the newest rows stand in the -wal file alone."""
    writer = sqlite3.connect(database)
    writer.execute("INSERT INTO fact VALUES('in the journal', 'x')")
    writer.commit()
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in ("ponte.db", "ponte.db-wal"):
        (crashed / name).write_bytes((tmp_path / name).read_bytes())
    writer.close()

    aside = restore(copy, crashed / "ponte.db", now=NOW, suffix="old")

    assert fact(aside, "in the journal") == "x"
    assert fact(crashed / "ponte.db", "in the journal") is None
    assert tree(crashed) == {"ponte.db", "ponte.db.old"}


def test_a_damaged_database_is_put_aside_as_it_is(copy: Path, tmp_path: Path):
    folder = tmp_path / "damaged"
    folder.mkdir()
    database = folder / "ponte.db"
    database.write_bytes(b"not a database" * 1000)
    (folder / "ponte.db-wal").write_bytes(b"journal")

    aside = restore(copy, database, now=NOW, suffix="old")

    assert aside.read_bytes() == b"not a database" * 1000
    assert (folder / "ponte.db.old-wal").read_bytes() == b"journal"
    assert schema.revision(database) == schema.HEAD
    assert tree(folder) == {"ponte.db", "ponte.db.old", "ponte.db.old-wal"}


def empty(path: Path) -> None:
    path.touch()


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE book(id)")


def text(path: Path) -> None:
    path.write_text("hello " * 1000)


def newer(path: Path) -> None:
    fresh(path.parent, path.name)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE alembic_version SET version_num='0099'")
        db.commit()


def damaged(path: Path) -> None:
    fresh(path.parent, path.name)
    damage(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _path: None, "no file"),
        (empty, "empty"),
        (foreign, "something else"),
        (text, "cannot be read"),
        (newer, "newer"),
        (damaged, "damaged|malformed"),
    ],
)
def test_what_is_no_good_backup_replaces_nothing(database: Path, tmp_path: Path, make, message):
    source = tmp_path / "source.db"
    make(source)
    before = database.read_bytes()

    with pytest.raises(SetupError, match=message):
        restore(source, database, now=NOW, suffix="x")

    assert database.read_bytes() == before
    assert tree(tmp_path) - {"source.db"} == {"ponte.db"}


def test_a_name_that_is_taken_is_not_overwritten(copy: Path, database: Path, tmp_path: Path):
    (tmp_path / "ponte.db.x").write_text("precious")

    with pytest.raises(SetupError, match="exists already"):
        restore(copy, database, now=NOW, suffix="x")
    assert (tmp_path / "ponte.db.x").read_text() == "precious"
