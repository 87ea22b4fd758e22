"""Flows: what a TOML file of the stand-in says, checked once and then never changed.

The format is told in the package's docstring.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from bridge.sim.typebot.checking import BadFlow, check
from bridge.sim.typebot.markup import rich

Json: TypeAlias = dict[str, Any]
#: What a variable holds: a text, a list, or nothing.
Value: TypeAlias = str | list[str | None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    id: str
    name: str
    value: Value = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """`said` is everything else that the file says about it."""

    id: str
    type: str
    said: Json

    @property
    def options(self) -> Json:
        options = self.said.get("options")
        return options if isinstance(options, dict) else {}

    @property
    def items(self) -> list[Json]:
        return list(self.said.get("items", ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    id: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    id: str
    type: str
    options: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    id: str
    to: Place


@dataclass(frozen=True, slots=True)
class Place:
    """A block by its position; one past the last block is the end of the group."""

    group: int
    block: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One bot as it is published. `edges` are by what they leave: a block, an item, an event."""

    id: str
    public_id: str
    version: str = "6.1"
    published_at: str | None = None
    published: bool = True
    closed: bool = False
    suspended: bool = False
    settings: Json = field(default_factory=dict)
    theme: Json = field(default_factory=dict)
    variables: Mapping[str, Variable] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    events: tuple[Event, ...] = ()
    edges: Mapping[str, Edge] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)

    def block(self, at: Place) -> Block | None:
        blocks = self.groups[at.group].blocks
        return blocks[at.block] if at.block < len(blocks) else None

    def named(self, variable_id: str | None) -> str | None:
        """Name a variable; one that is not declared has none."""
        variable = self.variables.get(variable_id or "")
        return variable.name if variable else None

    def first(self) -> Place | None:
        """Say where a chat begins: at the edge of the start event, else at the first group."""
        for event in self.events:
            if event.type == "start" and event.id in self.edges:
                return self.edges[event.id].to
        return Place(0) if self.groups else None

    def event(self, type_: str, command: str | None = None) -> Event | None:
        fitting = (e for e in self.events if e.type == type_)
        return next((e for e in fitting if command in (None, e.options.get("command"))), None)


def load(path: Path) -> Flow:
    """Read one file. Raises `BadFlow`, or `OSError`."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadFlow(f"{path.stem}: no TOML: {error}") from error
    return parse(said, name=path.stem)


def parse(said: Json, *, name: str = "bot") -> Flow:
    """Make a flow of what a file or the body of a control call says. Raises `BadFlow`."""
    check(said, name)
    return _flow(said, name)


def _flow(said: Json, name: str) -> Flow:
    public_id = str(said.get("public_id", name))
    groups = tuple(_group(group) for group in said.get("groups", ()))
    events = tuple(
        Event(id=str(event.pop("id")), type=str(event.pop("type")), options=event)
        for event in (dict(event) for event in said.get("events", ()))
    )
    places = _places(groups)
    plain = ("version", "published_at", "published", "closed", "suspended", "settings", "theme")
    return Flow(
        id=str(said.get("id", f"tb-{public_id}")),
        public_id=public_id,
        variables=_variables(said.get("variables", {})),
        groups=groups,
        events=events,
        places=places,
        edges=_edges(name, said.get("edges", []), places),
        **{key: said[key] for key in plain if key in said},
    )


def _variables(said: Json) -> dict[str, Variable]:
    found = {}
    for id_, about in said.items():
        entry = {"name": about} if isinstance(about, str) else dict(about)
        found[id_] = Variable(id=id_, name=str(entry["name"]), value=entry.get("value"))
    return found


def _group(said: Json) -> Group:
    id_ = str(said["id"])
    blocks = tuple(_block(block) for block in said.get("blocks", ()))
    return Group(id=id_, title=str(said.get("title", id_)), blocks=blocks)


def _block(said: Json) -> Block:
    rest = {key: value for key, value in said.items() if key not in ("id", "type")}
    if said["type"] == "text":
        rest = {"richText": rich(rest)}
    return Block(id=str(said["id"]), type=str(said["type"]), said=rest)


def _places(groups: tuple[Group, ...]) -> dict[str, Place]:
    places: dict[str, Place] = {}
    for g, group in enumerate(groups):
        places[group.id] = Place(g)
        places |= {block.id: Place(g, b) for b, block in enumerate(group.blocks)}
    return places


def _edges(name: str, said: list[Json], places: dict[str, Place]) -> dict[str, Edge]:
    return {
        entry["from"]: Edge(id=entry.get("id", f"e{number}_{name}"), to=places[entry["to"]])
        for number, entry in enumerate(said, start=1)
    }
