"""When an inbox is open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.clock import timezone
from bridge.core.hours import Hours, WorkingHours, holds, is_open, working_hours

WEEKDAYS = frozenset(range(5))
#: A Monday.
MONDAY = datetime(2026, 11, 23)  # noqa: DTZ001  (the caller says what time it is there)


@pytest.mark.parametrize(
    "name",
    [
        *("../../../etc/passwd", "/etc/passwd", "America", "America/../../../../etc/hosts"),
        *(
            "",
            ".",
            "..",
            "tzdata.zi",
            "a\0b",
            "x" * 5000,
            "Europe/Lisboa",
            "C:\\x",
            "\ud800",
            "a.b/c",
        ),
    ],
)
def test_what_is_no_time_zone_counts_as_utc_and_opens_no_file(name: str):
    """A Chatwoot names it, and so do rules of another version."""
    assert timezone(name) is UTC


def at(day: int, time: str) -> datetime:
    hour, minute = time.split(":")
    return MONDAY + timedelta(days=day, hours=int(hour), minutes=int(minute))


def told(**changes: object) -> dict[str, object]:
    """As Chatwoot tells: Monday to Friday from nine to five."""
    week = [
        {
            "day_of_week": day,
            "closed_all_day": day in (0, 6),
            "open_all_day": False,
            "open_hour": None if day in (0, 6) else 9,
            "open_minutes": 0,
            "close_hour": None if day in (0, 6) else 17,
            "close_minutes": 30,
        }
        for day in range(7)
    ]
    return {"working_hours_enabled": True, "working_hours": week, **changes}


@pytest.mark.parametrize(
    ("day", "time", "expected"),
    [
        (0, "08:59", False),
        (0, "09:00", True),
        (4, "17:29", True),
        (4, "17:30", False),
        (5, "12:00", False),
        (6, "12:00", False),
        (7, "12:00", True),
    ],
)
def test_chatwoots_working_hours(day: int, time: str, expected: bool) -> None:
    assert is_open(working_hours(told()), at(day, time)) is expected


def test_an_inbox_without_working_hours_is_always_open() -> None:
    for nothing in ({}, told(working_hours_enabled=False), {"working_hours": []}):
        assert working_hours(nothing) is None
    assert is_open(None, at(6, "03:00"))


@pytest.mark.parametrize("rows", [None, "x", [None, 3, {"day_of_week": 9}], [{"day_of_week": 1}]])
def test_what_cannot_be_read_closes_no_inbox(rows: object) -> None:
    assert is_open(working_hours(told(working_hours=rows)), at(0, "03:00"))


def test_a_day_may_be_open_as_a_whole() -> None:
    rows = [{"day_of_week": 0, "open_all_day": True}]
    hours = working_hours(told(working_hours=rows))
    assert isinstance(hours, WorkingHours)
    assert is_open(hours, at(6, "23:59"))


@pytest.mark.parametrize(
    ("day", "time", "expected"),
    [
        (0, "08:00", True),
        (0, "17:59", True),
        (0, "18:00", False),
        (0, "07:59", False),
        (5, "12:00", False),
    ],
)
def test_hours_of_ones_own_and_the_rest_of_the_week(day: int, time: str, expected: bool) -> None:
    inside = Hours(days=WEEKDAYS, start=8 * 60, end=18 * 60)
    outside = Hours(days=WEEKDAYS, start=8 * 60, end=18 * 60, outside=True)
    assert holds(inside, at(day, time)) is expected
    assert holds(outside, at(day, time)) is not expected


@pytest.mark.parametrize(
    ("day", "time", "expected"),
    [
        (4, "21:59", False),
        (4, "22:00", True),
        (5, "05:59", True),  # Friday's night
        (5, "06:00", False),
        (5, "22:00", False),  # Saturday has none
        (0, "05:00", False),  # Sunday neither
    ],
)
def test_hours_over_midnight_belong_to_the_day_on_which_they_begin(
    day: int, time: str, expected: bool
) -> None:
    assert holds(Hours(days=WEEKDAYS, start=22 * 60, end=6 * 60), at(day, time)) is expected
