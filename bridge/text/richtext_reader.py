"""Reader of Typebot's rich text: the tree that its editor writes (typebot-api.md 2.1).

It takes any decoded JSON and never raises. What is not known is read for the text inside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

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

#: Leaves of one text that are read; an editor's text has some hundred.
_MOST_LEAVES = 20_000
_MOST_BLOCKS = 5_000

#: From the outside to the inside where several marks cover the same text.
_MARKS: tuple[tuple[str, type[Bold | Italic | Strike]], ...] = (
    ("italic", Italic),
    ("bold", Bold),
    ("strikethrough", Strike),
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = frozenset({"ul", "ol"})
_BLOCKS = frozenset({"p", "blockquote", "code_block", "hr", *_LISTS, *_HEADINGS})
#: What stands within a line beside leaves, which have no type; the last two are of old servers.
_WITHIN = frozenset({"", "a", "variable", "inline-variable"})
#: Blocks that an empty line sets apart from what is before and behind them.
_APART = (Heading, Quote, CodeBlock)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaf:
    """A piece of text, or a link, which is one piece; `marks` are those of `_MARKS` on it."""

    node: Inline
    marks: frozenset[str]


def read(tree: Any) -> Document:
    """Read the list of blocks of one text bubble.

    Lines stay as they were typed, marks of WhatsApp that the builder wrote by hand as well.
    Marks sit on text, never on its outer blanks; lists are bulleted with ``-``. Trees deeper or
    larger than any editor makes are cut.
    """
    found = _blocks(tree if isinstance(tree, list) else [], depth=0)
    blocks = list(islice(found, _MOST_BLOCKS))
    while blocks and isinstance(blocks[-1], Blank):
        blocks.pop()
    if blocks and isinstance(last := blocks[-1], Paragraph):
        blocks[-1] = Paragraph(children=_without_end(last.children))
    return Document(blocks=tuple(_spaced(blocks)))


def _without_end(nodes: tuple[Inline, ...]) -> tuple[Inline, ...]:
    """Take the line breaks from the end of the last line."""
    while nodes and isinstance(nodes[-1], Break):
        nodes = nodes[:-1]
    return nodes


def _children(element: Any) -> list[Any]:
    found = element.get("children") if isinstance(element, dict) else None
    return found if isinstance(found, list) else []


def _kind(element: Any) -> str:
    kind = element.get("type") if isinstance(element, dict) else None
    return kind if isinstance(kind, str) else ""


def _blocks(elements: Sequence[Any], *, depth: int) -> Iterator[Block]:
    """The blocks of elements. Leaves that follow each other without a ``p`` are one paragraph."""
    beside = _has_leaves(elements)
    for in_line, run in groupby(elements, key=lambda one: _is_inline(one, beside=beside)):
        if in_line:
            yield _paragraph(list(run))
        else:
            for element in run:
                yield from _block(element, depth=depth)


def _has_leaves(elements: Sequence[Any]) -> bool:
    return any(isinstance(one, dict) and isinstance(one.get("text"), str) for one in elements)


def _is_inline(element: Any, *, beside: bool) -> bool:
    """Whether an element goes on with the line; `beside`: there are leaves among its siblings.

    The editor never puts blocks beside leaves, so that what we do not know is inline there, and
    a block of its own elsewhere.
    """
    kind = _kind(element)
    known = kind in _WITHIN or (beside and kind not in _BLOCKS)
    return kind == "a" or (known and not _holds_blocks(element))


def _outside(elements: Sequence[Any]) -> list[str]:
    """The kinds of those that do not go on with the line."""
    beside = _has_leaves(elements)
    return [_kind(one) for one in elements if not _is_inline(one, beside=beside)]


def _holds_blocks(element: Any) -> bool:
    return any(_kind(child) in _BLOCKS for child in _children(element))


def _block(element: Any, *, depth: int) -> Iterator[Block]:
    kind, children = _kind(element), _children(element)
    if depth >= MAX_DEPTH:
        yield _paragraph([element])
    elif kind in _HEADINGS:
        inline = _inline(children)
        yield Heading(level=_HEADINGS[kind], children=inline) if inline else Blank()
    elif kind == "blockquote":
        yield Quote(blocks=tuple(_blocks(children, depth=depth + 1)))
    elif kind == "code_block":
        # The fences stand on lines of their own, as Typebot's own channel writes them.
        code = "\n".join(_text(_inline([line])) for line in children[:_MOST_BLOCKS])
        yield CodeBlock(text=f"\n{code}\n") if code.strip() else Blank()
    elif kind == "hr":
        yield Rule(drawn="***")
    elif kind in _LISTS:
        items = tuple(_items(element, depth=depth))
        yield Listing(items=items, ordered=kind == "ol") if items else Blank()
    elif kind == "p" and not _holds_blocks(element):
        yield _paragraph(children)
    elif kind == "p" and _outside(children) == ["p"]:
        # A variable of one paragraph, put into the middle of another.
        yield _paragraph(children)
    elif not _outside(children):
        yield _paragraph([element])
    else:
        yield from _blocks(children, depth=depth + 1)


def _items(listing: Any, *, depth: int) -> Iterator[Item]:
    for number, child in enumerate(_children(listing)[:_MOST_BLOCKS], start=1):
        inside = _children(child) if _kind(child) == "li" else [child]
        blocks = tuple(_blocks(inside, depth=depth + 1))
        yield Item(marker=f"{number}." if _kind(listing) == "ol" else "-", blocks=blocks)


def _paragraph(elements: list[Any]) -> Paragraph | Blank:
    inline = _inline(elements)
    return Paragraph(children=inline) if inline else Blank()


def _spaced(blocks: list[Block]) -> Iterator[Block]:
    """Blocks with an empty line where two would be read as one, or run into each other."""
    before: Block | None = None
    for block in blocks:
        if before is not None and not isinstance(before, Blank) and not isinstance(block, Blank):
            lists = isinstance(before, Listing) and isinstance(block, Listing)
            if lists or isinstance(before, _APART) or isinstance(block, _APART):
                yield Blank()
        yield block
        before = block


def _inline(elements: list[Any]) -> tuple[Inline, ...]:
    return _marked(_leaves(elements, url=None))


def _leaves(elements: list[Any], *, url: str | None) -> list[_Leaf]:
    """All leaves below elements, in order; of any depth, since nothing here calls itself.

    But a link inside a link, which no editor makes, is only its text.
    """
    leaves: list[_Leaf] = []
    waiting = list(reversed(elements))
    while waiting and len(leaves) < _MOST_LEAVES:
        element = waiting.pop()
        if not isinstance(element, dict):
            continue
        text = element.get("text")
        if isinstance(text, str):
            leaves += _leaf(element, text)
        elif url is None and (_kind(element) == "a" or _address(element)):
            leaves += _link(element)
        else:
            waiting += reversed(_children(element))
    return leaves


def _leaf(element: dict[str, Any], text: str) -> Iterator[_Leaf]:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    marks = frozenset(name for name, _ in _MARKS if element.get(name) is True)
    if element.get("code") is True:
        if text:
            yield _Leaf(node=Code(text=text), marks=marks)
        return
    for at, line in enumerate(text.split("\n")):
        if at:
            yield _Leaf(node=Break(), marks=marks)
        if line:
            yield _Leaf(node=Plain(text=line), marks=marks)


def _address(element: dict[str, Any]) -> str:
    """Where an element leads: a link, or a picture that we do not know."""
    address = element.get("url")
    return "".join(address.split()) if isinstance(address, str) else ""


def _link(element: dict[str, Any]) -> list[_Leaf]:
    """A link as one piece; one without an address is its label, one without a label its address."""
    url = _address(element)
    inside = _leaves(_children(element), url=url)
    label = _marked(inside)
    if not url:
        return inside
    if _text(label).strip() == url:
        label = ()
    return [_Leaf(node=Link(url=url, children=label), marks=frozenset())]


def _marked(leaves: Sequence[_Leaf]) -> tuple[Inline, ...]:
    """Nodes of leaves. The mark that covers most is outside, and equal neighbours share one."""
    nodes: list[Inline] = []
    at = 0
    while at < len(leaves):
        end, name = max(
            ((_run(leaves, at, name), name) for name in _names(leaves[at])),
            key=lambda found: found[0],
            default=(at, ""),
        )
        if end == at:
            _add(nodes, leaves[at].node)
            at += 1
            continue
        inside = [_Leaf(node=one.node, marks=one.marks - {name}) for one in leaves[at:end]]
        nodes.append(dict(_MARKS)[name](children=_marked(inside)))
        at = end
    return tuple(nodes)


def _names(leaf: _Leaf) -> Iterator[str]:
    return (name for name, _ in _MARKS if name in leaf.marks)


def _run(leaves: Sequence[_Leaf], at: int, name: str) -> int:
    """Where the leaves end that bear a mark, from `at` on."""
    while at < len(leaves) and name in leaves[at].marks:
        at += 1
    return at


def _add(nodes: list[Inline], node: Inline) -> None:
    """Append a node; text and code that follow their like become one with it."""
    last: Inline | None = nodes[-1] if nodes else None
    match last, node:
        case Code(text=before), Code(text=text):
            nodes[-1] = Code(text=before + text)
        case _:
            nodes.append(node)


def _text(nodes: Sequence[Inline]) -> str:
    """The text of nodes without their marks."""
    parts: list[str] = []
    waiting = list(reversed(nodes))
    while waiting:
        node = waiting.pop()
        match node:
            case Plain(text=text) | Code(text=text):
                parts.append(text)
            case Break():
                parts.append("\n")
            case _:
                waiting += reversed(node.children)
    return "".join(parts)
