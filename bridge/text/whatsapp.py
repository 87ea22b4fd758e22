"""WhatsApp's markup, read and written (chatwoot-api.md 4.4, evolution-chatwoot.md 3.9).

WhatsApp knows ``*bold*``, ``_italic_``, ``~strike~``, ```` ```monospace``` ````, `` `code` ``,
``> quote``, ``- item`` and ``1. item``. A mark counts only at the border of a word, next to
its text and within its line (`marks`). There is no way of escaping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import assert_never

from bridge.text.marks import FENCE, TICK, read_line
from bridge.text.tree import (
    MAX_DEPTH,
    Blank,
    Block,
    Bold,
    Break,
    Code,
    CodeBlock,
    Document,
    Heading,
    Inline,
    Italic,
    Item,
    Link,
    Listing,
    Paragraph,
    Plain,
    Quote,
    Rule,
    Strike,
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


def write(document: Document) -> str:
    """Write a document so that WhatsApp shows it as well as it can.

    Headings become bold lines, links ``text (url)``. A mark that WhatsApp could not read (inside
    a word) is left out, one that spans lines is set on each.
    """
    return "\n".join(_write_blocks(document.blocks))


def _write_blocks(blocks: Iterable[Block]) -> list[str]:
    return [line for block in blocks for line in _write_block(block)]


def _write_block(block: Block) -> list[str]:
    match block:
        case Paragraph(children=children):
            return _write_inline(children).split("\n")
        case Blank(lines=lines):
            return [""] * lines
        case Heading(children=children):
            return _write_inline((Bold(children=children),)).split("\n")
        case Rule(drawn=drawn):
            return [drawn]
        case CodeBlock(text=text):
            return _write_code(text, triple=True).split("\n")
        case Quote(blocks=blocks):
            return [f"> {line}" if line.strip() else "" for line in _write_blocks(blocks)]
        case Listing(items=items):
            return [line for item in items for line in _write_item(item)]
        case _:
            assert_never(block)


def _write_item(item: Item) -> list[str]:
    marker = "-" if item.marker == "*" else item.marker
    first, *rest = _write_blocks(item.blocks) or [""]
    indent = " " * (len(marker) + 1)
    return [f"{marker} {first}".rstrip(), *(indent + line if line else "" for line in rest)]


def _write_inline(
    nodes: tuple[Inline, ...], *, before: str = "", after: str = "", active: str = ""
) -> str:
    """Write part of a paragraph, which stands between two characters and in the marks `active`."""
    written: list[str] = []
    for index, node in enumerate(nodes):
        follower = nodes[index + 1] if index + 1 < len(nodes) else None
        text = _write_node(
            node, before=before, after=_first(follower) if follower else after, active=active
        )
        written.append(text)
        before = text[-1:] or before
    return "".join(written)


def _first(node: Inline) -> str:
    """The character that a node begins with, as far as a mark before it needs to know."""
    match node:
        case Plain(text=text) | Link(url=text, children=()):
            return text[:1]
        case Link(children=(child, *_)):
            return _first(child)
        case _:
            return " "


def _write_node(node: Inline, *, before: str, after: str, active: str) -> str:
    match node:
        case Plain(text=text):
            return text
        case Break():
            return "\n"
        case Code(text=text, triple=triple):
            return _write_code(text, triple=triple)
        case Link(url=url, children=children):
            return _write_link(url, _write_inline(children, before=before, active=active))
        case Bold(children=children):
            return _write_mark("*", children, before=before, after=after, active=active)
        case Italic(children=children):
            return _write_mark("_", children, before=before, after=after, active=active)
        case Strike(children=children):
            return _write_mark("~", children, before=before, after=after, active=active)
        case _:
            assert_never(node)


def _write_mark(
    mark: str, children: tuple[Inline, ...], *, before: str, after: str, active: str
) -> str:
    shown = mark not in active and not before.isalnum() and not after.isalnum()
    if not shown:
        return _write_inline(children, before=before, after=after, active=active)
    inside = _write_inline(children, active=active + mark)
    return "\n".join(_surround(line, mark) for line in inside.split("\n"))


def _surround(line: str, mark: str) -> str:
    """Set a mark around a line, next to its text."""
    text = line.strip()
    if not text:
        return line
    start = line.index(text)
    return f"{line[:start]}{mark}{text}{mark}{line[start + len(text) :]}"


def _write_code(text: str, *, triple: bool) -> str:
    """Code in a form that can hold it; text that holds three backticks has none."""
    if FENCE in text or not text.strip():
        return text
    if triple or TICK in text or "\n" in text:
        return f"{FENCE}{text}{FENCE}"
    return f"{TICK}{text}{TICK}"


def _write_link(url: str, text: str) -> str:
    if text.startswith("@") and url.startswith("mention:"):
        return text
    if not text or _bare(text) == _bare(url):
        return url.removeprefix("mailto:").removeprefix("tel:")
    return f"{text} ({url})" if url else text


def _bare(url: str) -> str:
    """An address without what people leave out when they write it."""
    for prefix in ("https://", "http://", "mailto:", "tel:"):
        url = url.removeprefix(prefix)
    return url.removesuffix("/")
