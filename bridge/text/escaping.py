"""Which characters of a paragraph Markdown would misread, and their escaping.

Sources: CommonMark 0.31 (delimiter runs, block starts) and markdown-it's default preset, which
Chatwoot's dashboard uses (tables, ``~~``). Only what would be misread is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from html import unescape
from unicodedata import category

from bridge.text.backslashes import beside
from bridge.text.characters import is_gap

_ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_SPECIAL = "*_~`]\\<&"
_STARTS = frozenset("#>+-*_=~`[|: \t0123456789")
_MAX_DIGITS = 9
_MAX_HEADING = 6
_MAX_ENTITY = 33
_INDENT = 4
_NO_BREAK_SPACE = "\u00a0"


class Role(Enum):
    """What a piece of a paragraph is to Markdown."""

    #: Text, to be shown as it is.
    LITERAL = "literal"
    #: Marks of ours, which are meant.
    MARKUP = "markup"
    #: Code and addresses: nothing in them is escaped.
    VERBATIM = "verbatim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    text: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run of one delimiter character."""

    start: int
    end: int
    opens: bool
    closes: bool


def escape(pieces: list[Piece]) -> str:
    """Join the pieces of one paragraph, with a backslash before what would be misread."""
    text = "".join(piece.text for piece in pieces)
    roles: list[Role] | None = None
    escaped: set[int] = set()
    if any(
        char in piece.text for piece in pieces if piece.role is Role.LITERAL for char in _SPECIAL
    ):
        roles = [piece.role for piece in pieces for _ in piece.text]
        escaped.update(_in_line(text, roles))
    starts = list(_line_starts(text))
    if starts:
        escaped.update(_at_starts(text, starts))
    if escaped:
        roles = roles or [piece.role for piece in pieces for _ in piece.text]
        escaped = {at for at in escaped if roles[at] is Role.LITERAL}
        escaped.update(at for at in beside(escaped, text) if roles[at] is Role.LITERAL)
    return _apply(text, escaped)


def is_punctuation(char: str) -> bool:
    """Whether CommonMark takes a character for punctuation (ASCII, or category P)."""
    return char in _ASCII_PUNCTUATION or category(char)[0] == "P"


def is_symbol(char: str) -> bool:
    """Whether CommonMark takes a character for punctuation only since 0.31: emoji, currencies."""
    return category(char)[0] == "S"


def _apply(text: str, escaped: set[int]) -> str:
    indent = len(text) - len(text.lstrip(" \t"))
    if "\t" in text[:indent] or indent >= _INDENT:  # would be a block of code
        text = _NO_BREAK_SPACE * indent + text[indent:]
    if not escaped:
        return text
    written: list[str] = []
    done = 0
    for at in sorted(escaped):
        written += [text[done:at], "\\"]
        done = at
    written.append(text[done:])
    return "".join(written)


def _in_line(text: str, roles: list[Role]) -> Iterator[int]:
    """The characters to escape, if they are literal, wherever they stand in a line."""
    runs: dict[str, list[_Run]] = {"*": [], "_": [], "~": [], "`": []}
    at = 0
    while at < len(text):
        char = text[at]
        step = at + 1
        if char in runs and (roles[at] is not Role.VERBATIM or char == "`"):
            run = _run(text, at)
            runs[char].append(run)
            step = run.end
            if len(set(roles[at:step])) > 1:  # text that would lengthen a mark of ours
                yield from range(at, step)
        elif char in "]\\<&" and roles[at] is Role.LITERAL and _misread(text, at):
            yield at
        at = step
    for char, found in runs.items():
        for run in _ticks(found) if char == "`" else _delimiters(char, found):
            yield from range(run.start, run.end)


def _run(text: str, start: int) -> _Run:
    end = start
    while end < len(text) and text[end] == text[start]:
        end += 1
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    opens = closes = False
    for symbols in (False, True):
        left, right = _flanks(before, after, symbols=symbols)
        split = text[start] != "_"
        opens |= left and (split or not right or _is_edge(before, symbols=symbols))
        closes |= right and (split or not left or _is_edge(after, symbols=symbols))
    return _Run(start=start, end=end, opens=opens, closes=closes)


def _flanks(before: str, after: str, *, symbols: bool) -> tuple[bool, bool]:
    """Whether a run between two characters is left-flanking, and right-flanking.

    Up to markdown-it 13 (CommonMark 0.30) symbols such as emoji were no punctuation, then they
    were: `symbols`.
    """
    gap_before, gap_after = is_gap(before), is_gap(after)
    edge_before = _is_edge(before, symbols=symbols)
    edge_after = _is_edge(after, symbols=symbols)
    left = not gap_after and (not edge_after or gap_before or edge_before)
    right = not gap_before and (not edge_before or gap_after or edge_after)
    return left, right


