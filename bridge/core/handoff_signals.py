"""What may change who has the word in a chat, and what follows from it: data of `core.handoff`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from bridge.core.flow import Next
from bridge.core.handoff_state import Handoff


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerSpoke:
    """The person wrote something that a turn will deal with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanSpoke:
    """An agent wrote in Chatwoot, or somebody with the phone of our own number."""

    phone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AssigneeIs:
    """`automatic`: Chatwoot assigned it by itself."""

    assigned: bool
    automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusIs:
    """The conversation has another status: open, pending, resolved or snoozed."""

    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseAsked:
    """Somebody wants the bot silent in this chat (the API)."""

    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """Somebody wants the bot to have the word again in this chat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hushed:
    """All bots of the instance are paused: what is planned is not said, sessions stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call to Typebot begins. `starts`: for a new session."""

    starts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAsked:
    """The call certainly did nothing: it may be made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Typebot answered: so many bubbles are on their way, and `next` follows them.

    `epoch` is that of the moment when it was asked.
    """

    epoch: int
    bubbles: int
    next: Next
    has_session: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BubbleGone:
    """A bubble of `epoch` went out, or was skipped."""

    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """Nobody has said anything for as long as the bot waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The person said the word that ends the flow, or the API closed it.

    `delete`: as if it had never been (a new one may start at once, whatever the policy).
    """

    delete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """A human is wanted now: by the flow over HTTP, by the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The flow cannot go on: Typebot is down, slow, or nobody knows what it did."""


Signal: TypeAlias = (
    CustomerSpoke
    | HumanSpoke
    | AssigneeIs
    | StatusIs
    | PauseAsked
    | Resumed
    | Hushed
    | Asked
    | NotAsked
    | Planned
    | BubbleGone
    | Expired
    | Stopped
    | HandOver
    | Failed
)


class Effect(StrEnum):
    """What follows from a signal, beside the new state."""

    #: Bubbles that have not gone, and what a turn was to deal with, end as ignored.
    SILENCE = "silence"
    #: Typebot's session is forgotten.
    FORGET = "forget"
    #: The waiting turn may run now.
    TURN = "turn"
    #: The flow is over and has said everything: the conversation gets its ending.
    ENDED = "ended"
    #: The conversation goes to a human because something failed.
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    state: Handoff
    effects: frozenset[Effect] = frozenset()
