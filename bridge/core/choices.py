"""Which of several options somebody means who answers with a text. Pure.

People answer a numbered text with the number, the words, or the beginning of the words; with or
without accents, capitals and punctuation. What could mean two options means none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
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
#: What makes a digit an emoji: variation selector and key cap.
_KEYCAP: Final = {0xFE0F: None, 0x20E3: None}
_TEN: Final = "\N{KEYCAP TEN}"


def choose(text: str, options: Sequence[Option]) -> Option | None:
    """The option that is meant; None: none of them, or it is not certain which.

    A number or a title comes before an id, which the person never saw.
    """
    if len(text) > LONGEST:
        return None
    said = _plain(text)
    if not said:
        return None
    titled = [option for option in options if _plain(option.title) == said]
    numbered = _numbered(said, options)
    meant = [*titled, *(option for option in numbered if option not in titled)]
    if not meant:
        meant = [option for option in options if option.id == text.strip()]
    if not meant and len(said) >= SHORTEST_PREFIX:
        meant = [option for option in options if _plain(option.title).startswith(said)]
    return meant[0] if len(meant) == 1 else None


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
