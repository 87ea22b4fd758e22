"""Brings the database to the schema that this version knows; refuses a newer one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel, create_engine

import bridge.store.tables  # noqa: F401  (fills the metadata)
from bridge.errors import SetupError

#: The newest migration. `tests/store/test_schema.py` compares it with the scripts.
HEAD = "0005"

#: Every database of ours has this table, whatever its version.
_OURS = "job"

MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(path: Path) -> str | None:
    """Create or migrate the database at `path`.

    Returns the revision it had before (None: it was new). Raises `SetupError` when the database
    was written by a newer Ponte or is no database.
    """
    before = revision(path)
    if before == HEAD:
        return before
    try:
        if before is None:
            path.touch(mode=0o600)  # messages and sealed secrets lie in it
            create(path)
        else:
            require_known(path, before)
            migrate(path)
    except (OSError, SQLAlchemyError, sqlite3.Error) as error:
        reason = getattr(error, "orig", None) or error
        raise SetupError(
            f"The database {path} cannot be made or brought to schema {HEAD}: {reason}.",
            advice="Nothing was changed. Check the rights and the free space of its folder.",
        ) from error
    return before


def require_known(path: Path, found: str) -> None:
    """Raise `SetupError` for a schema that only a newer Ponte can have made."""
    known = {script.name.split("_")[0] for script in (MIGRATIONS / "versions").glob("*.py")}
    if found not in known:
        raise SetupError(
            f"The database {path} has schema {found}, which is newer than this version of Ponte "
            f"knows ({HEAD}).",
            advice="Start the newer Ponte again, or restore a backup made by this version.",
        )


def revision(path: Path) -> str | None:
    """The revision of the database, None when there is none yet."""
    tables: set[str] = set()
    try:
        if not path.exists() or path.stat().st_size == 0:
            return None
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as db:
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
            if {"alembic_version", _OURS} <= tables:
                row = db.execute("SELECT version_num FROM alembic_version").fetchone()
                return str(row[0]) if row else None
    except (OSError, sqlite3.Error) as error:
        raise SetupError(
            f"The database {path} cannot be read: {error}.",
            advice="Check its rights; if the file is damaged, restore a backup.",
        ) from error
    if tables:
        raise SetupError(
            f"The file {path} is a database of something else.",
            advice="Choose another storage.data_dir.",
        )
    return None


def connect(path: Path) -> sqlite3.Connection:
    """For SQLAlchemy, whose URL would change what looks like an escape in the path."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    return db


def create(path: Path) -> None:
    """Make a new database in one transaction, straight from the tables.

    The same as running every migration (a test compares them), at a fraction of the time and of
    the memory, which the service would keep.
    """
    engine = create_engine("sqlite://", creator=partial(connect, path), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            SQLModel.metadata.create_all(connection, checkfirst=False)
            connection.exec_driver_sql(
                "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
                " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
            )
            connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (HEAD,))
            connection.commit()
    finally:
        engine.dispose()


def migrate(path: Path) -> None:
    """Run the migrations that the database lacks."""
    # Imported here: alembic is needed once a release, not at every start.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["path"] = path
    command.upgrade(config, "head")
