"""A person writes: is it for a flow? Decided in the unit that keeps the message.

What is for a flow goes into the chat's one pending row, and a job of its own asks Typebot later
(`turn`): a burst is one turn, and what comes while bubbles go out waits for the next.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from time import thread_time
from typing import Final

import structlog

from bridge.clock import to_ms
from bridge.core.handoff import CustomerSpoke, Phase, Stopped, may_start
from bridge.core.ignoring import ignoring_rule
from bridge.core.message import Received, SentByPhone
from bridge.core.trigger import finishes, select
from bridge.core.typebot import BotSettings
from bridge.engine.queue import Queue
from bridge.relay.bot.bubbles import Bubbles
from bridge.relay.bot.flows import Flows, Shelf, policy_of
from bridge.relay.bot.memory import HEARD, Heard, memory_of
from bridge.relay.bot.pending import is_kept_back, stored, turn_job
from bridge.relay.bot.talks import Talks
from bridge.relay.bot.utterances import words_of
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.store.queries import chats, talks
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import PendingRow, TalkRow

log = structlog.get_logger(__name__)

#: Nothing of the instance could deal with it.
NO_FLOW: Final = "bot.none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Times in ms: a message may be so old; a burst is answered at the latest after so long."""

    newest: int
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _For:
    """Whom a message is for: the flow that runs (no `bot_id`), or one that it starts."""

    settings: BotSettings
    bot_id: str | None = None
    url: str = ""


