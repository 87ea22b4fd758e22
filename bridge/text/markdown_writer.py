"""Writer of Markdown for Chatwoot's dashboard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from bridge.text.addresses import find_addresses
from bridge.text.characters import HAIR_SPACE, is_gap
from bridge.text.escaping import Piece, Role, escape, is_punctuation, is_symbol
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

_BREAK = Piece(text="\n", role=Role.MARKUP)


def write(document: Document) -> str:
    """Write a document so that Chatwoot's dashboard shows just that.

    Characters are escaped only where they would be misread; addresses never are.
    """
    return "\n".join(_write_blocks(document.blocks))


def _write_blocks(blocks: Iterable[Block]) -> list[str]:
    lines: list[str] = []
    previous: Block | None = None
    expected = 0
    for block in blocks:
        if previous is not None and _would_merge(previous, block):
            lines.append("")
        if isinstance(block, Listing):
            written, expected = _write_listing(block, expected)
            lines += written
        else:
            if not isinstance(block, Blank):
                expected = 0
            lines += _write_block(block)
        previous = block
    return lines


def _would_merge(previous: Block, block: Block) -> bool:
    """Whether Markdown would take a block for a part of the one directly before it."""
    match previous, block:
        case (Quote() | Listing(), Paragraph()) | (Quote(), Quote()) | (Paragraph(), Rule()):
            return True
        case _:
            return False


def _write_block(block: Paragraph | Blank | Heading | Rule | CodeBlock | Quote) -> list[str]:
    match block:
        case Paragraph(children=children):
            return _write_inline(children).split("\n")
        case Blank(lines=lines):
            return [""] * lines
        case Heading(level=level, children=children):
            return [f"{'#' * level} {_write_inline(children)}".replace("\n", " ")]
        case Rule():
            return ["---"]
        case CodeBlock(text=text):
            fence = "`" * max(3, _longest_run(text, "`") + 1)
            return [fence, *text.split("\n"), fence]
        case Quote(blocks=blocks):
            return [f"> {line}" if line else ">" for line in _write_blocks(blocks)]
        case _:
            assert_never(block)


def _write_listing(listing: Listing, expected: int) -> tuple[list[str], int]:
    """Write a list, and say which number would come next.

    Markdown counts by itself: a number out of turn is escaped, so that it stays as it is.
    """
    lines: list[str] = []
    for item in listing.items:
        marker = item.marker
        number = int(marker[:-1]) if marker[:-1].isdecimal() else 0
        if not listing.ordered:
            expected = 0
        elif expected and number != expected:
            marker = f"{marker[:-1]}\\{marker[-1]}"
        else:
            expected = number + 1
        lines += _write_item(item, marker)
    return lines, expected


def _write_item(item: Item, marker: str) -> list[str]:
    first, *rest = _write_blocks(item.blocks) or [""]
    indent = " " * (len(item.marker) + 1)
    return [
        f"{marker} {first}" if first else marker,
        *(indent + line if line else "" for line in rest),
    ]


def _write_inline(children: tuple[Inline, ...]) -> str:
    return escape(_pieces(children, before="", after=""))


def _pieces(nodes: tuple[Inline, ...], *, before: str, after: str) -> list[Piece]:
    """The pieces of part of a paragraph that will stand between two characters."""
    pieces: list[Piece] = []
    for index, node in enumerate(nodes):
        follower = nodes[index + 1] if index + 1 < len(nodes) else None
        written = _node(node, before=before, after=_first(follower) if follower else after)
        if pieces and written and _would_join(pieces[-1], written[0]):
            pieces.append(Piece(text=HAIR_SPACE, role=Role.MARKUP))
        pieces += written
        before = pieces[-1].text[-1:] if pieces else before
    return pieces


def _would_join(last: Piece, first: Piece) -> bool:
    """Whether the stars of two marks, or the ticks of two codes, would be read as one run."""
    ends = last.text[-1:] + first.text[:1]
    if last.role is first.role is Role.MARKUP:
        return ends == "**"
    return last.role is first.role is Role.VERBATIM and ends == "``"


def _first(node: Inline) -> str:
    """The character that a node begins with, as far as a mark before it needs to know."""
    match node:
        case Plain(text=text):
            return text[:1]
        case _:
            return "*"


def _node(node: Inline, *, before: str, after: str) -> list[Piece]:
    match node:
        case Plain(text=text):
            return _plain(text)
        case Break():
            return [_BREAK]
        case Code(text=text, triple=triple):
            return [Piece(text=_code(text, triple=triple), role=Role.VERBATIM)]
        case Link(url=url, children=children):
            return _link(url, children)
        case Bold(children=children):
            return _mark("**", children, before=before, after=after)
        case Italic(children=children):
            tight = _is_tight(before) or _is_tight(after)
            return _mark("*" if tight else "_", children, before=before, after=after)
        case Strike(children=children):
            return _mark("~~", children, before=before, after=after)
        case _:
            assert_never(node)


def _plain(text: str) -> list[Piece]:
    """Text in pieces, with its addresses apart."""
    pieces: list[Piece] = []
    done = 0
    for start, end in find_addresses(text, handles=False):
        if start > done:
            pieces.append(Piece(text=text[done:start], role=Role.LITERAL))
        pieces.append(Piece(text=text[start:end], role=Role.VERBATIM))
        done = end
    if done < len(text):
        pieces.append(Piece(text=text[done:], role=Role.LITERAL))
    return pieces


def _mark(mark: str, children: tuple[Inline, ...], *, before: str, after: str) -> list[Piece]:
    """Pieces between marks.

    Where CommonMark would not take the mark (between punctuation and, say, an emoji), a hair
    space lets it.
    """
    inside = _pieces(children, before=mark[0], after=mark[0])
    if not "".join(piece.text for piece in inside).strip():
        return inside
    lead, inside, trail = _trim(inside)
    text = "".join(piece.text for piece in inside)
    sign = Piece(text=mark, role=Role.MARKUP)
    hair = Piece(text=HAIR_SPACE, role=Role.MARKUP)
    left = [hair] if _hides(before, text[0]) else []
    right = [hair] if _hides(after, text[-1]) else []
    return [*lead, *left, sign, *inside, sign, *right, *trail]


def _trim(pieces: list[Piece]) -> tuple[list[Piece], list[Piece], list[Piece]]:
    """White space at both ends apart: a mark stands next to its text."""
    lead: list[Piece] = []
    trail: list[Piece] = []
    while pieces and not pieces[0].text.strip():
        lead.append(pieces[0])
        pieces = pieces[1:]
    while pieces and not pieces[-1].text.strip():
        trail.insert(0, pieces[-1])
        pieces = pieces[:-1]
    if pieces and pieces[0].text[0].isspace():
        text = pieces[0].text.lstrip()
        lead.append(Piece(text=pieces[0].text[: -len(text)], role=Role.LITERAL))
        pieces = [Piece(text=text, role=pieces[0].role), *pieces[1:]]
    if pieces and pieces[-1].text[-1].isspace():
        text = pieces[-1].text.rstrip()
        trail.insert(0, Piece(text=pieces[-1].text[len(text) :], role=Role.LITERAL))
        pieces = [*pieces[:-1], Piece(text=text, role=pieces[-1].role)]
    return lead, pieces, trail


def _hides(outer: str, inner: str) -> bool:
    """Whether Markdown, in one of its versions, misses a mark between two characters.

    To CommonMark 0.30 symbols such as emoji are like letters, to 0.31 they are punctuation.
    """
    if not _is_tight(outer):
        return False
    return is_punctuation(inner) or (is_symbol(inner) and not is_symbol(outer))


def _is_tight(char: str) -> bool:
    """Whether a character is neither white space nor punctuation to CommonMark."""
    return bool(char) and not is_gap(char) and not is_punctuation(char)


def _code(text: str, *, triple: bool) -> str:
    if not text.strip():
        return text
    longest = _longest_run(text, "`")
    fence = "`" * (3 if triple and longest != 3 else 1)  # noqa: PLR2004 the three backticks of WhatsApp
    if longest >= len(fence):
        fence = "`" * (longest + 1)
    pad = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _link(url: str, children: tuple[Inline, ...]) -> list[Piece]:
    inside = _pieces(children, before="[", after="]")
    text = "".join(piece.text for piece in inside)
    if not url or text in {"", url}:
        return [Piece(text=url, role=Role.VERBATIM)] if url else inside
    target = f"<{url}>" if any(char in url for char in " ()") else url
    opening = Piece(text="[", role=Role.MARKUP)
    closing = Piece(text="](", role=Role.MARKUP)
    end = Piece(text=")", role=Role.MARKUP)
    return [opening, *inside, closing, Piece(text=target, role=Role.VERBATIM), end]


def _longest_run(text: str, char: str) -> int:
    longest = 0
    at = text.find(char)
    while at >= 0:
        end = at
        while end < len(text) and text[end] == char:
            end += 1
        longest = max(longest, end - at)
        at = text.find(char, end)
    return longest
