"""Text bubbles as a flow file writes them: lines with a few marks, or the tree itself.

Marks are `<b>`, `<i>`, `<u>`, `<s>`, `<code>` and `<a href="...">`; all other text stands for
itself.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import orjson

Json: TypeAlias = dict[str, Any]

_TAG = re.compile(r'<(/?)(b|i|u|s|code|a)(?: href="([^"]*)")?>')
_MARKS = {"b": "bold", "i": "italic", "u": "underline", "s": "strikethrough", "code": "code"}


def rich(said: Json) -> list[Json]:
    """Give the tree of a text bubble: from `text`, `lines`, `richText` or `json`."""
    if "json" in said:
        tree = orjson.loads(said["json"])
        return list(tree)
    if "richText" in said:
        return list(said["richText"])
    lines = said["lines"] if "lines" in said else str(said.get("text", "")).split("\n")
    return [{"type": "p", "children": _line(line)} for line in lines]


def _line(line: str) -> list[Json]:
    root: list[Json] = []
    here = root
    marks: Json = {}
    end = 0
    for tag in _TAG.finditer(line):
        _add(here, line[end : tag.start()], marks)
        end = tag.end()
        closes, name, url = tag.groups()
        if name == "a" and not closes:
            here = []
            root.append({"type": "a", "url": url or "", "children": here})
        elif name == "a":
            here = root
        elif closes:
            marks = {key: value for key, value in marks.items() if key != _MARKS[name]}
        else:
            marks = {**marks, _MARKS[name]: True}
    _add(here, line[end:], marks)
    return root or [{"text": ""}]


def _add(leaves: list[Json], text: str, marks: Json) -> None:
    if text:
        leaves.append({"text": text, **marks})
