"""Which of the readings that somebody was asked about they mean ("a segunda", "sim"). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bridge.core.choices import LONGEST, is_yes, place_of, spoken
from bridge.core.flow import Reading
from bridge.core.times_of_day import PART_OF_DAY, part_of_day

_TIME: Final = re.compile(r"(?:.* )?(\d\d):\d\d")
_LEAD: Final = re.compile(r"(?:(?:e|eh|o|a|os|as|la|el|the|de|da|do|dia|em|no|na|is|es) )+")


def meant_of(said: str, readings: Sequence[Reading]) -> Reading | None:
    """The reading that an answer names; None: it says something else, or it is not certain.

    Numbers are none of it: nobody saw these readings numbered, and "2" may be an answer itself.
    """
    if not readings or len(said) > LONGEST:
        return None
    plain = spoken(said)
    if not plain:
        return None
    exact = [one for one in readings if spoken(one.shown) == plain]
    if exact:
        return exact[0] if len(exact) == 1 else None
    if len(readings) == 1:
        return readings[0] if is_yes(said) else None
    place = place_of(plain, len(readings))
    if place is not None:
        return readings[place - 1]
    return _of_part(plain, readings) or _of_words(plain, readings)


def _of_part(plain: str, readings: Sequence[Reading]) -> Reading | None:
    """The one of several times that lies in the part of the day that was said."""
    part = PART_OF_DAY.fullmatch(plain)
    times = [found[1] if (found := _TIME.fullmatch(one.shown)) else None for one in readings]
    if part is None or None in times:
        return None
    fitting = [
        one for one, hour in zip(readings, times, strict=True) if hour and part_of_day(part, hour)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _of_words(plain: str, readings: Sequence[Reading]) -> Reading | None:
    """Some words of one reading that no other has ("29", "com extras")."""
    lead = _LEAD.match(plain)
    bare = plain[lead.end() :] if lead else plain
    within = [one for one in readings if f" {bare} " in f" {spoken(one.shown)} "]
    return within[0] if len(within) == 1 else None
