"""The first look at a flow: what stands in the file, told by its place when it cannot be meant.

A key that nobody knows is refused: in TOML one that is written below `[[groups]]` belongs to that
group, and would be lost in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeAlias

import orjson

from bridge.sim.typebot.kinds import (
    BUBBLES,
    CHOICES,
    EVENTS,
    INPUTS,
    LOGIC,
    OPERATORS,
    VALUES,
)

Json: TypeAlias = dict[str, Any]

_FLOW = {
    **dict.fromkeys(("id", "public_id", "version", "published_at"), str),
    **dict.fromkeys(("published", "closed", "suspended"), bool),
    **dict.fromkeys(("settings", "theme", "variables"), dict),
    **dict.fromkeys(("groups", "events", "edges"), list),
}
_SETTINGS = dict.fromkeys(("general", "typingEmulation", "security", "metadata", "whatsApp"), dict)
_THEME = {"general": dict, "chat": dict, "customCss": str}
_GROUP = {"id": str, "title": str, "blocks": list}
_EDGE = {"id": str, "from": str, "to": str}
_EVENT = {
    **dict.fromkeys(("id", "type", "command", "contentVariableId"), str),
    **dict.fromkeys(("inputTypeVariableId", "inputNameVariableId"), str),
}
_BLOCK = {"id": str, "type": str}
_TEXT = {"text": str, "lines": list, "richText": list, "json": str}
_WORDS = {str: "a text", bool: "true or false", dict: "a table", list: "a list"}


class BadFlow(ValueError):
    """A flow that contradicts itself; the text says where."""


def check(said: Any, name: str) -> None:
    """Look at everything that a file says. Raises `BadFlow`."""
    if not isinstance(said, dict):
        raise BadFlow(f"{name}: a flow is a table, not {type(said).__name__}")
    _Check(name).flow(said)


class _Check:
    def __init__(self, name: str) -> None:
        self._name = name
        self._variables: set[str] = set()
        #: All that has an id, where ways lead to, and what they leave.
        self._ids: set[str] = set()
        self._targets: set[str] = set()
        self._sources: set[str] = set()

    def flow(self, said: Json) -> None:
        self._keys("the flow", said, _FLOW)
        self._keys("settings", said.get("settings", {}), _SETTINGS)
        self._keys("theme", said.get("theme", {}), _THEME)
        for id_, about in said.get("variables", {}).items():
            self._variable(id_, about)
        groups = self._tables("groups", said.get("groups", []))
        blocks = [block for group in groups for block in self._group(group)]
        for event in self._tables("events", said.get("events", [])):
            self._event(event)
        for where, block in blocks:
            self._block(where, block)
        for number, edge in enumerate(self._tables("edges", said.get("edges", [])), start=1):
            self._edge(f"edge {number}", edge)

    def _refuse(self, where: str, what: str) -> NoReturn:
        raise BadFlow(f"{self._name}: {where}: {what}")

    def _keys(self, where: str, said: Json, known: Mapping[str, type]) -> None:
        for key, value in said.items():
            if key not in known:
                self._refuse(where, f"there is no {key!r}; known are {', '.join(sorted(known))}")
            if not isinstance(value, known[key]):
                self._refuse(where, f"{key!r} is to be {_WORDS[known[key]]}")

    def _tables(self, where: str, said: list[Any]) -> list[Json]:
        for entry in said:
            if not isinstance(entry, dict):
                self._refuse(where, "each entry is to be a table")
        return said

    def _named(self, where: str, said: Json, key: str = "id") -> str:
        """Give the text that has to be there."""
        value = said.get(key)
        if not isinstance(value, str) or not value:
            self._refuse(where, f"{key!r} is missing")
        return value

    def _one_of(self, where: str, value: Any, names: frozenset[str]) -> str:
        if not isinstance(value, str) or value not in names:
            self._refuse(where, f"{value!r} is none of {', '.join(sorted(names))}")
        return value

    def _kind(self, where: str, said: Json, names: frozenset[str]) -> str:
        kind = said.get("type")
        if not isinstance(kind, str) or kind not in names:
            self._refuse(where, f"it is of no known type: {kind!r}")
        return kind

    def _own_id(self, where: str, said: Json, *, is_source: bool = True) -> str:
        own = self._named(where, said)
        if own in self._ids:
            self._refuse(where, f"two things are named {own!r}")
        self._ids.add(own)
        if is_source:
            self._sources.add(own)
        return own

    def _variable(self, id_: str, about: Any) -> None:
        self._variables.add(id_)
        where = f"variable {id_!r}"
        if isinstance(about, str):
            return
        if not isinstance(about, dict) or not isinstance(about.get("name"), str):
            self._refuse(where, "it is a name, or a table with `name` and `value`")
        value = about.get("value")
        listed = value if isinstance(value, list) else [value or ""]
        if about.keys() - {"name", "value"} or not all(isinstance(one, str) for one in listed):
            self._refuse(where, "its value is a text or a list of texts")

    def _group(self, said: Json) -> list[tuple[str, Json]]:
        own = self._own_id("a group", said, is_source=False)
        where = f"group {own!r}"
        self._keys(where, said, _GROUP)
        self._targets.add(own)
        found = []
        for block in self._tables(where, said.get("blocks", [])):
            block_id = self._own_id(f"a block of {where}", block)
            self._targets.add(block_id)
            found.append((f"block {block_id!r}", block))
        return found

    def _event(self, said: Json) -> None:
        where = f"event {self._own_id('an event', said)!r}"
        self._kind(where, said, EVENTS)
        self._keys(where, said, _EVENT)
        if said["type"] == "command":
            self._named(where, said, "command")
        self._refer(where, said)

    def _edge(self, where: str, said: Json) -> None:
        """Look at a way. What it leaves is spent: no second one may begin there."""
        self._keys(where, said, _EDGE)
        source, target = self._named(where, said, "from"), self._named(where, said, "to")
        if target not in self._targets:
            self._refuse(where, f"there is no group and no block {target!r}")
        if source not in self._sources:
            self._refuse(
                where, f"no block, item, path or event {source!r}, or an edge leaves it already"
            )
        self._sources.remove(source)

    # blocks

    def _block(self, where: str, said: Json) -> None:
        kind = self._kind(where, said, INPUTS | BUBBLES | LOGIC)
        self._keys(where, said, _BLOCK | _known(kind))
        self._text(where, said)
        self._json(where, said)
        for item in self._tables(where, said.get("items", [])):
            self._item(where, item, is_condition=kind == "condition")
        options = said.get("options", {})
        self._refer(where, [said.get("content"), options, said.get("items")])
        if kind == "set variable":
            self._one_of(where, options.get("type", "Custom"), VALUES)
        if kind == "jump":
            named = [options[key] for key in ("groupId", "blockId") if key in options]
            if not named or any(str(one) not in self._targets for one in named):
                self._refuse(where, "it jumps to no group or block: `groupId`, `blockId`")

    def _text(self, where: str, said: Json) -> None:
        if not all(isinstance(line, str) for line in said.get("lines", [])):
            self._refuse(where, "each of `lines` is to be a text")
        self._tables(where, said.get("richText", []))

    def _json(self, where: str, said: Json) -> None:
        if "json" not in said:
            return
        try:
            value = orjson.loads(said["json"])
        except orjson.JSONDecodeError as error:
            self._refuse(where, f"`json` is none: {error}")
        wanted = list if said["type"] == "text" else dict
        if not isinstance(value, wanted):
            self._refuse(where, f"`json` is to hold {_WORDS[wanted]}")

    def _item(self, where: str, said: Json, *, is_condition: bool) -> None:
        where = f"{where}, item {self._own_id(where, said)!r}"
        paths = said.get("paths", [])
        if not isinstance(paths, list):
            self._refuse(where, "`paths` is to be a list")
        for path in self._tables(where, paths):
            self._own_id(where, path)
        if is_condition:
            self._condition(where, said.get("content", {}))
        elif "displayCondition" in said:
            display = said["displayCondition"]
            self._condition(where, display.get("condition", {}) if _is_table(display) else None)

    def _condition(self, where: str, said: Any) -> None:
        if not _is_table(said) or not isinstance(said.get("comparisons", []), list):
            self._refuse(where, "a condition is a table, its `comparisons` are a list")
        self._one_of(where, said.get("logicalOperator", "AND"), frozenset({"AND", "OR"}))
        for comparison in self._tables(where, said.get("comparisons", [])):
            self._one_of(where, comparison.get("comparisonOperator"), OPERATORS)
            self._named(where, comparison, "variableId")

    def _refer(self, where: str, said: Any) -> None:
        """Look whether the variables that are named by their ids are declared."""
        for key, id_ in _references(said):
            if not isinstance(id_, str) or id_ not in self._variables:
                self._refuse(where, f"{key!r} names {id_!r}, which `variables` has not")


def _known(kind: str) -> dict[str, type]:
    """Give the keys of a block beside its id and type."""
    if kind == "text":
        return dict(_TEXT)
    if kind in BUBBLES:
        return {"content": dict, "json": str, **({"options": dict} if "custom" in kind else {})}
    known: dict[str, type] = {"options": dict}
    if kind in CHOICES or kind == "condition":
        known["items"] = list
    if kind == "payment input":
        known["runtimeOptions"] = dict
    return known


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _references(said: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(said, list):
        for entry in said:
            yield from _references(entry)
    elif isinstance(said, dict):
        for key, value in said.items():
            if key.lower().endswith("variableid"):
                yield key, value
            else:
                yield from _references(value)
