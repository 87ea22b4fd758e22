"""Contact cards, and the number that somebody shared because we asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from bridge.core.content import Card, Contacts, Phone
from bridge.whatsapp.shapes import LONGEST_TEXT, clip, prose, rows, table, word

#: WhatsApp lets people share 257 at once.
_MOST_CARDS: Final = 300
_MOST_LINES: Final = 50
_LONGEST_NAME: Final = 300
#: The order in which a postal address is written.
_ADDRESS: Final = ("street", "city", "state", "zip", "country")
_REQUESTED: Final = "contact_request"


def cards(body: object) -> Contacts | None:
    """The cards of a message. Who answers a request for the own number may have no name at all."""
    told = [table(one) for one in rows(body)[:_MOST_CARDS]]
    found = tuple(card for one in told if (card := _card(one)) is not None)
    if not found:
        return None
    return Contacts(cards=found, requested=any(one.get("origin") == _REQUESTED for one in told))


def _card(told: dict[str, Any]) -> Card | None:
    organization = table(told.get("org"))
    parts = (clip(organization.get(name)) for name in ("company", "department", "title"))
    card = Card(
        name=_name(table(told.get("name"))),
        phones=tuple(_phones(told.get("phones"))),
        emails=_lines(told.get("emails"), "email"),
        organization=", ".join(part for part in parts if part) or None,
        vcard=prose(told.get("vcard"), LONGEST_TEXT),
        urls=_lines(told.get("urls"), "url"),
        addresses=tuple(_addresses(told.get("addresses"))),
        birthday=clip(told.get("birthday"), 32),
    )
    return None if card == Card(name="") else card


def _name(told: dict[str, Any]) -> str:
    whole = clip(told.get("formatted_name"), _LONGEST_NAME)
    if whole:
        return whole
    parts = (clip(told.get(part)) for part in ("first_name", "middle_name", "last_name"))
    return " ".join(part for part in parts if part)


def _phones(value: object) -> Iterator[Phone]:
    for one in rows(value)[:_MOST_LINES]:
        told = table(one)
        wa_id = word(told.get("wa_id"), 128)
        number = clip(told.get("phone"), 64) or (f"+{wa_id}" if wa_id else None)
        if number:
            yield Phone(number=number, wa_id=wa_id, label=clip(told.get("type"), 32))


def _lines(value: object, name: str) -> tuple[str, ...]:
    found = (clip(table(one).get(name), 2048) for one in rows(value)[:_MOST_LINES])
    return tuple(one for one in found if one)


def _addresses(value: object) -> Iterator[str]:
    for one in rows(value)[:_MOST_LINES]:
        parts = (clip(table(one).get(part)) for part in _ADDRESS)
        if text := ", ".join(part for part in parts if part):
            yield text
