"""What a session remembers between its turns: data, stored as JSON in the talk of its chat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from bridge.core.content import Content
from bridge.core.flow import Ending, HttpCall, Reading, Say, TypingEmulation
from bridge.core.outgoing import Option
from bridge.store.queries.talks import TalkRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One message of a person, as a turn needs it. `id` is WhatsApp's, `at` in ms."""

    id: str
    at: int
    content: Content
    referral: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a session needs to know of itself; stored as JSON in the talk."""

    #: Typebot's own JSON of the input that waits, and its options by the numbers that were shown.
    asked: Mapping[str, Any] | None = None
    numbered: tuple[Option, ...] = ()
    #: The text before the input that waits.
    question: str = ""
    #: That was put to the person. Else somebody else took the word before: it is asked again.
    shown: bool = True
    #: The person was asked once more about this input: what they say next goes on as it is.
    asked_back: bool = False
    #: What they were asked to choose from then.
    readings: tuple[Reading, ...] = ()
    #: What the flow waits for from us (`core.flow.Next.REPLY`).
    reply: Say | None = None
    call: HttpCall | None = None
    pause_ms: int = 0
    #: How the flow types; the messages that it has of its own (invalidMessage ...).
    typing: TypingEmulation = field(default_factory=TypingEmulation)
    messages: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    #: What the person answered: question (or the input's id) and answer, in order.
    answers: tuple[tuple[str, str], ...] = ()
    #: What the flow wants done with the conversation when it has spoken.
    ending: Ending | None = None
    #: The same, asked for over HTTP while Typebot was being called: it counts once that has
    #: answered (typebot-api.md 6.2, number 4).
    wish: Ending | None = None
    #: Something of this session has gone out.
    has_spoken: bool = False
    #: Calls since the person last spoke: a flow may jump in circles.
    rounds: int = 0
    #: The session was gone and a new one took its place, for what the person last said.
    restarted: bool = False
    #: What the call under way is about: kept, so that a crash loses nothing of it.
    asking: tuple[Heard, ...] = ()
    #: Since when (ms) Typebot is tried that cannot be reached.
    trying_since: int | None = None
    #: Somebody wants the flow started, whatever its triggers say; `once`: it is only played.
    wanted: bool = False
    once: bool = False


HEARD: TypeAdapter[tuple[Heard, ...]] = TypeAdapter(tuple[Heard, ...])
_MEMORY: TypeAdapter[Memory] = TypeAdapter(Memory)


def memory_of(talk: TalkRow) -> Memory:
    return _MEMORY.validate_json(talk.memory)


def with_memory(talk: TalkRow, memory: Memory) -> TalkRow:
    return replace(talk, memory=_MEMORY.dump_json(memory).decode())
