"""Contact cards (vCard 2.1 to 4.0) as phones and programs write them.

Anything can be read, in a time that grows with its length alone. Read is what agents need; all
the rest stays in `Card.vcard`.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bridge.core.content import Card, Phone
from bridge.core.lines import one_line

__all__ = ("LARGEST", "PLAIN_TYPES", "read_card", "read_cards")

#: A file with more bytes, or with more cards, is a document; a longer card is not kept whole.
LARGEST: Final = 64 * 1024
_MOST_CARDS: Final = 20
#: What comes first in a long card is what people typed; then come pictures.
_LONGEST: Final = 256 * 1024
_MOST_LINES: Final = 400
_MOST: Final = 20
_LONGEST_VALUE: Final = 500
_LONGEST_LABEL: Final = 60
_WA_ID: Final = re.compile(r"[0-9]{5,20}", re.ASCII)
_ESCAPED: Final = re.compile(r"\\([\\,;:nN])")
#: The parts of a value, between semicolons that nothing escapes.
_PARTS: Final = re.compile(r"(?:^|;)((?:[^\\;]|\\.|\\\Z)*)", re.DOTALL)
#: What iOS puts around a label that every phone has.
_BUILT_IN: Final = re.compile(r"_\$!<(.*)>!\$_")
#: Charsets by any other name could be slow to decode.
_CHARSETS: Final = {"iso-8859-1": "latin-1", "latin1": "latin-1", "windows-1252": "cp1252"}
#: Types of a number that say nothing to people.
PLAIN_TYPES: Final = frozenset({"internet", "msg", "pref", "text", "voice", "x-internet"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One property; `value` is still escaped. `group` binds it to others, as "item1" does."""

    group: str
    name: str
    parameters: Mapping[str, str]
    types: tuple[str, ...]
    value: str


def read_card(text: str) -> Card | None:
    """The card that a text is; None when nothing is on it. Its name may be empty."""
    lines = list(islice(_lines(text[:_LONGEST]), _MOST_LINES))
    labels = {one.group: _plain(one.value) for one in lines if one.name == "X-ABLABEL"}
    found = Card(
        name=next(_texts(lines, "FN"), "") or _name(lines),
        phones=tuple(islice(_phones(lines, labels), _MOST)),
        emails=_distinct(_texts(lines, "EMAIL")),
        organization=next(_joined(lines, "ORG"), None),
        urls=_distinct(_texts(lines, "URL")),
        addresses=_distinct(_joined(lines, "ADR")),
        birthday=next(_texts(lines, "BDAY"), None),
        vcard=text if len(text) <= LARGEST else None,
    )
    told = (found.name, found.phones, found.emails, found.organization, found.urls, found.addresses)
    return found if any(told) else None


def read_cards(data: bytes) -> tuple[Card, ...]:
    """The cards of a file; empty when it is none, or any card of it has no name or no number."""
    if len(data) > LARGEST:
        return ()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    found: list[Card] = []
    whole: list[str] = []
    for line in _split(text):
        mark = line.rstrip().upper()
        if mark == "BEGIN:VCARD":
            whole = [line]
        elif whole:
            whole.append(line)
        if mark == "END:VCARD" and whole:
            card = read_card("\r\n".join(whole))
            if card is None or not card.name or not card.phones or len(found) >= _MOST_CARDS:
                return ()
            found.append(card)
            whole = []
    return tuple(found)


def _phones(lines: Iterable[_Line], labels: Mapping[str, str]) -> Iterator[Phone]:
    for line in lines:
        if line.name == "TEL" and (number := _plain(line.value)).strip("; "):
            wa_id = line.parameters.get("WAID", "").lstrip("+")
            yield Phone(
                number=number.removeprefix("tel:"),  # as vCard 4.0 writes it
                wa_id=wa_id if _WA_ID.fullmatch(wa_id) else None,
                label=_label(line, labels)[:_LONGEST_LABEL] or None,
            )


def _label(line: _Line, labels: Mapping[str, str]) -> str:
    told = labels.get(line.group, "") if line.group else ""
    built_in = _BUILT_IN.fullmatch(told)
    if told:
        return built_in[1] if built_in else told
    types = (one_line(one) for one in line.types if one.lower() not in PLAIN_TYPES)
    return next(types, "")


def _texts(lines: Iterable[_Line], name: str) -> Iterator[str]:
    """What all lines of a name say, in plain words."""
    for line in lines:
        if line.name == name and (told := _plain(line.value)).strip("; "):
            yield told


def _joined(lines: Iterable[_Line], name: str) -> Iterator[str]:
    """The same of values that have several parts."""
    for line in lines:
        if line.name == name and (told := ", ".join(filter(None, _parts(line.value)))):
            yield told[:_LONGEST_VALUE]


def _name(lines: Iterable[_Line]) -> str:
    """The parts of a name (family; given; more; before; after) in the order they are said."""
    told = next((line.value for line in lines if line.name == "N"), "")
    family, given, more, before, after = [*_parts(told), *[""] * 5][:5]
    said = (before, given, more, family, after)
    return " ".join(part for part in said if part)[:_LONGEST_VALUE]


def _parts(value: str) -> list[str]:
    return [_plain(part) for part in _PARTS.findall(value)]


def _plain(value: str) -> str:
    """Unescaped, on one line."""
    told = _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)
    return one_line(told)[:_LONGEST_VALUE]


def _distinct(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))[:_MOST]


def _lines(text: str) -> Iterator[_Line]:
    for written in _unfolded(text):
        head, colon, value = _parted(written)
        if not colon:
            continue
        before, *parameters = head.split(";")
        group, _, name = before.rpartition(".")
        named: dict[str, str] = {}
        types: list[str] = []
        for one in parameters:
            key, equals, told = one.partition("=")
            if not equals:  # as vCard 2.1 names a type
                types.append(key.strip())
            elif key.strip().upper() == "TYPE":
                types += [part.strip() for part in told.strip('" ').split(",")]
            else:
                named.setdefault(key.strip().upper(), told.strip('" '))
        yield _Line(
            group=group.strip().lower(),
            name=name.strip().upper(),
            parameters=named,
            types=tuple(one for one in types if one),
            value=_decoded(value, named) if _is_quoted(head) else value[: 8 * _LONGEST_VALUE],
        )


def _parted(line: str) -> tuple[str, str, str]:
    """At the first colon that stands in no quotes."""
    if '"' not in line:
        return line.partition(":")
    quoted = False
    for place, sign in enumerate(line):
        if sign == '"':
            quoted = not quoted
        elif sign == ":" and not quoted:
            return line[:place], sign, line[place + 1 :]
    return line, "", ""


def _unfolded(text: str) -> Iterator[str]:
    """Whole lines: a long one goes on in the next, either indented or after a last "="."""
    parts: list[str] = []
    quoted = False
    for line in _split(text):
        if parts and quoted and parts[-1].endswith("="):
            parts[-1] = parts[-1][:-1]
            parts.append(line)
        elif parts and line[:1] in {" ", "\t"}:
            parts.append(line[1:])
        else:
            yield "".join(parts)
            parts = [line]
            quoted = _is_quoted(line.partition(":")[0])
    yield "".join(parts)


def _split(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _is_quoted(head: str) -> bool:
    return "QUOTED-PRINTABLE" in head.upper()


def _decoded(value: str, named: Mapping[str, str]) -> str:
    charset = _CHARSETS.get(named.get("CHARSET", "").lower(), "utf-8")
    signs = quopri.decodestring(value.encode("utf-8", "replace")).decode(charset, "replace")
    return signs[: 8 * _LONGEST_VALUE]
