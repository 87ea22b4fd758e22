"""A message from WhatsApp, as the queue keeps it and as Chatwoot knows it."""

from __future__ import annotations

import orjson

from bridge.core.message import Received, SentByPhone
from bridge.engine.queue import NewJob, Road
from bridge.relay import lanes
from bridge.relay.directory import Entry

INBOUND = "inbound"
#: How the source_ids of what stands on WhatsApp begin in Chatwoot.
FROM_WHATSAPP = "WAID:"


def source_id(whatsapp_id: str) -> str:
    """What makes a message ours in Chatwoot."""
    return f"{FROM_WHATSAPP}{whatsapp_id}"


def inbound_job(
    entry: Entry,
    event: Received | SentByPhone,
    *,
    chat_id: int,
    now: int,
    trace_id: str | None,
) -> NewJob:
    return NewJob(
        kind=INBOUND,
        lane=lanes.to_chatwoot(chat_id),
        road=Road.INBOUND,
        peer=entry.chatwoot_peer,
        account=entry.chatwoot_account,
        payload=orjson.dumps(event),
        now=now,
        instance_id=entry.id,
        chat_id=chat_id,
        ref=event.id,
        trace_id=trace_id,
    )
