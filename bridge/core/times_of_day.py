"""Times of a day as people write them in Portuguese, Spanish and English. Pure.

Half a clock is uncertain ("às 2", "2:30", "duas e meia"): both readings are told. What is written
as a clock of 24 hours shows it (``02:30``, ``02h``) is what it says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time
from types import MappingProxyType
from typing import Final

from bridge.core.courtesy import without_courtesy
from bridge.core.folding import folded
from bridge.core.number_words import spelled_out

#: A text that is longer says more than a time.
LONGEST: Final = 60
_DAY, _HALF_DAY, _HOUR = 24, 12, 60
#: Up to this hour people may mean the afternoon and not say so.
_UNCERTAIN: Final = 6

HOURS: Final[Mapping[str, int]] = MappingProxyType(
    {
        word: number
        for number, words in enumerate(
            (
                "uma una one",
                "duas dos two",
                "tres three",
                "quatro cuatro four",
                "cinco five",
                "seis six",
                "sete siete seven",
                "oito ocho eight",
                "nove nueve nine",
                "dez diez ten",
                "onze once eleven",
                "doze doce twelve",
            ),
            start=1,
        )
        for word in words.split()
    }
)
_NAMED: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(("meio dia", "meio-dia", "meiodia", "mediodia", "noon", "midday"), 12),
        **dict.fromkeys(("meia noite", "meia-noite", "meianoite", "medianoche", "midnight"), 0),
    }
)
_PERIODS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "am": r"a\.?m\.?",
        "pm": r"p\.?m\.?",
        "morning": r"(?:da|de|pela|de la|por la|in the) (?:manha|manana|morning)",
        "small": r"(?:da|de|de la) madrugada",
        "afternoon": r"(?:da|de|a|de la|por la|in the) (?:tarde|afternoon)",
        "night": r"(?:da|de|a|de la|por la|in the|at) (?:noite|noche|evening|night)",
    }
)
_PERIOD: Final = "|".join(f"(?P<{name}>{one})" for name, one in _PERIODS.items())
#: A part of the day by itself, as a folded text has it.
PART_OF_DAY: Final = re.compile(
    rf"(?:{_PERIOD}|(?:[ao] |el |la |the )?(?:(?P<also_morning>manha|manana|morning)"
    r"|(?P<also_small>madrugada)|(?P<also_afternoon>tarde|afternoon)"
    r"|(?P<also_night>noite|noche|evening|night)))"
)
_HOURS_OF: Final[Mapping[str, range]] = MappingProxyType(
    {
        "am": range(12),
        "pm": range(12, 24),
        "morning": range(12),
        "small": range(6),
        "afternoon": range(12, 19),
        "night": range(18, 24),
    }
)
_LEAD: Final = (
    r"(?:(?:as|das|de las|a las|a la|las|la|at|ao|a|pelas|por volta das|a partir das|umas"
    r"|pode ser|about|around|de)\s+)*"
)
_WORD: Final = "|".join(HOURS)
_PARTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(("meia", "media", "half", "trinta", "treinta"), 30),
        **dict.fromkeys(("quinze", "quince", "cuarto", "um quarto", "quarter"), 15),
        **dict.fromkeys(("dez", "diez", "ten"), 10),
        **dict.fromkeys(("vinte", "veinte", "twenty"), 20),
        **dict.fromkeys(("cinco", "five"), 5),
        "quarenta e cinco": 45,
    }
)
_PART: Final = "|".join(_PARTS)
_END: Final = rf"(?:\s*(?:{_PERIOD}))?(?:\s+(?:em ponto|en punto|o'?clock|sharp))?"
_CLOCK: Final = re.compile(
    rf"{_LEAD}(?:(?P<colon>\d{{1,2}}):(?P<colon_minute>\d{{2}})(?::\d{{2}})?(?:\s*h(?:rs?|s)?)?"
    rf"|(?P<dot>\d{{1,2}})\.(?P<dot_minute>\d{{2}})"
    r"|(?P<four>[01]\d|2[0-3])(?P<four_minute>[0-5]\d)"
    r"|(?P<hour>\d{1,2})\s*(?:h|hs|hrs?|horas?|hours?)"
    r"(?:\s*(?:e\s+)?(?P<minute>\d{1,2})\s*(?:m|min|minutos?|minutes?)?)?"
    rf"|(?P<spoken>\d{{1,2}}|{_WORD})(?:\s+(?:horas?|h))?"
    rf"(?:\s+(?:e|y)\s+(?P<part>{_PART}|\d{{1,2}}))?"
    rf"|(?P<named>{'|'.join(_NAMED)})(?:\s+(?:e|y)\s+(?P<named_part>{_PART}|\d{{1,2}}))?)"
    rf"{_END}"
)
_TO: Final = re.compile(
    rf"(?:(?P<past>{_PART}|\d{{1,2}}) past (?P<past_hour>\d{{1,2}}|{_WORD})"
    rf"|(?P<to>{_PART}|\d{{1,2}}) (?:to|para as|pras|para a|pra|para o) "
    rf"(?P<to_hour>\d{{1,2}}|{_WORD}|{'|'.join(_NAMED)})"
    rf"|(?:las |la )?(?P<less_hour>\d{{1,2}}|{_WORD}) menos (?P<less>{_PART}|\d{{1,2}}))"
    rf"{_END}"
)


def times(text: str) -> tuple[time, ...]:
    """All times that a text may mean; the first is what the digits say. Empty: it is no time."""
    if len(text) > LONGEST:
        return ()
    said = without_courtesy(_in_digits(folded(text))).strip(" ,;!?")
    said = said.removesuffix(".") if not said.endswith(".m.") else said
    if found := _CLOCK.fullmatch(said):
        return _of_clock(found)
    if found := _TO.fullmatch(said):
        return _of_hour_to(found)
    return ()


def _in_digits(said: str) -> str:
    """Hours and minutes that are spelled out and no clock has as a word of its own ("vinte")."""
    words, told = said.split(" "), []
    while words:
        value, used = spelled_out(words)
        is_told = value > _HALF_DAY
        told.append(str(value) if is_told else words[0])
        words = words[used if is_told else 1 :]
    return " ".join(told)


def part_of_day(found: re.Match[str], hour: str) -> bool:
    """Whether an hour (of 24) lies in the part of the day that `PART_OF_DAY` found."""
    name = next(one for one, said in found.groupdict().items() if said)
    return int(hour) in _HOURS_OF[name.removeprefix("also_")]


def _of_clock(found: re.Match[str]) -> tuple[time, ...]:
    if named := found["named"]:
        part = found["named_part"]
        return _readings(_NAMED[named], _minute(part), found, certain=True)
    if found["four"]:
        return _readings(int(found["four"]), int(found["four_minute"]), found, certain=True)
    for hour, minute in (
        ("colon", "colon_minute"),
        ("dot", "dot_minute"),
        ("hour", "minute"),
        ("spoken", "part"),
    ):
        if found[hour]:
            certain = found[hour].startswith("0")
            return _readings(_hour(found[hour]), _minute(found[minute]), found, certain=certain)
    return ()


def _of_hour_to(found: re.Match[str]) -> tuple[time, ...]:
    if found["past"]:
        return _readings(_hour(found["past_hour"]), _minute(found["past"]), found, certain=False)
    hour, before = found["to_hour"] or found["less_hour"], _minute(found["to"] or found["less"])
    if not 1 <= before < _HOUR:
        return ()
    at = _NAMED[hour] if hour in _NAMED else _hour(hour)
    return _readings((at - 1) % _DAY, _HOUR - before, found, certain=hour in _NAMED)


def _hour(said: str) -> int:
    return int(said) if said.isdecimal() else HOURS[said]


def _minute(said: str | None) -> int:
    if not said:
        return 0
    return int(said) if said.isdecimal() else _PARTS[said]


def _readings(hour: int, minute: int, found: re.Match[str], *, certain: bool) -> tuple[time, ...]:
    """The times of an hour with a part of the day, or without one."""
    if hour > _DAY or minute >= _HOUR or (hour == _DAY and minute):
        return ()
    period = next((name for name in _PERIODS if found[name]), None)
    if period == "morning" and hour == _HALF_DAY:
        return (time(0, minute), time(hour, minute))
    if period is not None:
        at = _in_period(hour, period)
        return () if at is None else (time(at, minute),)
    hour %= _DAY
    if certain or not 1 <= hour <= _UNCERTAIN:
        return (time(hour, minute),)
    return (time(hour, minute), time(hour + _HALF_DAY, minute))


def _in_period(hour: int, period: str) -> int | None:
    """The hour of 24; None: that part of the day has no such hour."""
    if hour > _HALF_DAY:
        return hour if period in ("pm", "afternoon", "night") and hour < _DAY else None
    if period in ("am", "small") or (period == "night" and hour == _HALF_DAY):
        return hour % _HALF_DAY
    if period == "morning":
        return hour if hour < _HALF_DAY else None
    if hour == 0:
        return None
    return hour % _HALF_DAY + _HALF_DAY
