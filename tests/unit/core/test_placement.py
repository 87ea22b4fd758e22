"""The table that says where a customer's message goes."""

from __future__ import annotations

import itertools

import pytest

from bridge.core.placement import (
    ConversationStatus,
    Create,
    Known,
    Reuse,
    is_better,
    place,
    status_of,
)

OPEN, PENDING, SNOOZED, RESOLVED, BLOCKED = ConversationStatus
ALL = tuple(ConversationStatus)
SWITCHES = list(itertools.product([False, True], repeat=3))


def known(id_: int, status: ConversationStatus, at: float = 0) -> Known:
    return Known(id=id_, status=status, last_activity=at)


@pytest.mark.parametrize(("reopen", "pending", "lock"), SWITCHES)
def test_the_first_conversation_is_created(reopen: bool, pending: bool, lock: bool) -> None:
    placing = place([], reopen=reopen, pending=pending, lock=lock)
    assert isinstance(placing, Create)
    assert placing.status is (PENDING if pending else OPEN)
    assert placing.why


@pytest.mark.parametrize(
    ("status", "reopen", "pending", "lock", "expected"),
    [
        # reopen off
        (OPEN, False, False, False, Reuse(id=1, set_status=None, why="")),
        (OPEN, False, True, False, Reuse(id=1, set_status=None, why="")),
        (PENDING, False, False, False, Reuse(id=1, set_status=None, why="")),
        (PENDING, False, True, False, Reuse(id=1, set_status=None, why="")),
        (SNOOZED, False, False, False, Reuse(id=1, set_status=None, why="")),
        (SNOOZED, False, True, False, Reuse(id=1, set_status=None, why="")),
        (BLOCKED, False, False, False, Reuse(id=1, set_status=None, why="")),
        (RESOLVED, False, False, False, Create(status=OPEN, why="")),
        (RESOLVED, False, True, False, Create(status=PENDING, why="")),
        # reopen on
        (OPEN, True, True, False, Reuse(id=1, set_status=None, why="")),
        (PENDING, True, True, False, Reuse(id=1, set_status=None, why="")),
        (SNOOZED, True, False, False, Reuse(id=1, set_status=None, why="")),
        (SNOOZED, True, True, False, Reuse(id=1, set_status=PENDING, why="")),
        (RESOLVED, True, False, False, Reuse(id=1, set_status=None, why="")),
        (RESOLVED, True, True, False, Reuse(id=1, set_status=PENDING, why="")),
        (BLOCKED, True, True, False, Reuse(id=1, set_status=None, why="")),
        # locked: always the one there is
        (RESOLVED, False, False, True, Reuse(id=1, set_status=None, why="")),
        (RESOLVED, False, True, True, Reuse(id=1, set_status=PENDING, why="")),
        (OPEN, False, True, True, Reuse(id=1, set_status=None, why="")),
        (BLOCKED, False, True, True, Reuse(id=1, set_status=None, why="")),
    ],
)
def test_one_conversation(
    status: ConversationStatus,
    reopen: bool,
    pending: bool,
    lock: bool,
    expected: Reuse | Create,
) -> None:
    placing = place([known(1, status)], reopen=reopen, pending=pending, lock=lock)
    assert placing.why
    assert type(placing) is type(expected)
    if isinstance(expected, Reuse) and isinstance(placing, Reuse):
        assert (placing.id, placing.set_status) == (expected.id, expected.set_status)
    if isinstance(expected, Create) and isinstance(placing, Create):
        assert placing.status is expected.status


@pytest.mark.parametrize(("reopen", "pending"), list(itertools.product([False, True], repeat=2)))
def test_an_open_conversation_wins_over_one_that_was_active_later(
    reopen: bool, pending: bool
) -> None:
    """Evolution took the last one, and reopened what an agent had closed."""
    conversations = [known(1, OPEN, 10), known(2, RESOLVED, 99), known(3, SNOOZED, 50)]
    for order in itertools.permutations(conversations):
        placing = place(order, reopen=reopen, pending=pending, lock=False)
        assert isinstance(placing, Reuse)
        assert (placing.id, placing.set_status) == (1, None)


@pytest.mark.parametrize(("reopen", "pending", "lock"), SWITCHES)
@pytest.mark.parametrize("status", ALL)
def test_what_our_own_phone_writes_goes_where_a_customers_message_would_and_wakes_nothing(
    status: ConversationStatus, reopen: bool, pending: bool, lock: bool
) -> None:
    conversations = [known(1, status)]
    theirs = place(conversations, reopen=reopen, pending=pending, lock=lock)
    ours = place(conversations, reopen=reopen, pending=pending, lock=lock, ours=True)
    if isinstance(theirs, Create):
        assert ours == theirs
    else:
        assert isinstance(ours, Reuse)
        assert (ours.id, ours.set_status) == (theirs.id, None)


def test_of_equals_the_one_active_last_is_used() -> None:
    placing = place(
        [known(1, OPEN, 10), known(2, OPEN, 20), known(3, OPEN, 5)],
        reopen=False,
        pending=False,
        lock=False,
    )
    assert isinstance(placing, Reuse)
    assert placing.id == 2


def test_of_twins_the_newer_is_used() -> None:
    twins = [known(1, OPEN, 10), known(2, OPEN, 10)]
    placing = place(twins, reopen=True, pending=False, lock=False)
    assert isinstance(placing, Reuse)
    assert placing.id == 2


def test_a_locked_inbox_uses_the_last_whatever_its_status() -> None:
    placing = place(
        [known(1, OPEN, 10), known(2, RESOLVED, 20)], reopen=False, pending=False, lock=True
    )
    assert isinstance(placing, Reuse)
    assert placing.id == 2


@pytest.mark.parametrize(("reopen", "pending", "lock"), SWITCHES)
@pytest.mark.parametrize("statuses", list(itertools.product(ALL, repeat=2)))
def test_what_is_reused_exists_and_every_decision_has_a_reason(
    statuses: tuple[ConversationStatus, ...], reopen: bool, pending: bool, lock: bool
) -> None:
    conversations = [known(number, status) for number, status in enumerate(statuses, start=1)]
    placing = place(conversations, reopen=reopen, pending=pending, lock=lock)
    assert placing.why
    if isinstance(placing, Reuse):
        assert placing.id in (1, 2)
        assert placing.set_status in (None, PENDING)
        assert placing.set_status is None or pending
    else:
        assert not reopen
        assert not lock
        assert set(statuses) == {RESOLVED}


def test_which_status_is_better() -> None:
    assert is_better(RESOLVED, None)
    ranked = [OPEN, PENDING, SNOOZED, BLOCKED, RESOLVED]
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
