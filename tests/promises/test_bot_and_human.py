"""Promise 5: bot and human never speak together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.engine.queue import LOCAL
from bridge.sim.chatwoot import Conversation
from support.bridge_house import House
from support.flow_house import Bot, ask, flow, qr_flow_house, text
from support.flow_runs import PENDING, WITHOUT_CHATWOOT
from support.happenings import MARINA, written
from support.qr_channel import QrPhone
from support.qr_events import typed

FLOW = flow("menu", text("um"), text("dois"), text("três"), ask(), text("quatro"), ask())
#: It starts when asked for by its name.
BOT = {"triggerType": "keyword", "triggerOperator": "equals", "triggerValue": "menu"}
INBOXES: Mapping[str, Mapping[str, Any]] = {
    "pending": PENDING,
    "open": {"chatwootReopenConversation": True},
    "none": WITHOUT_CHATWOOT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    bot: Bot
    phone: QrPhone

    @property
    def house(self) -> House:
        return self.bot.house

    @property
    def chat(self) -> Conversation:
        (found,) = self.house.chats()
        return found

    async def customer(self, body: str) -> None:
        await self.phone.bring(written(body))

    async def seen(self) -> None:
        """What people did in Chatwoot has reached us."""
        await self.house.chat.settled(30)


Act = Callable[[Scene], Awaitable[None]]
#: A moment gives the human the stage, and tells what the bot may have said by then.
Moment = Callable[[Scene, Act], Awaitable[list[str]]]


async def agent_writes(its: Scene) -> None:
    its.house.chat.agent_writes(its.chat.id, "Oi, sou a Ana")
    await its.seen()


async def somebody_is_assigned(its: Scene) -> None:
    its.chat.created_at -= 60  # not as Chatwoot does by itself
    its.house.chat.assign(its.chat.id, its.house.chat.agent, agent=its.house.chat.agent)
    await its.seen()


async def it_is_opened(its: Scene) -> None:
    its.house.chat.open(its.chat.id, agent=its.house.chat.admin)
    await its.seen()


async def phone_writes(its: Scene) -> None:
    now = datetime.now(UTC)  # noqa: TID251  the phone's own clock
    await its.phone.bring(replace(typed("Oi, sou eu, o João", chat=MARINA), at=now))


async def bots_are_paused(its: Scene) -> None:
    room = its.house.chat.conversations[min(its.house.chat.conversations)]
    answers = len(room.messages)
    its.house.chat.agent_writes(room.id, "pause bot")
    await its.house.chat.wait_for(lambda: len(room.messages) > answers + 1)


ACTS: dict[str, Act] = {
    "agent": agent_writes,
    "assigned": somebody_is_assigned,
    "opened": it_is_opened,
    "phone": phone_writes,
    "paused": bots_are_paused,
}


async def before_any_flow(its: Scene, act: Act) -> list[str]:
    await act(its)
    await its.house.quiet()
    await its.customer("menu")
    await its.house.quiet()
    return []


async def while_the_person_may_go_on(its: Scene, act: Act) -> list[str]:
    await its.customer("menu")
    await act(its)
    its.house.clock.ahead_seconds += 61
    its.house.service.queue.resume(LOCAL)
    await its.house.quiet()
    return []


async def while_typebot_is_asked(its: Scene, act: Act) -> list[str]:
    slow = its.bot.typebot.faults.hang(60, times=1)
    await its.customer("menu")
    await its.bot.typebot.wait_for(lambda: bool(its.bot.typebot.calls))
    await act(its)
    slow.off()
    await its.house.quiet()
    return []


async def between_two_bubbles(its: Scene, act: Act) -> list[str]:
    gate = its.phone.gates["sending"] = asyncio.Event()
    await its.customer("menu")
    await its.phone.called("sending")
    await act(its)
    gate.set()
    await its.house.quiet()
    return ["um"]  # that was on its way


async def while_the_flow_waits(its: Scene, act: Act) -> list[str]:
    await its.customer("menu")
    await its.house.quiet()
    await act(its)
    await its.house.quiet()
    await its.customer("minha resposta")
    await its.house.quiet()
    return ["um", "dois", "três"]


MOMENTS: dict[str, Moment] = {
    "before any flow": before_any_flow,
    "while the person may go on": while_the_person_may_go_on,
    "while Typebot is asked": while_typebot_is_asked,
    "between two bubbles": between_two_bubbles,
    "while the flow waits": while_the_flow_waits,
}
WHO = {
    "pending": ("agent", "assigned", "opened", "phone", "paused"),
    "open": ("agent", "assigned", "phone", "paused"),
    "none": ("phone",),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    ("inbox", "who"), [(inbox, who) for inbox, acts in WHO.items() for who in acts]
)
async def test_the_bot_is_silent_from_the_moment_at_which_a_human_speaks(
    tmp_path: Path, inbox: str, who: str, moment: str
) -> None:
    slow = {"debounceTime": 60} if moment == "while the person may go on" else {}
    async with qr_flow_house(tmp_path, FLOW, bot=BOT | slow, order=INBOXES[inbox]) as (bot, phone):
        its = Scene(bot=bot, phone=phone)
        await its.customer("oi")
        await its.house.quiet()
        said = await MOMENTS[moment](its, ACTS[who])

        mine = {"Oi, sou a Ana"}
        assert [one for one in phone.texts if one not in mine] == said

        # And nothing comes later.
        its.house.clock.ahead_seconds += 3600
        its.house.service.queue.resume(LOCAL)
        await its.customer("e agora?")
        await its.house.quiet()
        assert [one for one in phone.texts if one not in mine] == said


@pytest.mark.parametrize("inbox", ["pending", "open"])
async def test_the_bot_has_the_word_again_when_the_conversation_is_resolved(
    tmp_path: Path, inbox: str
) -> None:
    async with qr_flow_house(tmp_path, FLOW, bot=BOT, order=INBOXES[inbox]) as (bot, phone):
        its = Scene(bot=bot, phone=phone)
        await its.customer("oi")
        await its.house.quiet()
        await between_two_bubbles(its, agent_writes)
        del phone.gates["sending"]
        its.house.chat.resolve(its.chat.id)
        await its.house.quiet()
        await its.customer("menu")
        await its.house.quiet()
        assert phone.texts == ["um", "Oi, sou a Ana", "um", "dois", "três"]


@pytest.mark.parametrize("inbox", ["pending", "open"])
async def test_what_is_no_humans_word_stops_nothing(tmp_path: Path, inbox: str) -> None:
    """A note, a label, an automation rule, and what the bot itself says and does."""
    async with qr_flow_house(tmp_path, FLOW, bot=BOT, order=INBOXES[inbox]) as (bot, phone):
        its = Scene(bot=bot, phone=phone)
        await its.customer("menu")
        await its.house.quiet()
        desk, chat = its.house.chat, its.chat
        desk.agent_writes(chat.id, "cliente VIP", private=True)
        desk.label(chat.id, ["vip"])
        desk.agent_writes(chat.id, "(automático)", content_attributes={"automation_rule_id": 1})
        await its.house.quiet()
        await its.customer("minha resposta")
        await its.house.quiet()
        assert phone.texts == ["um", "dois", "três", "(automático)", "quatro"]


async def test_what_an_agent_wrote_while_we_were_down_silences_the_bot(tmp_path: Path) -> None:
    async with qr_flow_house(tmp_path, FLOW, bot=BOT, order=PENDING) as (bot, phone):
        its = Scene(bot=bot, phone=phone)
        await its.customer("menu")
        await its.house.quiet()
        async with its.house.stopped():
            its.house.chat.agent_writes(its.chat.id, "Oi, sou a Ana")
        phone.scan()
        await its.house.quiet()
        await its.customer("minha resposta")
        await its.house.quiet()
        assert phone.texts == ["um", "dois", "três", "Oi, sou a Ana"]
