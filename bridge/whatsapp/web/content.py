"""What we send as `waE2E.Message`, in protobuf's JSON mapping, and the file that belongs to it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bridge.core.content import Card, MediaKind
from bridge.core.outgoing import (
    Outgoing,
    OutgoingContacts,
    OutgoingLocation,
    OutgoingMedia,
    OutgoingMenu,
    OutgoingTemplate,
    OutgoingText,
)
from bridge.core.party import Party
from bridge.core.vcard_writer import shown_name, write_card
from bridge.errors import PeerRefused
from bridge.whatsapp.channel import Quote
from bridge.whatsapp.web.addresses import bare, chat_jid
from bridge.whatsapp.web.capabilities import CAPABILITIES
from bridge.whatsapp.web.envelope import tidy

__all__ = ("Attachment", "edition", "message", "revocation")

#: What phones want to see before they show a voice note.
VOICE_MIME: Final = "audio/ogg; codecs=opus"
_FIELDS: Final[Mapping[MediaKind, str]] = {
    MediaKind.IMAGE: "imageMessage",
    MediaKind.VIDEO: "videoMessage",
    MediaKind.AUDIO: "audioMessage",
    MediaKind.DOCUMENT: "documentMessage",
    MediaKind.STICKER: "stickerMessage",
}
_PLAYED: Final = frozenset({MediaKind.AUDIO, MediaKind.VIDEO})
#: Pixels of each side of a sticker.
_STICKER: Final = 512
_LONGEST_PLACE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that the worker encrypts and uploads; its keys go into the message under `field`."""

    field: str
    path: str
    kind: str


def message(
    content: Outgoing,
    *,
    to: Party,
    own_jid: str | None,
    quote: Quote | None = None,
    mentioned: Sequence[str] = (),
) -> tuple[dict[str, Any], Attachment | None]:
    """The message, and its file if it has one. Raises `PeerRefused`.

    `own_jid` is the address of our own number; `mentioned` are those of people whose
    ``@<digits>`` stand in the text (`web.mentions`).
    """
    context = _context(quote, to=to, own_jid=own_jid) if quote else {}
    if mentioned:
        context["mentionedJID"] = list(mentioned)
    if isinstance(content, OutgoingMedia):
        field = _FIELDS[content.media]
        attachment = Attachment(field=field, path=content.path, kind=content.media.value)
        return {field: _within(_file(content), context)}, attachment
    return _said(content, context), None


def _said(
    content: OutgoingText | OutgoingMenu | OutgoingTemplate | OutgoingLocation | OutgoingContacts,
    context: Mapping[str, Any],
) -> dict[str, Any]:
    match content:
        case OutgoingText(body=body):
            return _text(body, context)
        case OutgoingLocation():
            return {"locationMessage": _within(_place(content), context)}
        case OutgoingContacts(cards=(card,)):
            return {"contactMessage": _within(_card(card), context)}
        case OutgoingContacts(cards=cards):
            return {"contactsArrayMessage": _within(_cards(cards), context)}
        case OutgoingMenu() | OutgoingTemplate():
            raise PeerRefused(
                "Buttons, lists and templates are of the WhatsApp Cloud API; this number is "
                "connected by QR code.",
                code="whatsapp.request",
                advice="Send the text itself.",
            )


def revocation(chat: str, message_id: str) -> dict[str, Any]:
    """The message that deletes one of ours for everyone. `chat` is the JID where it stands."""
    key = {"remoteJID": chat, "fromMe": True, "ID": message_id}
    return {"protocolMessage": {"type": "REVOKE", "key": key}}


def edition(
    chat: str, message_id: str, content: Mapping[str, Any], *, at_ms: int
) -> dict[str, Any]:
    """The message that gives one of ours another content. `chat` is the JID where it stands."""
    protocol = {
        "type": "MESSAGE_EDIT",
        "key": {"remoteJID": chat, "fromMe": True, "ID": message_id},
        "editedMessage": dict(content),
        "timestampMS": str(at_ms),
    }
    return {"editedMessage": {"message": {"protocolMessage": protocol}}}


def _within(said: dict[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    return {**said, "contextInfo": dict(context)} if context else said


def _text(body: str, context: Mapping[str, Any]) -> dict[str, Any]:
    if not context:
        return {"conversation": tidy(body)}
    return {"extendedTextMessage": _within({"text": tidy(body)}, context)}


def _place(place: OutgoingLocation) -> dict[str, Any]:
    if not place.is_on_earth:
        raise PeerRefused(
            "The coordinates of the place are not on Earth.", code="whatsapp.location"
        )
    said: dict[str, Any] = {"degreesLatitude": place.latitude, "degreesLongitude": place.longitude}
    for field, text in (("name", place.name), ("address", place.address)):
        if text and text.strip():
            said[field] = tidy(text)[:_LONGEST_PLACE]
    return said


def _card(card: Card) -> dict[str, Any]:
    return {"displayName": shown_name(card), "vcard": tidy(write_card(card))}


def _cards(cards: Sequence[Card]) -> dict[str, Any]:
    if not cards:
        raise PeerRefused("There is no contact in this message.", code="whatsapp.contacts")
    title = f"{shown_name(cards[0])} +{len(cards) - 1}"
    return {"displayName": title, "contacts": [_card(card) for card in cards]}


def _file(content: OutgoingMedia) -> dict[str, Any]:
    said: dict[str, Any] = {"mimetype": content.mime}
    if content.caption and content.media in CAPABILITIES.captioned:
        said["caption"] = tidy(content.caption)
    if content.media is MediaKind.DOCUMENT:
        name = tidy(content.filename)
        said |= {"fileName": name, "title": name}
    if content.is_voice_note:
        said |= {"PTT": True, "mimetype": VOICE_MIME}
        if content.waveform:
            said["waveform"] = base64.b64encode(content.waveform).decode("ascii")
    if content.seconds and content.media in _PLAYED:
        said["seconds"] = content.seconds
    if content.media is MediaKind.STICKER:
        said |= {"width": _STICKER, "height": _STICKER, "isAnimated": content.animated}
    return said


def _context(quote: Quote, *, to: Party, own_jid: str | None) -> dict[str, Any]:
    """The reference to the message that is answered; empty when it cannot be made.

    Phones show the words that stand in the reference, not their own copy: without `text` the frame
    of the quote is empty, and a touch still leads to the message. Without its author, who may be
    anybody in a group, they show no quote at all, so none is sent.
    """
    if quote.by_us:
        author = bare(own_jid)
    elif to.group:
        author = chat_jid(quote.sender) if quote.sender else None
    else:
        author = chat_jid(to)
    if author is None:
        return {}
    return {
        "stanzaID": quote.id,
        "participant": author,
        "quotedMessage": {"conversation": tidy(quote.text or "")},
    }
