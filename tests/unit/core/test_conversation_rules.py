"""Rules about conversations: how they are read, when they apply, and what follows."""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.conversation import CLOSED, ConversationStatus, Known, Origin
from bridge.core.hours import working_hours
from bridge.core.placement import Create, Placing, Policy, Reuse, Skip, place, skipped
from bridge.core.rule_reading import RulesWrong, read_rules
from bridge.core.rules import Do, Rule, Situation, When, applies

OPEN, PENDING, SNOOZED, RESOLVED, BLOCKED, UNANSWERED = ConversationStatus
DAY = 24 * 3600 * 1000
#: A Saturday, noon in São Paulo.
NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
SITUATION = Situation(
    origin=Origin.CUSTOMER,
    now=NOW,
    inbox_id=7,
    inbox_name="WhatsApp Vendas",
    timezone="America/Sao_Paulo",
    zones={"America/Sao_Paulo": ZoneInfo("America/Sao_Paulo")},
)
OLD = Known(id=1, status=RESOLVED, resolved_at=NOW_MS - 31 * DAY)


def by(rules: list[Any], *known: Known, **changes: Any) -> Placing:
    """Where a message goes by these rules, both switches off; changes are of the situation."""
    switches = {name: changes.pop(name, False) for name in ("reopen", "pending", "lock")}
    policy = Policy(rules=read_rules(rules), **switches)
    return place(known, situation=replace(SITUATION, **changes), policy=policy)


def reading(*rules: Any) -> tuple[str, ...]:
    """What is wrong with some rules."""
    try:
        read_rules(list(rules), timezones={"America/Sao_Paulo"})
    except RulesWrong as wrong:
        return wrong.faults
    return ()


# -- what follows --------------------------------------------------------------------------------

WINDOW = [{"when": {"resolvedFor": {"moreThan": "30d"}}, "do": "new"}, {"do": "reopen"}]


@pytest.mark.parametrize("lock", [False, True])
@pytest.mark.parametrize(("days", "is_new"), [(29, False), (31, True)])
def test_a_reopen_window(days: int, is_new: bool, lock: bool) -> None:
    old = replace(OLD, resolved_at=NOW_MS - days * DAY)
    placing = by(WINDOW, old, lock=lock)
    assert isinstance(placing, Create if is_new and not lock else Reuse)
    assert placing.rule == ("rule 1" if is_new else "rule 2")


def test_where_nobody_told_since_when_it_is_resolved_its_last_activity_counts() -> None:
    recent = replace(OLD, resolved_at=None, last_activity=(NOW_MS - DAY) / 1000)
    assert isinstance(by(WINDOW, recent), Reuse)
    assert isinstance(by(WINDOW, replace(recent, last_activity=0)), Reuse)  # unknown is not old


def test_a_label_opens_what_the_switch_would_have_pending() -> None:
    rules = [{"name": "VIP", "when": {"label": ["Ouro", "vip"]}, "do": "reopen", "status": "open"}]
    vip = replace(OLD, labels=frozenset({"VIP", "x"}))
    placing = by(rules, vip, pending=True)
    assert placing == Reuse(
        id=1, set_status=OPEN, why="resolved, and a rule decides", rule="rule 1 (VIP)"
    )
    other = by(rules, OLD, pending=True)
    assert isinstance(other, Create)
    assert (other.status, other.rule, other.insist) == (PENDING, None, False)


def test_a_status_alone_changes_only_what_is_begun_or_woken() -> None:
    rules = [{"status": "pending"}]
    assert by(rules) == Create(
        status=PENDING,
        insist=True,
        why="first conversation of this contact in this inbox",
        rule="rule 1",
    )
    for status in (OPEN, PENDING, BLOCKED):
        awake = by(rules, Known(id=3, status=status))
        assert isinstance(awake, Reuse)
        assert awake.set_status is None
    assigned = Known(id=3, status=SNOOZED, assignee_id=5)
    woken = by(rules, assigned)
    assert isinstance(woken, Reuse)
    assert woken.set_status is PENDING  # a rule says so


def test_the_phone_opens_where_a_rule_says_so() -> None:
    rules = [{"when": {"origin": "phone"}, "do": "reopen", "status": "open"}]
    for status in (RESOLVED, SNOOZED, UNANSWERED):
        placing = by(rules, replace(OLD, status=status), origin=Origin.PHONE)
        assert isinstance(placing, Reuse)
        assert placing.set_status is OPEN
    first = by(rules, origin=Origin.PHONE)
    assert isinstance(first, Create)
    assert first.status is OPEN
    customers = by(rules, OLD)
    assert (type(customers), customers.rule) == (Create, None)


