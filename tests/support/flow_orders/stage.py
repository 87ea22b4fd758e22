"""A house with a flow that can die at any of its steps, and time that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from bridge.engine.queue import LOCAL, Job, Outcome, Retry
from bridge.engine.worker import Handler
from bridge.sim.chatwoot import Conversation
from bridge.sim.chatwoot.webhooks import Delivery
from bridge.sim.typebot import TypebotSim
from bridge.sim.typebot.faults import Fault
from bridge.store.engine import Unit
from support.bridge_house import House, ShiftedClock, bridge_house
from support.flow_house import AT_ONCE
from support.flow_orders.death import Death
from support.flow_orders.seen import Happening, Watch
from support.flow_runs import WITHOUT_CHATWOOT

T = TypeVar("T")

#: How a house may be set up: conversations begin as pending, or open; or there is no Chatwoot.
HOUSES: dict[str, dict[str, Any]] = {
    "pending": {"chatwootConversationPending": True, "chatwootReopenConversation": True},
    "open": {"chatwootReopenConversation": True},
    "without Chatwoot": dict(WITHOUT_CHATWOOT),
}
FINISH, GOODBYE, EXPIRED = "sair", "goodbye", "expired"
BOT = {
    "enabled": True,
    "typebot": "talk",
    "triggerType": "all",
    "debounceTime": 1,
    "expire": 30,
    "keywordFinish": FINISH,
    "goodbye": GOODBYE,
    "expireMessage": EXPIRED,
}


def _says(place: str) -> dict[str, Any]:
    return {"id": place, "type": "text", "text": f"{place}-{{{{mark}}}}"}


def _ask(place: str) -> dict[str, Any]:
    return {"id": f"in{place}", "type": "text input", "options": {"variableId": "v_said"}}


def _wait(place: str) -> dict[str, Any]:
    options = {"secondsToWaitFor": "2", "shouldPause": True}
    return {"id": f"w{place}", "type": "wait", "options": options}


def _mark(place: str) -> dict[str, Any]:
    options = {"variableId": "v_mark", "type": "Random ID"}
    return {"id": f"m{place}", "type": "set variable", "options": options}


TALK = {
    "public_id": "talk",
    "settings": AT_ONCE,
    "variables": {"v_said": "said", "v_mark": "mark", "v_first": "firstMessage"},
    "groups": [
        {
            "id": "talk",
            "blocks": [
                *(_mark("a"), _says("a1"), _wait("a"), _says("a2"), _ask("a")),
                *(_mark("b"), _says("b1"), _says("b2"), _says("b3"), _ask("b")),
                *(_mark("c"), _says("c1"), _wait("c"), _says("c2"), _ask("c")),
                *(_mark("d"), _says("d1"), _says("d2")),
            ],
        }
    ],
}


class _Stepped:
    """A job handler whose every await is a step."""

    def __init__(self, kind: str, handler: Handler, stage: Stage) -> None:
        self._kind = kind
        self._stage = stage
        self._run = handler.run
        self.died = handler.died

    async def run(self, job: Job) -> Outcome:
        return await self._stage.watched(self._kind, self._run(job))


@dataclass(kw_only=True)
class Stage:
    """One house for many stories, each with a customer of its own."""

    house: House
    typebot: TypebotSim
    clock: ShiftedClock
    kind: str
    watch: Watch
    is_dead: bool = False
    #: A call of Typebot's that does not end before it is let go.
    gate: Fault | None = None
    #: So long (s) each commit of a job is put off, that others may come between.
    lag: float = 0
    death: Death | None = None
    #: What webhooks tell of that were not answered yet, by the ids of the deliveries.
    told: dict[str, Happening] = field(default_factory=dict)

    # -- dying ------------------------------------------------------------------------------

    def watched(self, place: str, work: Awaitable[T]) -> Awaitable[T]:
        return work if self.death is None else self.death.watch(place, work)

    def arm(self, place: str, at: int) -> None:
        """The service dies at the step `at` of a kind of jobs, of `settle <kind>` or `commit`."""

        def die(where: str) -> None:
            self.watch.seen.add("crash", where)
            self.die()

        self.death = Death(place=place, at=at, die=die)

    def die(self) -> None:
        """As by `kill -9`: nothing is stored any more, and nothing is asked for."""
        self.is_dead = True
        self.watch.seen.broke_off()
        service = self.house.service
        store, worker = service.store, service.worker

        async def gone(*_: Any, **__: Any) -> NoReturn:
            raise asyncio.CancelledError

        store.write = store.read = gone  # type: ignore[method-assign]
        store.count = lambda *_: None  # type: ignore[method-assign]
        for pending in store._pending:
            pending.done.cancel()
        store._pending.clear()
        store._uncommitted.clear()
        worker._handlers = {}
        for task in list(worker._running):
            if task is not asyncio.current_task():
                task.cancel()

    async def restart(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """One goes, as far as it is not dead already, and another begins."""
        stack, self.house._stack = self.house._stack, AsyncExitStack()
        with suppress(asyncio.CancelledError):
            await stack.aclose()
        self.watch.seen.broke_off()
        self.death = None
        meanwhile()
        await self.house.start()
        self.is_dead = False
        self.wrap()

    def wrap(self) -> None:
        """Every await of jobs, settling and commits is a step from now on."""
        service = self.house.service
        worker, queue, store = service.worker, service.queue, service.store
        worker._handlers = {
            kind: _Stepped(kind, one, self) for kind, one in worker._handlers.items()
        }
        settle, write = queue.settle, store.write

        async def settled(job: Job, outcome: Outcome | Retry) -> None:
            await self.watched(f"settle {job.kind}", settle(job, outcome))

        async def written(work: Callable[[Unit], Any], *, durable: bool = False) -> Any:
            if self.lag and asyncio.current_task() in worker._running:
                await asyncio.sleep(self.lag)
            return await self.watched("commit", write(work, durable=durable))

        queue.settle = settled  # type: ignore[method-assign]
        store.write = written  # type: ignore[method-assign]

    # -- time -------------------------------------------------------------------------------

    def jump(self, seconds: float) -> None:
        self.clock.ahead_seconds += seconds
        if not self.is_dead:
            self.house.service.queue.resume(LOCAL)

    async def rest(self, seconds: float = 120) -> None:
        """Wait until nothing is due, and nothing is on its way that is not held back."""
        try:
            async with asyncio.timeout(seconds):
                while not self.rests:
                    if self.is_dead:
                        await self.restart()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.02):
                            self.house._moved.clear()
                            await self.house._moved.wait()
        except TimeoutError:
            lanes = self.house.service.queue.lanes
            raise AssertionError(
                f"it does not come to rest: {lanes.heads}, {lanes.running}, "
                f"{self.house.chat.webhooks.pending} webhooks of Chatwoot, "
                f"{self.house.graph.outbox.outstanding} of Meta"
            ) from None

    @property
    def rests(self) -> bool:
        house, now = self.house, self.clock.ms()
        if self.is_dead:
            return False
        held = house.chat.webhooks._held
        if house.chat.webhooks.pending > len(held or ()) or house.graph.outbox.outstanding:
            return False
        service = house.service
        for job in self.running:
            if not (job.kind == "bot_turn" and self.gate is not None and self.gate.hits):
                return False
        if service.queue.lanes.running and not service.worker.running:
            return False
        return not any(head.due_at <= now for head in service.queue.lanes.heads.values())

    @property
    def running(self) -> list[Job]:
        """What is being done at this moment."""
        return list(self.house.service.worker._running.values())

    @property
    def number(self) -> str:
        """The customer of the present story."""
        return self.watch.number

    # -- people -----------------------------------------------------------------------------

    @property
    def conversation(self) -> Conversation | None:
        """The customer's newest one."""
        mine = [
            one
            for one in self.house.chat.conversations.values()
            if one.contact.phone_number == f"+{self.number}"
        ]
        return max(mine, key=lambda one: one.id, default=None)

    @property
    def room(self) -> Conversation:
        return self.house.chat.conversations[min(self.house.chat.conversations)]

    def observe(self) -> None:
        """Hear of each webhook of Chatwoot that was answered."""
        webhooks = self.house.chat.webhooks
        post = webhooks._post

        async def posted(delivery: Delivery) -> None:
            await post(delivery)
            one = self.told.pop(delivery.id, None)
            if delivery.status == HTTPStatus.OK and one is not None and one.accepted is None:
                one.accepted = self.watch.seen.tick()

        webhooks._post = posted  # type: ignore[method-assign]

    def human(
        self, what: str, act: Callable[[], object], *, by: Collection[str], about: str = ""
    ) -> None:
        """Somebody does something in Chatwoot; one of these webhooks tells of it."""
        deliveries = self.house.chat.webhooks.deliveries
        before = {one.id for one in deliveries}
        one = self.watch.seen.add(what, about)
        act()
        for delivery in deliveries:
            if delivery.id not in before and delivery.event in by:
                self.told[delivery.id] = one


@asynccontextmanager
async def stage(data: Path, kind: str) -> AsyncIterator[Stage]:
    """A house in which stories are played, one after the other."""
    clock, watch = ShiftedClock(), Watch()

    def now() -> float:
        return clock.ms() / 1000

    async with (
        AsyncExitStack() as stack,
        TypebotSim() as typebot,
        bridge_house(
            data,
            order=HOUSES[kind],
            clock=clock,
            chatwoot={"clock": now},
            graph={"clock": now, "redelivery": (0.03,) * 400},
            options={"typebot": {"timeout_seconds": 55, "connect_patience_seconds": 55}},
        ) as house,
    ):
        typebot.put_said(TALK)
        await house.ok("POST", "/typebot/create/loja", json=BOT | {"url": typebot.url})
        its = Stage(house=house, typebot=typebot, clock=clock, kind=kind, watch=watch)
        its.observe()
        its.wrap()
        stack.enter_context(watch.on_the_wire())
        yield its
