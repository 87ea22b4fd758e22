"""How far messages of ours have come (whatsapp-channels.md A.6). Prices are of no concern."""

from __future__ import annotations

from typing import Any, Final

from bridge.core.message import DeliveryState, Event, StatusReported, UpstreamFault
from bridge.whatsapp.cloud.change import Change
from bridge.whatsapp.shapes import clip, rows, table, word

_STATES: Final = {state.value: state for state in DeliveryState}


def status(change: Change, told: dict[str, Any]) -> Event:
    """In a group it is one participant's."""
    state = told.get("status")
    if change.number is None:
        return change.unhandled("no_number", state)
    message_id = word(told.get("id"))
    if message_id is None:
        return change.unhandled("no_id", state)
    if not isinstance(state, str) or state not in _STATES:
        return change.unhandled("unknown_status", state)
    in_group = told.get("recipient_type") == "group"
    person = "recipient_participant" if in_group else "recipient"
    return StatusReported(
        number=change.number,
        id=message_id,
        state=_STATES[state],
        at=change.at(told),
        recipient=change.party(
            wa_id=told.get(f"{person}_id"),
            bsuid=told.get(f"{person}_user_id"),
            parent=told.get(f"{person}_parent_user_id"),
        ),
        tag=word(told.get("biz_opaque_callback_data")),
        fault=_fault(told),
    )


def _fault(told: dict[str, Any]) -> UpstreamFault | None:
    for error in rows(told.get("errors")):
        said = table(error)
        return UpstreamFault(
            code=word(said.get("code"), 32) or "unknown",
            title=clip(said.get("title")) or clip(said.get("message")) or "",
            detail=clip(table(said.get("error_data")).get("details")),
        )
    return None
