"""What Typebot answered becomes bubbles, and what is remembered of it, in the turn's commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from bridge.core.endings import both
from bridge.core.flow import Line, Next, Play, Script
from bridge.core.handoff import Planned
from bridge.engine.queue import Job, Queue
from bridge.relay.bot import pending
from bridge.relay.bot.asking import Ask, Due, Reply, Start
from bridge.relay.bot.bubbles import Bubbles
from bridge.relay.bot.ending_texts import missed
from bridge.relay.bot.events import BotEvents
from bridge.relay.bot.expiring import expiry_job
from bridge.relay.bot.memory import Memory, memory_of, with_memory
from bridge.relay.bot.talks import Talks
from bridge.relay.directory import Entry
from bridge.relay.notes import note_job
from bridge.store.engine import Unit
from bridge.store.queries import chats, talks
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import TalkRow
from bridge.typebot.bubbles import MISSED
from bridge.typebot.models import Answer

#: So much of a question is kept while it waits to be answered.
LONGEST_ASKED: Final = 4096
#: So much of a question, and of an answer, is kept for agents.
LONGEST_QUESTION: Final = 200
LONGEST_ANSWER: Final = 1000
MOST_ANSWERS: Final = 100
#: A reply of ours is due long after this: the last bubble says when.
_LATER: Final = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer with its script. `keeps`: what the person said is for the input that waits now."""

    answer: Answer
    script: Script
    keeps: bool = False


class Plans:
    def __init__(
        self,
        *,
        queue: Queue,
        talks: Talks,
        bubbles: Bubbles,
        events: BotEvents,
    ) -> None:
        self._queue = queue
        self._talks = talks
        self._bubbles = bubbles
        self._events = events

    def plan(  # noqa: PLR0917
        self, unit: Unit, entry: Entry, job: Job, ask: Ask, found: Answered, now: int
    ) -> None:
        """Store all that follows from an answer. What a human has overtaken is not said."""
        chat = chats.surviving(unit.db, ask.chat.id)
        if chat is None:
            return
        talk = self._talks.of(unit.db, chat)
        if not ask.is_awaited(talk):
            return
        is_wished = self._talks.wished(unit.db, chat) is not None
        follows = Next.END if is_wished else _follows(ask, found.script)
        answered = _remembered(talk, ask, found, follows)
        session = found.answer.session_id or talk.session_id
        after = replace(
            with_memory(talk, answered),
            session_id=session,
            result_id=found.answer.result_id or talk.result_id,
        )
        planned = Planned(
            epoch=ask.talk.state.epoch,
            bubbles=0,
            next=follows,
            has_session=session is not None and not answered.once,
        )
        if talk.state.epoch != planned.epoch:
            self._talks.signal(unit, entry, chat, planned, now, talk=after)
            return
        script = replace(found.script, plays=(*_aside(ask), *found.script.plays))
        if found.keeps or follows is not Next.WAIT:
            script = replace(script, prompt=None)
        laid = self._bubbles.plan(
            unit, entry, chat, after, script, settings=ask.settings, now=now, trace_id=job.trace_id
        )
        spoken = replace(
            answered,
            numbered=laid.numbered,
            has_spoken=answered.has_spoken or laid.bubbles > 0,
        )
        after = with_memory(after, spoken)
        if isinstance(ask.asking, Start) and planned.has_session:
            after = self._timed(unit, entry, chat, after, ask, now)
        self._keep(unit, entry, chat, job, ask, follows, now, kept=found.keeps, url=talk.url or "")
        if isinstance(ask.asking, Start):
            self._events.started(unit, entry, chat, after)
        self._tell_missed(unit, entry, chat, job, script, now)
        planned = replace(planned, bubbles=laid.bubbles)
        self._talks.signal(unit, entry, chat, planned, now, talk=after)

    def _tell_missed(  # noqa: PLR0917
        self, unit: Unit, entry: Entry, chat: ChatRow, job: Job, script: Script, now: int
    ) -> None:
        """Agents learn what the customer was not shown, in one note for the whole answer."""
        lost = [one for one in script.left_out if one[0] in MISSED]
        if not lost or entry.chatwoot is None:
            return
        note = note_job(
            entry,
            chat_id=chat.id,
            conversation_id=None,
            about=None,
            text=missed(entry.language, lost),
            now=now,
            trace_id=job.trace_id,
        )
        self._queue.add(unit, note)

    def _timed(  # noqa: PLR0917
        self, unit: Unit, entry: Entry, chat: ChatRow, talk: TalkRow, ask: Ask, now: int
    ) -> TalkRow:
        """Have the session end when nobody says anything for as long as its settings say."""
        if ask.settings.expire <= 0:
            return talk
        job = expiry_job(entry, chat.id, now=now, expire=ask.settings.expire)
        return replace(talk, timer_job=self._queue.add(unit, job))

    def _keep(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        chat: ChatRow,
        job: Job,
        ask: Ask,
        follows: Next,
        now: int,
        *,
        kept: bool,
        url: str,
    ) -> None:
        """Have what is not dealt with yet wait for the next turn, which the last bubble wakes."""
        heard = ask.heard if kept or isinstance(ask.asking, Due) else ()
        row = talks.pending(unit.db, chat.id)
        if follows is Next.REPLY:
            due = now + _LATER
        elif heard or row is not None:
            due = max(now, row.due_at) if row is not None else now
        else:
            return
        if heard or row is None or follows is Next.REPLY:
            pending.put(
                self._queue,
                unit,
                entry,
                chat,
                heard,
                url=url,
                now=now,
                due_at=due,
                ref=heard[0].id if heard else job.ref,
                trace_id=job.trace_id,
            )


