r"""Which backslashes of a Markdown text can be escapes, and which were typed: ``C:\temp\_x``.

Chatwoot's editor doubles each backslash that was typed, so that a single one before a letter
shows a word from a plain text field, in which no backslash escapes anything.
"""

from __future__ import annotations

from collections.abc import Iterator

from bridge.text.addresses import Span

_BACKSLASH = "\\"


def literal_backslashes(text: str) -> Iterator[int]:
    """The backslashes of words that no editor wrote."""
    for start, end in _backslashed_words(text):
        if _is_typed(text, start, end):
            yield from _places(text, start, end)


def beside(escaped: set[int], text: str) -> Iterator[int]:
    """All backslashes of the words in, or right after, which something is escaped: all or none."""
    for start, end in _backslashed_words(text):
        if any(at in escaped for at in range(start, end + 1)):
            yield from _places(text, start, end)


def _is_typed(text: str, start: int, end: int) -> bool:
    """Whether a backslash before a letter is left over when they are taken in pairs."""
    at = text.find(_BACKSLASH, start, end)
    while at >= 0:
        after = at
        while after < end and text[after] == _BACKSLASH:
            after += 1
        if (after - at) % 2 and after < end and text[after].isalnum():
            return True
        at = text.find(_BACKSLASH, after, end)
    return False


def _places(text: str, start: int, end: int) -> Iterator[int]:
    return (at for at in range(start, end) if text[at] == _BACKSLASH)


def _backslashed_words(text: str) -> Iterator[Span]:
    """The words with a backslash. Backticks part words too: what code says is its own affair."""
    end = 0
    at = text.find(_BACKSLASH)
    while at >= 0:
        start = at
        while start > end and not _parts_words(text[start - 1]):
            start -= 1
        end = at
        while end < len(text) and not _parts_words(text[end]):
            end += 1
        yield start, end
        at = text.find(_BACKSLASH, end)


def _parts_words(char: str) -> bool:
    return char == "`" or char.isspace()
