"""A conversation as far as placing needs to know it, and who writes into one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ConversationStatus(StrEnum):
    OPEN = "open"
    PENDING = "pending"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"
    #: Ours: resolved or snoozed, and of a blocked contact: Chatwoot opens it for no message.
    BLOCKED = "blocked"
    #: Ours: begun, resolved, by a message of our own side that nobody has answered yet. The answer
    #: goes there, also where resolved conversations are not reopened.
    UNANSWERED = "unanswered"


#: Which conversation is used first, when a contact has several.
_ORDER = {
    ConversationStatus.OPEN: 0,
    ConversationStatus.PENDING: 1,
    ConversationStatus.SNOOZED: 2,
    ConversationStatus.BLOCKED: 3,
    ConversationStatus.UNANSWERED: 4,
    ConversationStatus.RESOLVED: 5,
}
#: Nobody works in these, and no time brings them back.
CLOSED = frozenset(
    {ConversationStatus.RESOLVED, ConversationStatus.BLOCKED, ConversationStatus.UNANSWERED}
)
#: Chatwoot opens such a conversation by itself for an incoming message, unless it is blocked.
ASLEEP = frozenset(
    {
        ConversationStatus.RESOLVED,
        ConversationStatus.SNOOZED,
        ConversationStatus.UNANSWERED,
    }
)


class Origin(StrEnum):
    """Who wrote a message. All but the customer's are of our own side: nobody waits for an answer.

    Nothing is sent over an API or by a campaign yet; the rules know them already.
    """

    CUSTOMER = "customer"
    #: The phone of our own number, past Chatwoot.
    PHONE = "phone"
    API = "api"
    CAMPAIGN = "campaign"
    #: A satisfaction survey.
    CSAT = "csat"
    #: A flow of ours, in answer to the customer.
    BOT = "bot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A conversation of the contact in this inbox. `last_activity` in seconds."""

    id: int
    status: ConversationStatus
    last_activity: float = 0
    #: Since when it is resolved (ms), if somebody told; else its last activity counts.
    resolved_at: int | None = None
    assignee_id: int | None = None
    team_id: int | None = None
    team_name: str | None = None
    labels: frozenset[str] = frozenset()
    #: Chatwoot's own `updated_at` of all this; 0: it comes from our books.
    updated_at: float = 0


def is_better(status: ConversationStatus, than: ConversationStatus | None) -> bool:
    """True when a conversation of `status` should be used rather than one of status `than`."""
    return than is None or _ORDER[status] < _ORDER[than]


def status_of(word: str | None) -> ConversationStatus:
    """Chatwoot's word; an unknown one counts as open, so that nobody's message hides."""
    try:
        return ConversationStatus(word or "open")
    except ValueError:
        return ConversationStatus.OPEN


def seen_as(
    word: str | None, *, is_blocked: bool | None, before: ConversationStatus | None
) -> ConversationStatus:
    """Chatwoot's word for a conversation as ours.

    `is_blocked`: whether its contact is, if that is said. `before`: as what it was known.
    """
    status = status_of(word)
    if status is ConversationStatus.SNOOZED and is_blocked:
        return ConversationStatus.BLOCKED
    if status is not ConversationStatus.RESOLVED:
        return status
    if is_blocked or (is_blocked is None and before is ConversationStatus.BLOCKED):
        return ConversationStatus.BLOCKED
    unanswered = before is ConversationStatus.UNANSWERED
    return ConversationStatus.UNANSWERED if unanswered else status


def preference(one: Known) -> tuple[int, float, int]:
    """A key that sorts conversations by which is used first; of equals the one active last."""
    return _ORDER[one.status], -one.last_activity, -one.id
