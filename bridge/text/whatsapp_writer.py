"""Writer of WhatsApp's markup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from bridge.text.characters import HAIR_SPACE, in_word
from bridge.text.marks import FENCE, TICK
from bridge.text.tree import (
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


def write(document: Document) -> str:
    """Write a document so that WhatsApp shows it as well as it can.

    Headings become bold lines, links ``text (url)``. A mark that WhatsApp could not read (inside
    a word) is left out, but a strike, which changes what is said, is parted from the word by a
    hair space. A mark that spans lines is set on each.
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
    first, *rest = _write_blocks(item.blocks) or [""]
    indent = " " * (len(item.marker) + 1)
    return [
        f"{item.marker} {first}" if first else item.marker,
        *(indent + line if line else "" for line in rest),
    ]


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
    if mark in active:
        return _write_inline(children, before=before, after=after, active=active)
    inside = _write_inline(children, active=active + mark)
    left = in_word(before) and not inside[:1].isspace()
    right = in_word(after) and not inside[-1:].isspace()
    if (left or right) and mark != "~":
        return _write_inline(children, before=before, after=after, active=active)
    marked = "\n".join(_surround(line, mark) for line in inside.split("\n"))
    return f"{HAIR_SPACE * left}{marked}{HAIR_SPACE * right}"


def _surround(line: str, mark: str) -> str:
    """Set a mark around a line, next to its text."""
    text = line.strip()
    if not text:
        return line
    start = line.index(text)
    return f"{line[:start]}{mark}{text}{mark}{line[start + len(text) :]}"


def _write_code(text: str, *, triple: bool) -> str:
    """Code in a form that can hold it; text that holds three backticks has none."""
    if FENCE in text or not text.strip(f"{TICK} \n"):
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
