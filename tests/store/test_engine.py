"""One writer whose commits are shared: what is promised to those who write and read."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from bridge.errors import SetupError, Unavailable
from bridge.store import engine
from bridge.store.engine import Store, Unit

SOON = 30.0


@pytest.fixture(autouse=True)
def _no_batch_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still for a moment cuts none; a test that wants it sets it."""
    monkeypatch.setattr(engine, "BATCH_SECONDS", SOON)


async def statements(store: Store) -> list[str]:
    """Every statement that the writer runs from now on."""
    seen: list[str] = []
    await store._writer.call(lambda db: db.set_trace_callback(seen.append))
    return seen


def put(name: str, value: str = "x"):
    def work(unit: Unit) -> str:
        unit.db.execute("INSERT INTO fact(name, value) VALUES(?, ?)", (name, value))
        return name

    return work


async def facts(store: Store) -> set[str]:
    rows = await store.read(lambda db: db.execute("SELECT name FROM fact").fetchall())
    return {row[0] for row in rows}


async def tallies(store: Store) -> dict[tuple[str, str, str], int]:
    rows = await store.read(
        lambda db: db.execute("SELECT road, outcome, cause, n FROM tally").fetchall()
    )
    return {(row[0], row[1], row[2]): row[3] for row in rows}


# Sharing commits


async def test_units_that_arrive_together_share_a_commit(store: Store):
    seen = await statements(store)
    results = await asyncio.gather(*(store.write(put(f"f{n}")) for n in range(100)))

    assert results == [f"f{n}" for n in range(100)]
    assert seen.count("COMMIT") == 1
    assert seen.count("BEGIN IMMEDIATE") == 1
    assert len(await facts(store)) == 100


async def test_what_arrives_while_a_commit_runs_goes_into_the_next(store: Store):
    started, go_on = threading.Event(), threading.Event()

    def slow(unit: Unit) -> None:
        started.set()
        go_on.wait(SOON)

    seen = await statements(store)
    first = asyncio.ensure_future(store.write(slow))
    await asyncio.to_thread(started.wait, SOON)
    rest = [asyncio.ensure_future(store.write(put(f"f{n}"))) for n in range(20)]
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(first, *rest)

    assert seen.count("COMMIT") == 2


async def test_a_long_batch_is_cut_and_nothing_of_it_lost(store: Store, monkeypatch):
    monkeypatch.setattr(engine, "BATCH_SECONDS", -1.0)
    seen = await statements(store)
    results = await asyncio.gather(*(store.write(put(f"f{n}")) for n in range(7)))

    assert results == [f"f{n}" for n in range(7)]
    assert seen.count("COMMIT") == 7


async def test_units_run_in_the_order_in_which_they_were_handed_in(store: Store, monkeypatch):
    monkeypatch.setattr(engine, "BATCH_SECONDS", 0.0005)
    ran: list[int] = []
    told: list[int] = []

    def work(unit: Unit, number: int) -> None:
        ran.append(number)
        unit.after_commit.append(lambda: told.append(number))

    await asyncio.gather(
        *(store.write(lambda unit, number=number: work(unit, number)) for number in range(200))
    )

    assert ran == told == list(range(200))


async def test_only_what_must_survive_a_loss_of_power_waits_for_the_disk(store: Store):
    async def synchronous() -> int:
        return await store._writer.call(lambda db: db.execute("PRAGMA synchronous").fetchone()[0])

    normal, full = 1, 2
    await store.write(put("a"))
    assert await synchronous() == normal
    await asyncio.gather(store.write(put("b")), store.write(put("c"), durable=True))
    assert await synchronous() == full
    await store.write(put("d"))
    assert await synchronous() == normal


# Failing units


async def test_a_unit_that_fails_is_rolled_back_alone(store: Store):
    def fail(unit: Unit) -> None:
        put("half")(unit)
        unit.count("inbound", "accepted")
        unit.after_commit.append(lambda: told.append("half"))
        raise LookupError("mine")

    told: list[str] = []
    seen = await statements(store)
    results = await asyncio.gather(
        store.write(put("before")),
        store.write(fail),
        store.write(put("after")),
        return_exceptions=True,
    )

    assert results[0::2] == ["before", "after"]
    assert isinstance(results[1], LookupError)
    assert seen.count("COMMIT") == 1
    assert await facts(store) == {"before", "after"}
    assert await tallies(store) == {}
    assert told == []


