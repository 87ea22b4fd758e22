"""When a number counts as unstable."""

from __future__ import annotations

import pytest

from bridge.core.steadiness import MINUTE, Losses, lost


@pytest.mark.parametrize(
    ("minutes", "told_at"),
    [
        pytest.param([0, 30, 60], 60, id="third within an hour"),
        pytest.param([0, 30, 61], None, id="third after an hour"),
        pytest.param([0, 70, 80, 90], 90, id="counted anew after an hour"),
        pytest.param([0, 1, 2, 3, 200, 400], 2, id="told once"),
        pytest.param([0], None, id="one"),
    ],
)
def test_the_third_loss_within_an_hour_is_told(minutes, told_at):
    losses, told = Losses(), []
    for minute in minutes:
        losses, is_news = lost(losses, minute * MINUTE)
        if is_news:
            told.append(minute)

    assert told == ([] if told_at is None else [told_at])


def test_what_is_told_goes_on_counting_from_its_beginning():
    losses = Losses()
    for minute in (5, 6, 7, 90, 300):
        losses, _ = lost(losses, minute * MINUTE)

    assert losses == Losses(count=5, since=5 * MINUTE, told=True)
