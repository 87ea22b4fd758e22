"""`ponte merge`: a plan is made, shown, applied; the ledger is listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.cli import merge
from support.bridge_house import NAME, House
from support.command_line import ask


async def test_duplicates_are_found_shown_merged_and_listed(
    house: House, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge, "PAUSE", 0.02)
    make = house.chat.agent_creates_contact
    older = make("Marina", phone_number="+551187650001")
    newer = make("\x1b[31mGêmea", phone_number="+5511987650001")
    newer.labels = ["vip"]

    async def say(command: str, *more: object, **answers: str) -> str:
        said = await ask("merge", command, NAME, *more, "--config", config, **answers)
        assert said.code == 0, said
        return " ".join(said.out.split())

    assert "no plans yet" in await say("plans")
    assert "Nothing was merged yet" in await say("list")
    shown = await say("plan")
    assert "Plan 1 is planned. Contacts looked at: 3; pairs: 1 to merge." in shown
    assert f"+5511987650001 #{newer.id} Marina +551187650001 #{older.id}" in shown
    assert "\x1b" not in shown
    assert "0 conversations, label vip, phone +5511987650001" in shown
    assert f"ponte merge apply {NAME} 1" in shown
    assert await say("show", 1) == shown
    refused = await ask("merge", "apply", NAME, 1, "--config", config, answers="n\n")
    assert (refused.code, newer.id in house.chat.contacts) == (1, True)
    applied = await say("apply", 1, answers="y\n")
    assert "Plan 1 is applied" in applied
    assert "1 merged" in applied
    assert newer.id not in house.chat.contacts
    assert "1 merged" in await say("plans")
    assert f"#{newer.id}" in await say("list")
    assert "Plan 1 is applied. Pairs: 1 merged." in await say("drop", 1)
    told = await ask("merge", "list", NAME, "--json", "--config", config)
    assert told.json[0]["moved"]["carry"]["labels"] == ["vip"]
    told = await ask("merge", "show", NAME, 1, "--json", "--config", config)
    assert told.json["merges"][0]["state"] == "done"
    refused = await ask("merge", "show", NAME, 7, "--config", config)
    assert (refused.code, "no plan 7" in refused.err) == (1, True)
