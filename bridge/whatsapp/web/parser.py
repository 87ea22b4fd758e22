"""Events of a worker as events of the house (docs/whatsapp-web.md).

Pure, and total: any JSON gives at least one event, a message exactly one, and none raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from bridge.core.content import Content, Unsupported
from bridge.core.message import (
    MADE_UP,
    Called,
    DeliveryState,
    Event,
    Received,
    Revoked,
    SentByPhone,
    StatusReported,
    Unhandled,
)
from bridge.core.party import Party
from bridge.core.phone import Kind
from bridge.whatsapp.shapes import rows, table, word
from bridge.whatsapp.web import inbound
from bridge.whatsapp.web.addresses import STATUS, bare, kind_of
from bridge.whatsapp.web.envelope import EMPTY, Opened, opened, tidy
from bridge.whatsapp.web.worker_event import LONGEST_ID, WorkerEvent

__all__ = ("events",)

_STATES: Final[Mapping[str, DeliveryState]] = {
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.READ,
    "played": DeliveryState.PLAYED,
}
#: A message with this attribute replaces what an earlier one said (the second: by an admin).
_EDITS: Final = ("1", "3")


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


def _message(event: WorkerEvent) -> list[Event]:
    return [_elsewhere(event) or _read(event)]


def _undecryptable(event: WorkerEvent) -> list[Event]:
    """A message that came, and of which we may never know more: it must be seen all the same.

    Its id is not the message's own, for the message itself may still come.
    """
    refusal = _elsewhere(event)
    if refusal is not None:
        return [refusal]
    raw = {"unavailable": event.data.get("unavailable") is True}
    said = Unsupported(upstream="undecryptable", raw=raw)
    return [_written(event, f"{event.id}{MADE_UP}undecryptable", said)]


def _elsewhere(event: WorkerEvent) -> Unhandled | None:
    """Why a message is none between us and a customer, or cannot be told apart."""
    chat = bare(event.data.get("chat"))
    if chat == STATUS:
        return event.unhandled("status")
    match kind_of(chat):
        case Kind.NEWSLETTER:
            return event.unhandled("newsletter")
        case Kind.BROADCAST if event.from_me:
            return event.unhandled("broadcast_sent")
        case Kind.PHONE | Kind.LID | Kind.GROUP | Kind.BROADCAST:
            pass
        case _:
            return event.unhandled("unknown_chat", (chat or "").partition("@")[2])
    if event.id is None:
        return event.unhandled("no_id")
    if event.from_me:
        return event.unhandled("own_chat") if _to_oneself(event) else None
    return event.unhandled("no_sender") if _sender(event) is None else None


def _to_oneself(event: WorkerEvent) -> bool:
    """Whether it stands in the chat that people have with themselves: their notes."""
    chat, us = event.party("chat"), event.party("sender")
    if chat is None or us is None or chat.group:
        return False
    same_phone = chat.wa_id is not None and chat.wa_id == us.wa_id
    return same_phone or (chat.lid is not None and chat.lid == us.lid)


def _sender(event: WorkerEvent) -> Party | None:
    """Who wrote it: in a direct chat that is whose chat it is, even when nothing more is said."""
    found = event.party("sender", named=True)
    if found is None and event.group is None:
        found = event.party("chat", named=True)
    return None if found is None or found.group else found


def _read(event: WorkerEvent) -> Event:
    message = opened(table(event.data.get("message")))
    match message.kind:
        case kind if kind == EMPTY:
            return event.unhandled("empty")
        case "protocolMessage":
            return _protocol(event, table(message.body))
        case "albumMessage":  # the pictures follow, each as a message
            return event.unhandled("album")
        case "reactionMessage" if not table(message.body).get("text"):
            return event.unhandled("reaction_removed")
    if message.is_edit or _is_edit(event):
        return _written(event, event.id or "", inbound.edited(message.message), message)
    return _written(event, event.id or "", inbound.content(message), message)


def _is_edit(event: WorkerEvent) -> bool:
    return event.data.get("edited") is True or event.data.get("edit") in _EDITS


def _protocol(event: WorkerEvent, body: dict[str, Any]) -> Event:
    """What changes another message, or what devices tell each other."""
    kind = body.get("type")
    target = word(table(body.get("key")).get("ID"), LONGEST_ID)
    if kind == "MESSAGE_EDIT" or (kind is None and body.get("editedMessage")):
        said = inbound.edited(table(body.get("editedMessage")))
        # The edit of some clients has the id of what it edits, and is a message all the same.
        own_id = f"{event.id}{MADE_UP}edit" if event.id == target else event.id
        return _written(event, own_id or "", said, reply_to=target)
    if target is not None and (kind == "REVOKE" or (kind is None and body.keys() == {"key"})):
        return _revoked(event, target, table(body.get("key")))
    return event.unhandled("protocol", kind)


def _revoked(event: WorkerEvent, target: str, key: dict[str, Any]) -> Event:
    """In a direct chat nobody deletes what the other side wrote; in a group an admin may."""
    if event.group is None and key.get("fromMe") is not True:
        return event.unhandled("protocol", "REVOKE")
    chat = _chat(event)
    if chat is None:
        return event.unhandled("no_sender")
    return Revoked(
        number=event.number,
        id=event.id or "",
        target=target,
        chat=chat,
        at=event.at,
        by_us=event.from_me,
    )


def _chat(event: WorkerEvent) -> Party | None:
    """Where it stands: the group, or the person on the other side."""
    if event.group is not None:
        return Party(group=event.group)
    return event.party("chat") if event.from_me else _sender(event)


def _written(
    event: WorkerEvent,
    message_id: str,
    content: Content,
    message: Opened | None = None,
    *,
    reply_to: str | None = None,
) -> Event:
    """A message, by a customer or with the phone of our own number."""
    forwarded = message is not None and inbound.forwarded(message)
    answers = reply_to or (inbound.reply_to(message) if message else None)
    if event.from_me:
        chat = _chat(event)
        if chat is None:
            return event.unhandled("unknown_chat")
        return SentByPhone(
            number=event.number,
            id=message_id,
            chat=chat,
            at=event.at,
            content=content,
            reply_to=answers,
            forwarded=forwarded,
        )
    sender = _sender(event)
    if sender is None:
        return event.unhandled("no_sender")
    return Received(
        number=event.number,
        id=message_id,
        sender=sender,
        at=event.at,
        content=content,
        reply_to=answers,
        forwarded=forwarded,
        group=event.group,
        referral=inbound.referral(message) if message else None,
    )


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
    "group": _noted,
    "history": _noted,
    "identity": _noted,
    "message": _message,
    "picture": _noted,
    "receipt": _receipt,
    "settled": _settled,
    "undecryptable": _undecryptable,
    "unknown": _noted,
}
