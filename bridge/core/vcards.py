"""Contact cards that are written as vCards (RFC 6350, 2426 and the 2.1 of older phones). Pure.

What is read is what WhatsApp shows of a card; everything else stays in `Card.vcard`.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bridge.core.content import Card, Phone

#: Larger files, and those with more cards, are documents.
LARGEST: Final = 64 * 1024
MOST_CARDS: Final = 20
_MOST_LINES: Final = 20
_LONGEST: Final = 300
_ESCAPED: Final = re.compile(r"\\([\\,;:nN])")
#: A semicolon that parts a value.
_PARTS: Final = re.compile(r"(?<!\\);")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    name: str
    parameters: tuple[str, ...]
    value: str


def read_vcards(data: bytes) -> tuple[Card, ...]:
    """The cards of a file; empty when it is none, or any card of it has no name or no number."""
    if len(data) > LARGEST:
        return ()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    found: list[Card] = []
    lines: list[_Line] | None = None
    raw: list[str] = []
    for whole in _unfolded(text):
        word = whole.strip().upper()
        if word == "BEGIN:VCARD":
            lines, raw = [], []
        if lines is None:
            continue
        raw.append(whole)
        if word != "END:VCARD":
            if (line := _line(whole)) is not None:
                lines.append(line)
            continue
        card = _card(lines, "\r\n".join(raw))
        if card is None or len(found) >= MOST_CARDS:
            return ()
        found.append(card)
        lines = None
    return tuple(found)


def _unfolded(text: str) -> Iterator[str]:
    """Whole lines: one that begins with a blank goes on, and so does quoted-printable's ``=``."""
    pending: str | None = None
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if pending is not None and line[:1] in {" ", "\t"} and line.strip():
            pending += line[1:]
        elif pending is not None and pending.endswith("=") and _is_quoted(pending):
            pending = pending[:-1] + line
        else:
            if pending is not None:
                yield pending
            pending = line
    if pending is not None:
        yield pending


def _is_quoted(line: str) -> bool:
    return "QUOTED-PRINTABLE" in line.partition(":")[0].upper()


def _line(whole: str) -> _Line | None:
    head, colon, value = whole.partition(":")
    name, *parameters = head.split(";")
    if not colon:
        return None
    if _is_quoted(whole):
        value = quopri.decodestring(value.encode("utf-8", "replace")).decode("utf-8", "replace")
    bare = name.rpartition(".")[2].strip().upper()  # "item1.TEL", as iPhones write it
    return _Line(name=bare, parameters=tuple(parameters), value=value.strip())


def _card(lines: list[_Line], raw: str) -> Card | None:
    named = {line.name: line.value for line in reversed(lines)}
    family, given = [*(_plain(part) for part in _PARTS.split(named.get("N", ""))), "", ""][:2]
    name = _plain(named.get("FN", "")) or f"{given} {family}".strip()
    phones = tuple(_phone(line) for line in lines if line.name == "TEL" and line.value)
    if not name or not phones:
        return None
    emails = (_plain(line.value) for line in lines if line.name == "EMAIL")
    return Card(
        name=name,
        phones=phones[:_MOST_LINES],
        emails=tuple(mail for mail in emails if mail)[:_MOST_LINES],
        organization=", ".join(
            part for part in map(_plain, _PARTS.split(named.get("ORG", ""))) if part
        )
        or None,
        vcard=raw,
    )


def _phone(line: _Line) -> Phone:
    wa_id = next(
        (word[5:] for word in line.parameters if re.fullmatch(r"(?i)waid=\d{5,20}", word)), None
    )
    return Phone(number=_plain(line.value.removeprefix("tel:")), wa_id=wa_id)


def _plain(value: str) -> str:
    """Unescaped, printable, on one line."""
    text = _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)
    kept = "".join(mark if mark.isprintable() else " " for mark in text)
    return " ".join(kept.split())[:_LONGEST]
