"""Not too fast: bursts, then one each interval."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bridge.engine.lanes import Head
from bridge.engine.pacing import Bucket, Pacer, Rate
from bridge.engine.queue import LOCAL
from bridge.engine.rows import PARKED
from bridge.peers import make_pacer
from bridge.relay.lanes import to_whatsapp
from bridge.relay.pictures import PICTURES, PROFILE
from bridge.relay.retrying import AUTOMATIC, OUTBOUND
from bridge.settings import Settings, WhatsAppWeb

RATE = Rate(burst=3, interval_ms=1000)


def head(lane: str = "a", account: str = "n/1") -> Head:
    return Head(id=1, lane=lane, position=1, rank=0, due_at=0, peer="n", account=account)


def sending(chat: str, *, kind: str = OUTBOUND, peer: str = "whatsapp-web loja") -> Head:
    return Head(
        id=1,
        lane=to_whatsapp(int(chat)) if kind != PROFILE else f"chat:{chat}:profile",
        position=1,
        rank=0,
        due_at=0,
        peer=peer,
        account="whatsapp:loja",
        kind=kind,
    )


def settings(**web: float) -> Settings:
    return Settings(whatsapp_web=WhatsAppWeb(messages_per_second=2, **web))  # type: ignore[arg-type]


def test_a_bucket_gives_its_burst_and_then_one_each_interval():
    bucket = Bucket.full(RATE, 0)

    assert [bucket.take(0) for _ in range(4)] == [0, 0, 0, 1000]
    assert bucket.take(600) == 400
    assert bucket.take(1000) == 0
    assert bucket.take(1000) == 1000


def test_asking_takes_nothing():
    bucket = Bucket.full(Rate(burst=1, interval_ms=1000), 0)

    assert [bucket.wait(0) for _ in range(3)] == [0, 0, 0]
    bucket.take(0)
    assert bucket.wait(0) == 1000


def test_a_bucket_is_full_again_after_its_burst_of_intervals():
    bucket = Bucket.full(RATE, 0)
    for _ in range(3):
        bucket.take(0)

    assert not bucket.is_full(2999)
    assert bucket.is_full(3000)


def test_a_clock_that_goes_back_gives_nothing_twice():
    bucket = Bucket.full(Rate(burst=1, interval_ms=1000), 5000)
    bucket.take(5000)

    assert bucket.take(0) == 1000
    assert bucket.take(5500) == 500


@given(
    burst=st.integers(1, 50),
    interval=st.floats(1, 10_000),
    gaps=st.lists(st.integers(0, 5000), max_size=80),
)
def test_no_stretch_of_time_holds_more_than_its_share(burst, interval, gaps):
    bucket = Bucket.full(Rate(burst=burst, interval_ms=interval), 0)
    now, taken = 0, []
    for gap in gaps:
        now += gap
        if bucket.take(now) == 0:
            taken.append(now)

    for number, first in enumerate(taken):
        for last in taken[number:]:
            count = sum(first <= at <= last for at in taken)
            assert count <= burst + (last - first) / interval + 1e-6


@given(start=st.integers(0, 10**13), interval=st.floats(1, 10_000))
def test_after_the_wait_there_is_a_token(start, interval):
    bucket = Bucket.full(Rate(burst=1, interval_ms=interval), start)
    bucket.take(start)

    assert bucket.take(start + bucket.wait(start)) == 0


def test_a_send_takes_a_token_of_each_bucket_or_none_at_all():
    pacer = Pacer(
        lambda one: (
            (one.lane, Rate(burst=5, interval_ms=1000)),
            (one.account, Rate(burst=1, interval_ms=10)),
        )
    )
    assert pacer(head("a"), 0) == 0
    assert [pacer(head("a"), 0) for _ in range(20)] == [10] * 20

    assert [pacer(head("a"), now) for now in (10, 20, 30, 40)] == [0, 0, 0, 0]
    assert pacer(head("a"), 50) > 0  # now its own five are gone, and only these


def test_what_may_run_at_any_speed_never_waits():
    pacer = Pacer(lambda _head: ())

    assert {pacer(head(), 0) for _ in range(100)} == {0}


def test_full_buckets_are_forgotten_when_they_are_many(monkeypatch):
    monkeypatch.setattr(Pacer, "_MANY", 10)
    pacer = Pacer(lambda one: ((one.lane, RATE),))
    for number in range(200):
        pacer(head(f"lane {number}"), number * 10_000)

    assert len(pacer._buckets) <= 10


def test_what_leaves_a_part_to_others_waits_until_there_is_more_than_that():
    polite, plain = Rate(burst=4, interval_ms=100, leaves=2), Rate(burst=4, interval_ms=100)
    pacer = Pacer(lambda one: (("number", polite if one.lane == "bot" else plain),))

    assert [pacer(head("bot"), 0) for _ in range(4)] == [0, 0, 100, 100]
    assert [pacer(head("agent"), 0) for _ in range(3)] == [0, 0, 100]
    assert pacer(head("bot"), 0) == 300
    assert pacer(head("bot"), 300) == 0


def test_a_number_that_sends_one_at_a_time_lets_its_bot_send_too():
    pacer = make_pacer(settings(burst=1))

    assert pacer(sending("1", kind=AUTOMATIC), 0) == 0
    assert pacer(sending("2"), 0) == 500


def test_an_agent_overtakes_a_bot_that_floods_other_chats():
    pacer = make_pacer(settings(burst=10))
    bots = [pacer(sending(str(chat), kind=AUTOMATIC), 0) for chat in range(100)]
    agents = [pacer(sending(str(chat)), 0) for chat in range(100, 110)]

    assert bots.count(0) == 5
    assert agents.count(0) == 5


def test_meta_and_whatsapp_web_have_limits_of_their_own():
    pacer = make_pacer(settings(burst=10))
    web = [pacer(sending("1"), 0) for _ in range(5)]
    meta = [pacer(sending("2", peer="whatsapp https://graph"), 0) for _ in range(5)]

    assert web == [0, 0, 0, 1000, 1000]
    assert meta == [0, 0, 0, 0, 0]


def test_without_a_pause_only_the_number_counts():
    pacer = make_pacer(settings(burst=10, pair_pause_seconds=0))

    assert [pacer(sending("1"), 0) for _ in range(11)] == [0] * 10 + [500]


def test_asking_who_somebody_is_has_a_pace_of_its_own():
    pacer = make_pacer(settings(burst=1))
    asking = [pacer(sending(str(chat), kind=PROFILE, peer=PICTURES), 0) for chat in range(12)]

    assert asking == [0] * 10 + [2000, 2000]
    assert pacer(sending("1"), 0) == 0


def test_a_job_that_goes_on_in_a_lane_of_its_own_counts_too():
    pacer = make_pacer(settings(burst=1))
    parked = replace(sending("1"), lane=f"{to_whatsapp(1)}{PARKED}7")

    assert pacer(parked, 0) == 0
    assert pacer(sending("2"), 0) == 500


def test_what_only_waits_for_a_status_takes_nothing():
    pacer = make_pacer(settings(burst=1))

    assert {pacer(sending("1", peer=LOCAL), 0) for _ in range(10)} == {0}
    assert pacer(sending("1"), 0) == 0
