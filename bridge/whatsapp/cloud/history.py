"""What was written before the number was connected, or is known only now (A.7)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

import orjson

from bridge.core.message import Event, HistoryTold
from bridge.whatsapp.cloud.change import Change
from bridge.whatsapp.cloud.content import complaint
from bridge.whatsapp.shapes import rows, storable, table, word

#: The business shares no history.
_DECLINED: Final = "2593109"


def history(change: Change) -> Iterator[Event]:
    """One event for each chunk, and one for all messages that complete earlier ones.

    Each is kept with everything that stood around it. The media of a `media_placeholder` come
    later under the same id: they are history as well, and nothing that somebody writes now.
    """
    for item in rows(change.value.get("history")):
        told = table(item)
        if told.get("errors"):
            yield change.unhandled(_failure(told), complaint(told))
        if not told.get("errors") or told.get("threads"):
            yield _told(change, "history", [item])
    if later := rows(change.value.get("messages")):
        yield _told(change, "messages", later)


def _told(change: Change, name: str, items: list[Any]) -> Event:
    payload: dict[str, Any] = {
        key: change.value[key] for key in ("metadata", "contacts") if key in change.value
    }
    payload[name] = items
    if change.number is None:
        return change.unhandled("no_number", change.field)
    if not storable(payload):
        return change.unhandled("history_unreadable", name)
    digest = hashlib.sha256(orjson.dumps(payload)).hexdigest()
    return HistoryTold(number=change.number, id=digest, at=change.received_at, payload=payload)


def _failure(told: dict[str, Any]) -> str:
    codes = {word(table(error).get("code"), 32) for error in rows(told.get("errors"))}
    return "history_declined" if _DECLINED in codes else "history_failed"
