"""Jobs of an instance that are about no chat: they call its Chatwoot, and wait while it is away."""

from __future__ import annotations

from bridge.engine.queue import NewJob, Road
from bridge.relay.directory import Entry, Served


def chore(
    entry: Entry | Served,
    kind: str,
    *,
    lane: str,
    now: int,
    payload: bytes = b"{}",
    ref: str | None = None,
    trace_id: str | None = None,
) -> NewJob:
    return NewJob(
        kind=kind,
        lane=lane,
        road=Road.INTERNAL,
        peer=entry.chatwoot_peer,
        account=entry.chatwoot_account,
        payload=payload,
        now=now,
        instance_id=entry.id,
        ref=ref,
        trace_id=trace_id,
    )
