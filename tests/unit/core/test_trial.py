"""When a trial is warned of and when it ends, as a table."""

from __future__ import annotations

import pytest

from bridge.core.trial import GRACE, End, Stay, Step, Trial, TrialState, Wait, Warn, next_step

HOUR = 3_600_000
DUE = 48 * HOUR


def trial(
    state: TrialState = TrialState.TRIAL, *, due: int | None = DUE, warned_at: int | None = None
) -> Trial:
    return Trial(
        instance_id="one",
        state=state,
        due=due,
        warned_at=warned_at,
        label="Loja",
        mobile=False,
    )


@pytest.mark.parametrize(
    ("found", "now", "step"),
    [
        pytest.param(trial(), 0, Wait(until=24 * HOUR), id="fresh"),
        pytest.param(trial(), 24 * HOUR, Warn(due=DUE), id="a day before its end"),
        pytest.param(
            trial(warned_at=24 * HOUR), 24 * HOUR, Wait(until=DUE), id="warned, not over yet"
        ),
        pytest.param(trial(warned_at=24 * HOUR), DUE, End(), id="warned and over"),
        pytest.param(
            trial(), 60 * HOUR, Warn(due=60 * HOUR + GRACE), id="over while nobody could be warned"
        ),
        pytest.param(trial(TrialState.CANCELLED, warned_at=1), DUE, End(), id="cancelled and over"),
        pytest.param(trial(TrialState.ACTIVE, due=None), 999 * HOUR, Stay(), id="subscribed"),
        pytest.param(trial(TrialState.ENDED, warned_at=1), 999 * HOUR, Stay(), id="left alone"),
        pytest.param(trial(TrialState.DELETING, warned_at=1), 0, End(), id="deletion goes on"),
    ],
)
def test_what_is_done_with_a_trial(found: Trial, now: int, step: Step):
    assert next_step(found, now=now, warning=24 * HOUR) == step


def test_without_a_time_of_warning_it_is_warned_of_at_its_end():
    assert next_step(trial(), now=DUE - 1, warning=0) == Wait(until=DUE)
    assert next_step(trial(), now=DUE, warning=0) == Warn(due=DUE)
    assert next_step(trial(warned_at=DUE), now=DUE, warning=0) == End()


def test_a_short_warning_gives_no_longer_grace():
    late = next_step(trial(), now=DUE + 1, warning=60_000)
    assert late == Warn(due=DUE + 1 + 60_000)
