"""Recordings of Typebot's own WhatsApp channel, as they were taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from support.official_channel.messages import Body, Shown, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What was written, what came of it, and where the flow was then.

    `waits_at`: the block that waits for the person; None: no flow runs. `stuck`: whatever is
    written now is dropped. `handed_over`: people have the word. `kept`: what was written waits.
    """

    written: tuple[Body, ...]
    sent: tuple[Shown, ...] = ()
    waits_at: str | None = None
    stuck: bool = False
    handed_over: bool = False
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    steps: tuple[Step, ...]


def read(path: Path) -> Scenario:
    told = orjson.loads(path.read_bytes())
    return Scenario(name=told["name"], steps=tuple(map(_step, told["steps"])))


def all_of(folder: Path) -> Sequence[Scenario]:
    return [read(path) for path in sorted(folder.glob("*.json"))]


def _step(told: dict[str, Any]) -> Step:
    after = told["sessionAfter"] or {}
    return Step(
        written=tuple(told["incoming"]),
        sent=tuple(shown(one["json"]) for one in told["outgoing"]),
        waits_at=after.get("currentBlockId"),
        stuck=bool(after.get("isReplying")),
    )
