"""What humans do in Chatwoot or with the phone silences the bot; what we do ourselves does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.core.handoff import Handoff, HumanSpoke
from bridge.relay.trace import why
from bridge.sim.chatwoot import Conversation
from bridge.store.engine import Unit
from bridge.store.queries import retention
from support.bot_says import endings, line, says, signal, talk_of
from support.bridge_house import MARINA, RUI, House, ShiftedClock, bridge_house
from support.flow_house import ask, flow, flow_house, text
from support.flow_runs import WITHOUT_CHATWOOT, flow_is_there, flow_runs, pending_house, word
from support.qr_events import typed
from support.sessions import balanced, bring, conversation, open_up, qr_house

SPEAKS = "waiting speaks"
Acts = Callable[[House, Conversation], object]


def now_typed(text: str) -> Any:
    return replace(typed(text), at=datetime.now(UTC))  # noqa: TID251  of a phone


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        pytest.param(
            lambda house, chat: house.chat.agent_writes(chat.id, "Oi, sou a Ana"),
            "paused agent_wrote",
            id="an agent writes",
        ),
        pytest.param(
            lambda house, chat: house.chat.agent_writes(chat.id, "é VIP", private=True),
            SPEAKS,
            id="a private note",
        ),
        pytest.param(
            lambda house, chat: house.chat.agent_writes(chat.id, "Promoção!", campaign_id=4),
            SPEAKS,
            id="a campaign",
        ),
        pytest.param(
            lambda house, chat: house.chat.agent_writes(
                chat.id, "Já volto", content_attributes={"automation_rule_id": 2}
            ),
            SPEAKS,
            id="an automation rule",
        ),
        pytest.param(
            lambda house, chat: house.chat.assign(chat.id, house.chat.agent),
            "paused assigned",
            id="it is assigned",
        ),
        pytest.param(
            lambda house, chat: house.chat.open(chat.id),
            "paused opened",
            id="it is opened",
        ),
        pytest.param(
            lambda house, chat: house.chat.snooze(chat.id),
            "paused opened",
            id="it is snoozed",
        ),
        pytest.param(
            lambda house, chat: house.chat.resolve(chat.id),
            "idle speaks",
            id="it is resolved",
        ),
        pytest.param(
            lambda house, chat: house.chat.label(chat.id, ["vip"]), SPEAKS, id="it is labelled"
        ),
        pytest.param(
            lambda house, chat: house.chat.assign_team(chat.id, house.chat.add_team("vendas")),
            SPEAKS,
            id="it is given to a team",
        ),
    ],
)
async def test_who_takes_the_word_in_a_pending_conversation(
    tmp_path: Path, acts: Acts, said: str
) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house)
        acts(house, chat)
        await house.quiet()
        assert await word(house) == said
        assert await balanced(house)


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        (lambda house, chat: house.chat.agent_writes(chat.id, "Oi"), "paused agent_wrote"),
        (lambda house, chat: house.chat.snooze(chat.id), SPEAKS),
        (lambda house, chat: house.chat.resolve(chat.id), "idle speaks"),
        (lambda house, chat: house.chat.label(chat.id, ["vip"]), SPEAKS),
    ],
)
async def test_who_takes_the_word_where_conversations_are_open(
    house: House, acts: Acts, said: str
) -> None:
    chat = await house.talk()
    await flow_runs(house)
    acts(house, chat)
    await house.quiet()
    assert await word(house) == said


async def test_who_wrote_to_a_customer_of_whom_no_flow_knows_silences_it_all_the_same(
    house: House,
) -> None:
    await flow_is_there(house)
    chat = await house.talk()
    house.chat.agent_writes(chat.id, "Bom dia!")
    await house.quiet()
    assert await word(house) == "paused agent_wrote"
    house.chat.resolve(chat.id)
    await house.quiet()
    assert await word(house) == "idle speaks"


async def test_a_conversation_that_an_agent_begins_is_theirs(house: House) -> None:
    await flow_is_there(house)
    contact = house.chat.agent_creates_contact("Rui", phone_number=f"+{RUI}")
    house.chat.agent_starts_conversation(contact.id, house.inbox.id, "Rui, seu pedido chegou")
    await house.quiet()
    assert await word(house) == "paused agent_wrote"


async def test_where_there_is_no_flow_nothing_is_kept_of_who_has_the_word(house: House) -> None:
    chat = await house.talk()
    house.chat.agent_writes(chat.id, "Bom dia!")
    house.chat.assign(chat.id, house.chat.agent)
    house.chat.resolve(chat.id)
    await house.quiet()
    assert (
        await house.service.store.read(lambda db: db.execute("SELECT 1 FROM talk").fetchall()) == []
    )


async def test_a_pending_conversation_in_which_an_agent_answers_is_opened(tmp_path: Path) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house)
        house.chat.agent_writes(chat.id, "Oi, sou a Ana")
        await house.quiet()
        assert chat.status == "open"
        assert await word(house) == "paused agent_wrote"
        house.chat.pend(chat.id)
        await house.quiet()
        assert await word(house) == SPEAKS


async def test_one_that_the_agent_resolves_at_once_stays_resolved(tmp_path: Path) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house)
        house.chat.agent_writes(chat.id, "Resolvido!")
        house.chat.resolve(chat.id)
        await house.quiet()
        assert chat.status == "resolved"
        assert await word(house) == "idle speaks"


async def test_a_message_that_is_tried_again_is_a_humans_word(house: House) -> None:
    chat = await house.talk()
    message = house.chat.agent_writes(chat.id, "Oi")
    await house.quiet()
    await house.service.store.write(
        lambda unit: unit.db.execute("UPDATE job SET failure=2, state='dead' WHERE kind='outbound'")
    )
    await flow_runs(house)
    message.status = "failed"
    house.chat.agent_retries(message.id)
    await house.quiet()
    assert await word(house) == "paused agent_wrote"


async def test_pending_gives_the_word_back_in_the_session_that_was_kept(tmp_path: Path) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house)
        house.chat.agent_writes(chat.id, "um momento")
        house.chat.open(chat.id)
        await house.quiet()
        house.chat.pend(chat.id)
        house.chat.assign(chat.id, None)
        await house.quiet()
        assert await word(house) == SPEAKS
        assert (await talk_of(house)).session_id == "session-1"


async def test_who_had_a_conversation_that_was_resolved_does_not_silence_the_next_time(
    tmp_path: Path,
) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        house.chat.assign(chat.id, house.chat.agent)
        await house.quiet()
        house.chat.resolve(chat.id)
        await house.quiet()
        again = await house.talk(MARINA, "voltei")
        assert (again.id, again.status, again.assignee) == (chat.id, "pending", house.chat.agent)
        assert await word(house) == "idle speaks"


async def test_news_that_is_told_twice_or_late_is_told_once(tmp_path: Path) -> None:
    async with pending_house(tmp_path, chatwoot={"version": "4.9.0"}) as house:
        chat = await house.talk()
        await flow_runs(house)
        house.chat.open(chat.id)
        await house.quiet()
        old = [one.payload for one in house.chat.webhooks.of("conversation_status_changed")]
        house.chat.pend(chat.id)
        house.chat.assign(chat.id, None)
        await house.quiet()
        epoch = (await talk_of(house)).state.epoch
        for body in (*old, *old):
            async with house.http.post(house.hook, json=body) as answer:
                assert answer.status == 200
        await house.quiet()
        assert await word(house) == SPEAKS
        assert (await talk_of(house)).state.epoch == epoch


async def test_a_macro_that_writes_and_resolves_leaves_the_bot_the_next_word(
    tmp_path: Path,
) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        house.chat.webhooks.hold()
        house.chat.agent_writes(chat.id, "Até a próxima!")
        house.chat.resolve(chat.id)
        house.chat.webhooks.release(backwards=True)
        await house.quiet()
        assert await word(house) == "idle speaks"


@pytest.mark.parametrize("automatic", [True, False])
async def test_automatic_assignment_takes_no_word_where_conversations_are_open(
    tmp_path: Path, automatic: bool
) -> None:
    async with bridge_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house)
        if automatic:  # as after the conversation was opened
            house.inbox.fields["enable_auto_assignment"] = True
            house.chat.resolve(chat.id)
            await house.quiet()
            await flow_runs(house)
            house.chat.agent.availability = "online"
            house.chat.open(chat.id, agent=house.chat.admin)
        else:
            chat.created_at -= 60
            house.chat.assign(chat.id, house.chat.agent, agent=house.chat.agent)
        await house.quiet()
        assert chat.assignee is not None
        assert await word(house) == (SPEAKS if automatic else "paused assigned")


async def test_an_agent_bot_to_which_chatwoot_assigns_is_no_human(tmp_path: Path) -> None:
    """Newer servers do so; its id may well be that of an agent."""
    async with pending_house(tmp_path, chatwoot={"version": "4.9.0"}) as house:
        chat = await house.talk()
        await flow_runs(house)
        house.chat.label(chat.id, ["vip"])
        await house.quiet()
        told = house.chat.webhooks.of("conversation_updated")[-1].payload
        told["meta"]["assignee"] = {"id": house.chat.agent.id, "name": "n8n", "type": "agent_bot"}
        told["updated_at"] += 1
        async with house.http.post(house.hook, json=told) as answer:
            assert answer.status == 200
        await house.quiet()
        assert await word(house) == SPEAKS


async def test_an_assignment_for_which_nobody_is_named_is_a_humans_long_after_the_opening(
    tmp_path: Path,
) -> None:
    async with bridge_house(tmp_path, chatwoot={"version": "4.9.0"}) as house:
        chat = await house.talk()
        await flow_runs(house)
        chat.created_at -= 60
        house.chat.label(chat.id, ["vip"])
        await house.quiet()
        told = house.chat.webhooks.of("conversation_updated")[-1].payload
        told["meta"]["assignee"] = {"id": house.chat.agent.id, "name": "Ana", "type": "user"}
        told["performed_by"] = None
        told["updated_at"] += 1
        async with house.http.post(house.hook, json=told) as answer:
            assert answer.status == 200
        await house.quiet()
        assert await word(house) == "paused assigned"


@pytest.mark.parametrize("who", ["an agent", "somebody who gets it"])
async def test_after_so_many_hours_the_flow_goes_on_where_conversations_are_open(
    tmp_path: Path, who: str
) -> None:
    talk, clock = flow("menu", text("um"), ask(), text("dois"), ask()), ShiftedClock()

    def now() -> float:
        return clock.ms() / 1000

    peers: dict[str, Any] = {"graph": {"clock": now}, "chatwoot": {"clock": now}}
    async with flow_house(tmp_path, talk, bot={"pauseHours": 2}, clock=clock, **peers) as bot:
        await bot.says("oi")
        (chat,) = bot.house.chats()
        chat.created_at -= 60
        if who == "an agent":
            bot.house.chat.agent_writes(chat.id, "Só um momento")
        else:
            bot.house.chat.assign(chat.id, bot.house.chat.agent, agent=bot.house.chat.agent)
        await bot.house.quiet()
        clock.ahead_seconds += 3600
        await bot.says("e aí?")
        assert bot.asked == []
        clock.ahead_seconds += 3601
        await bot.says("azul")
        assert bot.asked == ["azul"]
        assert bot.heard[-1] == "dois"


async def test_what_people_did_counts_for_each_flow_as_it_wants(tmp_path: Path) -> None:
    """One that goes on beside people, and has run last, does not let others talk over them."""
    beside, minds = flow("beside", text("aqui")), flow("minds", text("olá"), ask())
    keyword = {"triggerType": "keyword", "triggerOperator": "equals"}
    first = {**keyword, "triggerValue": "avisos", "handOff": False, "onEnd": "keep"}
    async with flow_house(tmp_path, beside, minds, bot=first) as bot:
        await bot.add("minds", **keyword, triggerValue="menu", handOff=True)
        await bot.says("avisos")
        (chat,) = bot.house.chats()
        bot.house.chat.agent_writes(chat.id, "Oi, sou a Ana")
        await bot.house.quiet()
        await bot.says("menu")
        await bot.says("avisos")
        assert bot.heard == ["aqui", "Oi, sou a Ana", "aqui"]


async def test_pause_bot_silences_what_is_on_its_way_for_good(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        gate = phone.gates["sending"] = asyncio.Event()
        await says(house, line("um"), line("dois"))
        await phone.called("sending")
        room = house.chat.conversations[min(house.chat.conversations)]
        for number, command in enumerate(("pause bot", "resume bot")):
            before = len(room.messages)
            house.chat.agent_writes(room.id, command)
            await house.chat.wait_for(lambda before=before: len(room.messages) > before + 1)  # type: ignore[misc]
            if not number:
                assert await word(house) == "waiting paused"
        gate.set()
        await house.quiet()
        assert phone.texts == ["um"]
        assert await endings(house) == [("delivered", None), ("ignored", "bot.silenced")]
        assert await word(house) == SPEAKS


# -- what we do ourselves -----------------------------------------------------------------------


async def test_a_conversation_that_wakes_for_a_customer_takes_no_humans_word(
    tmp_path: Path,
) -> None:
    async with pending_house(tmp_path) as house:
        await flow_is_there(house)
        chat = await house.talk()
        house.chat.resolve(chat.id)
        await house.quiet()
        await signal(house, HumanSpoke(phone=True))
        await house.talk(MARINA, "oi de novo")
        assert chat.status == "pending"
        assert await word(house) == "paused phone_wrote"


async def test_its_webhook_may_be_faster_than_the_answer(tmp_path: Path) -> None:
    async with pending_house(tmp_path) as house:
        await flow_is_there(house)
        chat = await house.talk()
        house.chat.resolve(chat.id)
        await house.quiet()
        await signal(house, HumanSpoke(phone=True))
        slow = house.chat.faults.hang(60, route="POST conversation/toggle_status", acts=True)
        await house.graph.customer_writes(MARINA, "oi de novo")
        await house.chat.wait_for(lambda: chat.status == "pending")
        await house.chat.settled(30)
        slow.off()
        await house.quiet()
        assert await word(house) == "paused phone_wrote"


async def test_what_no_webhook_told_is_found_out_when_chatwoot_is_asked(tmp_path: Path) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        house.chat.agent_writes(chat.id, "Oi")
        await house.quiet()
        hook, house.inbox.webhook_url = house.inbox.webhook_url, None
        house.chat.resolve(chat.id)
        await house.quiet()
        house.inbox.webhook_url = hook
        await house.service.store.write(
            lambda unit: unit.db.execute("UPDATE chat SET fresh_at=0")  # as after an outage
        )
        await house.talk(MARINA, "oi de novo")
        assert chat.status == "pending"
        assert await word(house) == "idle speaks"


async def test_why_no_flow_dealt_with_a_message_stands_in_its_story(tmp_path: Path) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house)
        house.chat.agent_writes(chat.id, "Oi")
        await house.quiet()
        id_ = await house.graph.customer_writes(MARINA, "quem é você?")
        await house.quiet()
        (story,) = await why(house.service.store, id_)
        (told,) = (one["detail"] for one in story["steps"] if one["step"] == "no flow")
        assert told == (
            "bot.agent_wrote: An agent has written, so people have the word. "
            "Resolve the conversation, or make it pending, to give the word back."
        )


async def test_where_an_agent_has_the_word_a_conversation_wakes_open(tmp_path: Path) -> None:
    async with pending_house(tmp_path) as house:
        await flow_is_there(house)
        chat = await house.talk()
        house.chat.resolve(chat.id)
        await house.quiet()
        house.chat.agent_writes(chat.id, "Esqueci de dizer: chega amanhã")
        await house.quiet()
        await house.talk(MARINA, "obrigada!")
        assert chat.status == "open"
        assert (await word(house)).startswith("paused")


async def test_a_snoozed_conversation_that_wakes_pending_is_the_bots_again(
    tmp_path: Path,
) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house)
        house.chat.snooze(chat.id)
        await house.quiet()
        assert await word(house) == "paused opened"
        await house.talk(MARINA, "oi")
        assert chat.status == "pending"
        assert await word(house) == SPEAKS


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        (lambda house, chat: house.chat.resolve(chat.id), "idle speaks"),
        (lambda house, chat: house.chat.open(chat.id, agent=house.chat.admin), "paused opened"),
        (lambda house, chat: house.chat.agent_writes(chat.id, "Oi"), "paused agent_wrote"),
    ],
)
async def test_what_humans_did_while_we_were_down_counts(
    tmp_path: Path, acts: Acts, said: str
) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house)
        async with house.stopped():
            acts(house, chat)
        await house.quiet()
        assert await word(house) == said


# -- the phone ----------------------------------------------------------------------------------


async def test_who_writes_with_the_phone_has_the_word(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        await flow_runs(house)
        await bring(house, phone, now_typed("Oi, aqui é o João"))
        assert await word(house) == "paused phone_wrote"
        assert await balanced(house)


async def test_what_the_bot_says_and_the_phone_tells_back_is_no_human(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        gate = phone.gates["sending"] = asyncio.Event()
        await says(house, line("um"), line("dois"))
        await phone.called("sending")
        await phone.bring(replace(now_typed("um"), id=f"3EB0{1:016X}"))  # before it is answered
        gate.set()
        await house.quiet()
        await bring(house, phone, replace(now_typed("dois"), id=f"3EB0{2:016X}"))
        assert phone.texts == ["um", "dois"]
        assert await word(house) == SPEAKS
        assert await balanced(house)


async def test_the_phone_writes_while_a_bubble_is_on_its_way(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        gate = phone.gates["sending"] = asyncio.Event()
        await says(house, line("um"))
        await phone.called("sending")
        await phone.bring(now_typed("deixa comigo"))
        gate.set()
        await house.quiet()
        assert await word(house) == "paused phone_wrote"
        assert await balanced(house)


async def test_without_chatwoot_the_phone_still_silences(tmp_path: Path) -> None:
    async with qr_house(tmp_path, order=WITHOUT_CHATWOOT) as (house, phone):
        await flow_is_there(house)
        await open_up(house, phone)
        await bring(house, phone, now_typed("Oi, sou eu"))
        assert await word(house) == "paused phone_wrote"


async def test_old_talks_are_forgotten_unless_somebody_keeps_the_bot_silent(house: House) -> None:
    await flow_is_there(house)
    await house.talk()
    await flow_runs(house, state=Handoff())

    def purged(unit: Unit) -> int:
        return retention.purge_talks(unit.db, house.clock.ms() + 1, 10)

    assert await house.service.store.write(purged) == 1
    await signal(house, HumanSpoke())
    assert await house.service.store.write(purged) == 0
    assert await word(house) == "paused agent_wrote"
