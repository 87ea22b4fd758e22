"""Contact cards as the vCards (3.0, RFC 2426) that phones show, with the mark of WhatsApp. Pure.

`vcard_reader` reads the same back, but for white space and what shows nothing; a number without
a label comes back as a mobile phone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bridge.core.content import Card, Phone
from bridge.core.lines import one_line
from bridge.core.vcard_reader import LARGEST, PLAIN_TYPES

__all__ = ("shown_name", "write_card")

_LONGEST_VALUE: Final = 500
_WHOLE: Final = re.compile(r"BEGIN:VCARD\s.*\sEND:VCARD", re.DOTALL | re.IGNORECASE)
_DIGITS: Final = re.compile(r"[0-9]{5,20}", re.ASCII)
_TYPE: Final = re.compile(r"[A-Za-z-]{1,20}", re.ASCII)
_ESCAPES: Final = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,"})


def shown_name(card: Card) -> str:
    """What a phone calls the card: it shows none without a name."""
    names = (card.name, card.organization or "", *map(_number, card.phones), "?")
    return next(name for name in map(_words, names) if name)


def write_card(card: Card) -> str:
    """The card as it came, where it did, else made of its fields."""
    given = (card.vcard or "").strip()
    if len(given) <= LARGEST and _WHOLE.fullmatch(given):
        return given
    return "\n".join(_lines(card))


def _lines(card: Card) -> Iterator[str]:
    name = _value(shown_name(card))
    yield "BEGIN:VCARD"
    yield "VERSION:3.0"
    yield f"N:;{name};;;"
    yield f"FN:{name}"
    if organization := _value(card.organization or ""):
        yield f"ORG:{organization}"
    for item, phone in enumerate(card.phones, start=1):
        yield from _phone(phone, f"item{item}")
    for email in card.emails:
        yield f"EMAIL;type=INTERNET:{_value(email)}"
    for address in card.addresses:
        yield f"ADR;type=HOME:;;{_value(address)};;;;"
    for url in card.urls:
        yield f"URL:{_value(url)}"
    if card.birthday:
        yield f"BDAY:{_value(card.birthday)}"
    yield "END:VCARD"


def _phone(phone: Phone, item: str) -> Iterator[str]:
    """`waid` makes the card one of somebody to write to; it holds digits and nothing else."""
    number = _value(_number(phone))
    if not number:
        return
    label = _words(phone.label or "") or "CELL"
    kind = label.upper() if _TYPE.fullmatch(label) else "CELL"
    wa_id = phone.wa_id or ""
    line = f"TEL;type={kind}{f';waid={wa_id}' if _DIGITS.fullmatch(wa_id) else ''}:{number}"
    if label == kind and label.lower() not in PLAIN_TYPES:
        yield line
    else:  # a type alone would not say it
        yield f"{item}.{line}"
        yield f"{item}.X-ABLabel:{_value(label)}"


def _number(phone: Phone) -> str:
    return phone.number.strip() or (f"+{phone.wa_id}" if phone.wa_id else "")


def _words(text: str) -> str:
    return one_line(text[: 4 * _LONGEST_VALUE])[:_LONGEST_VALUE]


def _value(text: str) -> str:
    """One value of one line, whatever is in the text."""
    return _words(text).translate(_ESCAPES)
