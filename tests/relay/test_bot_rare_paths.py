"""What happens seldom: a word comes back by itself, a call is overtaken twice, the clock is set."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bridge.core.flow import Next
from bridge.core.handoff import HumanSpoke, Phase, Resumed, Signal
from bridge.sim.typebot.faults import Fault
from bridge.store.engine import Unit
from bridge.store.queries import retention
from support.bot_says import chat_of, entry_of
from support.bridge_house import MARINA
from support.flow_house import Bot, ask, flow, flow_house, listen, text
from support.flow_runs import WITHOUT_CHATWOOT
from support.sessions import balanced

HELLO = flow("menu", text("Olá!"), ask("text"), text("Oi, {{answer}}!"), ask("text", "color"))
NEWS = flow("aviso", text("Seu pedido saiu."), ask("text", "color"))
HOOK = flow("hook", text("Nome?"), ask("text", "color"), listen(), text("Foi: {{answer}}"), ask())
JID = f"{MARINA}@s.whatsapp.net"


async def answers_slowly(bot: Bot, body: str, status: int | None = None) -> Fault:
    """Somebody answers, and Typebot thinks about it until the fault that this gives is off."""
    slow = bot.typebot.faults.add(Fault(hang=60, times=1, status=status))
    await bot.house.graph.customer_writes(MARINA, body)
    await bot.typebot.wait_for(lambda: len(bot.calls()) == 1)
    return slow


async def change(bot: Bot, status: str) -> None:
    body = {"remoteJid": JID, "status": status}
    await bot.house.ok("POST", "/typebot/changeStatus/loja", json=body)


async def signal(bot: Bot, what: Signal) -> None:
    def work(unit: Unit) -> None:
        chat, entry = chat_of(unit.db, bot.house), entry_of(bot.house)
        bot.house.service.talks.signal(unit, entry, chat, what, bot.house.clock.ms())

    await bot.house.service.store.write(work)


async def pause_bots(bot: Bot, until: int | None) -> None:
    """What `pause bot` and `resume bot` do to the instance."""
    service, entry = bot.house.service, entry_of(bot.house)
    sql = "UPDATE instance SET bots_paused_until=?"
    await service.store.write(lambda unit: unit.db.execute(sql, (until,)))
    await service.directory.refresh(entry.id)


async def is_wanted(bot: Bot) -> None:
    """Wait until it is stored that a start is asked for."""
    async with asyncio.timeout(30):
        while not (await bot.memory()).wanted:
            pass


async def writes_now(bot: Bot, body: str) -> None:
    """As `Bot.says`, at the moment that the house's clock shows."""
    at = str(bot.house.clock.ms() // 1000)
    await bot.says(None, message={"type": "text", "text": {"body": body}, "timestamp": at})


async def test_after_the_hours_of_a_pause_the_flow_speaks_where_conversations_are_open(
    tmp_path: Path,
) -> None:
    async with flow_house(tmp_path, HELLO, bot={"pauseHours": 2}) as bot:
        await bot.says("oi")
        (conversation,) = bot.house.chats()
        bot.house.chat.agent_writes(conversation.id, "Oi, sou a Ana")
        await bot.house.quiet()
        await writes_now(bot, "Marina")
        assert bot.asked == []
        await bot.house.pass_time(2.1)
        await writes_now(bot, "Marina")
        assert bot.asked == ["Marina"]
        assert await balanced(bot.house)


async def test_a_flow_that_is_started_while_another_is_asked_begins_behind_it(
    tmp_path: Path,
) -> None:
    async with flow_house(tmp_path, HELLO, NEWS) as bot:
        await bot.says("oi")
        slow = await answers_slowly(bot, "Marina")
        body = {"remoteJid": JID, "url": bot.typebot.url, "typebot": "aviso"}
        async with asyncio.TaskGroup() as tasks:
            started = tasks.create_task(bot.house.call("POST", "/typebot/start/loja", json=body))
            await is_wanted(bot)
            slow.off()
        await bot.house.quiet()
        assert started.result()[0] == 200
        assert bot.heard == ["Olá!", "Seu pedido saiu."]
        assert (await bot.talk()).state.phase is Phase.WAITING


@pytest.mark.parametrize("status", [None, 404, 500, 503])
async def test_what_a_call_brings_that_nobody_waits_for_any_more_changes_nothing(
    tmp_path: Path, status: int | None
) -> None:
    async with flow_house(tmp_path, HELLO, NEWS) as bot:
        await bot.says("oi")
        slow = await answers_slowly(bot, "Marina", status)
        body = {"remoteJid": JID, "url": bot.typebot.url, "typebot": "aviso"}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bot.house.call("POST", "/typebot/start/loja", json=body))
            await is_wanted(bot)
            slow.off()
        await bot.house.quiet()
        assert bot.heard == ["Olá!", "Seu pedido saiu."]
        assert bot.notes == []


@pytest.mark.parametrize("status", [500, 503], ids=["unknown", "not done"])
async def test_what_is_said_behind_a_call_that_was_overtaken_is_said_once(
    tmp_path: Path, status: int
) -> None:
    async with flow_house(tmp_path, HELLO, bot={"firstMessage": "answer"}) as bot:
        await bot.says("oi")
        slow = await answers_slowly(bot, "Marina", status)
        await change(bot, "delete")
        await bot.house.graph.customer_writes(MARINA, "bom dia")
        slow.off()
        await bot.house.quiet()
        assert len(bot.calls("startChat")) == 2
        variables = (await bot.memory()).variables
        assert variables["firstMessage"] == "bom dia"
        assert await balanced(bot.house)


