"""Promise 3: in order, per conversation and destination, also while retrying."""

from __future__ import annotations

from bridge.sim.graph import faults
from bridge.sim.pictures import png

MARINA = "5511987650001"
TEN = [f"text {number}" for number in range(10)]


async def test_a_customers_messages_keep_their_order_while_the_first_is_retried(world):
    async with world() as its:
        await its.customer(MARINA, "Oi")
        await its.quiet()
        its.chat.faults.fail(500, route="POST messages", times=3)
        for text in TEN:
            await its.customer(MARINA, text)
        await its.quiet()
        assert [one.content for one in its.incoming()] == ["Oi", *TEN]


async def test_a_text_waits_for_the_picture_before_it(world):
    async with world() as its:
        await its.customer(MARINA, "Oi")
        await its.quiet()
        its.graph.faults.next(faults.Route.DOWNLOAD, faults.broken(), 3)
        await its.customer(MARINA, image=png(20, 20), caption="foto")
        await its.customer(MARINA, "depois")
        await its.quiet()
        assert [one.content for one in its.incoming()] == ["Oi", "foto", "depois"]


async def test_a_person_keeps_the_order_while_two_chats_become_one(world):
    """Known by number here and by BSUID there, until one message has both."""
    bsuid = "BR.00000000000000000042"
    async with world() as its:
        await its.customer(MARINA, "por número", bsuid=None)
        await its.customer(None, "por bsuid", bsuid=bsuid)
        await its.quiet()
        stuck = its.chat.faults.hang(60, route="POST messages", times=1)
        await its.customer(MARINA, "1", bsuid=None)
        await its.chat.wait_for(lambda: stuck.hits == 1)
        await its.customer(MARINA, "2", bsuid=bsuid)
        await its.customer(None, "3", bsuid=bsuid)
        stuck.off()
        await its.quiet()
        assert [one.content for one in its.incoming()][2:] == ["1", "2", "3"]
        assert len({one.conversation.id for one in its.incoming()[2:]}) == 1


async def test_one_persons_trouble_delays_nobody_else(world):
    async with world() as its:
        await its.customer(MARINA, "Oi")
        await its.quiet()
        stuck = its.chat.faults.hang(60, route="POST messages", times=1)
        await its.customer(MARINA, "fica")
        await its.chat.wait_for(lambda: stuck.hits == 1)
        await its.customer("5521987650002", "passa")
        await its.chat.wait_for(lambda: its.incoming()[-1].content == "passa")
        stuck.off()
        await its.quiet()
        assert sorted(one.content for one in its.incoming()) == ["Oi", "fica", "passa"]


async def test_an_agents_messages_keep_their_order_while_the_first_is_retried(world):
    async with world() as its:
        await its.customer(MARINA, "Oi")
        await its.quiet()
        its.graph.faults.next(faults.Route.MESSAGES, faults.error(131056), 3)
        chat = its.customers_conversations()[0].id
        for text in TEN:
            its.chat.agent_writes(chat, text)
        await its.quiet()
        assert [one.text for one in its.graph.sent] == TEN


async def test_webhooks_of_chatwoot_in_the_wrong_order_are_sent_in_the_right_one(world):
    async with world(sections={"chatwoot": {"hold_ms": 1000}}) as its:
        await its.customer(MARINA, "Oi")
        await its.quiet()
        chat = its.customers_conversations()[0].id
        its.chat.webhooks.hold()
        for text in TEN:
            its.chat.agent_writes(chat, text)
        its.chat.webhooks.release(backwards=True)
        await its.quiet()
        assert [one.text for one in its.graph.sent] == TEN


async def test_what_agents_wrote_during_a_stop_is_sent_before_what_they_write_after_it(world):
    async with world() as its:
        await its.customer(MARINA, "Oi")
        await its.quiet()
        chat = its.customers_conversations()[0].id
        await its.ponte.kill()
        missed = [its.chat.agent_writes(chat, text) for text in TEN[:5]]
        await its.chat.settled()
        assert {one.status for one in missed} == {"failed"}
        listing = its.chat.faults.hang(60, route="GET conversations", times=1)
        await its.ponte.start()
        await its.chat.wait_for(lambda: listing.hits == 1)
        for text in TEN[5:]:
            its.chat.agent_writes(chat, text)
        await its.chat.settled()
        listing.off()
        await its.quiet()
        assert [one.text for one in its.graph.sent] == TEN
        assert {one.status for one in missed} == {"sent"}
