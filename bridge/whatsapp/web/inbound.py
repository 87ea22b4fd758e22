"""What an inbound message says, one function for each kind (whatsapp-channels.md B.5)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from bridge.core.content import Content, Media, MediaKind, Text, Unsupported
from bridge.whatsapp.shapes import table, word
from bridge.whatsapp.web.describing import described
from bridge.whatsapp.web.envelope import Opened, opened, slim

__all__ = ("EDITED", "content", "edited", "forwarded", "referral", "reply_to")

#: What stands before the new text of a message that somebody edited; it needs no language.
EDITED: Final = "✏️ "
#: WhatsApp's own limit of a text.
LONGEST_TEXT: Final = 65_536
_LONGEST_NAME: Final = 255
_LONGEST_AD: Final = 2048
_DIGEST: Final = 32
_MIME: Final = re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,100}(?:;[\x20-\x7e]{0,100})?", re.ASCII)
#: All that a download needs. An address is not among it: whoever wrote the message chose it, and a
#: path is looked up on WhatsApp's own servers.
_HANDLE: Final = (
    "directPath",
    "fileEncSHA256",
    "fileLength",
    "fileSHA256",
    "mediaKey",
    "mediaKeyTimestamp",
    "mimetype",
)
#: Our names of an ad's fields are those of the Cloud API's `referral`.
_AD: Final[Mapping[str, str]] = {
    "body": "body",
    "ctwaClid": "ctwa_clid",
    "mediaType": "media_type",
    "mediaURL": "media_url",
    "originalImageURL": "image_url",
    "ref": "ref",
    "sourceApp": "source_app",
    "sourceID": "source_id",
    "sourceType": "source_type",
    "sourceURL": "source_url",
    "thumbnailURL": "thumbnail_url",
    "title": "headline",
}
_AD_CONTEXT: Final[Mapping[str, str]] = {
    "conversionData": "conversion_data",
    "conversionSource": "conversion_source",
    "ctwaPayload": "ctwa_payload",
    "ctwaSignals": "ctwa_signals",
    "entryPointConversionApp": "entry_point_app",
    "entryPointConversionSource": "entry_point_source",
}

_Body = Mapping[str, Any]


def content(message: Opened) -> Content:
    """The content of a message that is not empty; a kind that is not known stays visible."""
    if isinstance(message.body, str) and message.kind == "conversation":
        return Text(body=message.body[:LONGEST_TEXT])
    reader = _READERS.get(message.kind)
    read = reader(message.kind, table(message.body)) if reader else None
    if read is not None:
        return read
    return Unsupported(
        upstream=message.kind[:_LONGEST_NAME],
        raw=slim(message.message),
        detail=described(message.kind, message.body),
    )


def edited(message: Mapping[str, Any]) -> Content:
    """What a message says after its edit; marked as such, since the first version stays too."""
    inner = opened(message)
    words = _words(content(inner)) if inner.kind else None
    if words:
        return Text(body=f"{EDITED}{words}")
    return Unsupported(upstream="editedMessage", raw=slim(message))


def _words(said: Content) -> str | None:
    match said:
        case Text(body=body):
            return body
        case Media(caption=caption):
            return caption
        case Unsupported(detail=detail):
            return detail
        case _:
            return None


def reply_to(message: Opened) -> str | None:
    """The id of the message that this one answers or reacts to."""
    if message.kind in _TARGETED:
        return word(table(table(message.body).get("key")).get("ID"))
    return word(_context(message).get("stanzaID"))


def forwarded(message: Opened) -> bool:
    context = _context(message)
    score = context.get("forwardingScore")
    return context.get("isForwarded") is True or (isinstance(score, int) and score > 0)


def referral(message: Opened) -> dict[str, Any] | None:
    """The ad by which somebody came, with all ids that it carries; never its picture."""
    context = _context(message)
    ad = table(context.get("externalAdReply"))
    found = {ours: text for theirs, ours in _AD.items() if (text := _told(ad.get(theirs)))}
    if not found:
        return None
    more = {ours: text for name, ours in _AD_CONTEXT.items() if (text := _told(context.get(name)))}
    return found | more


def _told(value: object) -> str | None:
    return word(value, _LONGEST_AD)


def _context(message: Opened) -> _Body:
    return table(table(message.body).get("contextInfo"))


def _text(kind: str, body: _Body) -> Content | None:  # noqa: ARG001
    for name in ("text", "matchedText"):
        text = body.get(name)
        if isinstance(text, str) and text:
            return Text(body=text[:LONGEST_TEXT])
    return None


def _media(kind: str, body: _Body) -> Content | None:
    """A file that can be fetched; None when its key or path is missing (view once)."""
    path = body.get("directPath")
    if not word(body.get("mediaKey")) or not isinstance(path, str) or not path.startswith("/"):
        return None
    media, mime = _MEDIA[kind]
    told = word(body.get("mimetype"), 200)
    caption = body.get("caption")
    handle = {name: body[name] for name in _HANDLE if isinstance(body.get(name), str | int)}
    return Media(
        media=media,
        # A round video is a video that is shown in another way.
        handle=orjson.dumps({"videoMessage" if kind == "ptvMessage" else kind: handle}).decode(),
        mime=told.lower() if told and _MIME.fullmatch(told) else mime,
        caption=caption[:LONGEST_TEXT] if isinstance(caption, str) and caption else None,
        filename=_filename(body) if media is MediaKind.DOCUMENT else None,
        sha256=_sha256(body.get("fileSHA256")),
        size=_size(body.get("fileLength")),
        voice=body.get("PTT") is True,
    )


def _filename(body: _Body) -> str | None:
    """Its end, which tells the type, when the name is too long."""
    for name in ("fileName", "title"):
        told = body.get(name)
        if isinstance(told, str) and told.strip():
            return told[-_LONGEST_NAME:]
    return None


def _sha256(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest.hex() if len(digest) == _DIGEST else None


def _size(value: object) -> int | None:
    text = word(value, 18)
    return int(text) if text and text.isascii() and text.isdigit() else None


#: Kinds whose `key` names another message.
_TARGETED: Final = frozenset({"keepInChatMessage", "pinInChatMessage", "reactionMessage"})
_MEDIA: Final[Mapping[str, tuple[MediaKind, str]]] = {
    "imageMessage": (MediaKind.IMAGE, "image/jpeg"),
    "videoMessage": (MediaKind.VIDEO, "video/mp4"),
    "ptvMessage": (MediaKind.VIDEO, "video/mp4"),
    "audioMessage": (MediaKind.AUDIO, "audio/ogg"),
    "documentMessage": (MediaKind.DOCUMENT, "application/octet-stream"),
    "stickerMessage": (MediaKind.STICKER, "image/webp"),
}
_READERS: Final[Mapping[str, Callable[[str, _Body], Content | None]]] = {
    "extendedTextMessage": _text,
    **dict.fromkeys(_MEDIA, _media),
}
