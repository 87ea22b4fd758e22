"""A flow that runs in a chat, written down as a turn does; and who has the word there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bridge.core.flow import Ending, Next
from bridge.core.handoff import Handoff, Phase
from bridge.core.typebot import Bot
from bridge.relay.bot.bots import add
from bridge.relay.bot.memory import Memory, with_memory
from bridge.relay.bot.talks import facts
from bridge.store.engine import Unit
from bridge.store.queries import talks
from support.bot_says import chat_of, entry_of
from support.bridge_house import House, bridge_house

PENDING = {"chatwootConversationPending": True, "chatwootReopenConversation": True}
#: What a create body leaves out where there is no Chatwoot.
WITHOUT_CHATWOOT = dict.fromkeys(
    (
        "chatwootAccountId",
        "chatwootToken",
        "chatwootUrl",
        "chatwootSignMsg",
        "chatwootReopenConversation",
        "chatwootConversationPending",
        "chatwootMergeBrazilContacts",
        "chatwootNameInbox",
    )
)
#: As `INSERT`ed by a turn that waits for the person.
WAITING = Handoff(phase=Phase.WAITING, has_session=True, next=Next.WAIT, epoch=3)


@asynccontextmanager
async def pending_house(tmp_path: Path, **more: Any) -> AsyncIterator[House]:
    """Conversations begin as pending, and are pending again when a customer comes back."""
    async with bridge_house(tmp_path, order=PENDING, **more) as house:
        yield house


async def flow_runs(
    house: House,
    *,
    state: Handoff = WAITING,
    answers: Sequence[tuple[str, str]] = (),
    ending: Ending | None = None,
) -> None:
    """A flow has begun in the newest chat, and waits for the person."""

    def work(unit: Unit) -> None:
        now = house.clock.ms()
        talk = house.service.talks.of(unit.db, chat_of(unit.db, house))
        talk = replace(talk, session_id="session-1", typebot="vendas", url="https://bot.example")
        talk = with_memory(talk, Memory(answers=tuple(answers), ending=ending, has_spoken=True))
        talks.save(unit.db, replace(talk, state=replace(state, touched_at=now)), now)

    await house.service.store.write(work)


async def flow_is_there(house: House) -> None:
    """The instance has a flow, which nothing that customers say begins."""
    bot = Bot(url="https://bot.example", typebot="vendas", trigger_type="none")
    entry = entry_of(house)

    def work(unit: Unit) -> None:
        add(unit, entry.id, bot, now=house.clock.ms())
        house.service.shelf.changed(unit, entry.id)

    await house.service.store.write(work)


async def word(house: House) -> str:
    """The phase of the newest chat, and by which rule its bot is silent: ``paused assigned``."""

    def work(db: Any) -> str:
        chat, entry, now = chat_of(db, house), entry_of(house), house.clock.ms()
        talk = house.service.talks.of(db, chat)
        rule = house.service.talks.silenced(db, entry, chat, talk, now)
        assert facts(entry, chat, now).status == chat.status
        return f"{talk.state.phase} {(rule or 'speaks').removeprefix('bot.')}"

    return await house.service.store.read(work)
