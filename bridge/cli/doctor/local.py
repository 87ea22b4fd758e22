"""What can be examined on this machine: settings, key, folder, database, keys for its secrets."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from bridge.app import DATABASE
from bridge.cli.doctor.finding import Examined, Finding
from bridge.cli.offline import reading
from bridge.core.connection import ConnectionView
from bridge.errors import SetupError
from bridge.settings import Settings, require_key
from bridge.store import schema
from bridge.store.backup import held, is_unconfirmed
from bridge.store.queries import connections, instances
from bridge.store.queries.instances import Both
from bridge.store.secrets import KEY_FILE, Vault, load_vault

PONTE = Examined("Ponte")
GIB = 1 << 30
LEAST_SPACE, SOME_SPACE = GIB // 4, GIB
#: A larger database takes too long to read through.
CHECKED_SIZE = 2 * GIB


def settings_findings(settings: Settings) -> Iterator[Finding]:
    """The settings as such; that they could be read was found before."""
    yield PONTE.ok("settings", "they can be read, and each option is valid")
    try:
        require_key(settings)
    except SetupError as error:
        yield PONTE.failed("API key", error)
    else:
        yield PONTE.ok("API key", "auth.api_key is set, and is no published example")


def folder_findings(settings: Settings) -> Iterator[Finding]:
    data = settings.storage.data_dir
    there = next(path for path in (data.absolute(), *data.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        yield PONTE.failure(
            "data folder",
            f"this user cannot write in {there}",
            "Give it the right, run as the user of the service, or choose another "
            "storage.data_dir.",
        )
    elif not data.exists():
        yield PONTE.warning("data folder", f"{data} is not there yet", "`ponte serve` makes it.")
    elif data.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield PONTE.warning(
            "data folder",
            f"other users of this machine can look into {data}",
            f"Messages lie in it: chmod 700 {data}",
        )
    else:
        yield PONTE.ok("data folder", f"{data} can be written, by this user alone")
    free = shutil.disk_usage(there).free
    text = f"{free / GIB:.1f} GiB are free"
    if free < LEAST_SPACE:
        yield PONTE.failure("disk", text, "Make room: a full disk means that nothing is accepted.")
    elif free < SOME_SPACE:
        yield PONTE.warning("disk", text, "Make room, or lower the days under [retention].")
    else:
        yield PONTE.ok("disk", text)


def database_findings(database: Path) -> Iterator[Finding]:
    """Schema and health. Nothing is changed, no file is made."""
    if not database.exists():
        yield PONTE.warning(
            "database", f"{database} is not there yet", "`ponte serve` makes it at its first start."
        )
        return
    try:
        with reading(database) as db:
            yield _schema(database, db)
            if database.stat().st_size <= CHECKED_SIZE:
                found = [row[0] for row in db.execute("PRAGMA quick_check(5)")]
                if found != ["ok"]:
                    yield PONTE.failure(
                        "database", f"it is damaged: {'; '.join(found)}", "Restore a backup."
                    )
            if is_unconfirmed(db):
                yield PONTE.warning(
                    "restored backup",
                    f"{held(db)} messages are held until you decide about them",
                    "`ponte restore --resend` or `ponte restore --no-resend`.",
                )
    except SetupError as error:
        yield PONTE.failed("database", error)


def _schema(database: Path, db: sqlite3.Connection) -> Finding:
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
    row = None
    if {"alembic_version", "job"} <= tables:
        row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    if row is None:
        return PONTE.failure(
            "database", f"{database} is no database of Ponte", "Choose another storage.data_dir."
        )
    if row[0] == schema.HEAD:
        return PONTE.ok("database", f"{database} can be read, schema {schema.HEAD}")
    schema.require_known(database, row[0])
    return PONTE.warning(
        "database",
        f"its schema is {row[0]}; this version of Ponte has {schema.HEAD}",
        "The next `ponte serve` brings it up to date. Make a backup before.",
    )


def stored_instances(settings: Settings, found: list[Finding]) -> list[Both]:
    """The instances with their secrets opened; what prevents it is added to `found`."""
    data = settings.storage.data_dir
    if not (data / DATABASE).exists():
        return []
    try:
        with reading(data / DATABASE) as db:
            if not db.execute("SELECT 1 FROM instance LIMIT 1").fetchone():
                return []
            both = instances.everything(db, vault_of(settings))
    except SetupError as error:
        found.append(PONTE.failed("storage key", error))
        return []
    found.append(PONTE.ok("storage key", "it opens the tokens that are stored"))
    found.extend(_key_file_findings(settings))
    return both


def vault_of(settings: Settings) -> Vault:
    """The vault of the service; a missing key file is an error here, and is not made."""
    given = [one.get_secret_value() for one in settings.storage.secret_keys]
    path = settings.storage.data_dir / KEY_FILE
    if not given and not path.exists():
        raise SetupError(
            f"The key file {path} is missing, and tokens are stored that only it opens.",
            advice="Put it back from where you keep it. A new one does not help.",
        )
    return load_vault(given, path.parent)


def _key_file_findings(settings: Settings) -> Iterator[Finding]:
    path = settings.storage.data_dir / KEY_FILE
    if settings.storage.secret_keys or not path.exists():
        return
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield PONTE.warning("storage key", f"other users can read {path}", f"Run: chmod 600 {path}")


def stored_connection(settings: Settings, instance_id: str) -> ConnectionView | None:
    """How a number was connected when the service last stored it."""
    with reading(settings.storage.data_dir / DATABASE) as db:
        return connections.one(db, instance_id)


def last_accepted(settings: Settings, instance_id: str) -> dict[str, int]:
    """Road -> when (ms) the last job of an instance was accepted on it."""
    with reading(settings.storage.data_dir / DATABASE) as db:
        rows = db.execute(
            "SELECT road, MAX(accepted_at) FROM job WHERE instance_id=? GROUP BY road",
            (instance_id,),
        ).fetchall()
    return {row[0]: row[1] for row in rows}
