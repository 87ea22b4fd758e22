"""A session in which nobody says anything comes to its end by itself."""

from __future__ import annotations

from pathlib import Path

from bridge.core.handoff import Phase
from support.bridge_house import MARINA
from support.flow_house import Bot, ask, flow, flow_house, text

HELLO = flow("menu", text("Olá!"), ask("text"), text("Oi, {{answer}}!"), ask("text", "color"))
HOUR = {"expire": 60, "expireMessage": "Encerrando por falta de resposta."}


async def says(bot: Bot, body: str) -> None:
    """Somebody writes now, whatever the clock says; the timer goes on waiting."""
    before = len(bot.heard)
    at = str(bot.house.clock.ms() // 1000)
    message = {"type": "text", "text": {"body": body}, "timestamp": at}
    await bot.house.graph.customer_writes(MARINA, message=message)
    await bot.house.sent(before + 1)
    await bot.reaches(lambda talk: talk.state.phase is Phase.WAITING)


async def test_it_ends_with_a_text_and_may_begin_again(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO, bot=HOUR) as bot:
        await says(bot, "oi")
        await bot.house.pass_time(0.9)
        assert (await bot.talk()).state.phase is Phase.WAITING
        await bot.house.pass_time(0.2)
        await bot.house.quiet()

        talk = await bot.talk()
        assert (talk.state.phase, talk.session_id, talk.timer_job) == (Phase.ENDED, None, None)
        assert bot.heard == ["Olá!", "Encerrando por falta de resposta."]
        await says(bot, "oi")
        assert bot.heard[-1] == "Olá!"
        assert len(bot.calls("startChat")) == 2


async def test_it_is_counted_from_what_was_said_last(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO, bot=HOUR) as bot:
        await says(bot, "oi")
        await bot.house.pass_time(0.9)
        await says(bot, "Marina")
        await bot.house.pass_time(0.9)
        assert (await bot.talk()).state.phase is Phase.WAITING
        await bot.house.pass_time(0.2)
        assert (await bot.talk()).state.phase is not Phase.WAITING


async def test_a_session_has_one_timer_which_goes_with_it(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO, bot={**HOUR, "keywordFinish": "sair"}) as bot:
        await says(bot, "oi")
        await says(bot, "Marina")
        timer = await bot.waits("bot_expiry")
        assert timer["id"] == (await bot.talk()).timer_job
        await bot.says("sair")
        ended = await bot.house.rows("SELECT state, cause FROM job WHERE kind='bot_expiry'")
        assert [(row["state"], row["cause"]) for row in ended] == [("ignored", "bot.session_over")]


async def test_a_paused_session_does_not_expire(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO, bot=HOUR) as bot:
        await says(bot, "oi")
        told = {"remoteJid": f"{MARINA}@s.whatsapp.net", "status": "paused"}
        await bot.house.ok("POST", "/typebot/changeStatus/loja", json=told)
        await bot.house.pass_time(5)
        talk = await bot.talk()
        assert talk.state.phase is Phase.PAUSED
        assert talk.session_id is not None
        assert bot.heard == ["Olá!"]
        await bot.house.ok("POST", "/typebot/changeStatus/loja", json={**told, "status": "closed"})


async def test_its_timer_is_no_work_that_is_late(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO, bot=HOUR) as bot:
        await says(bot, "oi")
        await bot.alone("bot_expiry")
        await bot.house.pass_time(0.5)
        told = (await bot.house._metrics()).splitlines()
        assert 'ponte_waiting{road="internal"} 1.0' in told
        assert 'ponte_oldest_waiting_seconds{road="internal"} 0.0' in told


async def test_without_expire_there_is_no_timer(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("oi")
        assert await bot.house.rows("SELECT id FROM job WHERE kind='bot_expiry'") == []
