"""Copies of the database, and what holds when one is put back.

A restored database has forgotten what happened after its copy was made: jobs that wait in it may
have been done long ago. So nothing that would go onto WhatsApp starts before a person confirmed,
everything else looks for proof first, and our send keys get a new name.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from bridge.errors import SetupError
from bridge.store import schema
from bridge.store.engine import Store
from bridge.store.queries import facts, tally
from bridge.store.secrets import new_secret

#: The fact that says that a backup was put back: `UNCONFIRMED`, then what was decided.
RESTORED = "restored"
UNCONFIRMED = "unconfirmed"
#: The cause of jobs that wait for the confirmation.
CAUSE = "restored"
NOT_RESENT = "restored.not_resent"

#: Jobs besides those of the outbound road that may lead to a send. Catching up would list, and
#: send, all that was written since the copy was made: it does not happen after a restore.
_HELD_KINDS = ("recheck",)
#: What a create began when the copy was made may have been finished since: a clean-up would delete
#: an inbox that people work with.
_DROPPED_KINDS = ("catch_up", "cleanup")

_MAGIC = b"SQLite format 3\0"


async def backup(store: Store, target: Path, *, overwrite: bool = False) -> None:
    """Write a consistent copy while the service works; the file is complete or not there.

    Only its owner may read it: messages and sealed secrets lie in it. Raises `SetupError`.
    """
    await asyncio.to_thread(backup_file, store.path, target, overwrite=overwrite)


def backup_file(database: Path, target: Path, *, overwrite: bool = False) -> None:
    """The same from another process; the service may run or not."""
    if target.exists() and not (overwrite and not target.samefile(database)):
        raise SetupError(f"{target} exists already.", advice="Choose another name.")
    temporary = target.with_name(f".{target.name}.part")
    try:
        _copy(database, temporary)
        temporary.replace(target)
        _sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise SetupError(f"The backup {target} cannot be written: {error}.") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def restore(source: Path, database: Path, *, now: int, suffix: str) -> Path | None:
    """Put a backup in the place of `database`, whose service must be stopped.

    The replaced database is kept beside it, with `.suffix` appended; returns where (None: there
    was none). Until everything is ready the old one stands. Raises `SetupError`.
    """
    temporary = database.with_name(f".{database.name}.part")
    try:
        _require_backup(source)
        _copy(source, temporary)
        schema.prepare(temporary)
        _mark(temporary, now)
        aside = _set_aside(database, suffix)
        temporary.replace(database)
        _sync(database.parent)
    except (OSError, sqlite3.Error) as error:
        raise SetupError(f"{source} cannot be restored: {error}.") from error
    finally:
        for name in _files(temporary):
            with suppress(OSError):
                name.unlink(missing_ok=True)
    return aside


def is_unconfirmed(db: sqlite3.Connection) -> bool:
    return facts.get(db, RESTORED) == UNCONFIRMED


def held(db: sqlite3.Connection) -> int:
    """How many jobs wait for the confirmation."""
    row = db.execute("SELECT COUNT(*) FROM job WHERE state='held' AND state<>'waiting'").fetchone()
    return int(row[0])


def confirm(db: sqlite3.Connection, *, resend: bool, now: int) -> int:
    """Decide about the held jobs: run them, or end them as ignored. Returns how many there were.

    A running service sees the decision at its next start. Once decided it stays decided.
    """
    if resend:
        count = db.execute(
            "UPDATE job SET state='waiting', due_at=?, accepted_at=?, cause=NULL, reason=NULL"
            " WHERE state='held'",
            (now, now),
        ).rowcount
    else:
        rows = db.execute(
            "UPDATE job SET state='ignored', ended_at=?, cause=?, reason=?"
            " WHERE state='held' RETURNING road",
            (now, NOT_RESENT, "Its backup was restored, and it was not to be sent again."),
        ).fetchall()
        count = len(rows)
        for row in rows:
            tally.add(db, {(row[0], "ignored", NOT_RESENT): 1})
    facts.put(db, RESTORED, "resent" if resend else "not_resent")
    return count


def confirm_file(database: Path, *, resend: bool, now: int) -> int:
    """`confirm` for a stopped service. Raises `SetupError`, also when nothing is to be decided."""
    found = schema.revision(database)
    if found is None:
        raise SetupError(f"There is no database {database}.")
    schema.require_known(database, found)
    try:
        with closing(_connect(database, "rw")) as db:
            db.execute("BEGIN IMMEDIATE")
            if not is_unconfirmed(db):
                raise SetupError("No restored backup waits for a confirmation.")
            count = confirm(db, resend=resend, now=now)
            db.execute("COMMIT")
    except sqlite3.Error as error:
        raise SetupError(f"The database {database} cannot be written: {error}.") from error
    return count


def _require_backup(source: Path) -> None:
    if not source.is_file():
        raise SetupError(f"There is no file {source}.")
    found = schema.revision(source)
    if found is None:
        raise SetupError(f"{source} is no backup of Ponte: it is empty.")
    schema.require_known(source, found)


def _copy(source: Path, target: Path) -> None:
    """A complete copy in one file, checked and on disk."""
    for name in _files(target):
        name.unlink(missing_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    # One step of all pages is one snapshot: with several, every write would start it anew.
    with closing(_connect(source, "rw")) as db, closing(_connect(target, "rw")) as copied:
        db.backup(copied, pages=-1)
        copied.execute("PRAGMA journal_mode=DELETE").fetchall()
        found = [row[0] for row in copied.execute("PRAGMA integrity_check(10)")]
    if found != ["ok"]:
        raise SetupError(f"{source} is damaged: {'; '.join(map(str, found))}.")
    _sync(target)


def _mark(database: Path, now: int) -> None:
    """Make a copy of a database into one that does nothing twice."""
    also = ",".join("?" * len(_HELD_KINDS))
    dropped = ",".join("?" * len(_DROPPED_KINDS))
    with closing(_connect(database, "rw")) as db:
        db.execute("BEGIN IMMEDIATE")
        for road, count in db.execute(
            f"SELECT road, COUNT(*) FROM job WHERE state='waiting' AND kind IN ({dropped})"  # noqa: S608
            " GROUP BY road",
            _DROPPED_KINDS,
        ).fetchall():
            tally.add(db, {(road, "ignored", CAUSE): count})
        db.execute(
            "UPDATE job SET state='ignored', ended_at=?, cause=?, payload=x''"  # noqa: S608
            f" WHERE state='waiting' AND kind IN ({dropped})",
            (now, CAUSE, *_DROPPED_KINDS),
        )
        db.execute(
            "UPDATE job SET state='held', cause=?, reason=?"  # noqa: S608
            f" WHERE state='waiting' AND (road='outbound' OR kind IN ({also}))",
            (CAUSE, "A backup was restored: it may have been sent already.", *_HELD_KINDS),
        )
        db.execute("UPDATE job SET unknown_since=? WHERE state='waiting'", (now,))
        # What was known of conversations is old: ask Chatwoot first.
        db.execute("UPDATE chat SET fresh_at=0")
        db.execute("DELETE FROM fact WHERE name='alive_at'")  # see relay.catch_up
        facts.put(db, RESTORED, UNCONFIRMED)
        facts.put(db, "clean_stop", "no")
        facts.put(db, "install", new_secret()[:8])
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode=DELETE").fetchall()
    _sync(database)


def _set_aside(database: Path, suffix: str) -> Path | None:
    """Give the present database a second name, whole in one file where it can still be read."""
    if not database.exists():
        return None
    aside = database.with_name(f"{database.name}.{suffix}")
    if aside.exists():
        raise SetupError(f"{aside} exists already.", advice="Move it away first.")
    if not _take_journal_in(database):
        for name in _files(database)[1:]:
            with suppress(FileNotFoundError):
                name.rename(aside.with_name(aside.name + name.name.removeprefix(database.name)))
    try:
        aside.hardlink_to(database)  # so that there is a database at every moment
    except OSError:
        database.rename(aside)
    return aside


def _take_journal_in(database: Path) -> bool:
    """Make a database one file; False when it is damaged, a reason to restore: it stays as it is.

    Raises `SetupError` while others have it open.
    """
    with database.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:  # SQLite would throw its journal away
            return False
    try:
        with closing(_connect(database, "rw")) as db:
            db.execute("PRAGMA journal_mode=DELETE").fetchall()
    except sqlite3.OperationalError as error:
        raise SetupError(
            f"The database {database} is in use: {error}.", advice="Stop Ponte first."
        ) from error
    except sqlite3.DatabaseError:
        return False
    return True


def _files(database: Path) -> tuple[Path, ...]:
    """A database, and what SQLite may put beside it."""
    beside = (database.with_name(database.name + end) for end in ("-wal", "-shm", "-journal"))
    return (database, *beside)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
