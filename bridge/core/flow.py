"""What a Typebot flow says and asks, in words of our own: what `typebot` reads and `relay` plays.

All of it is frozen and can be stored as JSON. Texts are WhatsApp's (its marks, not Markdown).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from bridge.core.content import MediaKind
from bridge.core.outgoing import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A text bubble. `block` is Typebot's id of what says it."""

    block: str
    body: str
    kind: Literal["line"] = "line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that lies at `url`; `voice`: it shall be heard as a voice note.

    `fallback` is sent as a text when the file cannot be had.
    """

    block: str
    media: MediaKind
    url: str
    name: str
    caption: str | None = None
    voice: bool = False
    fallback: str | None = None
    kind: Literal["attachment"] = "attachment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One message of a prompt: a text with what can be chosen, below a picture perhaps.

    The ids of options are Typebot's (of items, or of the paths of a card).
    """

    body: str = ""
    options: tuple[Option, ...] = ()
    picture: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Something to choose from that a text bubble wrote down (``[list]``, ``[buttons]``).

    It is no input: the flow waits for what follows it. `label` is on the button that opens a list.
    """

    block: str
    offer: Offer
    label: str | None = None
    kind: Literal["choices"] = "choices"


Bubble: TypeAlias = Line | Attachment | Choices


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """A bubble with the waits of the flow that come before it (ms), beside any typing."""

    bubble: Bubble
    pause_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """How an input is asked.

    `follows`: the first offer belongs below the text of the last bubble, in one message with it
    where that is possible; its own text, if it has any, comes in between. `many`: several options
    may be chosen, so it is a numbered text. `label`: on the button that opens a list.
    """

    offers: tuple[Offer, ...]
    follows: bool = True
    many: bool = False
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """What we answer a flow with: to an input, or to an action that waits for us.

    All None and empty: an empty call (a wait is over, a file is skipped).
    """

    text: str | None = None
    reply_id: str | None = None
    files: tuple[str, ...] = ()
    audio: str | None = None
    command: str | None = None


class Status(StrEnum):
    """What becomes of the conversation."""

    OPEN = "open"
    PENDING = "pending"
    RESOLVED = "resolved"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What a flow, or a bot's setting, wants done with the conversation when it has spoken.

    `team` and `agent` are names or ids as they were written; `note` is for agents.
    """

    status: Status = Status.KEEP
    team: str | None = None
    agent: str | None = None
    labels: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    note: str | None = None


class Next(StrEnum):
    """What follows when all that a flow said has gone out."""

    #: It waits for the person.
    WAIT = "wait"
    #: It waits for us: `Script.reply` is what we answer, after `Script.pause_ms`.
    REPLY = "reply"
    #: It waits for somebody else's event (a Webhook block); what the person says is kept back.
    LISTEN = "listen"
    #: The flow is over.
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """A request that the flow wants its client to make."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One answer of Typebot, in the order in which it is played.

    `asked` is Typebot's own JSON of the input that waits (None unless `next` is WAIT), as it is
    needed to understand the reply. `ending` is what the flow itself asked for (a Chatwoot block,
    ``[handoff]`` ...); `hand_off`: it wants a person now, so that its input is not asked.
    """

    plays: tuple[Play, ...] = ()
    next: Next = Next.END
    prompt: Prompt | None = None
    asked: Mapping[str, Any] | None = None
    reply: Say | None = None
    call: HttpCall | None = None
    #: Waits (ms) after the last bubble, before `reply` or the prompt.
    pause_ms: int = 0
    ending: Ending | None = None
    hand_off: bool = False
    #: What could not be shown or done, each a code with its detail, for the job's steps.
    left_out: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TypingEmulation:
    """Typebot's own settings of a flow (typebot-api.md 5, number 10)."""

    enabled: bool = True
    speed: float = 400
    max_delay: float = 3
    delay_between: float = 0
    not_on_first: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRef:
    """A file that the person sent: the WhatsApp message that holds it."""

    message_id: str
    media: MediaKind
    mime: str
    name: str | None = None
    size: int | None = None
    #: It plays as a voice note.
    voice: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """What a person said in one turn: the texts of a burst joined by line breaks, and files.

    `choice` is the id that came with a pressed button or row. `strange`: kinds that are no answer
    by themselves (``sticker``, ``location``, ``contacts``, ``unsupported`` ...), in order; what is
    readable of a place or a contact stands in `text` too.
    """

    text: str = ""
    choice: str | None = None
    files: tuple[FileRef, ...] = ()
    strange: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """Send this to the flow. `shown` is what the person answered, in people's words.

    `upload`: these files must be given an address first, and are the answer (`as_answer`) or go
    along with `say.text`; where that is None, the one file is a sound and becomes `say.audio`.
    `aside` is told to the person, whatever the flow answers.
    """

    say: Say
    shown: str
    upload: tuple[FileRef, ...] = ()
    as_answer: bool = False
    aside: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One of the things that somebody may have meant: as they were told it, and what it sends."""

    shown: str
    say: Say


@dataclass(frozen=True, slots=True, kw_only=True)
class AskBack:
    """The flow is not called: the person is asked once more, in the words of `text`.

    `readings` are what they were asked to choose from, in order.
    """

    text: str
    rule: str
    readings: tuple[Reading, ...] = ()
    #: Show the choices again below it.
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """It says nothing to the flow; `unknown`: the bot's `unknownMessage` is due."""

    rule: str
    unknown: bool = False


Meaning: TypeAlias = Understood | AskBack | NoAnswer
