"""Days as people write them in Portuguese, Spanish and English. Pure.

A small grammar of our own, which reads a whole text or nothing, since a general parser
(dateparser) finds a date in nearly every text and never says that another one was possible.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, TypeAlias

from bridge.core.day_words import (
    AGO,
    AHEAD,
    COUNTS,
    DAY_MONTH,
    DAY_OF_MONTH,
    DAY_OF_NUMBER,
    DIGITS,
    JOINED,
    JOINED_SHORT,
    LEAD,
    MONTH_DAY,
    MONTHS,
    NEXT_MONTH,
    PART_OF_DAY,
    RELATIVE,
    SPACED,
    WEEKDAY,
    WEEKDAY_ALONE,
    WEEKDAYS,
    YEAR_FIRST,
)

_WEEK: Final = 7
_MONTHS: Final = 12
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
#: Two digits of a year above it are of the last century.
_PIVOT: Final = 50
_MOST_DAYS: Final = 4000
#: Without a year the nearest day is meant; one that is longer (days) ago, or the next one.
_RECENT: Final = 60
#: A day of the month that was so few days ago may be the one that is meant.
_LATELY: Final = 7
#: Years to both sides in which every day is found, also 29 February.
_YEARS: Final = 8
_LATER_WEEKS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Days that a text may mean; `instead` are others (another year, a later week)."""

    likely: tuple[date, ...]
    instead: tuple[date, ...] = ()


_Reader: TypeAlias = Callable[[re.Match[str], date], Days | None]


def days(text: str, *, today: date, month_first: tuple[bool, ...]) -> Days | None:
    """The days of a folded text, read as a whole; None: it is no day.

    `month_first` says how ``03/04`` is read; with two values it may be read both ways.
    """
    whole = text.strip(" ,.;!?()")
    said = whole[_lead(whole) :]
    found = _day(whole, today, month_first) or _day(said, today, month_first)
    if found is None and (part := PART_OF_DAY.search(said)) and part.end() == len(said):
        found = _day(said[: part.start()], today, month_first)
    return found if found is not None else _with_weekday(said, today, month_first)


def bare_day(text: str) -> int | None:
    """The number of a day that stands alone (``10``, ``dia 10``); None: it is something else."""
    said = text.strip(" ,.;!?()")
    found = DAY_OF_MONTH.fullmatch(said[_lead(said) :])
    return int(found["day"]) if found else None


def near(day: int, *, month_of: date, later: bool) -> date | None:
    """The day with that number in a month, or else in the next (`later`) or previous one."""
    for step in (0, 1 if later else -1):
        found = _safe(*_month(month_of, step), day)
        if found is not None and (found >= month_of if later else found <= month_of):
            return found
    return None


def _lead(said: str) -> int:
    found = LEAD.match(said)
    return found.end() if found else 0


def _day(said: str, today: date, month_first: tuple[bool, ...]) -> Days | None:
    if said in RELATIVE:
        return Days(likely=(today + timedelta(days=RELATIVE[said]),))
    if found := DAY_OF_NUMBER.fullmatch(said):
        return _in_digits(found, today, (False,))
    for pattern in (DIGITS, SPACED, JOINED, JOINED_SHORT):
        if found := pattern.fullmatch(said):
            read = _in_digits(found, today, month_first)
            if read is not None:
                return read
    for pattern, reader in _READERS:
        if found := pattern.fullmatch(said):
            read = reader(found, today)
            if read is not None:
                return read
    return None


def _with_weekday(said: str, today: date, month_first: tuple[bool, ...]) -> Days | None:
    """``sexta, 27/11``; where they contradict each other, either may be meant."""
    found = re.fullmatch(rf"(?P<before>{WEEKDAY})[ ,]+(?P<day>.+)", said) or re.fullmatch(
        rf"(?P<day>.+?)[ ,(]+(?P<before>{WEEKDAY})", said
    )
    if found is None:
        return None
    rest = found["day"].strip(" ,()")
    read = _day(rest[_lead(rest) :], today, month_first)
    if read is None:
        return None
    weekday = WEEKDAYS[found["before"]]
    fitting = tuple(one for one in read.likely if one.weekday() == weekday)
    if fitting:
        return Days(likely=fitting, instead=read.instead)
    return Days(likely=(*read.likely, _coming(weekday, today)))


def _in_digits(found: re.Match[str], today: date, month_first: tuple[bool, ...]) -> Days | None:
    one, two = int(found["one"]), int(found["two"])
    read = [
        dated
        for swapped in month_first
        if (dated := _dated(*((two, one) if swapped else (one, two)), found["year"], today))
    ]
    if not read and (found["year"] or found["mark"] == "/"):
        swapped = _dated(*((one, two) if month_first[0] else (two, one)), found["year"], today)
        read = [swapped] if swapped else []
    if not read:
        return None
    likely = tuple(dict.fromkeys(day for each in read for day in each.likely))
    return Days(likely=likely, instead=tuple(day for each in read for day in each.instead))


