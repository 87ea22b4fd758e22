"""What failures mean for a job, its lane and its peer: the worker on a real queue.

Time stands still unless a test moves it, and chance is one: each delay is the longest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from bridge.engine.queue import LOCAL, Again, Dead, Delivered, Ignored, Job, Outcome, Retry
from bridge.engine.worker import Policy, Worker
from bridge.errors import (
    PeerBroke,
    PeerBusy,
    PeerDown,
    PeerLocked,
    PeerRefused,
    PeerTimeout,
    Scope,
    Unavailable,
)
from bridge.store.engine import Unit
from support.rig import A_MOMENT, SOON, Rig, new_job

Step = Callable[[Job], Awaitable[Outcome]]
DELAYS = [0, 2_000, 10_000, 60_000]
PARK_AFTER = 300_000


class Story:
    """A handler that does what the test says, and remembers what ran."""

    def __init__(self) -> None:
        self.ran: list[int] = []
        self.seen: list[Job] = []
        self.deaths: list[tuple[int, str]] = []
        self.steps: dict[int, list[Exception | Outcome]] = {}
        self.by_lane: dict[str, Exception | Outcome] = {}
        self.died_fails = False

    async def run(self, job: Job) -> Outcome:
        self.ran.append(job.id)
        self.seen.append(job)
        planned = self.steps.get(job.id)
        step = planned.pop(0) if planned else self.by_lane.get(job.lane, Delivered())
        if isinstance(step, Exception):
            raise step
        return step

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:
        if self.died_fails:
            raise KeyError("payload")
        self.deaths.append((job.id, dead.cause))
        return None


class Gate(Story):
    """Jobs run until the gate opens."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.started: asyncio.Queue[int] = asyncio.Queue()

    async def run(self, job: Job) -> Outcome:
        self.started.put_nowait(job.id)
        await self.open.wait()
        return await super().run(job)

    async def wait(self, count: int) -> list[int]:
        async with asyncio.timeout(SOON):
            return [await self.started.get() for _ in range(count)]


class Shift:
    """A worker at work. `run` waits until so many runs were settled, and returns them."""

    def __init__(self, rig: Rig, *, slots: int = 16) -> None:
        self.rig = rig
        self.story = Story()
        self.alerts: list[tuple[str, str, str]] = []
        self.handlers: dict[str, Any] = {"test": self.story}
        self.settled: asyncio.Queue[tuple[Job, Outcome | Retry]] = asyncio.Queue()
        self.worker = Worker(
            rig.queue,
            self.handlers,
            clock=rig.clock,
            chance=lambda: 1.0,
            breaker=rig.queue.lanes.breaker,
            policy=Policy(retry_delays=DELAYS, park_after=PARK_AFTER),
            slots=slots,
            alert=lambda *told: self.alerts.append(told),
            observe=lambda job, outcome: self.settled.put_nowait((job, outcome)),
        )
        self.working: asyncio.Task[None] | None = None

    async def add(self, steps: list[Exception | Outcome], lane: str = "a", **changes: Any) -> int:
        """A job whose runs go like this, planned before any of them can start."""
        job = new_job(self.rig.clock, lane, **changes)

        def work(unit: Unit) -> int:
            job_id = self.rig.queue.add(unit, job)
            self.story.steps[job_id] = steps
            return job_id

        return await self.rig.write(work)

    def begin(self) -> None:
        self.working = asyncio.ensure_future(self.worker.run())

    async def run(self, count: int = 1) -> list[tuple[int, str]]:
        runs = await self.outcomes(count)
        return [(job.id, type(outcome).__name__) for job, outcome in runs]

    async def outcomes(self, count: int = 1) -> list[tuple[Job, Outcome | Retry]]:
        async with asyncio.timeout(SOON):
            return [await self.settled.get() for _ in range(count)]

    async def one(self) -> Outcome | Retry:
        return (await self.outcomes())[0][1]

    async def quiet(self) -> None:
        """For a moment, nothing is settled."""
        waiting = asyncio.ensure_future(self.settled.get())
        done, _ = await asyncio.wait({waiting}, timeout=A_MOMENT)
        assert not done, f"{waiting.result()} was settled"
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    async def settle_down(self) -> list[int]:
        """All that runs without time moving on."""
        queue = self.rig.queue
        queue.resume(LOCAL)  # the worker looks at the clock again
        async with asyncio.timeout(SOON):
            while queue._changed.is_set() or self.worker.running or queue.lanes.running:
                await self.rig.write(lambda _unit: None)
        return [self.settled.get_nowait()[0].id for _ in range(self.settled.qsize())]

    async def run_later(self, count: int = 1) -> list[tuple[int, str]]:
        """As `run`, while time passes: the worker pauses in between."""
        running = asyncio.ensure_future(self.run(count))
        while not running.done():
            await asyncio.wait({running}, timeout=A_MOMENT)
            self.rig.clock.advance(1)
        return await running

    async def end(self, drain: float = 0) -> bool:
        if self.working is not None:
            self.working.cancel()
            await asyncio.gather(self.working, return_exceptions=True)
        return await self.worker.stop(drain)


