"""Alembic's entry: runs migrations on the database that `store.schema` names.

The whole upgrade is one transaction, which other processes wait for: it happens or it does not.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Literal

from alembic import context
from sqlalchemy import URL, create_engine, event
from sqlalchemy.engine import Connection
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

import bridge.store.tables  # noqa: F401  (fills the metadata)


def render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """New scripts need no SQLModel: its text type is a plain one."""
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False


def connected(db: sqlite3.Connection, _record: object) -> None:
    db.isolation_level = None  # the driver leaves transactions to us
    db.execute("PRAGMA journal_mode=WAL")


def begun(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


engine = create_engine(URL.create("sqlite", database=str(context.config.attributes["path"])))
event.listen(engine, "connect", connected)
event.listen(engine, "begin", begun)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_item=render,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
