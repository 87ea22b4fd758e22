"""Whether a bubble may still be said; asked again in the unit that writes its send down."""

from __future__ import annotations

import sqlite3
from typing import Final

from bridge.clock import Clock
from bridge.relay.bot.talks import SILENCED, Talks
from bridge.relay.directory import Entry
from bridge.relay.outgoing import BubbleMark
from bridge.store.queries import chats

#: The hand-off has moved on since a bubble was planned.
OVERTAKEN: Final = "bot.overtaken"


class Cancelled(Exception):
    """A message must not be sent any more: the agent deleted it, or a human has the word."""

    def __init__(
        self, rule: str = "deleted_before_send", reason: str = "The agent deleted it."
    ) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason


class Silence:
    def __init__(self, talks: Talks, clock: Clock) -> None:
        self._talks = talks
        self._clock = clock

    def __call__(
        self, db: sqlite3.Connection, entry: Entry, chat_id: int, mark: BubbleMark
    ) -> str | None:
        """The rule by which it is not said any more; None: it is. Part of the caller's unit."""
        chat = chats.surviving(db, chat_id)
        if chat is None:
            return "chat.gone"
        talk = self._talks.of(db, chat)
        if talk.state.epoch != mark.epoch:
            return OVERTAKEN
        if mark.farewell:
            return None
        return self._talks.silenced(db, entry, chat, talk, self._clock.ms())

    def refuse(self, db: sqlite3.Connection, entry: Entry, chat_id: int, mark: BubbleMark) -> None:
        """Raises `Cancelled` when it must not be said any more. Part of the caller's unit."""
        rule = self(db, entry, chat_id, mark)
        if rule is not None:
            raise Cancelled(SILENCED, f"It was not said any more ({rule}).")
