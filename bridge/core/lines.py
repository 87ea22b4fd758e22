"""Words of strangers as one line of ours. Pure."""

from __future__ import annotations

import unicodedata
from typing import Final

#: Bidirectional embeddings, overrides and isolates; marks (LRM, RLM) are harmless.
DIRECTIONS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def one_line(text: str) -> str:
    """The text on one line that databases accept and that cannot turn its surroundings around."""
    kept = "".join(" " if char.isspace() else char for char in text if fits(char))
    return " ".join(kept.split())


def fits(char: str) -> bool:
    """Whether it is white space, or neither control, half of a character, nor a turn of direction.

    Joiners stay: they make one emoji of several.
    """
    return char.isspace() or not (char in DIRECTIONS or unicodedata.category(char) in {"Cc", "Cs"})
