"""Lets a story happen, and brings it to an end: all failures over, and the flow begun anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import count

import aiohttp

from bridge.sim.chatwoot import Conversation
from bridge.sim.graph import Route
from support.flow_orders.oracle import stuck
from support.flow_orders.seen import DOUBTFUL, Seen
from support.flow_orders.stage import FINISH, Stage
from support.flow_orders.stories import FAILS, Step, Story

_newcomers = count(10_001)
#: So long (s) after a conversation was opened Chatwoot may assign it.
_AUTOMATIC = 12
_STATUS = ("conversation_status_changed", "conversation_updated")
#: Seconds.
SECONDS = {"soon": 2.5, "a while": 15, "later": 700, "much later": 1900}
LAG, LONG_LAG = 0.008, 0.03
SOON, MUCH_LATER = SECONDS["soon"], SECONDS["much later"]


class Player:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.house = stage.house
        self.seen = stage.watch.seen = Seen()
        self.stuck: list[str] = []
        self._texts = count(1)
        self._changed_at = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        stage.watch.number = f"55119876{next(_newcomers)}"
        stage.told.clear()

    async def play(self, story: Story) -> Seen:
        for step in story:
            await self._alive()
            await self._do(step)
        await self._end()
        return self.seen

    async def _alive(self) -> None:
        if self.stage.is_dead:
            await self.stage.restart()

    async def _do(self, step: Step) -> None:  # noqa: C901, PLR0912  (an arm for each kind)
        stage, seen = self.stage, self.seen
        match step.what:
            case "says":
                await self._says()
            case "burst":
                for _ in range(3):
                    await self._says()
            case "says the last word":
                seen.add("last word")
                await self.house.graph.customer_writes(stage.number, FINISH)
            case "soon" | "a while" | "later" | "much later":
                seen.add(step.what)
                stage.jump(SECONDS[step.what])
            case "rests":
                await stage.rest()
            case "a breath":
                await asyncio.sleep(0.004)
            case "crash":
                stage.arm(step.how, step.at)
            case "we are slow":
                stage.lag = LAG
            case "interrupts":
                await self._interrupts(step.how)
            case "restart":
                await self._restarts(step.how)
            case "told twice":
                self.house.graph.outbox.duplicate = not self.house.graph.outbox.duplicate
                webhooks = self.house.chat.webhooks
                webhooks.copies = 3 - webhooks.copies
            case what if what.startswith("Typebot"):
                await self._typebot(step)
            case "WhatsApp fails":
                seen.add("WhatsApp fails", step.how)
                self.house.graph.faults.next(Route.MESSAGES, FAILS[step.how], to=stage.number)
            case what if what.startswith("the API"):
                await self._api(step)
            case _:
                await self._chatwoot(step)

    async def _says(self) -> None:
        text = f"text{next(self._texts)}x"
        self.seen.add("says", text)
        await self.house.graph.customer_writes(self.stage.number, text, name="Marina")

    async def _interrupts(self, how: str) -> None:
        """Somebody does something while a bubble is about to go."""
        stage = self.stage
        stage.lag, lag = LONG_LAG, stage.lag
        self.seen.add("soon")
        stage.jump(SOON)
        for _ in range(200):
            if any(job.kind == "bubble" for job in stage.running) or stage.rests:
                break
            await asyncio.sleep(0.002)
        await self._do(Step(what=how if stage.conversation else "the API pauses"))
        await asyncio.sleep(LONG_LAG)
        stage.lag = lag

    async def _restarts(self, how: str) -> None:
        """Somebody does something in Chatwoot while the service is down: it is found by asking."""
        seen, chat = self.seen, self.stage.conversation
        seen.add("restart", how)
        await self._gate_off()
        if not how or chat is None:
            await self.stage.restart()
            return
        await self.stage.restart(lambda: self._human(how, chat))
        done = seen.of(how)[-1]
        if done.accepted is None:  # nothing is sent before everybody was asked
            done.accepted, done.is_found = seen.tick(), True

    # -- peers ------------------------------------------------------------------------------

    async def _typebot(self, step: Step) -> None:
        stage, sim = self.stage, self.stage.typebot
        if step.what == "Typebot goes on":
            await self._gate_off()
            return
        if step.what == "Typebot is slow":
            if stage.gate is None:
                stage.gate = sim.faults.hang(60, times=1, acts=bool(step.how))
            return
        self.seen.add(step.what, step.how)
        match step.how:
            case "":
                sim.drop()
            case "503" | "503 twice":
                sim.faults.fail(503, times=2 if "twice" in step.how else 1)
            case "500":
                sim.faults.fail(500, times=1)
            case "done but 500":
                sim.faults.done_but(500, times=1)
            case how:
                sim.faults.reset(times=1, acts="done" in how)

    async def _gate_off(self) -> None:
        gate, self.stage.gate = self.stage.gate, None
        if gate is not None:
            gate.off()

    async def _api(self, step: Step) -> None:
        self.seen.add(step.what)
        if step.what == "the API starts":
            self._tasks.append(asyncio.create_task(self._start()))  # noqa: TID251  (see _end)
            return
        status = {
            "the API pauses": "paused",
            "the API gives back": "opened",
            "the API closes": "closed",
            "the API deletes": "delete",
        }[step.what]
        happening = self.seen.happenings[-1]
        if await self._post("changeStatus", {"status": status}):
            happening.accepted = self.seen.tick()

    async def _start(self) -> None:
        happening = self.seen.happenings[-1]
        await self._post("start", {"url": self.stage.typebot.url, "typebot": "talk"})
        happening.accepted = self.seen.tick()

    async def _post(self, route: str, body: dict[str, str]) -> bool:
        """Whether it was answered, and done."""
        body = {"remoteJid": f"{self.stage.number}@s.whatsapp.net"} | body
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with asyncio.timeout(60):
                status, _ = await self.house.call("POST", f"/typebot/{route}/loja", json=body)
                return status in {200, 201}
        return False

    # -- people in Chatwoot -----------------------------------------------------------------

    async def _chatwoot(self, step: Step) -> None:
        sim, stage = self.house.chat, self.stage
        match step.what:
            case "webhooks wait":
                if sim.webhooks._held is None:
                    sim.webhooks.hold()
            case "webhooks come" | "webhooks come backwards":
                if sim.webhooks._held is not None:
                    self.seen.add(step.what)
                    sim.webhooks.release(backwards="backwards" in step.what)
            case "Chatwoot fails":
                self._chatwoot_fails(step.how)
            case "pauses all bots":
                if sim.webhooks._held is None:
                    await self._commands("pause bot")
            case "resumes all bots":
                self.seen.add("resumes all bots")
                sim.agent_writes(stage.room.id, "resume bot")
            case _:
                chat = stage.conversation
                if chat is not None:
                    self._human(step.what, chat)

    def _chatwoot_fails(self, how: str) -> None:
        self.seen.add("Chatwoot fails", how)
        switches = self.house.chat.faults
        match how:
            case "cut":
                switches.reset(times=1, route="POST messages")
            case "500":
                switches.fail(500, times=1, route="POST messages")
            case _:
                switches.stored_but(500, times=1, route="POST messages")

    def _human(self, what: str, chat: Conversation) -> None:
        sim, stage = self.house.chat, self.stage
        acts: dict[str, Callable[[], object]] = {
            "agent writes": lambda: sim.agent_writes(chat.id, "an agent writes"),
            "agent notes": lambda: sim.agent_writes(chat.id, "a note", private=True),
            "assigns": lambda: sim.assign(chat.id, sim.agent),
            "unassigns": lambda: sim.assign(chat.id, None),
            "opens": lambda: sim.open(chat.id),
            "pends": lambda: sim.pend(chat.id),
            "resolves": lambda: sim.resolve(chat.id),
            "snoozes": lambda: sim.snooze(chat.id),
        }
        by = ("message_created",) if what == "agent writes" else _STATUS
        doubtful = {
            "assigns": self._may_be_automatic(chat),
            # Chatwoot tells of the end so late that it looks as if it had come after this.
            "agent writes": any(one.accepted is None for one in self.seen.of("resolves")),
        }
        about = DOUBTFUL if doubtful.get(what) else ""
        if what in {"opens", "resolves", "pends", "snoozes"}:
            self._changed_at = stage.clock.ms() / 1000
        stage.human(what, acts[what], by=by, about=about)
        if what == "resolves":
            stage.jump(1.1)  # Chatwoot dates messages by the second

    def _may_be_automatic(self, chat: Conversation) -> bool:
        """Nobody is silenced by an assignment as Chatwoot makes them itself (older ones do not
        tell who did it), or in a conversation that nobody works in.
        """
        since = self.stage.clock.ms() / 1000 - max(chat.created_at, self._changed_at)
        return chat.status == "resolved" or (self.stage.kind == "open" and since < _AUTOMATIC)

    async def _commands(self, command: str) -> None:
        """Write in the control room; it counts from when it is answered there."""
        room, stage = self.stage.room, self.stage
        before = len(room.messages)
        happening = self.seen.add("pauses all bots")
        self.house.chat.agent_writes(room.id, command)
        for _ in range(200):
            if stage.is_dead:
                return
            if any(one.message_type == "incoming" for one in room.messages[before:]):
                happening.accepted = self.seen.tick()
                return
            await asyncio.sleep(0.005)

    # -- the end ----------------------------------------------------------------------------

    async def _end(self) -> None:
        """No more failures; time passes; the flow begins anew for who writes then."""
        stage, sim = self.stage, self.house.chat
        self.seen.add("the end")
        stage.death, stage.lag = None, 0
        await self._gate_off()
        stage.typebot.faults.clear()
        self.house.graph.faults.off()
        self.house.graph.outbox.duplicate = False
        sim.faults.clear()
        sim.webhooks.copies = 1
        if sim.webhooks._held is not None:
            sim.webhooks.release()
        await self._alive()
        await self._passes(SOON, SOON, SOON, 10, 10, 10)
        if stage.kind != "without Chatwoot":
            sim.agent_writes(stage.room.id, "resume bot")
            await stage.rest()
        await asyncio.gather(*self._tasks)
        await self._passes(60, MUCH_LATER, MUCH_LATER, SOON)
        self.stuck = await stuck(stage)
        self.seen.add("all is over")
        chat = stage.conversation
        if chat is not None:
            sim.pend(chat.id)
            await stage.rest()
            sim.resolve(chat.id)
        else:
            await self._post("changeStatus", {"status": "delete"})
        await stage.rest()
        self.seen.add("begins anew")
        await self._says()
        await self._passes(SOON, SOON, SOON)
        self.seen.add("it is closed")
        await self._post("changeStatus", {"status": "delete"})
        await self.stage.rest()

    async def _passes(self, *seconds: float) -> None:
        for some in seconds:
            await self.stage.rest()
            self.stage.jump(some)
        await self.stage.rest()
