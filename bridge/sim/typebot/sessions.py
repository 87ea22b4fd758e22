"""What the server keeps of a chat."""

from __future__ import annotations

import secrets
import string
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from bridge.sim.typebot.flows import Flow, Place, Value
from bridge.sim.typebot.replies import Message

Json: TypeAlias = dict[str, Any]

_LETTERS = string.ascii_lowercase
_SIGNS = string.ascii_lowercase + string.digits


def cuid2() -> str:
    return secrets.choice(_LETTERS) + "".join(secrets.choice(_SIGNS) for _ in range(23))


def cuid() -> str:
    """An id as sessions have it that were only registered: 25 characters."""
    return "c" + "".join(secrets.choice(_SIGNS) for _ in range(24))


@dataclass(slots=True, kw_only=True)
class Frame:
    """A bot that runs; `back` is where the bot that linked to it goes on (None: nowhere)."""

    flow: Flow
    back: Place | None = None


@dataclass(slots=True, kw_only=True)
class Resume:
    """Where a Return block goes back to: the waiting block, with the reply still to be read.

    After a jump it is the block behind it.
    """

    block: str
    kind: Literal["command", "reply", "invalid reply", "jump"]
    message: Message | None = None


@dataclass(slots=True, kw_only=True)
class Session:
    """One row. `block` is what waits for a call; None: the flow has not begun, or has ended."""

    id: str
    frames: list[Frame]
    result_id: str
    values: dict[str, Value] = field(default_factory=dict)
    block: str | None = None
    resume: Resume | None = None
    answers: int = 0
    preview: bool = False
    expired: bool = False
    #: What `clientLogs` and blocks have written.
    logs: list[Json] = field(default_factory=list)

    @property
    def flow(self) -> Flow:
        """The bot that runs now."""
        return self.frames[-1].flow

    @property
    def bot(self) -> Flow:
        """The bot that was started."""
        return self.frames[0].flow

    def snapshot(self) -> Session:
        """Copy what a call changes: nobody locks a row (typebot-api.md 1.8)."""
        copy = Session(
            id=self.id,
            frames=[Frame(flow=frame.flow, back=frame.back) for frame in self.frames],
            result_id=self.result_id,
        )
        copy.values = deepcopy(self.values)
        copy.block, copy.resume = self.block, self.resume
        copy.answers, copy.preview = self.answers, self.preview
        copy.expired, copy.logs = self.expired, list(self.logs)
        return copy
