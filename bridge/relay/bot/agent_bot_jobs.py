"""When the agent bot of an inbox is to be looked at; `agent_bot` does it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import orjson

from bridge.core.instance import InboxConfig
from bridge.engine.queue import Queue
from bridge.relay import lanes
from bridge.relay.chores import chore
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.store.queries import jobs

AGENT_BOT: Final = "agent_bot"


def look_at_bot(queue: Queue, unit: Unit, entry: Entry, *, now: int) -> None:
    """Have the agent bot attached or detached as it should be, unless jobs wait to do so."""
    lane = lanes.agent_bots(entry.id)
    if entry.inbox is not None and jobs.waiting_in(unit.db, lane) <= 1:  # one may be running
        payload = orjson.dumps({"set_at": entry.inbox.updated_at})
        queue.add(unit, chore(entry, AGENT_BOT, lane=lane, now=now, payload=payload))


def flows_switched(queue: Queue, unit: Unit, entry: Entry, *, now: int) -> None:
    """The first flow of an instance is on, or the last one is off."""
    inbox = entry.inbox
    if inbox is not None and (inbox.conversation_pending or inbox.agent_bot_attached):
        look_at_bot(queue, unit, entry, now=now)


def inbox_changed(
    queue: Queue, unit: Unit, entry: Entry, before: InboxConfig | None, after: InboxConfig
) -> None:
    """The Chatwoot side was set: whether conversations begin as pending may be another answer."""
    matters = ("enabled", "conversation_pending", "inbox_id")
    is_same = before is not None and all(
        getattr(before, one) == getattr(after, one) for one in matters
    )
    if not is_same and (after.conversation_pending or after.agent_bot_attached):
        look_at_bot(queue, unit, replace(entry, inbox=after), now=after.updated_at)
