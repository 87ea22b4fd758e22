"""States only climb, and what failed is believed only while nothing better is known."""

from __future__ import annotations

import itertools

import pytest

from bridge.core.message import DeliveryState
from bridge.core.receipts import DONE, OPEN, advances

CLIMB = ["intent", "accepted", "sent", "delivered", "read", "played"]
UNSETTLED = ["intent", "unknown", "uncertain"]


@pytest.mark.parametrize(("old", "new"), list(itertools.product(CLIMB, repeat=2)))
def test_a_state_is_replaced_by_a_higher_one_only(old: str, new: str) -> None:
    assert advances(old, new) == (CLIMB.index(new) > CLIMB.index(old))


@pytest.mark.parametrize("old", UNSETTLED)
@pytest.mark.parametrize("new", list(DeliveryState))
def test_any_status_settles_what_nobody_knew(old: str, new: DeliveryState) -> None:
    assert advances(old, new)


@pytest.mark.parametrize(
    ("old", "believed"),
    [
        ("intent", True),
        ("accepted", True),
        ("sent", True),
        ("delivered", False),
        ("read", False),
        ("played", False),
        ("failed", False),
        ("superseded", False),
    ],
)
def test_a_failure_is_believed_while_nothing_better_than_sent_is_known(
    old: str, believed: bool
) -> None:
    assert advances(old, "failed") == believed


@pytest.mark.parametrize(
    ("new", "disproved"), [("sent", False), ("delivered", True), ("read", True), ("played", True)]
)
def test_news_better_than_sent_disprove_a_failure(new: str, disproved: bool) -> None:
    assert advances("failed", new) == disproved


@pytest.mark.parametrize("new", list(DeliveryState))
def test_what_was_superseded_stays_so(new: DeliveryState) -> None:
    assert not advances("superseded", new)


def test_a_state_that_is_not_known_replaces_nothing() -> None:
    assert not advances("sent", "odd")
    assert not advances("failed", "odd")


def test_what_is_done_is_not_open() -> None:
    assert not DONE & OPEN
    assert "uncertain" not in DONE | OPEN
