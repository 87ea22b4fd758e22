"""Promises 2 and 3 for hundreds of agents' messages, with deaths and a failing WhatsApp."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict

import pytest

from bridge.sim.chatwoot import Message
from bridge.sim.graph import Route, faults
from support.crashing import nothing_disappeared
from support.crossing import Crossing

CHATS = 120
TEXTS = 6
AT_ONCE = 40
#: Sends that break off without having acted: nothing ever settles these.
UNSETTLED = 15


def number(chat: int) -> str:
    return f"55119876{chat:05d}"


async def open_chats(its: Crossing) -> dict[int, int]:
    """Each customer writes once; gives our number of the chat -> Chatwoot's conversation."""
    await asyncio.gather(*(its.customer(number(chat), f"{chat}") for chat in range(CHATS)))
    await its.quiet()
    return {int(one.content or ""): one.conversation.id for one in its.incoming()}


async def write_all(
    its: Crossing, chat: int, conversation: int, gate: asyncio.Semaphore
) -> list[Message]:
    """One agent: the next message once the webhook of the one before is over, answered or not."""
    written = []
    for text in range(TEXTS):
        async with gate:
            written.append(its.chat.agent_writes(conversation, f"{chat}/{text}"))
            told = next(
                one
                for one in reversed(its.chat.webhooks.deliveries)
                if one.event == "message_created"
            )
            await its.chat.wait_for(lambda told=told: told.done, 60)
    return written


async def disturb(its: Crossing) -> None:
    """Two deaths and every kind of failure of WhatsApp, each at a certain amount of messages."""
    total = CHATS * TEXTS
    switch = its.graph.faults

    async def at(share: float) -> None:
        await its.graph.wait_for(lambda: len(its.graph.sent) >= total * share, 60)

    await at(0.05)
    await its.ponte.kill()
    await its.ponte.start()
    await at(0.2)
    switch.next(Route.MESSAGES, faults.broken(acted=True), 10)
    switch.next(Route.MESSAGES, faults.reset(acted=True), 5)
    switch.next(Route.MESSAGES, faults.reset(), 5)
    await at(0.35)
    await its.graph_peer.down()
    await its.graph_peer.up()
    await at(0.5)
    switch.next(Route.MESSAGES, faults.hang(60, acted=True), 5)
    switch.next(Route.MESSAGES, faults.hang(60), 5)
    await at(0.6)
    await its.ponte.kill()
    await its.ponte.start()
    await at(0.7)
    switch.next(Route.MESSAGES, faults.error(131056), 10)
    switch.next(Route.MESSAGES, faults.error(130429, retry_after=1), 2)
    switch.next(Route.MESSAGES, faults.error(131000), 5)


def texts_by_chat(its: Crossing) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for one in its.graph.sent:
        found[one.to].append(one.text or "")
    return found


def never_twice_in_order_and_sent_or_marked(its: Crossing, written: list[list[Message]]) -> int:
    """Gives how many are marked instead of sent."""
    sent = texts_by_chat(its)
    marked = 0
    for chat, messages in enumerate(written):
        texts = sent[number(chat)]
        wanted = [one.content for one in messages]
        assert texts == [text for text in wanted if text in texts]
        for one in messages:
            if one.content in texts:
                assert one.status != "failed", (one.content, one.external_error)
            else:
                assert one.status == "failed"
                assert one.external_error
                marked += 1
    return marked


@pytest.mark.timeout(180)
async def test_hundreds_of_answers_are_sent_once_in_order_or_marked_with_the_reason(world):
    async with world() as its:
        its.chat.webhooks.copies = 2
        conversations = await open_chats(its)
        gate = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            group.create_task(disturb(its))
            writing = [
                group.create_task(write_all(its, chat, conversations[chat], gate))
                for chat in range(CHATS)
            ]
        await its.quiet(60)
        written = [one.result() for one in writing]
        marked = never_twice_in_order_and_sent_or_marked(its, written)
        assert marked >= UNSETTLED
        await nothing_disappeared(its)

        # An agent presses Retry on each red mark: now everything has been sent, once.
        for one in (one for messages in written for one in messages if one.status == "failed"):
            its.chat.agent_retries(one.id)
        await its.quiet(60)
        assert set(Counter(one.text for one in its.graph.sent).values()) == {1}
        assert len(its.graph.sent) == CHATS * TEXTS
        await nothing_disappeared(its)
