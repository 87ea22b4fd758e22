"""What of an agent's message goes onto WhatsApp, in which parts.

Planning is pure and gives the same parts each time, since the ledger knows them by number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from bridge.core.content import Card, Phone
from bridge.core.lines import one_line
from bridge.core.places import map_link, place_in
from bridge.relay.interactive import article, carousel, choice, form
from bridge.relay.outgoing import (
    AgentCard,
    AgentFile,
    AgentMessage,
    AgentPlace,
    Attached,
    CardsPart,
    FilePart,
    LocationPart,
    Part,
    TemplatePart,
    TextPart,
    text_of,
)
from bridge.relay.signing import Signature
from bridge.text.splitting import split
from bridge.whatsapp.channel import Capabilities

#: Cards of one message; WhatsApp's advice is five or fewer (whatsapp-channels.md A.8).
MOST_CARDS = 5
#: A file that may become a contact card.
VCARD = ".vcf"


def plan(
    message: AgentMessage, *, signature: Signature | None, able: Capabilities, language: str
) -> Sequence[Part]:
    """The parts in order: the text is the caption of the first file when it fits.

    `language` is that of the words that we add.
    """
    if able.templates and message.template_params.get("name"):
        return [
            TemplatePart(params=message.template_params),
            *_attachments(message.files, able),
        ]
    text = text_of(message)
    place = _pasted_place(text, message) if able.locations else None
    if place is not None:
        return [place]
    if message.content_type == "article":
        text = article(text, message.items)
    elif message.content_type == "form":
        text = form(text, message.items)
    if text and signature is not None:
        text = signature.under(text)
    if message.content_type == "input_select" and message.items:
        return [
            *choice(text, message.items, able=able, language=language),
            *_attachments(message.files, able),
        ]
    if message.content_type == "cards":
        return [
            *_texts(text, able),
            *carousel(message.items, able=able, language=language),
            *_attachments(message.files, able),
        ]
    return _captioned(text, message.files, able)


def _pasted_place(text: str, message: AgentMessage) -> LocationPart | None:
    """What was copied from a map, and nothing else; of what Ponte says itself nothing was."""
    if message.files or message.message_id is None or message.content_type not in {None, "text"}:
        return None
    place = place_in(text)
    if place is None:
        return None
    return LocationPart(
        latitude=place.latitude,
        longitude=place.longitude,
        name=place.name,
        address=place.address,
    )


def _captioned(text: str, files: Sequence[Attached], able: Capabilities) -> list[Part]:
    first = files[0] if files else None
    if (
        text
        and isinstance(first, AgentFile)
        and _shows_text(first, able)
        and len(text) <= able.caption_limit
    ):
        return [FilePart(file=first, caption=text), *_attachments(files[1:], able)]
    return [*_texts(text, able), *_attachments(files, able)]


def _shows_text(file: AgentFile, able: Capabilities) -> bool:
    """Sound has no caption, nor has a contact card, which this file may become."""
    return file.kind != "audio" and not (able.cards and is_vcard(file))


def is_vcard(file: AgentFile) -> bool:
    return file.name.lower().endswith(VCARD)


def _texts(text: str, able: Capabilities) -> list[Part]:
    return [TextPart(body=body) for body in split(text, able.text_limit)] if text else []


def _attachments(files: Sequence[Attached], able: Capabilities) -> Iterator[Part]:
    for is_card, group in groupby(files, lambda one: isinstance(one, AgentCard)):
        if is_card:
            yield from _cards([one for one in group if isinstance(one, AgentCard)], able)
            continue
        for one in group:
            match one:
                case AgentFile():
                    yield FilePart(file=one, caption=None)
                case AgentPlace():
                    yield _place(one, able)
                case AgentCard():
                    pass


def _place(place: AgentPlace, able: Capabilities) -> Part:
    name = _line(place.title)
    if able.locations:
        return LocationPart(latitude=place.latitude, longitude=place.longitude, name=name or None)
    link = map_link(place.latitude, place.longitude)
    return TextPart(body=f"📍 {name}\n{link}" if name else f"📍 {link}")


def _cards(people: Sequence[AgentCard], able: Capabilities) -> Iterator[Part]:
    """Numbers of one person that follow each other are one card."""
    cards = []
    for name, group in groupby(people, lambda one: _line(one.full_name)):
        phones = tuple(Phone(number=_line(one.phone)) for one in group)
        cards.append(Card(name=name or phones[0].number, phones=phones))
    if able.cards:
        for start in range(0, len(cards), MOST_CARDS):
            yield CardsPart(cards=tuple(cards[start : start + MOST_CARDS]))
        return
    shown = ([f"👤 {card.name}", *(phone.number for phone in card.phones)] for card in cards)
    blocks = ("\n".join(lines) for lines in shown)
    yield from _texts("\n\n".join(blocks), able)


def _line(text: str | None) -> str:
    """On one line, and not endless."""
    return one_line(text or "")[:200]
