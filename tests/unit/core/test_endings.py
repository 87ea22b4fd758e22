"""Several wishes about a conversation are one."""

from __future__ import annotations

from bridge.core.endings import both
from bridge.core.flow import Ending, Status


def test_nothing_and_something_is_something():
    ending = Ending(status=Status.OPEN)
    assert both(None, None) is None
    assert both(ending, None) == both(None, ending) == ending


def test_the_second_counts_where_it_says_something():
    usual = Ending(status=Status.OPEN, team="vendas", labels=("bot",), attributes={"a": 1, "b": 1})
    wish = Ending(labels=("vip", "bot"), agent="Rita", attributes={"b": 2}, note="quer comprar")
    assert both(usual, wish) == Ending(
        status=Status.OPEN,
        team="vendas",
        agent="Rita",
        labels=("bot", "vip"),
        attributes={"a": 1, "b": 2},
        note="quer comprar",
    )
    assert both(usual, Ending(status=Status.RESOLVED)) == Ending(
        status=Status.RESOLVED, team="vendas", labels=("bot",), attributes={"a": 1, "b": 1}
    )


def test_both_notes_are_kept_once():
    one, other = Ending(note="um"), Ending(note="dois")
    joined = both(one, other)
    assert joined is not None
    assert joined.note == "um\ndois"
    assert both(one, one) == one


def test_what_a_flow_says_with_each_answer_does_not_grow_without_end():
    ending = Ending()
    for at in range(200):
        more = Ending(labels=(f"l{at}",), attributes={f"a{at}": "x"}, note="x" * 100 + str(at))
        ending = both(ending, more) or ending
    assert len(ending.labels) == 50
    assert len(ending.attributes) == 50
    assert len(ending.note or "") <= 4096
