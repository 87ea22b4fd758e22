"""Promises 2 and 3 on WhatsApp Web: the worker, the service and both die in the middle of floods.

The moments are random, from a seed that names the test. What the library has acknowledged and not
yet handed over when its process dies is gone (docs/whatsapp-web.md): that is the one gap. So a
message may be missing only when it was among the last that were acknowledged before a death; it
was none at all in sixty such floods.
"""

from __future__ import annotations

import asyncio
import random  # noqa: TID251  (seeded: the moments of a run can be had again)
import re
from collections import Counter, defaultdict
from collections.abc import Callable

import pytest

from bridge.sim.chatwoot import Message
from support.crashing import nothing_disappeared
from support.crossing import duplicates
from support.web_crossing import WebCrossing, web_crossing
from support.whatsapp_web import Person, required

required()

PEOPLE = 25
TEXTS = 20
TOTAL = PEOPLE * TEXTS
#: Who dies, one after the other.
VICTIMS = ("worker", "service", "both", "worker", "both")
#: So many messages the library holds between its acknowledgement and us (neonize.md 5).
HELD = 100
#: The proof of what was sent comes at once here, or not at all.
HASTY = {"uncertain_after_seconds": 2, "sent_wait_seconds": 0.2, "language": "en"}


@pytest.fixture
def web_world(zygote, database, tmp_path):
    return lambda: web_crossing(zygote, database, tmp_path / "world", sections={"relay": HASTY})


def people(its: WebCrossing) -> list[Person]:
    return [
        its.double.person(f"55119876{number:05d}", name=f"Cliente {number}")
        for number in range(PEOPLE)
    ]


async def deaths(its: WebCrossing, seed: int, arrived: Callable[[], int]) -> list[int]:
    """Each death when a random number of messages has arrived on the other side.

    Gives how many messages the library had acknowledged at each.
    """
    acknowledged = []
    chance = random.Random(seed)  # noqa: S311
    moments = sorted(chance.sample(range(TOTAL // 20, TOTAL * 9 // 10), len(VICTIMS)))
    for victim, moment in zip(VICTIMS, moments, strict=True):
        async with asyncio.timeout(60):
            while arrived() < moment:  # noqa: ASYNC110  (at a random moment after it)
                await asyncio.sleep(chance.random() / 50)
        if victim != "service":
            await its.kill_worker()
        if victim != "worker":
            await its.ponte.kill()
        acknowledged.append(len(its.companion.acked))
        if victim != "worker":
            await its.ponte.start()
    return acknowledged


async def writes_all(its: WebCrossing, person: Person, number: int) -> list[str]:
    ids = []
    for text in range(TEXTS):
        ids.append(await person.writes(its.companion, f"{number}/{text}"))
        await asyncio.sleep(0)
    return ids


def stories(messages: list[Message]) -> dict[int, list[tuple[int, int]]]:
    """Conversation -> (person, text), in Chatwoot's order."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for one in messages:
        person, text = re.fullmatch(r"(\d+)/(\d+)", one.content or "").groups()
        found[one.conversation.id].append((int(person), int(text)))
    return found


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [1, 2])
async def test_what_customers_write_arrives_once_and_in_order_through_deaths(web_world, seed):
    async with web_world() as its:
        everybody = people(its)
        async with asyncio.TaskGroup() as group:
            dying = group.create_task(deaths(its, seed, lambda: len(its.from_customers())))
            writing = [
                group.create_task(writes_all(its, person, number))
                for number, person in enumerate(everybody)
            ]
        await its.connected()
        await its.companion.settled()
        await its.quiet(60)

        assert duplicates(one.source_id for one in its.incoming()) == []
        told = stories(its.from_customers())
        assert len(told) == PEOPLE
        for story in told.values():
            assert story == sorted(set(story))
            assert len({person for person, _ in story}) == 1
        arrived = {(one.source_id or "").removeprefix("WAID:") for one in its.from_customers()}
        missing = {id_ for written in writing for id_ in written.result()} - arrived
        acked = its.companion.acked
        gap = {id_ for at in dying.result() for id_ in acked[max(0, at - HELD) : at + HELD]}
        assert missing <= gap, f"{len(missing - gap)} of {len(missing)} were lost elsewhere"
        await nothing_disappeared(its)


async def answers_all(its: WebCrossing, conversation: int, number: int) -> list[Message]:
    """One agent: the next message once the webhook of the one before is over."""
    written = []
    for text in range(TEXTS):
        written.append(its.chat.agent_writes(conversation, f"{number}/{text}"))
        told = next(
            one for one in reversed(its.chat.webhooks.deliveries) if one.event == "message_created"
        )
        await its.chat.wait_for(lambda told=told: told.done, 60)
    return written


async def confirms_all(its: WebCrossing, everybody: list[Person]) -> None:
    """Phones tell that messages have arrived, as they come."""

    async def confirm(person: Person) -> None:
        while True:
            sent = await person.next_message()
            await person.confirms(its.companion, sent.id)

    async with asyncio.TaskGroup() as group:
        for person in everybody:
            group.create_task(confirm(person))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [3, 4])
async def test_what_agents_answer_is_never_sent_twice_and_sent_or_marked_through_deaths(
    web_world, seed
):
    async with web_world() as its:
        everybody = people(its)
        for number, person in enumerate(everybody):
            await person.writes(its.companion, f"{number}/0")
        await its.chat.wait_for(lambda: len(its.from_customers()) == PEOPLE, 30)
        await its.quiet()
        conversations = {
            int((one.content or "").split("/")[0]): one.conversation.id
            for one in its.from_customers()
        }
        confirming = asyncio.ensure_future(confirms_all(its, everybody))
        async with asyncio.TaskGroup() as group:
            group.create_task(
                deaths(its, seed, lambda: sum(len(person.inbox) for person in everybody))
            )
            writing = [
                group.create_task(answers_all(its, conversations[number], number))
                for number in range(PEOPLE)
            ]
        await its.connected()
        await its.quiet(60)
        confirming.cancel()
        await asyncio.gather(confirming, return_exceptions=True)

        for number, person in enumerate(everybody):
            texts = [sent.text for sent in person.inbox]
            assert set(Counter(texts).values()) <= {1}
            wanted = writing[number].result()
            assert texts == [one.content for one in wanted if one.content in texts]
            for one in wanted:
                if one.content not in texts:
                    assert one.status == "failed", (one.content, one.status)
                    assert one.external_error
        await nothing_disappeared(its)
