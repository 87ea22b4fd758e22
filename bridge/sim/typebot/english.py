"""English dates and times in a text, as far as Typebot's date and time inputs understand them.

Rules of typebot-api.md 3: words are English, numbers are day first or month first, a time needs
minutes, am or pm. `now` decides what "tomorrow" is; a date without a year is the nearest one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bridge.sim.typebot.clocktimes import ClockTime, clock_time

_SHORT_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec"
_MONTHS = _SHORT_MONTHS.split()
_LONG_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december", "sept"),
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH = rf"(?P<month>{'|'.join(sorted((*_LONG_MONTHS, *_MONTHS), key=len, reverse=True))})\.?"
_DAY = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[0-9]{4})"
_WEEKDAY = r"(?P<weekday>mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\.?"
#: By their ends, the longest first.
_CASUAL = (
    ("day after tomorrow", 2),
    ("day before yesterday", -2),
    ("today", 0),
    ("overmorrow", 2),
    ("yesterday", -1),
    ("", 1),
)
_COUNTED = "one two three four five six seven eight nine ten eleven twelve"
_AMOUNTS: dict[str, float] = {
    **{word: count for count, word in enumerate(_COUNTED.split(), start=1)},
    **dict.fromkeys(("a", "an", "the"), 1),
    **dict.fromkeys(("a few", "few"), 3),
    **dict.fromkeys(("a couple of", "a couple"), 2),
    **dict.fromkeys(("half an", "half a"), 0.5),
}
_AMOUNT = rf"(?P<amount>{'|'.join(sorted(_AMOUNTS, key=len, reverse=True))}|[0-9]+(?:\.[0-9]+)?)"
_UNIT = r"(?P<unit>s(?:ec(?:ond)?s?)?|min(?:ute)?s?|h(?:ou)?rs?|days?|weeks?|months?|years?)"
_SECONDS = {"s": 1, "mi": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """`has_time` is false where nobody has said a time: then it is noon, or that of `now`."""

    at: datetime
    has_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    start: Moment
    end: Moment | None = None


def find(text: str, *, now: datetime, day_first: bool) -> Found | None:
    """Find the first date, time or range in a text. None when there is none."""
    reader = _Reader(text=text, now=now, day_first=day_first)
    for at in range(len(text)):
        if at and (text[at - 1].isalnum() or text[at - 1] in ":._"):
            continue
        first = reader.moment(at)
        if first is None:
            continue
        start, end_at = first
        link = re.compile(r"\s*(?:to|-|–|~|until|through|till)\s*", re.IGNORECASE)
        joined = link.match(text, end_at)
        second = reader.moment(joined.end(), base=start) if joined else None
        return Found(start=start, end=_after(start, second[0]) if second else None)
    return None


def _after(start: Moment, end: Moment) -> Moment:
    """From "Monday to Friday": the Friday that follows."""
    week = timedelta(days=7)
    return Moment(at=end.at + week) if start.at - week < end.at < start.at else end


@dataclass(slots=True, kw_only=True)
class _Reader:
    text: str
    now: datetime
    day_first: bool

    def moment(self, at: int, base: Moment | None = None) -> tuple[Moment, int] | None:
        """Read a date with a time, in either order, or one alone. Without a date it is `base`'s."""
        dated = self._date(at)
        if dated is not None:
            day, end = dated
            clock = None if day.has_time else self._clock(end, between=r"(?:T|\s*,?\s*)")
            return (_timed(day, clock[0]), clock[1]) if clock else (day, end)
        clock = self._clock(at)
        if clock is None:
            return None
        said, end = clock
        joined = re.compile(r"\s*,?\s*(?:on\s+)?", re.IGNORECASE).match(self.text, end)
        later = self._date(joined.end()) if joined else None
        if later is not None:
            return _timed(later[0], said), later[1]
        return _timed(base or Moment(at=self.now), said), end

    def _clock(self, at: int, between: str = "") -> tuple[ClockTime, int] | None:
        gap = re.compile(between).match(self.text, at)
        return clock_time(self.text, gap.end() if gap else at, now=self.now)

    def _date(self, at: int) -> tuple[Moment, int] | None:
        for pattern, read in _PATTERNS:
            match = pattern.match(self.text, at)
            if match is None:
                continue
            moment = read(match, self)
            if moment is not None:
                return moment, match.end()
        return None


