"""Typebot's bubbles as what a WhatsApp number can send (typebot-api.md 2). Pure.

Nothing is dropped in silence: what has nothing to be sent is `left_out`, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bridge.core.content import MediaKind
from bridge.core.flow import Bubble, Line
from bridge.core.lines import one_line
from bridge.typebot import addresses
from bridge.typebot.commands import Wish
from bridge.typebot.fields import table, text
from bridge.typebot.models import Message
from bridge.typebot.texts import spoken

_LONGEST_CAPTION = 1024
_LONGEST_TOLD = 60

#: Why something was left out.
NO_CONTENT: Final = "typebot.no_content"
BAD_URL: Final = "typebot.bad_url"
UNKNOWN_BUBBLE: Final = "typebot.unknown_bubble"
CUT: Final = "typebot.cut"
#: Of these a person should know: the flow has something to say that nobody can be shown.
MISSED: Final = frozenset({BAD_URL, UNKNOWN_BUBBLE, CUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one message comes to: often one bubble, sometimes several or none."""

    bubbles: tuple[Bubble, ...] = ()
    wish: Wish = field(default_factory=Wish)
    left_out: tuple[tuple[str, str], ...] = ()


def shown(message: Message) -> Shown:
    """What to send for a message of a flow."""
    if message.kind == "text":
        return _text(message)
    show = _KINDS.get(message.kind)
    address = text(message.content.get("url")) or ""
    if show is None:
        return _unknown(message, address)
    bubble = show(message.id, message.content, address.strip())
    if bubble is not None:
        return Shown(bubbles=(bubble,))
    if not address.strip() and not text(message.content.get("id")):
        return Shown(left_out=((NO_CONTENT, message.kind),))
    return Shown(left_out=((BAD_URL, f"{message.kind}: {_told(address)}"),))


def waits(message: Message) -> bool:
    """Whether the flow waits for a text behind this bubble, though it names no input."""
    awaited = table(message.content.get("waitForEvent"))
    return message.kind == "custom-embed" or (
        message.kind == "embed" and awaited.get("isEnabled") is True
    )


def _text(message: Message) -> Shown:
    bubbles, wish, cut = spoken(message.id, message.content)
    if cut:
        return Shown(bubbles=bubbles, wish=wish, left_out=((CUT, f"{cut} characters"),))
    empty = not bubbles and wish == Wish()
    return Shown(bubbles=bubbles, wish=wish, left_out=((NO_CONTENT, "text"),) if empty else ())


def _unknown(message: Message, address: str) -> Shown:
    """A kind that came after us: its text, or its address, is better than nothing."""
    found = _text(message)
    url = addresses.whole(address)
    told = (Line(block=message.id, body=url),) if url and not found.bubbles else ()
    kind = one_line(message.kind)[:_LONGEST_TOLD]
    return Shown(bubbles=found.bubbles + told, wish=found.wish, left_out=((UNKNOWN_BUBBLE, kind),))


def _image(block: str, content: Mapping[str, Any], address: str) -> Bubble | None:
    url = addresses.whole(address)
    if url is None:
        return None
    return addresses.picture(block, url, caption=_click(table(content.get("clickLink"))))


def _click(link: Mapping[str, Any]) -> str | None:
    """Where a picture leads, with the words for it; words alone are not shown on the web either."""
    url = (text(link.get("url")) or "").strip()
    if not (addresses.is_web(url) or addresses.is_writable(url)) or len(url) > _LONGEST_CAPTION:
        return None
    words = one_line((text(link.get("alt")) or "")[:_LONGEST_CAPTION])
    return f"{words}\n{url}" if words and len(words) + len(url) < _LONGEST_CAPTION else url


def _video(block: str, content: Mapping[str, Any], address: str) -> Bubble | None:
    host = text(content.get("type")) or "url"
    if host == "url":
        url = addresses.whole(address)
        return addresses.file(block, url, MediaKind.VIDEO) if url else None
    page = addresses.film_page(host, text(content.get("id")) or "", address)
    return Line(block=block, body=page) if page else None


def _audio(block: str, _: Mapping[str, Any], address: str) -> Bubble | None:
    url = addresses.whole(address)
    return addresses.file(block, url, MediaKind.AUDIO) if url else None


def _embed(block: str, _: Mapping[str, Any], address: str) -> Bubble | None:
    if addresses.is_writable(address):
        return Line(block=block, body=address)
    url = addresses.whole(address)
    if url is None:
        return None
    if addresses.kind(url) is MediaKind.DOCUMENT:
        return addresses.file(block, url, MediaKind.DOCUMENT)
    return Line(block=block, body=url)


def _told(address: str) -> str:
    """The beginning of an address that cannot be used, for those who look for the reason."""
    return one_line(address[:_LONGEST_TOLD])


_KINDS: Final[dict[str, Callable[[str, Mapping[str, Any], str], Bubble | None]]] = {
    "image": _image,
    "video": _video,
    "audio": _audio,
    "embed": _embed,
    "custom-embed": _embed,
    "file": _embed,
}
