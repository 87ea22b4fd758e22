"""Places and contact cards in a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from bridge.core.content import Card, Contacts, Content, Location
from bridge.core.vcard_reader import read_card
from bridge.whatsapp.shapes import clip, degrees, rows, table, word

__all__ = ("READERS", "place_name")

_MOST_CARDS: Final = 100
#: All cards of one message are kept whole up to so many characters.
_LONGEST_CARDS: Final = 64 * 1024
_LONGEST_NAME: Final = 255
_LONGEST_LINE: Final = 1000
_LONGEST_ADDRESS: Final = 2000

_Body = Mapping[str, Any]


def place_name(body: _Body) -> str | None:
    """A place in one line: its name and address."""
    parts = (clip(body.get("name")), clip(body.get("address")))
    return ", ".join(part for part in parts if part) or None


def _location(body: _Body) -> Location | None:
    latitude = degrees(body.get("degreesLatitude"), 90)
    longitude = degrees(body.get("degreesLongitude"), 180)
    if latitude is None or longitude is None:
        return None
    return Location(
        latitude=latitude,
        longitude=longitude,
        name=clip(body.get("name"), _LONGEST_LINE),
        address=clip(body.get("address"), _LONGEST_LINE),
        url=word(body.get("URL"), _LONGEST_ADDRESS),
        caption=clip(body.get("comment"), _LONGEST_LINE),
        live=body.get("isLive") is True,
    )


def _live(body: _Body) -> Location | None:
    return _location({**body, "isLive": True, "comment": body.get("caption")})


def _contact(body: _Body) -> Contacts | None:
    return _contacts([body])


def _array(body: _Body) -> Contacts | None:
    return _contacts([table(one) for one in rows(body.get("contacts"))[:_MOST_CARDS]])


def _contacts(bodies: list[_Body]) -> Contacts | None:
    """None when nothing is on any of the cards."""
    cards: list[Card] = []
    whole = 0
    for body in bodies:
        found = _card(body)
        if found is None:
            continue
        whole += len(found.vcard or "")
        cards.append(found if whole <= _LONGEST_CARDS else replace(found, vcard=None))
    return Contacts(cards=tuple(cards)) if cards else None


def _card(body: _Body) -> Card | None:
    written = body.get("vcard")
    found = read_card(written) if isinstance(written, str) else None
    called = clip(body.get("displayName"), _LONGEST_NAME) or ""
    if found is None:
        return Card(name=called) if called else None
    return found if found.name else replace(found, name=called)


READERS: Final[Mapping[str, Callable[[_Body], Content | None]]] = {
    "contactMessage": _contact,
    "contactsArrayMessage": _array,
    "liveLocationMessage": _live,
    "locationMessage": _location,
}
