"""The progress bar: how many answers are given, of those on the longest way to the end."""

from __future__ import annotations

from bridge.sim.typebot.flows import Block, Flow, Place
from bridge.sim.typebot.kinds import INPUTS
from bridge.sim.typebot.sessions import Session


def progress(session: Session, *, ended: bool) -> float | None:
    """Give 0 to 100; None where the bot has no bar, or waits for something else than an answer."""
    bar = session.bot.theme.get("general", {}).get("progressBar", {})
    if not bar.get("isEnabled"):
        return None
    if ended:
        return 100
    at = session.flow.places.get(session.block or "")
    block = session.flow.block(at) if at else None
    if at is None or block is None or block.type not in INPUTS:
        return None
    given = session.answers + 1
    return given / (_longest(session.flow, at, frozenset()) + given) * 100


def _longest(flow: Flow, at: Place, seen: frozenset[str]) -> int:
    """Count the inputs on the longest way from here on, each once."""
    block = flow.block(at)
    if block is None or block.id in seen:
        return 0
    here = 1 if block.type in INPUTS else 0
    ways = [_longest(flow, place, seen | {block.id}) for place in _ways(flow, at, block)]
    return here + max(ways, default=0)


def _ways(flow: Flow, at: Place, block: Block) -> list[Place]:
    items = [item["id"] for item in block.items]
    paths = [path["id"] for item in block.items for path in item.get("paths", ())]
    ways = [flow.edges[one].to for one in (block.id, *items, *paths) if one in flow.edges]
    if block.type == "jump":
        target = str(block.options.get("blockId") or block.options.get("groupId"))
        return [flow.places[target]] if target in flow.places else []
    return ways if block.id in flow.edges else [*ways, Place(at.group, at.block + 1)]