def _timed(day: Moment, clock: ClockTime) -> Moment:
    at = datetime.combine(day.at.date() + timedelta(days=clock.days), clock.at, day.at.tzinfo)
    return Moment(at=at, has_time=True)


def _noon(year: int, month: int, day: int, reader: _Reader) -> Moment | None:
    try:
        at = datetime.combine(date(year, month, day), time(12), reader.now.tzinfo)
    except ValueError:
        return None
    return Moment(at=at)


def _nearest(month: int, day: int, reader: _Reader) -> Moment | None:
    years = (reader.now.year, reader.now.year + 1, reader.now.year - 1)
    found = [moment for year in years if (moment := _noon(year, month, day, reader))]
    return min(found, key=lambda moment: abs(moment.at - reader.now), default=None)


def _full_year(text: str) -> int:
    year = int(text)
    if len(text) > 2:  # noqa: PLR2004  two digits are a year of this or the last century
        return year
    return year + (1900 if year > 50 else 2000)  # noqa: PLR2004


def _iso(match: re.Match[str], reader: _Reader) -> Moment | None:
    return _noon(int(match[1]), int(match[2]), int(match[3]), reader)


def _numeric(match: re.Match[str], reader: _Reader) -> Moment | None:
    """Numbers in the order of the format, or in the other one when that is no date."""
    first, second = int(match[1]), int(match[2])
    day, month = (first, second) if reader.day_first else (second, first)
    if month > 12 >= day:  # noqa: PLR2004
        day, month = month, day
    if match[3] is None:
        return _nearest(month, day, reader)
    return _noon(_full_year(match[3]), month, day, reader)


def _worded(match: re.Match[str], reader: _Reader) -> Moment | None:
    groups = match.groupdict()
    month = _MONTHS.index(groups["month"].lower()[:3]) + 1
    day = int(groups.get("day") or 1)
    year = groups.get("year")
    return _noon(int(year), month, day, reader) if year else _nearest(month, day, reader)


def _weekday(match: re.Match[str], reader: _Reader) -> Moment | None:
    named = next(n for n, day in enumerate(_DAYS) if day.startswith(match["weekday"].lower()[:3]))
    ahead = (named - reader.now.weekday()) % 7
    modifier = (match["modifier"] or match["after"] or "").lower()
    return _day(reader, _days_to(named, ahead, modifier, reader.now.weekday()))


def _days_to(named: int, ahead: int, modifier: str, today: int) -> int:
    """Count days. "Next" is of the next week, which on a weekend is the one that begins."""
    saturday, sunday = 5, 6
    if modifier in ("last", "past"):
        return ahead - 7
    if modifier == "this":
        return ahead
    if modifier != "next":
        return ahead if ahead <= 3 else ahead - 7  # noqa: PLR2004  the nearest one
    if today == sunday:
        return ahead or 7
    if today == saturday:
        return {saturday: 7, sunday: 8}.get(named, ahead)
    same_week = named == sunday or (named > today)
    return ahead + 7 if same_week and named != sunday else (ahead or 7)


def _day(reader: _Reader, days: int) -> Moment:
    at = datetime.combine(reader.now.date() + timedelta(days=days), time(12), reader.now.tzinfo)
    return Moment(at=at)


def _casual(match: re.Match[str], reader: _Reader) -> Moment | None:
    word = " ".join(match[0].lower().split())
    if word == "now":
        return Moment(at=reader.now, has_time=True)
    night = reader.now.replace(minute=0, second=0, microsecond=0)
    if word == "tonight":
        return Moment(at=night.replace(hour=22))
    if word == "last night":
        return Moment(at=night.replace(hour=0))
    days = next(days for name, days in _CASUAL if word.endswith(name))
    return Moment(at=reader.now + timedelta(days=days))


