"""Contact cards as the vCards (3.0, RFC 2426) that phones show, with the mark of WhatsApp. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bridge.core.content import Card, Phone
from bridge.whatsapp.web.envelope import tidy

__all__ = ("shown_name", "vcard")

#: Bytes of a card that came whole; phones take no large pictures in them.
_LONGEST: Final = 64 * 1024
_LONGEST_VALUE: Final = 500
_WHOLE: Final = re.compile(r"BEGIN:VCARD\s.*\sEND:VCARD", re.DOTALL | re.IGNORECASE)
_DIGITS: Final = re.compile(r"[0-9]{5,20}", re.ASCII)
_LABEL: Final = re.compile(r"[A-Za-z-]{1,20}", re.ASCII)
_ESCAPED: Final = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})


def shown_name(card: Card) -> str:
    """Phones show no card without a name."""
    names = (card.name, card.organization, *(_number(one) for one in card.phones), "?")
    return next(name for name in (str(tidy(one or "")).strip() for one in names) if name)


def vcard(card: Card) -> str:
    """The card as it came, where it did, else made of its fields."""
    given = str(tidy(card.vcard or "")).strip()
    if len(given.encode()) <= _LONGEST and _WHOLE.fullmatch(given):
        return given
    return "\n".join(_lines(card))


def _lines(card: Card) -> Iterator[str]:
    name = _value(shown_name(card))
    yield "BEGIN:VCARD"
    yield "VERSION:3.0"
    yield f"N:;{name};;;"
    yield f"FN:{name}"
    if card.organization:
        yield f"ORG:{_value(card.organization)}"
    for phone in card.phones:
        if number := _number(phone):
            yield f"TEL;{_parameters(phone)}:{_value(number)}"
    for email in card.emails:
        yield f"EMAIL;type=INTERNET:{_value(email)}"
    for address in card.addresses:
        yield f"ADR;type=HOME:;;{_value(address)};;;;"
    for url in card.urls:
        yield f"URL:{_value(url)}"
    if card.birthday:
        yield f"BDAY:{_value(card.birthday)}"
    yield "END:VCARD"


def _number(phone: Phone) -> str:
    return phone.number.strip() or (f"+{phone.wa_id}" if phone.wa_id else "")


def _parameters(phone: Phone) -> str:
    """`waid` makes the card one of somebody to write to; it holds digits and nothing else."""
    label = (phone.label or "").strip()
    kind = f"type={label.upper() if _LABEL.fullmatch(label) else 'CELL'}"
    wa_id = phone.wa_id or ""
    return f"{kind};waid={wa_id}" if _DIGITS.fullmatch(wa_id) else kind


def _value(text: str) -> str:
    """One value of one line, whatever is in the text."""
    lines = "\n".join(str(tidy(text))[:_LONGEST_VALUE].strip().splitlines())
    kept = "".join(char for char in lines if char == "\n" or char.isprintable())
    return kept.translate(_ESCAPED)