async def test_a_unit_that_ends_an_iteration_fails_like_any_other(store: Store):
    with pytest.raises(RuntimeError, match="StopIteration"):
        await store.write(lambda _unit: next(iter(())))
    assert await store.write(put("alive")) == "alive"


async def test_what_one_is_told_after_the_commit_harms_no_other(store: Store, logged):
    told: list[int] = []

    def work(unit: Unit) -> None:
        unit.after_commit.append(lambda: told.append(1))
        unit.after_commit.append([].pop)
        unit.after_commit.append(lambda: told.append(2))

    await store.write(work)

    assert told == [1, 2]
    assert await store.write(put("alive")) == "alive"
    assert "store.callback_crashed" in {entry["event"] for entry in logged}


async def test_a_cancelled_callers_unit_is_committed_all_the_same(store: Store):
    told: list[str] = []

    def work(unit: Unit) -> None:
        put("kept")(unit)
        unit.after_commit.append(lambda: told.append("kept"))

    writing = asyncio.ensure_future(store.write(work))
    await asyncio.sleep(0)
    writing.cancel()
    await store.write(put("next"))

    assert writing.cancelled()
    assert await facts(store) == {"kept", "next"}
    assert told == ["kept"]


# A failing database


async def test_a_full_database_refuses_and_keeps_nothing_of_the_unit(store: Store, logged):
    await store.write(put("before"))

    def fill(unit: Unit) -> None:
        put("half")(unit)
        put("big", "x" * 5_000_000)(unit)

    await store._writer.call(lambda db: db.execute("PRAGMA max_page_count=100").fetchall())
    with pytest.raises(Unavailable, match="full"):
        await store.write(fill)
    await store._writer.call(lambda db: db.execute("PRAGMA max_page_count=1000000").fetchall())
    await store.write(put("after"))

    assert await facts(store) == {"before", "after"}
    assert any("full" in entry.get("error", "") for entry in logged)


async def test_a_commit_that_fails_fails_for_all_who_shared_it(store: Store, monkeypatch):
    told: list[str] = []

    def work(unit: Unit, name: str) -> None:
        put(name)(unit)
        unit.after_commit.append(lambda: told.append(name))

    def fail(_db: sqlite3.Connection, _counts: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    def counting(unit: Unit) -> None:
        work(unit, "b")
        unit.count("inbound", "accepted")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "add_tally", fail)
        results = await asyncio.gather(
            store.write(lambda unit: work(unit, "a")),
            store.write(counting),
            return_exceptions=True,
        )

    assert [type(result) for result in results] == [Unavailable, Unavailable]
    assert results[0].cause == "store.write"
    assert await store.write(put("alive")) == "alive"
    assert await facts(store) == {"alive"}
    assert told == []


async def test_a_database_that_somebody_else_locks_refuses(store: Store, database: Path):
    await store._writer.call(lambda db: db.execute("PRAGMA busy_timeout=1").fetchall())
    locked, release = threading.Event(), threading.Event()

    def lock() -> None:
        with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            locked.set()
            release.wait(SOON)

    locking = asyncio.ensure_future(asyncio.to_thread(lock))
    await asyncio.to_thread(locked.wait, SOON)
    with pytest.raises(Unavailable, match="locked"):
        await store.write(put("a"))
    release.set()
    await locking

    assert await store.write(put("a")) == "a"


