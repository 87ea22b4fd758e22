"""How each number was connected when last heard of."""

from __future__ import annotations

import sqlite3

from bridge.core.connection import ConnectionView, LinkState

_COLUMNS = "state, code, reason, owner_jid, profile_name, picture_url, changed_at, closed_at"


def everything(db: sqlite3.Connection) -> dict[str, ConnectionView]:
    """All that is known, by instance id."""
    rows = db.execute(f"SELECT instance_id, {_COLUMNS} FROM connection").fetchall()  # noqa: S608
    return {row["instance_id"]: _view(row) for row in rows}


def one(db: sqlite3.Connection, instance_id: str) -> ConnectionView | None:
    """What is known of one instance; None: nothing."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM connection WHERE instance_id=?",  # noqa: S608
        (instance_id,),
    ).fetchone()
    return None if row is None else _view(row)


def save(db: sqlite3.Connection, instance_id: str, view: ConnectionView) -> None:
    """Store a view; of an instance that is being deleted nothing is kept."""
    db.execute(
        f"INSERT INTO connection(instance_id, {_COLUMNS})"  # noqa: S608
        " SELECT id, ?,?,?,?,?,?,?,? FROM instance WHERE id=?"
        " ON CONFLICT(instance_id) DO UPDATE SET state=excluded.state, code=excluded.code,"
        " reason=excluded.reason, owner_jid=excluded.owner_jid,"
        " profile_name=excluded.profile_name, picture_url=excluded.picture_url,"
        " changed_at=excluded.changed_at, closed_at=excluded.closed_at",
        (
            view.state,
            view.code,
            view.reason,
            view.owner_jid,
            view.profile_name,
            view.picture_url,
            view.changed_at,
            view.closed_at,
            instance_id,
        ),
    )


def _view(row: sqlite3.Row) -> ConnectionView:
    return ConnectionView(
        state=LinkState(row["state"]),
        code=row["code"],
        reason=row["reason"],
        owner_jid=row["owner_jid"],
        profile_name=row["profile_name"],
        picture_url=row["picture_url"],
        changed_at=row["changed_at"],
        closed_at=row["closed_at"],
    )
