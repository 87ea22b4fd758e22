"""Reader of WhatsApp's markup: blocks here, what is in a line in `marks`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bridge.text.marks import FENCE, read_line
from bridge.text.tree import (
    MAX_DEPTH,
    Blank,
    Block,
    Break,
    CodeBlock,
    Document,
    Inline,
    Item,
    Listing,
    Paragraph,
    Quote,
)

_MAX_DIGITS = 9

#: A line of a list: how far it is indented, its marker, its text.
_Entry = tuple[int, str, str]


def read(text: str) -> Document:
    """Read a text as WhatsApp shows it. Code that spans lines becomes a block of its own."""
    blocks: list[Block] = []
    done = at = 0
    while (start := text.find(FENCE, at)) >= 0:
        end = text.find(FENCE, start + len(FENCE))
        if end < 0:
            break
        at = end + len(FENCE)
        code = text[start + len(FENCE) : end]
        if "\n" in code and not code.isspace():
            blocks += _read_lines(_lines_between(text, done, start))
            blocks.append(CodeBlock(text=code.removeprefix("\n").removesuffix("\n")))
            done = at
    blocks += _read_lines(_lines_between(text, done, len(text)))
    return Document(blocks=tuple(blocks))


def _lines_between(text: str, start: int, end: int) -> list[str]:
    """The lines of a part, without the line breaks that part it from code blocks."""
    part = text[start:end]
    if not part or (part == "\n" and start and end < len(text)):
        return []
    if start:
        part = part.removeprefix("\n")
    if end < len(text):
        part = part.removesuffix("\n")
    return part.split("\n")


def _read_lines(lines: list[str], *, quotes: bool = True) -> list[Block]:
    blocks: list[Block] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if _is_blank(line):
            end = _run(lines, at, _is_blank)
            blocks.append(Blank(lines=end - at))
        elif quotes and _is_quote(line):
            end = _run(lines, at, _is_quote)
            quoted = [each[2:] for each in lines[at:end]]
            blocks.append(Quote(blocks=tuple(_read_lines(quoted, quotes=False))))
        elif _entry(line):
            end = _run(lines, at, lambda each: _entry(each) is not None)
            blocks += _listings([entry for each in lines[at:end] if (entry := _entry(each))])
        else:
            end = _run(lines, at, lambda each: _is_text(each, quotes=quotes))
            blocks.append(_paragraph(lines[at:end]))
        at = end
    return blocks


def _run(lines: list[str], at: int, alike: Callable[[str], bool]) -> int:
    """The end of the run of lines that are alike; the line at `at` is known to be."""
    end = at + 1
    while end < len(lines) and alike(lines[end]):
        end += 1
    return end


def _is_blank(line: str) -> bool:
    return not line or line.isspace()


def _is_quote(line: str) -> bool:
    return line.startswith("> ") and not line[2:].isspace() and len(line) > len("> ")


def _is_text(line: str, *, quotes: bool) -> bool:
    return not _is_blank(line) and not (quotes and _is_quote(line)) and _entry(line) is None


def _entry(line: str) -> _Entry | None:
    if _is_blank(line):
        return None
    start = len(line) - len(line.lstrip(" \t"))
    if line[start] in "-*":
        end = start + 1
    else:
        end = start
        while line[end : end + 1].isdecimal() and line[end].isascii():
            end += 1
        if end == start or end - start > _MAX_DIGITS or line[end : end + 1] != ".":
            return None
        end += 1
    text = line[end + 1 :]
    drawn = text.strip("-* \t") if end == start + 1 else text  # - - - is no list
    if line[end : end + 1] != " " or _is_blank(drawn):
        return None
    return start, line[start:end], text


def _listings(entries: list[_Entry], depth: int = 1) -> list[Block]:
    """Lists from their lines: what is indented further belongs to the item above it."""
    found: list[Listing] = []
    at = 0
    while at < len(entries):
        indent, marker, text = entries[at]
        end = at + 1
        while depth < MAX_DEPTH and end < len(entries) and entries[end][0] >= indent + 2:
            end += 1
        inner = _listings(entries[at + 1 : end], depth + 1)
        item = Item(marker=marker, blocks=(_paragraph([text]), *inner))
        found.append(Listing(items=(item,), ordered=marker[-1] == "."))
        at = end
    return list(_joined(found))


def _joined(listings: list[Listing]) -> Iterable[Listing]:
    """Neighbours of one kind as one list."""
    run: list[Listing] = []
    for each in listings:
        if run and _kind(run[-1]) != _kind(each):
            yield Listing(items=tuple(one.items[0] for one in run), ordered=run[0].ordered)
            run = []
        run.append(each)
    if run:
        yield Listing(items=tuple(one.items[0] for one in run), ordered=run[0].ordered)


def _kind(listing: Listing) -> str:
    return listing.items[0].marker[-1]


def _paragraph(lines: list[str]) -> Paragraph:
    children: list[Inline] = []
    for index, line in enumerate(lines):
        if index:
            children.append(Break())
        children += read_line(line)
    return Paragraph(children=tuple(children))
