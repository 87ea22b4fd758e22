"""What an examination finds: one line, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bridge.errors import BridgeError


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`about` is Ponte itself, or the name of an instance."""

    state: State
    about: str
    what: str
    text: str
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """Makes findings about one thing."""

    about: str

    def ok(self, what: str, text: str) -> Finding:
        return Finding(state=State.OK, about=self.about, what=what, text=text)

    def warning(self, what: str, text: str, advice: str | None = None) -> Finding:
        return Finding(state=State.WARNING, about=self.about, what=what, text=text, advice=advice)

    def failure(self, what: str, text: str, advice: str | None = None) -> Finding:
        return Finding(state=State.FAILURE, about=self.about, what=what, text=text, advice=advice)

    def failed(self, what: str, error: BridgeError, advice: str | None = None) -> Finding:
        """The failure in the words of an error; its own advice goes first."""
        return self.failure(what, error.message, (error.advice or advice or "").strip() or None)
