"""What the bot says about a connection, for agents. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from bridge.clock import utc
from bridge.core.connection import ConnectionView, owner_number
from bridge.locale import say, texts
from bridge.text.convert import literal


class Word(StrEnum):
    #: Somebody scanned the code.
    CONNECTED = "connected"
    #: It connected by itself, after a note that said it was not.
    AGAIN = "again"
    #: It has been trying to reconnect for a while.
    LOST = "lost"
    #: It ended, and takes a person.
    CLOSED = "closed"
    NOT_SCANNED = "not_scanned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing to say, with what was known then."""

    word: Word
    code: int | None = None
    reason: str | None = None
    owner_jid: str | None = None
    profile_name: str | None = None
    #: When a ban ends (ms).
    until: int | None = None


def note_of(word: Word, view: ConnectionView, *, until: int | None = None) -> Note:
    return Note(
        word=word,
        code=view.code,
        reason=view.reason,
        owner_jid=view.owner_jid,
        profile_name=view.profile_name,
        until=until,
    )


def told(language: str, note: Note, *, instance: str) -> str:
    """The text of a note; what others called themselves, or say, is no Markdown in it."""
    known = texts(language)
    name = literal(instance)
    how = say(language, "bot.how", path=f"GET /instance/connect/{quote(instance, safe='')}")
    key = f"bot.{note.word}"
    if f"{key}.{note.code}" in known:
        key = f"{key}.{note.code}"
    why, until = _why(language, note), _until(language, note)
    return say(language, key, name=name, who=_who(note), why=why, until=until, how=how)


def _who(note: Note) -> str:
    """The number, and how its owner calls himself."""
    number = owner_number(note.owner_jid)
    profile = literal(note.profile_name or "")
    if number and profile:
        return f": {number} ({profile})"
    return f": {number or profile}" if number or profile else ""


def _why(language: str, note: Note) -> str:
    """In the agents' language; what `reason` says is for whoever runs the service."""
    key = f"bot.why.{note.code}"
    if key in texts(language):
        return say(language, key)
    return literal(note.reason or "") or "-"


def _until(language: str, note: Note) -> str:
    return "" if note.until is None else say(language, "bot.until", moment=utc(note.until))