async def break_writing(rig: Rig) -> None:
    """From now on nothing can be written, as with a full disk."""
    await rig.store._writer.call(lambda db: db.execute("PRAGMA query_only=ON") and None)


async def mend_writing(rig: Rig) -> None:
    await rig.store._writer.call(lambda db: db.execute("PRAGMA query_only=OFF") and None)


@pytest.fixture
async def shift(rig: Rig) -> AsyncIterator[Shift]:
    made = Shift(rig)
    made.begin()
    yield made
    await made.end()


# Retry


async def test_a_job_that_fails_for_itself_is_tried_again_with_growing_waits(
    rig: Rig, shift: Shift
):
    error = PeerDown("Not now.", code="media.not_ready", scope=Scope.ONE)
    job_id = await shift.add([error, error, error, Delivered()])
    waits = []
    for _ in range(3):
        outcome = await shift.one()
        assert isinstance(outcome, Retry)
        waits.append(outcome.due_at - rig.clock.ms())
        await shift.quiet() if waits[-1] else None
        rig.clock.advance(waits[-1] / 1000)

    assert await shift.run() == [(job_id, "Delivered")]
    assert waits == [0, 2_000, 10_000]
    assert [job.attempts for job in shift.story.seen] == [0, 1, 2, 3]
    assert not shift.story.deaths


async def test_a_job_that_keeps_failing_dies_and_its_lane_goes_on(rig: Rig, shift: Shift):
    error = PeerDown("Not now.", code="media.not_ready", scope=Scope.ONE)
    first, second = await shift.add([error] * 5), await rig.add()
    for delay in DELAYS:
        await shift.run()
        rig.clock.advance(delay / 1000)

    assert await shift.run(2) == [(first, "Dead"), (second, "Delivered")]
    assert shift.story.deaths == [(first, "media.not_ready")]
    letter = (await rig.queue.dead_letters(limit=1))[0]
    assert letter.cause == "media.not_ready"
    assert "Tried 5 times" in letter.reason
    assert shift.alerts == [("server/1", "media.not_ready", letter.reason)]


async def test_what_the_peer_asks_for_is_waited_for(rig: Rig, shift: Shift):
    job_id = await shift.add([PeerBusy("Slow down.", retry_after=7.5)])
    await shift.run()
    rig.clock.advance(7.4)
    await shift.quiet()
    rig.clock.advance(0.1)

    assert await shift.run() == [(job_id, "Delivered")]


async def test_a_busy_account_holds_up_its_own_jobs_only(rig: Rig, shift: Shift):
    busy = await shift.add([PeerBusy("Slow down.", retry_after=60)], "a")
    await shift.run()
    same = await rig.add("b")
    other = await rig.add("c", account="server/2")

    assert await shift.run() == [(other, "Delivered")]
    await shift.quiet()
    rig.clock.advance(60)
    assert {job_id for job_id, _ in await shift.run(2)} == {busy, same}


# Permanent


async def test_a_refused_job_is_dead_at_once_and_its_lane_goes_on(rig: Rig, shift: Shift):
    first, second = (
        await shift.add([PeerRefused("Unknown number.", code="whatsapp.131026")]),
        await rig.add(),
    )

    assert await shift.run(2) == [(first, "Dead"), (second, "Delivered")]
    assert shift.story.deaths == [(first, "whatsapp.131026")]
    assert (await rig.row(first))["attempts"] == 0


