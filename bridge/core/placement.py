"""Where a message goes: a pure policy over rules, switches and conversations.

Evolution's two switches (evolution-chatwoot.md 3.4), without their defects (D-17, D-18), and
before them a list of rules of which the first that applies counts. What is open or pending is used
as it is, whatever the rules say, so that nobody gets two conversations; every decision says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bridge.core.conversation import ASLEEP, ConversationStatus, Known, Origin, preference
from bridge.core.rules import Do, Rule, Situation, applies


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`lock` is Chatwoot's own lock_to_single_conversation."""

    reopen: bool
    pending: bool
    lock: bool
    rules: Sequence[Rule] = ()

    @property
    def asks_labels(self) -> bool:
        """Whether labels or team of a conversation may matter."""
        return any(one.when.labels is not None or one.when.teams is not None for one in self.rules)

    def timezones(self) -> frozenset[str]:
        """The time zones that rules name."""
        named = (one.when.hours.timezone for one in self.rules if one.when.hours is not None)
        return frozenset(one for one in named if one is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """Post into conversation `id`; first set it to `set_status`, when that is given."""

    id: int
    set_status: ConversationStatus | None
    why: str
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Begin a new conversation with `status`; `insist`: also where an agent bot has it pending."""

    status: ConversationStatus
    why: str
    insist: bool = False
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Do not show the message."""

    why: str
    rule: str


Placing: TypeAlias = Reuse | Create | Skip


def place(conversations: Iterable[Known], *, situation: Situation, policy: Policy) -> Placing:
    """Decide where a message goes.

    Open comes before pending, snoozed, blocked and the newest resolved. In an inbox that is locked
    to a single conversation it is the last one whatever its status, as in Chatwoot itself
    (chatwoot-api.md 2.3). What our own side writes (`Origin`) wakes nothing unless a rule says so:
    a conversation that has to be made for it is made resolved.
    """
    known = list(conversations)
    target = _target(known, lock=policy.lock)
    rule = next((one for one in policy.rules if applies(one.when, situation, target)), None)
    if rule is not None and rule.do is Do.IGNORE:
        return _skip(rule)
    return _Decision(situation=situation, policy=policy, rule=rule).of(target)


def skipped(situation: Situation, policy: Policy) -> Skip | None:
    """Whether a message is left out whatever conversations there are: nothing is made for it."""
    for rule in policy.rules:
        if rule.when.asks_conversation:
            return None
        if applies(rule.when, situation, None):
            return _skip(rule) if rule.do is Do.IGNORE else None
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    situation: Situation
    policy: Policy
    rule: Rule | None

    @property
    def label(self) -> str | None:
        return self.rule.label if self.rule else None

    @property
    def do(self) -> Do | None:
        return self.rule.do if self.rule else None

    @property
    def wanted(self) -> ConversationStatus | None:
        """The status that the rule wants."""
        return self.rule.status if self.rule else None

    @property
    def is_customers(self) -> bool:
        return self.situation.origin is Origin.CUSTOMER

    @property
    def wakes(self) -> bool:
        return self.is_customers or self.do in (Do.REOPEN, Do.NEW)

    def of(self, target: Known | None) -> Placing:
        if target is None:
            if not self.wakes:
                return Create(
                    status=ConversationStatus.RESOLVED,
                    insist=True,
                    why=f"there is none, and what {_WHOSE[self.situation.origin]} opens none",
                    rule=self.label,
                )
            return self._create("first conversation of this contact in this inbox")
        if target.status not in ASLEEP:
            return self._reuse(target, None, f"the conversation is {target.status}")
        if not self.wakes:
            whose = _WHOSE[self.situation.origin]
            return self._reuse(target, None, f"it stays {target.status}: {whose} opens none")
        if target.status is ConversationStatus.SNOOZED:
            return self._reuse(target, self._woken(target), "snoozed: it wakes")
        return self._resolved(target)

    def _resolved(self, target: Known) -> Placing:
        is_answer = target.status is ConversationStatus.UNANSWERED
        goes_on = is_answer or self.policy.reopen if self.do is None else self.do is not Do.NEW
        if self.policy.lock:
            why = "the inbox is locked to a single conversation"
        elif self.do is not None:
            why = "resolved, and a rule decides"
        elif is_answer:
            why = "it was begun by our side, and this is the answer"
        elif goes_on:
            why = "resolved, and reopenConversation is on"
        else:
            why = "all are resolved, and reopenConversation is off"
        if goes_on or self.policy.lock:
            return self._reuse(target, self._woken(target), why)
        return self._create(why)

    def _woken(self, target: Known) -> ConversationStatus | None:
        """The status to set: Chatwoot opens by itself, for customers, but only to *open*.

        A snoozed conversation with an assignee is somebody's reminder: it wakes open for them,
        whatever the switch says.
        """
        wanted = self.wanted
        is_snoozed = target.status is ConversationStatus.SNOOZED
        if wanted is None and self.policy.pending:
            goes_on = self.policy.reopen or self.policy.lock or self.do is Do.REOPEN
            if not is_snoozed or (goes_on and target.assignee_id is None):
                wanted = ConversationStatus.PENDING
        if not self.is_customers:
            return wanted or ConversationStatus.OPEN
        return None if is_snoozed and wanted is ConversationStatus.OPEN else wanted

    def _create(self, why: str) -> Create:
        start = ConversationStatus.PENDING if self.policy.pending else ConversationStatus.OPEN
        return Create(
            status=self.wanted or start,
            insist=self.wanted is not None,
            why=why,
            rule=self.label,
        )

    def _reuse(self, target: Known, set_status: ConversationStatus | None, why: str) -> Reuse:
        return Reuse(id=target.id, set_status=set_status, why=why, rule=self.label)


_WHOSE = {
    Origin.PHONE: "the phone of our number writes",
    Origin.API: "is sent over the API",
    Origin.CAMPAIGN: "a campaign sends",
    Origin.CSAT: "a survey asks",
    Origin.BOT: "a bot says",
}


def _target(known: Sequence[Known], *, lock: bool) -> Known | None:
    """The conversation that would be used."""
    if not known:
        return None
    if lock:
        return max(known, key=lambda one: one.id)
    return min(known, key=preference)


def _skip(rule: Rule) -> Skip:
    return Skip(why="the rule leaves such messages out", rule=rule.label)
