"""How long a failed job waits."""

from __future__ import annotations

import math

import pytest

from bridge.engine.schedule import asked_wait, next_try

DELAYS = [0, 2_000, 10_000, 86_400_000]


@pytest.mark.parametrize(
    ("attempts", "chance", "retry_after", "expected"),
    [
        pytest.param(1, 1.0, None, 0, id="the first retry comes at once"),
        pytest.param(2, 0.5, None, 1_000, id="chance takes its part"),
        pytest.param(4, 1.0, None, 86_400_000, id="the last delay"),
        pytest.param(5, 1.0, None, None, id="then no more"),
        pytest.param(2, 0.0, 700, 700, id="never before the peer wants it"),
        pytest.param(3, 1.0, 700, 10_000, id="nor before our own delay"),
        pytest.param(5, 1.0, 700, None, id="what the peer asks for gives no further attempt"),
    ],
)
def test_when_a_failed_job_is_tried_again(attempts, chance, retry_after, expected):
    assert next_try(attempts, delays=DELAYS, chance=chance, retry_after=retry_after) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, None),
        (0.0, 0),
        (1.5, 1_500),
        (-5.0, 0),
        (math.inf, 3_600_000),
        (math.nan, 0),
        (1e300, 3_600_000),
    ],
)
def test_a_peer_may_ask_for_an_hour_at_most(asked, expected):
    assert asked_wait(asked) == expected