async def test_a_dead_job_is_dead_even_if_it_cannot_be_told_about(rig: Rig, shift: Shift, logged):
    shift.story.died_fails = True
    job_id = await shift.add([PeerRefused("No.")])

    assert await shift.run() == [(job_id, "Dead")]
    assert "job.died_crashed" in {entry["event"] for entry in logged}


async def test_a_job_that_nobody_handles_is_a_dead_letter(rig: Rig, shift: Shift):
    job_id = await rig.add(kind="from the future")

    assert await shift.run() == [(job_id, "Dead")]
    assert (await rig.row(job_id))["cause"] == "internal.no_handler"


# Needs a person


async def test_a_locked_account_waits_uses_no_attempt_and_resumes_in_order(rig: Rig, shift: Shift):
    locked = PeerLocked("The token has expired.", code="whatsapp.190")
    jobs = [await shift.add([locked] * 3), await rig.add(), await rig.add()]
    assert await shift.run() == [(jobs[0], "Retry")]
    for seconds in (15, 60):
        await shift.quiet()
        rig.clock.advance(seconds)
        assert await shift.run() == [(jobs[0], "Retry")]

    rig.queue.resume("server/1")

    assert await shift.run(3) == [(job_id, "Delivered") for job_id in jobs]
    assert {job.attempts for job in shift.story.seen} == {0}
    assert not shift.story.deaths


async def test_a_person_is_called_once_not_for_every_job_and_probe(rig: Rig, shift: Shift):
    shift.handlers["test"] = gate = Gate()
    lanes = [f"lane {number}" for number in range(3)]
    for lane in lanes:
        gate.by_lane[lane] = PeerLocked("Token expired.", code="whatsapp.190")
        await rig.add(lane)
    await gate.wait(3)  # all three had started when the first was refused
    gate.open.set()
    await shift.run(3)
    rig.clock.advance(15)
    await shift.run()
    assert shift.alerts == [("server/1", "whatsapp.190", "Token expired.")]

    for lane in lanes:
        gate.by_lane[lane] = PeerLocked("Suspended.", code="whatsapp.368")
    rig.clock.advance(60)
    await shift.run()

    assert shift.alerts[1:] == [("server/1", "whatsapp.368", "Suspended.")]


async def test_a_locked_account_does_not_hold_up_the_others_of_its_server(rig: Rig, shift: Shift):
    await shift.add([PeerLocked("Token expired.")], "a")
    await shift.run()
    other = await rig.add("b", account="server/2")

    assert await shift.run() == [(other, "Delivered")]


async def test_work_that_calls_nobody_is_never_paused_for_others(rig: Rig, shift: Shift):
    local = {"peer": LOCAL, "account": LOCAL}
    needy = await shift.add(
        [PeerLocked("No inbox."), PeerDown("Down.", scope=Scope.SERVER)], "a", **local
    )
    assert await shift.run() == [(needy, "Retry")]
    others = [await rig.add("b", **local) for _ in range(3)]
    assert await shift.run(3) == [(job_id, "Delivered") for job_id in others]

    rig.clock.advance(300)

    assert await shift.run(2) == [(needy, "Retry"), (needy, "Delivered")]


async def test_a_long_pause_is_not_held_against_a_job(rig: Rig, shift: Shift):
    """After the pause one lone failure must not park it at once."""
    await shift.add([PeerLocked("Token expired."), PeerBroke("Error 500.")], "a")
    await shift.run()
    rig.clock.advance(3600)
    (_, first), (_, second) = await shift.run(2)

    assert (first, second) == ("Retry", "Delivered")
    assert {job.lane for job in shift.story.seen} == {"a"}


# Unknown outcome


async def test_an_unknown_outcome_is_told_to_the_next_run(rig: Rig, shift: Shift):
    await shift.add([PeerTimeout("No answer.", scope=Scope.ONE)])
    start = rig.clock.ms()
    await shift.run(2)

    assert [job.unknown_since for job in shift.story.seen] == [None, start]


