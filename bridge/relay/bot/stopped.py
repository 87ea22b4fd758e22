"""A message that is not sent any more, as found in the unit that would write its send down."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeAlias

from bridge.relay.bot.talks import SILENCED
from bridge.relay.directory import Entry
from bridge.relay.outgoing import BubbleMark


class Cancelled(Exception):
    """The message must not be sent any more: the agent deleted it, or a human has the word."""

    def __init__(
        self, rule: str = "deleted_before_send", reason: str = "The agent deleted it."
    ) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason


#: By which rule a bubble must not be said now; None: it may. Asked inside units.
Silences: TypeAlias = Callable[[sqlite3.Connection, Entry, int, BubbleMark], str | None]


def refuse_silenced(rule: str | None) -> None:
    """Raises `Cancelled` when a human has the word."""
    if rule is not None:
        raise Cancelled(SILENCED, f"It was not said any more ({rule}).")
