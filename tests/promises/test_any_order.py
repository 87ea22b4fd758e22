"""Whatever comes first, and however often: the same people stand in Chatwoot, and their texts."""

from __future__ import annotations

import asyncio
import itertools
import random  # noqa: TID251  (hypothesis's own)
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bridge.core.message import Received
from support.clientele import NUMBERS, Client, Line, Shop, client, shop
from support.sessions import balanced

#: People of an example. Nobody is in two examples, or twice in one.
PEOPLE = 2
_newcomers = itertools.count(100)

#: Who writes (of `PEOPLE`), to which number, under which of their addresses.
_event = st.tuples(st.integers(0, PEOPLE - 1), st.sampled_from(NUMBERS), st.integers(0, 4))
_events = st.lists(_event, min_size=2, max_size=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Newcomers in the roles of an example; the same event is the same message."""

    clients: Sequence[Client]
    events: Sequence[tuple[str, Received]]

    def snapshot(self, its: Shop) -> list[object]:
        """Who stands in Chatwoot, without what says when they were met.

        Those are ids and the identifier, which is the address by which a contact was first known.
        """
        found: list[object] = []
        for contact in its.people:
            for role, who in enumerate(self.clients):
                if who.owns(contact):
                    number = contact.phone_number and contact.phone_number == f"+{who.long}"
                    inboxes = {its.number_of(row.inbox) for row in contact.contact_inboxes}
                    texts = Counter(
                        (its.number_of(one.conversation.inbox), one.content)
                        for one in its.shown
                        if one.conversation.contact is contact
                    )
                    found.append((role, number, sorted(inboxes), sorted(texts.items())))
        return sorted(found, key=repr)


def cast(roles: Sequence[tuple[int, str, int]]) -> Cast:
    clients = [client(2 * next(_newcomers) + role % 2) for role in range(PEOPLE)]
    told = [
        Line(
            number=number,
            client=clients[role],
            party=clients[role].spellings[address],
            text=f"{nth}",
            nth=nth,
        )
        for nth, (role, number, address) in enumerate(roles)
    ]
    return Cast(clients=clients, events=[(one.number, one.event) for one in told])


async def one_by_one(its: Shop, events: Sequence[tuple[str, Received]]) -> None:
    for number, event in events:
        await its.phones[number].bring(event)
        await its.house.quiet()


async def at_once(its: Shop, events: Sequence[tuple[str, Received]]) -> None:
    async with asyncio.TaskGroup() as group:
        for number in NUMBERS:
            mine = [event for to, event in events if to == number]
            if mine:
                group.create_task(its.phones[number].bring(*mine))
    await its.house.quiet()


@contextmanager
def open_shop(data: Path) -> Iterator[tuple[asyncio.Runner, Shop]]:
    """One house for all examples; it lives in a task of its own, as examples are no coroutines."""

    async def keep(opened: asyncio.Future[Shop], closing: asyncio.Event) -> None:
        async with shop(data, merges=True) as its:
            opened.set_result(its)
            await closing.wait()

    async def begin() -> tuple[Shop, asyncio.Event, asyncio.Task[None]]:
        opened: asyncio.Future[Shop] = asyncio.get_running_loop().create_future()
        closing = asyncio.Event()
        keeping = asyncio.create_task(keep(opened, closing))  # noqa: TID251  (awaited below)
        await asyncio.wait((opened, keeping), return_when=asyncio.FIRST_COMPLETED)
        return opened.result(), closing, keeping

    async def end(closing: asyncio.Event, keeping: asyncio.Task[None]) -> None:
        closing.set()
        await keeping

    with asyncio.Runner() as runner:
        its, closing, keeping = runner.run(begin())
        try:
            yield runner, its
        finally:
            runner.run(end(closing, keeping))


@pytest.mark.timeout(180)
def test_any_order_and_repetition_end_in_the_same_chatwoot(tmp_path: Path) -> None:
    with open_shop(tmp_path) as (runner, its):
        # Without shrinking: it would take minutes, and examples are small anyway.
        @settings(max_examples=6, phases=(Phase.reuse, Phase.generate))
        @given(_events, st.randoms(use_true_random=False))
        def check(roles: list[tuple[int, str, int]], chance: random.Random) -> None:
            first, second = cast(roles), cast(roles)
            shuffled = [*second.events, *chance.choices(second.events, k=2)]
            chance.shuffle(shuffled)

            runner.run(one_by_one(its, first.events))
            runner.run(at_once(its, shuffled))

            stands = first.snapshot(its)
            assert stands == second.snapshot(its)
            texts = Counter(text for one in stands for (_, text), n in one[3] for _ in range(n))
            assert texts == Counter(str(nth) for nth in range(len(roles)))

        check()
        assert runner.run(balanced(its.house))