class Hearing:
    """Every method is part of the caller's unit."""

    def __init__(
        self, *, queue: Queue, shelf: Shelf, talks: Talks, bubbles: Bubbles, patience: Patience
    ) -> None:
        self._queue = queue
        self._shelf = shelf
        self._talks = talks
        self._bubbles = bubbles
        self._patience = patience

    def accept(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        event: Received | SentByPhone,
        chat_id: int,
        now: int,
        trace_id: str | None,
    ) -> str | None:
        """Keep a message for the flow that it is for; gives the rule by which it is for none.

        What somebody wrote with the phone of our own number counts only where a flow listens to
        it (`listeningFromMe`, without hand-off); the caller has made sure that it is no echo.
        """
        flows = self._shelf.of(unit.db, entry.id)
        if not flows.bots and talks.get(unit.db, chat_id) is None:
            return NO_FLOW
        chat = chats.surviving(unit.db, chat_id)
        if chat is None:
            return "chat.gone"
        talk = self._talks.of(unit.db, chat)
        heard = Heard(
            id=event.id,
            at=to_ms(event.at),
            content=event.content,
            referral=event.referral if isinstance(event, Received) else None,
        )
        rule = self._heard(unit, entry, chat, talk, flows, heard, event, now, trace_id)
        if rule is not None:
            log.debug("turn.not_begun", rule=rule, chat=chat.id)
        return rule

    def _heard(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        chat: ChatRow,
        talk: TalkRow,
        flows: Flows,
        heard: Heard,
        event: Received | SentByPhone,
        now: int,
        trace_id: str | None,
    ) -> str | None:
        if now - heard.at > self._patience.newest:
            return "bot.too_old"
        by_phone = isinstance(event, SentByPhone)
        found = self._whose(unit.db, entry, chat, talk, flows, heard, now, by_phone=by_phone)
        if isinstance(found, str):
            return found
        words = words_of([heard])
        if found.bot_id is None and finishes(words, found.settings.keyword_finish):
            self._finish(unit, entry, chat, found.settings, now)
            return None
        self._talks.signal(unit, entry, chat, CustomerSpoke(), now)
        self._keep(unit, entry, chat, talk, found, heard, now, trace_id)
        return None

    def _whose(  # noqa: PLR0917
        self,
        db: sqlite3.Connection,
        entry: Entry,
        chat: ChatRow,
        talk: TalkRow,
        flows: Flows,
        heard: Heard,
        now: int,
        *,
        by_phone: bool,
    ) -> _For | str:
        """The flow that a message is for, or the rule by which it is for none."""
        waiting = talks.pending(db, chat.id)
        if has_flow(talk) or (waiting is not None and waiting.bot_id is None):
            bot_id = talk.bot_id
            silent = self._talks.silenced(db, entry, chat, talk, now)
        elif waiting is not None:
            bot_id = waiting.bot_id
            silent = self._talks.silenced(db, entry, chat, replace(talk, bot_id=bot_id), now)
        else:
            return self._started(db, entry, chat, talk, flows, heard, now, by_phone=by_phone)
        settings = flows.merged(bot_id)
        rule = silent or left_alone(chat, settings, by_phone=by_phone)
        if rule is not None:
            return rule
        if has_flow(talk):
            return _For(settings=settings, url=talk.url or "")
        found = flows.one(bot_id)
        return _For(settings=settings, bot_id=bot_id, url=found.bot.url if found else "")

    def _started(  # noqa: PLR0917
        self,
        db: sqlite3.Connection,
        entry: Entry,
        chat: ChatRow,
        talk: TalkRow,
        flows: Flows,
        heard: Heard,
        now: int,
        *,
        by_phone: bool,
    ) -> _For | str:
        """The flow that a message starts."""
        rules = {
            one.id: left_alone(chat, flows.merged(one.id), by_phone=by_phone) for one in flows.bots
        }
        free = [one for one in flows.bots if rules[one.id] is None]
        if not free:
            return next((rule for rule in rules.values() if rule), NO_FLOW)
        found = select(words_of([heard]), free, flows.settings, timer=thread_time)
        if found is None:
            return "bot.no_trigger"
        settings = flows.merged(found.id)
        policy = policy_of(entry, settings)
        silent = self._talks.silenced(db, entry, chat, replace(talk, bot_id=found.id), now)
        rule = silent or may_start(talk.state, policy, now)
        return rule or _For(settings=settings, bot_id=found.id, url=found.bot.url)

    def _keep(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        chat: ChatRow,
        talk: TalkRow,
        found: _For,
        heard: Heard,
        now: int,
        trace_id: str | None,
    ) -> None:
        due = now + min(max(found.settings.debounce_time, 0) * 1000, self._patience.burst)
        row = talks.pending(unit.db, chat.id)
        if row is None:
            job = turn_job(
                entry, chat.id, url=found.url, now=now, due_at=due, ref=heard.id, trace_id=trace_id
            )
            row = PendingRow(
                chat_id=chat.id,
                instance_id=entry.id,
                heard=HEARD.dump_json((heard,)).decode(),
                first_at=now,
                due_at=due,
                job_id=self._queue.add(unit, job),
                bot_id=found.bot_id,
            )
            talks.keep_pending(unit.db, row)
            return
        before = HEARD.validate_json(row.heard)
        first = row.first_at if before else now
        due = min(due, max(first + self._patience.burst, now))
        if memory_of(talk).trying_since is not None:
            due = max(due, row.due_at)  # Typebot is not asked more often for it
        kept = replace(
            row,
            heard=stored((*before, heard)),
            first_at=first,
            due_at=due,
        )
        talks.keep_pending(unit.db, kept)
        if not is_kept_back(talk):
            self._queue.wake(unit, row.job_id, due_at=due)

    def _finish(
        self, unit: Unit, entry: Entry, chat: ChatRow, settings: BotSettings, now: int
    ) -> None:
        """The person has said the word that ends the flow."""
        talk = self._talks.signal(unit, entry, chat, Stopped(), now)
        if settings.goodbye.strip():
            self._bubbles.farewell(unit, entry, chat, talk, settings.goodbye, now=now)
        log.info("talk.finished", chat=chat.id)


def has_flow(talk: TalkRow) -> bool:
    """Whether a flow runs in a chat, or is kept there for when it has the word again."""
    return talk.state.is_live or (talk.state.phase is Phase.PAUSED and talk.state.has_session)


def left_alone(chat: ChatRow, settings: BotSettings, *, by_phone: bool = False) -> str | None:
    """The rule by which a flow has nothing to do with a chat, or with who wrote in it."""
    if by_phone and (settings.hand_off or not settings.listening_from_me):
        return "bot.own_message"
    if chat.party.group and not settings.groups:
        return "bot.group"
    rule = ignoring_rule(chat.party, groups_ignore=False, ignored=settings.ignore_jids)
    return f"bot.{rule}" if rule else None
