"""What a text costs once its person is known: one call to Chatwoot, and few statements of SQL."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from support.bridge_house import MARINA, House, bridge_house

#: What belongs to people, conversations and messages; counters and heartbeats do not.
TABLES = (
    *("seen", "job", "ledger", "chat", "person", "identity_key", "identity_link", "contact"),
    *("other_contact", "contact_merge", "merge_plan", "plan_contact", "room"),
)
_WRITTEN = re.compile(r"\s*(?:INSERT(?: OR \w+)? INTO|UPDATE(?: OR \w+)?|DELETE FROM) (\w+)")
_READ = re.compile(r"\s*SELECT .*? FROM (\w+)", re.DOTALL)


@asynccontextmanager
async def counted(house: House) -> AsyncIterator[tuple[Counter[str], Counter[str]]]:
    """How often each table is written to and read inside."""
    written: Counter[str] = Counter()
    read: Counter[str] = Counter()

    def note(sql: str) -> None:
        for pattern, found in ((_WRITTEN, written), (_READ, read)):
            match = pattern.match(sql)
            if match is not None and match[1] in TABLES:
                found[match[1]] += 1

    store = house.service.store
    connections = [store._writer, *store._readers]
    for one in connections:
        await one.call(lambda db: db.set_trace_callback(note))
    try:
        yield written, read
    finally:
        for one in connections:
            await one.call(lambda db: db.set_trace_callback(None))


async def test_a_steady_text_costs_one_call_and_no_more_than_before(tmp_path: Path) -> None:
    """Numbers of statements as they were before people were a graph, but for one look at it."""
    on = {"chatwootMergeBrazilContacts": True, "chatwootReopenConversation": True}
    async with bridge_house(tmp_path, order=on) as house:
        chat = await house.talk(MARINA, "primeira")
        await house.talk(MARINA, "segunda")
        house.chat.agent_writes(chat.id, "resposta")
        await house.sent(1)
        await house.quiet()

        before = house.chat.requests.total()
        async with counted(house) as (written, read):
            for text in ("um", "dois", "três"):
                await house.talk(MARINA, text)
        assert house.chat.requests.total() - before == 3
        # Once for each text, and what Chatwoot tells of the conversation, at most once for each.
        assert 3 <= written.pop("chat") <= 6
        assert written == {"seen": 3, "job": 6, "ledger": 6}
        assert (read["identity_key"], read["identity_link"]) == (3, 3)
        assert read.keys() <= {"identity_key", "identity_link", "chat", "job", "ledger"}
        assert read["chat"] <= 15

        before = house.chat.requests.total()
        async with counted(house) as (written, read):
            house.chat.agent_writes(chat.id, "mais uma")
            await house.sent(2)
            await house.quiet()
        assert house.chat.requests.total() == before
        assert written.pop("chat") <= 2  # that nobody waits any more
        # With the two statuses that WhatsApp reports.
        assert written == {"seen": 3, "job": 2, "ledger": 4}
        assert read.keys() <= {"seen", "identity_link", "chat", "job", "ledger", "instance"}
        assert (read["identity_link"], read["chat"]) <= (3, 5)
