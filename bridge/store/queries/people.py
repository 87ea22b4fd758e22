"""Whose people somebody is, when that changes."""

from __future__ import annotations

import sqlite3


def move(db: sqlite3.Connection, instance_id: str, before: str, after: str) -> None:
    """The people of an instance become those of the account that it was set up in.

    `before` is the instance's own scope. Who is known there already is that person from now on, so
    that what waits for somebody and what comes later share a chat, and a lane.
    """
    names = {"instance": instance_id, "before": before, "after": after}
    db.execute("UPDATE OR IGNORE identity_key SET scope=:after WHERE scope=:before", names)
    db.execute(  # only the keys that the account knew already are left
        "UPDATE OR IGNORE chat SET person_id=(SELECT known.person_id FROM identity_key own"
        " JOIN identity_key known ON known.scope=:after AND known.key=own.key"
        " WHERE own.scope=:before AND own.person_id=chat.person_id ORDER BY own.key LIMIT 1)"
        " WHERE instance_id=:instance"
        " AND person_id IN (SELECT person_id FROM identity_key WHERE scope=:before)",
        names,
    )
    db.execute("DELETE FROM identity_key WHERE scope=:before", names)
    db.execute("UPDATE person SET scope=:after WHERE scope=:before", names)
