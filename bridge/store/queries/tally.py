"""Counts of events: accepted = delivered + ignored + dead + waiting."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping


def add(db: sqlite3.Connection, counts: Mapping[tuple[str, str, str], int]) -> None:
    """Add to the counts of (road, outcome, cause)."""
    db.executemany(
        "INSERT INTO tally(road, outcome, cause, n) VALUES(?,?,?,?) "
        "ON CONFLICT(road, outcome, cause) DO UPDATE SET n = n + excluded.n",
        [(*key, n) for key, n in counts.items()],
    )
