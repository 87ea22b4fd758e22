"""When an inbox is open: Chatwoot's working hours, and hours of one's own. Pure.

Times of day are minutes since midnight, days of the week are Python's (Monday is 0). What time it
is where the inbox is says the caller: no time zone is looked up here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

MIDNIGHT: Final = 24 * 60
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingHours:
    """The working hours of a Chatwoot inbox: for each day from when to when, None: closed."""

    days: tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Hours that somebody wrote down. Where `end` is not after `start` they go over midnight.

    They belong to the day on which they begin. `timezone` None: the inbox's. `outside`: the rest
    of the week is meant.
    """

    days: frozenset[int]
    start: int
    end: int
    timezone: str | None = None
    outside: bool = False


def working_hours(told: Mapping[str, Any]) -> WorkingHours | None:
    """Read what Chatwoot tells of an inbox; None: it has none, or never told, so it is open.

    A day that is missing or misshapen is open.
    """
    if told.get("working_hours_enabled") is not True:
        return None
    days: list[tuple[int, int] | None] = [(0, MIDNIGHT)] * len(DAYS)
    rows = told.get("working_hours")
    for row in rows if isinstance(rows, list) else ():
        day = row.get("day_of_week") if isinstance(row, dict) else None
        if isinstance(day, int) and 0 <= day < len(DAYS):
            days[(day - 1) % len(DAYS)] = _span(row)  # Chatwoot's Sunday is 0
    return WorkingHours(days=tuple(days))


def is_open(hours: WorkingHours | None, local: datetime) -> bool:
    """Whether the inbox is open; `local` is the time in its time zone."""
    if hours is None:
        return True
    span = hours.days[local.weekday()]
    return span is not None and span[0] <= _minute(local) < span[1]


def holds(hours: Hours, local: datetime) -> bool:
    """Whether it is one of these hours; `local` is the time in their time zone."""
    return _inside(hours, local) is not hours.outside


def _inside(hours: Hours, local: datetime) -> bool:
    today, minute = local.weekday(), _minute(local)
    if hours.start < hours.end:
        return today in hours.days and hours.start <= minute < hours.end
    yesterday = (today - 1) % len(DAYS)
    return (today in hours.days and minute >= hours.start) or (
        yesterday in hours.days and minute < hours.end
    )


def _minute(local: datetime) -> int:
    return local.hour * 60 + local.minute


def _span(row: Mapping[str, Any]) -> tuple[int, int] | None:
    if row.get("closed_all_day") is True:
        return None
    opens = _time(row.get("open_hour"), row.get("open_minutes"))
    closes = _time(row.get("close_hour"), row.get("close_minutes"))
    if row.get("open_all_day") is True or opens is None or closes is None:
        return 0, MIDNIGHT
    return opens, closes


def _time(hour: object, minute: object) -> int | None:
    if not isinstance(hour, int):
        return None
    return hour * 60 + (minute if isinstance(minute, int) else 0)