def test_a_rule_without_origin_is_about_customers() -> None:
    placing = by([{"do": "ignore"}], OLD, origin=Origin.PHONE)
    assert isinstance(placing, Reuse)
    assert placing.rule is None


def test_keep_ends_the_list_for_our_own_messages() -> None:
    ours = ["api", "phone"]
    rules = [
        {"when": {"origin": ours, "group": True}, "do": "keep"},
        {"when": {"origin": ours}, "do": "reopen", "status": "open"},
    ]
    group = by(rules, OLD, origin=Origin.API, group=True)
    person = by(rules, OLD, origin=Origin.API)
    assert isinstance(group, Reuse)
    assert isinstance(person, Reuse)
    assert (group.set_status, group.rule) == (None, "rule 1")
    assert (person.set_status, person.rule) == (OPEN, "rule 2")


def test_messages_may_be_left_out() -> None:
    rules = [{"name": "grupos", "when": {"group": True}, "do": "ignore"}]
    placing = by(rules, OLD, group=True)
    assert isinstance(placing, Skip)
    assert placing.rule == "rule 1 (grupos)"
    policy = Policy(reopen=False, pending=False, lock=False, rules=read_rules(rules))
    assert skipped(replace(SITUATION, group=True), policy) == placing
    assert skipped(SITUATION, policy) is None


def test_what_depends_on_the_conversation_is_not_left_out_without_it() -> None:
    rules = read_rules([{"when": {"label": "spam"}, "do": "ignore"}, {"do": "ignore"}])
    policy = Policy(reopen=False, pending=False, lock=False, rules=rules)
    assert skipped(SITUATION, policy) is None
    assert skipped(SITUATION, replace(policy, rules=rules[1:])) is not None


# -- conditions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({}, True),
        ({"inbox": 7}, True),
        ({"inbox": "whatsapp vendas"}, True),
        ({"inbox": ["Outra", "WhatsApp Vendas"]}, True),
        ({"inbox": "7"}, False),
        ({"inbox": 8}, False),
        ({"group": False}, True),
        ({"group": True}, False),
        ({"origin": ["phone", "customer"]}, True),
        ({"origin": "campaign"}, False),
        ({"team": 2}, True),
        ({"team": ["Suporte", "VENDAS"]}, True),
        ({"team": 3}, False),
        ({"label": "vip"}, True),
        ({"label": ["x", "y"]}, False),
        ({"label": "vip", "team": 3}, False),
        ({"resolvedFor": {"moreThan": "1w"}}, True),
        ({"resolvedFor": {"moreThan": "1w", "lessThan": "4w"}}, False),
        ({"resolvedFor": {"moreThan": "4w", "lessThan": "700h"}}, False),
        ({"resolvedFor": {"lessThan": "90000m"}}, True),
        ({"hours": "closed"}, True),  # a Saturday
        ({"hours": "open"}, False),
        ({"hours": {"days": "sat", "from": "12:00", "to": "12:01"}}, True),
        ({"hours": {"days": ["sat", "sun"], "from": "12:01"}}, False),
        ({"hours": {"from": "15:00", "to": "16:00", "timezone": "UTC"}}, True),
        ({"hours": {"days": ["mon", "tue"], "outside": True}}, True),
        ({"hours": None, "label": None}, True),
    ],
)
def test_when_a_rule_applies(when: dict[str, Any], expected: bool) -> None:
    (rule,) = read_rules([{"when": when, "do": "new"}])
    target = replace(OLD, team_id=2, team_name="Vendas", labels=frozenset({"vip"}))
    week = [{"day_of_week": day, "closed_all_day": day in (0, 6)} for day in range(7)]
    told = {"working_hours_enabled": True, "working_hours": week}
    situation = replace(SITUATION, hours=working_hours(told))
    assert applies(rule.when, situation, target) is expected


@pytest.mark.parametrize(
    "when", [{"label": "vip"}, {"team": 2}, {"resolvedFor": {"moreThan": "1m"}}]
)
def test_what_is_asked_of_a_conversation_does_not_hold_without_one(when: dict[str, Any]) -> None:
    (rule,) = read_rules([{"when": when, "do": "new"}])
    assert not applies(rule.when, SITUATION, None)


