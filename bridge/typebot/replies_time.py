"""Dates, spans and times as people write them, in a form that the engine takes. Pure.

The engine reads English (typebot-api.md 3). Where the day comes first in the flow's format, it
gets the form that its recordings have (``01/02/2027 10:00 to 03/02/2027 12:00``); elsewhere
ISO 8601, whose order it never doubts, with a ``T``: a time without one runs into the year of the
date behind it ("10:00 to 2027" is a span of hours to it).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time, timedelta
from functools import partial
from typing import Final, TypeVar

from bridge.core.courtesy import DOUBT, OR
from bridge.core.flow import Meaning, Understood
from bridge.core.folding import folded
from bridge.core.moments import Limits, Moment, moments, spans
from bridge.core.times_of_day import times
from bridge.locale import say
from bridge.typebot.fields import text as read_text
from bridge.typebot.replies_hearing import (
    Hearing,
    answer,
    ask_back,
    in_writing,
    saying,
    unchanged,
    which,
)

_DATES: Final = "typebot.date_unclear"
_TIMES: Final = "typebot.time_unclear"
_BOUNDS: Final = "typebot.out_of_bounds"
_DEFAULT: Final = "dd/MM/yyyy"
#: Countries whose people write the month first.
_MONTH_FIRST: Final = frozenset({"US", "FM", "PW", "PH"})
#: So much of a text is looked through, and so many parts of it.
_LONGEST: Final = 200
_MOST: Final = 4
#: What the engine finds within any text.
_TAKEN: Final = re.compile(
    r"\d{1,2}[/.-]\d{1,2}(?:[/.-]\d{2,4})?|\d{4}-\d{2}-\d{2}|\d{1,2}:\d{1,2}|\d\s?[ap]\.?m\b"
    r"|\b(?:today|tomorrow|(?:mon|tues|wednes|thurs|fri|satur|sun)day|noon|midnight)\b"
)
#: ``14:3`` is three minutes past two to it, ``1/2/3`` the second of March.
_CUT_OFF: Final = re.compile(r"\d{1,2}:\d|\d{1,2}([/.-])\d{1,2}\1\d")
_Read = TypeVar("_Read", Moment, time)
_ISO: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:$|[T ])")


def time_of_day(heard: Hearing) -> Meaning:
    """Understand a time; ``14:30`` is what the engine takes for every format."""
    written = in_writing(heard)
    if written is not None:
        return written
    found = times(saying(heard, times)) or _either(heard, times)
    told = tuple(dict.fromkeys(f"{one:%H:%M}" for one in found))
    if not told:
        text = say(heard.language, "ask.time_only", example="14:30")
        return ask_back(heard, _TIMES, text) if _is_misread(heard) else unchanged(heard)
    return which(heard, _TIMES, map(answer, told)) if len(told) > 1 else answer(told[0])


def _either(heard: Hearing, reads: Callable[[str], tuple[_Read, ...]]) -> tuple[_Read, ...]:
    """All that is offered with an "or" between; none where a part of it says something else."""
    parts = OR.split(folded(heard.typed)) if len(heard.typed) <= _LONGEST else []
    read = [reads(part) for part in parts[:_MOST]]
    return tuple(one for each in read for one in each) if len(parts) > 1 and all(read) else ()


def _is_misread(heard: Hearing) -> bool:
    """Whether the engine may find the wrong one in it: "não posso às 14:30", "14:30 às 15:00"."""
    said = folded(heard.typed[:_LONGEST])
    is_cut_off = _CUT_OFF.fullmatch(said) is not None
    return (
        is_cut_off
        or len(_TAKEN.findall(said)) > 1
        or bool(_TAKEN.search(said) and DOUBT.search(said))
    )


def date_or_span(heard: Hearing) -> Meaning:
    """Understand a date, with its time where one is wanted, or both ends of a span."""
    written = in_writing(heard)
    if written is not None:
        return written
    return _span(heard) if heard.options.get("isRange") is True else _date(heard)


def _date(heard: Hearing) -> Meaning:
    limits = _limits(heard)
    reads = partial(moments, today=_today(heard), month_first=_orders(heard), limits=limits)
    read = reads(saying(heard, reads)) or _either(heard, reads)
    found = tuple(dict.fromkeys(_wanted(heard, one) for one in read))
    if not found:
        text = say(heard.language, "ask.date_only", example=_example(heard, _soon(heard)))
        return ask_back(heard, _DATES, text) if _is_misread(heard) else unchanged(heard)
    if len(found) > 1 and (not heard.again or len({one.day for one in found}) < len(found)):
        return which(
            heard, _DATES, (answer(_written(heard, one), shown=_told(heard, one)) for one in found)
        )
    only = found[0]
    if not limits.hold(only.day) and not heard.again:
        return _out_of_bounds(heard)
    if _has_time(heard) and only.at is None and not heard.again:
        return ask_back(heard, _TIMES, _with_time(heard, only.day))
    return answer(_written(heard, only), shown=_told(heard, only))


def _span(heard: Hearing) -> Meaning:
    limits = _limits(heard)
    reads = partial(spans, today=_today(heard), month_first=_orders(heard), limits=limits)
    read = reads(saying(heard, reads))
    found = tuple(
        dict.fromkeys((_wanted(heard, start), _wanted(heard, end)) for start, end in read)
    )
    if not found:
        return _half(heard)
    if len(found) > 1 and not heard.again:
        return which(heard, _DATES, (_span_answer(heard, *one) for one in found))
    start, end = found[0]
    if not (limits.hold(start.day) and limits.hold(end.day)) and not heard.again:
        return _out_of_bounds(heard)
    if _has_time(heard) and None in (start.at, end.at) and not heard.again:
        return ask_back(heard, _TIMES, _with_time(heard, start.day, end.day))
    return _span_answer(heard, start, end)


def _span_answer(heard: Hearing, start: Moment, end: Moment) -> Understood:
    text = f"{_written(heard, start)} to {_written(heard, end)}"
    return answer(text, shown=_span_told(heard, start, end))


def _half(heard: Hearing) -> Meaning:
    """One date where a span is wanted: the engine would only say that it is invalid."""
    today = _today(heard)
    if not moments(heard.said.text, today=today, month_first=_orders(heard)):
        return unchanged(heard)
    ends = (_soon(heard), today + timedelta(days=10))
    example = _example(heard, *ends)
    return ask_back(heard, _DATES, say(heard.language, "ask.both_dates", example=example))


# ---------------------------------------------------------------------- what the input wants


def _today(heard: Hearing) -> date:
    return heard.now.date()


def _soon(heard: Hearing) -> date:
    return _today(heard) + timedelta(days=7)


def _has_time(heard: Hearing) -> bool:
    return heard.options.get("hasTime") is True


def _wanted(heard: Hearing, moment: Moment) -> Moment:
    return moment if _has_time(heard) else Moment(day=moment.day)


def _format(heard: Hearing) -> str:
    return read_text(heard.options.get("format")) or _DEFAULT


def _orders(heard: Hearing) -> tuple[bool, ...]:
    """Whether the month comes first: as the flow has it, and as people there write it."""
    people = (heard.country or "").upper() in _MONTH_FIRST
    format_ = _format(heard)
    flow = format_.startswith("M") if format_[0] in "dM" else people
    return tuple(dict.fromkeys((flow, people)))


def _limits(heard: Hearing) -> Limits:
    first, last = _day(heard.options.get("min")), _day(heard.options.get("max"))
    return Limits(first=first, last=last)


def _day(value: object) -> date | None:
    found = _ISO.match((read_text(value) or "").strip())
    if found is None:
        return None
    try:
        return date.fromisoformat(found[1])
    except ValueError:
        return None


# ---------------------------------------------------------------------- in words


def _written(heard: Hearing, moment: Moment) -> str:
    """As the engine reads it, whatever the flow's format."""
    if _format(heard).startswith("dd"):
        day = _numeric(moment.day)
        return day if moment.at is None else f"{day} {moment.at:%H:%M}"
    day = moment.day.isoformat()
    return day if moment.at is None else f"{day}T{moment.at:%H:%M}"


