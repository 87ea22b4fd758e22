"""What `status` answers, from what is known."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.core.connection import ConnectionView, LinkState
from bridge.locale import LANGUAGES
from bridge.relay.number_status import Facts, bots_silent, lines

NOW = 1_795_000_000_000
HOUR = 3600 * 1000
OPEN = ConnectionView(
    state=LinkState.OPEN,
    owner_jid="5511987650009@s.whatsapp.net",
    profile_name="Ana *Loja*",
    changed_at=NOW - 26 * HOUR,
)


def facts(**changes: Any) -> Facts:
    known: dict[str, Any] = {
        "name": "loja",
        "view": OPEN,
        "has_code": False,
        "is_session": True,
        "chatwoot_at": NOW - 5000,
        "chatwoot_paused": None,
        "whatsapp_paused": None,
        "waiting": 0,
        "oldest": None,
        "dead": 0,
        "flows": 0,
        "bots_paused_until": None,
        "inbox": {"timezone": "America/Sao_Paulo"},
        "version": "1.2.3",
    }
    return Facts(**known | changes)


def view(state: LinkState, **known: Any) -> ConnectionView:
    return ConnectionView(state=state, changed_at=NOW - HOUR, **known)


def test_a_number_that_is_well_needs_four_lines() -> None:
    assert lines("en", facts(), NOW).splitlines() == [
        "🟢 *loja* has been connected to WhatsApp for 26 hours: +55 11 98765-0009 (Ana \\*Loja\\*)",
        "💬 Chatwoot: answering; its last answer was less than 1 minute ago",
        "📨 No messages waiting",
        "Ponte 1.2.3",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"view": view(LinkState.CONNECTING, code=408)},
            "connecting to WhatsApp for 60 minutes (WhatsAp",
        ),
        ({"view": view(LinkState.CONNECTING), "has_code": True}, "waits for somebody to scan"),
        (
            {"view": view(LinkState.CLOSED, code=499, reason="Gone.")},
            "for 60 minutes (Gone). Write `init",
        ),
        ({"view": view(LinkState.REFUSED)}, "🔴 *loja* has been disconnected"),
        ({"view": ConnectionView(state=LinkState.CLOSED)}, "disconnected from WhatsApp. Write"),
        ({"view": view(LinkState.CLOSED), "is_session": False}, "is not accepted by Meta"),
        ({"waiting": 7, "oldest": NOW - 90_000}, "Messages waiting: 7; the oldest for 2 minutes"),
        ({"dead": 3}, "Not delivered: 3. Write `retry`"),
        ({"flows": 2}, "Flows configured: 2"),
        ({"bots_paused_until": 0}, "silent until somebody resumes them"),
        ({"bots_paused_until": NOW + HOUR}, "until 2026-11-18, 09:06 (America/Sao_Paulo)"),
        ({"chatwoot_paused": "The token is *wrong*."}, "paused (The token is \\*wrong\\*.)"),
        ({"whatsapp_paused": "-"}, "WhatsApp: sending is paused"),
        ({"chatwoot_at": None}, "*loja*"),
    ],
)
def test_what_is_not_well_is_told(changes: dict[str, Any], words: str) -> None:
    assert words in lines("en", facts(**changes), NOW)
    for language in LANGUAGES:
        told = lines(language, facts(**changes), NOW)
        assert "command." not in told
        assert "{" not in told


def test_a_pause_that_is_over_is_none() -> None:
    assert "silent" not in lines("en", facts(bots_paused_until=NOW), NOW)
    assert bots_silent("pt_BR", 0, NOW, {}) == "até alguém reativá-los"