# -- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ([], "[0] is not of a type(s) object"),
        ({}, '[0] needs "do" or "status"'),
        ({"name": "só um nome"}, '[0] needs "do" or "status"'),
        ({"do": "delete"}, "[0].do is not one of reopen, new, keep, ignore"),
        ({"status": "resolved"}, "[0].status is not one of open, pending"),
        ({"do": "new", "wen": {}}, '[0] has no field "wen"; there are name, when, do, status'),
        ({"do": "new", "name": "a\nb"}, "[0].name must be one line"),
        ({"do": "new", "when": []}, "[0].when is not of a type(s) object"),
        ({"do": "new", "when": {"labels": "x"}}, '[0].when has no field "labels"'),
        ({"do": "new", "when": {"label": [3]}}, "[0].when.label must be the name of a label"),
        ({"do": "new", "when": {"label": []}}, "[0].when.label must be one value, or a list"),
        ({"do": "new", "when": {"team": True}}, "[0].when.team must be a name or an id"),
        ({"do": "new", "when": {"team": " "}}, "[0].when.team must be a name or an id"),
        ({"do": "new", "when": {"origin": "me"}}, "[0].when.origin is not one of customer, phone"),
        ({"do": "new", "when": {"group": "yes"}}, "[0].when.group is not of a type(s) boolean"),
        (
            {"do": "new", "when": {"resolvedFor": {"moreThan": "30"}}},
            "[0].when.resolvedFor.moreThan must be a time such as",
        ),
        ({"do": "new", "when": {"resolvedFor": {}}}, '[0].when.resolvedFor needs "moreThan"'),
        (
            {"do": "new", "when": {"resolvedFor": {"moreThan": "2d", "lessThan": "1d"}}},
            "[0].when.resolvedFor can never be",
        ),
        ({"do": "new", "when": {"hours": "noon"}}, "[0].when.hours is not one of open, closed"),
        ({"do": "new", "when": {"hours": 8}}, "[0].when.hours is not of a type(s) object"),
        (
            {"do": "new", "when": {"hours": {"from": "8:00"}}},
            "[0].when.hours.from must be a time of day",
        ),
        (
            {"do": "new", "when": {"hours": {"to": "24:01"}}},
            "[0].when.hours.to must be a time of day",
        ),
        (
            {"do": "new", "when": {"hours": {"from": "08:00", "to": "08:00"}}},
            '[0].when.hours "from" and "to" must be two times',
        ),
        (
            {"do": "new", "when": {"hours": {"days": "monday"}}},
            "[0].when.hours.days is not one of mon, tue",
        ),
        (
            {"do": "new", "when": {"hours": {"timezone": "Brasília"}}},
            "[0].when.hours.timezone must be a time zone",
        ),
        (
            {"do": "new", "when": {"hours": {"outside": "no"}}},
            "[0].when.hours.outside is not of a type(s) boolean",
        ),
        ({"do": "ignore", "status": "open"}, '[0].status means nothing beside "do": "ignore"'),
        ({"do": "keep"}, '[0].do cannot be "keep" for customers'),
        (
            {"when": {"origin": ["csat", "phone"]}, "status": "open"},
            '[0].do must say "reopen" or "new": messages of origin csat, phone',
        ),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place(rule: object, fault: str) -> None:
    faults = reading(rule)
    assert any(one.startswith(fault) for one in faults), faults


def test_everything_that_is_wrong_is_said_at_once() -> None:
    faults = reading({"do": "new"}, {"do": "x"}, {"do": "new", "when": {"group": 1, "team": {}}})
    assert [one.partition(" ")[0] for one in faults] == [
        "[1].do",
        "[2].when.team",
        "[2].when.group",
    ]


