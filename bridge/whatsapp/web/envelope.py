"""What an inbound message is wrapped in, taken off: wrappers, key material, hostile JSON.

Names are those of protobuf's JSON mapping of `waE2E.Message`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from bridge.whatsapp.shapes import table

__all__ = ("EMPTY", "Opened", "opened", "slim", "tidy")

#: The kind of a message in which there is nothing for people.
EMPTY: Final = ""
#: Deeper than any message of a real client; what lies below is dropped.
_DEEPEST: Final = 48
_MOST_WRAPPERS: Final = 16
#: How the names of wrappers begin whose message is to be looked at once.
_ONCE: Final = "viewOnceMessage"
_LARGEST_INT: Final = 2**63
#: What comes beside any content, or alone: keys of the chat, and facts about the device.
_BESIDE: Final = frozenset(
    {
        "fastRatchetKeySenderKeyDistributionMessage",
        "groupRootKeyShare",
        "messageContextInfo",
        "rootSecretDistributeMessage",
        "senderKeyDistributionMessage",
        "stickerSyncRmrMessage",
    }
)
#: Looked for first, in this order, should a message hold several kinds.
_FIRST: Final = (
    "protocolMessage",
    "conversation",
    "extendedTextMessage",
    "imageMessage",
    "videoMessage",
    "ptvMessage",
    "audioMessage",
    "documentMessage",
    "stickerMessage",
)
#: Pictures and their like inside a message, which nobody needs to keep.
_BULK: Final = frozenset(
    {
        "JPEGThumbnail",
        "attachmentJPEGThumbnail",
        "axolotlSenderKeyDistributionMessage",
        "firstFrameSidecar",
        "firstScanSidecar",
        "inviteLinkParentGroupThumbnailV2",
        "messageContextInfo",
        "midQualityFileEncSHA256",
        "midQualityFileSHA256",
        "paddingBytes",
        "pngThumbnail",
        "scansSidecar",
        "streamingSidecar",
        "thumbnail",
        "waveform",
    }
)
_LONGEST_STRING: Final = 8192
_LARGEST_RAW: Final = 128 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A message without its wrappers: the name of its kind, and what stands under that name.

    `is_edit`: it replaces what an earlier message said. `view_once`: it is to be looked at once.
    `association`: to which other message it belongs, as a better picture to the one before.
    """

    kind: str
    body: object = None
    message: Mapping[str, Any] = field(default_factory=dict)
    is_edit: bool = False
    view_once: bool = False
    association: Mapping[str, Any] = field(default_factory=dict)


def opened(message: Mapping[str, Any], *, view_once: bool = False) -> Opened:
    """Take off all wrappers. A wrapper is whatever holds nothing but another message.

    `view_once`: whoever took wrappers off before says that one of them was such.
    """
    is_edit = False
    association = _association(message)
    for _ in range(_MOST_WRAPPERS):
        name, inner = _inside(message)
        if name is None:
            break
        is_edit = is_edit or name == "editedMessage"
        view_once = view_once or name.startswith(_ONCE)
        message = inner
        association = association or _association(message)
    kind = _kind(message)
    if kind.startswith(_ONCE):  # there is nothing in it
        kind, view_once = EMPTY, True
    body = message.get(kind)
    return Opened(
        kind=kind,
        body=body,
        message=message,
        is_edit=is_edit,
        view_once=view_once or table(body).get("viewOnce") is True,
        association=association,
    )


def slim(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message without thumbnails and the like; empty when it is still too large to keep."""
    kept: dict[str, Any] = _slim(message)
    return kept if len(orjson.dumps(kept)) <= _LARGEST_RAW else {}


def tidy(value: Any, depth: int = 0) -> Any:
    """JSON that can be stored and read back, whatever came.

    No NUL and no half of a surrogate pair in texts, no number beyond 64 bits, nothing too deep.
    """
    match value:
        case str():
            return value.replace("\0", "").encode("utf-8", "replace").decode()
        case dict() if depth < _DEEPEST:
            return {tidy(str(name)): tidy(one, depth + 1) for name, one in value.items()}
        case list() if depth < _DEEPEST:
            return [tidy(one, depth + 1) for one in value]
        case bool():
            return value
        case int() if -_LARGEST_INT <= value < _LARGEST_INT:
            return value
        case float() if math.isfinite(value):
            return value
        case _:
            return None


def _association(message: Mapping[str, Any]) -> Mapping[str, Any]:
    return table(table(message.get("messageContextInfo")).get("messageAssociation"))


def _inside(message: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    """The first wrapper in a message, and the message in it."""
    for name, value in message.items():
        inner = table(value).get("message")
        if isinstance(inner, dict) and inner and _wraps(name, value):
            return name, inner
    return None, message


def _wraps(name: str, value: Mapping[str, Any]) -> bool:
    return name == "deviceSentMessage" or value.keys() == {"message"}


def _kind(message: Mapping[str, Any]) -> str:
    for name in _FIRST:
        if message.get(name):
            return name
    for name, value in message.items():
        # An empty object is a message too: a kind without any field set.
        if name and name not in _BESIDE and value not in (None, "", False):
            return name
    return EMPTY


def _slim(value: Any) -> Any:
    match value:
        case str():
            return value if len(value) <= _LONGEST_STRING else value[: _LONGEST_STRING - 1] + "…"
        case dict():
            return {name: _slim(one) for name, one in value.items() if name not in _BULK}
        case list():
            return [_slim(one) for one in value]
        case _:
            return value
