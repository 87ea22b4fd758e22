"""Whom a flow answers, and whom it leaves alone."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.core import trigger
from bridge.core.handoff import Phase
from bridge.core.message import SentByPhone
from support.bridge_house import MARINA
from support.flow_house import ask, flow, flow_house, qr_flow_house, text, wait
from support.happenings import GROUP, written
from support.qr_events import typed
from support.sessions import balanced

HELLO = flow("menu", text("Olá!"), ask("text"), text("Oi, {{answer}}!"), ask("text", "color"))
BYE = flow("bye", text("Tchau!"), ask())
KEYWORD = {"triggerType": "keyword", "triggerOperator": "contains"}


async def test_each_keyword_starts_its_flow_and_other_texts_start_none(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO, BYE, bot={**KEYWORD, "triggerValue": "promoção"}) as bot:
        await bot.add("bye", **KEYWORD, triggerValue="tchau")
        await bot.says("bom dia")
        assert bot.heard == []
        await bot.says("vi a PROMOCAO")
        assert bot.heard == ["Olá!"]
        await bot.says("tchau", number="5511987650002")
        assert bot.heard == ["Olá!", "Tchau!"]
        assert await balanced(bot.house)


async def test_a_machine_that_stands_still_makes_no_pattern_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The patience with patterns counts what they cost, not what others do meanwhile."""
    compiled = trigger._compiled

    def stands_still(pattern: str, flags: int) -> Any:
        time.sleep(2 * trigger.PATIENCE)
        return compiled(pattern, flags)

    regex = {"triggerType": "keyword", "triggerOperator": "regex"}
    async with flow_house(tmp_path, HELLO, BYE, bot={**regex, "triggerValue": "^oi$"}) as bot:
        await bot.add("bye", **regex, triggerValue="^tchau$")
        monkeypatch.setattr(trigger, "_compiled", stands_still)
        await bot.says("oi")
        await bot.says("tchau", number="5511987650002")
        assert bot.heard == ["Olá!", "Tchau!"]


async def test_in_a_flow_no_other_is_triggered(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO, BYE) as bot:
        await bot.add("bye", **KEYWORD, triggerValue="tchau")
        await bot.says("oi")
        await bot.says("tchau")
        assert bot.heard == ["Olá!", "Oi, tchau!"]


