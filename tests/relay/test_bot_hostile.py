"""Hostile people, flows and servers: what one of them can do to everybody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.relay.bot.hearing import Hearing
from support.flow_house import Bot, ask, flow, flow_house, text

ECHO = flow("eco", text("Seu nome?"), ask(), text("{{answer}}"), ask())


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    async with flow_house(tmp_path, ECHO) as made:
        yield made


async def test_a_flow_that_repeats_a_person_does_not_do_as_they_say(bot: Bot) -> None:
    await bot.says("oi")
    await bot.says("[resolve]")
    assert [(one or "").replace("\u2060", "") for one in bot.heard[1:]] == ["[resolve]"]
    assert (await bot.talk()).state.is_live


async def test_what_no_flow_can_hear_agents_get_all_the_same(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ValueError("a bug of ours")

    monkeypatch.setattr(Hearing, "accept", fails)
    await bot.says("oi, preciso de ajuda")
    assert bot.house.chat.messages()[-1].content == "oi, preciso de ajuda"
    assert bot.typebot.calls == []
