"""What single characters are to the markups."""

from __future__ import annotations

from unicodedata import category

#: Nearly invisible, and white space to every markup: parts what would else be misread together.
HAIR_SPACE = "\u200a"
#: They choose how an emoji is drawn, and are no accents, though Unicode has them as such.
_VARIATIONS = range(0xFE00, 0xFE10)
#: White space to Python alone; markdown-it has them as letters.
_NO_GAPS = frozenset("\x1c\x1d\x1e\x1f\x85\u2028\u2029")


def in_word(char: str) -> bool:
    """Whether a mark beside this character is inside a word: a letter, a digit, an accent.

    An accent may be a character of its own, after its letter. Nothing (``""``) is no word.
    """
    if char.isalnum():
        return True
    return bool(char) and category(char) in {"Mn", "Mc"} and ord(char) not in _VARIATIONS


def is_gap(char: str) -> bool:
    """Whether Markdown takes a character for white space."""
    return char.isspace() and char not in _NO_GAPS
