"""How replies to buttons, pictures and cards are matched (typebot-api.md 3.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was chosen. `edge` is that of the item or path, if it has one."""

    content: str
    edge: str | None = None
    card: Json | None = None
    path: Json | None = None


def label_of(item: Json) -> str:
    """The text of an item: of a button, else of a picture."""
    for key in ("content", "title", "pictureSrc"):
        if item.get(key):
            return str(item[key])
    return ""


def _kept(item: Json) -> str:
    """What the variable gets."""
    return str(item.get("value") or label_of(item))


def single(items: list[Json], text: str, reply_id: str | None) -> Chosen | None:
    """Match one item: id, value or label, exactly but for blanks around it; longest label first."""
    wanted = text.strip()
    for item in sorted(items, key=lambda item: -len(label_of(item))):
        names = (str(item.get("value") or "").strip(), label_of(item).strip())
        if item["id"] in (reply_id, text) or (wanted and wanted in names):
            return Chosen(content=_kept(item), edge=item.get("outgoingEdgeId"))
    return None


def multiple(items: list[Json], text: str) -> Chosen | None:
    """Find ids, values, labels and numbers anywhere in the text. None when there is none.

    What was found is taken out, so that "13" is not 1 and 3, nor "Red onion" an onion.
    """
    names = [
        (str(name).strip(), index)
        for index, item in enumerate(items)
        for name in (item["id"], item.get("value"), label_of(item))
        if name and str(name).strip()
    ]
    found: set[int] = set()
    rest = text
    for name, index in sorted(names, key=lambda one: -len(one[0])):
        rest, hits = _word(name).subn(" ", rest)
        if hits:
            found.add(index)
    for index in range(len(items)):
        if _word(str(index + 1)).search(rest):
            found.add(index)
    if not found:
        return None
    return Chosen(content=", ".join(_kept(items[index]) for index in sorted(found)))


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)


def card(items: list[Json], text: str, reply_id: str | None) -> Chosen | None:
    """Match a path by its id, else a card by its title: that takes its first path."""
    for wanted in (reply_id, text):
        for item in items:
            for path in item.get("paths", ()):
                if wanted is not None and path["id"] == wanted:
                    return _card(item, path)
    title = text.strip().lower()
    for item in items:
        paths = item.get("paths", ())
        if title and str(item.get("title") or "").strip().lower() == title:
            return _card(item, paths[0] if paths else None)
    return None


def _card(item: Json, path: Json | None) -> Chosen | None:
    """Take a card by its title, else its picture; one with neither is not taken."""
    content = str(item.get("title") or item.get("imageUrl") or "")
    edge = (path or {}).get("outgoingEdgeId")
    return Chosen(content=content, edge=edge, card=item, path=path) if content else None


def card_field(chosen: Chosen, field: str) -> str | None:
    """Give what `saveResponseMapping` asks for."""
    item = chosen.card or {}
    known = {
        "Title": item.get("title"),
        "Description": item.get("description"),
        "Image URL": item.get("imageUrl"),
        "Button": (chosen.path or {}).get("text"),
        "Internal Value": (item.get("options") or {}).get("internalValue"),
    }
    value = known.get(field)
    return None if value is None else str(value)
