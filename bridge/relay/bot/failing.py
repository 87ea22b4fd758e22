"""Typebot cannot be asked, or nobody knows what it did: what becomes of the turn and its flow.

What surely was not done is tried again for a while. Everything else ends the flow, and a human has
the word: a call that may have run is never made again, since it may answer the next question.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import structlog

from bridge.clock import Clock
from bridge.core.handoff import NotAsked, Stopped
from bridge.engine.accept import is_new
from bridge.engine.queue import Again, Dead, Delivered, Ignored, Job, Outcome
from bridge.errors import Certainty, PeerError
from bridge.locale import say
from bridge.relay.bot import reasons
from bridge.relay.bot.asking import Ask, Reply, Start
from bridge.relay.bot.bubbles import Bubbles
from bridge.relay.bot.calls import NoFile
from bridge.relay.bot.deciding import Deciding
from bridge.relay.bot.memory import memory_of, with_memory
from bridge.relay.bot.staying import Staying
from bridge.relay.bot.talks import Talks
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.store.queries import chats
from bridge.typebot.faults import FlowClosed

log = structlog.get_logger(__name__)

#: Waits (ms) between tries of a Typebot that cannot be reached double from the first to the last.
_FIRST_WAIT: Final = 1000
_LAST_WAIT: Final = 8000
#: So long (ms) after the last try another one has nothing to do with it.
_STALE: Final = 60_000
#: The text of a closed flow is said once in so long (ms) to one person.
_CLOSED_AGAIN: Final = 4 * 3_600_000


class Failing:
    """`patience` (ms): so long a Typebot is tried that cannot be reached."""

    def __init__(
        self,
        *,
        talks: Talks,
        bubbles: Bubbles,
        deciding: Deciding,
        staying: Staying,
        clock: Clock,
        patience: int,
    ) -> None:
        self._talks = talks
        self._bubbles = bubbles
        self._deciding = deciding
        self._staying = staying
        self._clock = clock
        self._patience = patience

    def try_again(self, entry: Entry, job: Job, ask: Ask, error: PeerError) -> Outcome:
        """Nothing was done: try again, for as long as the settings have patience."""
        now = self._clock.ms()
        since = memory_of(ask.talk).trying_since or now
        if not 0 <= now - since <= self._patience + _STALE:
            since = now  # that was about something else, or the clock was set back
        wait = min(max(_FIRST_WAIT, now - since), _LAST_WAIT)
        if error.retry_after is not None:
            wait = max(wait, round(error.retry_after * 1000))
        if now + wait - since > self._patience:
            return self.give_up(entry, ask, error)
        due = now + wait
        return Again(
            due_at=due,
            why="Typebot cannot be reached",
            write=lambda unit: self._put_off(unit, entry, job, ask, since, due),
        )

    def _put_off(  # noqa: PLR0917
        self, unit: Unit, entry: Entry, job: Job, ask: Ask, since: int, due: int
    ) -> None:
        chat = chats.surviving(unit.db, ask.chat.id)
        if chat is None:
            return
        talk = self._talks.of(unit.db, chat)
        if not ask.is_awaited(talk):
            return
        starts = isinstance(ask.asking, Start)
        memory = memory_of(talk)
        # What triggers a flow was decided: a new session for an old one, the API's wish.
        wanted = starts and (memory.wanted or memory.restarted)
        memory = replace(memory, trying_since=since, asking=(), wanted=wanted)
        overtaken = talk.state.epoch != ask.talk.state.epoch
        talk = self._talks.signal(
            unit, entry, chat, NotAsked(), self._clock.ms(), talk=with_memory(talk, memory)
        )
        if overtaken:
            return
        bot_id = talk.bot_id if starts and not wanted else None
        self._deciding.put_back(unit, entry, chat, talk, ask.heard, due, bot_id=bot_id, job=job)

    def give_up(self, entry: Entry, ask: Ask, error: PeerError) -> Outcome:
        """The flow cannot go on: a human has the word, and is told why."""
        if memory_of(ask.talk).wanted and not ask.heard and _is_certain(error):
            return self._not_begun(entry, ask, error)
        why = reasons.why(entry.language, error)
        text = ask.settings.error_message
        once = None
        if isinstance(error, FlowClosed):
            text = error.notice.strip() or text
            window = self._clock.ms() // _CLOSED_AGAIN
            once = f"bot-closed:{entry.id}:{ask.chat.id}:{window}"
        log.warning(
            "turn.failed",
            chat=ask.chat.id,
            cause=error.cause,
            certain=_is_certain(error),
        )

        def write(unit: Unit) -> None:
            now = self._clock.ms()
            is_first = once is None or not text or is_new(unit, once, now)
            self.fail(unit, entry, ask.chat.id, why, text=text if is_first else None, ask=ask)

        return Dead(cause=error.cause, reason=str(error), write=write)

    def _not_begun(self, entry: Entry, ask: Ask, error: PeerError) -> Outcome:
        """A flow that the API wanted: it is told why (`starts`), and nobody else."""

        def write(unit: Unit) -> None:
            chat = chats.surviving(unit.db, ask.chat.id)
            if chat is None:
                return
            now = self._clock.ms()
            talk = self._talks.signal(unit, entry, chat, NotAsked(), now)
            if talk.state.epoch == ask.talk.state.epoch:
                self._talks.signal(unit, entry, chat, Stopped(delete=True), now)

        return Ignored(rule=error.cause, reason=str(error), write=write)

    def fail(
        self,
        unit: Unit,
        entry: Entry,
        chat_id: int,
        why: str,
        *,
        text: str | None = None,
        ask: Ask | None = None,
    ) -> None:
        chat = chats.surviving(unit.db, chat_id)
        if chat is None:
            return
        talk, now = self._talks.of(unit.db, chat), self._clock.ms()
        if ask is not None and not ask.is_awaited(talk):
            return
        overtaken = ask is not None and talk.state.epoch != ask.talk.state.epoch
        is_heard = talk.state.is_live and not overtaken
        after = self._deciding.fail(unit, entry, chat, talk, why, now)
        if is_heard and text and text.strip():
            self._bubbles.farewell(unit, entry, chat, after, text.strip(), now=now)

    def without_file(self, entry: Entry, job: Job, ask: Ask, error: NoFile) -> Outcome:
        """Typebot was not asked: the person is told that their file did not arrive."""
        job.steps.append((self._clock.ms(), "left_out", f"{error.cause}: {error}"))
        assert isinstance(ask.asking, Reply)  # noqa: S101  (only replies have files)

        def write(unit: Unit) -> None:
            chat = chats.surviving(unit.db, ask.chat.id)
            if chat is None:
                return
            now = self._clock.ms()
            talk = self._talks.signal(unit, entry, chat, NotAsked(), now)
            if talk.state.epoch != ask.talk.state.epoch:
                return
            text = say(entry.language, "flow.file_lost")
            self._staying.say(unit, entry, chat, talk, text, ask.settings, job, now)

        return Delivered(write=write)


def _is_certain(error: PeerError) -> bool:
    """Whether Typebot surely did nothing."""
    return error.certainty is Certainty.NOT_DONE
