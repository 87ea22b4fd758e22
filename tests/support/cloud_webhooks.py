"""Webhooks of the Cloud API around one thing that happened, and what the parser makes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bridge.core.message import Event, Received
from bridge.whatsapp.cloud.parser import parse

#: When the webhooks arrive.
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
MARINA = "5511987650001"
#: Our own number.
SHOP = "551130001234"


def webhook(value: object, field: object = "messages") -> dict[str, Any]:
    return {"entry": [{"changes": [{"field": field, "value": value}]}]}


def around(field: str = "messages", **items: Any) -> dict[str, Any]:
    metadata = {"phone_number_id": "1", "display_phone_number": "+55 11 3000-1234"}
    return webhook({"metadata": metadata, **items}, field)


def text(**changes: Any) -> dict[str, Any]:
    """A customer's text; `...` takes a field out."""
    message = {
        "id": "wamid.A",
        "from": MARINA,
        "timestamp": "1795190659",
        "type": "text",
        "text": {"body": "oi"},
    }
    return {key: value for key, value in (message | changes).items() if value is not ...}


def of_kind(kind: str, body: object, **changes: Any) -> dict[str, Any]:
    return text(**{"type": kind, "text": ..., kind: body} | changes)


def echoed(**changes: Any) -> dict[str, Any]:
    """A text that was written with our own phone, as a webhook."""
    return around(
        "smb_message_echoes", message_echoes=[text(**{"from": SHOP, "to": MARINA} | changes)]
    )


def only(body: object) -> Event:
    (event,) = parse(body, received_at=AT)
    return event


def message(**changes: Any) -> Received:
    event = only(around(messages=[text(**changes)]))
    assert isinstance(event, Received)
    return event
