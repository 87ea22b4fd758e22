"""Texts as they are compared: without case, accents and invisible marks, with digits of ours."""

from __future__ import annotations

import unicodedata
from typing import Final

#: Dashes, spaces and quotes that people's keyboards make of ours; what makes a digit an emoji.
_SAME: Final = str.maketrans(
    {
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2015": "-",
        "\u2212": "-",
        "\u00ba": "o",
        "\u00b0": "o",
        "\u00aa": "a",
        "\u2019": "'",
        "\ufe0f": None,
        "\u20e3": None,
        "\N{KEYCAP TEN}": "10",
    }
)
_UNSEEN: Final = frozenset({"Mn", "Cf", "Cc"})


def folded(text: str) -> str:
    """On one line, lower case, without accents; digits of every script are ASCII.

    Powers and fractions stay what they are: nothing becomes a digit that is none.
    """
    spaced = " ".join(text.translate(_SAME).split())
    parts = unicodedata.normalize("NFD", spaced.casefold())
    return "".join(_digit(mark) for mark in parts if unicodedata.category(mark) not in _UNSEEN)


def _digit(mark: str) -> str:
    if mark.isascii() or not mark.isdecimal():
        return mark
    return str(unicodedata.decimal(mark))
