"""Markdown in the value of a variable, read into the tree of a rich text."""

from __future__ import annotations

from typing import Any, TypeAlias

from markdown_it import MarkdownIt
from markdown_it.token import Token

Json: TypeAlias = dict[str, Any]

_READER = MarkdownIt("commonmark", {"html": False}).enable("strikethrough")
_MARKS = {"strong": "bold", "em": "italic", "s": "strikethrough"}
_LISTS = {"bullet_list": "ul", "ordered_list": "ol", "list_item": "li"}


def blocks_of(text: str) -> list[Json]:
    """Read a value. Each line is a paragraph; blanks at both ends stay.

    A blank line is an empty paragraph, as in the builder's editor.
    """
    core = text.strip(" ")
    if not core:
        return [{"type": "p", "children": [{"text": text}]}]
    blocks = _Reader(_READER.parse(core)).blocks()
    return _padded(blocks, text[: len(text) - len(text.lstrip(" "))], text[len(text.rstrip(" ")) :])


def _padded(blocks: list[Json], before: str, after: str) -> list[Json]:
    if before and blocks and blocks[0]["type"] == "p":
        blocks[0]["children"].insert(0, {"text": before})
    if after and blocks and blocks[-1]["type"] == "p":
        blocks[-1]["children"].append({"text": after})
    return blocks


class _Reader:
    """Walks the tokens of one value."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def blocks(self, closing: str | None = None) -> list[Json]:
        found: list[Json] = []
        last_line: int | None = None
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.type == closing:
                break
            if token.map and closing is None:
                if last_line is not None:
                    gaps = token.map[0] - last_line
                    found += [{"type": "p", "children": [{"text": ""}]} for _ in range(gaps)]
                last_line = token.map[1]
            found += self._block(token)
        return found

    def _block(self, token: Token) -> list[Json]:
        name = token.type.removesuffix("_open")
        match name:
            case "paragraph":
                return [{"type": "p", "children": line} for line in self._lines("paragraph_close")]
            case "heading":
                (line,) = self._lines("heading_close")[:1] or [[{"text": ""}]]
                return [{"type": token.tag, "children": line}]
            case "blockquote":
                inner = self.blocks("blockquote_close")
                return [{"type": "blockquote", "children": _joined(inner)}]
            case "bullet_list" | "ordered_list":
                return [{"type": _LISTS[name], "children": self.blocks(f"{name}_close")}]
            case "list_item":
                inner = self.blocks("list_item_close")
                return [{"type": "li", "children": [_as_item(block) for block in inner]}]
            case "fence" | "code_block":
                lines = token.content.removesuffix("\n").split("\n")
                rows = [{"type": "code_line", "children": [{"text": line}]} for line in lines]
                return [{"type": "code_block", "children": rows}]
            case "hr":
                return [{"type": "hr", "children": [{"text": ""}]}]
            case _:
                return []

    def _lines(self, closing: str) -> list[list[Json]]:
        lines: list[list[Json]] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.type == closing:
                break
            lines += _inline(token.children or [])
        return lines


def _inline(tokens: list[Token]) -> list[list[Json]]:
    lines: list[list[Json]] = [[]]
    marks: Json = {}
    here = lines[-1]
    for token in tokens:
        name, _, state = token.type.rpartition("_")
        if token.type in ("softbreak", "hardbreak"):
            lines.append([])
            here = lines[-1]
        elif name == "link":
            here = lines[-1] if state == "close" else _link(lines[-1], token)
        elif name in _MARKS:
            mark = _MARKS[name]
            marks = {key: value for key, value in marks.items() if key != mark}
            marks |= {mark: True} if state == "open" else {}
        elif token.content:
            code = {"code": True} if token.type == "code_inline" else {}
            _append(here, {"text": token.content, **marks, **code})
    return [line or [{"text": ""}] for line in lines]


def _append(leaves: list[Json], leaf: Json) -> None:
    """Add a run, to the one before if that has the same marks."""
    last = leaves[-1] if leaves else {}
    if "text" in last and {**last, "text": ""} == {**leaf, "text": ""}:
        last["text"] += leaf["text"]
    else:
        leaves.append(leaf)


def _link(line: list[Json], token: Token) -> list[Json]:
    children: list[Json] = []
    line.append({"type": "a", "url": str(token.attrGet("href") or ""), "children": children})
    return children


def _as_item(block: Json) -> Json:
    return {"type": "lic", "children": block["children"]} if block["type"] == "p" else block


def _joined(blocks: list[Json]) -> list[Json]:
    leaves: list[Json] = []
    for number, block in enumerate(blocks):
        leaves += [{"text": "\n"}] if number else []
        leaves += block["children"]
    return leaves
