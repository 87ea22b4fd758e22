"""SQL of the embedded queue."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

import orjson

Row = sqlite3.Row

#: Ended jobs keep a bounded trace.
MAX_STEPS = 40

#: Digits of the largest number that SQLite keeps.
LONGEST_ID = 18
_LONGEST_TRACE = 8000

#: Appends a JSON list to the trace, which is one; an empty list changes nothing.
_APPEND = (
    "trace=CASE WHEN :trace='[]' OR length(trace) > :longest THEN trace WHEN trace='[]' THEN :trace"
    " ELSE substr(trace, 1, length(trace)-1) || ',' || substr(:trace, 2) END"
)

_COLUMNS = (
    "id, kind, lane, road, peer, account, payload, rank, attempts, accepted_at, instance_id, "
    "chat_id, ref, trace_id, unknown_since, failing_since"
)
_HEAD = "id, lane, position, rank, due_at, peer, account, kind"


def insert(db: sqlite3.Connection, values: dict[str, Any]) -> tuple[int, int]:
    """Store a waiting job; returns its accept number and its position.

    A job with a rank goes before waiting jobs of a higher rank (Chatwoot sends out of order).
    """
    position = None
    if values["rank"]:
        position = db.execute(
            "SELECT MIN(position) FROM job WHERE lane=? AND state='waiting' AND rank>?",
            (values["lane"], values["rank"]),
        ).fetchone()[0]
    if position is None:
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name='job'").fetchone()
        position = (row[0] if row else 0) + 1
    cursor = db.execute(
        "INSERT INTO job(lane, position, rank, kind, road, instance_id, chat_id, peer, account,"
        " ref, payload, state, attempts, accepted_at, due_at, failure, trace, trace_id)"
        " VALUES(:lane, :position, :rank, :kind, :road, :instance_id, :chat_id, :peer, :account,"
        " :ref, :payload, 'waiting', 0, :now, :due_at, 0, '[]', :trace_id)",
        {**values, "position": position},
    )
    return int(cursor.lastrowid or 0), int(position)


def newest_about(
    db: sqlite3.Connection, instance_id: str, kind: str, ref: str
) -> sqlite3.Row | None:
    """The newest job of a kind about something (a message), in whatever state."""
    row: sqlite3.Row | None = db.execute(
        f"SELECT {_COLUMNS} FROM job WHERE ref=? AND instance_id=? AND kind=?"  # noqa: S608
        " ORDER BY id DESC LIMIT 1",
        (ref, instance_id, kind),
    ).fetchone()
    return row


def kept(db: sqlite3.Connection, job_id: int) -> sqlite3.Row | None:
    """A job in whatever state; None: retention or a deletion took it."""
    row: sqlite3.Row | None = db.execute(
        f"SELECT {_COLUMNS} FROM job WHERE id=?",  # noqa: S608
        (job_id,),
    ).fetchone()
    return row


def ended(db: sqlite3.Connection, job_id: int) -> tuple[str, str | None, str | None] | None:
    """How a job ended: state, cause and reason; None: it has not yet."""
    row = db.execute("SELECT state, cause, reason FROM job WHERE id=?", (job_id,)).fetchone()
    if row is None or row["state"] == "waiting":
        return None
    return row["state"], row["cause"], row["reason"]


def load(db: sqlite3.Connection, job_id: int) -> sqlite3.Row | None:
    """A waiting job, None when it has ended meanwhile."""
    row: sqlite3.Row | None = db.execute(
        f"SELECT {_COLUMNS} FROM job WHERE id=? AND state='waiting'",  # noqa: S608
        (job_id,),
    ).fetchone()
    return row


def is_waiting(db: sqlite3.Connection, job_id: int) -> bool:
    return (
        db.execute("SELECT 1 FROM job WHERE id=? AND state='waiting'", (job_id,)).fetchone()
        is not None
    )


def waiting_in(db: sqlite3.Connection, lane: str) -> int:
    """How many jobs of a lane have not ended; one of them may be running."""
    found = db.execute("SELECT COUNT(*) FROM job WHERE lane=? AND state='waiting'", (lane,))
    return int(found.fetchone()[0])


def head(db: sqlite3.Connection, lane: str) -> sqlite3.Row | None:
    """The first waiting job of a lane."""
    row: sqlite3.Row | None = db.execute(
        f"SELECT {_HEAD} FROM job WHERE lane=? AND state='waiting'"  # noqa: S608
        " ORDER BY position, rank, id LIMIT 1",
        (lane,),
    ).fetchone()
    return row


def heads(db: sqlite3.Connection) -> list[sqlite3.Row]:
    """The first waiting job of every lane."""
    lanes = db.execute("SELECT DISTINCT lane FROM job WHERE state='waiting'").fetchall()
    found = (head(db, row[0]) for row in lanes)
    return [row for row in found if row is not None]


def suspect(db: sqlite3.Connection, ids: Iterable[int], now: int) -> None:
    """After a crash: any of these may have been running, so its outcome is unknown, as of now."""
    db.executemany("UPDATE job SET unknown_since=? WHERE id=?", [(now, job_id) for job_id in ids])


def end(
    db: sqlite3.Connection,
    job_id: int,
    *,
    state: str,
    now: int,
    cause: str | None,
    reason: str | None,
    trace: str = "[]",
    unknown_since: int | None = None,
) -> bool:
    """End a waiting job; False when it has ended before. `trace` is a JSON list to append."""
    cursor = db.execute(
        "UPDATE job SET state=:state, ended_at=:now, cause=:cause, reason=:reason,"  # noqa: S608
        f" unknown_since=COALESCE(:unknown_since, unknown_since), {_APPEND}"
        " WHERE id=:id AND state='waiting'",
        {
            "id": job_id,
            "state": state,
            "now": now,
            "cause": cause,
            "reason": reason,
            "trace": trace,
            "longest": 1 << 30,  # how it ended is always told
            "unknown_since": unknown_since,
        },
    )
    return cursor.rowcount == 1


def postpone(
    db: sqlite3.Connection,
    job_id: int,
    *,
    due_at: int,
    counts: bool,
    cause: str | None,
    reason: str | None,
    unknown_since: int | None,
    failing_since: int | None,
    lane: str,
    trace: str,
) -> None:
    """Leave a job waiting until `due_at`, perhaps in another lane."""
    db.execute(
        "UPDATE job SET due_at=:due_at, attempts=attempts+:counts, cause=:cause, reason=:reason,"  # noqa: S608
        " unknown_since=:unknown_since, failing_since=:failing_since, lane=:lane,"
        f" {_APPEND} WHERE id=:id AND state='waiting'",
        {
            "id": job_id,
            "due_at": due_at,
            "counts": int(counts),
            "cause": cause,
            "reason": reason,
            "unknown_since": unknown_since,
            "failing_since": failing_since,
            "lane": lane,
            "trace": trace,
            "longest": _LONGEST_TRACE,
        },
    )


def set_gates(db: sqlite3.Connection, job_id: int, peer: str, account: str) -> None:
    """Change which peer and account a job waits for."""
    db.execute("UPDATE job SET peer=?, account=? WHERE id=?", (peer, account, job_id))


def begin_trace(db: sqlite3.Connection, job_id: int, at: int, step: str, detail: str) -> None:
    """The first step of a job that was added in this unit."""
    trace = orjson.dumps([[at, step, detail]]).decode()
    db.execute("UPDATE job SET trace=? WHERE id=? AND trace='[]'", (trace, job_id))


def set_payload(db: sqlite3.Connection, job_id: int, payload: bytes) -> None:
    db.execute("UPDATE job SET payload=? WHERE id=?", (payload, job_id))


def reseal(db: sqlite3.Connection, kind: str, rotate: Callable[[str], str]) -> int:
    """Seal the payloads of one kind of jobs anew; returns how many. Emptied ones hold nothing."""
    rows = db.execute(
        "SELECT id, payload FROM job WHERE kind=? AND length(payload)>0", (kind,)
    ).fetchall()
    for row in rows:
        set_payload(db, row[0], rotate(bytes(row[1]).decode()).encode())
    return len(rows)


def set_due(db: sqlite3.Connection, job_id: int, due_at: int) -> str | None:
    """Change when a waiting job is due; returns its lane."""
    row = db.execute(
        "UPDATE job SET due_at=? WHERE id=? AND state='waiting' RETURNING lane", (due_at, job_id)
    ).fetchone()
    return None if row is None else str(row[0])


def held_up(db: sqlite3.Connection, instance_id: str, cause: str, now: int) -> list[int]:
    """The jobs of an instance that failed for this cause and are to wait yet."""
    rows = db.execute(
        # Not by the index of the instance: nearly all of its jobs have ended.
        "SELECT id FROM job WHERE state='waiting' AND +instance_id=? AND cause=? AND due_at>?",
        (instance_id, cause, now),
    ).fetchall()
    return [row[0] for row in rows]


def revive(db: sqlite3.Connection, job_id: int, *, states: tuple[str, ...], now: int) -> str | None:
    """Ended to waiting, at the end of its lane, as one compare-and-set; returns the lane.

    Its new position is an accept number that no other job gets. A parked job returns to the lane
    that it left. An unknown outcome stays unknown.
    """
    marks = ",".join("?" * len(states))
    row = db.execute(
        "UPDATE job SET state='waiting', attempts=0, due_at=?, accepted_at=?, cause=NULL,"  # noqa: S608
        " reason=NULL, ended_at=NULL, failure=0, failing_since=NULL,"
        " position=(SELECT seq FROM sqlite_sequence WHERE name='job') + 1,"
        " lane=CASE instr(lane, '/parked/') WHEN 0 THEN lane"
        " ELSE substr(lane, 1, instr(lane, '/parked/') - 1) END"
        f" WHERE id=? AND state IN ({marks}) RETURNING lane",
        (now, now, job_id, *states),
    ).fetchone()
    if row is None:
        return None
    db.execute("UPDATE sqlite_sequence SET seq=seq+1 WHERE name='job'")
    return str(row[0])


def discard(db: sqlite3.Connection, job_id: int, *, now: int) -> bool:
    """Give a dead job up for good."""
    cursor = db.execute(
        "UPDATE job SET state='discarded', ended_at=? WHERE id=? AND state='dead'", (now, job_id)
    )
    return cursor.rowcount == 1


def move(db: sqlite3.Connection, lane: str, target: str) -> None:
    """Re-lane what waits; positions are accept numbers, so both lanes keep their order."""
    db.execute("UPDATE job SET lane=? WHERE lane=? AND state='waiting'", (target, lane))


def last_delivered(db: sqlite3.Connection, instance_id: str, kind: str) -> int | None:
    """When a job of this kind last succeeded for an instance (ms)."""
    row = db.execute(
        "SELECT ended_at FROM job WHERE instance_id=? AND kind=? AND state='delivered'"
        " ORDER BY id DESC LIMIT 1",
        (instance_id, kind),
    ).fetchone()
    return None if row is None else int(row["ended_at"])


def is_on_its_way(db: sqlite3.Connection, lane: str, ref: str) -> bool:
    """Whether a job about a message waits or runs in a lane."""
    return (
        db.execute(
            "SELECT 1 FROM job WHERE ref=? AND lane=? AND state='waiting'", (ref, lane)
        ).fetchone()
        is not None
    )


def road_of(db: sqlite3.Connection, job_id: int) -> sqlite3.Row | None:
    row: sqlite3.Row | None = db.execute(
        "SELECT id, road, lane, state, cause FROM job WHERE id=?", (job_id,)
    ).fetchone()
    return row


def waiting(db: sqlite3.Connection, *, timer: str) -> list[sqlite3.Row]:
    """How many wait on each road, and since when the oldest; none: only jobs of kind `timer` do."""
    return db.execute(
        "SELECT road, COUNT(*) AS n, MIN(CASE WHEN kind<>? THEN accepted_at END) AS oldest"
        " FROM job WHERE state='waiting' GROUP BY road",
        (timer,),
    ).fetchall()


def dead(db: sqlite3.Connection, *, limit: int, before: int | None) -> list[sqlite3.Row]:
    return db.execute(
        "SELECT id, road, kind, instance_id, ref, cause, reason, accepted_at, ended_at, attempts"
        # The second term lets SQLite use the index of ended jobs.
        " FROM job WHERE state='dead' AND state<>'waiting' AND id < ? ORDER BY id DESC LIMIT ?",
        (before if before is not None else 1 << 62, limit),
    ).fetchall()


def tallies(db: sqlite3.Connection) -> list[sqlite3.Row]:
    return db.execute("SELECT road, outcome, cause, n FROM tally").fetchall()


def count_dead(db: sqlite3.Connection) -> int:
    return int(
        db.execute("SELECT COUNT(*) FROM job WHERE state='dead' AND state<>'waiting'").fetchone()[0]
    )


def by_ref(db: sqlite3.Connection, ref: str) -> list[sqlite3.Row]:
    """Everything about the jobs of one message, newest first, for `ponte why`."""
    chatwoot_id = int(ref) if ref.isascii() and ref.isdigit() and len(ref) <= LONGEST_ID else None
    return db.execute(
        "SELECT id, kind, road, lane, instance_id, chat_id, ref, state, attempts, accepted_at,"
        " due_at, ended_at, cause, reason, trace, trace_id FROM job"
        " WHERE ref=? OR ref LIKE ? ESCAPE '\\'"
        " OR id IN (SELECT job_id FROM ledger WHERE whatsapp_id=? OR tag=? OR chatwoot_id=?)"
        " OR kind='bot_turn' AND ref IN (SELECT whatsapp_id FROM ledger WHERE chatwoot_id=?)"
        " ORDER BY id DESC LIMIT 20",
        (ref, f"%:%:{_like(ref)}:%", ref, ref, chatwoot_id, chatwoot_id),
    ).fetchall()


def newest(db: sqlite3.Connection, ref: str) -> sqlite3.Row | None:
    """The newest job with exactly this ref, whatever became of it."""
    row: sqlite3.Row | None = db.execute(
        "SELECT id, chat_id, state, failure, payload FROM job WHERE ref=? ORDER BY id DESC LIMIT 1",
        (ref,),
    ).fetchone()
    return row


def of_ref(db: sqlite3.Connection, ref: str) -> list[sqlite3.Row]:
    """All jobs with exactly this ref, oldest first."""
    return db.execute("SELECT id, payload FROM job WHERE ref=? ORDER BY id", (ref,)).fetchall()


def one(db: sqlite3.Connection, job_id: int) -> sqlite3.Row | None:
    """A job in any state, whole."""
    row: sqlite3.Row | None = db.execute("SELECT * FROM job WHERE id=?", (job_id,)).fetchone()
    return row


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