async def test_each_further_unknown_outcome_starts_the_doubt_anew(rig: Rig, shift: Shift):
    """Proof may be looked for only so long after the *last* attempt."""
    timeout, down = PeerTimeout("No answer.", scope=Scope.ONE), PeerDown("No.", scope=Scope.ONE)
    start = rig.clock.ms()
    await shift.add([timeout, timeout, down])
    await shift.run(2)
    rig.clock.advance(2)
    await shift.run(1)
    rig.clock.advance(10)
    await shift.run(1)

    assert [job.unknown_since for job in shift.story.seen] == [None, start, start, start]
    await shift.add([timeout])
    await shift.run(2)
    assert shift.story.seen[-1].unknown_since == start + 12_000


async def test_a_job_that_died_in_doubt_is_replayed_in_doubt(rig: Rig, shift: Shift):
    job_id = await shift.add([PeerTimeout("No answer.", scope=Scope.ONE)] * 5)
    for delay in DELAYS:
        await shift.run()
        rig.clock.advance(delay / 1000)
    assert await shift.run() == [(job_id, "Dead")]

    await rig.write(lambda unit: rig.queue.revive(unit, job_id, states=("dead",), now=1))

    await shift.run()
    assert shift.story.seen[-1].unknown_since == rig.clock.ms()


# The breaker


async def test_a_peer_that_is_down_costs_no_attempts_and_all_run_after_one_good_probe(
    rig: Rig, shift: Shift
):
    lanes = [f"lane {number}" for number in range(8)]
    for lane in lanes:
        shift.story.by_lane[lane] = PeerDown("Connection refused.")
    jobs = [await rig.add(lane) for lane in lanes]
    await shift.settle_down()
    assert rig.queue.lanes.breaker("server").is_open
    before = len(shift.story.ran)

    rig.clock.advance(1)
    await shift.run()
    assert len(shift.story.ran) == before + 1  # one call probes
    await shift.quiet()
    shift.story.by_lane.clear()
    rig.clock.advance(2)

    assert {job_id for job_id, _ in await shift.run(8)} == set(jobs)
    assert {job.attempts for job in shift.story.seen} == {0}
    assert not shift.story.deaths


async def test_what_is_ignored_or_refused_is_no_proof_that_a_peer_works(rig: Rig, shift: Shift):
    breaker = rig.queue.lanes.breaker("server")
    breaker.trip(rig.clock.ms(), "down", waits=(1000,))
    await shift.add([Ignored(rule="instance.gone")], "a")
    await shift.add([Dead(cause="too_old", reason="Too old.")], "b")
    third = await rig.add("c")
    rig.clock.advance(1)

    runs = await shift.outcomes(2)
    assert [type(outcome).__name__ for _, outcome in runs] == ["Ignored", "Dead"]
    assert breaker.last_success == 0
    assert await shift.run() == [(third, "Delivered")]
    assert not breaker.is_open


async def test_a_failure_that_was_dealt_with_is_told_to_the_breaker(rig: Rig, shift: Shift):
    waiting = Again(
        due_at=rig.clock.ms() + 30_000,
        why="waiting for a status",
        blame=PeerTimeout("No answer."),
        gates=(LOCAL, LOCAL),
    )
    for number in range(3):
        await shift.add([waiting], f"lane {number}")
    await shift.run(3)
    assert rig.queue.lanes.breaker("server").is_open

    rig.clock.advance(30)  # the gates are open: what waits calls nobody

    assert {how for _, how in await shift.run(3)} == {"Delivered"}


# Parking


async def test_a_head_that_fails_alone_steps_aside_and_comes_back(rig: Rig, shift: Shift, logged):
    shift.worker._policy = Policy(retry_delays=[20_000] * 99, park_after=PARK_AFTER)
    head, behind = await shift.add([PeerBroke("Error 500.")] * 999, "a"), await rig.add("a")
    start = rig.clock.ms()
    while (await rig.row(head))["lane"] == "a":
        assert behind not in shift.story.ran
        await rig.add("others")
        await shift.settle_down()
        assert rig.clock.ms() - start < 2 * PARK_AFTER, "never parked"
        rig.clock.advance(10)
    assert rig.clock.ms() - start > PARK_AFTER
    assert behind in shift.story.ran
    shift.story.steps.clear()
    rig.clock.advance(20)

    assert await shift.settle_down() == [head]
    assert await rig.state(head) == "delivered"
    assert [entry["kind"] for entry in logged if entry["event"] == "job.parked"] == ["test"]