@pytest.mark.parametrize("value", [None, "x", {}, 3, [{"do": "new"}] * 51])
def test_what_is_no_list_of_fifty_at_most_is_refused(value: object) -> None:
    with pytest.raises(RulesWrong):
        read_rules(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["when", "do", "status", "origin", "label", "hours", "from", "resolvedFor"]
            )
            | st.text(max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_whatever_is_sent_is_read_or_refused(value: object) -> None:
    with contextlib.suppress(RulesWrong):
        read_rules(value)


# -- properties ----------------------------------------------------------------------------------

LABELS = st.frozensets(st.sampled_from(["vip", "novo"]))
WHENS = st.builds(
    When,
    origins=st.frozensets(st.sampled_from(Origin), min_size=1),
    group=st.none() | st.booleans(),
    labels=st.none() | st.frozensets(st.sampled_from(["vip", "novo"]), min_size=1),
    teams=st.none() | st.just(frozenset({2, "vendas"})),
    resolved_longer_than=st.none() | st.just(30 * DAY),
    resolved_shorter_than=st.none() | st.just(DAY),
    is_open=st.none() | st.booleans(),
)
RULES = st.builds(
    Rule,
    label=st.text(min_size=1, max_size=4),
    when=WHENS,
    do=st.none() | st.sampled_from(Do),
    status=st.sampled_from([None, OPEN, PENDING]),
)
CONVERSATIONS = st.lists(
    st.builds(
        Known,
        id=st.integers(1, 9),
        status=st.sampled_from(ConversationStatus),
        last_activity=st.integers(0, 3).map(lambda days: NOW.timestamp() - days * 86400),
        resolved_at=st.none() | st.sampled_from([NOW_MS - 40 * DAY, NOW_MS - DAY // 2]),
        assignee_id=st.sampled_from([None, 5]),
        team_id=st.sampled_from([None, 2]),
        labels=LABELS,
    ),
    max_size=3,
    unique_by=lambda one: one.id,
)
SITUATIONS = st.builds(
    Situation, origin=st.sampled_from(Origin), now=st.just(NOW), group=st.booleans()
)
SWITCHES = st.builds(
    Policy,
    reopen=st.booleans(),
    pending=st.booleans(),
    lock=st.booleans(),
    rules=st.lists(RULES, max_size=4).map(tuple),
)
many = settings(max_examples=200, deadline=None)


@many
@given(CONVERSATIONS, SITUATIONS, SWITCHES)
def test_an_open_conversation_always_wins_and_is_never_touched(
    known: list[Known], situation: Situation, policy: Policy
) -> None:
    placing = place(known, situation=situation, policy=replace(policy, lock=False))
    if isinstance(placing, Skip):
        return
    statuses = {one.id: one.status for one in known}
    for best in (OPEN, PENDING):
        if best in statuses.values():
            assert isinstance(placing, Reuse)
            assert (statuses[placing.id], placing.set_status) == (best, None)
            return


@many
@given(CONVERSATIONS, SITUATIONS, SWITCHES)
def test_a_second_conversation_is_begun_only_where_all_are_closed(
    known: list[Known], situation: Situation, policy: Policy
) -> None:
    placing = place(known, situation=situation, policy=policy)
    if isinstance(placing, Create):
        assert not known or not policy.lock
        assert all(one.status in CLOSED for one in known)
        assert BLOCKED not in {one.status for one in known}
    if isinstance(placing, Reuse) and placing.set_status is not None:
        used = next(one for one in known if one.id == placing.id)
        assert used.status not in {OPEN, PENDING, BLOCKED}


@many
@given(CONVERSATIONS, SITUATIONS, SWITCHES, st.lists(RULES, max_size=2))
def test_the_first_rule_that_applies_counts_and_those_after_it_change_nothing(
    known: list[Known], situation: Situation, policy: Policy, more: list[Rule]
) -> None:
    named = tuple(replace(rule, label=f"rule {n}") for n, rule in enumerate(policy.rules))
    placing = place(known, situation=situation, policy=replace(policy, rules=named))
    without = place(known, situation=situation, policy=replace(policy, rules=()))
    if placing.rule is None:
        assert placing == without
        return
    number = int(placing.rule.removeprefix("rule "))
    assert (
        place(known, situation=situation, policy=replace(policy, rules=(named[number], *more)))
        == placing
    )
    after = (*named[: number + 1], *more)
    assert place(known, situation=situation, policy=replace(policy, rules=after)) == placing


@many
@given(CONVERSATIONS, SITUATIONS, SWITCHES)
def test_the_order_in_which_chatwoot_lists_does_not_matter(
    known: list[Known], situation: Situation, policy: Policy
) -> None:
    placing = place(known, situation=situation, policy=policy)
    assert place(known[::-1], situation=situation, policy=policy) == placing


@many
@given(CONVERSATIONS, SITUATIONS, SWITCHES)
def test_once_a_message_stands_somewhere_the_next_one_goes_there(
    known: list[Known], situation: Situation, policy: Policy
) -> None:
    """Whoever writes twice at once starts one conversation, not two."""
    placing = place(known, situation=situation, policy=policy)
    if isinstance(placing, Create):
        made = Known(id=10, status=placing.status, last_activity=NOW.timestamp())
        after = [*known, made]
        second = place(after, situation=situation, policy=policy)
        if made.status in (OPEN, PENDING):
            assert isinstance(second, Skip) or (isinstance(second, Reuse) and second.id == 10)
        else:
            assert not isinstance(second, Create) or second.rule is not None


# -- the guide -----------------------------------------------------------------------------------


def test_what_the_guide_shows_can_be_sent_as_it_is() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "conversations.md").read_text("utf-8")
    blocks = re.findall(r"```(json|toml)\n(.*?)```", guide, re.DOTALL)
    assert len(blocks) > 6
    for language, text in blocks:
        if language == "toml":
            rules = tomllib.loads(text)["relay"]["conversation_rules"]
        else:
            decoded = json.loads(text)
            rules = decoded if isinstance(decoded, list) else decoded["conversationRules"]
        assert read_rules(rules, timezones={"America/Sao_Paulo"})
