"""What comes over WhatsApp Web, as events: whoever writes, deletes or reads."""

from __future__ import annotations

import hashlib
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.core.content import Content, Text
from bridge.core.message import (
    DeliveryState,
    Edited,
    Reacted,
    Received,
    Revoked,
    SentByPhone,
    StatusReported,
    Voted,
)
from bridge.core.party import Party
from support.bridge_house import MARINA

#: What a session calls its number; the instance is known from the session.
NUMBER = "instance"
CUSTOMER = Party(wa_id=MARINA, lid="103899771998284")
GROUP = "120363040468224422@g.us"
#: A moment, in seconds, at which everything here happens.
MOMENT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
_ids = itertools.count(1)


def new_id(start: str = "3A") -> str:
    return f"{start}{next(_ids):018X}"


def wrote(content: Content | str, *, sender: Party = CUSTOMER, **more: Any) -> Received:
    """Somebody writes to us."""
    return Received(
        number=NUMBER,
        id=more.pop("id", None) or new_id(),
        sender=sender,
        at=MOMENT,
        content=Text(body=content) if isinstance(content, str) else content,
        **more,
    )


def typed(content: Content | str, *, chat: Party = CUSTOMER, **more: Any) -> SentByPhone:
    """Somebody writes with the phone of our own number."""
    return SentByPhone(
        number=NUMBER,
        id=more.pop("id", None) or new_id("3C"),
        chat=chat,
        at=MOMENT,
        content=Text(body=content) if isinstance(content, str) else content,
        **more,
    )


def deleted(target: str, *, chat: Party = CUSTOMER, **more: Any) -> Revoked:
    return Revoked(number=NUMBER, id=new_id("3D"), target=target, chat=chat, at=MOMENT, **more)


def reported(id_: str, state: DeliveryState, *, tag: str | None = None) -> StatusReported:
    return StatusReported(
        number=NUMBER, id=id_, state=state, at=MOMENT, recipient=CUSTOMER, tag=tag
    )


def reacted(target: str, emoji: str | None, *, chat: Party = CUSTOMER, **more: Any) -> Reacted:
    """Somebody puts an emoji on a message; `after` is in seconds."""
    return Reacted(target=target, chat=chat, emoji=emoji, **_changing(more))


def edited(target: str, content: Content | str, *, chat: Party = CUSTOMER, **more: Any) -> Edited:
    said = Text(body=content) if isinstance(content, str) else content
    return Edited(target=target, chat=chat, content=said, **_changing(more))


def voted(target: str, *options: str, chat: Party = CUSTOMER, **more: Any) -> Voted:
    """Somebody chooses these options of a poll, by their texts; `unread`: it cannot be opened."""
    digests = tuple(hashlib.sha256(one.encode()).hexdigest() for one in options)
    unread = more.pop("unread", False)
    return Voted(target=target, chat=chat, options=None if unread else digests, **_changing(more))


def _changing(more: dict[str, Any]) -> dict[str, Any]:
    at = MOMENT + timedelta(seconds=more.pop("after", 0))
    return {"number": NUMBER, "id": more.pop("id", None) or new_id("3F"), "at": at} | more
