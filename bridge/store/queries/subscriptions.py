"""Instances made on demand: their trials and subscriptions.

Changes are compare-and-set: of a subscription and the end of a trial at the same moment exactly
one happens.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.core.trial import Trial, TrialState

_COLUMNS = "s.instance_id, s.state, s.due, s.warned_at, s.label, s.mobile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the trials; `total` counts all that fit the question."""

    total: int
    trials: Sequence[Trial]


def insert(db: sqlite3.Connection, trial: Trial, *, now: int) -> None:
    db.execute(
        "INSERT INTO subscription(instance_id, state, due, warned_at, label, mobile, updated_at)"
        " VALUES(?, ?, ?, ?, ?, ?, ?)",
        (
            trial.instance_id,
            trial.state,
            trial.due,
            trial.warned_at,
            trial.label,
            trial.mobile,
            now,
        ),
    )


def find(db: sqlite3.Connection, instance_id: str) -> Trial | None:
    """None: the instance was not made on demand, or is gone."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM subscription s WHERE s.instance_id=?",  # noqa: S608
        (instance_id,),
    ).fetchone()
    return None if row is None else _trial(row)


def page(
    db: sqlite3.Connection, *, text: str | None, mobile: bool | None, limit: int, offset: int
) -> Page:
    """Newest first; `text` is part of a label or of an id, in any case (of ASCII letters)."""
    source = (
        " FROM subscription s JOIN instance i ON i.id=s.instance_id WHERE i.ready"
        " AND (:text IS NULL OR instr(lower(s.label), lower(:text))"
        " OR instr(lower(i.name), lower(:text)))"
        " AND (:mobile IS NULL OR s.mobile=:mobile)"
    )
    values = {"text": text, "mobile": mobile, "limit": limit, "offset": offset}
    total = db.execute(f"SELECT COUNT(*){source}", values).fetchone()[0]
    rows = db.execute(
        f"SELECT {_COLUMNS}{source} ORDER BY i.created_at DESC, i.id LIMIT :limit OFFSET :offset",
        values,
    ).fetchall()
    return Page(total=total, trials=[_trial(row) for row in rows])


def change(db: sqlite3.Connection, before: Trial, after: Trial, *, now: int) -> bool:
    """Replace a trial that is still as it was read; False when somebody changed it meanwhile."""
    cursor = db.execute(
        "UPDATE subscription SET state=?, due=?, warned_at=?, updated_at=?"
        " WHERE instance_id=? AND state=? AND due IS ? AND warned_at IS ?",
        (
            after.state,
            after.due,
            after.warned_at,
            now,
            before.instance_id,
            before.state,
            before.due,
            before.warned_at,
        ),
    )
    return cursor.rowcount == 1


def _trial(row: sqlite3.Row) -> Trial:
    return Trial(
        instance_id=row["instance_id"],
        state=TrialState(row["state"]),
        due=row["due"],
        warned_at=row["warned_at"],
        label=row["label"],
        mobile=bool(row["mobile"]),
    )
