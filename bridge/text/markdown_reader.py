"""Reader of Chatwoot's Markdown: from the tokens of `dialect` to the tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

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
    Paragraph,
    Plain,
    Quote,
    Rule,
    Strike,
)

_FENCE = 3
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
        return CodeBlock(text=f"{first}\n{text}" if " " in first else text)
    whole = f"{token.info}\n{text}" if token.content else token.info
    code = whole.rstrip().removesuffix(token.markup)
    if len(code) < len(whole.rstrip()):
        return CodeBlock(text=code.removeprefix("\n"))
    children: list[Inline] = []
    for line in f"{token.markup}{whole}".split("\n"):
        children += [Plain(text=line), Break()]
    return Paragraph(children=tuple(children[:-1]))


@dataclass(slots=True, kw_only=True)
class _Frame:
    """A mark or link that has been opened and collects its children."""

    token: Token | None = None
    in_word: bool = False
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
                frames.append(_Frame(token=each, in_word=_ends_word(tokens, at)))
        elif each.nesting == -1 and too_deep:
            too_deep -= 1
            frames[-1].nodes.append(Plain(text=each.markup))
        elif each.nesting == -1:
            frame = frames.pop()
            frames[-1].nodes += _close(frame, within=_begins_word(tokens, at))
        else:
            frames[-1].nodes += _leaf(each, in_word=_ends_word(tokens, at))
    return tuple(frames[0].nodes)


def _ends_word(tokens: Sequence[Token], at: int) -> bool:
    """Whether a letter or digit stands right before a token."""
    return at > 0 and tokens[at - 1].type == "text" and tokens[at - 1].content[-1:].isalnum()


def _begins_word(tokens: Sequence[Token], at: int) -> bool:
    """Whether a letter or digit stands right after a token."""
    follower = tokens[at + 1] if at + 1 < len(tokens) else None
    return follower is not None and follower.type == "text" and follower.content[:1].isalnum()


def _close(frame: _Frame, *, within: bool) -> list[Inline]:
    """The node of a frame. Marks in the middle of a word (2*3*4) are no marks on WhatsApp."""
    token = frame.token
    children = tuple(frame.nodes)
    if token is None:
        return frame.nodes
    if token.type == "link_open":
        return _link(str(token.attrGet("href") or ""), children, typed="[]()")
    if frame.in_word and within:
        return [Plain(text=token.markup), *children, Plain(text=token.markup)]
    match token.type:
        case "strong_open":
            return [Bold(children=children)]
        case "em_open":
            return [Italic(children=children)]
        case _:
            return [Strike(children=children)]


def _leaf(token: Token, *, in_word: bool) -> list[Inline]:
    match token.type:
        case "text":
            return [Plain(text=token.content)] if token.content else []
        case "softbreak" | "hardbreak":
            return [Break()]
        case "code_inline":
            triple = len(token.markup) >= _FENCE
            if not triple and (in_word or "\n" in token.content):
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
