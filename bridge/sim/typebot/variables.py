"""Variables in texts, options and rich texts (typebot-api.md 2.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import orjson

from bridge.sim.typebot.flows import Flow, Value
from bridge.sim.typebot.jsnumbers import written
from bridge.sim.typebot.markdown import blocks_of

Json: TypeAlias = dict[str, Any]
#: Gives what the variable of a name holds.
Look: TypeAlias = Callable[[str], Value]

_VARIABLE = re.compile(r"\{\{([^{}]+)\}\}")


def shown(value: Value) -> str:
    """Write a value out; a list as JSON, nothing as nothing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def stored(value: Any) -> Value:
    """Take a value from outside: texts, lists of texts, nothing; all else is written out."""
    if value is None:
        return None
    if isinstance(value, list):
        return [None if item is None else _text(item) for item in value]
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return written(value)
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def fill(text: str, look: Look) -> str:
    """Put values in the place of `{{names}}`."""
    return _VARIABLE.sub(lambda found: shown(look(found[1])), text)


def fill_deep(value: Any, look: Look) -> Any:
    """Fill every text inside."""
    if isinstance(value, str):
        return fill(value, look)
    if isinstance(value, list):
        return [fill_deep(item, look) for item in value]
    if isinstance(value, dict):
        return {key: fill_deep(item, look) for key, item in value.items()}
    return value


def only(text: Any) -> str | None:
    """Name the variable when the text is nothing but one."""
    found = _VARIABLE.fullmatch(text) if isinstance(text, str) else None
    return found[1] if found else None


def script(content: str, flow: Flow, values: Mapping[str, Value], uses: Iterable[str] = ()) -> Json:
    """Make what a browser is to run: ids in the place of names, values beside it.

    `uses` names variables that come along although the text does not name them.
    """
    ids = {variable.name: variable.id for variable in flow.variables.values()}
    args: list[Json] = []

    def add(name: str) -> None:
        value = values.get(name)
        arg = {"id": ids[name]} if value is None else {"id": ids[name], "value": value}
        if arg not in args:
            args.append(arg)

    def known(found: re.Match[str]) -> str:
        if found[1] not in ids:
            return found[0]
        add(found[1])
        return ids[found[1]]

    told = _VARIABLE.sub(known, content)
    for name in uses:
        add(name)
    return {"content": told, "args": args}


def fill_rich(tree: list[Json], look: Look, *, parses: bool = True) -> list[Json]:
    """Fill a rich text. Values are read as Markdown, unless this is the oldest API."""
    if not parses:
        filled: list[Json] = fill_deep(tree, look)
        return filled
    found: list[Json] = []
    for element in tree:
        alone = _sole_variable(element)
        if alone is None:
            found.append(_element(element, look))
            continue
        marks, name = alone
        found += [_marked(block, marks) for block in blocks_of(shown(look(name)))]
    return found


def _sole_variable(element: Json) -> tuple[Json, str] | None:
    children = element.get("children", ())
    if element.get("type") != "p" or len(children) != 1:
        return None
    name = only(children[0].get("text"))
    marks = {key: value for key, value in children[0].items() if key != "text"}
    return None if name is None else (marks, name)


def _element(element: Json, look: Look) -> Json:
    children: list[Json] = []
    for child in element.get("children", ()):
        if "text" in child:
            children += _leaf(child, look)
        elif child.get("type") == "inline-variable":
            written = "".join(leaf.get("text", "") for leaf in child.get("children", ()))
            children += blocks_of(fill(written, look))
        else:
            children.append(_element(child, look))
    rest = {k: fill_deep(v, look) for k, v in element.items() if k != "children"}
    return {**rest, "children": children or [{"text": ""}]}


def _leaf(leaf: Json, look: Look) -> list[Json]:
    """Split a run of text at its variables; what is empty is dropped."""
    marks = {key: value for key, value in leaf.items() if key != "text"}
    found: list[Json] = []
    for number, part in enumerate(_VARIABLE.split(leaf["text"])):
        inline = _inline(shown(look(part))) if number % 2 else [{"text": part}]
        found += [_marked(one, marks) for one in inline if one.get("text") != ""]
    return found if found or _VARIABLE.search(leaf["text"]) else [leaf]


def _inline(value: str) -> list[Json]:
    """Flatten a value: lines stay apart, lists do not."""
    flat: list[Json] = []
    last: Json = {}
    for block in blocks_of(value) if value else []:
        if block["type"] == last.get("type") == "p":
            gap = "\n\n" if block["children"] == [{"text": ""}] else "\n"
            if flat and flat[-1].get("text") == "\n\n":
                gap = ""
            flat.append({"text": gap})
        flat += _leaves(block)
        last = block
    return [leaf for leaf in flat if leaf.get("text") != ""]


def _leaves(element: Json) -> list[Json]:
    if "text" in element or element.get("type") == "a":
        return [element]
    return [leaf for child in element.get("children", ()) for leaf in _leaves(child)]


def _marked(element: Json, marks: Json) -> Json:
    if "text" in element:
        return {**element, **marks}
    children = [_marked(child, marks) for child in element.get("children", ())]
    return {**element, "children": children}
