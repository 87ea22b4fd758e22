"""Numbers and ratings as people write them (typebot-api.md 3). Pure.

Each is sent in a form that the engine takes, and nothing is made up: what is not understood goes
through as it is, for the flow's own retry text.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from bridge.core.amounts import Amount, amounts, marks_of, several
from bridge.core.flow import Meaning
from bridge.locale import say
from bridge.typebot.asking import ends
from bridge.typebot.fields import number as read_number
from bridge.typebot.replies_hearing import (
    Hearing,
    answer,
    ask_back,
    in_writing,
    insist,
    saying,
    unchanged,
    which,
)

_BOUNDS: Final = "typebot.out_of_bounds"
_NUMBERS: Final = "typebot.number_unclear"
_STARS: Final = "\N{WHITE MEDIUM STAR}\N{BLACK STAR}\N{GLOWING STAR}"
_HOLLOW: Final = "\N{WHITE STAR}"
_OUT_OF: Final = re.compile(r"(?<=\d)\s*(?:/|de|out of)\s*(\d{1,3})\s*$")
#: What the engine reads a number from, though we do not: ``Infinity`` is one, by JavaScript.
_BEGINS_AS_NUMBER: Final = re.compile(r"[+-]?(?:[.,]?[0-9]|Infinity)")
_IS_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9.]+(?:e[+-]?[0-9]+)?|Infinity)|0[xob][0-9a-f]+", re.IGNORECASE
)


def number(heard: Hearing) -> Meaning:
    """Understand a number; bounds of 0 are ours to enforce, the engine forgets them (3)."""
    written = in_writing(heard)
    if written is not None:
        return written
    marks = marks_of(language=heard.language, country=heard.country)
    said = saying(heard, lambda line: amounts(line, marks=marks))
    read = amounts(said, marks=marks)
    if len(read) == 1 and not _is_within(heard, read[0].value):
        both = amounts(said, marks=frozenset(",."))
        read = tuple(one for one in both if _is_within(heard, one.value)) or read
    elif len(read) > 1:
        read = tuple(one for one in read if _is_within(heard, one.value)) or read
    if len(read) > 1:
        told = (answer(one.written, shown=_spelled(heard, one.value)) for one in read)
        return which(heard, _NUMBERS, told)
    if read:
        return _amount(heard, read[0])
    if several(heard.typed) or _BEGINS_AS_NUMBER.match(heard.typed):
        text = say(heard.language, "ask.number", example=_example(heard))
        is_forgotten = 0 in (_bound(heard, "min"), _bound(heard, "max"))
        return insist(_NUMBERS, text) if is_forgotten else ask_back(heard, _NUMBERS, text)
    return unchanged(heard)


def rating(heard: Hearing) -> Meaning:
    """Understand a rating: a number, or so many stars; the engine has no lower bound (3)."""
    written = in_writing(heard)
    if written is not None:
        return written
    low, high = ends(heard.asked)
    text = say(heard.language, "ask.rating", low=low, high=high)
    marks = marks_of(language=heard.language, country=heard.country)
    said = saying(heard, lambda line: amounts(_OUT_OF.sub("", line), marks=marks))
    of = _OUT_OF.search(said)
    if of is not None and int(of[1]) != high:
        return ask_back(heard, _BOUNDS, text)  # "4/5" is no 4 of 10
    read = amounts(_stars(heard.typed) or _OUT_OF.sub("", said), marks=marks)
    if not read:
        is_number = _IS_NUMBER.fullmatch(heard.typed)
        return insist(_BOUNDS, text) if is_number else unchanged(heard)
    if read[0].value < low:
        return insist(_BOUNDS, text)
    if read[0].value > high or len(read) > 1:
        return ask_back(heard, _BOUNDS, text)
    return answer(_plain(read[0].value))


def _stars(text: str) -> str | None:
    """How many stars there are; None: no text of stars, or numbers besides. ``★★★☆☆`` are three."""
    full = [text.count(star) for star in _STARS]
    stars = sum(full) if _HOLLOW not in text else sum(full) or text.count(_HOLLOW)
    says_number = any(mark.isnumeric() for mark in text) or amounts(
        "".join(" " if mark in _STARS + _HOLLOW else mark for mark in text), marks=frozenset(",")
    )
    return str(stars) if stars and not says_number else None


# ---------------------------------------------------------------------- bounds of numbers


def _bound(heard: Hearing, name: str) -> Decimal | None:
    found = read_number(heard.options.get(name))
    return None if found is None else Decimal(repr(found))


def _is_within(heard: Hearing, value: Decimal) -> bool:
    low, high = _bound(heard, "min"), _bound(heard, "max")
    return (low is None or value >= low) and (high is None or value <= high)


def _amount(heard: Hearing, read: Amount) -> Meaning:
    low, high = _bound(heard, "min"), _bound(heard, "max")
    if not _is_within(heard, read.value):
        text = _bounds_told(heard, low, high)
        forgotten = (low == 0 and read.value < 0) or (high == 0 and read.value > 0)
        return insist(_BOUNDS, text) if forgotten else ask_back(heard, _BOUNDS, text)
    step = _bound(heard, "step")
    one = _step_below(read.value, low or Decimal(0), step)
    if step is not None and one is not None:
        told = {"one": _spelled(heard, one), "other": _spelled(heard, one + step)}
        text = say(heard.language, "ask.steps", step=_spelled(heard, step), **told)
        return ask_back(heard, _BOUNDS, text)
    return answer(read.written, shown=heard.typed)


def _step_below(value: Decimal, start: Decimal, step: Decimal | None) -> Decimal | None:
    """The last allowed number before one that is none; None: it is allowed."""
    if step is None or step <= 0:
        return None
    try:
        return start + (value - start) // step * step if (value - start) % step else None
    except InvalidOperation:  # too many steps to be counted
        return None


def _bounds_told(heard: Hearing, low: Decimal | None, high: Decimal | None) -> str:
    if low is not None and high is not None:
        told = {"low": _spelled(heard, low), "high": _spelled(heard, high)}
        return say(heard.language, "ask.between", **told)
    if low is not None:
        return say(heard.language, "ask.at_least", low=_spelled(heard, low))
    return say(heard.language, "ask.at_most", high=_spelled(heard, high or Decimal(0)))


def _example(heard: Hearing) -> str:
    low, high = _bound(heard, "min"), _bound(heard, "max")
    ten = Decimal(10)
    return _spelled(
        heard, ten if _is_within(heard, ten) else (low if low is not None else high or ten)
    )


def _plain(value: Decimal) -> str:
    written = f"{value:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def _spelled(heard: Hearing, value: Decimal) -> str:
    """A number as people of the language write it."""
    written = _plain(value)
    return written if heard.language == "en" else written.replace(".", ",")
