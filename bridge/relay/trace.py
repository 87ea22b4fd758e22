"""Why a message is where it is: the stored trace of its jobs, for people."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import orjson

from bridge.clock import utc
from bridge.relay.bot.rules import UNHEARD, told
from bridge.store.queries import jobs, ledger

T = TypeVar("T")


class Readable(Protocol):
    """The store, or the database of a service that does not run (`bridge.cli.offline`)."""

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T: ...


async def why(store: Readable, message: str) -> list[dict[str, Any]]:
    """All jobs of a message (a WhatsApp id, a Chatwoot message id, or one of our keys)."""
    return await store.read(lambda db: [_story(db, row) for row in jobs.by_ref(db, message)])


async def dead_letter(store: Readable, job_id: int) -> dict[str, Any] | None:
    """A dead letter whole, with its payload; None when there is none of this number."""

    def read(db: sqlite3.Connection) -> dict[str, Any] | None:
        row = jobs.one(db, job_id)
        if row is None or row["state"] != "dead":
            return None
        return _story(db, row) | {"payload": _readable(row["payload"])}

    return await store.read(read)


def _story(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    return {
        "job": row["id"],
        "kind": row["kind"],
        "road": row["road"],
        "lane": row["lane"],
        "instance": row["instance_id"],
        "message": row["ref"],
        "state": row["state"],
        "attempts": row["attempts"],
        "accepted": _at(row["accepted_at"]),
        "due": _at(row["due_at"]) if row["state"] == "waiting" else None,
        "ended": _at(row["ended_at"]),
        "cause": row["cause"],
        "reason": row["reason"] or told(row["cause"]),
        "trace": row["trace_id"],
        "steps": [
            {"at": _at(at), "step": step, "detail": _told(step, detail)}
            for at, step, detail in orjson.loads(row["trace"])
        ],
        "messages": [
            dict(part) | {"state_at": _at(part["state_at"])}
            for part in ledger.of_job(db, row["id"])
        ],
    }


def _told(step: str, detail: str) -> str:
    """The detail of a step; a bare rule by which no flow heard a message gets its words."""
    words = told(detail) if step == UNHEARD else None
    return f"{detail}: {words}" if words else detail


def _at(ms: int | None) -> str | None:
    return None if ms is None else utc(ms).isoformat(timespec="milliseconds")


def _readable(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload.decode("utf-8", "replace")
