"""What a flow says in a chat, as a turn lays it into the lane."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bridge.core.flow import Bubble, Line, Next, Play, Prompt, Script, TypingEmulation
from bridge.core.handoff import Asked, Planned, Signal
from bridge.core.typebot import BotSettings
from bridge.relay.bot.bubbles import Laid
from bridge.relay.bot.memory import memory_of, with_memory
from bridge.relay.directory import Entry
from bridge.sim.chatwoot import Message
from bridge.store.engine import Unit
from bridge.store.queries import chats, talks
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import TalkRow
from support.bridge_house import NAME, House

#: Nothing is typed.
AT_ONCE = TypingEmulation(enabled=False)


def line(body: str, pause_ms: int = 0) -> Play:
    return Play(bubble=Line(block="b1", body=body), pause_ms=pause_ms)


def play(bubble: Bubble) -> Play:
    return Play(bubble=bubble)


def entry_of(house: House) -> Entry:
    found = house.service.directory.by_name(NAME)
    assert found is not None
    return found


def chat_of(db: Any, house: House) -> ChatRow:
    """The one customer's chat."""
    row = db.execute("SELECT id FROM chat ORDER BY id DESC LIMIT 1").fetchone()
    found = chats.surviving(db, row["id"])
    assert found is not None
    return found


async def says(
    house: House,
    *plays: Play,
    prompt: Prompt | None = None,
    next_: Next = Next.WAIT,
    pause_ms: int = 0,
    settings: BotSettings | None = None,
    typing: TypingEmulation = AT_ONCE,
    has_spoken: bool = False,
) -> Laid:
    """Lay what a flow answers, in one commit, as a turn does; nothing is waited for."""
    script = Script(plays=plays, prompt=prompt, next=next_, pause_ms=pause_ms)
    service, entry = house.service, entry_of(house)

    def work(unit: Unit) -> Laid:
        now = house.clock.ms()
        chat = chat_of(unit.db, house)
        talk = service.talks.of(unit.db, chat)
        talk = with_memory(talk, replace(memory_of(talk), typing=typing, has_spoken=has_spoken))
        talk = service.talks.signal(unit, entry, chat, Asked(starts=False), now, talk=talk)
        laid = service.bubbles.plan(
            unit, entry, chat, talk, script, settings=settings or BotSettings(), now=now
        )
        planned = Planned(epoch=talk.state.epoch, bubbles=laid.bubbles, next=next_)
        service.talks.signal(unit, entry, chat, planned, now)
        return laid

    return await service.store.write(work)


async def signal(house: House, what: Signal) -> None:
    entry = entry_of(house)

    def work(unit: Unit) -> None:
        chat = chat_of(unit.db, house)
        house.service.talks.signal(unit, entry, chat, what, house.clock.ms())

    await house.service.store.write(work)


async def talk_of(house: House) -> TalkRow:
    def work(db: Any) -> TalkRow:
        found = talks.get(db, chat_of(db, house).id)
        assert found is not None
        return found

    return await house.service.store.read(work)


async def endings(house: House) -> list[tuple[str, str | None]]:
    """How each bubble ended, in order: its state and why."""
    rows = await house.rows("SELECT state, cause FROM job WHERE kind='bubble' ORDER BY id")
    return [(row["state"], row["cause"]) for row in rows]


def mirrored(house: House) -> list[Message]:
    """What agents see of what was said by our side, notes left out."""
    return [
        one
        for one in house.chat.messages()
        if one.message_type == "outgoing"
        and not one.private
        and (one.source_id or "").startswith("WAID:")
    ]


def told(house: House) -> list[str]:
    """The private notes."""
    return [one.content or "" for one in house.chat.messages() if one.private]
