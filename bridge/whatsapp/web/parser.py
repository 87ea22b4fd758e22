"""Events of a worker as events of the house (docs/whatsapp-web.md).

Pure, and total: any JSON gives at least one event, a message exactly one, and none raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from bridge.core.message import (
    Called,
    DeliveryState,
    Event,
    StatusReported,
)
from bridge.core.party import Party
from bridge.core.phone import Kind
from bridge.whatsapp.shapes import rows, table, word
from bridge.whatsapp.web import groups, messages
from bridge.whatsapp.web.addresses import bare, kind_of
from bridge.whatsapp.web.envelope import tidy
from bridge.whatsapp.web.worker_event import LONGEST_ID, WorkerEvent

__all__ = ("events",)

_STATES: Final[Mapping[str, DeliveryState]] = {
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.READ,
    "played": DeliveryState.PLAYED,
}


def events(
    name: str, data: Mapping[str, Any], *, number: str, received_at: datetime
) -> list[Event]:
    """Turn a kept event into events, in its own order; what needs no action is `Unhandled`.

    `number` is the instance's id. `received_at` (aware UTC) stands in for times that make no
    sense.
    """
    event = WorkerEvent(
        name=tidy(name),
        data=table(tidy(dict(data))),
        number=number,
        received_at=received_at,
    )
    reader = _READERS.get(event.name)
    return reader(event) if reader else [event.unhandled("unknown_event", event.name)]


def _receipt(event: WorkerEvent) -> list[Event]:
    """How far messages of ours have come.

    Whatever names a send that was never answered proves that it went out. In a group one of many
    recipients says nothing about the others, so there that is all that is told.
    """
    kind = word(event.data.get("kind"), 32) or ""
    keys = table(event.data.get("keys"))
    of_one = not event.from_me and event.group is None
    said = _STATES.get(kind) if of_one else None
    recipient = event.party("chat") if said else None
    told: list[Event] = []
    for one in dict.fromkeys(word(one, LONGEST_ID) for one in rows(event.data.get("ids"))):
        tag = word(keys.get(one)) if one else None
        state = said or (DeliveryState.SENT if tag else None)
        if one and state:
            told.append(_status(event, one, state, tag, recipient))
    return told or [event.unhandled("receipt", kind)]


def _settled(event: WorkerEvent) -> list[Event]:
    """What became of a send before a restart."""
    fate, tag = event.data.get("fate"), word(event.data.get("key"))
    if fate != "sent" or event.id is None or tag is None:
        return [event.unhandled("settled", fate)]
    return [_status(event, event.id, DeliveryState.SENT, tag, None)]


def _status(
    event: WorkerEvent,
    message_id: str,
    state: DeliveryState,
    tag: str | None,
    recipient: Party | None,
) -> StatusReported:
    return StatusReported(
        number=event.number,
        id=message_id,
        state=state,
        at=event.at,
        recipient=recipient,
        tag=tag,
    )


def _call(event: WorkerEvent) -> list[Event]:
    caller = event.party("from", named=True)
    if event.id is None:
        return [event.unhandled("no_id")]
    if caller is None or caller.group:
        return [event.unhandled("no_sender")]
    group = bare(event.data.get("group"))
    return [
        Called(
            number=event.number,
            id=event.id,
            caller=caller,
            at=event.at,
            handle=orjson.dumps({"from": word(event.data.get("from")), "id": event.id}).decode(),
            video=event.data.get("video") is True,
            group=group if kind_of(group) is Kind.GROUP else None,
        )
    ]


def _noted(event: WorkerEvent) -> list[Event]:
    """What is counted and needs nothing more yet."""
    return [event.unhandled(event.name, event.data.get("kind"))]


_READERS: Final[Mapping[str, Callable[[WorkerEvent], list[Event]]]] = {
    "call": _call,
    "group": groups.group,
    "history": _noted,
    "identity": _noted,
    "message": messages.message,
    "picture": groups.picture,
    "receipt": _receipt,
    "settled": _settled,
    "undecryptable": messages.undecryptable,
    "unknown": _noted,
}
