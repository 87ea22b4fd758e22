"""What decides where messages go: the switches and rules of an inbox, and what time it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final

import structlog

from bridge.clock import timezone, utc
from bridge.core.conversation import Origin
from bridge.core.hours import working_hours
from bridge.core.instance import InboxConfig
from bridge.core.placement import Policy
from bridge.core.rule_reading import RulesWrong, read_rules
from bridge.core.rules import Rule, Situation
from bridge.relay.directory import Side

log = structlog.get_logger(__name__)

#: The option of an inbox that holds its own rules.
RULES: Final = "conversationRules"
#: So many inboxes' rules are kept read at most.
MOST_READ: Final = 1000
#: There are some 600 time zones; names that are none are remembered too.
MOST_ZONES: Final = 1000


class Policies:
    """An inbox's own rules come before those of the server, which hold for all."""

    def __init__(self, server_rules: Sequence[Mapping[str, Any]]) -> None:
        self._server = read_rules(server_rules, whose="server rule")
        #: By instance, with what they were read of.
        self._read: dict[str, tuple[object, tuple[Rule, ...]]] = {}
        self._zones: dict[str, tzinfo] = {}

    def of(self, inbox: InboxConfig) -> Policy:
        return Policy(
            reopen=inbox.reopen_conversation,
            pending=inbox.conversation_pending,
            lock=inbox.lock_to_single,
            rules=(*self._own(inbox), *self._server),
        )

    async def situation(
        self, side: Side, policy: Policy, *, origin: Origin, group: bool, now: int
    ) -> Situation:
        """What rules may ask; without rules it takes no time to find out."""
        if not policy.rules:
            return Situation(origin=origin, group=group, now=utc(now))
        inbox = side.inbox
        hours = working_hours(inbox.told)
        here = inbox.told.get("timezone")
        here = here if isinstance(here, str) else "UTC"
        zones = self._zones = self._zones if len(self._zones) <= MOST_ZONES else {}
        for name in (policy.timezones() | {here}) - zones.keys():
            zones[name] = await asyncio.to_thread(timezone, name)
        return Situation(
            origin=origin,
            group=group,
            now=utc(now),
            inbox_id=side.inbox_id,
            inbox_name=str(inbox.told.get("name") or inbox.name_inbox),
            timezone=here,
            hours=hours,
            zones=zones,
        )

    def _own(self, inbox: InboxConfig) -> tuple[Rule, ...]:
        written = inbox.options.get(RULES)
        if not written:
            return ()
        of, rules = self._read.get(inbox.instance_id, (None, ()))
        if of is not written:
            rules = _readable(inbox.instance_id, written)
            if len(self._read) >= MOST_READ:
                self._read.clear()
            self._read[inbox.instance_id] = written, rules
        return rules


def _readable(instance_id: str, written: object) -> tuple[Rule, ...]:
    """The rules that are stored; none where another version wrote what this one cannot read."""
    try:
        return read_rules(written)
    except RulesWrong as wrong:
        log.warning("rules.unreadable", instance=instance_id, faults=wrong.faults[:5])
        return ()
