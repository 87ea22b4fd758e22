"""Who has the word in a chat, and what the hand-off goes by: data of `core.handoff`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bridge.core.flow import Ending, Next, Status


class Phase(StrEnum):
    #: No flow runs; one may start.
    IDLE = "idle"
    #: Typebot is asked for a new session.
    STARTING = "starting"
    #: The flow waits for the person, or for an event (`Handoff.next` says which).
    WAITING = "waiting"
    #: Typebot is asked, or what it said is going out.
    SENDING = "sending"
    #: A human has the word: nothing is said, nothing starts. `Handoff.pause` says why.
    PAUSED = "paused"
    #: The flow is over; whether another may start says the bot's policy.
    ENDED = "ended"


class Reason(StrEnum):
    """Why a bot is silent. The value follows ``bot.`` in the rule that agents and `why` show."""

    AGENT = "agent_wrote"
    PHONE = "phone_wrote"
    ASSIGNED = "assigned"
    OPENED = "opened"
    API = "api"
    HANDED_OVER = "handed_over"
    FAILED = "failed"


class How(StrEnum):
    """How a flow came to its end."""

    #: It has said all that it had to say.
    ENDED = "ended"
    #: It wanted a human, or somebody else did for it.
    HANDED_OVER = "handed_over"
    #: Nobody said anything for too long.
    EXPIRED = "expired"
    FAILED = "failed"
    #: An agent answered instead.
    TAKEN = "taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """`since` and `until` in ms; no `until`: until somebody gives the word back."""

    reason: Reason
    since: int
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """The state of one chat. Times in ms."""

    phase: Phase = Phase.IDLE
    epoch: int = 0
    pause: Pause | None = None
    #: A session of Typebot is kept, also while the bot is paused.
    has_session: bool = False
    #: What follows when the last bubble has gone, or is waited for.
    next: Next = Next.END
    #: Bubbles of this epoch that have not gone yet.
    left: int = 0
    #: A person of ours took part in the conversation since the bot had the word.
    human: bool = False
    #: Set while a call to Typebot is under way whose outcome is not stored yet: since when.
    asking: int | None = None
    ended_at: int | None = None
    #: Last activity in either direction.
    touched_at: int = 0

    @property
    def is_live(self) -> bool:
        """A flow runs and has the word."""
        return self.phase in {Phase.STARTING, Phase.WAITING, Phase.SENDING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What of the instance, its inbox and its bot the machine goes by. Times in ms.

    `chatwoot`: the conversations stand in Chatwoot. `pending`: they begin as pending
    (conversationPending). `hand_off`: the bot is silent when humans speak. `stop_from_me`: it is
    silent at least when our own side writes (Evolution's stopBotFromMe).
    """

    chatwoot: bool = True
    pending: bool = False
    hand_off: bool = True
    stop_from_me: bool = False
    #: What becomes of the conversation at the end of a flow that says nothing about it.
    on_end: Ending = field(default_factory=lambda: Ending(status=Status.OPEN))
    #: After a flow has ended: may another start at once (0), after so long, or never (None)?
    restart_after: int | None = 0
    #: So long a pause lasts at most (None: until a signal ends it).
    pause_for: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the chat's conversation in Chatwoot. `paused`: `pause bot` holds.

    Who has it is none of it: Chatwoot leaves a resolved conversation with who had it, also when it
    wakes. Being assigned is a signal (`AssigneeIs`), and a pause until it is taken back.
    """

    status: str | None = None
    paused: bool = False
