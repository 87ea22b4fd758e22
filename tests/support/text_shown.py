"""What a dashboard and a phone show of a text, written so that both can be compared.

White space is left out; marks are tags such as ``<B1>`` and ``<B-1>``. The dashboard is played
by a stock markdown-it with Chatwoot's settings (chatwoot-api.md 4.3).
"""

from __future__ import annotations

from markdown_it import MarkdownIt

from bridge.text import whatsapp
from bridge.text.characters import HAIR_SPACE
from bridge.text.tree import (
    Block,
    Bold,
    Code,
    CodeBlock,
    Inline,
    Italic,
    Listing,
    Paragraph,
    Plain,
    Quote,
    Strike,
)

_DASHBOARD = MarkdownIt("js-default", {"html": False, "breaks": True})
_NAMES = {"strong": "B", "em": "I", "s": "S", "blockquote": "Q"}


def shown_by_dashboard(source: str) -> str:
    """Text, marks, quotes and numbers."""
    shown: list[str] = []
    numbers: list[int | None] = []
    for token in _DASHBOARD.parse(source):
        match token.type:
            case "inline":
                for each in token.children or []:
                    name = _NAMES.get(each.tag)
                    shown.append(f"<{name}{each.nesting}>" if name else each.content)
                    shown.append("<link>" if each.type in {"link_open", "image"} else "")
            case "fence" | "code_block":
                shown.append("<code>" + token.content)
            case "ordered_list_open" | "bullet_list_open":
                start = token.attrGet("start")
                first = 1 if start is None else int(start)
                numbers.append(first if token.type == "ordered_list_open" else None)
            case "ordered_list_close" | "bullet_list_close":
                numbers.pop()
            case "list_item_open" if numbers[-1] is not None:
                shown.append(f"{numbers[-1]}.")
                numbers[-1] += 1
            case "blockquote_open" | "blockquote_close":
                shown.append(f"<Q{token.nesting}>")
            case "hr" | "heading_open" | "table_open":
                shown.append(f"<{token.type}>")
            case _:  # the rest shows nothing
                pass
    return "".join("".join(shown).split()).replace(HAIR_SPACE, "")


def shown_by_whatsapp(source: str) -> str:
    """The same of a WhatsApp text."""
    return "".join("".join(_blocks(whatsapp.read(source).blocks)).split())


def _blocks(blocks: tuple[Block, ...]) -> list[str]:
    shown: list[str] = []
    for block in blocks:
        match block:
            case Paragraph(children=children):
                shown += _inline(children)
            case CodeBlock(text=text):
                shown.append("<code>" + text)
            case Quote(blocks=inner):
                shown += ["<Q1>", *_blocks(inner), "<Q-1>"]
            case Listing(items=items, ordered=ordered):
                for item in items:
                    shown.append(f"{int(item.marker[:-1])}." if ordered else "")
                    shown += _blocks(item.blocks)
            case _:  # WhatsApp's texts have no other blocks
                pass
    return shown


def _inline(nodes: tuple[Inline, ...]) -> list[str]:
    shown: list[str] = []
    for node in nodes:
        match node:
            case Plain(text=text) | Code(text=text):
                shown.append(text)
            case Bold(children=children):
                shown += ["<B1>", *_inline(children), "<B-1>"]
            case Italic(children=children):
                shown += ["<I1>", *_inline(children), "<I-1>"]
            case Strike(children=children):
                shown += ["<S1>", *_inline(children), "<S-1>"]
            case _:
                pass
    return shown