async def test_a_head_that_fails_with_its_whole_peer_is_not_parked(rig: Rig, shift: Shift):
    shift.story.by_lane["a"] = PeerBroke("Error 500.")
    head = await rig.add("a")
    for _ in range(20):
        await shift.run()
        rig.clock.advance(60)
    row = await rig.row(head)

    assert (row["lane"], row["attempts"], row["state"]) == ("a", 0, "waiting")


async def test_the_end_of_an_outage_parks_nobody(rig: Rig, shift: Shift):
    """It failed hours ago with everybody else; one lone failure after that is a first one."""
    await shift.add([PeerBroke("Error 500.")] * 4, "a")
    await shift.run(3)  # opens the breaker
    rig.queue.hold_lane("a", until=rig.clock.ms() + 7_201_000)
    rig.clock.advance(7200)
    probe = await rig.add("b")
    assert await shift.run() == [(probe, "Delivered")]
    rig.clock.advance(1)
    (_, failed), (_, delivered) = await shift.outcomes(2)

    assert isinstance(failed, Retry)
    assert (failed.counts, failed.park) == (True, False)
    assert isinstance(delivered, Delivered)


# Bugs and our own database


async def test_a_bug_in_a_handler_is_tried_again_and_then_dead(rig: Rig, shift: Shift, logged):
    first, second = await shift.add([ZeroDivisionError("secret text")] * 5), await rig.add()
    for delay in DELAYS:
        await shift.run()
        rig.clock.advance(delay / 1000)

    assert await shift.run(2) == [(first, "Dead"), (second, "Delivered")]
    row = await rig.row(first)
    assert row["cause"] == "internal.bug"
    assert "secret" not in row["reason"]
    assert "ZeroDivisionError" in row["reason"]
    assert shift.story.seen[1].is_suspect  # where it struck is unknown
    assert "job.crashed" in {entry["event"] for entry in logged}


async def test_a_bug_in_what_an_outcome_writes_keeps_the_lane_alive(rig: Rig, shift: Shift):
    def crash(_unit: Unit) -> None:
        raise KeyError("bug")

    first = await shift.add([Delivered(write=crash)], "a")
    second = await shift.add([Dead(cause="refused", reason="No.", write=crash)], "b")

    assert sorted(await shift.run_later(3)) == [
        (first, "Delivered"),
        (first, "Retry"),
        (second, "Dead"),
    ]
    assert await rig.state(first) == "delivered"
    assert (await rig.row(second))["cause"] == "refused"


async def test_a_handler_that_cannot_write_is_nobodys_fault(rig: Rig, shift: Shift):
    """A full disk is no reason to give up an agent's message."""
    job_id = await shift.add([Unavailable("The database cannot be written: disk full.")] * 9)
    for _ in range(9):
        await shift.run()
        await shift.quiet()
        rig.clock.advance(1)

    assert await shift.run() == [(job_id, "Delivered")]
    assert {job.attempts for job in shift.story.seen} == {0}
    assert shift.story.seen[-1].is_suspect
    assert not shift.story.deaths
    assert not rig.queue.lanes.breaker("server").is_open


async def test_what_cannot_be_settled_is_settled_when_the_database_is_back(
    rig: Rig, shift: Shift, logged
):
    shift.handlers["test"] = gate = Gate()
    first, second = await rig.add(), await rig.add()
    await gate.wait(1)
    await break_writing(rig)
    gate.open.set()
    for _ in range(3):
        await shift.quiet()
        rig.clock.advance(1)
    await mend_writing(rig)

    assert await shift.run_later(2) == [(first, "Delivered"), (second, "Delivered")]
    assert gate.ran == [first, second]  # the work itself was done once
    assert "job.settle_failed" in {entry["event"] for entry in logged}


async def test_the_worker_goes_on_when_a_claim_failed(rig: Rig, monkeypatch):
    shift = Shift(rig, slots=1)
    claim, failures = rig.queue.claim, [Unavailable("x"), OSError("y"), Unavailable("z")]

    async def failing() -> Job:
        if failures:
            raise failures.pop()
        return await claim()

    monkeypatch.setattr(rig.queue, "claim", failing)
    shift.begin()
    job_id = await rig.add()

    assert await shift.run_later() == [(job_id, "Delivered")]
    assert not failures
    await shift.end()


