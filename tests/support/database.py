"""A migrated database for a test, in no time: migrated once, then copied."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from bridge.store import schema


@cache
def template() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        schema.prepare(path)
        return path.read_bytes()


def fresh(folder: Path, name: str = "ponte.db") -> Path:
    """An empty, migrated database."""
    path = folder / name
    path.write_bytes(template())
    return path
