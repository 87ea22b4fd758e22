"""What a message of the client is to those who read it: its kind, and what stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from support.whatsapp_web import protocols

_FILES: Final = {
    "imageMessage": "image",
    "videoMessage": "video",
    "audioMessage": "audio",
    "documentMessage": "document",
    "stickerMessage": "sticker",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """`of` is the message that is changed, deleted, reacted to or (`quotes`) answered."""

    kind: str
    text: str = ""
    of: str | None = None
    quotes: str | None = None
    mentions: tuple[str, ...] = ()
    #: The name of a document, or of a place.
    name: str = ""
    seconds: int = 0
    waveform: bytes = b""
    animated: bool = False
    #: Degrees north and east.
    place: tuple[float, float] | None = None
    #: Name and vCard of each.
    cards: tuple[tuple[str, str], ...] = ()
    #: The part that holds a file, for `Media.read`.
    part: Any = None


def told(message: protocols.Message) -> Told:
    """Raises `ValueError` for what no phone would show."""
    if message.HasField("editedMessage"):
        return _edit(message.editedMessage.message.protocolMessage)
    if message.HasField("protocolMessage"):
        protocol = message.protocolMessage
        if protocol.type != protocols.e2e.ProtocolMessage.REVOKE:
            raise ValueError(f"a protocol message of type {protocol.type}")
        return Told(kind="deletion", of=protocol.key.ID)
    for field, kind in _FILES.items():
        if message.HasField(field):
            return _file(getattr(message, field), kind)
    if message.HasField("extendedTextMessage"):
        part = message.extendedTextMessage
        return Told(kind="text", text=part.text, **_context(part))
    if message.HasField("conversation"):
        return Told(kind="text", text=message.conversation)
    return _other(message)


def _edit(protocol: Any) -> Told:
    if protocol.type != protocols.e2e.ProtocolMessage.MESSAGE_EDIT or not protocol.key.fromMe:
        raise ValueError("not an edit of an own message")
    if not protocol.timestampMS:
        raise ValueError("an edit without its time")
    content = told(protocol.editedMessage)
    return Told(kind="edit", of=protocol.key.ID, text=content.text, mentions=content.mentions)


def _file(part: Any, kind: str) -> Told:
    if not part.mimetype:
        raise ValueError(f"a file ({kind}) without a type")
    is_voice = kind == "audio" and part.PTT
    if is_voice and part.mimetype != "audio/ogg; codecs=opus":
        raise ValueError(f"no phone plays {part.mimetype} as a voice note")
    return Told(
        kind="voice" if is_voice else kind,
        text=getattr(part, "caption", ""),
        name=getattr(part, "fileName", ""),
        seconds=getattr(part, "seconds", 0),
        waveform=getattr(part, "waveform", b""),
        animated=getattr(part, "isAnimated", False),
        part=part,
        **_context(part),
    )


def _other(message: protocols.Message) -> Told:
    if message.HasField("locationMessage"):
        part = message.locationMessage
        place = (part.degreesLatitude, part.degreesLongitude)
        return Told(
            kind="location", place=place, name=part.name, text=part.address, **_context(part)
        )
    if message.HasField("reactionMessage"):
        return Told(
            kind="reaction", of=message.reactionMessage.key.ID, text=message.reactionMessage.text
        )
    if message.HasField("contactMessage"):
        part = message.contactMessage
        return Told(kind="contacts", cards=_cards([part]), **_context(part))
    if message.HasField("contactsArrayMessage"):
        part = message.contactsArrayMessage
        return Told(kind="contacts", cards=_cards(part.contacts), **_context(part))
    fields = [field.name for field, _ in message.ListFields()]
    raise ValueError(f"a message that no phone shows: {fields}")


def _cards(parts: Any) -> tuple[tuple[str, str], ...]:
    for one in parts:
        lines = one.vcard.splitlines()
        if (lines[0], lines[-1]) != ("BEGIN:VCARD", "END:VCARD") or not one.displayName:
            raise ValueError("a card that phones cannot read")
    return tuple((one.displayName, one.vcard) for one in parts)


def _context(part: Any) -> dict[str, Any]:
    context = part.contextInfo
    return {"quotes": context.stanzaID or None, "mentions": tuple(context.mentionedJID)}
