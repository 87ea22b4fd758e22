"""The formatting tree that all markups share.

A document is a column of blocks, each of which fills whole lines. Blocks follow each other
directly; empty lines are blocks of their own (`Blank`), so that a text keeps its shape on the
way through the tree. Writers add what their markup needs between two blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, Union

#: How deep readers nest lists and quotes; what lies deeper stays as it was typed.
MAX_DEPTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """Text as it is to be seen; no character of it means anything."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """The end of a line inside a paragraph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bold:
    children: tuple[Inline, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Italic:
    children: tuple[Inline, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    children: tuple[Inline, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Code inside a line. `triple` is WhatsApp's older form, which it shows in another type."""

    text: str
    triple: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link or an image behind a text; addresses that stand in a text by themselves are Plain."""

    url: str
    children: tuple[Inline, ...]


Mark: TypeAlias = Bold | Italic | Strike
Inline: TypeAlias = Union["Plain", "Break", "Bold", "Italic", "Strike", "Code", "Link"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    children: tuple[Inline, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blank:
    """Empty lines."""

    lines: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    level: int
    children: tuple[Inline, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A horizontal line, as it was drawn."""

    drawn: str = "---"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeBlock:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One entry of a list. `marker` is what stands before it: ``-``, ``*``, ``+``, ``3.``."""

    marker: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list: bulleted, or numbered with the numbers in the markers."""

    items: tuple[Item, ...]
    ordered: bool = False


Block: TypeAlias = Union["Paragraph", "Blank", "Heading", "Rule", "CodeBlock", "Quote", "Listing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    blocks: tuple[Block, ...]
