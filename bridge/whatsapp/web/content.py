"""What we send as `waE2E.Message`, in protobuf's JSON mapping, and the file that belongs to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.core.content import MediaKind
from bridge.core.outgoing import Outgoing, OutgoingMedia, OutgoingText
from bridge.core.party import Party
from bridge.errors import PeerRefused
from bridge.whatsapp.channel import Quote
from bridge.whatsapp.web.addresses import bare, chat_jid
from bridge.whatsapp.web.envelope import tidy

__all__ = ("Attachment", "message", "revocation")

#: What phones want to see before they show a voice note.
VOICE_MIME: Final = "audio/ogg; codecs=opus"
_VOICES: Final = frozenset({"audio/ogg", "audio/opus"})
_FIELDS: Final[Mapping[MediaKind, str]] = {
    MediaKind.IMAGE: "imageMessage",
    MediaKind.VIDEO: "videoMessage",
    MediaKind.AUDIO: "audioMessage",
    MediaKind.DOCUMENT: "documentMessage",
    MediaKind.STICKER: "stickerMessage",
}
_CAPTIONED: Final = frozenset({MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.DOCUMENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that the worker encrypts and uploads; its keys go into the message under `field`."""

    field: str
    path: str
    kind: str


def message(
    content: Outgoing, *, to: Party, own_jid: str | None, quote: Quote | None = None
) -> tuple[dict[str, Any], Attachment | None]:
    """The message, and its file if it has one. `own_jid` is the address of our own number."""
    context = _context(quote, to=to, own_jid=own_jid) if quote else {}
    match content:
        case OutgoingText(body=body) if context:
            said = {"text": tidy(body), "contextInfo": context}
            return {"extendedTextMessage": said}, None
        case OutgoingText(body=body):
            return {"conversation": tidy(body)}, None
        case OutgoingMedia(media=kind, path=path):
            field = _FIELDS[kind]
            said = _file(content) | ({"contextInfo": context} if context else {})
            return {field: said}, Attachment(field=field, path=path, kind=kind.value)
        case _:
            raise PeerRefused(
                f"A message of this kind ({content.kind}) cannot be sent.", code="whatsapp.kind"
            )


def revocation(chat: str, message_id: str) -> dict[str, Any]:
    """The message that deletes one of ours for everyone. `chat` is the JID where it stands."""
    key = {"remoteJID": chat, "fromMe": True, "ID": message_id}
    return {"protocolMessage": {"type": "REVOKE", "key": key}}


def _file(content: OutgoingMedia) -> dict[str, Any]:
    bare_mime = content.mime.partition(";")[0].strip().lower()
    said: dict[str, Any] = {"mimetype": content.mime}
    if content.caption and content.media in _CAPTIONED:
        said["caption"] = tidy(content.caption)
    if content.media is MediaKind.DOCUMENT:
        name = tidy(content.filename)
        said |= {"fileName": name, "title": name}
    if content.media is MediaKind.AUDIO and content.voice and bare_mime in _VOICES:
        said |= {"PTT": True, "mimetype": VOICE_MIME}
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
