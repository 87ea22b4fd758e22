"""Which chats are not relayed."""

from __future__ import annotations

from datetime import UTC, datetime
from time import process_time

import pytest

from bridge.core.content import Text
from bridge.core.ignoring import chat_of, ignoring_rule
from bridge.core.message import Received, SentByPhone
from bridge.core.party import Party

GROUP = "120363040468224422"
MARINA = Party(wa_id="5511987650001", lid="99887766554433@lid", bsuid="BR.13491200000000000001")


def received(*, group: str | None = None, sender: Party = MARINA) -> Received:
    return Received(
        number="412900001234567",
        id="wamid.1",
        sender=sender,
        at=datetime(2026, 11, 21, tzinfo=UTC),
        content=Text(body="oi"),
        group=group,
    )


@pytest.mark.parametrize(
    ("group", "groups_ignore", "ignored", "rule"),
    [
        pytest.param(None, False, [], None, id="nothing is set"),
        pytest.param(None, True, [], None, id="a person where groups are ignored"),
        pytest.param(GROUP, True, [], "groups_ignored", id="a group where groups are ignored"),
        pytest.param(GROUP, False, ["@g.us"], "jid_ignored", id="all groups"),
        pytest.param(None, False, ["@g.us"], None, id="all groups, but a person"),
        pytest.param(None, False, ["@s.whatsapp.net"], "jid_ignored", id="all persons"),
        pytest.param(GROUP, False, ["@s.whatsapp.net"], None, id="all persons, but a group"),
        pytest.param(None, False, ["5511987650001@s.whatsapp.net"], "jid_ignored", id="a JID"),
        pytest.param(None, False, ["551187650001@s.whatsapp.net"], "jid_ignored", id="no 9"),
        pytest.param(None, False, ["+55 11 98765-0001"], "jid_ignored", id="a number"),
        pytest.param(None, False, ["99887766554433@lid"], "jid_ignored", id="a LID"),
        pytest.param(None, False, ["5511987650002@s.whatsapp.net"], None, id="another"),
        pytest.param(GROUP, False, [f"{GROUP}@g.us"], "jid_ignored", id="a group's JID"),
        pytest.param(GROUP, False, ["5511987650001@s.whatsapp.net"], None, id="only the speaker"),
        pytest.param("Y2FwaV9ncm91cA==", False, ["Y2FwaV9ncm91cA=="], "jid_ignored", id="opaque"),
        pytest.param("Y2FwaV9ncm91cA==", False, ["Y2FwaV9ncm91cA==@g.us"], "jid_ignored", id="JID"),
        pytest.param(None, False, ["", "@", "\0", "x" * 9999, "\ud800"], None, id="nonsense"),
    ],
)
def test_which_chats_are_not_relayed(group, groups_ignore, ignored, rule):
    found = ignoring_rule(
        chat_of(received(group=group)), groups_ignore=groups_ignore, ignored=ignored
    )

    assert found == rule


@pytest.mark.parametrize(
    ("chat", "groups_ignore", "ignored", "rule"),
    [
        (MARINA, True, [], None),
        (MARINA, False, ["551187650001@s.whatsapp.net"], "jid_ignored"),
        (MARINA, False, ["@g.us"], None),
        (Party(group=GROUP), True, [], "groups_ignored"),
        (Party(group=GROUP), False, [f"{GROUP}@g.us"], "jid_ignored"),
    ],
)
def test_what_our_own_phone_writes_follows_the_same_rules(chat, groups_ignore, ignored, rule):
    event = SentByPhone(
        number="412900001234567",
        id="3A01",
        chat=chat,
        at=datetime(2026, 11, 21, tzinfo=UTC),
        content=Text(body="oi"),
    )

    assert ignoring_rule(chat_of(event), groups_ignore=groups_ignore, ignored=ignored) == rule


def test_nonsense_meets_no_sender_without_identity():
    nobody = received(sender=Party(name="?"))

    assert ignoring_rule(chat_of(nobody), groups_ignore=True, ignored=["", "@", "x"]) is None


def test_long_lists_of_many_flows_are_asked_with_each_message_in_no_time():
    lists = [
        tuple(f"5521{flow:02d}{at:07d}@s.whatsapp.net" for at in range(1000)) for flow in range(30)
    ]
    for _ in range(11):
        started_at = process_time()
        for ignored in lists:
            assert ignoring_rule(MARINA, groups_ignore=False, ignored=ignored) is None
        took = process_time() - started_at
    assert took < 0.1
