"""Alembic's entry: runs migrations on the database that `store.schema` names.

The whole upgrade is one transaction, which other processes wait for: it happens or it does not.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from alembic import context
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

import bridge.store.tables  # noqa: F401  (fills the metadata)
from bridge.store.schema import connect


def render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """New scripts need no SQLModel: its text type is a plain one."""
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False


def begun(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


path = context.config.attributes["path"]
engine = create_engine("sqlite://", creator=partial(connect, path), poolclass=NullPool)
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
