"""Everything of an instance goes, a few rows at a time, and people whom nobody knows any more.

The instance's own row goes first: from that commit on nobody sees it, and whatever is left of it
can be told by that. So a deletion that a crash cuts off is finished later (`leftovers`).
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass

from bridge.store.queries import history, links, tally

#: Rows that one unit removes at most: no write transaction lasts over 50 ms.
BATCH = 500
#: How a waiting job ends whose instance is gone.
RULE = "instance.gone"
#: The kinds of dedupe keys, each followed by ``:<instance>:`` (see `engine.accept`).
_SEEN = (
    *("content", "status", "agent", "deleted", "red", "call", "call-answer", "profile", "picture"),
    *("revoked", "revoked-note", "removed", "reacted", "edited", "edit", "voted"),
    *("identity_changed", "renamed", "edit-note", "again", "drift", "command"),
    *("expected", "opened", "bot-closed", "agent_bot"),
)
#: The same for keys that name a row of the ledger, whose id may be another message's later.
_SEEN_OF_ROW = ("deleted-row", "revoked-part")
#: Events stay until retention takes them, since they tell of the deletion; but those of flows hold
#: names, numbers and first words of people.
_OF_FLOWS = "typebot.*"
#: Tables that name an instance without belonging to its row.
_TABLES = (
    *("chat", "reaction", "vote", "contact_merge", "merge_plan", "plan_contact"),
    *("talk", "pending_turn"),
)
#: Tables that name people, by the scope of their account; beside the people themselves.
_OF_PEOPLE = ("contact", "contact_merge", "identity_key", "identity_link", "other_contact")
#: A chunk of history is so large that it counts as so many rows.
_OF_A_CHUNK = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What one call of `delete_everything` removed."""

    #: False: more is left, call it again in another unit.
    finished: bool
    #: Jobs that are gone; files of theirs may lie in the spool (``in-<id>``, ``out-<id>-<n>``).
    jobs: tuple[int, ...]


