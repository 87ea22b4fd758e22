"""Inputs as they are shown: variables filled in, items chosen and made (typebot-api.md 3)."""

from __future__ import annotations

from typing import Any, TypeAlias

from bridge.sim.typebot.conditions import holds
from bridge.sim.typebot.flows import Block, Flow, Value
from bridge.sim.typebot.kinds import CHOICES
from bridge.sim.typebot.sessions import Session
from bridge.sim.typebot.variables import fill, fill_deep, only, shown

Json: TypeAlias = dict[str, Any]

INVALID = "Invalid message. Please, try again."
_INVALID_OF = {
    "email input": "This email doesn't seem to be valid. Can you type it again?",
    "payment input": "Payment failed. Please, try again.",
}


def ask(block: Block, session: Session) -> Json:
    """Render an input. What is empty is left out."""
    look = session.values.get
    shape: Json = {"id": block.id, "type": block.type}
    if block.id in session.flow.edges:
        shape["outgoingEdgeId"] = session.flow.edges[block.id].id
    if block.items or block.type in CHOICES:
        shape["items"] = items_of(block, session)
    for key in ("options", "runtimeOptions"):
        if key in block.said:
            shape[key] = fill_deep(block.said[key], look)
    value = value_of(session, block.options.get("variableId"))
    if value and isinstance(value, str) and block.type not in CHOICES:
        shape["prefilledValue"] = value
    return shape


def value_of(session: Session, variable_id: str | None) -> Value:
    name = session.flow.named(variable_id)
    return None if name is None else session.values.get(name)


def retry_text(block: Block, session: Session) -> str:
    """Say what is answered to a reply that is not accepted."""
    own = block.options.get("retryMessageContent")
    if own:
        return fill(str(own), session.values.get)
    general = session.bot.settings.get("general", {}).get("systemMessages", {})
    usual = str(general.get("invalidMessage") or INVALID)
    return _INVALID_OF.get(block.type) or fill(usual, session.values.get)


def items_of(block: Block, session: Session) -> list[Json]:
    """Give the items that are shown now, with the ids that dynamic ones get."""
    dynamic = _dynamic(block, session)
    if dynamic is not None:
        return dynamic
    shown_items = [item for item in block.items if _is_shown(item, session)]
    if block.type == "cards":
        return [card for item in shown_items for card in _cards(item, session)]
    return [_item(item, session) for item in shown_items]


def _is_shown(item: Json, session: Session) -> bool:
    display = item.get("displayCondition") or {}
    if not display.get("isEnabled"):
        return True
    condition = display.get("condition") or {}
    return holds(condition, lambda id_: value_of(session, id_), session.values.get)


def _item(item: Json, session: Session) -> Json:
    filled: Json = fill_deep(item, session.values.get)
    return _edged(filled, session.flow)


def _edged(item: Json, flow: Flow) -> Json:
    edge = flow.edges.get(item["id"])
    edged = {**item, "outgoingEdgeId": edge.id} if edge else dict(item)
    if "paths" in edged:
        edged["paths"] = [_edged(path, flow) for path in edged["paths"]]
    return edged


def _dynamic(block: Block, session: Session) -> list[Json] | None:
    """Make items of lists; None where there are none to make: then the block's own are shown."""
    options = block.options
    if block.type == "choice input":
        slots = value_of(session, options.get("dynamicVariableId"))
        if slots is None:
            return None
        texts = [text for text in _list(slots) if text]
        return [{"id": f"choice{n}", "content": text} for n, text in enumerate(texts)]
    dynamic = options.get("dynamicItems") or {}
    if block.type != "picture choice input" or not dynamic.get("isEnabled"):
        return None
    columns = {
        "pictureSrc": _list(value_of(session, dynamic.get("pictureSrcsVariableId"))),
        "title": _list(value_of(session, dynamic.get("titlesVariableId"))),
        "description": _list(value_of(session, dynamic.get("descriptionsVariableId"))),
    }
    return [
        {"id": str(n)}
        | {key: column[n] for key, column in columns.items() if any(column[n : n + 1])}
        for n in range(len(columns["pictureSrc"]))
    ]


def _list(value: Value) -> list[str | None]:
    if isinstance(value, list):
        return value
    return [value] if value else []


def _cards(item: Json, session: Session) -> list[Json]:
    """One card, or one for each entry of a list where a field is nothing but its variable."""
    columns = {
        key: value
        for key in ("imageUrl", "title", "description")
        if isinstance(value := session.values.get(only(item.get(key)) or ""), list)
    }
    if not columns:
        return [_item(item, session)]
    count = max(len(column) for column in columns.values())
    return [_dynamic_card(item, n, columns, session) for n in range(count)]


def _dynamic_card(item: Json, n: int, columns: Json, session: Session) -> Json:
    own = {key: column[n] if n < len(column) else None for key, column in columns.items()}
    card = {**_item(item, session), "id": f"dynamic-card-{n}"}
    card |= {key: shown(value) for key, value in own.items()}
    card["paths"] = [
        {**path, "id": f"dynamic-card-{n}-path-{j}"} for j, path in enumerate(card.get("paths", ()))
    ]
    return card
