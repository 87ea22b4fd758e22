"""What an agent's answer quotes, as far as it is still known."""

from __future__ import annotations

import sqlite3

from pydantic import ValidationError

from bridge.core.content import Answer, Media, Poll, Text
from bridge.core.message import EVENT, MADE_UP, Received, SentByPhone
from bridge.core.party import Party
from bridge.relay.outgoing import AGENT_MESSAGE, text_of
from bridge.relay.refetching import original
from bridge.relay.targets import changed_by
from bridge.store.queries import ledger
from bridge.whatsapp.channel import Quote

#: So much of the quoted text is shown at most.
LONGEST = 1024


def quote_of(db: sqlite3.Connection, instance_id: str, chatwoot_id: int) -> Quote | None:
    """The WhatsApp message that a Chatwoot message is (its first part); None: there is none.

    Who wrote it and what stood in it is read from its job, which retention takes first.
    """
    row = ledger.quoted(db, instance_id, chatwoot_id)
    if row is None:
        return None
    target = changed_by(row["whatsapp_id"])
    if target is not None:  # whoever answers a reaction or an edit, answers what it is about
        return _of_target(db, instance_id, target, row["chat_id"])
    return None if MADE_UP in original(row["whatsapp_id"]) else _quote(row)


def _of_target(
    db: sqlite3.Connection, instance_id: str, whatsapp_id: str, chat_id: int
) -> Quote | None:
    """Whoever reacts may name any id: what stands in another chat is nobody's business here."""
    row = ledger.by_whatsapp_id(db, instance_id, whatsapp_id, chat_id)
    if row is not None and MADE_UP not in row["whatsapp_id"]:
        return _quote(row)
    return None if MADE_UP in whatsapp_id else Quote(id=whatsapp_id)


def _quote(row: sqlite3.Row) -> Quote:
    sender: Party | None = None
    text: str | None = None
    by_us = row["origin"] != "contact"
    if row["payload"]:
        if row["origin"] in ("agent", "automatic"):
            text = _written(row["payload"])
        else:
            sender, text = _heard(row["payload"])
    return Quote(
        id=original(row["whatsapp_id"]),
        by_us=by_us,
        sender=None if by_us else sender,
        text=text[:LONGEST] if text else None,
    )


def _written(payload: bytes) -> str | None:
    try:
        message = AGENT_MESSAGE.validate_json(payload)
    except ValidationError:
        return None
    return text_of(message)


def _heard(payload: bytes) -> tuple[Party | None, str | None]:
    try:
        event = EVENT.validate_json(payload)
    except ValidationError:
        return None, None
    if not isinstance(event, Received | SentByPhone):
        return None, None
    sender = event.sender if isinstance(event, Received) and event.group else None
    match event.content:
        case Text(body=body):
            return sender, body
        case Media(caption=caption):
            return sender, caption
        case Answer(title=title) | Poll(question=title):
            return sender, title
        case _:
            return sender, None
