"""Rich text written as Markdown, with `textBubbleContentFormat: markdown` (typebot-api.md 1.5).

A strikethrough mark makes the real serializer throw, and so does this one.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

#: From the innermost mark to the outermost.
_MARKS = (("underline", "<u>", "</u>"), ("bold", "**", "**"), ("italic", "_", "_"))
_DROPPED = frozenset({"variable", "inline-variable"})


class Unwritable(Exception):
    """The serializer knows no such node."""


def commonmark(tree: list[Json]) -> str:
    """Write a tree. Raises `Unwritable` at a strikethrough mark."""
    text = ""
    last = ""
    for number, element in enumerate(tree):
        kind = element.get("type", "p")
        if number:
            text += "\n" if "p" in (kind, last) else "\n\n"
        text += _block(element)
        last = kind
    return text.rstrip("\n")


def _block(element: Json, depth: int = 0) -> str:
    kind = str(element.get("type", "p"))
    children = element.get("children", [])
    match kind:
        case "ul" | "ol":
            return _list(element, depth)
        case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
            return "#" * int(kind[1]) + " " + _inline(children)
        case "blockquote":
            return "\n".join(f"> {line}" for line in _inline(children).split("\n"))
        case "code_block":
            return "\n".join(["```", *(_inline(line["children"]) for line in children), "```"])
        case "hr":
            return "***"
        case _:
            pass
    return _inline([element] if "text" in element else children) if kind not in _DROPPED else ""


def _list(element: Json, depth: int) -> str:
    lines = []
    for number, item in enumerate(element.get("children", []), start=1):
        sign = "*" if element["type"] == "ul" else f"{number}."
        for child in item.get("children", []):
            if child.get("type") in ("ul", "ol"):
                lines.append(_block(child, depth + 1))
            else:
                lines.append(f"{'  ' * depth}{sign} {_inline(child.get('children', []))}")
    return "\n".join(lines)


def _inline(children: list[Json]) -> str:
    parts: list[Json] = []
    for child in children:
        if child.get("type") == "a":
            parts.append({"text": _link(child), "raw": True})
        elif child.get("type") in _DROPPED:
            continue
        elif "text" not in child:
            parts.append({"text": _inline(child.get("children", [])), "raw": True})
        else:
            parts += _spaced(child)
    return _runs(parts, [mark for mark, _, _ in reversed(_MARKS)])


def _link(element: Json) -> str:
    label = _inline(element.get("children", []))
    url = element.get("url", "undefined")
    return f"[{label}]({url})" if label else str(url)


def _spaced(leaf: Json) -> list[Json]:
    """Set blanks before a marked run apart: they end a mark. Those behind it may stay inside."""
    text = leaf["text"]
    if leaf.get("strikethrough"):
        raise Unwritable("delete")
    if leaf.get("code") or not any(leaf.get(mark) for mark, _, _ in _MARKS):
        return [leaf] if text else []
    core = text.strip()
    if not core:
        return [{"text": text}] if text else []
    start = text.index(core)
    parts = [{"text": text[:start]}, {**leaf, "text": text[start:]}]
    return [part for part in parts if part["text"]]


def _runs(parts: list[Json], marks: list[str]) -> str:
    """Write runs: neighbours that share a mark stand inside one pair of its signs."""
    text = ""
    at = 0
    while at < len(parts):
        part = parts[at]
        mark = _outermost(parts, at, marks)
        if mark is None:
            text += f"`{part['text']}`" if part.get("code") else part["text"]
            at += 1
            continue
        end = at + _reach(parts, at, mark)
        _, opening, closing = next(one for one in _MARKS if one[0] == mark)
        inner = _runs(parts[at:end], [other for other in marks if other != mark])
        core = inner.rstrip()
        text += f"{opening}{core}{closing}{inner[len(core) :]}"
        at = end
    return text


def _outermost(parts: list[Json], at: int, marks: list[str]) -> str | None:
    """The mark that reaches farthest; among equals the one that is outermost by rule."""
    own = [mark for mark in marks if parts[at].get(mark)]
    return max(own, key=lambda mark: _reach(parts, at, mark), default=None)


def _reach(parts: list[Json], at: int, mark: str) -> int:
    end = at
    while end < len(parts) and parts[end].get(mark):
        end += 1
    return end - at
