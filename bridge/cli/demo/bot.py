"""The chapter of the bot: it takes an order, gives way to a person, and comes back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from bridge.cli.demo.people import (
    CUSTOMER,
    WITH_NINTH,
    Told,
    agent,
    arrived,
    conversation,
    customer,
    customer_sends,
    seen_on_whatsapp,
    show_sent,
    shown,
    where,
)
from bridge.cli.demo.stage import PATIENCE, Stage
from bridge.cli.demo.telling import AROUND, CHATWOOT, PONTE, WHATSAPP
from bridge.sim.chatwoot import Message
from bridge.sim.graph import SentMessage

FLOW = Path(__file__).with_name("encomenda.toml")
BOT = "the bot"


async def bot(stage: Stage, told: Told, instance: str) -> None:
    show = stage.transcript
    await show.chapter("A Typebot flow takes the order, and gives way to people")
    await _set_up(stage, instance)
    await _resolves(stage)
    await _writes(stage, told, "Oi, quero encomendar um bolo")
    (asked,) = await _says(stage, told, 1)
    await show.line(WHATSAPP, f"{CUSTOMER} taps Morango com chantili")
    tapped = {"type": "button_reply", "button_reply": _button(asked, 1)}
    reply = {"type": "interactive", "interactive": tapped}
    written = await customer_sends(stage, message=reply, reply_to=asked.wamid)
    await arrived(stage, told, written, story=False)
    await _says(stage, told, 1)
    await _writes(stage, told, "marina arroba exemplo")
    await _says(stage, told, 1)
    await _writes(stage, told, "Marina@Exemplo.com.br")
    await _says(stage, told, 1, 1)  # a Wait block stands in between
    await _handed_over(stage, told)
    await _silent(stage, told)
    await _resolves(stage)
    await _writes(stage, told, "Quero encomendar mais um")
    await _says(stage, told, 1)


async def _set_up(stage: Stage, instance: str) -> None:
    flow = stage.typebot.put_file(FLOW)
    made = await stage.call(
        "POST",
        "typebot",
        "create",
        instance,
        body={
            "enabled": True,
            "url": stage.typebot.url,
            "typebot": flow.public_id,
            "triggerType": "keyword",
            "triggerOperator": "contains",
            "triggerValue": "encomendar",
            "debounceTime": 0,
        },
    )
    await stage.transcript.line(
        AROUND,
        f"POST /typebot/create: flow {made['typebot']!r} starts when somebody writes "
        f"{made['triggerValue']!r}",
    )


async def _resolves(stage: Stage) -> None:
    chat, name = conversation(stage), stage.chatwoot.agent.display_name
    stage.chatwoot.resolve(chat.id)
    await stage.see("Ponte hears of it", stage.chatwoot.settled(PATIENCE))
    line = f"{name} resolves the conversation: a bot may speak"
    await stage.transcript.line(CHATWOOT, line, aside=f"conversation {chat.id}")


async def _writes(stage: Stage, told: Told, text: str) -> None:
    await customer(stage, told, WITH_NINTH, text, story=False)


async def _says(stage: Stage, told: Told, *bubbles: int) -> list[SentMessage]:
    """The bot says so many bubbles in each turn; agents see them as the bot's (told once)."""
    sent = await seen_on_whatsapp(stage, told, sum(bubbles))
    chat = conversation(stage)
    told.from_bot += [one.wamid for one in sent]
    mirrored: Callable[[], bool] = lambda: all(_mirrors(chat.messages, one) for one in sent)  # noqa: E731
    await stage.see("agents see what the bot said", stage.chatwoot.wait_for(mirrored, PATIENCE))
    await stage.until("its jobs ended", lambda found: not sum(found.waiting.values()))
    rest = iter(sent)
    for turn, count in zip(await stage.turns(told.from_customer[-1]), bubbles, strict=True):
        await stage.transcript.steps(turn)
        for one in islice(rest, count):
            await show_sent(stage, one)
    if told.from_bot == [one.wamid for one in sent]:
        message = _mirrors(chat.messages, sent[-1])[0]
        await stage.transcript.line(CHATWOOT, f"{BOT}: {shown(message)}", aside=where(message))
    return sent


def _mirrors(messages: list[Message], sent: SentMessage) -> list[Message]:
    return [one for one in messages if one.source_id == f"WAID:{sent.wamid}"]


def _button(sent: SentMessage, at: int) -> dict[str, Any]:
    button: dict[str, Any] = sent.body["interactive"]["action"]["buttons"][at]["reply"]
    return button


async def _handed_over(stage: Stage, told: Told) -> None:
    chat, show = conversation(stage), stage.transcript
    noted: Callable[[], bool] = lambda: bool(_notes(stage))  # noqa: E731
    await stage.see("a note sums the order up", stage.chatwoot.wait_for(noted, PATIENCE))
    await stage.until("its jobs ended", lambda found: not sum(found.waiting.values()))
    note = _notes(stage)[-1]
    await show.line(CHATWOOT, f"[private note] {note.content}", aside=where(note))
    await show.line(CHATWOOT, f"conversation {chat.id} is {chat.status}, for people")
    told.handed_over += chat.status == "open"


def _notes(stage: Stage) -> list[Message]:
    found = conversation(stage).messages
    return [one for one in found if one.private and "Morango" in (one.content or "")]


async def _silent(stage: Stage, told: Told) -> None:
    """An agent has the word: what would start the flow does not."""
    await agent(stage, told, "Oi, Marina! Está **confirmado**.")
    await customer(stage, told, WITH_NINTH, "Que bom! Posso encomendar velas também?")
    await stage.until("nothing waits", lambda found: not sum(found.waiting.values()))
    told.talked_over = len(stage.whatsapp.sent) - told.went_out
    await stage.transcript.line(PONTE, f"{BOT} is silent: an agent has the word")