async def test_a_read_that_fails_for_the_databases_sake_says_so(store: Store):
    def read(_db: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(Unavailable, match="cannot be read"):
        await store.read(read)
    with pytest.raises(KeyError):
        await store.read(lambda _db: {}["x"])

    assert await facts(store) == set()


async def test_nobody_waits_for_ever_when_the_writer_dies(store: Store):
    waiting = asyncio.ensure_future(store.write(put("a")))
    store._committer.cancel()

    with pytest.raises(Unavailable):
        await waiting
    with pytest.raises(Unavailable):
        await store.write(put("b"))
    store._committer = asyncio.ensure_future(asyncio.sleep(0))


# Counting


async def test_counts_come_with_the_commit_of_their_unit(store: Store):
    def work(unit: Unit) -> None:
        unit.count("inbound", "accepted")
        unit.count("inbound", "accepted")
        unit.count("inbound", "ignored", "echo")

    await asyncio.gather(store.write(work), store.write(work))

    assert await tallies(store) == {
        ("inbound", "accepted", ""): 4,
        ("inbound", "ignored", "echo"): 2,
    }


async def test_what_needs_no_commit_of_its_own_goes_with_the_next(store: Store):
    store.count("inbound", "ignored", "typing")
    store.count("inbound", "ignored", "typing")
    seen = await statements(store)
    await store.write(put("a"))

    assert seen.count("COMMIT") == 1
    assert await tallies(store) == {("inbound", "ignored", "typing"): 2}


async def test_what_is_counted_is_stored_soon_and_at_the_end(database: Path):
    store = await Store.open(database)
    store.count("inbound", "ignored", "typing")
    assert store._flush is not None  # within a second
    await store.close()
    store = await Store.open(database)

    assert await tallies(store) == {("inbound", "ignored", "typing"): 1}
    await store.close()


async def test_counts_survive_a_commit_that_failed(store: Store, monkeypatch):
    def fail(_db: sqlite3.Connection, _counts: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    store.count("inbound", "ignored", "typing")
    with monkeypatch.context() as patch:
        patch.setattr(engine, "add_tally", fail)
        with pytest.raises(Unavailable):
            await store.write(put("a"))
    assert store._flush is not None
    await store.write(put("b"))

    assert await tallies(store) == {("inbound", "ignored", "typing"): 1}


async def test_a_timer_alone_stores_the_counts(store: Store, monkeypatch):
    loop, timers = asyncio.get_running_loop(), []
    monkeypatch.setattr(loop, "call_later", lambda _delay, call: timers.append(call) or _Handle())
    store.count("inbound", "ignored", "typing")
    monkeypatch.undo()
    committed = asyncio.Event()
    commit = store._commit

    async def watched(batch):
        works = await commit(batch)
        committed.set()
        return works

    monkeypatch.setattr(store, "_commit", watched)
    timers[0]()
    async with asyncio.timeout(SOON):
        await committed.wait()

    assert await tallies(store) == {("inbound", "ignored", "typing"): 1}


class _Handle:
    def cancel(self) -> None: ...


# Reading


async def test_readers_see_what_was_committed_before(database: Path):
    store = await Store.open(database, readers=3)
    for number in range(9):
        await store.write(put(f"f{number}"))
        assert f"f{number}" in await facts(store)
    await store.close()


async def test_all_statements_of_a_read_see_the_same_state(store: Store):
    between, go_on = threading.Event(), threading.Event()

    def read(db: sqlite3.Connection) -> tuple[int, int]:
        first = db.execute("SELECT COUNT(*) FROM fact").fetchone()[0]
        between.set()
        go_on.wait(SOON)
        return first, db.execute("SELECT COUNT(*) FROM fact").fetchone()[0]

    reading = asyncio.ensure_future(store.read(read))
    await asyncio.to_thread(between.wait, SOON)
    await store.write(put("a"))
    go_on.set()

    assert await reading == (0, 0)
    assert await facts(store) == {"a"}


async def test_a_reader_cannot_write(store: Store):
    with pytest.raises(Unavailable, match="readonly"):
        await store.read(lambda db: db.execute("INSERT INTO fact VALUES('a', 'b')"))


# Opening and closing


async def test_what_was_handed_in_is_finished_before_the_store_closes(database: Path):
    store = await Store.open(database)
    writing = [asyncio.ensure_future(store.write(put(f"f{n}"))) for n in range(20)]
    await asyncio.sleep(0)
    await store.close()

    assert await asyncio.gather(*writing) == [f"f{n}" for n in range(20)]


async def test_a_closed_store_says_that_it_is_closed(database: Path):
    store = await Store.open(database)
    await store.close()

    with pytest.raises(Unavailable, match="shutting down"):
        await store.write(put("a"))
    with pytest.raises(Unavailable, match="shutting down"):
        await facts(store)
    store.count("inbound", "ignored", "late")


async def test_a_missing_database_is_not_made(tmp_path: Path):
    with pytest.raises(SetupError, match="cannot be opened"):
        await Store.open(tmp_path / "none.db")
    assert await asyncio.to_thread(os.listdir, tmp_path) == []


async def test_what_is_no_database_is_refused(tmp_path: Path):
    path = tmp_path / "ponte.db"
    path.write_bytes(b"no database at all" * 100)

    with pytest.raises(SetupError, match="cannot be opened"):
        await Store.open(path)
