"""Promise 1: accepted means kept. What was answered 2xx is on disk."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

from bridge.sim.graph import faults
from support.crossing import Crossing

HANG = faults.hang(60)


def lock(its: Crossing) -> sqlite3.Connection:
    """Hold the one write lock of the database, as a backup tool or a full disk would."""
    db = sqlite3.connect(its.ponte.database, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    return db


async def test_a_webhook_is_on_disk_before_it_is_answered(world):
    async with world() as its:
        id_, payload = its.graph.draft("5511987650001", "Oi")
        assert await its.post(payload) == 200
        await its.ponte.kill()
        assert its.ponte.query("SELECT COUNT(*) FROM job WHERE ref=?", id_) == [(1,)]


async def test_nothing_is_answered_while_the_database_cannot_be_written(world):
    async with world() as its:
        id_, payload = its.graph.draft("5511987650001", "Oi")
        with closing(lock(its)):
            posting = asyncio.ensure_future(its.post(payload))
            # The service lives and has the webhook: it answers others meanwhile.
            for _ in range(20):
                assert (await its.api("GET", "/healthz")).status == 200
            assert not posting.done()
        assert await posting == 200
        await its.quiet()
        assert [one.source_id for one in its.incoming()] == [f"WAID:{id_}"]


async def test_a_webhook_that_cannot_be_stored_is_refused_and_its_repetition_is_kept(world):
    async with world() as its:
        id_, payload = its.graph.draft("5511987650001", "Oi")
        with closing(lock(its)):
            assert await its.post(payload) == 503  # SQLite waits for five seconds before
        await its.deliver(payload)
        await its.quiet()
        assert [one.source_id for one in its.incoming()] == [f"WAID:{id_}"]


async def test_an_agents_message_is_on_disk_before_it_is_answered(world):
    async with world() as its:
        await its.customer("5511987650001", "Oi")
        await its.quiet()
        chat = its.customers_conversations()[0]
        its.graph.faults.always(None, HANG)
        message = its.chat.agent_writes(chat.id, "Bom dia")
        await its.chat.settled()
        await its.ponte.kill()
        assert message.status != "failed"
        refs = its.ponte.query("SELECT ref FROM job WHERE kind='outbound'")
        assert [ref.split(":")[2] for (ref,) in refs] == [str(message.id)]
