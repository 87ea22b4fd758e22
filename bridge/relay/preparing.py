"""A part of an agent's message as the channel takes it. Files are fetched now, each time anew."""

from __future__ import annotations

from typing import assert_never

from bridge.core.outgoing import (
    Outgoing,
    OutgoingContacts,
    OutgoingLocation,
    OutgoingMenu,
    OutgoingText,
)
from bridge.engine.queue import Job
from bridge.errors import BridgeError, Remedy
from bridge.relay.directory import Entry
from bridge.relay.outgoing import (
    CardsPart,
    FilePart,
    LocationPart,
    MenuPart,
    Part,
    TemplatePart,
    TextPart,
)
from bridge.relay.planning import is_vcard
from bridge.relay.templates import filled
from bridge.relay.uploads import Unsendable, Uploads
from bridge.store.engine import Store


async def prepared(  # noqa: PLR0917
    store: Store, uploads: Uploads, job: Job, entry: Entry, part: Part, number: int
) -> Outgoing:
    """`number` is the part's. Raises `Unsendable`, or a `PeerError` to retry."""
    match part:
        case TextPart(body=body):
            return OutgoingText(body=body)
        case FilePart():
            return await _file(uploads, job, entry, part, number)
        case MenuPart(body=body, offers=offers, label=label):
            return OutgoingMenu(body=body, options=offers, label=label)
        case TemplatePart(params=params):
            return await filled(store, entry.id, params)
        case LocationPart():
            return OutgoingLocation(
                latitude=part.latitude,
                longitude=part.longitude,
                name=part.name,
                address=part.address,
            )
        case CardsPart(cards=cards):
            return OutgoingContacts(cards=cards)
        case _:
            assert_never(part)


async def _file(uploads: Uploads, job: Job, entry: Entry, part: FilePart, number: int) -> Outgoing:
    """A file as it is, as the contact cards that are in it, or what stands in for it."""
    may_be_cards = entry.channel.capabilities.cards and is_vcard(part.file) and part.caption is None
    try:
        outgoing = await uploads.fetch(job, number, entry, part.file, caption=part.caption)
    except BridgeError as error:
        if error.remedy is Remedy.RETRY and job.attempts < part.tries:
            raise
        if part.fallback is not None:  # a picture that lies anywhere: the text matters more
            return OutgoingText(body=part.fallback)
        if not isinstance(error, Unsendable):
            raise
        cards = await uploads.cards(job, number) if may_be_cards else ()
        if not cards:
            raise
        return OutgoingContacts(cards=cards)
    cards = await uploads.cards(job, number) if may_be_cards else ()
    return OutgoingContacts(cards=cards) if cards else outgoing
