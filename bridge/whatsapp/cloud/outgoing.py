"""The bodies of what we send over the Cloud API, within Meta's limits (whatsapp-channels.md A.8).

What Meta would refuse is refused here, with a text for people and before anything is sent. Titles
are shortened to what is shown; ids never, since answers come back with them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from bridge.core.content import Card, MediaKind
from bridge.core.outgoing import (
    Option,
    Outgoing,
    OutgoingContacts,
    OutgoingLocation,
    OutgoingMedia,
    OutgoingMenu,
    OutgoingTemplate,
    OutgoingText,
)
from bridge.errors import PeerRefused
from bridge.text.splitting import shorten
from bridge.whatsapp.cloud.capabilities import CAPABILITIES

__all__ = ("check_media", "content_of", "media_body")

BUTTON_ID: Final = 256
ROW_ID: Final = 200
#: The label of the button that opens a list, where the caller has none; it needs no language.
LABEL: Final = "📋"
LABEL_LIMIT: Final = 20
#: Meta's own limit for names and addresses of places is not documented; phones show less.
PLACE: Final = 1000
CARDS: Final = 257
_LINKED: Final = re.compile(r"https?://\S", re.IGNORECASE)


def content_of(content: Outgoing) -> tuple[str, Any]:
    """The message's ``type`` and what stands under it; a file's comes from `media_body`.

    Raises `PeerRefused` for what Meta would not take.
    """
    match content:
        case OutgoingText(body=text):
            linked = _LINKED.search(text) is not None
            return "text", {"body": text, "preview_url": linked}
        case OutgoingMenu():
            return "interactive", _menu(content)
        case OutgoingTemplate():
            return "template", _template(content)
        case OutgoingLocation():
            return "location", _location(content)
        case OutgoingContacts(cards=cards):
            return "contacts", _contacts(cards)
        case OutgoingMedia():
            raise TypeError("a file is uploaded first")


def check_media(content: OutgoingMedia) -> None:
    """Raises `PeerRefused` for a text that nobody would see."""
    if content.caption and content.media not in CAPABILITIES.captioned:
        raise PeerRefused(
            f"WhatsApp shows no caption with this kind of file ({content.media.value}).",
            code="whatsapp.media",
            advice="Send the text as a message of its own.",
        )


def media_body(content: OutgoingMedia, handle: str) -> dict[str, Any]:
    """What stands under the kind of a file that was uploaded as `handle`."""
    body: dict[str, Any] = {"id": handle}
    if content.caption:
        body["caption"] = content.caption
    if content.media is MediaKind.DOCUMENT:
        body["filename"] = content.filename
    if content.is_voice_note:
        # Over 512 KB it arrives all the same, without the recording's play icon.
        body["voice"] = True
    return body


# ---------------------------------------------------------------------- menus


def _menu(menu: OutgoingMenu) -> dict[str, Any]:
    """Buttons where all titles fit onto them, else a list, which shows more of each option."""
    if not menu.body.strip() or len(menu.body) > CAPABILITIES.menu_body:
        raise _refused_menu(f"The text of a menu has 1 to {CAPABILITIES.menu_body} characters.")
    options = menu.options
    fits = all(
        len(_whole(one)) <= CAPABILITIES.button_title and not (one.description or "").strip()
        for one in options
    )
    found: dict[str, Any] = {"body": {"text": menu.body}}
    if len(options) <= CAPABILITIES.buttons and fits:
        return {"type": "button", **found, "action": {"buttons": _buttons(options)}}
    label = shorten((menu.label or "").strip() or LABEL, LABEL_LIMIT)
    action = {"button": label, "sections": [{"rows": _rows(options)}]}
    return {"type": "list", **found, "action": action}


def _buttons(options: Sequence[Option]) -> list[dict[str, Any]]:
    _check_options(options, most=CAPABILITIES.buttons, longest=BUTTON_ID)
    titles = _titles(options, CAPABILITIES.button_title)
    return [
        {"type": "reply", "reply": {"id": one.id, "title": title}}
        for one, title in zip(options, titles, strict=True)
    ]


def _rows(options: Sequence[Option]) -> list[dict[str, str]]:
    """Rows; a title that had to be cut stands whole in the description, if that is free."""
    _check_options(options, most=CAPABILITIES.list_rows, longest=ROW_ID)
    rows = []
    titles = _titles(options, CAPABILITIES.row_title)
    for one, title in zip(options, titles, strict=True):
        row = {"id": one.id, "title": title}
        whole = _whole(one)
        described = (one.description or "").strip() or (whole if title != whole else "")
        if described:
            row["description"] = shorten(described, CAPABILITIES.row_description)
        rows.append(row)
    return rows


def _check_options(options: Sequence[Option], *, most: int, longest: int) -> None:
    if not 1 <= len(options) <= most:
        raise _refused_menu(f"A menu has 1 to {most} options, not {len(options)}.")
    ids = [one.id for one in options]
    if not all(one.strip() and len(one) <= longest for one in ids):
        raise _refused_menu(f"The ids of a menu's options have 1 to {longest} characters.")
    if len(set(ids)) < len(ids):
        raise _refused_menu("Two options of the menu have the same id.")


def _titles(options: Sequence[Option], limit: int) -> list[str]:
    """What is shown of each option; Meta refuses empty titles and equal ones."""
    taken: set[str] = set()
    titles = []
    for number, one in enumerate(options, start=1):
        whole = _whole(one) or str(number)
        title = shorten(whole, limit)
        while title.casefold() in taken:
            mark = f" ({number})"
            title = shorten(whole, limit - len(mark)) + mark
            number += len(options)  # noqa: PLW2901  somebody may have called theirs so
        taken.add(title.casefold())
        titles.append(title)
    return titles


def _whole(option: Option) -> str:
    return " ".join(option.title.split())


def _refused_menu(why: str) -> PeerRefused:
    return PeerRefused(why, code="whatsapp.menu")


# ---------------------------------------------------------------------- the others


def _template(template: OutgoingTemplate) -> dict[str, Any]:
    body: dict[str, Any] = {"name": template.name, "language": {"code": template.language}}
    if template.components:
        body["components"] = list(template.components)
    return body


def _location(place: OutgoingLocation) -> dict[str, Any]:
    if not place.is_on_earth:
        raise PeerRefused(
            "The coordinates of the place are not on Earth.", code="whatsapp.location"
        )
    body: dict[str, Any] = {"latitude": place.latitude, "longitude": place.longitude}
    name, address = (place.name or "").strip(), (place.address or "").strip()
    if name or address:  # phones show an address below a name only
        body["name"] = shorten(name or address, PLACE)
    if name and address:
        body["address"] = shorten(address, PLACE)
    return body


def _contacts(cards: Sequence[Card]) -> list[dict[str, Any]]:
    if not 1 <= len(cards) <= CARDS:
        raise PeerRefused(f"A message has 1 to {CARDS} contacts.", code="whatsapp.contacts")
    return [_card(card) for card in cards]


def _card(card: Card) -> dict[str, Any]:
    first = next((phone.number for phone in card.phones if phone.number.strip()), "")
    name = " ".join(card.name.split()) or first
    if not name:
        raise PeerRefused("A contact has neither a name nor a number.", code="whatsapp.contacts")
    found: dict[str, Any] = {"name": {"formatted_name": name, "first_name": name}}
    phones = []
    for phone in card.phones:
        if phone.number.strip():
            one = {"phone": phone.number.strip(), "type": (phone.label or "").strip() or "CELL"}
            digits = re.sub(r"[^0-9]", "", (phone.wa_id or "").partition("@")[0])
            phones.append(one | ({"wa_id": digits} if digits else {}))
    emails = [{"email": one.strip(), "type": "WORK"} for one in card.emails if one.strip()]
    if phones:
        found["phones"] = phones
    if emails:
        found["emails"] = emails
    if card.organization and card.organization.strip():
        found["org"] = {"company": card.organization.strip()}
    return found