def _remembered(talk: TalkRow, ask: Ask, found: Answered, follows: Next) -> Memory:
    memory, script, answer = memory_of(talk), found.script, found.answer
    replies = follows is Next.REPLY
    refused = _is_refused(memory, script)
    return replace(
        memory,
        asked=script.asked if follows is Next.WAIT else None,
        asked_back=False,
        readings=(),
        numbered=(),
        question=memory.question if refused else _question(script) or _before(memory, ask),
        shown=False,
        reply=script.reply if replies else None,
        call=script.call if replies else None,
        pause_ms=script.pause_ms if replies else 0,
        typing=answer.typing or memory.typing,
        messages=answer.system or memory.messages,
        answers=memory.answers if refused else _answers(memory, ask)[-MOST_ANSWERS:],
        ending=both(memory.ending, script.ending),
        asking=(),
        restarted=memory.restarted and found.keeps,
        wish=None,
        trying_since=None,
        wanted=False,
    )


def _follows(ask: Ask, script: Script) -> Next:
    """A flow that wants a person, or is only played, is over when it has spoken."""
    over = script.hand_off or memory_of(ask.talk).once
    return Next.END if over else script.next


def _aside(ask: Ask) -> tuple[Play, ...]:
    aside = ask.asking.aside if isinstance(ask.asking, Reply) else None
    return (Play(bubble=Line(block="aside", body=aside)),) if aside else ()


def _answers(memory: Memory, ask: Ask) -> tuple[tuple[str, str], ...]:
    """What the person answered, for agents: the question as it was asked, and the answer."""
    if not isinstance(ask.asking, Reply) or not ask.asking.shown:
        return memory.answers
    question = memory.question or _name(memory.asked)
    return (*memory.answers, (question[:LONGEST_QUESTION], ask.asking.shown[:LONGEST_ANSWER]))


def _is_refused(memory: Memory, script: Script) -> bool:
    """The flow asks the same again: the text of a retry has its input's id (typebot-api.md 2)."""
    input_id = _name(script.asked)
    again = bool(input_id) and input_id == _name(memory.asked)
    return again and any(play.bubble.block == input_id for play in script.plays)


def _before(memory: Memory, ask: Ask) -> str:
    """What was said before a step that the flow waited for us in belongs to what follows it."""
    return memory.question if isinstance(ask.asking, Due) else ""


def _question(script: Script) -> str:
    """What the person reads last before they answer."""
    lines = [one.bubble.body for one in script.plays if isinstance(one.bubble, Line)]
    offers = [one.body for one in script.prompt.offers if one.body] if script.prompt else []
    return next(iter((*reversed(lines), *offers)), "")[:LONGEST_ASKED]


def _name(asked: Mapping[str, Any] | None) -> str:
    return str((asked or {}).get("id") or "")
