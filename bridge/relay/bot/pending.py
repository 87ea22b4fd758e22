"""What waits for a flow's next turn: the row of a chat, and the job that takes it up."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bridge.core.flow import Next
from bridge.engine.queue import NewJob, Queue, Road
from bridge.relay import lanes
from bridge.relay.bot.memory import HEARD, Heard
from bridge.relay.bot.talks import BUBBLE, TURN
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.store.queries import talks
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import PendingRow, TalkRow

#: So many messages of one person wait at most, and so many bytes of them, as they are read and
#: written with each message; of more, the oldest go.
MOST_HEARD: Final = 200
MOST_BYTES: Final = 256 * 1024
#: How the peers of viewers begin, and the accounts of instances there.
TYPEBOT_PEER: Final = "typebot "
TYPEBOT_ACCOUNT: Final = "typebot:"
#: A turn that waits for something else looks again so much later (ms), should nothing wake it.
LOOK_AGAIN: Final = 60_000
#: The same of a flow that listens for an event, which may take days.
LISTENS: Final = 3_600_000
#: What a turn was to deal with is dealt with by another one.
JOINED: Final = "bot.joined"


def typebot_peer(url: str) -> str:
    return f"{TYPEBOT_PEER}{url}"


def typebot_account(instance_id: str) -> str:
    return f"{TYPEBOT_ACCOUNT}{instance_id}"


def turn_job(
    entry: Entry,
    chat_id: int,
    *,
    url: str,
    now: int,
    due_at: int,
    ref: str | None = None,
    trace_id: str | None = None,
) -> NewJob:
    return NewJob(
        kind=TURN,
        lane=lanes.bot_turns(chat_id),
        road=Road.INTERNAL,
        peer=typebot_peer(url),
        account=typebot_account(entry.id),
        payload=b"{}",
        now=now,
        due_at=due_at,
        instance_id=entry.id,
        chat_id=chat_id,
        ref=ref,
        trace_id=trace_id,
    )


def is_kept_back(talk: TalkRow) -> bool:
    """Whether what is said now waits for something that wakes the turn by itself.

    That is the last bubble, the end of a wait, or the event that a flow listens for.
    """
    state = talk.state
    return state.is_live and (state.left > 0 or state.next in {Next.REPLY, Next.LISTEN})


def stored(heard: Sequence[Heard]) -> str:
    """What people said as it is kept: the newest of it that fits, one message at least."""
    kept: list[Heard] = []
    room = MOST_BYTES
    for one in reversed(heard[-MOST_HEARD:]):
        room -= len(HEARD.dump_json((one,)))
        if kept and room < 0:
            break
        kept.append(one)
    return HEARD.dump_json(tuple(reversed(kept))).decode()


def put(
    queue: Queue,
    unit: Unit,
    entry: Entry,
    chat: ChatRow,
    heard: Sequence[Heard],
    *,
    url: str,
    now: int,
    due_at: int,
    bot_id: str | None = None,
    ref: str | None = None,
    trace_id: str | None = None,
    job_id: int | None = None,
) -> PendingRow:
    """Have a turn wait, with these messages before all that have come since.

    `job_id`: a job that waits already, and takes up all of it.
    """
    row = talks.pending(unit.db, chat.id)
    if row is not None and job_id is not None and row.job_id != job_id:
        queue.cancel(unit, row.job_id, rule=JOINED, now=now)
        row = replace(row, job_id=job_id)
    if row is None:
        job = turn_job(entry, chat.id, url=url, now=now, due_at=due_at, ref=ref, trace_id=trace_id)
        row = PendingRow(
            chat_id=chat.id,
            instance_id=entry.id,
            heard="[]",
            first_at=now,
            due_at=due_at,
            job_id=queue.add(unit, job) if job_id is None else job_id,
            bot_id=bot_id,
        )
    elif job_id is None:
        queue.wake(unit, row.job_id, due_at=due_at)
    both = (*heard, *HEARD.validate_json(row.heard))
    kept = replace(
        row,
        heard=stored(both),
        due_at=due_at,
        bot_id=row.bot_id or bot_id,
    )
    talks.keep_pending(unit.db, kept)
    return kept


def bubbles_wait(db: sqlite3.Connection, chat_id: int) -> bool:
    """Whether a bubble of the chat has not ended yet, those that stepped aside included."""
    lane = lanes.to_whatsapp(chat_id)
    return (
        db.execute(
            "SELECT 1 FROM job WHERE (lane=? OR (lane>=? AND lane<?)) AND state='waiting'"
            " AND kind=? LIMIT 1",
            (lane, f"{lane}/", f"{lane}0", BUBBLE),
        ).fetchone()
        is not None
    )
