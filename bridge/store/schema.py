"""Brings the database to the schema that this version knows; refuses a newer one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from bridge.errors import SetupError

#: The newest migration. `tests/unit/store/test_schema.py` compares it with the scripts.
HEAD = "0001"

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
    if before is not None:
        require_known(path, before)
    _migrate(path)
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


def _migrate(path: Path) -> None:
    # Imported here: alembic is needed once a release, not at every start.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["path"] = path
    try:
        path.touch(mode=0o600)  # messages and sealed secrets lie in it
        command.upgrade(config, "head")
    except (OSError, DBAPIError, sqlite3.Error) as error:
        reason = getattr(error, "orig", None) or error
        raise SetupError(
            f"The database {path} cannot be made or brought to schema {HEAD}: {reason}.",
            advice="Nothing was changed. Check the rights and the free space of its folder.",
        ) from error
