"""Messages that a worker tells, as events: what people write, and what they do to messages."""

from __future__ import annotations

from typing import Final

from bridge.core.content import Content, Unsupported
from bridge.core.message import MADE_UP, Event, Received, SentByPhone, Unhandled
from bridge.core.phone import Kind
from bridge.whatsapp.shapes import table
from bridge.whatsapp.web import changes, context, inbound
from bridge.whatsapp.web.addresses import STATUS, bare, kind_of
from bridge.whatsapp.web.envelope import EMPTY, Opened, opened
from bridge.whatsapp.web.worker_event import WorkerEvent

__all__ = ("message", "undecryptable")

#: Kinds that need no action, and the rule under which they are counted. Of an album the pictures
#: follow, each as a message.
_COUNTED: Final = {
    "albumMessage": "album",
    "keepInChatMessage": "keep",
    "messageHistoryBundle": "history_shared",
    "messageHistoryNotice": "history_shared",
    "pinInChatMessage": "pin",
}


def message(event: WorkerEvent) -> list[Event]:
    return [_elsewhere(event) or _read(event)]


def undecryptable(event: WorkerEvent) -> list[Event]:
    """A message that came, and of which we may never know more: it must be seen all the same.

    Its id is not the message's own, for the message itself may still come.
    """
    refusal = _elsewhere(event)
    if refusal is not None:
        return [refusal]
    raw = {"unavailable": event.data.get("unavailable") is True}
    is_once = event.data.get("view_once") is True
    said = Unsupported(upstream=inbound.VIEW_ONCE if is_once else "undecryptable", raw=raw)
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
    return event.unhandled("no_sender") if event.sender() is None else None


def _to_oneself(event: WorkerEvent) -> bool:
    """Whether it stands in the chat that people have with themselves: their notes."""
    chat, us = event.party("chat"), event.party("sender")
    if chat is None or us is None or chat.group:
        return False
    same_phone = chat.wa_id is not None and chat.wa_id == us.wa_id
    return same_phone or (chat.lid is not None and chat.lid == us.lid)


def _read(event: WorkerEvent) -> Event:
    said = opened(table(event.data.get("message")), view_once=event.data.get("view_once") is True)
    if said.kind == EMPTY and not said.view_once:
        return event.unhandled("empty")
    if (rule := _COUNTED.get(said.kind)) is not None:
        return event.unhandled(rule)
    return changes.change(event, said) or _written(
        event, event.id or "", inbound.content(said), said
    )


def _written(
    event: WorkerEvent, message_id: str, content: Content, said: Opened | None = None
) -> Event:
    """A message, by a customer or with the phone of our own number."""
    said = said or Opened(kind=EMPTY)
    mentions = context.mentions(said, table(event.data.get("mentioned")))
    if event.from_me:
        chat = event.where()
        if chat is None:
            return event.unhandled("unknown_chat")
        return SentByPhone(
            number=event.number,
            id=message_id,
            chat=chat,
            at=event.at,
            content=content,
            reply_to=context.reply_to(said),
            forwarded=context.forwarded(said),
            forwarded_often=context.forwarded_often(said),
            mentions=mentions,
        )
    sender = event.sender()
    if sender is None:
        return event.unhandled("no_sender")
    return Received(
        number=event.number,
        id=message_id,
        sender=sender,
        at=event.at,
        content=content,
        reply_to=context.reply_to(said),
        forwarded=context.forwarded(said),
        forwarded_often=context.forwarded_often(said),
        group=event.group,
        referral=context.referral(said),
        product=context.product(said),
        mentions=mentions,
    )
