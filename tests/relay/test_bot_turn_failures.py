"""Typebot fails in every way: nothing is asked twice, nothing is lost, and a human is told why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.core.handoff import Phase, Reason
from bridge.sim.typebot import TypebotSim
from bridge.store.queries import backlog
from support.bridge_house import MARINA
from support.flow_house import Bot, ask, choose, flow, flow_house, text, unreachable, wait
from support.sessions import balanced

HELLO = flow("menu", text("Olá!"), ask("text"), text("Oi, {{answer}}!"), ask("text", "color"))
SOON = {"typebot": {"connect_patience_seconds": 0.5, "timeout_seconds": 5}}


async def failed(bot: Bot) -> None:
    """A human has the word, and nothing of a session is left."""
    talk = await bot.talk()
    assert talk.state.phase is Phase.PAUSED
    assert talk.state.pause is not None
    assert talk.state.pause.reason is Reason.FAILED
    assert talk.state.asking is None
    assert not talk.state.has_session
    assert talk.session_id is None
    assert await balanced(bot.house)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        pytest.param(lambda sim: sim.faults.fail(500), "typebot.broke", id="500"),
        pytest.param(lambda sim: sim.faults.done_but(500), "typebot.broke", id="500 when done"),
        pytest.param(lambda sim: sim.faults.fail(502), "typebot.broke", id="502"),
        pytest.param(lambda sim: sim.faults.fail(408), "typebot.timeout", id="408"),
        pytest.param(lambda sim: sim.faults.reset(), "peer.broke", id="cut before"),
        pytest.param(lambda sim: sim.faults.reset(acts=True), "peer.broke", id="cut after"),
        pytest.param(lambda sim: sim.faults.fail(200, text="<html>"), "typebot.unreadable", id="x"),
        pytest.param(lambda sim: sim.faults.fail(400), "typebot.refused", id="400"),
        pytest.param(lambda sim: sim.faults.fail(401), "typebot.unauthorized", id="401"),
        pytest.param(lambda sim: sim.faults.fail(302), "typebot.redirect", id="redirect"),
        pytest.param(lambda sim: sim.faults.fail(413), "typebot.refused", id="413"),
    ],
)
async def test_what_may_have_been_done_or_will_never_be_is_asked_once(
    tmp_path: Path, fault: Callable[[TypebotSim], Any], cause: str
) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("bom dia")
        fault(bot.typebot)
        await bot.says("Marina")

        assert len(bot.calls()) == 1
        assert bot.heard == ["Olá!"]
        assert await bot.turns() == [("delivered", None), ("dead", cause)]
        await failed(bot)


async def test_a_failed_turn_is_no_message_that_could_be_sent_again(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("bom dia")
        bot.typebot.faults.fail(500)
        await bot.says("Marina")
        assert [state for state, _ in await bot.turns()] == ["delivered", "dead"]
        (row,) = await bot.house.rows("SELECT id FROM instance")
        store = bot.house.service.store
        assert await store.read(lambda db: backlog.dead(db, row["id"], most=10)) == []
        assert await store.read(lambda db: backlog.count_dead(db, row["id"])) == 0

        (dead,) = await bot.house.ok("GET", "/dead-letters")
        assert (dead["kind"], dead["cause"]) == ("bot_turn", "typebot.broke")
        calls = len(bot.calls())
        await bot.house.ok("POST", f"/dead-letters/{dead['id']}/replay")
        await bot.house.quiet()
        assert len(bot.calls()) == calls
        assert await bot.turns() == [("delivered", None), ("ignored", "bot.dealt_with")]


async def test_a_typebot_that_hangs_is_given_up_and_nobody_else_waits(tmp_path: Path) -> None:
    options = {"typebot": {"timeout_seconds": 4}}
    async with flow_house(tmp_path, HELLO, options=options) as bot:
        bot.typebot.faults.hang(60, times=1)
        await bot.house.graph.customer_writes(MARINA, "bom dia")
        await bot.typebot.wait_for(lambda: len(bot.calls("startChat")) == 1)
        await bot.house.graph.customer_writes("5511987650002", "oi")
        await bot.house.sent(1)
        assert (await bot.turns())[0] == ("waiting", None)
        await bot.house.quiet()
        assert (await bot.turns())[0] == ("dead", "peer.timeout")
        assert bot.heard == ["Olá!"]
        assert any("Typebot did not answer in time." in note for note in bot.notes)


@pytest.mark.parametrize("status", [429, 503])
async def test_what_surely_was_not_done_is_tried_again(tmp_path: Path, status: int) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("bom dia")
        bot.typebot.faults.fail(status, times=1)
        await bot.says("Marina")

        assert bot.asked == ["Marina", "Marina"]
        assert bot.heard == ["Olá!", "Oi, Marina!"]
        assert await bot.turns() == [("delivered", None)] * 2
        assert await balanced(bot.house)


async def test_what_is_said_while_typebot_is_tried_goes_along(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("bom dia")
        bot.typebot.faults.fail(503)
        await bot.house.graph.customer_writes(MARINA, "Marina")
        await bot.reaches(lambda talk: '"trying_since":null' not in talk.memory)
        await bot.house.graph.customer_writes(MARINA, "Souza")
        bot.typebot.faults.clear()
        await bot.house.quiet()

        assert bot.asked[-1] == "Marina\nSouza"
        assert bot.heard == ["Olá!", "Oi, Marina\nSouza!"]
        assert await balanced(bot.house)


async def test_a_start_is_tried_again_with_what_triggered_it(tmp_path: Path) -> None:
    order = {"triggerType": "keyword", "triggerOperator": "equals", "triggerValue": "menu"}
    async with flow_house(tmp_path, HELLO, bot=order) as bot:
        bot.typebot.faults.fail(503, times=1, route="startChat")
        await bot.says("menu")

        assert len(bot.calls("startChat")) == 2
        assert bot.heard == ["Olá!"]


async def test_after_some_patience_a_human_has_the_word(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO, options=SOON, bot={"url": unreachable()}) as bot:
        await bot.says("bom dia")
        assert await bot.turns() == [("dead", "peer.down")]
        await failed(bot)
        assert any("Typebot could not be reached." in note for note in bot.notes)
        await bot.says("alô?")  # a human answers now
        assert len(await bot.turns()) == 1


async def test_a_session_that_is_gone_begins_anew_and_the_text_is_not_lost(
    tmp_path: Path,
) -> None:
    menu = flow("m", text("Qual?"), choose("Vendas", "Suporte"), text("{{answer}}"), ask())
    async with flow_house(tmp_path, menu) as bot:
        await bot.says("oi")
        bot.typebot.drop()
        await bot.says("vendas")

        assert len(bot.calls("startChat")) == 2
        assert bot.heard == ["Qual?", "Qual?", "Vendas"]
        assert bot.asked == ["Vendas", "Vendas"]
        assert (await bot.talk()).state.phase is Phase.WAITING


async def test_a_new_session_for_an_old_text_that_does_not_fit_asks_again(tmp_path: Path) -> None:
    mail = flow("mail", text("Seu e-mail?"), ask("email"), text("{{answer}}"), ask("text", "color"))
    async with flow_house(tmp_path, mail) as bot:
        await bot.says("oi")
        await bot.says("a@example.com")
        bot.typebot.drop()
        await bot.says("azul")
        assert bot.heard == ["Seu e-mail?", "a@example.com", "Seu e-mail?"]


async def test_a_flow_whose_sessions_go_at_once_is_not_begun_for_ever(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("bom dia")
        bot.typebot.drop()
        gone = {"code": "NOT_FOUND", "message": "Session not found."}
        bot.typebot.faults.fail(404, route="continueChat", text=orjson.dumps(gone).decode())
        await bot.says("Marina")
        assert len(bot.calls("startChat")) == 2
        await failed(bot)


async def test_a_closed_flow_says_its_text_once_and_a_human_has_the_word(tmp_path: Path) -> None:
    closed = flow("closed", text("Olá!"), closed=True)
    async with flow_house(tmp_path, closed) as bot:
        await bot.says("oi")
        assert bot.heard == ["This bot is now closed"]
        assert await bot.turns() == [("dead", "typebot.closed")]
        await failed(bot)
        await bot.says("alô?")
        assert len(bot.heard) == 1


async def test_an_unknown_flow_is_told_and_the_person_reads_what_the_settings_say(
    tmp_path: Path,
) -> None:
    order = {"typebot": "unknown", "errorMessage": "Um momento, por favor."}
    async with flow_house(tmp_path, HELLO, bot=order) as bot:
        await bot.says("oi")
        assert await bot.turns() == [("dead", "typebot.flow_unknown")]
        assert bot.heard == ["Um momento, por favor."]
        await failed(bot)


async def test_a_flow_that_runs_in_a_circle_is_stopped(tmp_path: Path) -> None:
    circle = flow("circle", wait(0), wait(0))
    first = circle["groups"][0]["blocks"][0]["id"]
    last = circle["groups"][0]["blocks"][1]["id"]
    circle["edges"] = [{"from": last, "to": first}]
    async with flow_house(tmp_path, circle) as bot:
        await bot.says("oi")
        assert len(bot.calls()) == 19
        assert (await bot.turns())[-1] == ("dead", "typebot.circle")
        await failed(bot)


async def test_without_chatwoot_a_failed_flow_may_start_again(tmp_path: Path) -> None:
    off = dict.fromkeys(("chatwootAccountId", "chatwootToken", "chatwootUrl"))
    async with flow_house(tmp_path, HELLO, order=off) as bot:
        bot.typebot.faults.fail(500, times=1)
        await bot.says("oi")
        assert (await bot.talk()).state.phase is Phase.IDLE
        await bot.says("oi")
        assert bot.heard == ["Olá!"]


async def test_a_call_in_which_the_service_died_is_not_made_again(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("bom dia")
        bot.typebot.faults.hang(60, times=1)
        await bot.house.graph.customer_writes(MARINA, "Marina")
        await bot.typebot.wait_for(lambda: len(bot.calls()) == 1)
        await bot.house.stop()  # it drains for two seconds, and cuts off what still runs
        bot.typebot.faults.clear()
        await bot.house.start()
        await bot.house.quiet()

        assert bot.asked == ["Marina"]
        assert bot.heard == ["Olá!"]
        assert (await bot.turns())[-1] == ("dead", "typebot.cut_off")
        await failed(bot)


async def test_a_human_ends_the_trying(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("bom dia")
        bot.typebot.faults.fail(503)
        await bot.house.graph.customer_writes(MARINA, "Marina")
        await bot.reaches(lambda talk: '"trying_since":null' not in talk.memory)
        told = {"remoteJid": f"{MARINA}@s.whatsapp.net", "status": "paused"}
        await bot.house.ok("POST", "/typebot/changeStatus/loja", json=told)
        await bot.house.quiet()
        assert (await bot.talk()).state.phase is Phase.PAUSED
        assert (await bot.turns())[-1] == ("ignored", "bot.silenced")
        assert await balanced(bot.house)


async def test_an_answer_of_ours_is_tried_again_with_what_waits_behind_it(tmp_path: Path) -> None:
    asks = (text("Seu nome?"), ask(), text("{{answer}}"), ask("text", "color"))
    waits = flow("waits", text("Um momento"), wait(0.3), *asks)
    async with flow_house(tmp_path, waits) as bot:
        bot.typebot.faults.fail(503, times=1, route="continueChat")
        await bot.house.graph.customer_writes(MARINA, "oi")
        await bot.house.sent(1)
        await bot.says("Marina")
        assert bot.heard == ["Um momento", "Seu nome?", "Marina"]
        assert [call.text for call in bot.calls()] == [None, None, "Marina"]


async def test_what_waited_behind_an_answer_of_ours_outlives_our_death(tmp_path: Path) -> None:
    off = dict.fromkeys(("chatwootAccountId", "chatwootToken", "chatwootUrl"))
    waits = flow("waits", text("Um momento"), wait(0), text("Pronto"), ask())
    async with flow_house(tmp_path, waits, order=off) as bot:
        bot.typebot.faults.hang(60, times=1, route="continueChat")
        await bot.house.graph.customer_writes(MARINA, "oi")
        await bot.typebot.wait_for(lambda: len(bot.calls()) == 1)
        await bot.house.graph.customer_writes(MARINA, "Marina")
        await bot.house.stop()
        bot.typebot.faults.clear()
        await bot.house.start()
        await bot.house.quiet()
        told = bot.calls("startChat")[-1].body["prefilledVariables"]
        assert told["firstMessage"] == "Marina"
        assert bot.heard == ["Um momento", "Um momento", "Pronto"]


async def test_what_was_said_before_a_restart_is_answered_after_it(tmp_path: Path) -> None:
    options = {"typebot": {"burst_seconds": 300}}
    async with flow_house(tmp_path, HELLO, bot={"debounceTime": 60}, options=options) as bot:
        await bot.house.graph.customer_writes(MARINA, "bom dia")
        await bot.house.stop()
        await bot.house.start()
        await bot.later(61)
        assert bot.heard == ["Olá!"]
        assert await bot.turns() == [("delivered", None)]
