"""The database is brought to the schema that this version knows, and no further."""

from __future__ import annotations

import re
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from bridge.errors import SetupError
from bridge.store import schema

HOW_TO_REGENERATE = """\
The migrations make another schema than bridge.store.tables describes:

{differences}

As long as 0001 was never released: delete it and write it anew from the tables,

    .venv/bin/python tests/store/regenerate.py

After a release: add a script 0002_<what>.py and set schema.HEAD."""

CONSTRAINTS = ("PRIMARY KEY", "FOREIGN KEY", "UNIQUE", "CHECK", "CONSTRAINT")


def objects(db: sqlite3.Connection) -> dict[str, list[str]]:
    """Tables and indexes by name: their columns in order, then their other clauses sorted."""
    found = {}
    for kind, name, sql in db.execute("SELECT type, name, sql FROM sqlite_master"):
        if sql is None or name in ("alembic_version", "sqlite_sequence"):
            continue  # an automatic index, or a table of tools
        plain = re.sub(r"\s+", " ", sql.replace('"', "")).strip()
        head, _, rest = plain.partition("(")
        body, _, tail = rest.rpartition(")")
        parts = [part.strip() for part in re.split(r",(?![^()]*\))", body)]
        columns = [part for part in parts if not part.startswith(CONSTRAINTS)]
        others = sorted(part for part in parts if part.startswith(CONSTRAINTS))
        found[f"{kind} {name}"] = [head.strip(), *columns, *others, tail.strip()]
    return found


def described() -> dict[str, list[str]]:
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    with closing(engine.raw_connection()) as raw:
        return objects(raw.driver_connection)


def differences(made: dict[str, list[str]], wanted: dict[str, list[str]]) -> list[str]:
    lines = []
    for name in sorted(made.keys() | wanted.keys()):
        have, want = made.get(name, []), wanted.get(name, [])
        lines += [f"{name}: no {clause!r} in the tables" for clause in have if clause not in want]
        lines += [f"{name}: {clause!r} not migrated" for clause in want if clause not in have]
        if sorted(have) == sorted(want) and have != want:
            lines.append(f"{name}: other order: {have} instead of {want}")
    return lines


@pytest.mark.parametrize("make", [schema.migrate, schema.create])
def test_the_migrations_make_what_the_tables_describe(tmp_path: Path, make):
    path = tmp_path / "a %20 'strange' name.db"
    make(path)
    assert schema.revision(path) == schema.HEAD
    with closing(sqlite3.connect(path)) as db:
        found = differences(objects(db), described())

    assert not found, HOW_TO_REGENERATE.format(differences="\n".join(found))


def test_the_comparison_sees_a_difference():
    made = described()
    made["table job"] = [one for one in made["table job"] if not one.startswith("trace_id")]
    del made["index job_ended"]

    found = differences(made, described())

    assert "table job: 'trace_id VARCHAR' not migrated" in found
    assert any(line.startswith("index job_ended") for line in found)


def test_what_alembic_cannot_compare_is_there(tmp_path: Path):
    path = tmp_path / "ponte.db"
    schema.migrate(path)
    with closing(sqlite3.connect(path)) as db:
        made = objects(db)

    assert any("AUTOINCREMENT" in part for part in made["table job"])
    assert made["table seen"][-1] == "WITHOUT ROWID"
    assert made["index job_waiting"][-1].endswith("state='waiting'")


def test_head_is_the_newest_script():
    scripts = sorted((schema.MIGRATIONS / "versions").glob("*.py"))

    assert scripts[-1].name.startswith(f"{schema.HEAD}_")


def test_a_new_database_is_for_its_owner_alone_and_in_wal(tmp_path: Path):
    path = tmp_path / "a %20 'strange' name.db"

    assert schema.prepare(path) is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert schema.revision(path) == schema.HEAD


def test_preparing_twice_changes_nothing_and_needs_no_alembic(tmp_path: Path):
    path = tmp_path / "ponte.db"
    schema.prepare(path)
    before = path.read_bytes()
    script = (
        "import sys; from pathlib import Path; from bridge.store import schema;"
        f"print(schema.prepare(Path({str(path)!r})), 'alembic' in sys.modules)"
    )
    shown = subprocess.run(  # noqa: S603  (our own interpreter)
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout

    assert shown.split() == [schema.HEAD, "False"]
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path):
    path = tmp_path / "ponte.db"
    schema.prepare(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE alembic_version SET version_num='0099'")
        db.commit()
    before = path.read_bytes()

    with pytest.raises(SetupError, match=r"schema 0099, which is newer.*Start the newer Ponte"):
        schema.prepare(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE book(id)", "CREATE TABLE alembic_version(version_num VARCHAR(32))"],
)
def test_a_database_of_something_else_is_refused(tmp_path: Path, statement):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement)
        db.commit()

    with pytest.raises(SetupError, match="something else"):
        schema.prepare(path)


def test_what_is_no_database_is_refused(tmp_path: Path):
    path = tmp_path / "ponte.db"
    path.write_bytes(b"something" * 1000)

    with pytest.raises(SetupError, match="cannot be read"):
        schema.prepare(path)
    with pytest.raises(SetupError, match="cannot be read"):
        schema.prepare(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(SetupError, match="none"):
        schema.prepare(tmp_path / "none" / "ponte.db")


def test_an_empty_file_becomes_a_database(tmp_path: Path):
    path = tmp_path / "ponte.db"
    path.touch()

    assert schema.prepare(path) is None
    assert schema.revision(path) == schema.HEAD


def test_a_migration_that_fails_leaves_no_half(tmp_path: Path, monkeypatch):
    scripts = tmp_path / "migrations"
    (scripts / "versions").mkdir(parents=True)
    (scripts / "env.py").write_text((schema.MIGRATIONS / "env.py").read_text())
    for good in (schema.MIGRATIONS / "versions").glob("*.py"):
        (scripts / "versions" / good.name).write_text(good.read_text())
    before = schema.HEAD
    (scripts / "versions" / "9999_bad.py").write_text(
        f"from alembic import op\nrevision='9999'\ndown_revision='{before}'\n"
        "def upgrade():\n"
        "    op.execute('CREATE TABLE half(id)')\n"
        "    op.execute('INSERT INTO nowhere VALUES(1)')\n"
    )
    path = tmp_path / "ponte.db"
    schema.prepare(path)
    monkeypatch.setattr(schema, "MIGRATIONS", scripts)
    monkeypatch.setattr(schema, "HEAD", "9999")

    with pytest.raises(SetupError, match="no such table: nowhere"):
        schema.prepare(path)

    assert schema.revision(path) == before
    with closing(sqlite3.connect(path)) as db:
        assert "table half" not in objects(db)


def test_keys_of_one_person_stay_linked_when_links_begin_to_be_kept(tmp_path: Path):
    path = tmp_path / "ponte.db"
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.attributes["path"] = path
    command.upgrade(config, "0003")
    with closing(sqlite3.connect(path)) as db:
        db.executemany(
            "INSERT INTO identity_key(scope, key, person_id, evidence, learnt_at)"
            " VALUES('a',?,?,?,?)",
            [("lid:1", 1, "first", 5), ("phone:2", 1, "later", 9), ("phone:3", 2, "other", 7)],
        )
        db.commit()

    schema.migrate(path)

    with closing(sqlite3.connect(path)) as db:
        links = db.execute("SELECT * FROM identity_link").fetchall()
    assert links == [("a", "lid:1", "phone:2", "later", 9, 9)]
