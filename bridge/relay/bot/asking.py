"""What a turn knows, and what it asks Typebot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, TypeAlias

from bridge.clock import timezone, utc
from bridge.core.flow import FileRef, HttpCall, Say
from bridge.core.typebot import BotSettings
from bridge.engine.queue import Job, Outcome
from bridge.relay.bot.flows import Flows
from bridge.relay.bot.memory import Heard, Memory
from bridge.relay.directory import Entry
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import PendingRow, TalkRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A new session. `say` is heard by a flow that asks before it says anything (1.2)."""

    say: Say | None = None
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer of the person. `files` are given an address first (`Understood.upload`)."""

    say: Say
    shown: str = ""
    files: tuple[FileRef, ...] = ()
    as_answer: bool = False
    #: Told to the person, whatever the flow answers.
    aside: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What the flow waits for from us: an answer, or the result of a request."""

    say: Say
    call: HttpCall | None = None


Asking: TypeAlias = Start | Reply | Due


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A call that is stored as begun. `talk` is as it was stored then: its epoch is the call's.

    `heard` is what the person said: what the call is about, or what waits for the turn behind it.
    """

    asking: Asking
    chat: ChatRow
    talk: TalkRow
    settings: BotSettings
    heard: tuple[Heard, ...]
    zone: tzinfo

    def is_awaited(self, talk: TalkRow) -> bool:
        """Whether a talk still waits for this call: else it was ended, and begins anew perhaps."""
        return talk.state.asking == self.talk.state.asking

    def local(self, now: int) -> datetime:
        """The person's time."""
        return utc(now).astimezone(self.zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the database says when a turn begins."""

    entry: Entry
    chat: ChatRow
    talk: TalkRow
    memory: Memory
    heard: tuple[Heard, ...]
    row: PendingRow
    job: Job
    flows: Flows
    now: int

    @property
    def settings(self) -> BotSettings:
        return self.flows.merged(self.talk.bot_id)

    def is_late(self, newest: int) -> bool:
        """Whether an outage lies between what was said and now; bubbles and waits are none."""
        due = max(self.row.due_at, self.talk.state.touched_at)
        at = max((one.at for one in self.heard), default=self.now)
        return self.now - max(due, at) > newest


#: A call that is stored as begun, or how the turn ended without one.
Decided: TypeAlias = Ask | Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What of the settings turns go by. `newest` in ms."""

    newest: int
    timezone: str
    country: str


def zone_of(entry: Entry, usual: str) -> tzinfo:
    """The time zone of the inbox, else that of the settings; it may read a file."""
    told = entry.inbox.told.get("timezone") if entry.inbox is not None else None
    return timezone(told if isinstance(told, str) and told else usual)
