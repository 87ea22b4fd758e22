"""Who has the word in each chat, and what waits for the bot's next turn."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from bridge.core.handoff import Handoff, Phase

_STATE = TypeAdapter(Handoff)


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkRow:
    """The state of a chat with the session that runs there. `memory`: JSON (`relay.bot.memory`)."""

    chat_id: int
    instance_id: str
    state: Handoff = field(default_factory=Handoff)
    bot_id: str | None = None
    url: str | None = None
    typebot: str | None = None
    session_id: str | None = field(default=None, repr=False)
    result_id: str | None = None
    memory: str = field(default="{}", repr=False)
    timer_job: int | None = None
    created_at: int = 0
    updated_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRow:
    """What a person said that no turn has dealt with yet; `heard` is JSON (`relay.bot.memory`)."""

    chat_id: int
    instance_id: str
    heard: str = field(repr=False)
    first_at: int
    due_at: int
    job_id: int
    bot_id: str | None = None


def get(db: sqlite3.Connection, chat_id: int) -> TalkRow | None:
    row = db.execute("SELECT * FROM talk WHERE chat_id=?", (chat_id,)).fetchone()
    return None if row is None else _talk(row)


def save(db: sqlite3.Connection, talk: TalkRow, now: int) -> None:
    values: dict[str, Any] = {
        "chat_id": talk.chat_id,
        "instance_id": talk.instance_id,
        "state": _STATE.dump_json(talk.state).decode(),
        "phase": talk.state.phase.value,
        "epoch": talk.state.epoch,
        "bot_id": talk.bot_id,
        "url": talk.url,
        "typebot": talk.typebot,
        "session_id": talk.session_id,
        "result_id": talk.result_id,
        "memory": talk.memory,
        "timer_job": talk.timer_job,
        "created_at": talk.created_at or now,
        "updated_at": now,
    }
    columns = ",".join(values)
    db.execute(
        f"INSERT OR REPLACE INTO talk({columns}) VALUES({','.join('?' * len(values))})",
        tuple(values.values()),
    )


def epoch(db: sqlite3.Connection, chat_id: int) -> int:
    """The epoch of a chat; 0 where nothing is known of a bot."""
    row = db.execute("SELECT epoch FROM talk WHERE chat_id=?", (chat_id,)).fetchone()
    return 0 if row is None else int(row["epoch"])


def of_instance(
    db: sqlite3.Connection,
    instance_id: str,
    *,
    bot_id: str | None = None,
    phases: Sequence[Phase] = (),
    limit: int = 1000,
) -> list[TalkRow]:
    """Talks of an instance, newest first; of one flow, or in some phases only."""
    where, values = "instance_id=?", [instance_id]
    if bot_id is not None:
        where += " AND bot_id=?"
        values.append(bot_id)
    if phases:
        where += f" AND phase IN ({','.join('?' * len(phases))})"
        values += [phase.value for phase in phases]
    rows = db.execute(
        f"SELECT * FROM talk WHERE {where} ORDER BY updated_at DESC, chat_id DESC LIMIT ?",  # noqa: S608
        (*values, limit),
    )
    return [_talk(row) for row in rows]


def running(
    db: sqlite3.Connection, instance_id: str, *, bot_id: str | None, limit: int
) -> list[TalkRow]:
    """Talks of an instance, or of one flow, in which there is a session or was one that counts.

    So does one that Typebot is still asked for while a human has the word.
    """
    rows = db.execute(
        "SELECT * FROM talk WHERE instance_id=? AND (? IS NULL OR bot_id=?)"
        " AND (session_id IS NOT NULL OR phase NOT IN ('idle','paused')"
        " OR json_extract(state, '$.asking') IS NOT NULL) LIMIT ?",
        (instance_id, bot_id, bot_id, limit),
    )
    return [_talk(row) for row in rows]


def delete(db: sqlite3.Connection, chat_id: int) -> None:
    db.execute("DELETE FROM talk WHERE chat_id=?", (chat_id,))
    db.execute("DELETE FROM pending_turn WHERE chat_id=?", (chat_id,))


def pending(db: sqlite3.Connection, chat_id: int) -> PendingRow | None:
    """What waits for the next turn; None also where the job that was to take it up has died."""
    row = db.execute(
        "SELECT pending_turn.* FROM pending_turn JOIN job ON job.id=job_id"
        " WHERE pending_turn.chat_id=? AND job.state='waiting'",
        (chat_id,),
    ).fetchone()
    return None if row is None else PendingRow(**dict(row))


def keep_pending(db: sqlite3.Connection, row: PendingRow) -> None:
    db.execute(
        "INSERT OR REPLACE INTO pending_turn"
        "(chat_id, instance_id, heard, first_at, due_at, job_id, bot_id) VALUES(?,?,?,?,?,?,?)",
        (
            row.chat_id,
            row.instance_id,
            row.heard,
            row.first_at,
            row.due_at,
            row.job_id,
            row.bot_id,
        ),
    )


def take_pending(db: sqlite3.Connection, chat_id: int) -> PendingRow | None:
    """Take what waits, so that what comes from now on is for the turn after this one."""
    row = db.execute("DELETE FROM pending_turn WHERE chat_id=? RETURNING *", (chat_id,)).fetchone()
    return None if row is None else PendingRow(**dict(row))


def bubbles(db: sqlite3.Connection, lane: str, kind: str) -> list[int]:
    """The jobs of bubbles in a lane of which nothing has gone yet, in order.

    What of one that was begun became of it is for its own job to find out, and to tell.
    """
    rows = db.execute(
        "SELECT id FROM job WHERE lane=? AND state='waiting' AND kind=? AND NOT EXISTS"
        " (SELECT 1 FROM ledger WHERE ledger.job_id=job.id AND ledger.state<>'superseded')"
        " ORDER BY position, rank, id",
        (lane, kind),
    )
    return [row["id"] for row in rows]


def _talk(row: sqlite3.Row) -> TalkRow:
    values = dict(row)
    for name in ("phase", "epoch"):
        del values[name]
    values["state"] = _STATE.validate_json(values["state"])
    return TalkRow(**values)
