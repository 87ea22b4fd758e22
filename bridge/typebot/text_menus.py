"""Evolution's ``[list]`` and ``[buttons]``: menus written down in a text bubble. Pure.

Source: evolution-instance-typebot.md 5.9. Existing flows use them, so the tags may stand in any
order and need not be closed. What has no title or nothing to show is no menu but a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bridge.core.flow import Bubble, Choices, Line, Offer
from bridge.core.lines import one_line
from bridge.core.outgoing import Option
from bridge.typebot.addresses import is_web, picture

_MOST_OPTIONS = 100
_LONGEST_TITLE = 200
_LONGEST_DESCRIPTION = 500
#: Longest menu that is read.
_LONGEST = 20_000

_TAG = re.compile(
    r"\[(/?)(list|title|description|buttonText|footerText|footer|thumbnailUrl|menu|section|row"
    r"|buttons|reply|url|copy|call|pix)\]",
    re.IGNORECASE,
)
_FIELD = re.compile(r"[ \t*_~]*+([A-Za-z]+)[ \t]*+:[ \t]*+(.*)")
_BUTTONS = frozenset({"reply", "url", "copy", "call", "pix"})
#: Of the buttons that a numbered text can only tell: the field with what they hold.
_TOLD = {"url": "url", "copy": "copycode", "call": "phone", "pix": "key"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A tag with the text behind it."""

    tag: str
    text: str


def is_menu(body: str) -> bool:
    head = body.lstrip(" \n\t*_~")[:9].lower()
    return head.startswith(("[list]", "[buttons]"))


def menu(block: str, body: str) -> Bubble | None:
    """The menu that a text describes; None when it is malformed, and a text like any other."""
    if len(body) > _LONGEST:
        return None
    pieces = list(_pieces(body))
    if not pieces:
        return None
    if pieces[0].tag == "list":
        return _list(block, pieces)
    return _buttons(block, pieces) if pieces[0].tag == "buttons" else None


def _pieces(body: str) -> Iterator[_Piece]:
    tags = list(_TAG.finditer(body))
    for at, tag in enumerate(tags):
        end = tags[at + 1].start() if at + 1 < len(tags) else len(body)
        if not tag[1]:
            yield _Piece(tag=tag[2].lower(), text=body[tag.end() : end].strip())


def _list(block: str, pieces: Sequence[_Piece]) -> Bubble | None:
    options = tuple(
        option
        for piece in pieces
        if piece.tag == "row" and (option := _row(_fields(piece.text))) is not None
    )
    body = _body(pieces, footer="footertext")
    if not options or not body:
        return None
    label = one_line(_first(pieces, "buttontext"))[:_LONGEST_TITLE]
    offer = Offer(body=body, options=_unique(options))
    return Choices(block=block, offer=offer, label=label or None)


def _row(fields: dict[str, str]) -> Option | None:
    return _option(fields.get("title", ""), fields.get("rowid", ""), fields.get("description", ""))


def _option(title: str, identity: str, description: str = "") -> Option | None:
    title = one_line(title)[:_LONGEST_TITLE]
    if not title:
        return None
    return Option(
        id=one_line(identity)[:_LONGEST_TITLE] or title,
        title=title,
        description=one_line(description)[:_LONGEST_DESCRIPTION] or None,
    )


def _unique(options: Sequence[Option]) -> tuple[Option, ...]:
    """Options with the first of each id, since an answer names nothing else."""
    first: dict[str, Option] = {}
    for one in options:
        first.setdefault(one.id, one)
    return tuple(first.values())[:_MOST_OPTIONS]


def _buttons(block: str, pieces: Sequence[_Piece]) -> Bubble | None:
    """Buttons to answer with; those that lead elsewhere become lines of the text."""
    options: list[Option] = []
    lines: list[str] = []
    for piece in pieces:
        fields = _fields(piece.text) if piece.tag in _BUTTONS else {}
        if piece.tag == "reply":
            option = _option(fields.get("displaytext", ""), fields.get("id", ""))
            options += [option] if option else []
        elif piece.tag in _TOLD and (told := fields.get(_TOLD[piece.tag])):
            shown = fields.get("displaytext") or fields.get("name")
            lines.append(f"{shown}: {told}" if shown else told)
    body = "\n\n".join(part for part in (_body(pieces, footer="footer"), "\n".join(lines)) if part)
    if not body or not (options or lines):
        return None
    address = _first(pieces, "thumbnailurl")
    seen = address if is_web(address) else None
    if options:
        offer = Offer(body=body, options=_unique(options), picture=seen)
        return Choices(block=block, offer=offer)
    if seen:
        return picture(block, seen, caption=body)
    return Line(block=block, body=body)


def _fields(text: str) -> dict[str, str]:
    """The lines ``name: value``, the first of each name, which is in lower case."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        if match := _FIELD.fullmatch(line):
            found.setdefault(match[1].lower(), match[2].strip())
    return found


def _body(pieces: Sequence[_Piece], *, footer: str) -> str:
    title = one_line(_first(pieces, "title")).strip("*")
    parts = (f"*{title}*" if title else "", _first(pieces, "description"))
    shown = "\n".join(part for part in parts if part)
    end = _first(pieces, footer)
    return "\n\n".join(part for part in (shown, end) if part)


def _first(pieces: Sequence[_Piece], tag: str) -> str:
    return next((piece.text for piece in pieces if piece.tag == tag), "")
