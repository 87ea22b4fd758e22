"""When a peer is called, left alone, probed and trusted again."""

from __future__ import annotations

import pytest

from bridge.engine.breaker import Breaker


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(slots=4, failures_to_open=3, probe_waits=[1000, 2000, 5000])


def open_it(breaker: Breaker, now: int = 0) -> None:
    for _ in range(3):
        breaker.failed(now, "down")


def test_it_admits_as_many_calls_as_it_has_slots(breaker: Breaker):
    breaker.running = 3
    assert breaker.admits(0)
    breaker.running = 4
    assert not breaker.admits(0)
    assert breaker.ready_at(0) is None


def test_it_opens_after_enough_failures_in_a_row(breaker: Breaker):
    breaker.failed(0, "down")
    breaker.failed(0, "down")
    assert not breaker.is_open
    breaker.failed(0, "down")

    assert breaker.is_open
    assert breaker.opened_at == 0
    assert breaker.reason == "down"
    assert not breaker.admits(999)
    assert breaker.ready_at(0) == 1000


def test_a_success_ends_the_row(breaker: Breaker):
    for _ in range(5):
        breaker.failed(0, "down")
        breaker.failed(0, "down")
        breaker.succeeded(1)

    assert not breaker.is_open
    assert breaker.last_success == 1


def test_one_call_at_a_time_probes(breaker: Breaker):
    open_it(breaker)

    assert breaker.admits(1000)
    breaker.running = 1
    assert not breaker.admits(1000)
    assert breaker.ready_at(1000) is None


def test_each_failed_probe_makes_the_next_wait_longer_up_to_the_last(breaker: Breaker):
    open_it(breaker)
    now, waits = 0, []
    for _ in range(5):
        waits.append(breaker.ready_at(now) - now)
        now = breaker.ready_at(now)
        breaker.failed(now, "still down")

    assert waits == [1000, 2000, 5000, 5000, 5000]


def test_failures_of_calls_that_had_started_before_are_no_probes(breaker: Breaker):
    for _ in range(24):
        breaker.failed(0, "down")

    assert breaker.ready_at(0) == 1000
    breaker.failed(1000, "still down")
    assert breaker.ready_at(1000) == 3000


def test_a_success_of_a_call_that_had_started_before_does_not_close_it(breaker: Breaker):
    breaker.trip(0, "Too many requests.", waits=(60_000,))
    breaker.succeeded(10)

    assert breaker.is_open
    assert breaker.ready_at(10) == 60_000


def test_a_good_probe_closes_it_with_one_slot_and_each_success_adds_one(breaker: Breaker):
    open_it(breaker)
    allowed = []
    for now in range(1000, 1006):
        breaker.succeeded(now)
        allowed.append(breaker.allowed)

    assert not breaker.is_open
    assert breaker.reason is None
    assert allowed == [1, 2, 3, 4, 4, 4]


def test_it_starts_with_short_waits_again_after_it_closed(breaker: Breaker):
    open_it(breaker)
    breaker.failed(1000, "still down")
    breaker.succeeded(3000)
    open_it(breaker, 4000)

    assert breaker.ready_at(4000) == 5000


def test_a_peer_can_open_it_at_once(breaker: Breaker):
    breaker.trip(0, "Token refused.", waits=(15_000, 60_000))
    assert breaker.ready_at(0) == 15_000
    breaker.trip(15_000, "Token refused.", waits=(15_000, 60_000))
    assert breaker.ready_at(15_000) == 75_000


def test_a_longer_wait_that_comes_later_counts(breaker: Breaker):
    breaker.trip(0, "Slow down.", waits=(1000,))
    breaker.trip(500, "Slow down.", waits=(9000,))
    assert breaker.ready_at(500) == 9500
    breaker.trip(600, "Slow down.", waits=(10,))
    assert breaker.ready_at(600) == 9500


def test_a_hold_outlasts_successes_and_ends_by_itself(breaker: Breaker):
    breaker.hold(1000, "catching up")
    breaker.succeeded(500)
    assert breaker.is_open
    assert not breaker.admits(999)
    assert breaker.ready_at(500) == 1000

    assert breaker.admits(1000)
    breaker.succeeded(1001)
    assert not breaker.is_open


def test_the_later_of_hold_and_opening_counts(breaker: Breaker):
    open_it(breaker)
    breaker.hold(5000, "catching up")
    assert breaker.ready_at(0) == 5000
    breaker.hold(500, "catching up")
    assert breaker.ready_at(0) == 1000


def test_reset_forgets_everything(breaker: Breaker):
    open_it(breaker)
    breaker.hold(5000, "catching up")
    breaker.reset()

    assert not breaker.is_open
    assert breaker.admits(0)
    assert (breaker.allowed, breaker.reason) == (4, None)