# Slots and stopping


async def test_no_more_jobs_run_at_once_than_there_are_slots(rig: Rig):
    shift, gate = Shift(rig, slots=3), Gate()
    shift.handlers["test"] = gate
    shift.begin()
    for number in range(5):
        await rig.add(f"lane {number}", peer=f"peer {number}")
    await gate.wait(3)
    await shift.quiet()
    assert (shift.worker.running, gate.started.qsize()) == (3, 0)
    gate.open.set()

    assert len(await shift.run(5)) == 5
    assert await shift.end()


async def test_a_stop_lets_running_jobs_finish_and_starts_none(rig: Rig):
    shift, gate = Shift(rig), Gate()
    shift.handlers["test"] = gate
    shift.begin()
    first, second = await rig.add(), await rig.add()
    await gate.wait(1)
    stopping = asyncio.ensure_future(shift.end(drain=SOON))
    await asyncio.sleep(0)
    gate.open.set()

    assert await stopping is True
    assert gate.ran == [first]
    assert await rig.restart(clean=True) == 0
    job = await rig.claim()
    assert (job.id, job.is_suspect) == (second, False)


async def test_a_job_that_is_cut_off_is_suspect_at_the_next_start(rig: Rig):
    shift, gate = Shift(rig), Gate()
    shift.handlers["test"] = gate
    shift.begin()
    job_id = await rig.add()
    await gate.wait(1)

    assert await shift.end(drain=0) is False
    assert shift.worker.running == 0
    assert await rig.restart(clean=False) == 1
    job = await rig.claim()
    assert (job.id, job.is_suspect) == (job_id, True)


async def test_a_stop_while_nothing_can_be_settled_is_not_clean(rig: Rig):
    shift = Shift(rig)
    await rig.add()
    await break_writing(rig)
    shift.begin()
    await shift.quiet()

    assert await shift.end(drain=0) is False


async def test_an_idle_worker_stops_at_once_and_cleanly(rig: Rig):
    shift = Shift(rig)
    shift.begin()
    await shift.quiet()

    assert await shift.end(drain=0) is True


# ---------------------------------------------------------------- an instance is being deleted


async def test_what_runs_for_a_held_instance_is_cut_off_and_waits(rig: Rig) -> None:
    shift, gate = Shift(rig), Gate()
    shift.handlers["test"] = gate
    shift.begin()
    mine = await shift.add([], "mine", instance_id="gone")
    other = await shift.add([], "other", instance_id="stays")
    await gate.wait(2)
    async with shift.worker.held("gone"):
        (job, outcome) = (await shift.outcomes())[0]
        assert job.id == mine
        assert isinstance(outcome, Again)
        assert outcome.unknown_since == rig.clock.ms()  # it may have acted: proof comes first
        late = await shift.add([], "late", instance_id="gone")
        assert [job.id for job, _ in await shift.outcomes()] == [late]
        assert gate.ran == []  # nothing of it was begun
        gate.open.set()
        assert [job.id for job, _ in await shift.outcomes()] == [other]
    rig.clock.advance(2)
    assert sorted(job.id for job, _ in await shift.outcomes(2)) == [mine, late]
    assert sorted(gate.ran) == [mine, other, late]
    assert await shift.end()


async def test_a_job_may_hold_its_own_instance(rig: Rig) -> None:
    shift = Shift(rig)

    class Deletes(Story):
        async def run(self, job: Job) -> Outcome:
            async with shift.worker.held("mine"):
                return await super().run(job)

    shift.handlers["test"] = story = Deletes()
    shift.begin()
    job_id = await shift.add([], "mine", instance_id="mine")
    assert await shift.run() == [(job_id, "Delivered")]
    assert story.ran == [job_id]
    assert await shift.end()


async def test_a_stop_in_the_middle_of_a_hold_is_a_stop(rig: Rig) -> None:
    shift, gate = Shift(rig), Gate()
    shift.handlers["test"] = gate
    shift.begin()
    await shift.add([], "other", instance_id="stays")
    await gate.wait(1)
    async with shift.worker.held("gone"):
        assert not await shift.end()
