"""What stands around the words of a message: what it answers, whence it comes, whom it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bridge.core.party import Party
from bridge.whatsapp.shapes import rows, table, word
from bridge.whatsapp.web.addresses import party_of
from bridge.whatsapp.web.envelope import Opened
from bridge.whatsapp.web.worker_event import foreign_id

__all__ = ("forwarded", "forwarded_often", "mentions", "product", "referral", "reply_to")

_LONGEST_AD: Final = 2048
_MOST_MENTIONS: Final = 100
#: From so many times on, phones show a message as forwarded many times.
_OFTEN: Final = 5
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
#: What phones show in the place of another file, or as part of another message. An album is none:
#: there is nothing but its pictures.
_TOGETHER: Final = frozenset(
    {
        "EVENT_COVER_IMAGE",
        "HD_IMAGE_DUAL_UPLOAD",
        "HD_VIDEO_DUAL_UPLOAD",
        "HEVC_VIDEO_DUAL_UPLOAD",
        "MEDIA_POLL",
        "MOTION_PHOTO",
    }
)
#: Kinds with the key of another message, and the field in which it stands.
_TARGETED: Final[Mapping[str, str]] = {
    "cancelPaymentRequestMessage": "key",
    "commentMessage": "targetMessageKey",
    "declinePaymentRequestMessage": "key",
    "encCommentMessage": "targetMessageKey",
    "encEventResponseMessage": "eventCreationMessageKey",
    "encReactionMessage": "targetMessageKey",
    "pollAddOptionMessage": "pollCreationMessageKey",
    "pollUpdateMessage": "pollCreationMessageKey",
    "questionResponseMessage": "key",
    "reactionMessage": "key",
    "secretEncryptedMessage": "targetMessageKey",
    "sendPaymentMessage": "requestMessageKey",
    "statusQuestionAnswerMessage": "key",
}


def reply_to(message: Opened) -> str | None:
    """The id of the message that this one answers, or about which it is."""
    field = _TARGETED.get(message.kind)
    if field is not None:
        return foreign_id(table(table(message.body).get(field)).get("ID"))
    return foreign_id(_context(message).get("stanzaID")) or _belongs_to(message)


def forwarded(message: Opened) -> bool:
    context = _context(message)
    return context.get("isForwarded") is True or _score(context) > 0


def forwarded_often(message: Opened) -> bool:
    return _score(_context(message)) >= _OFTEN


def mentions(message: Opened, phones: Mapping[str, Any]) -> tuple[Party, ...]:
    """People whom the text names, each as it stands there, by phone or by LID.

    `phones` are those of the latter that the worker knows.
    """
    named = rows(_context(message).get("mentionedJID"))[:_MOST_MENTIONS]
    found = (party_of(jid, pn=phones.get(jid) if isinstance(jid, str) else None) for jid in named)
    return tuple(dict.fromkeys(one for one in found if one is not None and one.group is None))


def product(message: Opened) -> dict[str, Any] | None:
    """The product of a catalogue that the message asks about."""
    quoted = table(_context(message).get("quotedMessage"))
    shown = table(quoted.get("productMessage"))
    told = table(shown.get("product"))
    names = {
        "catalog_id": word(shown.get("businessOwnerJID")),
        "product_retailer_id": word(told.get("retailerID")) or word(told.get("productID")),
        "title": word(told.get("title")),
    }
    found = {name: value for name, value in names.items() if value}
    return found if "product_retailer_id" in found else None


def referral(message: Opened) -> dict[str, Any] | None:
    """The ad by which somebody came, with all ids that it carries; never its picture."""
    context = _context(message)
    ad = table(context.get("externalAdReply"))
    found = {ours: text for theirs, ours in _AD.items() if (text := _told(ad.get(theirs)))}
    if not found:
        return None
    more = {ours: text for name, ours in _AD_CONTEXT.items() if (text := _told(context.get(name)))}
    return found | more


def _belongs_to(message: Opened) -> str | None:
    """The message that phones show together with this one, in one frame."""
    if word(message.association.get("associationType")) not in _TOGETHER:
        return None
    return foreign_id(table(message.association.get("parentMessageKey")).get("ID"))


def _told(value: object) -> str | None:
    return word(value, _LONGEST_AD)


def _score(context: Mapping[str, Any]) -> int:
    score = context.get("forwardingScore")
    return score if isinstance(score, int) and not isinstance(score, bool) else 0


def _context(message: Opened) -> Mapping[str, Any]:
    """Of the message's kind, or of the one part of it that has some."""
    body = table(message.body)
    if found := table(body.get("contextInfo")):
        return found
    inner = (table(table(part).get("contextInfo")) for part in body.values())
    return next((one for one in inner if one), {})
