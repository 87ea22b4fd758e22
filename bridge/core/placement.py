"""Where a customer's message goes: a pure table over switches and conversations.

Evolution's two switches (evolution-chatwoot.md 3.4), without its defects: an open conversation
wins over the one that was active last, and every decision says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class ConversationStatus(StrEnum):
    OPEN = "open"
    PENDING = "pending"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"
    #: Ours: Chatwoot keeps the conversations of blocked contacts resolved, and never reopens them.
    BLOCKED = "blocked"


#: Which conversation is used first, when a contact has several.
_ORDER = {
    ConversationStatus.OPEN: 0,
    ConversationStatus.PENDING: 1,
    ConversationStatus.SNOOZED: 2,
    ConversationStatus.BLOCKED: 3,
    ConversationStatus.RESOLVED: 4,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A conversation of the contact in this inbox."""

    id: int
    status: ConversationStatus
    last_activity: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """Post into conversation `id`; first set it to `set_status`, when that is given."""

    id: int
    set_status: ConversationStatus | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Open a new conversation with `status`."""

    status: ConversationStatus
    why: str


Placing: TypeAlias = Reuse | Create


def place(
    conversations: Iterable[Known],
    *,
    reopen: bool,
    pending: bool,
    lock: bool,
    ours: bool = False,
) -> Placing:
    """Decide where a message goes.

    `ours`: it was written with the phone of our own number. Such a message goes where a customer's
    would go, but changes no status: a resolved conversation stays resolved (Chatwoot opens one for
    incoming messages only), for nobody waits in it for an answer.

    `lock` is Chatwoot's own lock_to_single_conversation: there the last conversation is used
    whatever its status, as Chatwoot itself does (chatwoot-api.md 2.3).
    """
    wakes = pending and not ours
    start = ConversationStatus.PENDING if pending else ConversationStatus.OPEN
    known = list(conversations)
    if not known:
        return Create(status=start, why="first conversation of this contact in this inbox")
    if lock:
        last = max(known, key=lambda one: (one.last_activity, one.id))
        return _reuse(last, pending=wakes, why="the inbox is locked to a single conversation")
    best = min(known, key=lambda one: (_ORDER[one.status], -one.last_activity, -one.id))
    if best.status is not ConversationStatus.RESOLVED:
        return _reuse(best, pending=wakes and reopen, why=f"the conversation is {best.status}")
    if reopen:
        return _reuse(best, pending=wakes, why="resolved, and reopenConversation is on")
    return Create(status=start, why="all are resolved, and reopenConversation is off")


def is_better(status: ConversationStatus, than: ConversationStatus | None) -> bool:
    """True when a conversation of `status` should be used rather than one of status `than`."""
    return than is None or _ORDER[status] < _ORDER[than]


def status_of(word: str | None) -> ConversationStatus:
    """Chatwoot's word; an unknown one counts as open, so that nobody's message hides."""
    try:
        return ConversationStatus(word or "open")
    except ValueError:
        return ConversationStatus.OPEN


def _reuse(conversation: Known, *, pending: bool, why: str) -> Reuse:
    """Chatwoot opens resolved and snoozed conversations by itself, but only to *open*."""
    sleeping = conversation.status in (ConversationStatus.RESOLVED, ConversationStatus.SNOOZED)
    return Reuse(
        id=conversation.id,
        set_status=ConversationStatus.PENDING if pending and sleeping else None,
        why=why,
    )
