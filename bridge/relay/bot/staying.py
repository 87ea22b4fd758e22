"""What a flow says between its questions without asking Typebot: one more question, a hint."""

from __future__ import annotations

from dataclasses import replace

from bridge.core.flow import AskBack, Line, Next, NoAnswer, Play, Prompt, Script
from bridge.core.handoff import Planned
from bridge.core.typebot import BotSettings
from bridge.engine.queue import Delivered, Ignored, Job, Outcome
from bridge.relay.bot.asking import Turn
from bridge.relay.bot.bubbles import Bubbles
from bridge.relay.bot.memory import Memory, memory_of, with_memory
from bridge.relay.bot.talks import Talks
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import TalkRow
from bridge.typebot.asking import prompt_of


class Staying:
    """Every method is part of the caller's unit; the flow goes on waiting for the same answer."""

    def __init__(self, talks: Talks, bubbles: Bubbles) -> None:
        self._talks = talks
        self._bubbles = bubbles

    def ask_back(self, unit: Unit, turn: Turn, found: AskBack) -> Outcome:
        """Ask the person once more, in our words."""
        talk = with_memory(
            turn.talk, replace(turn.memory, asked_back=True, readings=found.readings)
        )
        self._ask(unit, turn, talk, found.text, _prompt(turn) if found.again else None)
        turn.job.steps.append((turn.now, "asked_back", found.rule))
        return Delivered()

    def ask_at_last(self, unit: Unit, turn: Turn) -> Outcome | None:
        """Ask what the person was never asked, since somebody else had the word by then.

        What they say now answers something else. None: the question has no words of its own.
        """
        text, prompt = turn.memory.question, _prompt(turn)
        if prompt is not None and any(offer.body == text for offer in prompt.offers):
            text = ""
        if not text and prompt is None:
            return None
        self._ask(unit, turn, turn.talk, text, prompt)
        turn.job.steps.append((turn.now, "asked", "the question that was not shown before"))
        return Delivered()

    def _ask(self, unit: Unit, turn: Turn, talk: TalkRow, text: str, prompt: Prompt | None) -> None:
        asked = turn.memory.asked or {}
        line = Line(block=str(asked.get("id") or "ask"), body=text)
        plays = (Play(bubble=line),) if text else ()
        script = Script(plays=plays, next=Next.WAIT, prompt=prompt, asked=asked)
        self._say(unit, turn.entry, turn.chat, talk, script, turn.settings, turn.job, turn.now)

    def no_answer(self, unit: Unit, turn: Turn, found: NoAnswer) -> Outcome:
        """Say what the settings say of what cannot be understood, where it is due."""
        text = turn.settings.unknown_message.strip()
        if found.unknown and text:
            self.say(
                unit, turn.entry, turn.chat, turn.talk, text, turn.settings, turn.job, turn.now
            )
        return Ignored(rule=found.rule)

    def say(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        chat: ChatRow,
        talk: TalkRow,
        text: str,
        settings: BotSettings,
        job: Job,
        now: int,
    ) -> None:
        """Say a text of ours."""
        script = Script(plays=(Play(bubble=Line(block="aside", body=text)),), next=Next.WAIT)
        self._say(unit, entry, chat, talk, script, settings, job, now)

    def _say(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        chat: ChatRow,
        talk: TalkRow,
        script: Script,
        settings: BotSettings,
        job: Job,
        now: int,
    ) -> None:
        laid = self._bubbles.plan(
            unit, entry, chat, talk, script, settings=settings, now=now, trace_id=job.trace_id
        )
        memory: Memory = memory_of(talk)
        kept = replace(memory, numbered=laid.numbered or memory.numbered, asking=())
        planned = Planned(epoch=talk.state.epoch, bubbles=laid.bubbles, next=Next.WAIT)
        self._talks.signal(unit, entry, chat, planned, now, talk=with_memory(talk, kept))


def _prompt(turn: Turn) -> Prompt | None:
    return prompt_of(
        turn.memory.asked or {}, language=turn.entry.language, system=turn.memory.messages
    )
