"""What a change of a message (a reaction, an edit, a vote) is about, and what is told of it."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pydantic import ValidationError

from bridge.clock import to_ms
from bridge.core.content import Content
from bridge.core.identity import are_two, display_name, e164, keys
from bridge.core.message import (
    EVENT,
    MADE_UP,
    Edited,
    Event,
    Reacted,
    Received,
    Revoked,
    SentByPhone,
    Voted,
)
from bridge.core.party import Party
from bridge.locale import say
from bridge.store.engine import Unit
from bridge.store.queries import chats, standing
from bridge.store.queries.chats import ChatRow
from bridge.text.convert import literal

Change: TypeAlias = Reacted | Edited | Voted

#: No clock of somebody else's counts that is further ahead of ours than this (ms).
AHEAD = 60_000
_ID = re.compile(rf"(.+){MADE_UP}(?:reacted|edited|voted)\.[0-9a-f]{{16}}", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The changed message in Chatwoot; `payload` is its job's, while that is kept."""

    chatwoot_id: int
    conversation_id: int
    origin: str
    payload: bytes | None

    @property
    def is_theirs(self) -> bool:
        return self.origin == "contact"

    def heard(self) -> Content | None:
        """What stands in it, when it came from WhatsApp and that is still known."""
        event = event_of(self.payload) if self.origin in ("contact", "phone") else None
        return event.content if isinstance(event, Received | SentByPhone) else None

    @property
    def author(self) -> Party | None:
        """The person who wrote it, where that is still known."""
        return author_of(self.payload) if self.is_theirs else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What one read of the database tells: the chat, and the message (None: it is not there)."""

    instance_id: str
    chat: ChatRow
    target: Target | None
    now: int
    language: str

    @property
    def link(self) -> Target | None:
        """The message, when an answer can point to it: Chatwoot quotes in one conversation."""
        target = self.target
        here = target is not None and target.conversation_id == self.chat.conversation_id
        return target if here else None

    def target_key(self, change: Change) -> str:
        """Under what is kept what people do with a message.

        The members of a group know its id, and may name it in a chat of their own.
        """
        return f"{self.chat.id}:{change.target}" if self.chat.party.group else change.target

    def at(self, change: Change) -> int:
        return min(to_ms(change.at), self.now + AHEAD)

    def who(self, change: Change) -> str:
        """Who did it, as the subject of a sentence."""
        if change.by_us:
            return say(self.language, "who.phone")
        if self.chat.party.group:
            return speaker(change.sender or Party(), self.language)
        return say(self.language, "who.customer")

    def sender(self, change: Change) -> str:
        """Who did it, as a key: of one person's changes of one message the newest counts."""
        if change.by_us:
            return "us"
        if self.chat.party.group and change.sender is not None:
            return next(iter(keys(change.sender)), f"chat:{self.chat.id}")
        return f"chat:{self.chat.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What agents are told, in Chatwoot's Markdown, and what is kept once they were.

    `text` is a message of whoever changed it, `alone` what it says where nothing links it to the
    message that was changed. `note` is a private note: instead of the message when there is none,
    and while the conversation is resolved or snoozed.
    """

    text: str | None = None
    alone: str = ""
    note: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    write: Callable[[Unit], None] = lambda _unit: None


def scene_of(  # noqa: PLR0917
    db: sqlite3.Connection, instance_id: str, chat_id: int, change: Change, now: int, language: str
) -> Scene | None:
    """None: the chat was deleted. An id means nothing in another chat than its own."""
    chat = chats.surviving(db, chat_id)
    if chat is None:
        return None
    row = standing.message(db, instance_id, change.target, chat.id)
    target = None
    if row is not None:
        target = Target(
            chatwoot_id=row["chatwoot_id"],
            conversation_id=row["conversation_id"],
            origin=row["origin"],
            payload=row["payload"],
        )
    return Scene(instance_id=instance_id, chat=chat, target=target, now=now, language=language)


def event_of(payload: bytes | None) -> Event | None:
    """What a job tells of; None: that is not kept any more, or it is no event."""
    try:
        return EVENT.validate_json(payload) if payload else None
    except ValidationError:
        return None


def may_delete(deletion: Revoked, told: Event | None) -> bool:
    """Whether who deletes a message may have edited it, or sent its file."""
    if not isinstance(told, Edited | Received | SentByPhone):
        return False
    is_ours = isinstance(told, SentByPhone) or (isinstance(told, Edited) and told.by_us)
    if deletion.author is None:  # our own phone, the other side of a chat, an admin
        return is_ours is deletion.by_us or deletion.chat.group is not None
    author = None if is_ours or isinstance(told, SentByPhone) else told.sender
    return author is not None and not are_two(author, deletion.author)


def author_of(payload: bytes | None) -> Party | None:
    """Whose message a job has shown."""
    event = event_of(payload)
    return event.sender if isinstance(event, Received | Reacted | Edited | Voted) else None


def message_id(change: Change) -> str:
    """The id of the message that tells of a change: it names the message that was changed.

    With the moment, since some clients give all edits of a message the same id.
    """
    told = f"{change.id} {to_ms(change.at)}"
    digest = hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{change.target}{MADE_UP}{change.event}.{digest}"


def changed_by(whatsapp_id: str) -> str | None:
    """The message that one with such an id tells of: who quotes the one, means the other."""
    found = _ID.fullmatch(whatsapp_id)
    return found[1] if found is not None else None


def speaker(member: Party, language: str) -> str:
    """Who speaks in a group, with the number where that is known and is not the name."""
    shown, number = display_name(member), e164(member)
    name = literal(shown)
    if number is None or number == shown:
        return name
    return say(language, "group.sender", name=name, number=number)