def delete_everything(db: sqlite3.Connection, instance_id: str, *, limit: int = BATCH) -> Deleted:
    """Delete an instance, and at most `limit` rows of what it left behind.

    Flows, inbox, connection and subscription go with the row itself. Jobs that waited end as
    ignored before they go, so that the counts of events still add up. Audit and events stay, but
    for those of flows; people go by scope (`delete_people`), when no other instance knows them.
    """
    db.execute("DELETE FROM instance WHERE id=?", (instance_id,))
    left = limit
    for kind in _SEEN:  # first, since `leftovers` cannot tell by these that something is left
        if left > 0:
            left -= db.execute(
                "DELETE FROM seen WHERE key IN"
                " (SELECT key FROM seen WHERE key>=? AND key<? LIMIT ?)",
                # The character after the colon: a range of the primary key.
                (f"{kind}:{instance_id}:", f"{kind}:{instance_id};", left),
            ).rowcount
    if left > 0:
        left -= db.execute(
            "DELETE FROM event WHERE id IN"
            " (SELECT id FROM event WHERE instance_id=? AND name GLOB ? LIMIT ?)",
            (instance_id, _OF_FLOWS, left),
        ).rowcount
    jobs = _delete_jobs(db, instance_id, left)
    left -= len(jobs)
    if left > 0:  # before the chats, by which they are found
        left -= db.execute(
            "DELETE FROM menu WHERE chat_id IN (SELECT menu.chat_id FROM menu JOIN chat"
            " ON chat.id=menu.chat_id WHERE chat.instance_id=? LIMIT ?)",
            (instance_id, left),
        ).rowcount
    left -= _delete_ledger(db, instance_id, left)
    for table in _TABLES:
        if left > 0:
            left -= db.execute(
                f"DELETE FROM {table} WHERE rowid IN"  # noqa: S608
                f" (SELECT rowid FROM {table} WHERE instance_id=? LIMIT ?)",
                (instance_id, left),
            ).rowcount
    if left > 0:
        left -= _OF_A_CHUNK * history.remove(db, instance_id, -(-left // _OF_A_CHUNK))
    return Deleted(finished=left > 0, jobs=jobs)


def leftovers(db: sqlite3.Connection) -> list[str]:
    """Instances that are gone, but not everything of theirs."""
    found: set[str] = set()
    for table in ("job", "ledger", "history", *_TABLES):
        found.update(_distinct(db, table, "instance_id"))
    return sorted(one for one in found if not _exists(db, one))


def unused_scopes(db: sqlite3.Connection) -> list[str]:
    """Chatwoot accounts (and instances) whose people are stored, and that no instance uses.

    Who merely names an account does not use it (`relay.directory.Entry.scope`).
    """
    known: set[str] = set()
    for table in ("person", *_OF_PEOPLE):
        known.update(_distinct(db, table, "scope"))
    used = {
        row[0]
        for row in db.execute(
            "SELECT url || '#' || account_id FROM chatwoot_inbox WHERE inbox_id IS NOT NULL"
            " UNION ALL SELECT 'instance:' || id FROM instance"
        )
    }
    return sorted(known - used)


def delete_people(
    db: sqlite3.Connection, scope: str, *, after: int = 0, limit: int = BATCH
) -> int | None:
    """Delete people of an unused scope, in order of their ids; returns where to go on.

    None: that was all, or somebody uses the scope again. Who still has a chat stays: his instance
    moved to another Chatwoot account and may come back.
    """
    if _is_used(db, scope):
        return None
    rows = db.execute(
        "SELECT id, EXISTS(SELECT 1 FROM chat WHERE chat.person_id=person.id) FROM person"
        " WHERE scope=? AND id>? ORDER BY id LIMIT ?",
        (scope, after, limit),
    ).fetchall()
    gone = [(row[0],) for row in rows if not row[1]]
    for (person_id,) in gone:
        links.delete_of(db, scope, person_id)
    db.executemany("DELETE FROM identity_key WHERE person_id=?", gone)
    for table in ("contact", "contact_merge", "other_contact"):
        db.executemany(
            f"DELETE FROM {table} WHERE scope=? AND person_id=?",  # noqa: S608
            [(scope, one[0]) for one in gone],
        )
    db.executemany("DELETE FROM person WHERE id=?", gone)
    if rows:
        return int(rows[-1][0])
    if db.execute("SELECT 1 FROM person WHERE scope=? LIMIT 1", (scope,)).fetchone() is None:
        for table in _OF_PEOPLE:  # what was written while its person went
            strays = db.execute(
                f"DELETE FROM {table} WHERE rowid IN"  # noqa: S608
                f" (SELECT rowid FROM {table} WHERE scope=? LIMIT ?)",
                (scope, limit),
            ).rowcount
            if strays == limit:
                return after
    return None


def _delete_jobs(db: sqlite3.Connection, instance_id: str, limit: int) -> tuple[int, ...]:
    rows = db.execute(
        "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE instance_id=? LIMIT ?)"
        " RETURNING id, road, state",
        (instance_id, limit),
    ).fetchall()
    open_ones = Counter(row["road"] for row in rows if row["state"] in ("waiting", "held"))
    tally.add(db, {(road, "ignored", RULE): n for road, n in open_ones.items()})
    return tuple(row["id"] for row in rows)


def _delete_ledger(db: sqlite3.Connection, instance_id: str, limit: int) -> int:
    if limit <= 0:
        return 0
    rows = db.execute(
        "DELETE FROM ledger WHERE id IN (SELECT id FROM ledger WHERE instance_id=? LIMIT ?)"
        " RETURNING id",
        (instance_id, limit),
    ).fetchall()
    for kind in _SEEN_OF_ROW:
        db.executemany("DELETE FROM seen WHERE key=?", [(f"{kind}:{row['id']}",) for row in rows])
    return len(rows)


def _distinct(db: sqlite3.Connection, table: str, column: str) -> list[str]:
    """The different values of an indexed column: a seek each, however many rows there are."""
    return [
        row[0]
        for row in db.execute(
            f"WITH RECURSIVE found(value) AS (SELECT MIN({column}) FROM {table}"  # noqa: S608
            f" UNION ALL SELECT (SELECT MIN({column}) FROM {table} WHERE {column}>value)"
            " FROM found WHERE value IS NOT NULL) SELECT value FROM found WHERE value IS NOT NULL"
        )
    ]


def _exists(db: sqlite3.Connection, instance_id: str) -> bool:
    found = db.execute("SELECT 1 FROM instance WHERE id=?", (instance_id,)).fetchone()
    return found is not None


def _is_used(db: sqlite3.Connection, scope: str) -> bool:
    url, _, account = scope.rpartition("#")
    if scope.startswith("instance:"):
        return _exists(db, scope.removeprefix("instance:"))
    found = db.execute(
        "SELECT 1 FROM chatwoot_inbox WHERE url=? AND account_id=? AND inbox_id IS NOT NULL",
        (url, account),
    ).fetchone()
    return found is not None
