"""Wordings of places, contact cards and invitations."""

from __future__ import annotations

import math
from typing import Any, Final

from bridge.core.content import Card, Contacts, Invitation, Location, Phone
from bridge.core.phone import Kind, dialable, from_channel, from_person
from bridge.locale import say, texts
from bridge.relay.wording.attributes import attributes
from bridge.relay.wording.figures import date, moment
from bridge.relay.wording.sheet import (
    ENTRIES,
    Line,
    address,
    blocks,
    bold,
    head,
    labelled,
    lines,
    prose,
    words,
)

_POLE: Final = 90
_DATE_LINE: Final = 180
#: Numbers and e-mail addresses of one card.
_MOST: Final = 12


def location(content: Location, language: str) -> tuple[str, dict[str, Any]]:
    latitude, longitude = content.latitude, content.longitude
    known = _is_place(latitude, longitude)
    found: list[Line] = [
        head("📍", say(language, "shown.live_location" if content.live else "shown.location")),
        words(content.name),
        words(content.address),
        _map(latitude, longitude) if known else say(language, "shown.no_coordinates"),
    ]
    url = address(content.url)
    if url:
        found.append(url)
    told = attributes(
        "location",
        latitude=latitude if known else None,
        longitude=longitude if known else None,
        name=content.name,
        address=content.address,
        url=url or None,
        live=content.live or None,
    )
    return blocks(lines(found), prose(content.caption)), told


def _is_place(latitude: float, longitude: float) -> bool:
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return False
    return abs(latitude) <= _POLE and abs(longitude) <= _DATE_LINE


def _map(latitude: float, longitude: float) -> str:
    where = f"{_degrees(latitude)},{_degrees(longitude)}"
    return f"https://www.google.com/maps/search/?api=1&query={where}"


def _degrees(value: float) -> str:
    """Six digits are a hand's breadth; never an exponent, never ``-0``."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def contacts(content: Contacts, language: str) -> tuple[str, dict[str, Any]]:
    cards = content.cards[:ENTRIES]
    count = len(content.cards)
    if content.requested:
        title = say(language, "shown.own_contact")
    elif count == 1:
        title = say(language, "shown.contact")
    else:
        title = say(language, "shown.contacts", count=count)
    shown = [_card(card, language) for card in cards]
    rest = say(language, "shown.more", count=count - len(cards)) if count > len(cards) else ""
    first = head("👤" if count == 1 else "👥", title)
    # One card stands directly below the title.
    text = (
        blocks(lines([first, *shown[0]]))
        if count == 1
        else blocks(lines([first]), *(lines(card) for card in shown), rest)
    )
    told = attributes(
        "contacts",
        requested=content.requested or None,
        contacts=[
            {
                "name": card.name,
                "organization": card.organization,
                "phones": [
                    {"number": phone.number, "wa_id": phone.wa_id} for phone in card.phones[:_MOST]
                ],
                "emails": card.emails[:_MOST],
                "urls": card.urls[:_MOST],
            }
            for card in cards
        ],
    )
    return text, told


def _card(card: Card, language: str) -> list[Line]:
    name = words(card.name)
    found: list[Line] = [(bold(name),)] if name else []
    organization = words(card.organization)
    if organization and organization != name:
        found.append(organization)
    found += [_phone(phone, language) for phone in card.phones[:_MOST]]
    found += [words(email) for email in card.emails[:_MOST]]
    found += [words(place) for place in card.addresses[:_MOST]]
    found += [address(url) for url in card.urls[:_MOST]]
    found.append(
        labelled(say(language, "shown.birthday"), date(language, words(card.birthday, 40)))
    )
    return found if any(found) else [say(language, "shown.empty_card")]


def _phone(phone: Phone, language: str) -> str:
    """A number as people dial it, and the way to its WhatsApp where it has one."""
    on_whatsapp = from_channel(phone.wa_id) if phone.wa_id else None
    digits = on_whatsapp.digits if on_whatsapp and on_whatsapp.kind is Kind.PHONE else None
    typed = from_person(phone.number, region="")
    shown = words(phone.number, 60)
    if typed.kind is Kind.PHONE and typed.e164 and dialable(typed):
        shown = typed.e164
    elif not shown and on_whatsapp and on_whatsapp.e164:
        shown = on_whatsapp.e164
    label = words(phone.label, 40)
    if label:
        label = texts(language).get(f"shown.label.{label.lower()}", label)
        shown = say(language, "shown.phone_label", number=shown, label=label)
    return f"{shown} · https://wa.me/{digits}" if digits else shown


def invitation(content: Invitation, language: str) -> tuple[str, dict[str, Any]]:
    known = texts(language)
    what = content.what if f"shown.invitation.{content.what}" in known else "other"
    if content.cancelled and what == "event":
        what = "event_cancelled"
    signs = {"group": "👥", "newsletter": "📢"}
    title = words(content.title)
    found: list[Line] = [
        head(signs.get(what, "📅"), say(language, f"shown.invitation.{what}")),
        (bold(title),) if title else "",
        labelled(
            say(language, "shown.when"), moment(language, content.begins) if content.begins else ""
        ),
        labelled(say(language, "shown.where"), words(content.place)),
        address(content.url),
    ]
    told = attributes(
        "invitation",
        what=content.what,
        title=content.title,
        url=content.url,
        begins=content.begins.isoformat() if content.begins else None,
        place=content.place,
        cancelled=content.cancelled or None,
    )
    return blocks(lines(found), prose(content.description)), told