def _is_edge(char: str, *, symbols: bool) -> bool:
    return is_punctuation(char) or (symbols and is_symbol(char))


def _delimiters(char: str, runs: list[_Run]) -> Iterable[_Run]:
    """The runs that could be one end of a pair."""
    if char == "~":
        runs = [run for run in runs if run.end - run.start > 1]
    first = min((run.start for run in runs if run.opens), default=None)
    last = max((run.start for run in runs if run.closes), default=None)
    if first is None or last is None or first >= last:
        return []
    return [
        run
        for run in runs
        if (run.opens and run.start < last) or (run.closes and run.start > first)
    ]


def _ticks(runs: list[_Run]) -> Iterable[_Run]:
    """All runs of backticks, or none: even an escaped one ends code that another one begins."""
    return runs if len(runs) > 1 else []


def _misread(text: str, at: int) -> bool:
    """Whether a ``]``, backslash, ``<`` or ``&`` means something where it stands."""
    match text[at]:
        case "]":
            return text.startswith("(", at + 1)
        case "\\":
            follower = text[at + 1 : at + 2]
            return follower in {"", "\n"} or follower in _ASCII_PUNCTUATION
        case "<":
            end = text.find(">", at, at + 2048)
            inside = text[at + 1 : end]
            return end > 0 and (":" in inside or "@" in inside or inside.startswith(("br", "BR")))
        case _:
            end = text.find(";", at, at + _MAX_ENTITY)
            return end > 0 and unescape(text[at : end + 1]) != text[at : end + 1]


def _line_starts(text: str) -> Iterator[tuple[int, int]]:
    """The lines (start, end) that begin with something Markdown may take for a block."""
    start = 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if start < end and text[start] in _STARTS:
            yield start, end
        start = end + 1


def _at_starts(text: str, lines: list[tuple[int, int]]) -> Iterator[int]:
    """The characters to escape at the start of lines."""
    for start, end in lines:
        line = text[start:end].lstrip(" \t")
        if line:
            at = end - len(line)
            yield from (at + each for each in _block_start(line, text, start))


def _block_start(line: str, text: str, start: int) -> Iterable[int]:
    """The places to escape in a line, so that it begins no block of its own."""
    first = line[0]
    if first in "*_" and _is_rule(line):
        return range(len(line) - len(line.lstrip(first)))
    if first == ">" or _is_rule(line) or _is_underline(line, text, start):
        return (0,)
    if first in "`~":
        length = len(line) - len(line.lstrip(first))
        return range(length) if length >= 3 else ()  # noqa: PLR2004 a fence is three or more
    if first == "#":
        level = len(line) - len(line.lstrip("#"))
        return (0,) if level <= _MAX_HEADING and _is_gap(line, level) else ()
    if first in "+-*":
        return (0,) if _is_gap(line, 1) else ()
    if first == "[":
        return (0,) if "]:" in line else ()
    return _numbered(line, interrupts=start > 0)


def _numbered(line: str, *, interrupts: bool) -> Iterable[int]:
    """A number as of a list; inside a paragraph only a 1 begins a list."""
    digits = 0
    while digits < len(line) and line[digits] in "0123456789":
        digits += 1
    if not 0 < digits <= _MAX_DIGITS or line[digits : digits + 1] not in {".", ")"}:
        return ()
    if not _is_gap(line, digits + 1) or (interrupts and int(line[:digits]) != 1):
        return ()
    return (digits,)


def _is_gap(line: str, at: int) -> bool:
    return at >= len(line) or line[at] in " \t"


def _is_rule(line: str) -> bool:
    marks = line.replace(" ", "").replace("\t", "")
    return len(marks) >= 3 and marks[0] in "-*_" and marks == marks[0] * len(marks)  # noqa: PLR2004 as CommonMark has it


def _is_underline(line: str, text: str, start: int) -> bool:
    """Whether a line makes the one before it a heading or the head of a table."""
    if not start:
        return False
    bare = line.rstrip()
    if bare == bare[0] * len(bare) and bare[0] in "=-":
        return True
    before = text.rfind("\n", 0, start - 1) + 1
    return "-" in bare and not bare.strip("-:| \t") and "|" in text[before:start]
