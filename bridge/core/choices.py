"""Which of several options somebody means who answers with a text. Pure.

People answer a numbered text with the number, the words, or the beginning of the words; with or
without accents, capitals, punctuation and emoji. What could mean two options means none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from bridge.core.outgoing import Option

#: A text that is longer answers no menu.
LONGEST: Final = 300
#: So many characters of a title say which option is meant, when only one begins so.
SHORTEST_PREFIX: Final = 3

_WORDS: Final = r"(?:(?:opcao|opcion|option|numero|number|item|no?|#)[\s.:]*)?"
_NUMBER: Final = re.compile(rf"{_WORDS}(\d{{1,3}})\s*[.):-]?")
_LINE: Final = re.compile(r"(\d{1,3})\s*[.):-]\s*(.+)")
_AROUND: Final = " \t\n.,;!?\u2026\"'\u201c\u201d\u2018\u2019*_~`()[]"
#: What makes a digit an emoji (variation selector, key cap), and the colours of hands.
_KEYCAP: Final = dict.fromkeys((0xFE0F, 0x20E3, *range(0x1F3FB, 0x1F400)))
_TEN: Final = "\N{KEYCAP TEN}"


_NONE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


def choose(text: str, options: Sequence[Option]) -> Option | None:
    """The option that is meant; None: none of them, or it is not certain which.

    A number or a title comes before an id, which the person never saw.
    """
    meant = meant_by(text, options)
    return meant[0] if len(meant) == 1 else None


def meant_by(
    text: str, options: Sequence[Option], *, names: Mapping[str, tuple[str, ...]] = _NONE
) -> tuple[Option, ...]:
    """All options that a text may mean, in their order; one: it is certain.

    `names` are what else an option is called, by its id: they count as its title does.
    """
    if len(text) > LONGEST:
        return ()
    said = _plain(text)
    if not said:
        return ()
    called = [(option, _called(option, names)) for option in options]
    titled = [option for option, titles in called if said in titles]
    numbered = _numbered(said, options)
    meant = [option for option in options if option in titled or option in numbered]
    if not meant:
        meant = [option for option in options if option.id == text.strip()]
    bare = _bare(said)
    if not meant and bare:
        meant = [one for one, titles in called if bare in {_bare(title) for title in titles}]
    if not meant and len(bare) >= SHORTEST_PREFIX:
        meant = [one for one, titles in called if any(_begins(title, said) for title in titles)]
    return tuple(meant)


def spoken(text: str) -> str:
    """A text as titles are compared: without case, accents, punctuation and emoji."""
    return _bare(_plain(text[:LONGEST]))


def _called(option: Option, names: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(_plain(title) for title in (option.title, *names.get(option.id, ())))


def _begins(title: str, said: str) -> bool:
    return title.startswith(said) or _bare(title).startswith(_bare(said))


def _numbered(said: str, options: Sequence[Option]) -> list[Option]:
    """The option with the number that was said, perhaps with its title behind it."""
    line = _LINE.fullmatch(said)
    found = line or _NUMBER.fullmatch(said)
    if found is None:
        return []
    place = int(found[1])
    if not 1 <= place <= len(options):
        return []
    option = options[place - 1]
    return [option] if line is None or _plain(option.title) == _plain(line[2]) else []


def _plain(text: str) -> str:
    """Without case, accents, key caps, and punctuation around it; on one line."""
    bare = text.replace(_TEN, "10").translate(_KEYCAP)
    parts = unicodedata.normalize("NFKD", bare)
    kept = "".join(mark for mark in parts if unicodedata.category(mark) not in {"Mn", "Cf", "Cc"})
    return " ".join(kept.casefold().split()).strip(_AROUND)


def _bare(plain: str) -> str:
    """The letters and digits of a plain text; what stands between them is one space."""
    return " ".join("".join(mark if mark.isalnum() else " " for mark in plain).split())
