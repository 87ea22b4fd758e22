"""What is old goes, in small batches, and nothing that is needed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from bridge.engine.queue import Dead, Ignored
from bridge.engine.retention import keep_purging, purge, sweep_spool
from bridge.errors import Unavailable
from bridge.store.engine import Unit
from bridge.store.queries import events, history, menus, reactions, votes
from support.rig import SOON, Rig, retry

DAY = 86_400_000
KEEP = {
    "jobs_ms": 30 * DAY,
    "dead_ms": 90 * DAY,
    "seen_ms": 8 * DAY,
    "ledger_ms": 180 * DAY,
    "audit_ms": 365 * DAY,
    "events_ms": 30 * DAY,
    "history_ms": 180 * DAY,
    "merges_ms": 180 * DAY,
}


async def numbers(rig: Rig, table: str) -> list[int]:
    rows = await rig.store.read(
        lambda db: db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()  # noqa: S608  (ours)
    )
    return [row[0] for row in rows]


async def write_audit(rig: Rig, at: int) -> None:
    def work(unit: Unit) -> None:
        unit.db.execute(
            "INSERT INTO audit(at, actor, action, status) VALUES(?, 'global key', 'a.b', 200)",
            (at,),
        )

    await rig.write(work)


async def write_ledger(rig: Rig, created_at: int, job_id: int | None = None) -> None:
    def work(unit: Unit) -> None:
        unit.db.execute(
            "INSERT INTO ledger(instance_id, chat_id, job_id, origin, part, state, state_at,"
            " created_at) VALUES('i', 1, ?, 'agent', 0, 'sent', ?, ?)",
            (job_id, created_at, created_at),
        )

    await rig.write(work)


async def test_what_merged_contacts_were_goes_at_its_age_but_not_while_a_merge_is_at_work(rig: Rig):
    plans = {1: "applied", 2: "applying", 3: "planned", 4: "planning", 5: "dropped"}
    rows = {1: ("done", None), 2: ("intent", None), 3: ("done", 1), 4: ("planned", 2), 5: ("x", 3)}

    def work(unit: Unit) -> None:
        for number, state in plans.items():
            unit.db.execute(
                "INSERT INTO merge_plan(id, scope, instance_id, state, seen, page, created_at)"
                " VALUES(?, 's', 'i', ?, 0, 1, 0)",
                (number, state),
            )
            for contact in range(3):
                unit.db.execute(
                    "INSERT INTO plan_contact VALUES(?, 'phone:1', ?, 'i')", (number, contact)
                )
        for number, (state, plan) in {**rows, 6: ("done", None)}.items():
            unit.db.execute(
                "INSERT INTO contact_merge(id, scope, plan_id, base_id, mergee_id, why, moved,"
                " state, created_at) VALUES(?, 's', ?, 1, 2, '', '{}', ?, ?)",
                (number, plan, state, 90 * DAY if number == 6 else 0),
            )

    await rig.write(work)
    await purge(rig.store, now=100 * DAY, batch=2, **KEEP)
    assert await numbers(rig, "contact_merge") == [1, 2, 3, 4, 5, 6]
    assert set(await numbers(rig, "plan_contact")) == {4}  # of a plan that is being made

    await purge(rig.store, now=200 * DAY, batch=2, **KEEP)
    assert await numbers(rig, "contact_merge") == [2, 4, 6]
    assert await numbers(rig, "merge_plan") == [2, 4]


async def test_what_happened_to_instances_goes_at_its_age(rig: Rig):
    def work(unit: Unit) -> None:
        for day in (1, 2, 3):
            events.add(unit.db, "i", "loja", "connection.update", "{}", day * DAY)

    await rig.write(work)

    removed = await purge(rig.store, now=(30 + 2) * DAY, **KEEP)

    assert removed["events"] == 1
    assert await numbers(rig, "event") == [2, 3]


async def test_choices_that_were_offered_go_at_their_age(rig: Rig):
    def work(unit: Unit) -> None:
        for day in range(1, 4):
            menus.offer(unit.db, day, "[]", None, day * DAY)
        menus.offer(unit.db, 3, "[1]", None, 2 * DAY)  # an older one changes nothing

    await rig.write(work)

    removed = await purge(rig.store, now=11 * DAY, **KEEP)

    assert removed["menus"] == 2
    assert await numbers(rig, "menu") == [3]
    rows = await rig.store.read(lambda db: db.execute("SELECT options FROM menu").fetchall())
    assert [row[0] for row in rows] == ["[]"]


async def test_older_messages_that_were_told_go_at_their_age(rig: Rig):
    def work(unit: Unit) -> None:
        unit.db.execute(
            "INSERT INTO instance(id, name, integration, key_hash, sealed_options, created_at,"
            " updated_at) VALUES('i', 'loja', 'x', 'x', '{}', 0, 0)"
        )
        for day in range(50):
            history.add(unit.db, "i", f"{day:02}", b"chunk", day * DAY)
            assert not history.add(unit.db, "i", f"{day:02}", b"again", day * DAY)
        assert not history.add(unit.db, "gone", "1", b"chunk", 0)

    await rig.write(work)

    removed = await purge(rig.store, now=(180 + 45) * DAY, **KEEP)

    assert removed["history"] == 45
    assert await numbers(rig, "history") == ["i"] * 5


async def test_the_audit_log_goes_row_by_row_at_its_age(rig: Rig):
    for day in (10, 11, 12):
        await write_audit(rig, day * DAY)

    removed = await purge(rig.store, now=(365 + 11) * DAY, **KEEP)

    assert removed["audit"] == 1
    assert await numbers(rig, "audit") == [2, 3]


async def test_ended_jobs_and_dead_letters_go_at_their_own_age(rig: Rig):
    delivered, ignored, dead, given_up = [await rig.add(lane) for lane in "abcd"]
    await rig.run()
    await rig.run(Ignored(rule="echo"))
    await rig.run(Dead(cause="c", reason="r"))
    await rig.run(Dead(cause="c", reason="r"))
    await rig.write(lambda unit: rig.queue.discard(unit, given_up, now=rig.clock.ms()))
    waiting = await rig.add("e")
    await rig.run(retry(rig.clock.ms() + 400 * DAY))
    start = rig.clock.ms()

    removed = await purge(rig.store, now=start + 30 * DAY, **KEEP)
    assert not any(removed.values())
    removed = await purge(rig.store, now=start + 30 * DAY + 1, **KEEP)
    assert removed["jobs"] == 3
    assert await numbers(rig, "job") == [dead, waiting]
    await purge(rig.store, now=start + 300 * DAY, **KEEP)

    assert await numbers(rig, "job") == [waiting]
    assert {delivered, ignored}.isdisjoint(await numbers(rig, "job"))


async def test_keys_of_events_are_kept_for_their_days(rig: Rig):
    for age in (0, 7, 8, 9):
        await rig.write(
            lambda unit, age=age: (
                unit.db.execute("INSERT INTO seen VALUES(?, ?)", (f"k{age}", -age * DAY)) and None
            )
        )

    removed = await purge(rig.store, now=0, **KEEP)

    assert removed["seen"] == 1
    assert await numbers(rig, "seen") == ["k0", "k7", "k8"]


async def test_what_a_waiting_job_has_sent_is_not_forgotten(rig: Rig):
    """Without its ledger a job that waited for half a year would send again."""
    waiting, done = await rig.add("a"), await rig.add("b")
    running = await rig.claim()
    assert running.id == waiting
    await rig.run()
    for job_id in (waiting, done, None):
        await write_ledger(rig, 0, job_id)

    removed = await purge(rig.store, now=400 * DAY, **KEEP)

    assert removed["ledger"] == 2
    rows = await rig.store.read(lambda db: db.execute("SELECT job_id FROM ledger").fetchall())
    assert [row[0] for row in rows] == [waiting]


async def test_a_purge_goes_in_batches_and_others_write_between_them(rig: Rig, monkeypatch):
    for number in range(25):
        await write_ledger(rig, number)
    sizes, write = [], rig.store.write

    async def watched(work, **options):
        result = await write(work, **options)
        sizes.append(result)
        return result

    monkeypatch.setattr(rig.store, "write", watched)

    removed = await purge(rig.store, now=400 * DAY, batch=10, **KEEP)

    assert removed["ledger"] == 25
    assert [size for size in sizes if size] == [10, 10, 5]


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("jobs", "SELECT id FROM job WHERE state='dead' AND state<>'waiting' AND ended_at<9"),
        ("seen", "SELECT key FROM seen WHERE at<9"),
        ("ledger", "SELECT id FROM ledger WHERE created_at<9"),
    ],
)
async def test_what_is_old_is_found_by_an_index(rig: Rig, kind, statement):
    plan = await rig.store.read(lambda db: db.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall())

    assert "USING" in plan[0]["detail"]
    assert "INDEX" in plan[0]["detail"]


def put_file(spool: Path, name: str, *, age_hours: float, now: int) -> None:
    path = spool / name
    path.write_bytes(b"x")
    moment = now / 1000 - age_hours * 3600
    os.utime(path, (moment, moment))


async def test_files_that_no_job_will_use_are_removed(rig: Rig, tmp_path: Path):
    spool = tmp_path / "spool"
    spool.mkdir()
    waiting, dead, done = [await rig.add(lane) for lane in "abc"]
    await rig.claim()
    await rig.run(Dead(cause="c", reason="r"))
    await rig.run()
    now = rig.clock.ms()
    for name in (
        f"in-{waiting}",
        f"out-{waiting}-0",
        f"in-{dead}",
        "in-x",
        "notes.txt",
        "in-1-2-3",
    ):
        put_file(spool, name, age_hours=50, now=now)
    for name in (
        f"in-{done}",
        f"out-{done}-0",
        f"out-{done}-11",
        f"media-{done}",
        "in-999999",
        ".abc.part",
    ):
        put_file(spool, name, age_hours=2, now=now)
    put_file(spool, "out-888888-0", age_hours=0.5, now=now)
    put_file(spool, ".young.part", age_hours=0.5, now=now)
    (spool / "in-777").mkdir()
    os.utime(spool / "in-777", (0, 0))

    assert await sweep_spool(rig.store, spool, now=now) == 6

    assert {path.name for path in spool.iterdir()} == {
        f"in-{waiting}",
        f"out-{waiting}-0",
        f"in-{dead}",
        "in-x",
        "notes.txt",
        "in-1-2-3",
        "out-888888-0",
        ".young.part",
        "in-777",
    }


async def test_a_spool_that_is_not_there_holds_nothing(rig: Rig, tmp_path: Path):
    assert await sweep_spool(rig.store, tmp_path / "none", now=rig.clock.ms()) == 0


async def test_purging_goes_on_every_hour_also_after_a_failure(rig: Rig, monkeypatch, logged):
    purged = asyncio.Queue()
    write, failures = rig.store.write, [Unavailable("The database cannot be written.")]

    async def watched(work, **options):
        if failures:
            purged.put_nowait("failed")
            raise failures.pop()
        result = await write(work, **options)
        if result:
            purged.put_nowait(result)
        return result

    await write_ledger(rig, 0)
    monkeypatch.setattr(rig.store, "write", watched)
    task = asyncio.ensure_future(keep_purging(rig.store, rig.clock, **KEEP))
    async with asyncio.timeout(SOON):
        assert await purged.get() == "failed"
        rig.clock.advance(3600)
        assert await purged.get() == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert task.cancelled()
    assert logged[0]["event"] == "retention.postponed"


async def test_reactions_and_votes_go_with_the_ledger(rig: Rig):
    def work(unit: Unit) -> None:
        for day in (1, 2):
            at = day * DAY
            emoji = reactions.Standing(emoji="👍", at=at)
            reactions.put(unit.db, "i", f"m{day}", "us", emoji)
            votes.put(unit.db, "i", f"m{day}", "us", votes.Choice(options=("a",), at=at), name=None)

    await rig.write(work)

    removed = await purge(rig.store, now=(180 + 2) * DAY, **KEEP)

    assert (removed["reactions"], removed["votes"]) == (1, 1)
    assert await numbers(rig, "reaction") == await numbers(rig, "vote") == ["i"]
