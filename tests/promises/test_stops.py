"""What happens around a stop or a death, each found as a bug once."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

from bridge.sim.graph import Route, faults
from support.crashing import nothing_disappeared
from support.crossing import duplicates
from support.ponte_process import Crash

MARINA = "5511987650001"
#: Running jobs are cut off soon after SIGTERM.
IMPATIENT = {"server": {"drain_seconds": 0.2}}


async def in_a_chat(its) -> int:
    await its.customer(MARINA, "Oi")
    await its.quiet()
    return its.customers_conversations()[0].id


async def test_a_first_life_shorter_than_a_heartbeat_is_caught_up_with_all_the_same(world):
    async with world() as its:
        chat = await in_a_chat(its)
        await its.ponte.kill()
        message = its.chat.agent_writes(chat, "Bom dia")
        await its.chat.settled()
        assert message.status == "failed"
        await its.ponte.start()
        await its.quiet()
        assert [one.text for one in its.graph.sent] == ["Bom dia"]
        assert message.status == "sent"


async def test_the_red_mark_of_a_message_that_was_kept_but_not_answered_goes(world):
    """Chatwoot marks a message failed when our 200 does not come; yet we have it, and send it."""
    crash = Crash(at=1, places=["accept chatwoot"], moment="returned")
    async with world(crash=crash) as its:
        chat = await in_a_chat(its)
        await its.ponte.arm()
        message = its.chat.agent_writes(chat, "Bom dia")
        await its.ponte.ended()
        await its.chat.settled()
        assert message.status == "failed"
        assert its.ponte.query("SELECT state FROM job WHERE kind='outbound'") == [("waiting",)]
        await its.ponte.start()
        await its.quiet()
        assert [one.text for one in its.graph.sent] == ["Bom dia"]
        assert message.status == "sent"


async def test_the_red_mark_of_a_message_that_was_answered_too_late_goes(world):
    """The same without a death: Chatwoot waits for five seconds, the database took longer."""
    async with world(chatwoot={"webhook_timeout": 0.3}) as its:
        chat = await in_a_chat(its)
        with closing(sqlite3.connect(its.ponte.database, isolation_level=None)) as locking:
            locking.execute("BEGIN IMMEDIATE")
            message = its.chat.agent_writes(chat, "Bom dia")
            await its.chat.settled()
            assert message.status == "failed"
        await its.graph.wait_for(lambda: bool(its.graph.sent))
        await its.quiet()
        assert [one.text for one in its.graph.sent] == ["Bom dia"]
        assert message.status == "sent"


async def test_a_stop_that_cuts_a_post_off_does_not_post_it_again(world):
    async with world(sections=IMPATIENT) as its:
        await in_a_chat(its)
        stuck = its.chat.faults.hang(60, route="POST messages", times=1, acts=True)
        await its.customer(MARINA, "devagar")
        await its.customer(MARINA, "depois")
        await its.chat.wait_for(lambda: len(its.incoming()) == 2)
        await its.ponte.stop()
        stuck.off()
        await its.ponte.start()
        await its.quiet()
        assert [one.content for one in its.incoming()] == ["Oi", "devagar", "depois"]


async def test_a_stop_that_cuts_a_send_off_does_not_send_it_again(world):
    async with world(sections=IMPATIENT) as its:
        chat = await in_a_chat(its)
        its.graph.faults.next(Route.MESSAGES, faults.hang(60, acted=True))
        message = its.chat.agent_writes(chat, "Bom dia")
        await its.graph.wait_for(lambda: len(its.graph.sent) == 1)
        await its.ponte.stop()
        await its.ponte.start()
        await its.quiet()
        assert [one.text for one in its.graph.sent] == ["Bom dia"]
        assert message.status != "failed"


async def test_a_stop_in_the_middle_of_much_work_loses_nothing(world):
    """Orderly stops while customers write: what was answered is kept, what was not is repeated."""
    async with world() as its:
        its.copies = 2

        async def write(person: int) -> None:
            for text in range(5):
                await its.customer(f"55119876{person:05d}", f"{person}/{text}")

        async with asyncio.TaskGroup() as group:
            for person in range(40):
                group.create_task(write(person))
            for amount in (50, 120):
                await its.chat.wait_for(lambda amount=amount: len(its.incoming()) >= amount, 20)
                await its.ponte.stop()
                await its.ponte.start()
        await its.quiet()
        assert duplicates(one.source_id for one in its.incoming()) == []
        for chat in its.customers_conversations():
            texts = [one.content for one in chat.messages if one.message_type == "incoming"]
            assert texts == [f"{(texts[0] or '').partition('/')[0]}/{text}" for text in range(5)]
        assert len(its.incoming()) == 200
        await nothing_disappeared(its)
