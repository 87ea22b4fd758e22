"""A house with a number on WhatsApp and a flow at a stand-in of Typebot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from bridge.relay.bot.memory import Memory, memory_of
from bridge.sim.chatwoot import Message
from bridge.sim.typebot import Call, TypebotSim
from bridge.store.queries import talks
from bridge.store.queries.talks import TalkRow
from support.bridge_house import MARINA, House, bridge_house
from support.ports import closed_port
from support.qr_channel import QrPhone
from support.sessions import open_up, qr_house

_ids = count(1)
#: Nothing is typed, so that nothing waits.
AT_ONCE = {"typingEmulation": {"enabled": False}}


def text(body: str) -> dict[str, Any]:
    return {"id": f"b{next(_ids)}", "type": "text", "text": body}


def ask(kind: str = "text", variable: str = "answer", **options: Any) -> dict[str, Any]:
    return {
        "id": f"in{next(_ids)}",
        "type": f"{kind} input",
        "options": {"variableId": f"v_{variable}", **options},
    }


def choose(*labels: str, **options: Any) -> dict[str, Any]:
    number = next(_ids)
    items = [{"id": f"i{number}x{place}", "content": label} for place, label in enumerate(labels)]
    options = {"variableId": "v_answer", **options}
    return {"id": f"in{number}", "type": "choice input", "items": items, "options": options}


def wait(seconds: float, *, pauses: bool = True) -> dict[str, Any]:
    options = {"secondsToWaitFor": str(seconds), "shouldPause": pauses}
    return {"id": f"w{next(_ids)}", "type": "wait", "options": options}


def listen() -> dict[str, Any]:
    mapping = [{"bodyPath": "data.event", "variableId": "v_answer"}]
    return {
        "id": f"l{next(_ids)}",
        "type": "webhook",
        "options": {"responseVariableMapping": mapping},
    }


def flow(name: str, *blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A published bot that runs these blocks in order; its variables are `answer` and our own."""
    names = ("answer", "firstMessage", "pushName", "remoteJid", "number", "apiKey", "color")
    return {
        "public_id": name,
        "settings": AT_ONCE,
        "variables": {f"v_{one}": one for one in names},
        "groups": [{"id": f"g-{name}", "blocks": list(blocks)}],
    } | more


@dataclass(kw_only=True)
class Bot:
    """What tests see of a house with flows."""

    house: House
    typebot: TypebotSim

    async def add(self, name: str, **changes: Any) -> dict[str, Any]:
        body = {
            "enabled": True,
            "url": self.typebot.url,
            "typebot": name,
            "triggerType": "all",
            "debounceTime": 0,
        } | changes
        added: dict[str, Any] = await self.house.ok("POST", "/typebot/create/loja", json=body)
        return added

    async def says(self, body: str | None = "oi", number: str = MARINA, **more: Any) -> str:
        """Let a customer write; returns when all that follows is over."""
        id_ = await self.house.graph.customer_writes(number, body, **more)
        await self.house.quiet()
        return id_

    async def later(self, seconds: float) -> None:
        """Let time pass, and what is due then happen."""
        await self.house.pass_time(seconds / 3600)
        await self.house.quiet()

    @property
    def heard(self) -> list[str | None]:
        """What WhatsApp was given, in order."""
        return self.house.texts

    def calls(self, route: str = "continueChat") -> list[Call]:
        return self.typebot.calls_of(route)

    @property
    def asked(self) -> list[str | None]:
        """What the flow was answered."""
        return [call.text for call in self.calls()]

    @property
    def notes(self) -> list[str]:
        """Private notes."""
        return [one.content or "" for one in self.shown if one.private]

    @property
    def shown(self) -> list[Message]:
        return list(self.house.chat.messages())

    async def talk(self) -> TalkRow:
        """The talk of the one chat that has one."""
        found = await self.house.service.store.read(
            lambda db: [
                talks.get(db, row["chat_id"]) for row in db.execute("SELECT chat_id FROM talk")
            ]
        )
        assert len(found) == 1
        assert found[0] is not None
        return found[0]

    async def reaches(self, state: Callable[[TalkRow], bool]) -> None:
        """Wait until the talk is so."""
        moved = self.house._moved
        async with asyncio.timeout(30):
            while True:
                moved.clear()
                if state(await self.talk()):
                    return
                await moved.wait()

    async def memory(self) -> Memory:
        return memory_of(await self.talk())

    async def turns(self) -> list[tuple[str, str | None]]:
        """How the jobs of turns ended, oldest first."""
        rows = await self.house.rows(
            "SELECT state, cause FROM job WHERE kind='bot_turn' ORDER BY id"
        )
        return [(row["state"], row["cause"]) for row in rows]

    async def turn_waits(self, why: str) -> None:
        """Wait until a turn has looked, and waits for something."""
        waiting = "SELECT 1 FROM job WHERE kind='bot_turn' AND state='waiting' AND reason=?"
        moved = self.house._moved
        async with asyncio.timeout(30):
            while True:
                moved.clear()
                if await self.house.rows(waiting, why):
                    return
                await moved.wait()

    async def alone(self, job: str) -> None:
        """Wait until no job of another kind waits or runs."""
        moved = self.house._moved
        async with asyncio.timeout(30):
            while True:
                moved.clear()
                if not await self.house.rows(
                    "SELECT 1 FROM job WHERE state='waiting' AND kind<>?", job
                ):
                    return
                await moved.wait()

    async def waits(self, job: str) -> dict[str, Any]:
        """The one job of a kind that waits."""
        waiting = "SELECT * FROM job WHERE kind=? AND state='waiting'"
        (found,) = await self.house.rows(waiting, job)
        return found


@asynccontextmanager
async def flow_house(
    tmp_path: Path,
    *flows: Mapping[str, Any],
    bot: Mapping[str, Any] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    **more: Any,
) -> AsyncIterator[Bot]:
    """With the first of these flows for all messages; `bot` changes what its settings say."""
    async with TypebotSim() as typebot:
        for one in flows:
            typebot.put_said(dict(one))
        async with bridge_house(tmp_path, options=options, **more) as house:
            made = Bot(house=house, typebot=typebot)
            if flows:
                await made.add(str(flows[0]["public_id"]), **(bot or {}))
            yield made


@asynccontextmanager
async def qr_flow_house(
    tmp_path: Path,
    *flows: Mapping[str, Any],
    bot: Mapping[str, Any] | None = None,
    **more: Any,
) -> AsyncIterator[tuple[Bot, QrPhone]]:
    """The same with a number that is connected by QR code; its phone can hold sends up."""
    async with TypebotSim() as typebot:
        for one in flows:
            typebot.put_said(dict(one))
        async with qr_house(tmp_path, **more) as (house, phone):
            await open_up(house, phone)
            made = Bot(house=house, typebot=typebot)
            await made.add(str(flows[0]["public_id"]), **(bot or {}))
            yield made, phone


def unreachable() -> str:
    """An address at which nobody listens."""
    return f"http://127.0.0.1:{closed_port()}"
