"""What people said and no turn has dealt with yet: as much of it as is kept."""

from __future__ import annotations

from bridge.core.content import Text
from bridge.relay.bot.memory import HEARD, Heard
from bridge.relay.bot.pending import MOST_BYTES, MOST_HEARD, stored


def heard(number: int, body: str) -> Heard:
    return Heard(id=f"m{number}", at=number, content=Text(body=body))


def kept(*said: Heard) -> list[str]:
    return [one.id for one in HEARD.validate_json(stored(said))]


def test_a_burst_is_kept_in_its_order():
    assert kept(heard(1, "oi"), heard(2, "tudo bem?")) == ["m1", "m2"]


def test_of_too_many_messages_the_oldest_go():
    found = kept(*(heard(at, "oi") for at in range(MOST_HEARD + 5)))
    assert len(found) == MOST_HEARD
    assert found[-1] == f"m{MOST_HEARD + 4}"


def test_long_messages_are_no_flood():
    said = [heard(at, "x" * 65_536) for at in range(20)]
    assert kept(*said) == ["m17", "m18", "m19"]
    assert len(stored(said)) <= MOST_BYTES


def test_the_longest_message_is_kept_by_itself():
    assert kept(heard(1, "oi"), heard(2, "\x01" * 65_536)) == ["m2"]
