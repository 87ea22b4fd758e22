"""What Typebot answers, read once (typebot-api.md 1.3, 1.4, 1.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.core.flow import TypingEmulation


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One bubble. `id` is that of its block, and may come twice when a flow runs in a circle."""

    id: str
    kind: str
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What the flow wants its client to do.

    `after` is the bubble behind which it is due (None: before all of them). `expects_reply`: the
    flow stands still until it is answered.
    """

    kind: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    after: str | None = None
    expects_reply: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of a flow. The two ids, a start's alone, are secrets: no ``repr`` shows them.

    `understood` is what the engine made of the last reply, where it differs. `system` holds the
    flow's own texts (``invalidMessage`` ...). `cut` counts the bubbles, actions and items
    that were too many to read.
    """

    session_id: str | None = field(default=None, repr=False)
    result_id: str | None = field(default=None, repr=False)
    messages: tuple[Message, ...] = ()
    actions: tuple[Action, ...] = ()
    asked: Mapping[str, Any] | None = None
    understood: str | None = None
    typing: TypingEmulation | None = None
    system: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place for one file. `url` is a secret; with `form` it takes a POST, else a PUT.

    `file_url` is what the flow is answered with once the bytes are there.
    """

    url: str = field(repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    file_url: str
    mime: str | None = None
