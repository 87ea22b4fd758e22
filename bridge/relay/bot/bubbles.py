"""What a flow says goes onto WhatsApp as agents' messages do: in order, each once, or visibly.

A bubble is planned with the answer of Typebot that it stands in, with the epoch of the hand-off of
that moment: once a human has the word it is ignored, without waiting. It waits in its lane for its
typing delay, which is counted from when the bubble before it went; a restart neither repeats nor
forgets it. However it ends, the hand-off is told in the same commit, once, and the flow goes on.
Agents are shown what was sent as the bot's message, and told in a private note what was not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace

import orjson

from bridge.clock import Clock
from bridge.core.flow import Line, Play, Script
from bridge.core.outgoing import Option
from bridge.core.receipts import DONE
from bridge.core.typebot import BotSettings
from bridge.engine.queue import Again, Dead, Ignored, Job, NewJob, Outcome, Queue, Road
from bridge.relay import lanes
from bridge.relay.bot.agent_bot import AgentBots
from bridge.relay.bot.bubble_ends import BubbleEnds
from bridge.relay.bot.memory import memory_of
from bridge.relay.bot.prompts import Draft, drafted
from bridge.relay.bot.silence import Silence
from bridge.relay.bot.talks import BUBBLE, SILENCED
from bridge.relay.bot.typing_delay import delay
from bridge.relay.directory import Directory, Entry
from bridge.relay.outbound import Outbound
from bridge.relay.outgoing import AGENT_MESSAGE, AgentMessage, BubbleMark, own_text
from bridge.store.engine import Store, Unit
from bridge.store.queries import ledger
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import TalkRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """How many bubbles were laid into the lane, and the options by the numbers that they show."""

    bubbles: int
    numbered: tuple[Option, ...] = ()


class Bubbles:
    """Plans bubbles, and runs their jobs."""

    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        outbound: Outbound,
        silence: Silence,
        ends: BubbleEnds,
        agent_bots: AgentBots,
        clock: Clock,
        not_after: int,
    ) -> None:
        """`not_after` (ms): what is so much later than planned is not said any more."""
        self._store = store
        self._queue = queue
        self._directory = directory
        self._outbound = outbound
        self._silence = silence
        self._ends = ends
        self._agent_bots = agent_bots
        self._clock = clock
        self._not_after = not_after

    # -- planning ---------------------------------------------------------------------------

    def plan(
        self,
        unit: Unit,
        entry: Entry,
        chat: ChatRow,
        talk: TalkRow,
        script: Script,
        *,
        settings: BotSettings,
        now: int,
        trace_id: str | None = None,
    ) -> Laid:
        """Lay what a script says, and how it asks, into the chat's lane, as part of the unit.

        `talk` is as it was when Typebot was asked: its epoch is that of the bubbles. The caller
        signals `Planned` with the number that this returns, in the same unit.
        """
        drafts = drafted(script, able=entry.channel.capabilities, language=entry.language)
        memory = memory_of(talk)
        marks: list[BubbleMark] = []
        due = now
        for draft in drafts.bubbles:
            wait = draft.pause_ms + delay(
                "" if draft.is_file else draft.text,
                settings=settings,
                typing=memory.typing,
                follows=bool(marks),
                begins=not marks and not memory.has_spoken,
            )
            due += wait
            marks.append(
                BubbleMark(
                    epoch=talk.state.epoch,
                    wait=wait,
                    due=due,
                    voice=draft.voice,
                    offered=draft.offered,
                )
            )
        for draft, mark in zip(drafts.bubbles, marks, strict=True):
            self._add(unit, entry, chat, draft, mark, now=now, trace_id=trace_id)
        if marks:
            self._agent_bots.flow_speaks(unit, entry)
            self._ends.write_until(unit, entry, chat, marks[0], marks[0].due)
        return Laid(bubbles=len(marks), numbered=drafts.numbered)

    def farewell(
        self, unit: Unit, entry: Entry, chat: ChatRow, talk: TalkRow, text: str, *, now: int
    ) -> None:
        """Say a last text, whoever has the word by now, unless that changes before it goes.

        `talk` is as it is after the signal that ended or stopped the flow, in the same unit.
        """
        said = Script(plays=(Play(bubble=Line(block="", body=text)),))
        mark = BubbleMark(epoch=talk.state.epoch, due=now, farewell=True)
        for draft in drafted(
            said, able=entry.channel.capabilities, language=entry.language
        ).bubbles:
            self._add(unit, entry, chat, draft, mark, now=now, trace_id=None)

    def _add(
        self,
        unit: Unit,
        entry: Entry,
        chat: ChatRow,
        draft: Draft,
        mark: BubbleMark,
        *,
        now: int,
        trace_id: str | None,
    ) -> None:
        message = replace(own_text(draft.text), parts=draft.parts, bubble=mark)
        self._queue.add(
            unit,
            NewJob(
                kind=BUBBLE,
                lane=lanes.to_whatsapp(chat.id),
                road=Road.OUTBOUND,
                peer=entry.channel_peer,
                account=entry.channel_account,
                payload=orjson.dumps(message),
                now=now,
                due_at=mark.due,
                instance_id=entry.id,
                chat_id=chat.id,
                trace_id=trace_id,
            ),
        )

    # -- saying -----------------------------------------------------------------------------

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone", reason="The instance was deleted.")
        message = AGENT_MESSAGE.validate_json(job.payload)
        if message.bubble is None:
            return Dead(cause="internal.payload", reason="The stored message is no bubble.")
        outcome = await self._store.read(lambda db: self._needless(db, entry, job, message))
        if outcome is None:
            outcome = await self._outbound.run(job)
        if isinstance(outcome, Again):
            return outcome
        dead = outcome if isinstance(outcome, Dead) else None
        return replace(outcome, write=self._ends.of(entry, job, dead, outcome.write))

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:
        entry = self._directory.by_id(job.instance_id)
        return None if entry is None else self._ends.of(entry, job, dead, None)

    def _needless(
        self, db: sqlite3.Connection, entry: Entry, job: Job, message: AgentMessage
    ) -> Outcome | None:
        """Why nothing of it is sent, or nothing more; None: it is sent, or may have been."""
        mark = message.bubble
        assert mark is not None  # noqa: S101  (`run` ended the job otherwise)
        begun = [row for row in ledger.parts(db, job.id) if row["state"] != "superseded"]
        if begun:
            done = {row["part"] for row in begun if row["state"] in DONE}
            is_open = any(row["state"] not in DONE for row in begun)
            if mark.is_over and not is_open and len(done) < len(message.parts or ()):
                return Ignored(rule=SILENCED, reason="What followed it was said before.")
            return None
        rule = self._silence(db, entry, job.chat_id or 0, mark)
        if rule is not None:
            return Ignored(rule=SILENCED, reason=f"It was not said any more ({rule}).")
        if self._clock.ms() - max(mark.due, job.accepted_at) > self._not_after:
            return Dead(cause="too_old", reason="It was waiting for too long.")
        return None
