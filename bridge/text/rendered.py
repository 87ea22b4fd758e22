"""Reader of the HTML that Chatwoot 4.10 to 4.12.0 put into webhooks (chatwoot-api.md 4.4).

It knows the few tags of that renderer; every other tag is text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from itertools import pairwise

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

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset({"p", "div", "blockquote", "pre", "ul", "ol", "li", *_HEADINGS})
_INLINES = frozenset({"strong", "b", "em", "i", "del", "s", "strike", "code", "a", "span", "u"})
_EMPTY = frozenset({"br", "hr", "img"})
_MAX_TAG = 4096
_MAX_DIGITS = 9


@dataclass(slots=True, kw_only=True)
class _Tag:
    """A tag that was opened, or the text between two tags (no name)."""

    name: str = ""
    closing: bool = False
    text: str = ""


@dataclass(slots=True, kw_only=True)
class _Frame:
    """An element that is open: what it has gathered so far."""

    tag: _Tag
    nodes: list[Inline] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)


def is_rendered(text: str) -> bool:
    """Whether a whole text is HTML of that renderer, rather than a text that speaks of HTML."""
    stripped = text.strip()
    if not stripped.startswith("<") or not stripped.endswith(">"):
        return False
    first, last = _tag_at(stripped, 0), _tag_at(stripped, stripped.rfind("<"))
    if first is None or last is None or first.closing:
        return False
    return first.name in _BLOCKS and (last.closing or last.name == "hr") and last.name != ""


def read(html: str) -> Document:
    """Read rendered HTML. Paragraphs get an empty line between them; nothing is fetched."""
    frames = [_Frame(tag=_Tag(name="div"))]
    for tag in _tags(html.replace("\r\n", "\n")):
        if not tag.name:
            _text(frames, tag.text)
        elif tag.closing:
            _close(frames, tag.name)
        elif tag.name in _EMPTY:
            _empty(frames, tag)
        elif len(frames) <= 2 * MAX_DEPTH:
            if tag.name in _BLOCKS:
                _finish_paragraph(frames[-1])
            frames.append(_Frame(tag=tag))
    while len(frames) > 1:
        _close(frames, frames[-1].tag.name)
    _finish_paragraph(frames[0])
    return Document(blocks=tuple(_spaced(frames[0].blocks)))


def _tags(html: str) -> Iterator[_Tag]:
    done = 0
    at = html.find("<")
    while at >= 0:
        tag = _tag_at(html, at)
        if tag is not None:
            if at > done:
                yield _Tag(text=html[done:at])
            yield tag
            done = at + len(tag.text)
        at = html.find("<", max(at + 1, done))
    if done < len(html):
        yield _Tag(text=html[done:])


def _tag_at(html: str, at: int) -> _Tag | None:
    """The tag that begins at `at`, if it is one of ours."""
    end = html.find(">", at, at + _MAX_TAG)
    if at < 0 or end < 0:
        return None
    inside = html[at + 1 : end]
    closing = inside.startswith("/")
    word = inside.removeprefix("/").removesuffix("/").split(maxsplit=1)
    name = word[0].lower() if word else ""
    if name not in _BLOCKS and name not in _INLINES and name not in _EMPTY:
        return None
    return _Tag(name=name, closing=closing, text=html[at : end + 1])


def _attribute(tag: _Tag, name: str) -> str:
    """The value of an attribute; empty when there is none."""
    for quote in "\"'":
        _, opening, rest = tag.text.partition(f" {name}={quote}")
        value, closing, _ = rest.partition(quote)
        if opening and closing:
            return unescape(value)
    return ""


def _text(frames: list[_Frame], text: str) -> None:
    frame = frames[-1]
    verbatim = any(each.tag.name == "pre" for each in frames)
    if not text.strip() and frame.tag.name in {"div", "ul", "ol", "blockquote", "li"}:
        return
    for index, line in enumerate(unescape(text).split("\n")):
        after_break = bool(frame.nodes) and isinstance(frame.nodes[-1], Break) and not verbatim
        if index and not after_break:
            frame.nodes.append(Break())
        if line:
            frame.nodes.append(Plain(text=line))


def _empty(frames: list[_Frame], tag: _Tag) -> None:
    frame = frames[-1]
    if tag.name == "br":
        frame.nodes.append(Break())
    elif tag.name == "hr":
        _finish_paragraph(frame)
        frame.blocks.append(Rule())
    else:
        alt = _attribute(tag, "alt")
        children = (Plain(text=alt),) if alt else ()
        frame.nodes.append(Link(url=_attribute(tag, "src"), children=children))


def _close(frames: list[_Frame], name: str) -> None:
    """Close an element, and those that were left open in it; ignored when it is not open."""
    if all(frame.tag.name != name for frame in frames[1:]):
        return
    while True:
        frame = frames.pop()
        _settle(frame, frames[-1])
        if frame.tag.name == name:
            return


def _settle(frame: _Frame, parent: _Frame) -> None:
    """Hand the content of a finished element to its parent."""
    name = frame.tag.name
    if name in _INLINES:
        parent.nodes += _inline(frame)
        parent.blocks += frame.blocks
    elif name in _HEADINGS:
        parent.blocks.append(Heading(level=_HEADINGS[name], children=tuple(frame.nodes)))
    elif name == "pre":
        parent.blocks.append(CodeBlock(text=_plain_text(frame.nodes).removesuffix("\n")))
    elif name == "li":
        _finish_paragraph(frame)
        item = Item(marker=_marker(parent), blocks=tuple(frame.blocks))
        if parent.tag.name in {"ul", "ol"}:
            parent.items.append(item)
        else:
            parent.blocks.append(Listing(items=(item,)))
    else:
        _finish_paragraph(frame)
        parent.blocks += _container(frame)


def _marker(listing: _Frame) -> str:
    if listing.tag.name != "ol":
        return "-"
    start = _attribute(listing.tag, "start")
    first = int(start) if start.isascii() and start.isdecimal() and len(start) <= _MAX_DIGITS else 1
    return f"{first + len(listing.items)}."


def _container(frame: _Frame) -> list[Block]:
    match frame.tag.name:
        case "ul" | "ol":
            items = tuple(frame.items)
            ordered = frame.tag.name == "ol"
            return [*frame.blocks, *([Listing(items=items, ordered=ordered)] if items else [])]
        case "blockquote":
            return [Quote(blocks=tuple(_spaced(frame.blocks)))]
        case _:
            return frame.blocks


def _inline(frame: _Frame) -> list[Inline]:
    children = tuple(frame.nodes)
    match frame.tag.name:
        case "strong" | "b":
            return [Bold(children=children)]
        case "em" | "i":
            return [Italic(children=children)]
        case "del" | "s" | "strike":
            return [Strike(children=children)]
        case "code":
            return [Code(text=_plain_text(frame.nodes))]
        case "a":
            return [Link(url=_attribute(frame.tag, "href"), children=children)]
        case _:
            return frame.nodes


def _plain_text(nodes: list[Inline]) -> str:
    """The text of nodes without their marks."""
    parts: list[str] = []
    for node in nodes:
        match node:
            case Plain(text=text) | Code(text=text):
                parts.append(text)
            case Break():
                parts.append("\n")
            case _:
                parts.append(_plain_text(list(node.children)))
    return "".join(parts)


def _finish_paragraph(frame: _Frame) -> None:
    """Make a paragraph of the text gathered so far.

    The renderer left the editor's last line break as a backslash; it goes.
    """
    nodes = frame.nodes
    while nodes and isinstance(nodes[-1], Break):
        nodes.pop()
    if nodes and isinstance(last := nodes[-1], Plain) and last.text.endswith("\\"):
        nodes[-1] = Plain(text=last.text[:-1])
    if nodes:
        frame.blocks.append(Paragraph(children=tuple(nodes)))
        frame.nodes = []


def _spaced(blocks: list[Block]) -> Iterator[Block]:
    """Blocks with an empty line between each two."""
    yield from blocks[:1]
    for _, block in pairwise(blocks):
        yield Blank()
        yield block
