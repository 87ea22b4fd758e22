"""The policy that says where a message goes: switches, origins and statuses, without rules."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bridge.core.conversation import (
    ConversationStatus,
    Known,
    Origin,
    is_better,
    seen_as,
    status_of,
)
from bridge.core.placement import Create, Placing, Policy, Reuse, place
from bridge.core.rules import Situation

OPEN, PENDING, SNOOZED, RESOLVED, BLOCKED, UNANSWERED = ConversationStatus
ALL = tuple(ConversationStatus)
POLICIES = [
    Policy(reopen=reopen, pending=pending, lock=lock)
    for reopen, pending, lock in itertools.product([False, True], repeat=3)
]
PLAIN = Policy(reopen=False, pending=False, lock=False)
NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)
OURS = [origin for origin in Origin if origin is not Origin.CUSTOMER]


def known(id_: int, status: ConversationStatus, at: float = 0, **more: object) -> Known:
    return replace(Known(id=id_, status=status, last_activity=at), **more)  # type: ignore[arg-type]


def placed(
    *conversations: Known, policy: Policy = PLAIN, origin: Origin = Origin.CUSTOMER
) -> Placing:
    placing = place(conversations, situation=Situation(origin=origin, now=NOW), policy=policy)
    assert placing.why
    return placing


def shown(placing: Placing) -> tuple[object, ...]:
    """The decision without its reason."""
    match placing:
        case Reuse(id=id_, set_status=set_status):
            return id_, set_status
        case Create(status=status):
            return "new", status
        case _:
            return ("skip",)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_the_first_conversation_is_created(policy: Policy) -> None:
    start = PENDING if policy.pending else OPEN
    assert shown(placed(policy=policy)) == ("new", start)


@pytest.mark.parametrize(
    ("status", "reopen", "pending", "lock", "expected"),
    [
        # reopen off
        (OPEN, False, False, False, (1, None)),
        (OPEN, False, True, False, (1, None)),
        (PENDING, False, False, False, (1, None)),
        (PENDING, False, True, False, (1, None)),
        (SNOOZED, False, False, False, (1, None)),
        (SNOOZED, False, True, False, (1, None)),
        (BLOCKED, False, False, False, (1, None)),
        (UNANSWERED, False, False, False, (1, None)),
        (UNANSWERED, False, True, False, (1, PENDING)),
        (RESOLVED, False, False, False, ("new", OPEN)),
        (RESOLVED, False, True, False, ("new", PENDING)),
        # reopen on
        (OPEN, True, True, False, (1, None)),
        (PENDING, True, True, False, (1, None)),
        (SNOOZED, True, False, False, (1, None)),
        (SNOOZED, True, True, False, (1, PENDING)),
        (RESOLVED, True, False, False, (1, None)),
        (RESOLVED, True, True, False, (1, PENDING)),
        (BLOCKED, True, True, False, (1, None)),
        (UNANSWERED, True, True, False, (1, PENDING)),
        # locked: always the one there is
        (RESOLVED, False, False, True, (1, None)),
        (RESOLVED, False, True, True, (1, PENDING)),
        (SNOOZED, False, True, True, (1, PENDING)),
        (OPEN, False, True, True, (1, None)),
        (BLOCKED, False, True, True, (1, None)),
    ],
)
def test_one_conversation(
    status: ConversationStatus,
    reopen: bool,
    pending: bool,
    lock: bool,
    expected: tuple[object, ...],
) -> None:
    policy = Policy(reopen=reopen, pending=pending, lock=lock)
    assert shown(placed(known(1, status), policy=policy)) == expected


def test_what_somebody_was_to_be_reminded_of_wakes_open_whatever_the_switch_says() -> None:
    policy = Policy(reopen=True, pending=True, lock=False)
    nobodys, theirs = known(1, SNOOZED), known(1, SNOOZED, assignee_id=5)
    assert shown(placed(nobodys, policy=policy)) == (1, PENDING)
    assert shown(placed(theirs, policy=policy)) == (1, None)
    assert shown(placed(theirs, policy=replace(policy, lock=True))) == (1, None)


@pytest.mark.parametrize(("reopen", "pending"), list(itertools.product([False, True], repeat=2)))
def test_an_open_conversation_wins_over_one_that_was_active_later(
    reopen: bool, pending: bool
) -> None:
    """Evolution took the last one, and reopened what an agent had closed."""
    conversations = [known(1, OPEN, 10), known(2, RESOLVED, 99), known(3, SNOOZED, 50)]
    policy = Policy(reopen=reopen, pending=pending, lock=False)
    for order in itertools.permutations(conversations):
        assert shown(placed(*order, policy=policy)) == (1, None)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("statuses", list(itertools.product(ALL, repeat=2)))
def test_every_combination_of_switches_lock_statuses_and_origins(
    statuses: tuple[ConversationStatus, ...], policy: Policy
) -> None:
    conversations = [known(number, status) for number, status in enumerate(statuses, start=1)]
    theirs = placed(*conversations, policy=policy)
    if isinstance(theirs, Reuse):
        assert theirs.id in (1, 2)
        assert theirs.set_status in (None, PENDING)
        assert theirs.set_status is None or policy.pending
        used = statuses[theirs.id - 1]
        assert theirs.set_status is None or used in {SNOOZED, RESOLVED, UNANSWERED}
        if policy.lock:
            assert theirs.id == 2
        else:
            assert not any(is_better(other, used) for other in statuses)
    else:
        assert not policy.reopen
        assert not policy.lock
        assert set(statuses) == {RESOLVED}
    for origin in OURS:
        ours = placed(*conversations, policy=policy, origin=origin)
        assert isinstance(ours, Reuse)  # what our side writes begins and wakes nothing
        assert ours.set_status is None
        assert not isinstance(theirs, Reuse) or ours.id == theirs.id
        if statuses[ours.id - 1] is RESOLVED:
            assert "opens none" in ours.why


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("origin", OURS)
def test_what_our_side_begins_is_begun_resolved(policy: Policy, origin: Origin) -> None:
    placing = placed(policy=policy, origin=origin)
    assert shown(placing) == ("new", RESOLVED)
    assert isinstance(placing, Create)
    assert placing.insist


def test_of_equals_the_one_active_last_is_used() -> None:
    assert shown(placed(known(1, OPEN, 10), known(2, OPEN, 20), known(3, OPEN, 5))) == (2, None)


def test_of_twins_the_newer_is_used() -> None:
    assert shown(placed(known(1, OPEN, 10), known(2, OPEN, 10))) == (2, None)


def test_a_locked_inbox_uses_the_last_whatever_its_status_and_whatever_happened_in_others() -> None:
    policy = replace(PLAIN, lock=True)
    assert shown(placed(known(1, OPEN, 30), known(2, RESOLVED, 20), policy=policy)) == (2, None)


def test_which_status_is_better() -> None:
    assert is_better(RESOLVED, None)
    ranked = [OPEN, PENDING, SNOOZED, BLOCKED, UNANSWERED, RESOLVED]
    for worse, better in itertools.combinations(reversed(ranked), 2):
        assert is_better(better, worse)
        assert not is_better(worse, better)
    for status in ALL:
        assert not is_better(status, status)


@pytest.mark.parametrize("word", [None, "", "odd", "OPEN", "óbito"])
def test_an_unknown_status_hides_nobodys_message(word: str | None) -> None:
    assert status_of(word) is OPEN


def test_chatwoots_words_are_known() -> None:
    assert [status_of(word) for word in ("open", "pending", "snoozed", "resolved")] == [
        OPEN,
        PENDING,
        SNOOZED,
        RESOLVED,
    ]


@pytest.mark.parametrize(
    ("word", "is_blocked", "before", "expected"),
    [
        ("resolved", None, None, RESOLVED),
        ("resolved", False, OPEN, RESOLVED),
        ("resolved", True, OPEN, BLOCKED),
        ("resolved", None, BLOCKED, BLOCKED),
        ("resolved", False, BLOCKED, RESOLVED),
        ("resolved", False, UNANSWERED, UNANSWERED),
        ("resolved", True, UNANSWERED, BLOCKED),
        ("open", True, BLOCKED, OPEN),
        ("pending", None, UNANSWERED, PENDING),
        ("snoozed", None, None, SNOOZED),
        ("snoozed", True, None, BLOCKED),
    ],
)
def test_what_chatwoot_calls_resolved(
    word: str,
    is_blocked: bool | None,
    before: ConversationStatus | None,
    expected: ConversationStatus,
) -> None:
    assert seen_as(word, is_blocked=is_blocked, before=before) is expected
