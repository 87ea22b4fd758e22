"""What is wanted of a number in its control room, and what is answered there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from bridge.core.commands import (
    Check,
    ClearCache,
    Command,
    Connect,
    Disconnect,
    Merge,
    MergeStep,
    PauseBots,
    ResumeBots,
    Retry,
)
from bridge.locale import say, texts
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.text.convert import literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who wants something of which number. `is_repeated`: an earlier run may have done it."""

    entry: Entry
    actor: str
    accepted_at: int
    is_repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`say` runs in the unit that ends the command: it may change things there, and count them."""

    say: Callable[[Unit], str]
    #: The code of the failure; None: it was done.
    code: str | None = None
    status: int = HTTPStatus.OK

    @classmethod
    def of(cls, text: str, *, code: str | None = None, status: int | None = None) -> Answer:
        usual = HTTPStatus.OK if code is None else HTTPStatus.CONFLICT
        return cls(say=lambda _unit: text, code=code, status=usual if status is None else status)


#: As the audit log calls them; what changes nothing is not there.
_ACTIONS: Final[dict[type[Command], str]] = {
    Connect: "room.connect",
    Disconnect: "room.disconnect",
    ClearCache: "room.clear_cache",
    Retry: "room.retry",
    Check: "room.check",
    PauseBots: "room.pause_bots",
    ResumeBots: "room.resume_bots",
}


def action_of(command: Command) -> str | None:
    """As the audit log calls it; None: it changes nothing."""
    if isinstance(command, Merge):
        return None if command.step is MergeStep.STATUS else f"room.merge_{command.step}"
    return _ACTIONS.get(type(command))


def failed(language: str, cause: str, reason: str) -> str:
    """Why a command was not done; `reason` is for whoever runs the service, and in English."""
    key = f"command.failed.{cause}"
    if key in texts(language):
        return say(language, key)
    return say(language, "command.failed", reason=literal(reason))
