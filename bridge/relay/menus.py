"""What a chat was asked to choose from, and what somebody chose of it.

The newest choice of a chat is kept from the moment when it was sent, for a day. A text that
answers it is shown to agents, and told to machines, as what was meant by it; then it is over.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import orjson
from pydantic import TypeAdapter

from bridge.core.choices import choose
from bridge.core.content import Answer, Content, Text
from bridge.core.outgoing import Option
from bridge.engine.queue import Job
from bridge.relay.outgoing import AgentMessage, Part, offers_of
from bridge.store.queries import chats, ledger, menus

#: What an answer to a text with numbers says of itself (`Answer.source`).
SOURCE = "menu"
#: How long (ms) a choice can be answered.
LIFE = 24 * 3600 * 1000
#: What of a longer choice is remembered.
MOST_OPTIONS = 300

_OPTIONS: TypeAdapter[tuple[Option, ...]] = TypeAdapter(tuple[Option, ...])


def offer(db: sqlite3.Connection, job: Job, message: AgentMessage, parts: Sequence[Part]) -> None:
    """Keep what these parts of a message, which have been sent, ask to choose from.

    It counts from the moment when the first of them was about to be sent: an answer may come
    before we know that they were.
    """
    options = offers_of(parts)
    if options and message.bubble is not None:
        options = (*message.bubble.offered, *options)
    options = options[:MOST_OPTIONS]
    chat = chats.surviving(db, job.chat_id or 0) if options else None
    if chat is None:
        return
    begun = [row["created_at"] for row in ledger.parts(db, job.id) if row["state"] != "superseded"]
    if begun:
        told = orjson.dumps(options).decode()
        menus.offer(db, chat.id, told, message.message_id, min(begun))


def answered(db: sqlite3.Connection, chat_id: int, content: Content, at: int) -> Content:
    """What somebody says, with what they chose by it; `at` (ms) is when we heard it.

    Reads only; the same each time until `taken`.
    """
    option = _chosen(db, chat_id, content, at)
    match content:
        case Text(body=body) if option is not None:
            typed = body.strip()
            return Answer(
                source=SOURCE,
                id=option.id,
                title=option.title,
                description=None if typed.casefold() == option.title.casefold() else typed,
            )
        case Answer() if option is not None:
            return replace(content, title=option.title)
        case _:
            return content


def taken(db: sqlite3.Connection, chat_id: int, content: Content, at: int) -> None:
    """End the choice that this content, as `answered` gave it, is an answer to."""
    if isinstance(content, Answer) and _chosen(db, chat_id, content, at) is not None:
        menus.close(db, chat_id, until=at)


def _chosen(db: sqlite3.Connection, chat_id: int, content: Content, at: int) -> Option | None:
    if not isinstance(content, Text | Answer):
        return None
    row = menus.of(db, chat_id, after=at - LIFE, until=at)
    if row is None:
        return None
    options = _apart(_OPTIONS.validate_json(row["options"]))
    if isinstance(content, Text):
        return choose(content.body, options)
    return next((option for option in options if option.id == content.id), None)


def _apart(options: Sequence[Option]) -> list[Option]:
    """Below several pictures all buttons may say the same: then what is behind each counts too."""
    times = Counter(option.title for option in options)
    return [
        replace(option, title=f"{option.title}: {option.description}")
        if times[option.title] > 1 and option.description
        else option
        for option in options
    ]
