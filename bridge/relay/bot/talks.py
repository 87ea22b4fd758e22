"""Every signal about who speaks in a chat goes through here, in the unit that keeps its event.

The pure machine is `core.handoff`; here is stored what it says, and what follows is done in the
same commit: bubbles that have not gone are cancelled, the turn that waits is woken or dropped, and
the transition is told (`typebot.change-status`).
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Final

from bridge.core.endings import both
from bridge.core.flow import Ending, Next, Status
from bridge.core.handoff import (
    AssigneeIs,
    BubbleGone,
    Effect,
    Expired,
    Facts,
    Handoff,
    HandOver,
    How,
    HumanSpoke,
    Phase,
    Planned,
    Policy,
    Signal,
    StatusIs,
    Step,
    Stopped,
    ended,
    hear,
    silenced_by,
    word,
)
from bridge.engine.queue import Queue
from bridge.relay import lanes
from bridge.relay.bot.flows import Shelf, policy_of
from bridge.relay.bot.follows import Follows
from bridge.relay.bot.memory import Memory, memory_of, with_memory
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.store.queries import talks
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import TalkRow

#: Kinds of jobs: asking Typebot, a bubble on its way, a session's end by silence, what becomes of
#: the conversation at the end.
TURN: Final = "bot_turn"
BUBBLE: Final = "bubble"
EXPIRY: Final = "bot_expiry"
ENDING: Final = "bot_ending"
#: By which rule a bubble or a turn ends that a signal has overtaken.
SILENCED: Final = "bot.silenced"
#: What people do at Chatwoot or with the phone of our own number.
_OF_HUMANS: Final = (HumanSpoke, AssigneeIs, StatusIs)
#: By which rule a session's timer ends with it.
SESSION_OVER: Final = "bot.session_over"


class Talks:
    """Every method is part of the caller's unit, or only reads."""

    def __init__(self, queue: Queue, shelf: Shelf, follows: Follows) -> None:
        self._queue = queue
        self._shelf = shelf
        self._follows = follows

    def of(self, db: sqlite3.Connection, chat: ChatRow) -> TalkRow:
        """The talk of a chat; a fresh one where none is stored yet."""
        found = talks.get(db, chat.id)
        return found or TalkRow(chat_id=chat.id, instance_id=chat.instance_id)

    def policy(self, db: sqlite3.Connection, entry: Entry, talk: TalkRow) -> Policy:
        flows = self._shelf.of(db, entry.id)
        return policy_of(entry, flows.merged(talk.bot_id))

    def silenced(
        self, db: sqlite3.Connection, entry: Entry, chat: ChatRow, talk: TalkRow, now: int
    ) -> str | None:
        """The rule by which the bot says nothing in this chat now; None: it may speak."""
        return silenced_by(talk.state, self.policy(db, entry, talk), facts(entry, chat, now), now)

    def signal(
        self,
        unit: Unit,
        entry: Entry,
        chat: ChatRow,
        signal: Signal,
        now: int,
        *,
        talk: TalkRow | None = None,
        why: str = "",
    ) -> TalkRow:
        """Keep what a signal makes of a chat, with all that follows; returns the talk as stored.

        What humans do is no news where no flow could speak.

        `talk`: as the caller changed it (its memory, say); None: as it is stored. `why`: a
        sentence about a failure. Where no flow ever ran and nothing changes, nothing is stored.
        """
        before = talk if talk is not None else self.of(unit.db, chat)
        if (
            isinstance(signal, _OF_HUMANS)
            and not before.created_at
            and not self.has_flow(unit.db, before)
        ):
            return before
        return self._hear(unit, entry, chat, signal, now, before, is_same=talk is None, why=why)

    def _hear(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        chat: ChatRow,
        signal: Signal,
        now: int,
        before: TalkRow,
        *,
        is_same: bool,
        why: str,
    ) -> TalkRow:
        """`is_same`: `before` is as it is stored."""
        if isinstance(signal, Planned):
            signal, before = self._wished(unit.db, chat, signal, before)
        policy = self._policy_for(unit.db, entry, before, signal)
        step = hear(before.state, signal, policy, now)
        over = self._over(before, signal, policy, step)
        state = step.state
        if over is not None:
            state = ended(state, over[1], policy, now, how=over[0])
        after = _asked(replace(before, state=state), signal, before)
        if Effect.SILENCE in step.effects:
            self._silence(unit, chat, now)
        if is_same and (
            after.state == before.state or (not before.created_at and _is_blank(after.state))
        ):
            return before
        told = after
        if Effect.FORGET in step.effects:
            after = self._forgotten(unit, after, now)
        talks.save(unit.db, after, now)
        if Effect.TURN in step.effects:
            self.wake(unit, chat.id, now + memory_of(told).pause_ms)
        if over is not None:
            self._follows.ended(unit, entry, chat, told, over[1], now, how=over[0])
        elif Effect.FAILED in step.effects:
            self._follows.failed(unit, entry, chat, told, why, now)
        elif policy.pending and _takes_over(signal, before, after):
            self._follows.taken(unit, entry, chat, after, now)
        is_over = Effect.FORGET in step.effects
        self._tell(unit, entry, chat, before, told, signal, now, is_over=is_over)
        return after

    def has_flow(self, db: sqlite3.Connection, talk: TalkRow) -> bool:
        """Whether it matters who has the word: a flow may speak there, or has begun to."""
        return talk.state.has_session or self._shelf.of(db, talk.instance_id).is_on

    def _policy_for(
        self, db: sqlite3.Connection, entry: Entry, talk: TalkRow, signal: Signal
    ) -> Policy:
        """Where no flow runs, what people do counts if it does for any that may begin."""
        policy = self.policy(db, entry, talk)
        if talk.state.is_live or talk.state.has_session or not isinstance(signal, _OF_HUMANS):
            return policy
        flows = self._shelf.of(db, talk.instance_id)
        found = [flows.merged(one.id) for one in flows.bots if one.bot.enabled]
        return replace(
            policy,
            hand_off=policy.hand_off or any(one.hand_off for one in found),
            stop_from_me=policy.stop_from_me or any(one.stop_bot_from_me for one in found),
        )

    def wished(self, db: sqlite3.Connection, chat: ChatRow) -> Ending | None:
        """How the flow wants to end as soon as Typebot has answered: no input is asked then."""
        stored = talks.get(db, chat.id)
        return None if stored is None else memory_of(stored).wish

    def _wished(
        self, db: sqlite3.Connection, chat: ChatRow, signal: Planned, talk: TalkRow
    ) -> tuple[Planned, TalkRow]:
        """What Typebot answered ends the flow where that was asked for while it was called."""
        wish = self.wished(db, chat)
        if wish is None:
            return signal, talk
        memory = memory_of(talk)
        ending = both(memory.ending, wish)
        told = with_memory(talk, replace(memory, wish=None, ending=ending))
        return replace(signal, next=Next.END), told

    def wake(self, unit: Unit, chat_id: int, due_at: int) -> None:
        """Let the turn that waits run at `due_at` (ms), if there is one."""
        row = talks.pending(unit.db, chat_id)
        if row is not None:
            self._queue.wake(unit, row.job_id, due_at=due_at)

    def _over(
        self, before: TalkRow, signal: Signal, policy: Policy, step: Step
    ) -> tuple[How, Ending] | None:
        """How a flow came to its end by this signal; None: it did not, or nobody need know.

        What the flow asked for counts before what its settings say. Agents get no conversation of
        somebody who answered nothing until the flow expired.
        """
        expired = isinstance(signal, Expired) and Effect.FORGET in step.effects
        if Effect.ENDED not in step.effects and not expired:
            return None
        memory = memory_of(before)
        usual = Ending() if memory.once else policy.on_end
        ending = both(usual, memory.ending) or usual
        if expired:
            return (How.EXPIRED, ending) if memory.answers else None
        by_flow = memory.ending is not None and memory.ending.status is Status.OPEN
        if by_flow or isinstance(signal, HandOver):
            return How.HANDED_OVER, replace(ending, status=Status.OPEN)
        return How.ENDED, ending

    def _forgotten(self, unit: Unit, talk: TalkRow, now: int) -> TalkRow:
        """The talk without its session: typing, variables and answers were told, and its timer."""
        if talk.timer_job is not None:
            self._queue.cancel(unit, talk.timer_job, rule=SESSION_OVER, now=now)
        return replace(with_memory(talk, Memory()), session_id=None, result_id=None, timer_job=None)

    def _silence(self, unit: Unit, chat: ChatRow, now: int) -> None:
        for job_id in talks.bubbles(unit.db, lanes.to_whatsapp(chat.id), BUBBLE):
            self._queue.cancel(unit, job_id, rule=SILENCED, now=now)
        row = talks.take_pending(unit.db, chat.id)
        if row is not None:
            self._queue.cancel(unit, row.job_id, rule=SILENCED, now=now)

    def tell_deleted(
        self, unit: Unit, entry: Entry, chat: ChatRow, talk: TalkRow, now: int
    ) -> None:
        """A session is gone with its flow, and somebody of ours keeps the word."""
        self._follows.changed(unit, entry, chat, talk, "delete", now)

    def _tell(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        chat: ChatRow,
        before: TalkRow,
        after: TalkRow,
        signal: Signal,
        now: int,
        *,
        is_over: bool,
    ) -> None:
        """A session that is over is told as such, also where people have the word from then on.

        Where they give it back and there is none, it is `opened` to flows all the same.
        """
        was, state = before.state, after.state
        over = "delete" if isinstance(signal, Stopped) and signal.delete else "closed"
        told: list[str] = []
        if is_over and (was.is_live or was.has_session):
            told.append(over)
        if word(was) != word(state):
            back = word(state) == "closed" and was.phase is Phase.PAUSED and not is_over
            status = "opened" if back else over if word(state) == "closed" else word(state)
            told.append(status)
        for status in dict.fromkeys(told):
            self._follows.changed(unit, entry, chat, after, status, now)


def _asked(talk: TalkRow, signal: Signal, before: TalkRow) -> TalkRow:
    """Once the last bubble has gone the question was put to the person."""
    counts = isinstance(signal, Planned | BubbleGone) and signal.epoch == before.state.epoch
    if not counts or talk.state.phase is not Phase.WAITING:
        return talk
    return with_memory(talk, replace(memory_of(talk), shown=True))


def _is_blank(state: Handoff) -> bool:
    """Nothing is known that a chat without a stored talk would not say as well."""
    return state.phase is Phase.IDLE and not state.human and not state.has_session


def facts(entry: Entry, chat: ChatRow, now: int) -> Facts:
    """What is known of the chat's conversation, and whether `pause bot` holds."""
    until = entry.instance.bots_paused_until
    return Facts(
        status=chat.status,
        paused=until is not None and (until == 0 or until > now),
    )


def _takes_over(signal: Signal, before: TalkRow, after: TalkRow) -> bool:
    """Whether an agent has just taken the word by writing."""
    said = isinstance(signal, HumanSpoke) and not signal.phone
    return said and after.state.phase is Phase.PAUSED and before.state.pause != after.state.pause
