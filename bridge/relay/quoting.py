"""What an agent's answer quotes, as far as it is still known."""

from __future__ import annotations

import sqlite3

from pydantic import ValidationError

from bridge.core.content import Media, Text
from bridge.core.message import EVENT, MADE_UP, Received, SentByPhone
from bridge.core.party import Party
from bridge.relay.outgoing import AGENT_MESSAGE
from bridge.store.queries import ledger
from bridge.text.convert import to_whatsapp
from bridge.whatsapp.channel import Quote

#: So much of the quoted text is shown at most.
LONGEST = 1024


def quote_of(db: sqlite3.Connection, instance_id: str, chatwoot_id: int) -> Quote | None:
    """The WhatsApp message that a Chatwoot message is (its first part); None: there is none.

    Who wrote it and what stood in it is read from its job, which retention takes first.
    """
    row = ledger.quoted(db, instance_id, chatwoot_id)
    if row is None or MADE_UP in row["whatsapp_id"]:
        return None
    sender: Party | None = None
    text: str | None = None
    by_us = row["origin"] != "contact"
    if row["payload"]:
        if row["origin"] in ("agent", "automatic"):
            text = _written(row["payload"])
        else:
            sender, text = _heard(row["payload"])
    return Quote(
        id=row["whatsapp_id"],
        by_us=by_us,
        sender=None if by_us else sender,
        text=text[:LONGEST] if text else None,
    )


def _written(payload: bytes) -> str | None:
    try:
        message = AGENT_MESSAGE.validate_json(payload)
    except ValidationError:
        return None
    return message.content if message.by_bot else to_whatsapp(message.content)


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
        case _:
            return sender, None
