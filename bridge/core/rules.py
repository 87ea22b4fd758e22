"""Rules about conversations, as data, and whether one applies. Pure.

`core.rule_reading` reads them from what people wrote; `core.placement` says what follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from bridge.core.conversation import CLOSED, ConversationStatus, Known, Origin
from bridge.core.hours import Hours, WorkingHours, holds, is_open


class Do(StrEnum):
    """What a rule does with a resolved conversation."""

    #: Go on in it, and open it.
    REOPEN = "reopen"
    #: Begin a new one.
    NEW = "new"
    #: Post into it and leave it resolved.
    KEEP = "keep"
    #: Do not show the message at all.
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """All that must be so for a rule to count; None: it does not matter. Names are case-folded."""

    origins: frozenset[Origin] = frozenset({Origin.CUSTOMER})
    inboxes: frozenset[int | str] | None = None
    group: bool | None = None
    labels: frozenset[str] | None = None
    teams: frozenset[int | str] | None = None
    #: Milliseconds.
    resolved_longer_than: int | None = None
    resolved_shorter_than: int | None = None
    #: True: while the inbox is open, by Chatwoot's working hours; False: while it is closed.
    is_open: bool | None = None
    hours: Hours | None = None

    @property
    def asks_conversation(self) -> bool:
        """Whether it can only be told with the conversation at hand."""
        about = (self.labels, self.teams, self.resolved_longer_than, self.resolved_shorter_than)
        return any(one is not None for one in about)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`do` None: as the switches say. `status`: of a conversation that is begun or opened."""

    #: Its number, and its name if it has one, as people read them.
    label: str
    when: When = field(default_factory=When)
    do: Do | None = None
    status: ConversationStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known of a message besides the conversations of its chat.

    `zones` holds each time zone that may matter; a name that is no time zone counts as UTC.
    """

    origin: Origin
    now: datetime
    group: bool = False
    inbox_id: int = 0
    inbox_name: str = ""
    #: The inbox's own time zone, and its working hours if it has any.
    timezone: str = "UTC"
    hours: WorkingHours | None = None
    zones: Mapping[str, tzinfo] = field(default_factory=dict)

    def local(self, timezone: str) -> datetime:
        return self.now.astimezone(self.zones.get(timezone, UTC))


def applies(when: When, situation: Situation, target: Known | None) -> bool:
    """Whether all conditions hold. `target` is the conversation that would be used."""
    return (
        situation.origin in when.origins
        and (when.group is None or when.group is situation.group)
        and (
            when.inboxes is None
            or not when.inboxes.isdisjoint({situation.inbox_id, situation.inbox_name.casefold()})
        )
        and _fits(when, situation, target)
        and _is_time(when, situation)
    )


def _fits(when: When, situation: Situation, target: Known | None) -> bool:
    if not when.asks_conversation:
        return True
    if target is None:
        return False
    if when.labels is not None:
        mine = {label.casefold() for label in target.labels}
        if when.labels.isdisjoint(mine):
            return False
    if when.teams is not None and when.teams.isdisjoint(
        {target.team_id, (target.team_name or "").casefold() or None}
    ):
        return False
    return _is_old(when, situation, target)


def _is_old(when: When, situation: Situation, target: Known) -> bool:
    """Whether the conversation has been resolved for as long as the rule wants."""
    longer, shorter = when.resolved_longer_than, when.resolved_shorter_than
    if longer is None and shorter is None:
        return True
    since = target.resolved_at or round(target.last_activity * 1000)
    if target.status not in CLOSED or not since:
        return False
    age = round(situation.now.timestamp() * 1000) - since
    return (longer is None or age > longer) and (shorter is None or age < shorter)


def _is_time(when: When, situation: Situation) -> bool:
    if when.is_open is not None:
        local = situation.local(situation.timezone)
        if is_open(situation.hours, local) is not when.is_open:
            return False
    if when.hours is None:
        return True
    return holds(when.hours, situation.local(when.hours.timezone or situation.timezone))
