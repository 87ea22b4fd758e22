"""What an inbound message says, as a content of the house (whatsapp-channels.md B.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from bridge.core.content import Content, Media, Text, Unsupported
from bridge.whatsapp.shapes import LONGEST_TEXT, prose, table
from bridge.whatsapp.web import attached, choosing, gathering, paying, places
from bridge.whatsapp.web.describing import described
from bridge.whatsapp.web.envelope import EMPTY, Opened, opened, slim

__all__ = ("VIEW_ONCE", "content", "edited")

#: What is told of a message to be looked at once that this device does not get.
VIEW_ONCE: Final = "viewOnce"
_LONGEST_KIND: Final = 255

_Body = Mapping[str, Any]


def content(message: Opened) -> Content:
    """The content of a message; a kind that is not known stays visible.

    Of what is to be looked at once, a linked device may get nothing but that it came.
    """
    if isinstance(message.body, str) and message.kind == "conversation":
        return Text(body=message.body[:LONGEST_TEXT])
    reader = _READERS.get(message.kind)
    read = reader(table(message.body)) if reader else None
    if isinstance(read, Media):
        return replace(read, view_once=message.view_once)
    if read is not None:
        return read
    is_stub = message.view_once and message.kind in (EMPTY, *attached.KINDS)
    return Unsupported(
        upstream=VIEW_ONCE if is_stub else message.kind[:_LONGEST_KIND],
        raw=slim(message.message),
        detail=described(message.kind, message.body),
    )


def edited(message: Mapping[str, Any]) -> Content:
    """What a message says after its edit. Of a file often no more comes than its new caption."""
    inner = opened(message)
    if inner.kind == EMPTY:
        return Unsupported(upstream="editedMessage", raw=slim(message))
    said = content(inner)
    if isinstance(said, Media) or inner.kind not in attached.KINDS:
        return said
    caption = prose(table(inner.body).get("caption"), LONGEST_TEXT)
    return Text(body=caption) if caption else said


def _text(body: _Body) -> Text | None:
    for name in ("text", "matchedText"):
        if text := prose(body.get(name), LONGEST_TEXT):
            return Text(body=text)
    return None


_READERS: Final[Mapping[str, Callable[[_Body], Content | None]]] = {
    "extendedTextMessage": _text,
    "questionResponseMessage": _text,
    "statusQuestionAnswerMessage": _text,
    **attached.READERS,
    **choosing.READERS,
    **gathering.READERS,
    **paying.READERS,
    **places.READERS,
}
