"""How a bubble ends: all that follows from it, in the commit that ends it.

Agents are shown what went out, as the bot's message, and told in a private note what did not. The
hand-off is told once, however often a bubble ends (what was uncertain may prove to have gone), and
the next bubble waits from now on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace

import orjson

from bridge.clock import Clock, utc
from bridge.core.handoff import BubbleGone
from bridge.core.message import SentByPhone
from bridge.core.receipts import DONE
from bridge.engine.accept import is_new
from bridge.engine.queue import Dead, Job, Queue
from bridge.engine.rows import PARKED
from bridge.relay import lanes
from bridge.relay.automatic import not_told
from bridge.relay.bot.bubble_shown import shown
from bridge.relay.bot.talks import BUBBLE, Talks
from bridge.relay.composing import Composing
from bridge.relay.directory import Entry
from bridge.relay.incoming import inbound_job
from bridge.relay.outgoing import AGENT_MESSAGE, AgentMessage, BubbleMark
from bridge.store.engine import Unit
from bridge.store.queries import chats, jobs, ledger
from bridge.store.queries import talks as talk_rows
from bridge.store.queries.chats import ChatRow


class BubbleEnds:
    def __init__(
        self,
        *,
        queue: Queue,
        talks: Talks,
        typing: Composing | None,
        clock: Clock,
        not_after: int,
    ) -> None:
        """`typing`: None where the settings say that nobody is shown as writing.

        `not_after` (ms): see `bubbles`.
        """
        self._queue = queue
        self._talks = talks
        self._typing = typing
        self._clock = clock
        self._not_after = not_after

    def write_until(
        self, unit: Unit, entry: Entry, chat: ChatRow, mark: BubbleMark, until: int
    ) -> None:
        """The person sees somebody writing from this commit on."""
        typing = self._typing
        if typing is not None:
            unit.after_commit.append(
                lambda: typing.by_bot(
                    entry, chat.id, epoch=mark.epoch, until=until, voice=mark.voice
                )
            )

    def of(
        self, entry: Entry, job: Job, dead: Dead | None, more: Callable[[Unit], None] | None
    ) -> Callable[[Unit], None]:
        """All that follows from the end of a bubble, in the commit that ends it."""

        def write(unit: Unit) -> None:
            if more is not None:
                more(unit)
            row = jobs.one(unit.db, job.id)
            chat = chats.surviving(unit.db, job.chat_id or 0)
            if row is None or chat is None:
                return
            now = self._clock.ms()
            message = AGENT_MESSAGE.validate_json(row["payload"])  # as it became
            self._show(unit, entry, job, chat, message, now)
            if dead is not None:
                not_told(self._queue, unit, entry, job, message.content, dead, now=now)
            if message.bubble is not None and not message.bubble.is_over:
                over = replace(message, bubble=replace(message.bubble, is_over=True))
                jobs.set_payload(unit.db, job.id, orjson.dumps(over))
                self._go_on(unit, entry, job, chat, message.bubble, now)

        return write

    def _go_on(  # noqa: PLR0917
        self, unit: Unit, entry: Entry, job: Job, chat: ChatRow, mark: BubbleMark, now: int
    ) -> None:
        """Tell the hand-off, and let the next bubble wait from now on."""
        talk = self._talks.of(unit.db, chat)
        if talk.state.epoch != mark.epoch or mark.farewell:
            return
        following = None if PARKED in job.lane else _following(unit.db, chat.id, job.id)
        if following is not None and following[1].epoch == mark.epoch:
            is_late = now - following[1].due > self._not_after  # it says so at once
            due = now if is_late else now + following[1].wait
            self._queue.wake(unit, following[0], due_at=due)
            self.write_until(unit, entry, chat, following[1], due)
        self._talks.signal(unit, entry, chat, BubbleGone(epoch=mark.epoch), now)

    def _show(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        job: Job,
        chat: ChatRow,
        message: AgentMessage,
        now: int,
    ) -> None:
        """Have what went out shown in Chatwoot, under the id of its first part on WhatsApp."""
        parts = message.parts or ()
        gone = {
            row["part"]: row["whatsapp_id"]
            for row in ledger.parts(unit.db, job.id)
            if row["whatsapp_id"] and row["state"] in DONE and row["part"] < len(parts)
        }
        # A channel that tells of our own sends has perhaps told of these.
        news = [is_new(unit, f"content:{entry.id}:{one}", now) for one in gone.values()]
        voice = message.bubble is not None and message.bubble.voice
        if entry.inbox is None or not entry.inbox.enabled:
            return
        content = shown([parts[number] for number in gone], voice=voice)
        if content is None or not news[0]:
            return
        said = SentByPhone(
            number=entry.id,
            id=next(iter(gone.values())),
            chat=chat.party,
            at=utc(now),
            content=content,
            by_bot=True,
        )
        self._queue.add(
            unit, inbound_job(entry, said, chat_id=chat.id, now=now, trace_id=job.trace_id)
        )


def _following(db: sqlite3.Connection, chat_id: int, job_id: int) -> tuple[int, BubbleMark] | None:
    """The bubble that is next in the chat's lane, after one that ends now."""
    waiting = talk_rows.bubbles(db, lanes.to_whatsapp(chat_id), BUBBLE)
    found = next((one for one in waiting if one != job_id), None)
    row = jobs.one(db, found) if found is not None else None
    if row is None:
        return None
    mark = AGENT_MESSAGE.validate_json(row["payload"]).bubble
    return None if mark is None else (row["id"], mark)
