"""What agents are shown of a bubble: what of it went out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bridge.core.content import Content, Media, MediaKind, Menu, Text
from bridge.relay.outgoing import FilePart, MenuPart, Part, TextPart

_KINDS = {"image": MediaKind.IMAGE, "video": MediaKind.VIDEO, "audio": MediaKind.AUDIO}


def shown(parts: Sequence[Part], *, voice: bool) -> Content | None:
    """One message for all parts: a file with the words of the others, a menu, or a text.

    A file is named by its address and has no handle: it lies nowhere else. None: no parts.
    """
    if not parts:
        return None
    file = next((part for part in parts if isinstance(part, FilePart)), None)
    menu = next((part for part in parts if isinstance(part, MenuPart)), None)
    if file is None and menu is not None:
        above = (part.body for part in parts if isinstance(part, TextPart))
        titles = tuple(option.title for option in menu.offers)
        return Menu(body=_joined((*above, menu.body)), options=titles)
    text = _joined(_words(parts))
    if file is None:
        return Text(body=text)
    media = _KINDS.get(file.file.kind or "", MediaKind.DOCUMENT)
    return Media(
        media=media,
        handle="",
        mime="",
        caption=text or None,
        filename=file.file.name,
        url=file.file.url,
        voice=voice and media is MediaKind.AUDIO,
    )


def _words(parts: Iterable[Part]) -> Iterable[str]:
    for part in parts:
        match part:
            case TextPart(body=body):
                yield body
            case FilePart(caption=caption):
                yield caption or ""
            case MenuPart(body=body, offers=offers):
                yield "\n".join((body, *(f"• {option.title}" for option in offers)))
            case _:
                pass


def _joined(texts: Iterable[str]) -> str:
    return "\n\n".join(text for text in texts if text)
