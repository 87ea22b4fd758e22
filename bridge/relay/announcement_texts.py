"""What the bot says about a connection, for agents. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bridge.core.connection import ConnectionView, owner_number
from bridge.core.phone import readable
from bridge.locale import say, texts
from bridge.relay.spans import local, span
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
    #: How long it has lasted (ms).
    lasted: int = 0


def note_of(word: Word, view: ConnectionView, *, until: int | None = None, lasted: int = 0) -> Note:
    return Note(
        word=word,
        code=view.code,
        reason=view.reason,
        owner_jid=view.owner_jid,
        profile_name=view.profile_name,
        until=until,
        lasted=lasted,
    )


def told(
    language: str, note: Note, *, instance: str, inbox: Mapping[str, Any] | None = None
) -> str:
    """The text of a note; what others called themselves, or say, is no Markdown in it.

    `inbox`: what Chatwoot tells of it. Not in the event loop.
    """
    known = texts(language)
    name = literal(instance)
    how = say(language, "bot.how")
    key = f"bot.{note.word}"
    if f"{key}.{note.code}" in known:
        key = f"{key}.{note.code}"
    why, until = _why(language, note), _until(language, note, inbox or {})
    return say(
        language,
        key,
        name=name,
        who=_who(note),
        why=why,
        until=until,
        how=how,
        span=span(language, note.lasted),
    )


def _who(note: Note) -> str:
    """The number, and how its owner calls himself."""
    number = readable(owner_number(note.owner_jid))
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


def _until(language: str, note: Note, inbox: Mapping[str, Any]) -> str:
    if note.until is None:
        return ""
    moment, zone = local(inbox, note.until)
    return say(language, "bot.until", moment=moment, zone=zone)
