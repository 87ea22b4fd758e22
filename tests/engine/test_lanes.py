"""The scheduler: what may start, as tables and as a machine that tries everything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.engine import lanes as engine_lanes
from bridge.engine.breaker import Breaker
from bridge.engine.lanes import Head, Lanes
from bridge.engine.queue import LOCAL

LANES = ["a", "b", "c", "d"]
PEERS = ["p", "q", LOCAL]


def make_lanes(slots: int = 2, pace=lambda _head, _now: 0) -> Lanes:
    return Lanes(
        make_breaker=lambda _key: Breaker(slots=slots, failures_to_open=2, probe_waits=[100, 1000]),
        pace=pace,
    )


def head(number: int, lane: str = "a", **changes) -> Head:
    values = {"position": number, "rank": 0, "due_at": 0, "peer": "p", "account": "p/1"}
    return Head(id=number, lane=lane, **(values | changes))


def take_all(lanes: Lanes, now: int = 0) -> list[int]:
    taken = []
    while (one := lanes.take(now)) is not None:
        taken.append(one.id)
    return taken


@pytest.mark.parametrize(
    ("present", "offered", "expected"),
    [
        pytest.param(head(1), head(2), 1, id="a later one does not displace the head"),
        pytest.param(head(2), head(1), 1, id="an earlier one does"),
        pytest.param(head(1, rank=9), head(2, position=1, rank=3), 2, id="rank at one position"),
        pytest.param(head(1, due_at=99), head(1), 1, id="the same one with another time"),
    ],
)
def test_which_of_two_offers_is_the_head(present, offered, expected):
    lanes = make_lanes()
    lanes.offer(present)
    lanes.offer(offered)

    assert take_all(lanes) == [expected]


def test_who_names_new_servers_all_the_time_leaves_nothing_behind(monkeypatch):
    monkeypatch.setattr(engine_lanes, "MOST_BREAKERS", 10)
    lanes = make_lanes()
    lanes.breaker("down").trip(0, "no", waits=[1000])
    lanes.offer(head(1000, "long", peer="slow"))
    lanes.take(0)
    for number in range(100):
        lanes.offer(head(number, "b", peer=f"typebot {number}", account="i"))
        lanes.take(0)
        lanes.free("b", None)
    assert len(lanes.breakers) <= 12
    assert {"down", "slow"} <= lanes.breakers.keys()
    lanes.free("long", None)
    assert lanes.breaker("slow").running == 0


def test_an_offer_to_a_running_lane_is_left_to_the_database():
    lanes = make_lanes()
    lanes.offer(head(1))
    lanes.take(0)
    lanes.offer(head(2))
    assert lanes.take(0) is None

    lanes.free("a", head(2))

    assert take_all(lanes) == [2]


def test_an_account_that_is_gone_leaves_nothing_behind():
    lanes = make_lanes()
    lanes.offer(head(1))
    lanes.offer(head(2, "b", due_at=100))
    lanes.offer(head(3, "c", account="p/2"))
    lanes.breaker("p/1").hold(50, "paused")
    assert take_all(lanes) == [3]  # the first stands in the queue of its account

    lanes.forget("p/1")

    assert lanes.heads == {}
    assert set(lanes.breakers) == {"p", "p/2"}
    assert take_all(lanes, 1000) == []
    lanes.offer(head(4))
    assert take_all(lanes, 1000) == [4]


def test_the_breaker_of_an_account_that_still_runs_stays():
    lanes = make_lanes()
    lanes.offer(head(1))
    lanes.take(0)
    lanes.forget("p/1")
    lanes.free("a", None)

    assert lanes.breaker("p/1").running == 0


def test_a_head_whose_gates_change_does_not_wait_for_the_old_ones():
    lanes = make_lanes()
    lanes.breaker("p").trip(0, "down", waits=(10_000,))
    lanes.offer(head(1))
    assert lanes.take(0) is None
    lanes.replace("a", head(2, peer="q", account="q/1"))

    assert take_all(lanes) == [2]


def test_a_place_in_the_queue_of_old_gates_is_worth_nothing():
    lanes = make_lanes()
    lanes.breaker("p").trip(0, "down", waits=(1000,))
    lanes.offer(head(1))
    assert lanes.take(0) is None
    lanes.replace("a", head(2, peer="q", account="q/1"))
    assert take_all(lanes) == [2]
    lanes.free("a", head(3, peer="q", account="q/1", due_at=5000))

    assert lanes.take(1000) is None
    assert take_all(lanes, 5000) == [3]


def test_a_released_lane_starts_at_once():
    lanes = make_lanes()
    lanes.offer(head(1))
    lanes.hold("a", 9000)
    assert lanes.take(0) is None
    lanes.release("a")

    assert take_all(lanes) == [1]


def test_peers_and_accounts_take_turns():
    lanes = make_lanes(slots=9)
    for number in range(4):
        lanes.offer(head(number, f"p{number}"))
    for number in range(4, 8):
        lanes.offer(head(number, f"q{number}", peer="q", account="q/1"))

    assert take_all(lanes) == [0, 4, 1, 5, 2, 6, 3, 7]


def test_a_job_needs_both_its_peer_and_its_account():
    lanes = make_lanes()
    lanes.breaker("p/1").hold(500, "paused")
    lanes.breaker("p").hold(300, "paused")
    lanes.offer(head(1))

    assert lanes.take(0) is None
    assert lanes.next_moment(0) == 500
    assert lanes.take(499) is None
    assert take_all(lanes, 500) == [1]


def test_running_is_counted_once_for_a_peer_that_is_its_own_account():
    lanes = make_lanes()
    lanes.offer(head(1, account="p"))
    lanes.take(0)
    assert lanes.breaker("p").running == 1

    lanes.free("a", None)

    assert lanes.breaker("p").running == 0


def test_a_head_that_is_paced_waits_as_long_as_it_is_told():
    waits = {1: 250}
    lanes = make_lanes(pace=lambda one, _now: waits.pop(one.id, 0))
    lanes.offer(head(1))
    assert lanes.take(0) is None
    assert lanes.next_moment(0) == 250
    assert lanes.take(249) is None

    assert take_all(lanes, 250) == [1]


def test_a_head_is_paced_only_when_it_would_start():
    asked = []
    lanes = make_lanes(pace=lambda one, _now: asked.append(one.id) or 0)
    lanes.breaker("p").hold(100, "paused")
    lanes.offer(head(1))
    lanes.block("b")
    lanes.offer(head(2, "b", peer="q", account="q/1"))
    take_all(lanes)
    assert asked == []
    lanes.unblock("b")
    take_all(lanes, 100)

    assert sorted(asked) == [1, 2]


def test_a_clock_that_goes_back_loses_no_head():
    lanes = make_lanes()
    lanes.breaker("p").hold(2000, "paused")
    lanes.offer(head(1, due_at=1000))
    assert lanes.take(1500) is None  # it stands in the ready queue
    lanes.breaker("p").reset()
    assert lanes.take(500) is None

    assert take_all(lanes, 1000) == [1]


def test_what_is_put_off_while_it_is_ready_waits():
    lanes = make_lanes()
    lanes.breaker("p").hold(100, "paused")
    lanes.offer(head(1))
    assert lanes.take(0) is None
    lanes.due("a", 1, 500)
    assert lanes.take(200) is None

    assert take_all(lanes, 500) == [1]


def test_only_the_head_can_be_put_off():
    lanes = make_lanes()
    lanes.offer(head(1))
    lanes.due("a", 2, 500)
    lanes.due("elsewhere", 1, 500)

    assert take_all(lanes) == [1]


class Scheduler(RuleBasedStateMachine):
    """A model of a database and all that may happen to a queue, in any order.

    Whatever happens, what starts is the first of its lane and allowed to; and when everything that
    holds it back has passed, everything runs.
    """

    @initialize()
    def start(self):
        self.lanes = make_lanes()
        self.now = 0
        self.last = 0
        self.waiting: dict[int, Head] = {}  # the database
        self.running: dict[str, Head] = {}
        self.held: dict[str, int] = {}
        self.blocked: dict[str, int] = dict.fromkeys(LANES, 0)
        self.finished: set[int] = set()

    def first(self, lane: str) -> Head | None:
        here = [one for one in self.waiting.values() if one.lane == lane]
        return min(here, key=lambda one: one.order, default=None)

    def pick(self, data, lane: str | None = None) -> Head | None:
        here = [one for one in self.waiting.values() if lane in (None, one.lane)]
        return data.draw(st.sampled_from(here)) if here else None

    @rule(
        lane=st.sampled_from(LANES),
        peer=st.sampled_from(PEERS),
        account=st.sampled_from(["1", "2"]),
        delay=st.sampled_from([0, 0, 50, 400]),
        early=st.booleans(),
    )
    def add(self, lane, peer, account, delay, early):
        self.last += 1
        first = self.first(lane)
        position = first.position if early and first else self.last
        gates = (LOCAL, LOCAL) if peer == LOCAL else (peer, f"{peer}/{account}")
        one = Head(
            id=self.last,
            lane=lane,
            position=position,
            rank=-self.last if early else 0,
            due_at=self.now + delay,
            peer=gates[0],
            account=gates[1],
        )
        self.waiting[one.id] = one
        self.lanes.offer(one)

    @rule()
    def take(self):
        one = self.lanes.take(self.now)
        if one is None:
            self.check_nothing_could_start()
            return
        assert one.lane not in self.running
        assert one == self.first(one.lane)
        assert one.due_at <= self.now
        assert self.held.get(one.lane, 0) <= self.now
        assert self.blocked[one.lane] == 0
        self.running[one.lane] = one
        for key in {one.peer, one.account} - {LOCAL}:
            breaker = self.lanes.breaker(key)
            assert breaker.open_until is None or breaker.open_until <= self.now
            assert breaker.held_until is None or breaker.held_until <= self.now
            calls = sum(key in (other.peer, other.account) for other in self.running.values())
            assert breaker.running == calls <= breaker.slots

    def check_nothing_could_start(self):
        for lane in LANES:
            one = self.first(lane)
            if one is None or lane in self.running or self.blocked[lane]:
                continue
            if one.due_at > self.now or self.held.get(lane, 0) > self.now:
                continue
            keys = {one.peer, one.account} - {LOCAL}
            assert not all(self.lanes.breaker(key).admits(self.now) for key in keys), one

    @precondition(lambda self: self.running)
    @rule(data=st.data(), how=st.sampled_from(["done", "done", "later", "gates", "park"]))
    def settle(self, data, how):
        lane = data.draw(st.sampled_from(sorted(self.running)))
        one = self.running.pop(lane)
        present = self.waiting.get(one.id)
        if how == "done" or present is None:
            self.waiting.pop(one.id, None)
            self.finished.add(one.id)
        elif how == "later":
            self.waiting[one.id] = replace(present, due_at=self.now + 70)
        elif how == "gates":
            self.waiting[one.id] = replace(present, peer="q", account="q/2", due_at=self.now)
        else:
            target = data.draw(st.sampled_from(LANES))
            if target not in self.running and target != lane:
                self.waiting[one.id] = replace(present, lane=target)
                self.lanes.replace(target, self.first(target))
        self.lanes.free(lane, self.first(lane))

    @rule(data=st.data())
    def cancel(self, data):
        one = self.pick(data)
        if one is not None:
            del self.waiting[one.id]
            self.finished.add(one.id)
            if one.lane not in self.running:
                self.lanes.replace(one.lane, self.first(one.lane))

    @rule(data=st.data(), delay=st.sampled_from([0, 30]))
    def wake(self, data, delay):
        one = self.pick(data)
        if one is not None and one.lane not in self.running:
            self.waiting[one.id] = replace(one, due_at=self.now + delay)
            self.lanes.due(one.lane, one.id, self.now + delay)

    @rule(lane=st.sampled_from(LANES), until=st.sampled_from([20, 300]))
    def hold(self, lane, until):
        self.held[lane] = self.now + until
        self.lanes.hold(lane, self.now + until)

    @rule(lane=st.sampled_from(LANES))
    def release(self, lane):
        self.held.pop(lane, None)
        self.lanes.release(lane)

    @rule(lane=st.sampled_from(LANES))
    def block(self, lane):
        self.blocked[lane] += 1
        self.lanes.block(lane)

    @precondition(lambda self: any(self.blocked.values()))
    @rule(data=st.data())
    def unblock(self, data):
        lane = data.draw(st.sampled_from([one for one in LANES if self.blocked[one]]))
        self.blocked[lane] -= 1
        self.lanes.unblock(lane)

    @rule(key=st.sampled_from(["p", "q", "p/1", "q/2"]), what=st.sampled_from(["good", "bad"]))
    def breaker(self, key, what):
        if what == "good":
            self.lanes.breaker(key).succeeded(self.now)
        else:
            self.lanes.breaker(key).failed(self.now, "down")

    @rule(key=st.sampled_from(["p", "p/2", "q/1"]))
    def pause(self, key):
        self.lanes.breaker(key).hold(self.now + 200, "paused")

    @rule(seconds=st.sampled_from([1, 10, 100, 1000]))
    def wait(self, seconds):
        self.now += seconds

    @invariant()
    def memory_is_bounded(self):
        if hasattr(self, "lanes"):
            assert len(self.lanes.heads) <= len(LANES)
            assert len(self.lanes._held) <= len(LANES)
            assert len(self.lanes._queued) <= len(LANES)

    def teardown(self):
        """Nothing is lost: when no obstacle is left, everything runs."""
        if not hasattr(self, "lanes"):
            return
        for lane in LANES:
            while self.blocked[lane]:
                self.blocked[lane] -= 1
                self.lanes.unblock(lane)
        for _ in range(10 * self.last + 50):
            for lane, one in list(self.running.items()):
                del self.running[lane]
                self.waiting.pop(one.id, None)
                for key in {one.peer, one.account} - {LOCAL}:
                    self.lanes.breaker(key).succeeded(self.now)
                self.lanes.free(lane, self.first(lane))
            if not self.waiting:
                break
            self.take()
            if not self.running:
                moment = self.lanes.next_moment(self.now)
                assert moment is not None, f"lost: {self.waiting}"
                assert moment > self.now
                self.now = moment
        assert not self.waiting
        assert not self.lanes.heads
        assert not self.lanes.running
        for breaker in self.lanes.breakers.values():
            assert breaker.running == 0


TestScheduler = Scheduler.TestCase
TestScheduler.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
