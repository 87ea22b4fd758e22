"""Dates, with a time perhaps, and spans of them, as people write them. Pure.

`days` and `times_of_day` read the parts. What is read is either certain, or all that it may mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Final

from bridge.core.courtesy import without_courtesy
from bridge.core.day_words import MONTHS
from bridge.core.days import Days, bare_day, days, near
from bridge.core.folding import folded
from bridge.core.number_words import spelled_out
from bridge.core.times_of_day import times

#: A text that is longer says more than a date.
LONGEST: Final = 120
#: So many readings are told of one text.
_MOST: Final = 4
_MOST_DAY: Final = 31
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_FAR: Final = timedelta(days=200)
_ENDS: Final = " .!?;,"
#: ``6ª feira``; Sunday and Saturday have no number.
_NUMBERED_DAY: Final = re.compile(r"\b([2-6])[ao]?[- ]?feira\b")
_NAMES: Final = ("segunda", "terca", "quarta", "quinta", "sexta")
#: A bare number is no time of a bare number, nor of a day behind "de" ("2 de 2").
_NO_TIME: Final = re.compile(r"(?:de )?\d{1,2}")
_BETWEEN: Final = re.compile(
    r" (?:a|ao|ate o|ate a|ate|to|until|till|through|hasta el|hasta|al|e|y|and|as|-) "
    r"| ?- ?(?=\d)"
)
_FROM: Final = re.compile(r"(?:(?:de|do|da|das|entre|from|between|del|desde|a partir de)\s+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A day, with a time where one was said."""

    day: date
    at: time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The first and the last day that may be meant."""

    first: date | None = None
    last: date | None = None

    def hold(self, day: date) -> bool:
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


NO_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    days: Days
    times: tuple[time, ...] = ()


def moments(
    text: str, *, today: date, month_first: tuple[bool, ...], limits: Limits = NO_LIMITS
) -> tuple[Moment, ...]:
    """All moments that a text may mean, the likeliest first; empty: it is none.

    Limits decide between readings (this year or the next), and nothing else: where no reading is
    within them, the likeliest is told all the same.
    """
    if len(text) > LONGEST:
        return ()
    read = _read(_prepared(text, today), today, month_first)
    if read is None:
        return ()
    return tuple(
        Moment(day=day, at=at)
        for day in _fitting(read.days, limits)
        for at in (read.times or (None,))
    )[:_MOST]


def spans(
    text: str, *, today: date, month_first: tuple[bool, ...], limits: Limits = NO_LIMITS
) -> tuple[tuple[Moment, Moment], ...]:
    """All spans that a text may mean, each with both of its ends; empty: it is none."""
    if len(text) > LONGEST:
        return ()
    said = _prepared(text, today)
    whole = said[found.end() :] if (found := _FROM.match(said)) else said
    for between in _BETWEEN.finditer(whole):
        left, right = whole[: between.start()], whole[between.end() :]
        # Both ends are written in the same order.
        read = tuple(
            pair for order in month_first for pair in _pairs(left, right, today, (order,), limits)
        )
        if read:
            return tuple(dict.fromkeys(read))[:_MOST]
    return ()


def _prepared(text: str, today: date) -> str:
    """A text as it is read: days by their names, numbers as digits, "this month" by its number."""
    said = _NUMBERED_DAY.sub(lambda found: f" {_NAMES[int(found[1]) - 2]}", folded(text))
    said = re.sub(r"[- ]?\bfeira\b", "", said)
    said = re.sub(r"(?<=\d) ?([/.]) ?(?=\d)", r"\1", said)
    said = re.sub(r" (?:deste|desse|do) mes$", f"/{today.month}/{today.year}", said.strip(_ENDS))
    said = re.sub(r" (?:deste|desse|neste|de este|this) (?:ano|year)$", f" de {today.year}", said)
    said = re.sub(r" (?:do ano que vem|do proximo ano|next year)$", f" de {today.year + 1}", said)
    return without_courtesy(_in_digits(said)).strip(_ENDS)


def _in_digits(said: str) -> str:
    """Days and years that are spelled out: behind "dia", before a month, or four digits long."""
    words = said.split(" ")
    told: list[str] = []
    while words:
        value, used = spelled_out(words)
        if words[0] in {"primeiro", "primero"}:
            value, used = 1, 1
        behind = [word for word in words[used : used + 2] if word != "de"]
        is_day = 1 <= value <= _MOST_DAY and (
            told[-1:] == ["dia"] or (bool(behind) and behind[0] in MONTHS)
        )
        is_told = used and (is_day or _FIRST_YEAR <= value <= _LAST_YEAR)
        told.append(str(value) if is_told else words[0])
        words = words[used if is_told else 1 :]
    return " ".join(told)


def _fitting(read: Days, limits: Limits) -> tuple[date, ...]:
    fitting = tuple(day for day in read.likely if limits.hold(day))
    others = tuple(day for day in read.instead if limits.hold(day))
    return fitting or others[:1] or read.likely


def _read(said: str, today: date, month_first: tuple[bool, ...]) -> _Read | None:
    """A day alone, or with a time before or behind it."""
    whole = days(said, today=today, month_first=month_first)
    if whole is not None:
        return _Read(days=whole)
    for space in re.finditer(r",? |t(?=\d{1,2}:)", said):
        left, right = said[: space.start()], said[space.end() :]
        for day_said, time_said in ((left, right), (right, left)):
            at = () if _is_bare(day_said, time_said) else times(time_said)
            day = days(day_said, today=today, month_first=month_first) if at else None
            if day is not None:
                return _Read(days=day, times=at)
    return None


def _is_bare(day_said: str, time_said: str) -> bool:
    is_bare = _NO_TIME.fullmatch(time_said) is not None
    return is_bare and (time_said.startswith("de") or day_said.isdecimal())


def _pairs(
    left: str, right: str, today: date, month_first: tuple[bool, ...], limits: Limits
) -> Iterator[tuple[Moment, Moment]]:
    right = right[found.end() :] if (found := _FROM.match(right)) else right
    one, two = _read(left, today, month_first), _read(right, today, month_first)
    left_number, right_number = bare_day(left), bare_day(right)
    if left_number is not None and two is not None and right_number is None:
        yield from _up_to(left_number, two, limits)
    elif one is not None and two is not None and right_number is None:
        yield from _joined(one, two, limits)
    elif one is not None and right_number is not None and not one.times:
        for day in _fitting(one.days, limits):
            end = near(right_number, month_of=day, later=True)
            if end is not None:
                yield Moment(day=day), Moment(day=end)
    elif one is not None and one.times and (until := times(right)):
        begin = one.times[0]
        later = next((at for at in until if at > begin), None)
        for day in _fitting(one.days, limits):
            end = day if later else day + timedelta(days=1)
            yield Moment(day=day, at=begin), Moment(day=end, at=later or until[0])


def _up_to(number: int, end: _Read, limits: Limits) -> Iterator[tuple[Moment, Moment]]:
    """``de 10 a 15 de março``: the first end is of the month of the last."""
    for day in _fitting(end.days, limits):
        first = near(number, month_of=day, later=False)
        if first is not None:
            yield Moment(day=first), Moment(day=day, at=_at(end))


def _joined(one: _Read, two: _Read, limits: Limits) -> Iterator[tuple[Moment, Moment]]:
    """The last end is the first day that it may mean and that does not come before the other.

    Nothing is pushed a whole year away: "15/03 a 10/03" has its ends the wrong way round.
    """
    for day in _fitting(one.days, limits):
        for end in (*two.days.likely, *sorted(two.days.instead)):
            if end >= day:
                if end in two.days.likely or end - day <= _FAR:
                    yield Moment(day=day, at=_at(one)), Moment(day=end, at=_at(two))
                break


def _at(read: _Read) -> time | None:
    return read.times[0] if read.times else None