def _numeric(day: date) -> str:
    return f"{day.day:02}/{day.month:02}/{day.year:04}"


def _told(heard: Hearing, moment: Moment) -> str:
    """A date that nobody can mistake: with weekday and the name of its month."""
    day = say(
        heard.language,
        "ask.date",
        weekday=say(heard.language, "ask.weekdays").split()[moment.day.weekday()],
        day=moment.day.day,
        month=say(heard.language, "ask.months").split()[moment.day.month - 1],
        year=moment.day.year,
    )
    if moment.at is None:
        return day
    return say(heard.language, "ask.date_at", date=day, time=f"{moment.at:%H:%M}")


def _span_told(heard: Hearing, start: Moment, end: Moment) -> str:
    told = {"start": _told(heard, start), "end": _told(heard, end)}
    return say(heard.language, "ask.span", **told)


def _out_of_bounds(heard: Hearing) -> Meaning:
    limits = _limits(heard)
    first = _told(heard, Moment(day=limits.first)) if limits.first else ""
    last = _told(heard, Moment(day=limits.last)) if limits.last else ""
    if first and last:
        text = say(heard.language, "ask.date_between", first=first, last=last)
    elif first:
        text = say(heard.language, "ask.date_from", first=first)
    else:
        text = say(heard.language, "ask.date_until", last=last)
    return ask_back(heard, _BOUNDS, text)


def _with_time(heard: Hearing, *days: date) -> str:
    return say(heard.language, "ask.with_time", example=_example(heard, *days))


def _example(heard: Hearing, *days: date) -> str:
    """Dates as the flow's format has them, with hours where it wants some."""
    hours = ("14:30", "16:00")
    month_first = _orders(heard)[0]
    shown = [
        f"{day.month:02}/{day.day:02}/{day.year}" if month_first else _numeric(day) for day in days
    ]
    timed = [
        f"{day} {hour}" if _has_time(heard) else day
        for day, hour in zip(shown, hours, strict=False)
    ]
    return say(heard.language, "ask.span", start=timed[0], end=timed[1]) if days[1:] else timed[0]
