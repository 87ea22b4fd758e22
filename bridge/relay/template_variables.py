"""What an approved template wants to be filled in, read from its components as Meta tells them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from bridge.whatsapp.shapes import rows, table

__all__ = ("Button", "Variables", "variables_of")

_VARIABLE: Final = re.compile(r"\{\{\s*(\w{1,64})\s*\}\}")
_MEDIA: Final = {"IMAGE": "image", "VIDEO": "video", "DOCUMENT": "document"}


class Button(StrEnum):
    """Which value a button takes. The payload of a quick reply may be left out."""

    URL = "url"
    COPY_CODE = "copy_code"
    QUICK_REPLY = "quick_reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """Names of what is to be filled in. A header's file goes by its kind (``image``)."""

    body: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    buttons: Mapping[int, Button] = field(default_factory=dict)


def variables_of(components: Sequence[Mapping[str, Any]]) -> Variables:
    """Read them; what is strange in the components asks for nothing."""
    body: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    buttons: dict[int, Button] = {}
    for component in components:
        match str(component.get("type", "")).upper():
            case "BODY":
                body = _names(component.get("text"))
            case "HEADER":
                file = _MEDIA.get(str(component.get("format", "TEXT")).upper())
                header = (file,) if file else _names(component.get("text"))
            case "BUTTONS":
                buttons = _buttons(component)
            case _:
                pass
    return Variables(body=body, header=header, buttons=buttons)


def _names(text: object) -> tuple[str, ...]:
    """The variables of a text, each once, in order."""
    found = _VARIABLE.findall(text) if isinstance(text, str) else []
    return tuple(dict.fromkeys(found))


def _buttons(component: Mapping[str, Any]) -> dict[int, Button]:
    found: dict[int, Button] = {}
    for index, row in enumerate(rows(component.get("buttons"))):
        button = table(row)
        match str(button.get("type", "")).upper():
            case "URL" if _names(button.get("url")):
                found[index] = Button.URL
            case "COPY_CODE":
                found[index] = Button.COPY_CODE
            case "QUICK_REPLY":
                found[index] = Button.QUICK_REPLY
            case _:
                pass
    return found
