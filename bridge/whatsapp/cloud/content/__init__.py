"""What a message says (whatsapp-channels.md A.5), one reader for each kind.

A reader gets the part of the message that is named after its kind, which may be any JSON, and
gives None when that is not of a shape it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from bridge.core.content import Content, MediaKind, Text, Unsupported
from bridge.whatsapp.cloud.content.cards import cards
from bridge.whatsapp.cloud.content.choices import button, interactive
from bridge.whatsapp.cloud.content.media import media
from bridge.whatsapp.cloud.content.orders import order
from bridge.whatsapp.cloud.content.places import place
from bridge.whatsapp.shapes import LONGEST_TEXT, clip, prose, rows, storable, table, word

__all__ = ("complaint", "content")

_LONGEST_KIND: Final = 64
#: Says that the kind is not supported, which the placeholder says in the agents' language.
_UNSUPPORTED: Final = "131051"


def content(message: dict[str, Any], value: dict[str, Any]) -> Content:
    """The content of a message; a kind or shape that is not known stays visible.

    `value` is the change around the message: it may hold the errors of a message without a
    body. Never raises.
    """
    kind = word(message.get("type"), _LONGEST_KIND) or "unknown"
    body = message.get(kind)
    reader = _READERS.get(kind)
    read = reader(body) if reader else None
    return read or _unsupported(kind, body, message, value)


def complaint(owner: dict[str, Any]) -> str | None:
    """The text of the first error that Meta put beside something."""
    for error in rows(owner.get("errors")):
        told = table(error)
        if word(told.get("code"), 12) == _UNSUPPORTED:
            continue
        details = table(told.get("error_data")).get("details")
        text = clip(details) or clip(told.get("message")) or clip(told.get("title"))
        if text:
            return text
    return None


def _unsupported(
    kind: str, body: object, message: dict[str, Any], value: dict[str, Any]
) -> Unsupported:
    detail = complaint(message) or (complaint(value) if body is None else None)
    return Unsupported(
        # ``unsupported{type}`` and ``interactive{type}`` say what it would have been.
        upstream=(_said(body) if kind in _NAMING else None) or kind,
        raw=message if storable(message) else {"type": kind, "id": word(message.get("id"))},
        detail=detail or (clip(table(body).get("body")) if kind == "system" else None),
    )


def _said(body: object) -> str | None:
    return word(table(body).get("type"), _LONGEST_KIND)


def _text(body: object) -> Content | None:
    text = prose(table(body).get("body"), LONGEST_TEXT)
    return Text(body=text) if text else None


_NAMING: Final = frozenset({"unsupported", "interactive"})
_READERS: Final[Mapping[str, Callable[[object], Content | None]]] = {
    "text": _text,
    **{kind.value: partial(media, kind) for kind in MediaKind},
    "location": place,
    "contacts": cards,
    "interactive": interactive,
    "button": button,
    "order": order,
}
