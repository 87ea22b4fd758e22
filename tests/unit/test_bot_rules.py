"""Every rule by which a flow says nothing is told in words, and stands in the guide."""

from __future__ import annotations

import re
from pathlib import Path

from bridge.core.handoff_state import Reason
from bridge.relay.bot.hearing import NO_FLOW
from bridge.relay.bot.rules import told

ROOT = Path(__file__).resolve().parents[2]
_RULE = re.compile(r'"(bot\.[a-z_]+)"')
_PLACES = ("bridge/core", "bridge/relay/bot", "bridge/relay/intake_whatsapp.py")
#: These are put together of a status, or of a rule that holds for every message.
_COMPOSED = {"bot.conversation_open", "bot.conversation_snoozed", "bot.jid_ignored"}


def used() -> set[str]:
    files = [
        path
        for place in _PLACES
        for path in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
        if path.name != "rules.py"
    ]
    named = {rule for path in files for rule in _RULE.findall(path.read_text("utf-8"))}
    return (named | _COMPOSED | {f"bot.{reason}" for reason in Reason}) - {NO_FLOW}


def test_each_rule_is_told_in_words() -> None:
    assert {rule for rule in used() if told(rule) is None} == set()


def test_each_rule_is_explained_in_the_guide() -> None:
    guide = (ROOT / "docs" / "typebot.md").read_text("utf-8").partition("## Nothing happens?")[2]
    assert {rule for rule in used() if f"`{rule}`" not in guide} == set()


def test_what_is_no_rule_of_a_flow_has_no_words() -> None:
    assert [told(rule) for rule in (None, "", "duplicate", "bot.none")] == [None] * 4
