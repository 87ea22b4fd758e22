"""An instance made on demand is a trial until somebody subscribes; unsubscribed it ends.

Pure. Source of the two days and of the deletion: evolution-instance-typebot.md 8, row 004. All
times are milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

#: A trial of which nobody could be warned in time (we were down, the clock jumped) lives so long
#: after the warning, or as long as warnings come before the end if that is less.
GRACE = 3_600_000


class TrialState(StrEnum):
    TRIAL = "trial"
    ACTIVE = "active"
    CANCELLED = "cancelled"
    #: It is over, but nothing is deleted here: it may still be subscribed.
    ENDED = "ended"
    #: It is over, and its deletion has begun: too late.
    DELETING = "deleting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long a trial lives, how long before its end it is warned of, what becomes of it."""

    lasts: int
    warning: int
    deletes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """`label` is the name that the partner gave, which need not be unique."""

    instance_id: str
    state: TrialState
    due: int | None
    warned_at: int | None
    label: str
    mobile: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Warn:
    """Warn now; `due` is when it ends, later than promised if the warning comes late."""

    due: int


@dataclass(frozen=True, slots=True)
class End:
    """It is over."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Nothing ends: it is subscribed, or over already."""


Step: TypeAlias = Wait | Warn | End | Stay


def next_step(trial: Trial, *, now: int, warning: int) -> Step:
    """Decide what is to be done with a trial. None ends without having been warned of."""
    if trial.state is TrialState.DELETING:
        return End()
    if trial.due is None or trial.state not in (TrialState.TRIAL, TrialState.CANCELLED):
        return Stay()
    if trial.warned_at is None:
        warn_at = trial.due - warning
        late = now + min(warning, GRACE)
        return Warn(due=max(trial.due, late)) if now >= warn_at else Wait(until=warn_at)
    return End() if now >= trial.due else Wait(until=trial.due)