async def test_a_turn_that_died_does_not_silence_its_chat(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO, bot={"debounceTime": 60}) as bot:
        await bot.house.graph.customer_writes(MARINA, "oi")
        job = await bot.waits("bot_turn")
        await bot.house.service.store.write(
            lambda unit: unit.db.execute(
                "UPDATE job SET state='dead', cause='internal.bug', ended_at=accepted_at"
                " WHERE id=?",
                (job["id"],),
            )
        )
        await bot.house.graph.customer_writes(MARINA, "alô?")
        assert (await bot.waits("bot_turn"))["id"] != job["id"]
        await bot.house.pass_time(61 / 3600)
        assert (await bot.turns())[-1] == ("delivered", None)


async def test_a_flow_that_is_deleted_while_it_is_asked_and_silent_does_not_come_back(
    tmp_path: Path,
) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        slow = bot.typebot.faults.hang(60, times=1)
        await bot.house.graph.customer_writes(MARINA, "oi")
        await bot.typebot.wait_for(lambda: bool(bot.calls("startChat")))
        await signal(bot, HumanSpoke())
        (row,) = await bot.house.ok("GET", "/typebot/find/loja")
        await bot.house.ok("DELETE", f"/typebot/delete/{row['id']}/loja")
        slow.off()
        await bot.house.quiet()
        talk = await bot.talk()
        assert (talk.state.phase, talk.state.has_session, talk.session_id) == (
            Phase.PAUSED,
            False,
            None,
        )
        await signal(bot, Resumed())
        await bot.says("e aí?")
        assert bot.asked == []


async def test_an_event_is_waited_for_also_when_a_human_has_overtaken_the_call_before(
    tmp_path: Path,
) -> None:
    async with flow_house(tmp_path, HOOK) as bot:
        await bot.says("oi")
        slow = await answers_slowly(bot, "azul")
        await signal(bot, HumanSpoke())
        slow.off()
        await bot.house.quiet()
        await signal(bot, Resumed())
        assert (await bot.talk()).state.next is Next.LISTEN
        told = {"remoteJid": JID, "data": {"event": "pago"}}
        await bot.house.ok("POST", "/typebot/resume/loja", json=told)
        await bot.house.quiet()
        assert bot.heard == ["Nome?", "Foi: pago"]


async def test_while_bots_are_paused_no_session_expires(tmp_path: Path) -> None:
    hour = {"expire": 60, "expireMessage": "Encerrando por falta de resposta."}
    async with flow_house(tmp_path, HELLO, bot=hour) as bot:
        await bot.house.graph.customer_writes(MARINA, "oi")
        await bot.house.sent(1)
        await bot.reaches(lambda talk: talk.state.phase is Phase.WAITING)
        await pause_bots(bot, 0)
        await bot.house.pass_time(1.1)
        assert (await bot.talk()).state.phase is Phase.WAITING
        assert bot.heard == ["Olá!"]
        await pause_bots(bot, None)
        await bot.house.pass_time(1.1)
        await bot.house.quiet()
        assert bot.heard == ["Olá!", "Encerrando por falta de resposta."]


async def test_what_the_api_wanted_and_a_human_prevented_is_no_matter_of_the_next_start(
    tmp_path: Path,
) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("oi")
        slow = await answers_slowly(bot, "Marina")
        body = {"remoteJid": JID, "url": bot.typebot.url, "typebot": "menu", "startSession": False}
        async with asyncio.TaskGroup() as tasks:
            started = tasks.create_task(bot.house.call("POST", "/typebot/start/loja", json=body))
            await is_wanted(bot)
            await signal(bot, HumanSpoke())
            slow.off()
        assert started.result()[0] == 409
        await signal(bot, Resumed())
        await bot.says("oi")
        await bot.says("Marina")
        assert bot.heard == ["Olá!", "Olá!", "Oi, Marina!"]


async def test_a_flow_that_never_starts_again_does_not_after_months_either(tmp_path: Path) -> None:
    short = flow("short", text("Tchau!"))
    only_once = {"keepOpen": True, "onEnd": "keep"}
    async with flow_house(tmp_path, short, bot=only_once, order=WITHOUT_CHATWOOT) as bot:
        await bot.says("oi")
        late = bot.house.clock.ms() + 400 * 86_400_000
        await bot.house.service.store.write(lambda unit: retention.purge_talks(unit.db, late, 1000))
        await bot.says("oi")
        assert bot.heard == ["Tchau!"]


async def test_a_clock_that_was_set_back_prolongs_no_trying(tmp_path: Path) -> None:
    options: dict[str, Any] = {"typebot": {"connect_patience_seconds": 0.5}}
    async with flow_house(tmp_path, HELLO, options=options) as bot:
        await bot.says("oi")
        bot.typebot.faults.fail(503)
        bot.house.clock.ahead_seconds = 3600
        await signal(bot, Resumed())

        def tried(unit: Unit) -> None:
            unit.db.execute(
                "UPDATE talk SET memory=json_set(memory, '$.trying_since', ?)",
                (bot.house.clock.ms(),),
            )

        await bot.house.service.store.write(tried)
        bot.house.clock.ahead_seconds = 0
        await bot.says("Marina")
        assert (await bot.turns())[-1][0] == "dead"
        assert len(bot.calls()) <= 3
