"""What an input offers to choose from (typebot-api.md 3): buttons, pictures, cards. Pure.

Nothing raises, whatever the JSON. What has nothing to show is left out, as Typebot does (3.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.core.outgoing import Option
from bridge.locale import say
from bridge.typebot import addresses
from bridge.typebot.fields import rows, table, text

BUTTONS: Final = "choice input"
PICTURES: Final = "picture choice input"
CARDS: Final = "cards"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One thing to choose.

    `words` is the text that the engine takes for it, `reply_id` what comes before any text. `full`
    tells it from others with the same title. `names`: what else people may call it. `others`: what
    the engine takes as well, exactly so (its id, its value); `place` is its number for the engine.
    """

    option: Option
    words: str
    full: str
    reply_id: str | None = None
    names: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    place: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A picture, or a text of its own, with what is chosen by it.

    `picture` is an address of the web; any other kind of it is for a page alone.
    """

    body: str
    picture: str | None
    offered: tuple[Offered, ...]


def many(asked: Mapping[str, Any]) -> bool:
    """Whether several may be chosen."""
    return (
        asked.get("type") != CARDS and table(asked.get("options")).get("isMultipleChoice") is True
    )


def offered(asked: Mapping[str, Any], *, language: str) -> tuple[Offered, ...]:
    """Everything that can be chosen, in the order in which it is shown."""
    if asked.get("type") == BUTTONS:
        return tuple(_buttons(asked))
    return tuple(one for panel in panels(asked, language=language) for one in panel.offered)


def panels(asked: Mapping[str, Any], *, language: str) -> tuple[Panel, ...]:
    """Pictures and cards, with what is chosen by each."""
    if asked.get("type") == CARDS:
        return tuple(_cards(asked, language))
    return tuple(_pictures(asked, language)) if asked.get("type") == PICTURES else ()


def words(value: object) -> str:
    """A text or a number as it is shown; nothing else is."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return (text(value) or "").strip()


def _buttons(asked: Mapping[str, Any]) -> list[Offered]:
    found = []
    for place, item in enumerate(map(table, rows(asked.get("items"))), start=1):
        title = words(item.get("content"))
        if title:
            found.append(_item(item, title, place, description=words(item.get("description"))))
    return found


def _pictures(asked: Mapping[str, Any], language: str) -> list[Panel]:
    found = []
    for place, item in enumerate(map(table, rows(asked.get("items"))), start=1):
        title, description = words(item.get("title")), words(item.get("description"))
        picture, value = text(item.get("pictureSrc")), words(item.get("value"))
        if title or description or picture or value:
            called = title or description or value or say(language, "ask.option", number=place)
            one = _item(item, called, place, taken=title or text(item.get("id")) or called)
            seen = addresses.whole(picture or "")
            found.append(Panel(body=_body(title, description), picture=seen, offered=(one,)))
    return found


def _item(
    item: Mapping[str, Any], title: str, place: int, *, description: str = "", taken: str = ""
) -> Offered:
    id_, value = text(item.get("id")), words(item.get("value"))
    return Offered(
        option=Option(id=id_ or title, title=title, description=description or None),
        words=taken or title,
        full=title,
        reply_id=id_,
        names=(value,) if value and not value.isdecimal() else (),
        others=tuple(one for one in (id_, value) if one),
        place=place,
    )


def _cards(asked: Mapping[str, Any], language: str) -> list[Panel]:
    found = []
    number = 0
    for item in map(table, rows(asked.get("items"))):
        title, description = words(item.get("title")), words(item.get("description"))
        picture = text(item.get("imageUrl"))
        value = words(table(item.get("options")).get("internalValue"))
        paths = []
        for path in map(table, rows(item.get("paths"))):
            number += 1
            unnamed = title or say(language, "ask.option", number=number)
            paths.append(_path(path, (title, value), unnamed, number))
        if title or description or picture or paths:
            seen = addresses.whole(picture or "")
            body = _body(title, description)
            found.append(Panel(body=body, picture=seen, offered=tuple(paths)))
    return found


def _path(path: Mapping[str, Any], of_card: tuple[str, str], unnamed: str, place: int) -> Offered:
    """A button of a card, which has a title and a value."""
    id_, called = text(path.get("id")), words(path.get("text"))
    title = called or unnamed
    card, value = of_card
    called_by = (value,) if value and not value.isdecimal() else ()
    names = (card, f"{card} {title}", f"{title} {card}", *called_by) if card else ()
    return Offered(
        option=Option(id=id_ or title, title=title),
        words=title,
        full=f"{card}: {title}" if card and called else title,
        reply_id=id_,
        names=names,
        others=(id_,) if id_ else (),
        place=place,
    )


def _body(title: str, description: str) -> str:
    """A title in bold above its description, as Typebot's own channel has it (3.1)."""
    bold = title if not title or "*" in title or "\n" in title else f"*{title}*"
    return "\n\n".join(part for part in (bold, description) if part)
