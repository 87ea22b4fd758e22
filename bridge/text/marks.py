"""Scanner for the marks inside one line of WhatsApp text."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from bridge.text.addresses import find_addresses
from bridge.text.characters import in_word
from bridge.text.tree import Bold, Code, Inline, Italic, Plain, Strike

FENCE = "```"
TICK = "`"
MARKS: dict[str, type[Bold | Italic | Strike]] = {"*": Bold, "_": Italic, "~": Strike}

#: Where a mark or code begins: where it ends.
_Pairs = dict[int, int]


def read_line(line: str) -> list[Inline]:
    """Read one line. A mark opens after what is no letter or digit, and closes before it.

    Of two openings of one mark the later one counts; marks that cross are left as text.
    """
    if not any(char in line for char in "*_~`"):
        return [Plain(text=line)] if line else []
    pairs = _find_pairs(line)
    return _build(_Line(text=line, pairs=pairs, openings=sorted(pairs)), 0, len(line))


def _find_pairs(line: str) -> _Pairs:
    pairs: _Pairs = {}
    opened: dict[str, int] = {}
    skip = dict(find_addresses(line))
    last_tick = line.rfind(TICK)
    at = 0
    while at < len(line):
        char = line[at]
        step = at + 1
        if at in skip:
            step = skip[at]
        elif char == TICK:
            end = _code_end(line, at) if at < last_tick else 0
            if end:
                pairs[at] = step = end
            else:
                while step < len(line) and line[step] == TICK:
                    step += 1
        elif char in MARKS:
            _mark(line, at, opened, pairs)
        at = step
    return pairs


def _mark(line: str, at: int, opened: dict[str, int], pairs: _Pairs) -> None:
    """Take the mark at `at` as a closing one, else as an opening one, else as text."""
    char = line[at]
    before = line[at - 1] if at else " "
    after = line[at + 1] if at + 1 < len(line) else " "
    if char in (before, after):
        return
    start = opened.get(char)
    if start is not None and not before.isspace() and not in_word(after):
        pairs[start] = at + 1
        for crossed in [each for each, place in opened.items() if place >= start]:
            del opened[crossed]
    elif not in_word(before) and not after.isspace():
        opened[char] = at


def _code_end(line: str, at: int) -> int:
    """The end of the code that begins at `at`; 0 when none begins there."""
    if line.startswith(FENCE, at):
        close = line.find(FENCE, at + len(FENCE))
        inside = line[at + len(FENCE) : close]
        return close + len(FENCE) if close > 0 and inside.strip("`").strip() else 0
    close = line.find(TICK, at + 1)
    before = line[at - 1 : at]
    after = line[close + 1 : close + 2]
    bordered = not in_word(before) and not in_word(after) and after != TICK
    return close + 1 if close > 0 and bordered and line[at + 1 : close].strip() else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line, the marks and code found in it, and where these begin, in order."""

    text: str
    pairs: _Pairs
    openings: list[int]


def _build(line: _Line, start: int, end: int) -> list[Inline]:
    """The nodes of a part of a line. Three marks, none inside itself: three levels at most."""
    nodes: list[Inline] = []
    plain = start
    index = bisect_left(line.openings, start)
    while index < len(line.openings) and (opening := line.openings[index]) < end:
        closing = line.pairs[opening]
        if opening > plain:
            nodes.append(Plain(text=line.text[plain:opening]))
        nodes.append(_node(line, opening, closing))
        plain = closing
        index = bisect_left(line.openings, closing, index)
    if plain < end:
        nodes.append(Plain(text=line.text[plain:end]))
    return nodes


def _node(line: _Line, opening: int, closing: int) -> Inline:
    text = line.text
    if text[opening] != TICK:
        return MARKS[text[opening]](children=tuple(_build(line, opening + 1, closing - 1)))
    if text.startswith(FENCE, opening):
        return Code(text=text[opening + 3 : closing - 3], triple=True)
    return Code(text=text[opening + 1 : closing - 1])