def _shifted(amount: float, unit: str, reader: _Reader) -> Moment | None:
    """Move on from now; by months and years the day of the month stays, or is the last one."""
    try:
        if unit.startswith(("mo", "y")):
            months = round(amount * (12 if unit.startswith("y") else 1))
            return Moment(at=_plus_months(reader.now, months))
        key = unit[:2] if unit.startswith("mi") else unit[0]
        at = reader.now + timedelta(seconds=amount * _SECONDS[key])
    except (OverflowError, ValueError):
        return None
    return Moment(at=at, has_time=key in ("s", "mi", "h"))


def _plus_months(now: datetime, months: int) -> datetime:
    year, month = divmod(now.year * 12 + now.month - 1 + months, 12)
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return now.replace(year=year, month=month + 1, day=min(now.day, last))


def _amount(match: re.Match[str]) -> float:
    said = " ".join(match["amount"].lower().split())
    return float(_AMOUNTS[said]) if said in _AMOUNTS else float(said)


def _later(match: re.Match[str], reader: _Reader) -> Moment | None:
    return _shifted(_amount(match), match["unit"].lower(), reader)


def _earlier(match: re.Match[str], reader: _Reader) -> Moment | None:
    return _shifted(-_amount(match), match["unit"].lower(), reader)


def _relative(match: re.Match[str], reader: _Reader) -> Moment | None:
    step = {"next": 1, "this": 0}.get(match["modifier"].lower(), -1)
    return _shifted(step, match["unit"].lower(), reader)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{text})(?!\w)", re.IGNORECASE)


_ON = r"(?:on\s+)?"
_MODIFIER = r"(?P<modifier>last|past|this|next)"
_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], _Reader], Moment | None]], ...] = (
    (re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?![0-9])"), _iso),
    (_pattern(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})"), _iso),
    (_pattern(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4}|[0-9]{2})"), _numeric),
    (_pattern(r"([0-9]{1,2})/([0-9]{1,2})(?![/0-9])(x)?"), _numeric),
    (
        _pattern(
            rf"{_ON}(?:{_WEEKDAY},?\s*)?{_DAY}[-/\s]*(?:of\s+)?{_MONTH}(?:\s*[-/,]?\s*{_YEAR}(?!:))?"
        ),
        _worded,
    ),
    (
        _pattern(
            rf"{_ON}(?:{_WEEKDAY},?\s*)?{_MONTH}[-/\s]*{_DAY}(?!\s*(?:[:0-9]|am|pm))(?:\s*,?\s*{_YEAR}(?!:))?"
        ),
        _worded,
    ),
    (_pattern(rf"{_MONTH}\s*,?\s*{_YEAR}"), _worded),
    (
        _pattern(
            rf"{_ON}(?:{_MODIFIER}\s+)?{_WEEKDAY}(?:\s+(?P<after>last|past|this|next)\s+week)?"
        ),
        _weekday,
    ),
    (
        _pattern(
            r"now|today|tonight|(?:the\s+)?day\s+after\s+tomorrow|tomorrow|overmorrow|tmrw?"
            r"|(?:the\s+)?day\s+before\s+yesterday|yesterday|last\s*night"
        ),
        _casual,
    ),
    (_pattern(rf"(?:in|within|for|after)\s+{_AMOUNT}\s*{_UNIT}"), _later),
    (_pattern(rf"{_AMOUNT}\s*{_UNIT}\s+(?:from\s+now|later|hence)"), _later),
    (_pattern(rf"{_AMOUNT}\s*{_UNIT}\s+(?:ago|before|earlier)"), _earlier),
    (_pattern(rf"{_MODIFIER}\s+(?P<unit>week|month|year)"), _relative),
    (_pattern(rf"(?P<month>{'|'.join(_LONG_MONTHS)})"), _worded),
)
