"""Chatwoot assigns a conversation by itself when it is opened: that is no human's doing.

It tells so only on the newest servers, so the moments at which conversations were opened are kept
(chatwoot-api.md 2.3, 3.2).
"""

from __future__ import annotations

import sqlite3
from typing import Final

from bridge.chatwoot.webhook import Change, ConversationChanged
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.store.queries import seen

#: So long (ms) after a conversation was opened an assignment may be Chatwoot's own.
ASSIGNS_WITHIN: Final = 10_000


def opened_here(unit: Unit, instance_id: str, conversation_id: int, now: int) -> None:
    """We open a conversation, or a customer's message does, by our clock."""
    seen.renew(unit.db, f"opened:{instance_id}:{conversation_id}:here", now)


def opened(unit: Unit, instance_id: str, conversation_id: int, at: int) -> None:
    """A conversation was opened, by Chatwoot's clock: it may assign it by itself now."""
    key = f"opened:{instance_id}:{conversation_id}"
    if at > (seen.at(unit.db, key) or 0):
        seen.renew(unit.db, key, at)


def is_automatic(
    db: sqlite3.Connection, entry: Entry, event: ConversationChanged, now: int
) -> bool:
    """Whether Chatwoot assigned a conversation by itself, as it does when one is opened.

    Newer servers tell who did it: nobody but a user assigns by hand. But a user who opens a
    conversation is named for what follows from it, too; and nobody may be named for either.
    """
    conversation, who = event.conversation, event.performer
    if who is not None:
        if who.type != "user":
            return True
        if who.id == conversation.assignee_id:
            return False
    told = entry.inbox.told if entry.inbox is not None else {}
    if told.get("enable_auto_assignment") is False:
        return False
    if event.change is Change.CREATED or {"status", "assignee_id"} <= event.changed:
        return True
    at = changed_at(event, 0)
    key = f"opened:{entry.id}:{conversation.id}"
    theirs = (round((conversation.created_at or 0) * 1000), seen.at(db, key) or 0)
    if any(moment - 999 <= at <= moment + ASSIGNS_WITHIN for moment in theirs):
        return True
    here = seen.at(db, f"{key}:here")  # the news of it may come after that of the assignment
    return here is not None and now <= here + ASSIGNS_WITHIN


def changed_at(event: ConversationChanged, default: int) -> int:
    """When the conversation was last changed, by Chatwoot's clock (ms)."""
    at = event.conversation.updated_at
    return default if at is None else round(at * 1000)
