"""Contents of messages, as other clients write them."""

from __future__ import annotations

import time
from typing import Any

from support.whatsapp_web import protocols
from support.whatsapp_web.media import File

#: Field of the message, name of the kind in the stanza.
_MEDIA = {
    "imageMessage": "image",
    "videoMessage": "video",
    "audioMessage": "audio",
    "documentMessage": "document",
    "stickerMessage": "sticker",
    "documentWithCaptionMessage": "document",
    "contactMessage": "vcard",
    "locationMessage": "location",
    "ptvMessage": "ptv",
    "liveLocationMessage": "livelocation",
    "contactsArrayMessage": "contact_array",
    "buttonsResponseMessage": "button_response",
    "listResponseMessage": "list_response",
    "orderMessage": "order",
    "productMessage": "product",
    "groupInviteMessage": "url",
}
#: Kinds by which the stanza is called a poll.
_POLLS = ("pollCreationMessageV3", "pollUpdateMessage")


def text(body: str, *, quotes: protocols.Message | None = None) -> protocols.Message:
    """`quotes` is made by `quote`."""
    if quotes is None:
        return protocols.e2e.Message(conversation=body)
    extended = protocols.e2e.ExtendedTextMessage(text=body, contextInfo=quotes)
    return protocols.e2e.Message(extendedTextMessage=extended)


def quote(message: str, *, author: str, quoted: protocols.Message) -> protocols.Message:
    """The context of an answer to this message."""
    return protocols.e2e.ContextInfo(stanzaID=message, participant=author, quotedMessage=quoted)


def media(file: File, **more: Any) -> protocols.Message:
    """A message with this file; `more` are fields such as `caption`, `fileName`, `PTT`."""
    name = f"{file.kind}Message"
    fields = file.fields() | more
    part = getattr(protocols.e2e, name[0].upper() + name[1:])(**fields)
    return protocols.e2e.Message(**{name: part})


def key(message: str, *, chat: str, from_me: bool = True, author: str = "") -> Any:
    """Names a message, as the one who writes sees it."""
    more = {"participant": author} if author else {}
    return protocols.common.MessageKey(remoteJID=chat, fromMe=from_me, ID=message, **more)


def revocation(of: Any) -> protocols.Message:
    protocol = protocols.e2e.ProtocolMessage
    return protocols.e2e.Message(protocolMessage=protocol(key=of, type=protocol.REVOKE))


def edit(of: Any, content: protocols.Message) -> protocols.Message:
    protocol = protocols.e2e.ProtocolMessage(
        key=of,
        type=protocols.e2e.ProtocolMessage.MESSAGE_EDIT,
        editedMessage=content,
        timestampMS=int(time.time() * 1000),
    )
    inner = protocols.e2e.Message(protocolMessage=protocol)
    wrapped = protocols.e2e.FutureProofMessage(message=inner)
    return protocols.e2e.Message(editedMessage=wrapped)


def reaction(of: Any, sign: str) -> protocols.Message:
    """An empty sign takes it back."""
    part = protocols.e2e.ReactionMessage(
        key=of, text=sign, senderTimestampMS=int(time.time() * 1000)
    )
    return protocols.e2e.Message(reactionMessage=part)


def media_of(message: protocols.Message) -> str | None:
    return next((name for field, name in _MEDIA.items() if message.HasField(field)), None)


def type_of(message: protocols.Message) -> str:
    if message.HasField("reactionMessage"):
        return "reaction"
    if any(message.HasField(name) for name in _POLLS):
        return "poll"
    return "text" if media_of(message) is None else "media"


def edit_of(message: protocols.Message) -> str | None:
    """What the stanza itself says of an edit."""
    if message.HasField("editedMessage"):
        return "1"
    is_revocation = (
        message.HasField("protocolMessage")
        and message.protocolMessage.type == protocols.e2e.ProtocolMessage.REVOKE
    )
    return "7" if is_revocation else None
