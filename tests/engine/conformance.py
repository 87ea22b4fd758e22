"""What every engine must do. A second engine subclasses `QueueConformance` with a `rig` of its own.

The rig is a `support.rig.Rig`: a queue, the unit of work that belongs to it, a clock that moves
only when told, and a way through a crash.
"""

from __future__ import annotations

import asyncio

import orjson
import pytest

from bridge.engine.queue import LOCAL, Again, Dead, Delivered, Ignored, Job
from bridge.errors import Unavailable
from bridge.store.engine import Unit
from support.rig import SOON, Rig, new_job, retry


def ids(jobs: list[Job]) -> list[int]:
    return [job.id for job in jobs]


class Crowd:
    """Many who add, cancel, claim, fail and settle at the same time."""

    TOTAL = 210
    LANES = tuple(f"lane {number}" for number in range(7))

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.ran: dict[str, list[int]] = {lane: [] for lane in self.LANES}
        self.ended: set[int] = set()
        self.running: set[str] = set()
        self.done = asyncio.Event()

    async def add(self, offset: int) -> None:
        for number in range(self.TOTAL // 3):
            lane = self.LANES[(number + offset) % len(self.LANES)]
            job_id = await self.rig.add(lane, peer=f"peer {number % 2}")
            if number % 10 == 9:
                await self.cancel(job_id)

    async def cancel(self, job_id: int) -> None:
        if await self.rig.write(
            lambda unit: self.rig.queue.cancel(unit, job_id, rule="x", now=self.rig.clock.ms())
        ):
            self.end(job_id)

    async def work(self) -> None:
        while True:
            job = await self.rig.queue.claim()
            assert job.lane not in self.running
            self.running.add(job.lane)
            await asyncio.sleep(0)
            self.running.discard(job.lane)
            if job.id % 5 == 0 and job.attempts == 0:
                await self.rig.queue.settle(job, retry(self.rig.clock.ms()))
                continue
            self.ran[job.lane].append(job.id)
            await self.rig.queue.settle(job, Delivered())
            self.end(job.id)

    def end(self, job_id: int) -> None:
        self.ended.add(job_id)
        if len(self.ended) == self.TOTAL:
            self.done.set()


class QueueConformance:
    # Order and lanes

    async def test_a_lane_runs_its_jobs_in_the_order_of_acceptance(self, rig: Rig):
        accepted = [await rig.add() for _ in range(5)]

        assert ids([await rig.run() for _ in range(5)]) == accepted

    async def test_a_lane_runs_one_job_at_a_time(self, rig: Rig):
        first, second = await rig.add(), await rig.add()
        job = await rig.claim()
        assert job.id == first
        await rig.nothing_starts()

        await rig.queue.settle(job, Delivered())

        assert (await rig.claim()).id == second

    async def test_lanes_run_side_by_side(self, rig: Rig):
        await rig.add("a")
        await rig.add("b")

        assert {(await rig.claim()).lane, (await rig.claim()).lane} == {"a", "b"}

    async def test_what_is_added_while_a_lane_runs_comes_next(self, rig: Rig):
        await rig.add()
        running = await rig.claim()
        later = await rig.add()

        await rig.queue.settle(running, Delivered())

        assert (await rig.claim()).id == later

    async def test_a_claim_that_waits_starts_at_once_when_a_job_is_added(self, rig: Rig):
        claiming = asyncio.ensure_future(rig.queue.claim())
        await asyncio.sleep(0)
        accepted = await rig.add()

        async with asyncio.timeout(SOON):  # the clock stands still: there is no polling
            assert (await claiming).id == accepted

    async def test_a_job_carries_what_it_was_given(self, rig: Rig):
        await rig.add(
            "lane", payload=b"\x00\xff", rank=7, instance_id="i", chat_id=3, ref="r", trace_id="t"
        )
        job = await rig.claim()

        assert (job.lane, job.payload, job.rank, job.instance_id) == ("lane", b"\x00\xff", 7, "i")
        assert (job.chat_id, job.ref, job.trace_id, job.attempts) == (3, "r", "t", 0)
        assert job.accepted_at == rig.clock.ms()
        assert not job.is_suspect

    async def test_a_lower_rank_goes_before_a_higher_one_that_waits(self, rig: Rig):
        third = await rig.add(rank=30)
        first = await rig.add(rank=10)
        second = await rig.add(rank=20)
        unranked = await rig.add()

        assert ids([await rig.run() for _ in range(4)]) == [first, second, third, unranked]

    async def test_a_lower_rank_does_not_overtake_what_runs(self, rig: Rig):
        high = await rig.add(rank=30)
        running = await rig.claim()
        low = await rig.add(rank=10)
        await rig.nothing_starts()

        await rig.queue.settle(running, Delivered())

        assert running.id == high
        assert (await rig.claim()).id == low

    async def test_a_job_is_not_started_before_it_is_due(self, rig: Rig):
        later = await rig.add(due_at=rig.clock.ms() + 150)
        claiming = asyncio.ensure_future(rig.claim())
        await rig.nothing_starts()

        rig.clock.advance(0.15)

        assert (await claiming).id == later

    async def test_a_job_due_later_holds_up_those_behind_it(self, rig: Rig):
        first = await rig.add(due_at=rig.clock.ms() + 1000)
        second = await rig.add()
        await rig.nothing_starts()
        rig.clock.advance(1)

        assert ids([await rig.run(), await rig.run()]) == [first, second]

    # Commits

    async def test_a_job_of_a_unit_that_failed_does_not_exist(self, rig: Rig):
        def work(unit: Unit) -> None:
            rig.queue.add(unit, new_job(rig.clock))
            raise LookupError

        with pytest.raises(LookupError):
            await rig.write(work)

        await rig.nothing_starts()
        assert await rig.tallies() == {}

    async def test_jobs_of_one_unit_keep_their_order(self, rig: Rig):
        def work(unit: Unit) -> list[int]:
            return [rig.queue.add(unit, new_job(rig.clock)) for _ in range(3)]

        accepted = await rig.write(work)

        assert ids([await rig.run() for _ in range(3)]) == accepted

    async def test_the_outcome_writes_in_the_commit_that_frees_the_lane(self, rig: Rig):
        await rig.add()
        job = await rig.claim()
        following: list[int] = []

        def write(unit: Unit) -> None:
            following.append(rig.queue.add(unit, new_job(rig.clock)))

        await rig.queue.settle(job, Delivered(write=write))

        assert (await rig.claim()).id == following[0]

    async def test_an_outcome_that_cannot_be_written_leaves_the_job_as_it_was(self, rig: Rig):
        job_id = await rig.add()
        job = await rig.claim()

        def write(_unit: Unit) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await rig.queue.settle(job, Delivered(write=write))

        assert await rig.state(job_id) == "waiting"
        await rig.nothing_starts()  # its lane is still busy
        await rig.queue.settle(job, Delivered())
        assert await rig.state(job_id) == "delivered"

    async def test_every_event_ends_as_one_of_three_and_they_add_up(self, rig: Rig):
        for outcome in (
            Delivered(),
            Ignored(rule="echo"),
            Dead(cause="refused", reason="No."),
            Again(due_at=0, why="not yet"),
            retry(0),
        ):
            await rig.add(type(outcome).__name__)
            await rig.run(outcome)

        assert await rig.tallies() == {
            ("inbound", "accepted", ""): 5,
            ("inbound", "delivered", ""): 1,
            ("inbound", "ignored", "echo"): 1,
            ("inbound", "dead", "refused"): 1,
        }

    # Waiting and trying again

    async def test_a_job_tried_again_stays_before_those_behind_it(self, rig: Rig):
        first, second = await rig.add(), await rig.add()
        await rig.run(retry(rig.clock.ms() + 1000, failing_since=5, unknown_since=6))
        await rig.nothing_starts()
        rig.clock.advance(1)

        again = await rig.run()

        assert (again.id, again.attempts) == (first, 1)
        assert (again.failing_since, again.unknown_since, again.is_suspect) == (5, 6, True)
        assert (await rig.run()).id == second

    async def test_an_attempt_that_does_not_count_is_not_counted(self, rig: Rig):
        await rig.add()
        await rig.run(retry(rig.clock.ms(), counts=False))

        assert (await rig.claim()).attempts == 0

    async def test_waiting_counts_no_attempt(self, rig: Rig):
        await rig.add()
        await rig.run(Again(due_at=rig.clock.ms(), why="a status may come", unknown_since=9))
        job = await rig.claim()

        assert (job.attempts, job.unknown_since) == (0, 9)

    async def test_a_parked_job_lets_its_lane_go_on(self, rig: Rig):
        head, behind = await rig.add(), await rig.add()
        await rig.run(retry(rig.clock.ms() + 1000, park=True))

        assert (await rig.run()).id == behind
        rig.clock.advance(1)
        parked = await rig.claim()
        assert parked.id == head
        assert parked.lane != "a"

    async def test_a_job_that_is_woken_runs_at_once(self, rig: Rig):
        job_id = await rig.add(due_at=rig.clock.ms() + 60_000)
        claiming = asyncio.ensure_future(rig.claim())
        await rig.nothing_starts()

        await rig.write(lambda unit: rig.queue.wake(unit, job_id, due_at=rig.clock.ms()))

        assert (await claiming).id == job_id

    async def test_a_job_that_is_woken_while_it_runs_is_not_put_off_again(self, rig: Rig):
        await rig.add()
        job = await rig.claim()
        await rig.write(lambda unit: rig.queue.wake(unit, job.id, due_at=rig.clock.ms()))

        await rig.queue.settle(job, Again(due_at=rig.clock.ms() + 30_000, why="no status yet"))

        assert (await rig.claim()).id == job.id

    async def test_a_woken_job_that_ended_leaves_its_lane_to_the_next(self, rig: Rig):
        await rig.add()
        job = await rig.claim()
        await rig.write(lambda unit: rig.queue.wake(unit, job.id, due_at=rig.clock.ms()))
        later = await rig.add(due_at=rig.clock.ms() + 1000)
        await rig.queue.settle(job, Delivered())
        await rig.nothing_starts()
        rig.clock.advance(1)

        assert (await rig.claim()).id == later

    async def test_a_job_that_changes_its_gates_waits_for_the_new_ones(self, rig: Rig):
        await rig.add(account="server/1")
        rig.queue.pause("elsewhere", until=rig.clock.ms() + 1000, reason="test")
        await rig.run(Again(due_at=rig.clock.ms(), why="now there", gates=("other", "elsewhere")))
        await rig.nothing_starts()
        rig.clock.advance(1)

        job = await rig.claim()

        assert (job.peer, job.account) == ("other", "elsewhere")

    async def test_the_trace_of_all_runs_is_kept_and_can_be_read(self, rig: Rig):
        job_id = await rig.add()
        for text in ("first", None, "half \ud83d of a pair", "x" * 10_000):
            job = await rig.claim()
            if text is not None:
                job.steps.append((1, "step", text))
            await rig.queue.settle(job, Again(due_at=rig.clock.ms(), why="more"))
        await rig.run(Dead(cause="c", reason="Lone \udc00 half."))

        row = await rig.row(job_id)
        details = [detail for _at, _step, detail in orjson.loads(row["trace"])]
        assert details[:2] == ["first", "half ? of a pair"]
        assert len(details[2]) < 1000
        assert row["reason"] == "Lone ? half."

    # Cancelling, reviving, dead letters

    async def test_a_cancelled_job_does_not_run(self, rig: Rig):
        first, second = await rig.add(), await rig.add()

        def cancel(unit: Unit) -> bool:
            return rig.queue.cancel(unit, first, rule="deleted", now=rig.clock.ms())

        assert await rig.write(cancel) is True
        assert await rig.write(cancel) is False
        assert (await rig.run()).id == second
        assert (await rig.tallies())["inbound", "ignored", "deleted"] == 1

    async def test_a_job_cancelled_while_it_runs_keeps_that_end(self, rig: Rig):
        first, second = await rig.add(), await rig.add()
        job = await rig.claim()
        await rig.write(lambda unit: rig.queue.cancel(unit, first, rule="deleted", now=1))
        await rig.nothing_starts()

        await rig.queue.settle(job, retry(0))

        assert await rig.state(first) == "ignored"
        assert (await rig.run()).id == second
        tallies = await rig.tallies()
        assert tallies["inbound", "accepted", ""] == 2
        assert tallies["inbound", "ignored", "deleted"] == 1
        assert tallies["inbound", "delivered", ""] == 1

    async def test_a_revived_job_comes_after_all_that_waits_in_its_lane(self, rig: Rig):
        dead = await rig.add(rank=1)
        await rig.run(Dead(cause="c", reason="r"))
        waiting = await rig.add(rank=2)
        newest = await rig.add(rank=3)

        revived = await rig.write(
            lambda unit: rig.queue.revive(unit, dead, states=("dead",), now=rig.clock.ms())
        )
        after = await rig.add()

        assert revived
        assert ids([await rig.run() for _ in range(4)]) == [waiting, newest, dead, after]

    async def test_of_two_who_revive_one_succeeds(self, rig: Rig):
        dead = await rig.add()
        await rig.run(Dead(cause="c", reason="r"))

        results = await asyncio.gather(
            *(
                rig.write(lambda unit: rig.queue.revive(unit, dead, states=("dead",), now=1))
                for _ in range(3)
            )
        )

        assert sorted(results) == [False, False, True]
        assert (await rig.run()).id == dead
        await rig.nothing_starts()
        tallies = await rig.tallies()
        assert tallies["inbound", "accepted", ""] == 2
        assert tallies["inbound", "dead", "c"] + tallies["inbound", "delivered", ""] == 2

    async def test_only_the_states_named_are_revived(self, rig: Rig):
        done = await rig.add()
        await rig.run()

        def revive(unit: Unit) -> bool:
            return rig.queue.revive(unit, done, states=("dead",), now=1)

        assert await rig.write(revive) is False
        assert await rig.write(
            lambda unit: rig.queue.revive(unit, 99, states=("dead",), now=1)
        ) is (False)

    async def test_a_revived_job_starts_anew_but_what_is_unknown_stays_unknown(self, rig: Rig):
        dead = await rig.add()
        await rig.run(retry(rig.clock.ms(), failing_since=3))
        await rig.run(Dead(cause="c", reason="r", unknown_since=7))
        await rig.write(lambda unit: rig.queue.revive(unit, dead, states=("dead",), now=1))

        job = await rig.claim()

        assert (job.attempts, job.failing_since, job.unknown_since) == (0, None, 7)

    async def test_a_parked_job_that_died_is_revived_in_its_own_lane(self, rig: Rig):
        parked = await rig.add()
        await rig.run(retry(rig.clock.ms(), park=True))
        await rig.run(Dead(cause="c", reason="r"))
        await rig.add()
        await rig.write(lambda unit: rig.queue.revive(unit, parked, states=("dead",), now=1))
        await rig.run()

        job = await rig.claim()

        assert (job.id, job.lane) == (parked, "a")

    async def test_dead_letters_are_listed_newest_first_and_in_pages(self, rig: Rig):
        numbers = []
        for _ in range(3):
            numbers.append(await rig.add())
            await rig.run(Dead(cause="c", reason="Why."))

        page = await rig.queue.dead_letters(limit=2)
        rest = await rig.queue.dead_letters(limit=2, before=page[-1].id)

        assert [letter.id for letter in (*page, *rest)] == numbers[::-1]
        assert (page[0].cause, page[0].reason, page[0].kind) == ("c", "Why.", "test")

    async def test_a_dead_letter_is_given_up_once(self, rig: Rig):
        dead = await rig.add()
        await rig.run(Dead(cause="c", reason="r"))

        def discard(unit: Unit) -> bool:
            return rig.queue.discard(unit, dead, now=1)

        assert await rig.write(discard) is True
        assert await rig.write(discard) is False
        assert await rig.queue.dead_letters(limit=9) == []

    async def test_poison_is_kept_whole_as_a_dead_letter(self, rig: Rig):
        job = new_job(rig.clock, payload=b"poison")
        dead = await rig.write(
            lambda unit: rig.queue.add_dead(unit, job, cause="internal.accept", reason="See log.")
        )

        await rig.nothing_starts()
        assert [letter.id for letter in await rig.queue.dead_letters(limit=9)] == [dead]
        assert bytes((await rig.row(dead))["payload"]) == b"poison"
        assert await rig.tallies() == {
            ("inbound", "accepted", ""): 1,
            ("inbound", "dead", "internal.accept"): 1,
        }

    # Holding lanes

    async def test_a_lane_on_hold_starts_nothing_until_then(self, rig: Rig):
        rig.queue.hold_lane("a", until=rig.clock.ms() + 2000)
        await rig.add("a")
        other = await rig.add("b")
        assert (await rig.run()).id == other
        await rig.nothing_starts()
        rig.clock.advance(2)

        assert (await rig.claim()).lane == "a"

    async def test_a_lane_on_hold_can_be_released(self, rig: Rig):
        await rig.add()
        rig.queue.hold_lane("a", until=rig.clock.ms() + 2000)
        claiming = asyncio.ensure_future(rig.claim())
        await rig.nothing_starts()

        rig.queue.release_lane("a")

        assert (await claiming).lane == "a"

    async def test_lanes_are_acquired_when_nothing_runs_in_them(self, rig: Rig):
        await rig.add("a")
        running = await rig.claim()
        acquiring = asyncio.ensure_future(rig.queue.acquire(["a", "b"]))
        await rig.add("b")
        await rig.nothing_starts()
        assert not acquiring.done()

        await rig.queue.settle(running, Delivered())
        async with asyncio.timeout(SOON):
            await acquiring
        await rig.nothing_starts()
        rig.queue.release(["a", "b"])

        assert (await rig.claim()).lane == "b"

    async def test_a_lane_held_twice_goes_on_when_both_released_it(self, rig: Rig):
        await rig.add("a")
        await rig.queue.acquire(["a"])
        await rig.queue.acquire(["a", "b"])
        rig.queue.release(["a"])
        await rig.nothing_starts()

        rig.queue.release(["a", "b"])

        assert (await rig.claim()).lane == "a"

    async def test_a_cancelled_acquire_holds_nothing(self, rig: Rig):
        await rig.add("a")
        running = await rig.claim()
        await rig.add("b")
        acquiring = asyncio.ensure_future(rig.queue.acquire(["a", "b"]))
        await asyncio.sleep(0)
        acquiring.cancel()
        await asyncio.gather(acquiring, return_exceptions=True)

        assert (await rig.claim()).lane == "b"
        await rig.queue.settle(running, Delivered())

    async def test_what_moves_keeps_the_order_of_acceptance(self, rig: Rig):
        jobs = [await rig.add(lane) for lane in "abab"]
        await rig.queue.acquire(["b"])
        await rig.write(lambda unit: rig.queue.move(unit, "b", "a"))
        rig.queue.release(["b"])

        ran = [await rig.run() for _ in range(4)]

        assert ids(ran) == jobs
        assert {job.lane for job in ran} == {"a"}

    async def test_what_moves_keeps_the_order_of_its_lane(self, rig: Rig):
        second = await rig.add("b", rank=20)
        first = await rig.add("b", rank=10)
        await rig.write(lambda unit: rig.queue.move(unit, "b", "a"))

        assert ids([await rig.run(), await rig.run()]) == [first, second]

    async def test_what_moves_into_a_busy_lane_waits_its_turn(self, rig: Rig):
        await rig.add("a")
        running = await rig.claim()
        moved = await rig.add("b")
        await rig.write(lambda unit: rig.queue.move(unit, "b", "a"))
        await rig.nothing_starts()

        await rig.queue.settle(running, Delivered())

        assert (await rig.claim()).id == moved

    # Peers and accounts

    async def test_a_paused_account_starts_nothing_until_then(self, rig: Rig):
        rig.queue.pause("server/1", until=rig.clock.ms() + 1000, reason="catching up")
        await rig.add("a")
        other = await rig.add("b", account="server/2")
        assert (await rig.run()).id == other
        await rig.nothing_starts()
        rig.clock.advance(1)

        assert (await rig.claim()).lane == "a"

    async def test_a_resumed_account_runs_its_jobs_at_once_and_in_order(self, rig: Rig):
        rig.queue.pause("server/1", until=rig.clock.ms() + 60_000, reason="catching up")
        accepted = [await rig.add() for _ in range(3)]
        claiming = asyncio.ensure_future(rig.claim())
        await rig.nothing_starts()

        rig.queue.resume("server/1")

        job = await claiming
        await rig.queue.settle(job, Delivered())
        assert [job.id, *ids([await rig.run(), await rig.run()])] == accepted

    async def test_a_peer_gets_no_more_calls_at_once_than_it_has_slots(self, rig: Rig):
        for number in range(6):
            await rig.add(f"lane {number}")
        running = [await rig.claim() for _ in range(4)]
        await rig.nothing_starts()

        await rig.queue.settle(running[0], Delivered())

        assert (await rig.claim()).lane == "lane 4"

    async def test_a_peer_that_hangs_starves_no_other(self, rig: Rig):
        for number in range(20):
            await rig.add(f"slow {number}", peer="slow", account="slow/1")
        await rig.add("quick", peer="quick", account="quick/1")

        lanes = {(await rig.claim()).lane for _ in range(5)}

        assert "quick" in lanes

    async def test_work_that_calls_nobody_has_no_limit(self, rig: Rig):
        for number in range(12):
            await rig.add(f"lane {number}", peer=LOCAL, account=LOCAL)

        assert len([await rig.claim() for _ in range(12)]) == 12

    # Stops and crashes

    async def test_after_a_crash_the_first_job_of_each_lane_is_suspect(self, rig: Rig):
        first, second, other = await rig.add("a"), await rig.add("a"), await rig.add("b")
        await rig.claim()

        assert await rig.restart(clean=False) == 2

        ran = {job.id: job for job in [await rig.run(), await rig.run(), await rig.run()]}
        assert {number: job.is_suspect for number, job in ran.items()} == {
            first: True,
            second: False,
            other: True,
        }
        assert ran[first].unknown_since == rig.clock.ms()

    async def test_a_crash_makes_an_older_doubt_new(self, rig: Rig):
        await rig.add()
        await rig.run(retry(rig.clock.ms(), unknown_since=rig.clock.ms()))
        await rig.claim()
        rig.clock.advance(60)
        await rig.restart(clean=False)

        assert (await rig.claim()).unknown_since == rig.clock.ms()

    async def test_after_a_clean_stop_no_job_is_suspect(self, rig: Rig):
        await rig.add()

        assert await rig.restart(clean=True) == 0
        assert not (await rig.claim()).is_suspect

    async def test_a_clean_stop_counts_once(self, rig: Rig):
        await rig.add()
        await rig.restart(clean=True)

        assert await rig.restart(clean=False) == 1

    async def test_order_survives_a_crash(self, rig: Rig):
        third = await rig.add(rank=30)
        first = await rig.add(rank=10)
        revived = await rig.add("b")
        await rig.queue.acquire(["a"])
        await rig.run(Dead(cause="c", reason="r"))
        await rig.write(lambda unit: rig.queue.move(unit, "b", "a"))
        second = await rig.add(rank=20)
        await rig.write(lambda unit: rig.queue.revive(unit, revived, states=("dead",), now=1))
        await rig.write(lambda unit: rig.queue.move(unit, "b", "a"))

        await rig.restart(clean=False)

        ran = ids([await rig.run() for _ in range(4)])
        assert ran == [first, second, third, revived]

    async def test_numbers_are_not_used_again(self, rig: Rig):
        first = await rig.add()
        await rig.run()
        await rig.write(lambda unit: unit.db.execute("DELETE FROM job").rowcount)
        await rig.restart(clean=True)

        assert await rig.add() > first

    # Under pressure

    async def test_nothing_is_lost_or_mixed_up_when_all_happens_at_once(self, rig: Rig):
        crowd = Crowd(rig)
        adders = [asyncio.ensure_future(crowd.add(offset)) for offset in range(3)]
        workers = [asyncio.ensure_future(crowd.work()) for _ in range(4)]
        try:
            async with asyncio.timeout(30):
                await asyncio.gather(*adders)
                await crowd.done.wait()
        finally:
            for one in workers:
                one.cancel()
            results = await asyncio.gather(*workers, return_exceptions=True)

        assert all(isinstance(result, asyncio.CancelledError) for result in results), results
        for jobs in crowd.ran.values():
            assert jobs == sorted(jobs)
        assert len(crowd.ended) == crowd.TOTAL

    async def test_a_cancelled_claim_gives_its_job_back(self, rig: Rig):
        for turns in range(12):
            job_id = await rig.add()
            claiming = asyncio.ensure_future(rig.queue.claim())
            for _ in range(turns):
                await asyncio.sleep(0)
            claiming.cancel()
            await asyncio.gather(claiming, return_exceptions=True)
            if claiming.cancelled():
                assert (await rig.run()).id == job_id
            else:
                await rig.queue.settle(claiming.result(), Delivered())

    async def test_a_queue_whose_store_is_closed_says_so(self, rig: Rig):
        await rig.add()
        job = await rig.claim()
        await rig.store.close()

        with pytest.raises(Unavailable):
            await rig.queue.settle(job, Delivered())
