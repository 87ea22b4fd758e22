"""A turn stores that it asks: for a new session, or an answer in the one that runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import thread_time
from typing import Final

from bridge.clock import Clock
from bridge.core.flow import Next, Say
from bridge.core.handoff import Asked, Planned, may_start
from bridge.core.trigger import select
from bridge.engine.queue import Ignored
from bridge.relay.bot.asking import Ask, Asking, Decided, Start, Terms, Turn, zone_of
from bridge.relay.bot.flows import policy_of
from bridge.relay.bot.hearing import left_alone
from bridge.relay.bot.memory import Memory, memory_of, with_memory
from bridge.relay.bot.talks import Talks
from bridge.relay.bot.utterances import words_of
from bridge.relay.bot.variables import Surroundings, prefilled
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.store.queries import chats
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import TalkRow

#: Nothing was to be done: another run, or a human, has dealt with it.
DEALT_WITH: Final = "bot.dealt_with"


class Starting:
    """Every method is part of the caller's unit. `around` tells what is known beside the chat."""

    def __init__(
        self,
        *,
        talks: Talks,
        clock: Clock,
        around: Callable[[Entry, ChatRow], Surroundings],
        terms: Terms,
    ) -> None:
        self._talks = talks
        self._clock = clock
        self._around = around
        self._terms = terms

    def start(self, unit: Unit, turn: Turn) -> Decided:
        """Begin the flow that was triggered, or that somebody wants started."""
        talk, memory = turn.talk, turn.memory
        wanted = memory.wanted and turn.row.bot_id is None
        if not wanted:
            found = self._triggered(turn)
            if isinstance(found, str):
                return Ignored(rule=found)
            talk = found
        silent = self._talks.silenced(unit.db, turn.entry, turn.chat, talk, turn.now)
        if silent is not None:
            return Ignored(rule=silent)
        settings = turn.flows.merged(talk.bot_id)
        if not wanted and turn.is_late(self._terms.newest):
            return Ignored(rule="bot.too_old")
        variables = prefilled(
            turn.entry,
            turn.chat,
            turn.heard,
            given=memory.variables if wanted else {},
            around=self._around(turn.entry, turn.chat),
        )
        words = words_of(turn.heard)
        official = settings.first_message == "official" and not memory.restarted
        fresh = Memory(
            variables=variables,
            wanted=wanted,
            once=wanted and memory.once,
            restarted=wanted and memory.restarted,
            trying_since=memory.trying_since,
            rounds=1,
            asking=turn.heard,
        )
        asking = Start(say=Say(text=words) if official and words else None, variables=variables)
        begun = replace(talk, session_id=None, result_id=None, timer_job=None)
        return self.ask(unit, turn, begun, asking, fresh)

    def _triggered(self, turn: Turn) -> TalkRow | str:
        """The talk with the flow that was, or is, triggered; else why none is."""
        entry, chat, flows = turn.entry, turn.chat, turn.flows
        found = flows.one(turn.row.bot_id)
        if found is None and turn.row.bot_id is None:
            free = [one for one in flows.bots if left_alone(chat, flows.merged(one.id)) is None]
            found = select(words_of(turn.heard), free, flows.settings, timer=thread_time)
        if found is None:
            return "bot.deleted" if turn.row.bot_id else "bot.no_trigger"
        rule = may_start(turn.talk.state, policy_of(entry, flows.merged(found.id)), turn.now)
        if rule is not None:
            return rule
        return replace(turn.talk, bot_id=found.id, url=found.bot.url, typebot=found.bot.typebot)

    def again(self, unit: Unit, entry: Entry, ask: Ask) -> Decided:
        """The session was gone: begin a new one, once, for the same text; it is not lost."""
        now = self._clock.ms()
        chat = chats.surviving(unit.db, ask.chat.id)
        if chat is None:
            return Ignored(rule="chat.gone")
        talk = self._talks.of(unit.db, chat)
        if not ask.is_awaited(talk):
            return Ignored(rule=DEALT_WITH)
        if talk.state.epoch != ask.talk.state.epoch:
            gone = Planned(epoch=ask.talk.state.epoch, bubbles=0, next=Next.END, has_session=False)
            self._talks.signal(unit, entry, chat, gone, now)
            return Ignored(rule=DEALT_WITH)
        memory = memory_of(talk)
        variables = prefilled(
            entry, chat, ask.heard, given=memory.variables, around=self._around(entry, chat)
        )
        fresh = Memory(
            variables=variables, rounds=memory.rounds + 1, restarted=True, asking=ask.heard
        )
        state = replace(talk.state, has_session=False)
        begun = with_memory(replace(talk, state=state, session_id=None, result_id=None), fresh)
        talk = self._talks.signal(unit, entry, chat, Asked(starts=True), now, talk=begun)
        return replace(ask, asking=Start(variables=variables), chat=chat, talk=talk)

    def ask(self, unit: Unit, turn: Turn, talk: TalkRow, asking: Asking, memory: Memory) -> Ask:
        """Store that the call begins: from here on it may have been made."""
        asked = Asked(starts=isinstance(asking, Start))
        stored = self._talks.signal(
            unit, turn.entry, turn.chat, asked, turn.now, talk=with_memory(talk, memory)
        )
        return Ask(
            asking=asking,
            chat=turn.chat,
            talk=stored,
            settings=turn.flows.merged(talk.bot_id),
            heard=turn.heard,
            zone=zone_of(turn.entry, self._terms.timezone),
        )
