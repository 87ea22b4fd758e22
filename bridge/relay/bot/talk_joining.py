"""Two chats become one: so do the talks with the bot in them, in the same unit.

The one with a session stays, of two the one that was used last; what the other was about to say is
not said. A pause holds for both. What the person has said in either is for the same turn.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from bridge.core.handoff import Effect, joined
from bridge.engine.queue import Queue
from bridge.relay import lanes
from bridge.relay.bot.memory import HEARD
from bridge.relay.bot.pending import JOINED, stored
from bridge.relay.bot.talks import BUBBLE, SILENCED
from bridge.store.engine import Unit
from bridge.store.queries import talks
from bridge.store.queries.talks import PendingRow, TalkRow


def join_talks(queue: Queue, unit: Unit, *, kept: int, given_up: int, now: int) -> None:
    """Call it while what waits is in the lanes of its own chat yet, and nothing of both runs."""
    db = unit.db
    found = [talk for one in (kept, given_up) if (talk := talks.get(db, one)) is not None]
    rows = [row for one in (kept, given_up) if (row := talks.pending(db, one)) is not None]
    stays = max(found, key=_worth, default=None)
    is_silent = False
    if stays is not None:
        state = stays.state
        for goes in found:
            if goes is stays:
                continue
            step = joined(stays.state, goes.state, now)
            state, is_silent = step.state, Effect.SILENCE in step.effects
            _silence(queue, unit, goes.chat_id, now)
            if goes.timer_job is not None:
                queue.cancel(unit, goes.timer_job, rule=SILENCED, now=now)
        if is_silent:
            _silence(queue, unit, stays.chat_id, now)
        _delete(db, (kept, given_up))
        talks.save(db, replace(stays, chat_id=kept, state=state), now)
    else:
        _delete(db, (kept, given_up))
    _join_rows(queue, unit, rows, kept, stays, now, is_silent=is_silent)


def _worth(talk: TalkRow) -> tuple[bool, int]:
    return talk.state.is_live or talk.state.has_session, talk.state.touched_at


def _silence(queue: Queue, unit: Unit, chat_id: int, now: int) -> None:
    for job_id in talks.bubbles(unit.db, lanes.to_whatsapp(chat_id), BUBBLE):
        queue.cancel(unit, job_id, rule=SILENCED, now=now)


def _delete(db: sqlite3.Connection, chat_ids: tuple[int, int]) -> None:
    for one in chat_ids:
        talks.delete(db, one)


def _join_rows(  # noqa: PLR0917
    queue: Queue,
    unit: Unit,
    rows: list[PendingRow],
    kept: int,
    stays: TalkRow | None,
    now: int,
    *,
    is_silent: bool,
) -> None:
    if is_silent or not rows:
        for row in rows:
            queue.cancel(unit, row.job_id, rule=SILENCED, now=now)
        return
    of_stays = [row for row in rows if stays is not None and row.chat_id == stays.chat_id]
    first = (of_stays or rows)[0]
    heard = [one for row in rows for one in HEARD.validate_json(row.heard)]
    heard.sort(key=lambda one: one.at)
    for row in rows:
        if row is not first:
            queue.cancel(unit, row.job_id, rule=JOINED, now=now)
    due = max(row.due_at for row in rows)
    both = replace(
        first,
        chat_id=kept,
        heard=stored(heard),
        first_at=min(row.first_at for row in rows),
        due_at=due,
    )
    talks.keep_pending(unit.db, both)
    if len(rows) > 1:
        queue.wake(unit, first.job_id, due_at=due)
