"""What a turn of a flow costs once its person is known: calls, and statements of SQL."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bridge.sim.typebot import TypebotSim
from support.bridge_house import MARINA, NAME, House, bridge_house

#: Counters and heartbeats are nobody's.
OURS = ("fact", "counter", "event_count")
_WRITTEN = re.compile(r"\s*(?:INSERT(?: OR \w+)? INTO|UPDATE(?: OR \w+)?|DELETE FROM) (\w+)")

FLOW = {
    "public_id": "volta",
    "settings": {"typingEmulation": {"enabled": False}},
    "variables": {"v": "dito"},
    "groups": [
        {
            "id": "g",
            "blocks": [
                {"id": "t1", "type": "text", "text": "Diga"},
                {"id": "in1", "type": "text input", "options": {"variableId": "v"}},
                {"id": "t2", "type": "text", "text": "Você disse {{dito}}"},
            ],
        }
    ],
    "edges": [{"from": "t2", "to": "in1"}],
}
TURNS = 5


@asynccontextmanager
async def counted(house: House) -> AsyncIterator[Counter[str]]:
    """How often each table is written to inside."""
    written: Counter[str] = Counter()

    def note(sql: str) -> None:
        if match := _WRITTEN.match(sql):
            written[match[1]] += 1

    writer = house.service.store._writer
    await writer.call(lambda db: db.set_trace_callback(note))
    try:
        yield written
    finally:
        await writer.call(lambda db: db.set_trace_callback(None))


async def test_a_steady_turn_costs_one_call_each_way_and_few_writes(tmp_path: Path) -> None:
    async with TypebotSim() as typebot, bridge_house(tmp_path) as house:
        typebot.put_said(FLOW)
        order = {"enabled": True, "url": typebot.url, "typebot": "volta", "debounceTime": 0}
        await house.ok("POST", f"/typebot/create/{NAME}", json=order)
        for text in ("Oi", "primeira"):
            await house.talk(MARINA, text)
        calls, posts, sent = len(typebot.calls), house.chat.requests.total(), len(house.graph.sent)
        async with counted(house) as written:
            for number in range(TURNS):
                await house.talk(MARINA, f"texto {number}")
        assert len(typebot.calls) - calls == TURNS
        assert len(house.graph.sent) - sent == TURNS
        # The person's message and the bot's copy: nothing is asked beside them.
        assert house.chat.requests.total() - posts == 2 * TURNS
        each = {table: count / TURNS for table, count in written.items()}
        print(each)  # noqa: T201  (bench/README.md quotes it)
        assert each["talk"] <= 4
        assert each["pending_turn"] <= 2
        assert each["job"] <= 12
        assert each["ledger"] <= 8