def _dated(day: int, month: int, year: str | None, today: date) -> Days | None:
    if year:
        return _of_year(day, month, year)
    near_years = range(today.year - _YEARS, today.year + _YEARS + 1)
    found = [one for one in (_safe(each, month, day) for each in near_years) if one]
    found.sort(key=lambda one: (abs((one - today).days), one < today))
    if not found:
        return None
    later = tuple(one for one in found if one >= today)[:1]
    long_ago = (today - found[0]).days > _RECENT
    likely = (found[0], *later) if long_ago else (found[0],)
    return Days(likely=likely, instead=tuple(one for one in found if one not in likely))


def _of_year(day: int, month: int, year: str) -> Days | None:
    number = int(year)
    if len(year) > len("26"):
        full = _safe(number, month, day)
        return Days(likely=(full,)) if full else None
    of_century = (1900 + number, 2000 + number)
    ordered = of_century if number > _PIVOT else of_century[::-1]
    found = [one for one in (_safe(each, month, day) for each in ordered) if one]
    return Days(likely=(found[0],), instead=tuple(found[1:])) if found else None


def _safe(year: int, month: int, day: int) -> date | None:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _month(day: date, step: int) -> tuple[int, int]:
    count = day.year * _MONTHS + day.month - 1 + step
    return count // _MONTHS, count % _MONTHS + 1


def _of_month(found: re.Match[str], today: date) -> Days | None:
    """The next day with that number; the last one before it is what else it may be."""
    number = int(found["day"])
    ahead = [_safe(*_month(today, step), number) for step in range(3)]
    behind = [_safe(*_month(today, -step), number) for step in range(3)]
    later = [one for one in ahead if one and one >= today]
    before = [one for one in behind if one and one < today]
    if not later:
        return None
    lately = [one for one in before[:1] if today - one <= timedelta(days=_LATELY)]
    return Days(likely=(later[0], *lately), instead=(*before[:1], *later[1:]))


def _of_next_month(found: re.Match[str], today: date) -> Days | None:
    day = _safe(*_month(today, 1), int(found["day"]))
    return Days(likely=(day,)) if day else None


def _named(found: re.Match[str], today: date) -> Days | None:
    day = int(found["day"]) if found["day"].isdecimal() else 1
    parts = found.groupdict()
    return _dated(day, MONTHS[found["month"]], found["year"] or parts.get("short"), today)


def _year_first(found: re.Match[str], _: date) -> Days | None:
    day = _safe(int(found["year"]), int(found["month"]), int(found["day"]))
    return Days(likely=(day,)) if day else None


def _coming(weekday: int, today: date) -> date:
    return today + timedelta(days=(weekday - today.weekday()) % _WEEK)


def _weekday(found: re.Match[str], today: date) -> Days:
    """A weekday. Today's own name, and "the next" of one that this week still has, are two days."""
    coming = _coming(WEEKDAYS[found["weekday"]], today)
    later = tuple(coming + timedelta(weeks=week) for week in range(1, _LATER_WEEKS))
    last = coming - timedelta(weeks=1)
    if found["last"] or found["past"]:
        return Days(likely=(last,))
    if found["week"]:
        # On a Sunday, and of a Sunday, it depends on where somebody's week begins.
        is_sunday = 6 in {today.weekday(), coming.weekday()}  # noqa: PLR2004  Monday is 0
        this_week = coming.weekday() >= today.weekday()
        if is_sunday:
            return Days(likely=(coming, later[0]) if coming > today else later[:2])
        return Days(likely=later[:1] if this_week else (coming,))
    if found["this"] or found["now"]:
        return Days(likely=(coming,), instead=(last,))
    if found["next"] or found["coming"]:
        if coming == today:
            return Days(likely=later[:1], instead=later[1:])
        in_this_week = coming.weekday() > today.weekday()
        likely = (coming, later[0]) if in_this_week else (coming,)
        return Days(likely=likely, instead=later)
    likely = (coming, later[0]) if coming == today else (coming,)
    return Days(likely=likely, instead=(*later, last))


def _ahead(found: re.Match[str], today: date) -> Days | None:
    return _away(found, today, 1)


def _ago(found: re.Match[str], today: date) -> Days | None:
    return _away(found, today, -1)


def _away(found: re.Match[str], today: date, sign: int) -> Days | None:
    said = {name.removeprefix("also_"): one for name, one in found.groupdict().items() if one}
    count = sign * (int(said["count"]) if said["count"].isdecimal() else COUNTS[said["count"]])
    if "days" in said or "weeks" in said:
        away = count * (_WEEK if "weeks" in said else 1)
        return Days(likely=(today + timedelta(days=away),)) if abs(away) <= _MOST_DAYS else None
    year, month = _month(today, count * (_MONTHS if "years" in said else 1))
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    last = calendar.monthrange(year, month)[1]
    return Days(likely=(date(year, month, min(today.day, last)),))


_READERS: Final[tuple[tuple[re.Pattern[str], _Reader], ...]] = (
    (DAY_OF_MONTH, _of_month),
    (NEXT_MONTH, _of_next_month),
    (YEAR_FIRST, _year_first),
    (DAY_MONTH, _named),
    (MONTH_DAY, _named),
    (WEEKDAY_ALONE, _weekday),
    (AHEAD, _ahead),
    (AGO, _ago),
)
