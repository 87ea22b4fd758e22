"""The links of the identity graph: which keys one event showed together, and when."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from typing import Final

from bridge.core.identity_graph import PORTFOLIO, TOLD, Link, Pair

#: The first event of two; one at 0 is none of WhatsApp's, and counts until WhatsApp tells as well.
_KEEP: Final = (
    "INSERT INTO identity_link(scope, one, other, evidence, first_at, last_at) {rows}"
    " ON CONFLICT(scope, one, other) DO UPDATE SET"
    " evidence=CASE WHEN excluded.first_at>0 AND (first_at=0 OR"
    "  (excluded.first_at, excluded.evidence) < (first_at, evidence))"
    "  THEN excluded.evidence ELSE evidence END,"
    " first_at=CASE WHEN excluded.first_at>0 AND (first_at=0 OR excluded.first_at<first_at)"
    "  THEN excluded.first_at ELSE first_at END,"
    " last_at=MAX(last_at, excluded.last_at)"
)


def known(db: sqlite3.Connection, scope: str, pairs: Collection[Pair]) -> dict[Pair, Link]:
    """Of these links those that are stored, with their times."""
    if not pairs:
        return {}
    ones, others = ({pair[place] for pair in pairs} for place in (0, 1))
    rows = db.execute(
        "SELECT one, other, first_at, last_at FROM identity_link"  # noqa: S608
        f" WHERE scope=? AND one IN ({_marks(ones)}) AND other IN ({_marks(others)})",
        (scope, *ones, *others),
    )
    return {(row["one"], row["other"]): _link(row) for row in rows}


def keep(
    db: sqlite3.Connection, scope: str, pairs: Iterable[Pair], *, evidence: str, first: int, at: int
) -> None:
    """Keep that an event showed these together: it happened at `first`, and counts as of `at`."""
    db.executemany(
        _KEEP.format(rows="VALUES(?,?,?,?,?,?)"),
        [(scope, one, other, evidence, first, at) for one, other in pairs],
    )


def raise_to(db: sqlite3.Connection, scope: str, pairs: Iterable[Pair], at: int) -> None:
    """These were shown together again, at `at`."""
    db.executemany(
        "UPDATE identity_link SET last_at=? WHERE scope=? AND one=? AND other=? AND last_at<?",
        [(at, scope, one, other, at) for one, other in pairs],
    )


def around(db: sqlite3.Connection, scope: str, keys: Iterable[str]) -> list[Link]:
    """All links from which these keys can be reached. An account is the end of a way."""
    found: dict[Pair, Link] = {}
    seen: set[str] = set()
    edge = set(keys)
    while edge:
        seen |= edge
        rows = db.execute(
            "SELECT one, other, first_at, last_at FROM identity_link"  # noqa: S608
            f" WHERE scope=? AND one IN ({_marks(edge)})"
            " UNION SELECT one, other, first_at, last_at FROM identity_link"
            f" WHERE scope=? AND other IN ({_marks(edge)})",
            (scope, *edge, scope, *edge),
        ).fetchall()
        found.update({(row["one"], row["other"]): _link(row) for row in rows})
        reached = {key for row in rows for key in (row["one"], row["other"])}
        edge = {key for key in reached - seen if not key.startswith(PORTFOLIO)}
    return list(found.values())


def of_keys(db: sqlite3.Connection, scope: str, keys: Collection[str]) -> list[sqlite3.Row]:
    """The links of these keys, oldest first, for people."""
    marks = _marks(keys)
    return db.execute(
        "SELECT one, other, evidence, first_at, last_at FROM identity_link"  # noqa: S608
        f" WHERE scope=? AND one IN ({marks})"
        " UNION SELECT one, other, evidence, first_at, last_at FROM identity_link"
        f" WHERE scope=? AND other IN ({marks}) ORDER BY first_at, one, other",
        (scope, *keys, scope, *keys),
    ).fetchall()


def delete_of(db: sqlite3.Connection, scope: str, person_id: int) -> None:
    """Delete what is known of a person's keys, and the changes of number that name one of them."""
    theirs = "SELECT key FROM identity_key WHERE person_id=:person"
    names = {"scope": scope, "person": person_id, "told": f"{TOLD}*"}
    db.execute(
        "DELETE FROM identity_link WHERE scope=:scope AND other IN (SELECT other"  # noqa: S608
        f" FROM identity_link WHERE scope=:scope AND one IN ({theirs}) AND other GLOB :told)",
        names,
    )
    db.execute(  # both keys of any other link are one person's
        f"DELETE FROM identity_link WHERE scope=:scope AND one IN ({theirs})",  # noqa: S608
        names,
    )


def move(db: sqlite3.Connection, before: str, after: str) -> None:
    """Let links of one scope be those of another, which may know some of them."""
    db.execute(
        _KEEP.format(
            rows="SELECT ?, one, other, evidence, first_at, last_at"
            " FROM identity_link WHERE scope=?"
        ),
        (after, before),
    )
    db.execute("DELETE FROM identity_link WHERE scope=?", (before,))


def _link(row: sqlite3.Row) -> Link:
    return Link(one=row["one"], other=row["other"], at=row["last_at"], first=row["first_at"])


def _marks(values: Collection[str]) -> str:
    return ",".join("?" * len(values))
