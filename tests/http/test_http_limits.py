"""Wrong keys are counted by address; who was right lately goes on working."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from bridge.clock import ManualClock
from bridge.errors import TooMany
from bridge.http.limits import Limiter

HERE, THERE = "203.0.113.9", "198.51.100.7"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def limiter(clock: ManualClock) -> Limiter:
    return Limiter(3, now=clock.ms)


def fail(limiter: Limiter, address: str = HERE, times: int = 3) -> None:
    for number in range(times):
        limiter.let_in(address, f"wrong {number}")
        limiter.was_wrong(address, f"wrong {number}")


def is_open(limiter: Limiter, shown: str = "another", address: str = HERE) -> bool:
    try:
        limiter.let_in(address, shown)
    except TooMany:
        return False
    return True


def test_after_so_many_wrong_keys_the_address_is_refused_and_told_how_long(limiter):
    fail(limiter)
    with pytest.raises(TooMany) as refusal:
        limiter.let_in(HERE, "another")
    assert refusal.value.status == 429
    assert refusal.value.cause == "auth.too_many_failures"
    assert refusal.value.retry_after == 20
    assert is_open(limiter, address=THERE)


def test_the_log_tells_which_address_is_shut_out(limiter):
    with capture_logs() as told:
        fail(limiter, times=2)
        assert told == []
        fail(limiter, times=1)
        assert not is_open(limiter)
    assert told == [{"event": "address.shut_out", "address": HERE, "log_level": "warning"}]


def test_the_door_opens_again_bit_by_bit(limiter, clock):
    fail(limiter)
    clock.advance(19.9)
    assert not is_open(limiter)
    clock.advance(0.1)
    assert is_open(limiter)
    fail(limiter, times=1)
    assert not is_open(limiter)
    clock.advance(60)
    fail(limiter, times=3)
    assert not is_open(limiter)


def test_a_key_that_was_right_lately_goes_on_from_that_address(limiter, clock):
    limiter.was_right(HERE, "good")
    fail(limiter)
    assert is_open(limiter, "good")
    assert not is_open(limiter, "stranger")
    fail(limiter, THERE)
    assert not is_open(limiter, "good", THERE)
    clock.advance(3600)
    fail(limiter)
    assert not is_open(limiter, "good")


def test_a_key_that_was_right_and_is_no_more_is_forgotten(limiter):
    limiter.was_right(HERE, "dropped")
    fail(limiter)
    limiter.was_wrong(HERE, "dropped")
    assert not is_open(limiter, "dropped")


def test_addresses_of_one_ipv6_network_are_counted_together(limiter):
    for number in range(3):
        limiter.was_wrong(f"2001:db8::{number}:1", "wrong")
    assert not is_open(limiter, address="2001:db8::ffff:1")
    assert is_open(limiter, address="2001:db8:0:1::1")


def test_nought_switches_it_off(clock):
    limiter = Limiter(0, now=clock.ms)
    fail(limiter, times=1000)
    assert is_open(limiter)


def test_a_clock_that_is_set_back_opens_and_closes_nothing(limiter, clock):
    fail(limiter)
    clock.advance(-7200)
    assert not is_open(limiter)


def test_what_is_remembered_is_bounded_and_the_longest_unused_goes_first(clock):
    limiter = Limiter(1, now=clock.ms, addresses=3, right_keys=2)
    for number in range(3):
        limiter.was_wrong(f"203.0.113.{number}", "wrong")
    limiter.was_wrong("203.0.113.0", "wrong")
    limiter.was_wrong("203.0.113.9", "wrong")
    assert [is_open(limiter, address=f"203.0.113.{n}") for n in (0, 1, 2, 9)] == [
        False,
        True,
        False,
        False,
    ]
    for key in ("first", "second", "first", "third"):
        limiter.was_right("203.0.113.9", key)
    assert [is_open(limiter, key, "203.0.113.9") for key in ("first", "second", "third")] == [
        True,
        False,
        True,
    ]