async def test_a_flow_that_was_switched_off_goes_on_where_it_runs(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("oi")
        (row,) = await bot.house.ok("GET", "/typebot/find/loja")
        body = {**{k: v for k, v in row.items() if v is not None}, "enabled": False}
        for name in ("id", "createdAt", "updatedAt", "instanceId"):
            body.pop(name, None)
        await bot.house.ok("PUT", f"/typebot/update/{row['id']}/loja", json=body)
        await bot.says("Marina")
        assert bot.heard == ["Olá!", "Oi, Marina!"]
        await bot.says("oi", number="5511987650002")
        assert len(bot.heard) == 2


@pytest.mark.parametrize(
    "message",
    [
        {"type": "sticker", "sticker": {"id": "1", "mime_type": "image/webp", "sha256": "aa"}},
        {"type": "location", "location": {"latitude": -23.5, "longitude": -46.6}},
        {"type": "unsupported", "errors": [{"code": 131051}]},
        {"type": "contacts", "contacts": [{"name": {"formatted_name": "menu"}}]},
    ],
    ids=["sticker", "place", "unsupported", "contact"],
)
async def test_what_is_no_text_starts_nothing(tmp_path: Path, message: dict[str, Any]) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says(None, message=message)
        assert bot.calls("startChat") == []
        assert await bot.turns() == []
        assert await balanced(bot.house)


async def test_who_wrote_too_long_ago_is_not_answered(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        now = bot.house.clock.ms() // 1000
        old = {"type": "text", "text": {"body": "oi"}, "timestamp": str(now - 11 * 60)}
        await bot.says(None, message=old)
        assert bot.heard == []
        young = {**old, "timestamp": str(now - 9 * 60)}
        await bot.says(None, message=young)
        assert bot.heard == ["Olá!"]


async def test_what_an_outage_has_kept_for_too_long_starts_no_turn(tmp_path: Path) -> None:
    options = {"typebot": {"burst_seconds": 300}}
    async with flow_house(tmp_path, HELLO, bot={"debounceTime": 60}, options=options) as bot:
        await bot.house.graph.customer_writes(MARINA, "oi")
        await bot.house.stop()
        bot.house.clock.ahead_seconds += 3600
        await bot.house.start()
        await bot.house.quiet()
        assert await bot.turns() == [("ignored", "bot.too_old")]
        assert bot.heard == []


async def test_what_was_said_during_a_long_wait_is_not_too_old(tmp_path: Path) -> None:
    slow = flow(
        "slow", text("Um momento"), wait(3600), text("Seu nome?"), ask(), text("{{answer}}")
    )
    options = {"typebot": {"most_wait_seconds": 3600}}
    async with flow_house(tmp_path, slow, options=options) as bot:
        await bot.house.graph.customer_writes(MARINA, "oi")
        await bot.house.sent(1)
        await bot.reaches(lambda talk: talk.state.left == 0)
        await bot.house.graph.customer_writes(MARINA, "Marina")
        await bot.house.pass_time(1.01)
        await bot.house.quiet()
        assert bot.heard == ["Um momento", "Seu nome?", "Marina"]


@pytest.mark.parametrize(
    "ignored",
    ["5511987650001@s.whatsapp.net", "551187650001@s.whatsapp.net", "@s.whatsapp.net"],
)
async def test_whom_the_settings_ignore_is_left_alone(tmp_path: Path, ignored: str) -> None:
    async with flow_house(tmp_path, HELLO, bot={"ignoreJids": [ignored]}) as bot:
        await bot.says("oi")
        assert await bot.turns() == []
        assert bot.house.shown() == ["oi"]


async def test_another_flow_may_answer_whom_one_ignores(tmp_path: Path) -> None:
    mine = {"ignoreJids": [f"{MARINA}@s.whatsapp.net"]}
    async with flow_house(tmp_path, HELLO, BYE) as bot:
        await bot.house.ok("POST", "/typebot/settings/loja", json=_settings())
        await bot.add("menu", **KEYWORD, triggerValue="oi", **mine)
        await bot.says("oi")
        assert bot.heard == ["Olá!"]


async def test_in_a_group_a_flow_speaks_only_where_it_is_wanted(tmp_path: Path) -> None:
    async with qr_flow_house(tmp_path, HELLO) as (bot, phone):
        phone.groups = True
        await phone.bring(written("oi", group=GROUP))
        await bot.house.quiet()
        assert await bot.turns() == []
        assert phone.texts == []
    async with qr_flow_house(tmp_path / "wanted", HELLO, bot={"groups": True}) as (bot, phone):
        phone.groups = True
        await phone.bring(written("oi", group=GROUP))
        await bot.house.quiet()
        assert phone.texts == ["Olá!"]


async def test_a_lid_and_a_number_share_one_session(tmp_path: Path) -> None:
    async with qr_flow_house(tmp_path, HELLO) as (bot, phone):
        marina = written("oi").sender
        await phone.bring(written("oi"))
        await bot.house.quiet()
        only_lid = type(marina)(lid=marina.lid, name=marina.name)
        await phone.bring(written("Marina", sender=only_lid))
        await bot.house.quiet()
        assert phone.texts == ["Olá!", "Oi, Marina!"]
        assert len(bot.calls("startChat")) == 1


async def test_own_messages_drive_the_flow_only_where_it_listens_to_them(tmp_path: Path) -> None:
    listens = {"listeningFromMe": True, "handOff": False}
    async with qr_flow_house(tmp_path, HELLO, bot=listens) as (bot, phone):
        await phone.bring(_phone("menu"))
        await bot.house.quiet()
        assert phone.texts == ["Olá!"]
    async with qr_flow_house(tmp_path / "not", HELLO, bot={"handOff": False}) as (bot, phone):
        await phone.bring(_phone("menu"))
        await bot.house.quiet()
        assert await bot.turns() == []


async def test_a_word_ends_the_flow_with_a_goodbye_and_it_may_begin_again(tmp_path: Path) -> None:
    order = {"keywordFinish": "sair, tchau", "goodbye": "Até logo!"}
    async with flow_house(tmp_path, HELLO, bot=order) as bot:
        await bot.says("oi")
        await bot.says("  SAÍR ")
        assert bot.asked == []
        assert bot.heard == ["Olá!", "Até logo!"]
        talk = await bot.talk()
        assert (talk.state.phase, talk.session_id) == (Phase.ENDED, None)
        await bot.says("oi")
        assert bot.heard[-1] == "Olá!"
        assert await balanced(bot.house)


async def test_the_word_that_ends_a_flow_silences_what_is_on_its_way(tmp_path: Path) -> None:
    slow = flow("slow", text("um"), wait(600, pauses=False), text("dois"), ask())
    options = {"typebot": {"most_wait_seconds": 600}}
    order = {"keywordFinish": "sair"}
    async with flow_house(tmp_path, slow, bot=order, options=options) as bot:
        await bot.house.graph.customer_writes(MARINA, "oi")
        await bot.house.sent(1)
        await bot.says("sair")
        assert bot.heard == ["um"]
        assert (await bot.talk()).state.phase is Phase.ENDED
        assert await balanced(bot.house)


async def test_after_its_end_a_flow_waits_as_long_as_the_settings_say(tmp_path: Path) -> None:
    short = flow("short", text("Tchau!"))
    order = {"onEnd": "keep", "restart": "hours", "restartHours": 2}
    async with flow_house(tmp_path, short, bot=order) as bot:
        await bot.says("oi")
        await bot.says("oi")
        assert bot.heard == ["Tchau!"]
        await bot.house.pass_time(2.1)
        await bot.says(None, message=_now(bot, "oi"))
        assert bot.heard == ["Tchau!", "Tchau!"]


async def test_keep_open_means_never_again(tmp_path: Path) -> None:
    short = flow("short", text("Tchau!"))
    async with flow_house(tmp_path, short, bot={"onEnd": "keep", "keepOpen": True}) as bot:
        await bot.says("oi")
        await bot.says("oi")
        assert bot.heard == ["Tchau!"]


def _phone(body: str) -> SentByPhone:
    """Somebody writes with the phone of our own number, now."""
    now = written()
    return replace(typed(body, chat=now.sender), at=now.at)


def _now(bot: Any, body: str) -> dict[str, Any]:
    at = str(bot.house.clock.ms() // 1000)
    return {"type": "text", "text": {"body": body}, "timestamp": at}


def _settings() -> dict[str, Any]:
    return {
        "expire": 0,
        "keywordFinish": "",
        "delayMessage": 0,
        "unknownMessage": "",
        "listeningFromMe": False,
        "stopBotFromMe": False,
    }
