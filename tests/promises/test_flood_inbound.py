"""Promises 2 and 3 for two thousand texts of customers, with everything failing meanwhile."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict

import pytest

from bridge.sim.chatwoot.faults import Fault
from support.crashing import nothing_disappeared
from support.crossing import Crossing, duplicates

CONTACTS = 200
TEXTS = 10
AT_ONCE = 100


def number(contact: int) -> str:
    return f"55119876{contact:05d}"


async def write_all(its: Crossing, contact: int, gate: asyncio.Semaphore) -> None:
    """One contact: the next text only after the 200 for the one before."""
    for text in range(TEXTS):
        async with gate:
            await its.customer(number(contact), f"{contact}/{text}", name=f"Cliente {contact}")


def told(its: Crossing) -> dict[int, list[tuple[int, int]]]:
    """Conversation -> (contact, text) of its messages in Chatwoot's order."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for one in its.incoming():
        contact, text = re.fullmatch(r"(\d+)/(\d+)", one.content or "").groups()
        found[one.conversation.id].append((int(contact), int(text)))
    return found


def each_once_in_order_in_its_own_conversation(its: Crossing) -> None:
    assert duplicates(one.source_id for one in its.incoming()) == []
    stories = told(its)
    assert len(stories) == CONTACTS
    assert sorted(story[0][0] for story in stories.values()) == list(range(CONTACTS))
    for story in stories.values():
        assert story == [(story[0][0], text) for text in range(TEXTS)]
    phones = [one.phone_number for one in its.chat.contacts.values() if one.phone_number]
    assert sorted(phones) == sorted(f"+{number(contact)}" for contact in range(CONTACTS))
    assert len(its.customers_conversations()) == CONTACTS


async def disturb(its: Crossing) -> list[Fault]:
    """Two deaths and every kind of failure of Chatwoot, each at a certain amount of messages."""
    total = CONTACTS * TEXTS
    faults = its.chat.faults

    async def at(share: float) -> None:
        await its.chat.wait_for(lambda: len(its.incoming()) >= total * share, 60)

    await at(0.05)
    await its.ponte.kill()
    await its.ponte.start()
    await at(0.2)
    struck = [
        faults.fail(500, times=30),
        faults.stored_but(500, route="POST messages", times=30),
    ]
    await at(0.35)
    await its.chat_peer.down()
    await its.chat_peer.up()
    await at(0.5)
    struck.append(faults.hang(60, route="POST messages", times=10, acts=True))
    await at(0.6)
    await its.ponte.kill()
    await its.ponte.start()
    await at(0.7)
    struck += [
        faults.reset(route="POST messages", times=10, acts=True),
        faults.reset(times=10),
        faults.fail(502, times=10),
    ]
    return struck


@pytest.mark.timeout(180)
async def test_two_thousand_texts_arrive_once_in_order_through_deaths_and_faults(world):
    async with world() as its:
        its.copies = 2
        gate = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            disturbing = group.create_task(disturb(its))
            for contact in range(CONTACTS):
                group.create_task(write_all(its, contact, gate))
        await its.quiet(60)
        each_once_in_order_in_its_own_conversation(its)
        await nothing_disappeared(its)
        counts = (await its.metrics())["inbound"]
        assert counts["dead"] == 0
        assert counts["delivered"] == CONTACTS * TEXTS
        assert its.ponte.starts == 3
        assert all(fault.hits == fault.times for fault in disturbing.result())
