"""English times of day: "14:30", "2 pm", "noon". "14", "14.30" and "14h30" are none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time

_NUMERIC = re.compile(
    r"""(?P<at>at\s+)?
    (?P<hour>[0-9]{1,2})
    (?:(?P<colon>[:.])(?P<minute>[0-9]{1,2})(?::(?P<second>[0-9]{2})(?:\.[0-9]{1,6})?)?)?
    (?:\s*(?P<half>[ap]\.?m\.?))?
    (?:\s*(?P<part>Z|o\W?clock|at\s+night|in\s+the\s+(?:morning|afternoon)))?
    (?!\w|[.:][0-9]|\s*/[0-9])""",
    re.IGNORECASE | re.VERBOSE,
)
_WORDS = {
    "noon": 12,
    "midday": 12,
    "midnight": 0,
    "morning": 6,
    "afternoon": 15,
    "evening": 20,
    "night": 22,
}
_WORDED = re.compile(
    rf"(?:(?:at|this|in\s+the)\s+)?(?P<word>{'|'.join(_WORDS)})(?!\w)", re.IGNORECASE
)
_HALVES = {"morning": "am", "afternoon": "pm", "night": "pm"}
_HALF_DAY = 12
_DAY = 24
_HOUR = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTime:
    """A time of day; `days`: how many midnights later."""

    at: time
    days: int = 0


def clock_time(text: str, at: int, *, now: datetime) -> tuple[ClockTime, int] | None:
    """Read a time that begins here; gives it with its end."""
    match = _NUMERIC.match(text, at)
    if match is not None:
        numeric = _numeric(match)
        return None if numeric is None else (numeric, match.end())
    worded = _WORDED.match(text, at)
    if worded is None:
        return None
    word = worded["word"].lower()
    late = word == "midnight" and now.hour > 2  # noqa: PLR2004  then it is the coming one
    return ClockTime(at=time(_WORDS[word]), days=1 if late else 0), worded.end()


def _numeric(match: re.Match[str]) -> ClockTime | None:
    hour = int(match["hour"])
    minute, second = int(match["minute"] or 0), int(match["second"] or 0)
    part = (match["part"] or "").lower()
    half = (match["half"] or _HALVES.get(part.split(" ")[-1], "")).lower()[:1]
    if half:
        if not 0 < hour <= _HALF_DAY:
            return None
        hour = hour % _HALF_DAY + (_HALF_DAY if half == "p" else 0)
    elif match["colon"] == "." or not (match["colon"] or match["at"] or part):
        return None
    if hour > _DAY or minute >= _HOUR or second >= _HOUR or (hour == _DAY and minute):
        return None
    return ClockTime(at=time(hour % _DAY, minute, second), days=hour // _DAY)
