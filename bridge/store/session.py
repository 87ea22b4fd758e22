"""SQLModel sessions for the tables of configuration, on the connection of a unit or a read."""

from __future__ import annotations

import sqlite3

from sqlalchemy import Engine
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, create_engine


def session(db: sqlite3.Connection) -> Session:
    """A session inside the unit that owns `db`; it is flushed, never committed, by its user."""
    engine: Engine | None = getattr(db, "sqlmodel_engine", None)
    if engine is None:
        engine = create_engine("sqlite://", creator=lambda: db, poolclass=StaticPool)
        db.sqlmodel_engine = engine  # type: ignore[attr-defined]  # our subclass has a __dict__
    return Session(engine)
