"""A turn of a flow: what the person said goes to Typebot, what it answers is planned, once.

A turn never sends. It stores that it asks before it calls, and all that follows from the answer in
the commit that ends it. Typebot's failures stay here: no breaker opens for them, and nobody waits
for a Typebot that hangs but the chat that asked it. What surely was not done is tried again for a
while; a call of which nobody knows what it did is never made again, and a human has the word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import assert_never

import structlog

from bridge.clock import Clock
from bridge.core.flow import Next, Script
from bridge.engine.queue import Dead, Delivered, Ignored, Job, Outcome
from bridge.errors import PeerError
from bridge.locale import say
from bridge.relay.bot.asking import Ask, Reply, Start
from bridge.relay.bot.calls import Calls, NoFile, Said, was_not_made
from bridge.relay.bot.deciding import Deciding
from bridge.relay.bot.failing import Failing
from bridge.relay.bot.memory import Memory, memory_of
from bridge.relay.bot.plans import Answered, Plans
from bridge.relay.bot.starting import Starting
from bridge.relay.bot.utterances import utterance_of
from bridge.relay.directory import Directory, Entry
from bridge.store.engine import Store, Unit
from bridge.typebot.asking import prompt_of
from bridge.typebot.faults import SessionGone
from bridge.typebot.first_messages import goes_along
from bridge.typebot.models import Answer
from bridge.typebot.planning import script

log = structlog.get_logger(__name__)


class BotTurns:
    """Runs `bot_turn` jobs."""

    def __init__(
        self,
        *,
        store: Store,
        directory: Directory,
        deciding: Deciding,
        starting: Starting,
        failing: Failing,
        calls: Calls,
        plans: Plans,
        clock: Clock,
        most_wait: int,
    ) -> None:
        """`most_wait` (ms) is the longest wait of a flow."""
        self._store = store
        self._directory = directory
        self._deciding = deciding
        self._starting = starting
        self._failing = failing
        self._calls = calls
        self._plans = plans
        self._clock = clock
        self._most_wait = most_wait

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone", reason="The instance was deleted.")
        decided = await self._store.write(partial(self._deciding.begin, entry, job), durable=True)
        if isinstance(decided, Ask):
            decided = await self._ask(entry, job, decided)
            if isinstance(decided, Ask):  # for a session that takes the place of one that is gone
                decided = await self._ask(entry, job, decided)
        assert not isinstance(decided, Ask)  # noqa: S101  (a new session cannot be gone)
        return decided

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        """A bug of ours, again and again: a human has to look."""
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return None
        why = say(entry.language, "flow.bug")
        return lambda unit: self._failing.fail(unit, entry, job.chat_id or 0, why)

    # -- asking -----------------------------------------------------------------------------

    async def _ask(self, entry: Entry, job: Job, ask: Ask) -> Outcome | Ask:
        try:
            said = await self._calls.prepare(entry, ask)
            job.steps.append((self._clock.ms(), "asked", _what(ask)))
            answer = await self._calls.ask(ask, said.say)
        except NoFile as error:
            return self._failing.without_file(entry, job, ask, error)
        except SessionGone as error:
            if memory_of(ask.talk).restarted or isinstance(ask.asking, Start):
                return self._failing.give_up(entry, ask, error)
            job.steps.append((self._clock.ms(), "restarted", "Typebot's session was gone"))
            return await self._store.write(
                lambda unit: self._starting.again(unit, entry, ask), durable=True
            )
        except PeerError as error:
            job.steps.append((self._clock.ms(), "failed", f"{error.cause}: {error}"))
            if was_not_made(error):
                return self._failing.try_again(entry, job, ask, error)
            return self._failing.give_up(entry, ask, error)
        return await self._answered(entry, job, ask, said, answer)

    async def _answered(
        self, entry: Entry, job: Job, ask: Ask, said: Said, answer: Answer
    ) -> Outcome:
        now = self._clock.ms()
        prompt = partial(
            prompt_of,
            language=entry.language,
            system=answer.system or memory_of(ask.talk).messages,
        )
        # What a flow makes up may take a second to read, and nobody else waits for that.
        written = await asyncio.to_thread(
            script, answer, now=ask.local(now), most_wait_ms=self._most_wait, prompt=prompt
        )
        found = Answered(answer=answer, script=written, keeps=self._keeps(entry, ask, written, now))
        for code, detail in (*said.left_out, *written.left_out):
            job.steps.append((now, "left_out", f"{code}: {detail}"))
        told = f"{_count(len(written.plays), 'bubble')}, then {_follows(written)}"
        job.steps.append((now, "answered", told))
        log.info(
            "turn.answered",
            chat=ask.chat.id,
            bubbles=len(written.plays),
            next=written.next.value,
            took=now - (ask.talk.state.asking or now),
        )
        return Delivered(
            write=lambda unit: self._plans.plan(unit, entry, job, ask, found, self._clock.ms())
        )

    def _keeps(self, entry: Entry, ask: Ask, written: Script, now: int) -> bool:
        """Whether the text that started the flow is the answer to what it asks first."""
        if not isinstance(ask.asking, Start) or written.asked is None:
            return False
        memory = memory_of(ask.talk)
        if memory.once or not ask.heard:
            return False
        utterance = utterance_of(ask.heard)
        asked = Memory(asked=written.asked)
        meant = self._deciding.understood(entry, asked, utterance, now)
        policy = ask.settings.first_message
        return goes_along(policy, written, utterance, meant, again=memory.restarted)


def _what(ask: Ask) -> str:
    """What is asked for, without a word of what was said."""
    flow = ask.talk.typebot or ""
    if isinstance(ask.asking, Start):
        return f"{flow} to start, for {_count(len(ask.heard), 'message')}"
    if isinstance(ask.asking, Reply):
        return f"{flow}, with {_count(len(ask.heard), 'message')}"
    return f"{flow}, to go on by itself"


def _follows(script: Script) -> str:
    match script.next:
        case Next.WAIT:
            return "it waits for an answer"
        case Next.REPLY:
            after = f" after {script.pause_ms / 1000:g} s" if script.pause_ms else ""
            return f"it goes on by itself{after}"
        case Next.LISTEN:
            return "it waits for an event"
        case Next.END:
            return "it is over"
        case _:
            assert_never(script.next)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
