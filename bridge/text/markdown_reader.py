"""Reader of Chatwoot's Markdown: from the tokens of `dialect` to the tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

from bridge.text.characters import HAIR_SPACE, in_word
from bridge.text.dialect import parser
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
    Mark,
    Paragraph,
    Plain,
    Quote,
    Rule,
    Strike,
)

_FENCE = 3
#: What joins the parts of a name or path.
_JOINTS = (".", "/", "\\", "(", "[")
#: Tokens of a quote with nothing in it: its opening and its end.
_EMPTY_QUOTE = 2


def read(markdown: str) -> Document:
    """Read Markdown as an agent typed it or as Chatwoot's editor wrote it.

    Lines, empty lines and list markers stay as they were typed.
    """
    source = markdown.replace("\r\n", "\n").replace("\r", "\n")
    tokens = parser().parse(source, {})
    lines = source.split("\n")
    return Document(blocks=tuple(_blocks(tokens, lines, 0, len(lines))))


def _blocks(tokens: Sequence[Token], lines: list[str], start: int, end: int) -> list[Block]:
    """The blocks of the tokens, which stand in the lines from `start` to `end`."""
    blocks: list[Block] = []
    done = start
    at = 0
    while at < len(tokens):
        token = tokens[at]
        closing = _closing(tokens, at)
        first, last = token.map or (done, done)
        if first > done:
            blocks.append(Blank(lines=first - done))
        done = _last_line(lines, first, last)
        blocks.append(_block(tokens[at : closing + 1], lines, first, done))
        at = closing + 1
    if end > done:
        blocks.append(Blank(lines=end - done))
    return blocks


def _closing(tokens: Sequence[Token], at: int) -> int:
    if tokens[at].nesting != 1:
        return at
    level = tokens[at].level
    while not (tokens[at].nesting == -1 and tokens[at].level == level):
        at += 1
    return at


def _last_line(lines: list[str], first: int, last: int) -> int:
    """The end of a block without the empty lines that markdown-it counts as its own."""
    while last > first + 1 and not lines[last - 1].strip(" \t>"):
        last -= 1
    return last


def _block(tokens: Sequence[Token], lines: list[str], start: int, end: int) -> Block:
    token = tokens[0]
    match token.type:
        case "heading_open":
            children = _inline(tokens[1])
            if not children:
                return Paragraph(children=(Plain(text=token.markup),))
            return Heading(level=int(token.tag[1:]), children=children)
        case "hr":
            drawn = lines[start].strip()
            return Rule(drawn=drawn if token.level == 0 else "---")
        case "fence":
            return _fence(token, lines[start:end])
        case "blockquote_open":
            if len(tokens) == _EMPTY_QUOTE:
                return Paragraph(children=(Plain(text=">"),))
            return Quote(blocks=tuple(_blocks(tokens[1:-1], lines, start, end)))
        case "bullet_list_open" | "ordered_list_open":
            return _listing(tokens, lines, end)
        case _:
            return Paragraph(children=_inline(tokens[1]))


def _listing(tokens: Sequence[Token], lines: list[str], end: int) -> Listing:
    """A list; empty lines between two items end the blocks of the first."""
    starts: list[int] = []
    at = 1
    while at < len(tokens) - 1:
        starts.append(at)
        at = _closing(tokens, at) + 1
    items: list[Item] = []
    for index, opening in enumerate(starts):
        token = tokens[opening]
        first, _ = token.map or (0, 0)
        inside = tokens[opening + 1 : _closing(tokens, opening)]
        follower = tokens[starts[index + 1]].map if index + 1 < len(starts) else None
        stop = follower[0] if follower else end
        blocks = _blocks(inside, lines, first, stop) if inside else ()
        items.append(Item(marker=token.info + token.markup, blocks=tuple(blocks)))
    return Listing(items=tuple(items), ordered=tokens[0].type == "ordered_list_open")


def _fence(token: Token, lines: list[str]) -> Block:
    """Fenced code without the name of its language.

    A fence that is never closed is what people type who think of WhatsApp: code that begins
    right behind the backticks, or no code at all.
    """
    text = token.content.removesuffix("\n")
    first = token.info.strip()
    if len(lines) > 1 and lines[-1].strip(" \t>").startswith(token.markup):
        text = f"{first}\n{text}" if " " in first else text
        if text.strip():
            return CodeBlock(text=text)
        return _lines([token.markup + token.info, *token.content.split("\n")[:-1], token.markup])
    whole = f"{token.info}\n{text}" if token.content else token.info
    code = whole.rstrip().removesuffix(token.markup)
    if len(code) < len(whole.rstrip()):
        return CodeBlock(text=code.removeprefix("\n"))
    return _lines(f"{token.markup}{whole}".split("\n"))


def _lines(lines: list[str]) -> Paragraph:
    children: list[Inline] = []
    for line in lines:
        children += [Plain(text=line), Break()]
    return Paragraph(children=tuple(children[:-1]))


@dataclass(slots=True, kw_only=True)
class _Frame:
    """A mark or link that has been opened and collects its children."""

    token: Token | None = None
    before: str = ""
    nodes: list[Inline] = field(default_factory=list)


def _inline(token: Token) -> tuple[Inline, ...]:
    """The nodes of a paragraph. Marks deeper than `MAX_DEPTH` stay as they were typed."""
    frames = [_Frame()]
    too_deep = 0
    tokens = token.children or []
    for at, each in enumerate(tokens):
        if each.nesting == 1:
            if len(frames) > MAX_DEPTH:
                too_deep += 1
                frames[-1].nodes.append(Plain(text=each.markup))
            else:
                frames.append(_Frame(token=each, before=_text_of(tokens, at - 1)))
        elif each.nesting == -1 and too_deep:
            too_deep -= 1
            frames[-1].nodes.append(Plain(text=each.markup))
        elif each.nesting == -1:
            frame = frames.pop()
            frames[-1].nodes += _close(frame, after=_text_of(tokens, at + 1))
        else:
            frames[-1].nodes += _leaf(each, before=_text_of(tokens, at - 1))
    return _without_hairs(frames[0].nodes)


def _without_hairs(nodes: list[Inline]) -> tuple[Inline, ...]:
    """Take out the hair spaces that our writers set between a mark and the text beside it."""
    for at, node in enumerate(nodes):
        if isinstance(node, Plain) and HAIR_SPACE in node.text:
            text = node.text
            if len(text) > 1 and at and isinstance(nodes[at - 1], Mark):
                text = text.removeprefix(HAIR_SPACE)
            if len(text) > 1 and at + 1 < len(nodes) and isinstance(nodes[at + 1], Mark):
                text = text.removesuffix(HAIR_SPACE)
            nodes[at] = Plain(text=text)
    return tuple(nodes)


def _text_of(tokens: Sequence[Token], at: int) -> str:
    """What a token says, if it is there and is text."""
    token = tokens[at] if 0 <= at < len(tokens) else None
    return token.content if token is not None and token.type == "text" else ""


def _is_identifier(name: str, before: str, after: str) -> bool:
    """Whether ``__name__`` is part of a longer name or path: ``__init__.py``, ``x.__class__``."""
    if not name.isidentifier():
        return False
    leads_on = after[:1] in _JOINTS and bool(after[1:2].strip())
    return leads_on or (before[-1:] in _JOINTS and bool(before[-2:-1].strip()))


def _close(frame: _Frame, *, after: str) -> list[Inline]:
    """The node of a frame.

    Marks in the middle of a word (2*3*4) are no marks on WhatsApp, nor are stars beside a number.
    """
    token = frame.token
    children = _without_hairs(frame.nodes)
    if token is None:
        return frame.nodes
    if token.type == "link_open":
        return _link(str(token.attrGet("href") or ""), children, typed="[]()")
    inside_word = in_word(frame.before[-1:]) and in_word(after[:1])
    name = children[0].text if len(children) == 1 and isinstance(children[0], Plain) else ""
    dunder = token.markup == "__" and _is_identifier(name, frame.before, after)
    digit = frame.before[-1:].isdecimal() or after[:1].isdecimal()
    factor = token.markup == "*" and digit
    if inside_word or dunder or factor:
        return [Plain(text=token.markup), *children, Plain(text=token.markup)]
    match token.type:
        case "strong_open":
            return [Bold(children=children)]
        case "em_open":
            return [Italic(children=children)]
        case _:
            return [Strike(children=children)]


def _leaf(token: Token, *, before: str) -> list[Inline]:
    match token.type:
        case "text":
            return [Plain(text=token.content)] if token.content else []
        case "softbreak" | "hardbreak":
            return [Break()]
        case "code_inline":
            triple = len(token.markup) >= _FENCE
            bare = not token.content.strip("` ")
            if bare or (not triple and (in_word(before[-1:]) or "\n" in token.content)):
                return [Plain(text=token.info)]
            return [Code(text=token.content, triple=triple)]
        case "image":
            alt = "".join(each.content for each in token.children or [])
            children = (Plain(text=alt),) if alt else ()
            return _link(str(token.attrGet("src") or ""), children, typed="![]()")
        case _:
            return [Plain(text=token.content)]


def _link(url: str, children: tuple[Inline, ...], *, typed: str) -> list[Inline]:
    """A link; one that leads nowhere and says nothing is the text it was."""
    return [Link(url=url, children=children) if url or children else Plain(text=typed)]
