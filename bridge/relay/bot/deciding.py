"""What a turn is to do, decided in the unit that stores that it is about to do it.

A turn waits for the last bubble, ends without a call (the flow has nothing to do with it, or asks
the person once more), or is stored as asking Typebot; only then `calls` does so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bridge.clock import Clock, utc
from bridge.core.flow import (
    AskBack,
    Next,
    NoAnswer,
    Say,
    Understood,
    Utterance,
)
from bridge.core.handoff import BubbleGone, Failed, Phase
from bridge.engine.queue import Again, Dead, Ignored, Job, Queue
from bridge.locale import say
from bridge.relay.bot import pending
from bridge.relay.bot.asking import Decided, Due, Reply, Terms, Turn, zone_of
from bridge.relay.bot.flows import Shelf
from bridge.relay.bot.memory import HEARD, Heard, Memory, memory_of, with_memory
from bridge.relay.bot.starting import DEALT_WITH, Starting
from bridge.relay.bot.staying import Staying
from bridge.relay.bot.talks import Talks
from bridge.relay.bot.utterances import utterance_of
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.store.queries import chats, talks
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import TalkRow
from bridge.typebot.replying import meaning

#: Calls since the person last spoke: a flow that runs in a circle ends here.
MOST_ROUNDS: Final = 20


class Deciding:
    """Every method is part of the caller's unit."""

    def __init__(
        self,
        *,
        queue: Queue,
        shelf: Shelf,
        talks: Talks,
        starting: Starting,
        staying: Staying,
        clock: Clock,
        terms: Terms,
    ) -> None:
        self._queue = queue
        self._shelf = shelf
        self._talks = talks
        self._starting = starting
        self._staying = staying
        self._clock = clock
        self._terms = terms

    def begin(self, entry: Entry, job: Job, unit: Unit) -> Decided:
        """What the turn does: an `Ask` is stored as begun, everything else is done already."""
        now = self._clock.ms()
        chat = chats.surviving(unit.db, job.chat_id or 0)
        if chat is None:
            return Ignored(rule="chat.gone")
        talk = self._talks.of(unit.db, chat)
        if job.is_suspect and talk.state.asking is not None:
            return self.cut_off(unit, entry, chat, talk, now)
        row = talks.pending(unit.db, chat.id)
        if row is None or row.job_id != job.id:
            return Ignored(rule=DEALT_WITH)
        turn = Turn(
            entry=entry,
            chat=chat,
            talk=talk,
            memory=memory_of(talk),
            heard=HEARD.validate_json(row.heard),
            row=row,
            job=job,
            flows=self._shelf.of(unit.db, entry.id),
            now=now,
        )
        return self._waits(unit, turn) or self._decide(unit, turn)

    def cut_off(self, unit: Unit, entry: Entry, chat: ChatRow, talk: TalkRow, now: int) -> Dead:
        """We stopped inside a call: nobody knows what it did, so it is not made again."""
        self.fail(unit, entry, chat, talk, say(entry.language, "flow.cut_off"), now)
        return Dead(cause="typebot.cut_off", reason="Ponte stopped while it asked Typebot.")

    def fail(  # noqa: PLR0917
        self, unit: Unit, entry: Entry, chat: ChatRow, talk: TalkRow, why: str, now: int
    ) -> TalkRow:
        """The flow cannot go on. Where no human is told, what it has not heard is for a new one."""
        memory, row = memory_of(talk), talks.pending(unit.db, chat.id)
        unheard = memory.asking if memory.reply is not None else ()
        if row is not None:
            unheard = (*unheard, *HEARD.validate_json(row.heard))
        after = self._talks.signal(unit, entry, chat, Failed(), now, why=why)
        if talk.state.is_live and after.state.phase is Phase.IDLE:
            self.put_back(unit, entry, chat, talk, unheard, now)
        return after

    def put_back(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        chat: ChatRow,
        talk: TalkRow,
        heard: tuple[Heard, ...],
        due_at: int,
        *,
        bot_id: str | None = None,
        job: Job | None = None,
    ) -> None:
        """Have these messages wait for a turn again, before what has come since.

        `job`: the job that takes them up; None: a new one.
        """
        if heard or job is not None:
            pending.put(
                self._queue,
                unit,
                entry,
                chat,
                heard,
                url=talk.url or "",
                now=self._clock.ms(),
                due_at=due_at,
                bot_id=bot_id,
                ref=heard[0].id if heard else None,
                trace_id=None if job is None else job.trace_id,
                job_id=None if job is None else job.id,
            )

    # -- waiting ----------------------------------------------------------------------------

    def _waits(self, unit: Unit, turn: Turn) -> Again | None:
        """What the turn has to wait for yet."""
        state, now = turn.talk.state, turn.now
        if state.is_live and state.left:
            if pending.bubbles_wait(unit.db, turn.chat.id):
                return Again(due_at=now + pending.LOOK_AGAIN, why="bubbles are on their way")
            # They ended without our being told: an operator gave one up, say.
            last = replace(turn.talk, state=replace(state, left=1))
            self._talks.signal(
                unit, turn.entry, turn.chat, BubbleGone(epoch=state.epoch), now, talk=last
            )
            return Again(due_at=now, why="the bubbles have gone")
        if is_due(turn.talk, turn.memory):
            return None
        if state.is_live and state.next is Next.LISTEN:
            return Again(due_at=now + pending.LISTENS, why="the flow listens for an event")
        if turn.row.due_at > now:
            return Again(due_at=turn.row.due_at, why="the person may go on writing")
        return None

    # -- deciding ---------------------------------------------------------------------------

    def _decide(self, unit: Unit, turn: Turn) -> Decided:
        talks.take_pending(unit.db, turn.chat.id)
        if not turn.talk.state.is_live:
            return self._starting.start(unit, turn)
        silent = self._talks.silenced(unit.db, turn.entry, turn.chat, turn.talk, turn.now)
        if silent is not None:
            return Ignored(rule=silent)
        if is_due(turn.talk, turn.memory):
            return self._answer_flow(unit, turn)
        if turn.is_late(self._terms.newest):
            return Ignored(rule="bot.too_old")
        return self._hear(unit, turn)

    def _answer_flow(self, unit: Unit, turn: Turn) -> Decided:
        """The flow waits for us; what the person said meanwhile waits for the turn behind it."""
        memory = turn.memory
        if memory.rounds >= MOST_ROUNDS:
            return self._circles(unit, turn)
        asking = Due(say=memory.reply or Say(), call=memory.call)
        changed = replace(memory, rounds=memory.rounds + 1, asking=turn.heard)
        return self._starting.ask(unit, turn, turn.talk, asking, changed)

    def _circles(self, unit: Unit, turn: Turn) -> Dead:
        why = say(turn.entry.language, "flow.circle", count=MOST_ROUNDS)
        talk = with_memory(turn.talk, replace(turn.memory, asking=turn.heard))
        self.fail(unit, turn.entry, turn.chat, talk, why, turn.now)
        return Dead(cause="typebot.circle", reason="The flow runs in a circle.")

    def _hear(self, unit: Unit, turn: Turn) -> Decided:
        memory = turn.memory
        said = utterance_of(turn.heard)
        if memory.asked is not None and not memory.shown:
            asked = self._staying.ask_at_last(unit, turn)
            if asked is not None:
                return asked
        if memory.asked is None:
            found: Understood | AskBack | NoAnswer = Understood(
                say=Say(text=said.text), shown=said.text
            )
        else:
            found = self.understood(turn.entry, memory, said, turn.now)
        match found:
            case AskBack():
                return self._staying.ask_back(unit, turn, found)
            case NoAnswer():
                return self._staying.no_answer(unit, turn, found)
            case Understood():
                asking = Reply(
                    say=found.say,
                    shown=found.shown,
                    files=found.upload,
                    as_answer=found.as_answer,
                    aside=found.aside,
                )
                # What a new session was begun for is no new word of the person's.
                rounds = memory.rounds + 1 if memory.restarted else 1
                changed = replace(memory, rounds=rounds, asking=turn.heard)
                return self._starting.ask(unit, turn, turn.talk, asking, changed)

    def understood(
        self, entry: Entry, memory: Memory, said: Utterance, now: int
    ) -> Understood | AskBack | NoAnswer:
        """What somebody means who answers the input that waits."""
        return meaning(
            memory.asked or {},
            said,
            now=utc(now).astimezone(zone_of(entry, self._terms.timezone)),
            country=self._terms.country,
            language=entry.language,
            numbered=memory.numbered,
            asked_back=memory.asked_back,
            readings=memory.readings,
        )


def is_due(talk: TalkRow, memory: Memory) -> bool:
    """Whether the flow waits for an answer of ours, and may have it."""
    return talk.state.is_live and talk.state.has_session and memory.reply is not None
