"""Numbers, ratings, addresses and phone numbers as people write them (typebot-api.md 3). Pure.

Each is sent in a form that the engine takes, and nothing is made up: what is not understood goes
through as it is, for the flow's own retry text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Final

import phonenumbers
from phonenumbers import Leniency, NumberParseException, PhoneNumberFormat, PhoneNumberMatcher

from bridge.core.amounts import Amount, amounts, marks_of, several
from bridge.core.flow import Meaning
from bridge.locale import say
from bridge.typebot.asking import ends
from bridge.typebot.fields import number as read_number
from bridge.typebot.fields import text as read_text
from bridge.typebot.replies_hearing import (
    Hearing,
    answer,
    ask_back,
    in_writing,
    insist,
    joined,
    saying,
    unchanged,
    which,
)

_SEVERAL: Final = "typebot.several_answers"
_BOUNDS: Final = "typebot.out_of_bounds"
_NUMBERS: Final = "typebot.number_unclear"
#: Addresses and numbers are looked for in so much of a text, links in so many words.
_LONGEST: Final = 1000
_MOST_WORDS: Final = 200
_LONGEST_LINK: Final = 4000
_STARS: Final = "\N{WHITE MEDIUM STAR}\N{BLACK STAR}\N{WHITE STAR}\N{GLOWING STAR}"
_OUT_OF: Final = re.compile(r"(?<=\d)\s*(?:/|de|out of)\s*(?:5|10)\s*$")
#: What the engine reads a number from, though we do not: ``Infinity`` is one, by JavaScript.
_BEGINS_AS_NUMBER: Final = re.compile(r"[+-]?(?:[.,]?[0-9]|Infinity)")
_IS_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9.]+(?:e[+-]?[0-9]+)?|Infinity)|0[xob][0-9a-f]+", re.IGNORECASE
)

_EMAIL: Final = re.compile(
    r"[^<>()\[\]\\.,;:\s@\"]+(?:\.[^<>()\[\]\\.,;:\s@\"]+)*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}"
)
_AT: Final = re.compile(r"\s*@\s*|\s+(?:\(arroba\)|\[arroba\]|arroba)\s+", re.IGNORECASE)
_URL: Final = re.compile(
    r"(?:https?://)?(?:[\w-]+\.)+[A-Za-z]{2,}(?::\d{1,5})?(?:[/?#]\S*)?", re.IGNORECASE
)
_KNOWN: Final = re.compile(
    r"(?:www\.\S+\.\S+|(?:[\w-]+\.)+"
    r"(?:com|net|org|io|app|dev|br|pt|es|mx|ar|cl|co|eu|us|uk|store|shop)"
    r"(?::\d{1,5})?(?:[/?#]\S*)?)",
    re.IGNORECASE,
)
_WITH_SCHEME: Final = re.compile(r"https?://\S+", re.IGNORECASE)
_APART: Final = re.compile(r"[\s,;<>()\[\]\"]+")
_WEB_APART: Final = re.compile(r"[\s<>\"]+")
_AROUND: Final = ".,;:!?'\u2019\u2018*_~`"
_ALL_DIGITS: Final = re.compile(r"\D*(?:\d\D{0,3}){10,15}")


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
        told = tuple(_spelled(heard, one.value) for one in read)
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
    stars = sum(heard.typed.count(star) for star in _STARS)
    only_stars = (
        stars and not heard.typed.translate(dict.fromkeys(map(ord, _STARS + "\ufe0f "))).strip()
    )
    marks = marks_of(language=heard.language, country=heard.country)
    said = saying(heard, lambda line: amounts(_OUT_OF.sub("", line), marks=marks))
    read = amounts(str(stars) if only_stars else _OUT_OF.sub("", said), marks=marks)
    text = say(heard.language, "ask.rating", low=low, high=high)
    if not read:
        is_number = _IS_NUMBER.fullmatch(heard.typed)
        return insist(_BOUNDS, text) if is_number else unchanged(heard)
    if read[0].value < low:
        return insist(_BOUNDS, text)
    if read[0].value > high or len(read) > 1:
        return ask_back(heard, _BOUNDS, text)
    return answer(_plain(read[0].value))


def email(heard: Hearing) -> Meaning:
    """Understand the one address in a text."""
    said = _AT.sub("@", heard.said.text[:_LONGEST])
    words = (_trimmed(word) for word in _APART.split(said))
    found = _distinct(word for word in words if _EMAIL.fullmatch(word))
    return _one_of(heard, found)


def url(heard: Hearing) -> Meaning:
    """Understand the one link in a text."""
    return _one_of(heard, _distinct(links(heard.said.text)))


def links(text: str) -> list[str]:
    """The links in a text, without the punctuation around them.

    Within a sentence a link has a scheme or an ending that is known: in "não tenho.obrigado" is
    none.
    """
    parts = _WEB_APART.split(text, maxsplit=_MOST_WORDS)[:_MOST_WORDS]
    words = [_link(part) for part in parts if 0 < len(part) <= _LONGEST_LINK]
    known = _URL if len(words) == 1 else _KNOWN
    return [word for word in words if known.fullmatch(word) or _WITH_SCHEME.fullmatch(word)]


def _link(word: str) -> str:
    """A word without what surrounds it; a bracket that opens within it closes within it."""
    bare = word.lstrip("('").rstrip(_AROUND)
    while bare.endswith(")") and bare.count(")") > bare.count("("):
        bare = bare[:-1].rstrip(_AROUND)
    return bare


def phone(heard: Hearing) -> Meaning:
    """Understand the one phone number in a text; without a country code it is of this country.

    Nothing is added to a national number: a Brazilian ninth digit stays as it was written.
    """
    region = (read_text(heard.options.get("defaultCountryCode")) or heard.country or "").upper()
    said = heard.said.text[:_LONGEST]
    found = _distinct(_phones(said, region))
    if not found and _ALL_DIGITS.fullmatch(said):
        digits = "".join(mark for mark in said if mark.isdecimal())
        found = _distinct(_phones(f"+{digits}", region))
    return _one_of(heard, found)


def _phones(text: str, region: str) -> list[str]:
    try:
        found = PhoneNumberMatcher(text, region or None, leniency=Leniency.VALID)
        return [phonenumbers.format_number(one.number, PhoneNumberFormat.E164) for one in found]
    except NumberParseException:
        return []


def _one_of(heard: Hearing, found: tuple[str, ...]) -> Meaning:
    written = None if found else in_writing(heard)
    if written is not None:
        return written
    if not found:
        return unchanged(heard)
    if len(found) > 1:
        options = joined(found, heard.language)
        return ask_back(heard, _SEVERAL, say(heard.language, "ask.one_of", options=options))
    return answer(found[0])


def _distinct(found: Iterable[str]) -> tuple[str, ...]:
    return tuple({one.casefold(): one for one in found}.values())


def _trimmed(word: str) -> str:
    bare = word.strip(_AROUND)
    return bare[len("mailto:") :] if bare.lower().startswith("mailto:") else bare


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
