"""An agent asks for a file again that could not be had.

They answer its placeholder with a private note that says `/retry` (`/tentar`, `/reintentar`), and
nothing else. The message is then shown once more, with the file, in reply to its placeholder; or
another note says why that is impossible. The second showing is an inbound job like the first, with
an id made up from the message's, so it is proved and healed as every message is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from pydantic import ValidationError

from bridge.chatwoot.models import Message, MessageType
from bridge.chatwoot.webhook import MessageEvent
from bridge.core.content import Media
from bridge.core.message import AGAIN, EVENT, Received, SentByPhone
from bridge.engine.accept import is_new
from bridge.engine.queue import Delivered, Ignored, Job, Outcome, Queue, Road
from bridge.locale import say
from bridge.relay.content import Missing
from bridge.relay.directory import Entry
from bridge.relay.incoming import inbound_job
from bridge.relay.notes import note_job
from bridge.store.engine import Unit
from bridge.store.queries import claims, ledger
from bridge.text import to_whatsapp

#: In every language, whatever the one of the agents is.
COMMANDS: Final = frozenset({"/retry", "/tentar", "/reintentar"})
_LONGEST: Final = 100


def asks_again(message: Message) -> bool:
    """Whether a message is a note that asks for a file again, as far as itself tells."""
    if not message.private or message.message_type is not MessageType.OUTGOING:
        return False
    if message.in_reply_to is None or message.is_deleted:
        return False
    written = message.content or ""
    if len(written) > _LONGEST:
        return False
    # Some servers tell notes as HTML or with escapes (chatwoot-api.md 4.4).
    return to_whatsapp(written).strip().casefold() in COMMANDS


def original(whatsapp_id: str) -> str:
    """The id on WhatsApp of what was shown once more; any other id is its own."""
    return whatsapp_id.removesuffix(AGAIN)


class Refetching:
    """Accepts the notes, and says what became of a second showing."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def accept(
        self, unit: Unit, entry: Entry, event: MessageEvent, now: int, trace_id: str | None
    ) -> None:
        """Keep what one note asks for, once."""
        if not claims.exists(unit.db, entry.id):  # deleted while the delivery was read
            return
        unit.count(Road.OUTBOUND, "accepted")
        inbox = entry.inbox.inbox_id if entry.inbox else 0
        note = event.message
        key = f"again:{entry.id}:{inbox}:{note.id}:{int(note.created_at or 0)}"
        if not is_new(unit, key, now):
            unit.count(Road.OUTBOUND, "ignored", "duplicate")
            return
        row = ledger.shown(unit.db, entry.id, note.in_reply_to or 0)
        if row is None or row["cause"] is None or row["conversation_id"] != event.conversation_id:
            unit.count(Road.OUTBOUND, "ignored", "retry.not_a_placeholder")
            return
        unit.count(Road.OUTBOUND, "delivered")
        told = _event(row)
        if told is None:
            self._answer(
                unit,
                entry,
                chat_id=row["chat_id"],
                about=(row["chatwoot_id"], row["conversation_id"]),
                text=say(entry.language, "note.retry.forgotten"),
                now=now,
                trace_id=trace_id,
            )
            return
        again = replace(told, id=f"{told.id}{AGAIN}", reply_to=told.id)
        self._queue.add(
            unit, inbound_job(entry, again, chat_id=row["chat_id"], now=now, trace_id=trace_id)
        )

    def had_before(self, entry: Entry, job: Job, about: tuple[int, int], now: int) -> Outcome:
        """Another note was faster."""
        text = say(entry.language, "note.retry.done")
        return Delivered(write=self._note(entry, job, about, text, now))

    def missing(
        self, entry: Entry, job: Job, about: tuple[int, int] | None, found: Missing, *, now: int
    ) -> Outcome:
        """The file cannot be had this time either."""
        if about is None:
            return Ignored(rule="retry.not_here", reason="The placeholder is not known any more.")
        text = say(entry.language, "note.retry.failed", reason=found.reason)
        return Delivered(write=self._note(entry, job, about, text, now))

    def _note(
        self, entry: Entry, job: Job, about: tuple[int, int], text: str, now: int
    ) -> Callable[[Unit], None]:
        def write(unit: Unit) -> None:
            self._answer(
                unit,
                entry,
                chat_id=job.chat_id or 0,
                about=about,
                text=text,
                now=now,
                trace_id=job.trace_id,
            )

        return write

    def _answer(
        self,
        unit: Unit,
        entry: Entry,
        *,
        chat_id: int,
        about: tuple[int, int],
        text: str,
        now: int,
        trace_id: str | None,
    ) -> None:
        note = note_job(
            entry,
            chat_id=chat_id,
            conversation_id=about[1],
            about=about[0],
            text=text,
            now=now,
            trace_id=trace_id,
        )
        self._queue.add(unit, note)


def _event(row: sqlite3.Row) -> Received | SentByPhone | None:
    """The message as it came; None when retention took it."""
    if not row["payload"]:
        return None
    try:
        event = EVENT.validate_json(row["payload"])
    except ValidationError:
        return None
    is_file = isinstance(event, Received | SentByPhone) and isinstance(event.content, Media)
    return event if is_file and isinstance(event, Received | SentByPhone) else None
