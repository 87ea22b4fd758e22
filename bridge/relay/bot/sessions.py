"""Sessions of flows as the API sees and changes them (evolution-instance-typebot.md 5.1, 5.3).

Whom a call is about is told by an address, or by the key of a flow, which is good for one chat
(`flow_keys`). Nothing here waits for a turn: what is asked for while Typebot is being called counts
from this commit on, or is kept until that call has returned.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias, TypeVar

import orjson

from bridge.clock import Clock
from bridge.core.flow import Ending, Next, Say, Status
from bridge.core.handoff import (
    HandOver,
    PauseAsked,
    Phase,
    Planned,
    Resumed,
    Signal,
    Stopped,
    may_start,
)
from bridge.core.identity import identifier, keys, person_of
from bridge.core.party import Party
from bridge.engine.queue import Queue
from bridge.errors import Conflict, Invalid, NotFound
from bridge.relay.bot import pending
from bridge.relay.bot.memory import memory_of, with_memory
from bridge.relay.bot.talks import Talks
from bridge.relay.directory import Entry, gone
from bridge.relay.people import place_told
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, claims, people_keys, talks
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import TalkRow

T = TypeVar("T")
Change: TypeAlias = Literal["opened", "paused", "closed", "delete"]
Action: TypeAlias = Literal["handoff", "resolve", "pending"]
#: Whom a call is about: a person or group, or a chat that a key names.
Where: TypeAlias = Party | int

#: Sessions that are shown at most, newest first.
MOST: Final = 1000
NO_ADDRESS: Final = (
    "remoteJid is no address of WhatsApp: write a number with its country code, or a JID."
)
_LONGEST: Final = 255
_TYPED: Final = re.compile(r"\+?[0-9 ().-]{5,40}")
#: By which rule a flow is silent that a program has paused.
_OURS: Final = "bot.api"
_STATUS: Final = {"handoff": Status.OPEN, "resolve": Status.RESOLVED, "pending": Status.PENDING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A session that there is, or was and still counts."""

    chat: ChatRow
    talk: TalkRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """`count`: sessions that there are now (0 or 1).

    `silenced`: the rule by which the flow says nothing all the same, where it was given the word.
    """

    jid: str | None
    count: int
    silenced: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to become of a conversation now; `team` and `agent` are names or ids."""

    action: Action = "handoff"
    team: str | None = None
    agent: str | None = None
    labels: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    note: str | None = None

    def ending(self) -> Ending:
        return Ending(
            status=_STATUS[self.action],
            team=self.team,
            agent=self.agent,
            labels=self.labels,
            attributes=self.attributes,
            note=self.note,
        )


class BotSessions:
    def __init__(self, *, store: Store, clock: Clock, queue: Queue, talks: Talks) -> None:
        self._store = store
        self._clock = clock
        self._queue = queue
        self._talks = talks

    async def all(self, entry: Entry, bot_id: str | None = None) -> list[Held]:
        """The sessions of an instance, or of one of its flows."""
        now = self._clock.ms()

        def work(db: sqlite3.Connection) -> list[Held]:
            shown: list[Held] = []
            for talk in talks.of_instance(db, entry.id, bot_id=bot_id, limit=MOST):
                chat = chats.get(db, talk.chat_id)
                if chat is not None and self._counts(db, entry, talk, now):
                    shown.append(Held(chat=chat, talk=talk))
            return shown

        return await self._store.read(work)

    async def change(self, entry: Entry, where: Where, status: Change) -> Changed:
        """Give the word back, take it, or end a session; doing it again changes nothing.

        Whom nobody has heard of yet can be paused as well: an agent writes first. A flow's own key
        changes nothing where people have the word: no flow takes it from them.
        """

        def work(unit: Unit) -> Changed:
            chat = _found(unit.db, entry, where)
            now = self._clock.ms()
            if chat is None and status == "paused":
                chat = placed(unit, entry, where, now)
            if chat is None:
                jid = identifier(where) if isinstance(where, Party) else None
                return Changed(jid=jid, count=0)
            talk = self._talks.of(unit.db, chat)
            silenced = self._talks.silenced(unit.db, entry, chat, talk, now)
            is_theirs = isinstance(where, int) and silenced not in {None, _OURS}
            if not is_theirs:
                talk = self._talks.signal(unit, entry, chat, _signal(status), now)
                silenced = self._talks.silenced(unit.db, entry, chat, talk, now)
            return Changed(
                jid=identifier(chat.party),
                count=int(self._counts(unit.db, entry, talk, now)),
                silenced=silenced if status == "opened" or is_theirs else None,
            )

        return await self._write(entry, work)

    async def hand_over(self, entry: Entry, where: Where, wanted: Wanted) -> str | None:
        """End the flow of a chat as it is wanted; gives the chat's address.

        While Typebot is called, which the flow's own request always is, it is kept until that call
        has returned: what the flow said until then goes out first. Raises `NotFound`, and
        `Conflict` where no flow runs that could be ended.
        """

        def work(unit: Unit) -> str | None:
            chat = known(unit.db, entry, where)
            now = self._clock.ms()
            talk = self._talks.of(unit.db, chat)
            state, memory = talk.state, memory_of(talk)
            if state.asking is not None and state.is_live:
                kept = with_memory(talk, replace(memory, wish=wanted.ending()))
                talks.save(unit.db, kept, now)
                return identifier(chat.party)
            if wanted.action != "handoff" and not state.is_live:
                raise Conflict("No flow runs in this chat.", code="typebot.no_session")
            ending = with_memory(talk, replace(memory, ending=wanted.ending()))
            over: Planned | HandOver = HandOver()
            if state.is_live:
                over = Planned(epoch=state.epoch, bubbles=state.left, next=Next.END)
            self._talks.signal(unit, entry, chat, over, now, talk=ending)
            return identifier(chat.party)

        return await self._write(entry, work)

    async def resume(self, entry: Entry, where: Where, data: Any) -> str | None:
        """Tell the flow the event that its Webhook block waits for; gives the chat's address.

        Raises `NotFound`, and `Conflict` where the flow does not wait for one (yet).
        """

        def work(unit: Unit) -> str | None:
            chat = known(unit.db, entry, where)
            now = self._clock.ms()
            talk = self._talks.of(unit.db, chat)
            state = talk.state
            listens = state.is_live and state.has_session and state.next is Next.LISTEN
            if not listens or state.asking is not None:
                raise Conflict(
                    "The flow of this chat does not wait for an event now; send it again once it "
                    "has come to its Webhook block.",
                    code="typebot.not_listening",
                )
            told = Say(text=orjson.dumps({"data": data}).decode())
            memory = replace(memory_of(talk), reply=told, call=None, pause_ms=0, rounds=0)
            ready = with_memory(talk, memory)
            ready = replace(ready, state=replace(state, next=Next.REPLY))
            talks.save(unit.db, ready, now)
            url = talk.url or ""
            pending.put(self._queue, unit, entry, chat, (), url=url, now=now, due_at=now)
            return identifier(chat.party)

        return await self._write(entry, work)

    async def is_chat(self, entry: Entry, chat_id: int, party: Party) -> bool:
        """Whether somebody is whom a chat is with."""

        def work(db: sqlite3.Connection) -> bool:
            chat, other = _found(db, entry, chat_id), _found(db, entry, party)
            return chat is not None and other is not None and chat.id == other.id

        return await self._store.read(work)

    def _counts(self, db: sqlite3.Connection, entry: Entry, talk: TalkRow, now: int) -> bool:
        """Whether a session is shown: it runs, is paused, or its end keeps others from starting."""
        if talk.state.phase is Phase.ENDED:
            return may_start(talk.state, self._talks.policy(db, entry, talk), now) is not None
        return talk.state.phase is not Phase.IDLE

    async def _write(self, entry: Entry, work: Callable[[Unit], T]) -> T:
        """Raises `NotFound` for an instance that was deleted meanwhile."""

        def checked(unit: Unit) -> T:
            if not claims.exists(unit.db, entry.id):
                raise gone(entry.instance.name)
            return work(unit)

        return await self._store.write(checked, durable=True)


def _signal(status: Change) -> Signal:
    match status:
        case "opened":
            return Resumed()
        case "paused":
            return PauseAsked()
        case "closed" | "delete":
            return Stopped(delete=status == "delete")


def party_of(address: str) -> Party:
    """Whom an address of the API names: a JID, a number, a LID, a group. Raises `Invalid`."""
    text = address.strip()
    named = Party()
    if 0 < len(text) <= _LONGEST:
        if _TYPED.fullmatch(text):
            named = Party(wa_id=re.sub(r"[^0-9]", "", text))
        else:
            named = person_of(None, text)
    if not keys(named):
        raise Invalid(NO_ADDRESS, code="typebot.address")
    return named


def known(db: sqlite3.Connection, entry: Entry, where: Where) -> ChatRow:
    """The chat of somebody. Raises `NotFound` when there is none."""
    chat = _found(db, entry, where)
    if chat is None:
        raise NotFound("Nobody with this address has a chat here.", code="typebot.no_chat")
    return chat


def placed(unit: Unit, entry: Entry, where: Where, now: int) -> ChatRow | None:
    """The chat of somebody, made where nobody has heard of them yet."""
    found = _found(unit.db, entry, where)
    if found is not None or not isinstance(where, Party):
        return found
    made = place_told(unit.db, entry, where, evidence="api", now=now)
    return None if made is None else chats.get(unit.db, made.chat_id)


def _found(db: sqlite3.Connection, entry: Entry, where: Where) -> ChatRow | None:
    if isinstance(where, int):
        chat = chats.surviving(db, where)
        return chat if chat is not None and chat.instance_id == entry.id else None
    persons = people_keys.persons(db, entry.scope, keys(where))
    for key in keys(where):
        chat = chats.of_person(db, entry.id, persons[key]) if key in persons else None
        if chat is not None:
            return chats.surviving(db, chat.id)
    return None
