"""Careful readers for JSON that somebody else wrote: they never raise.

A value of the wrong type counts as absent, so a changed or broken peer costs us one field and
not the whole event.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

#: The largest id that a database of ours can hold.
MAX_ID = 2**63 - 1
_MAX_ID_DIGITS = 19
_MAX_DEGREES_LENGTH = 40
#: Of what is kept as it is; Chatwoot's own rows have three levels.
_DEEPEST = 8


def whole(value: object) -> int | None:
    """Read a database id: a positive number, also when it is spelled as a string."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= _MAX_ID_DIGITS):
            return None
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value <= MAX_ID else None


def size(value: object) -> int | None:
    """Read a number of bytes."""
    return 0 if value == 0 and isinstance(value, int) else whole(value)


def text(value: object) -> str | None:
    """Read a string; an empty one counts as absent."""
    return value if isinstance(value, str) and value else None


def flag(value: object) -> bool:
    return value is True


def table(value: object) -> dict[str, Any]:
    """Read an object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[Any]:
    """Read an array; anything else is an empty one."""
    return value if isinstance(value, list) else []


def words(value: object) -> tuple[str, ...]:
    """Read an array of strings, leaving out what is none."""
    return tuple(item for item in rows(value) if isinstance(item, str) and item)


def seconds(value: object) -> float | None:
    """Read a moment as Unix seconds: int, float or ISO 8601. Zero means "never" (1.0)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if 0 < value <= MAX_ID else None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    return None


def degrees(value: object, *, most: int) -> float | None:
    """Read a latitude or longitude, also when it is spelled as a string."""
    if isinstance(value, str) and len(value) <= _MAX_DEGREES_LENGTH:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -most <= value <= most else None


def attributes(value: object) -> dict[str, Any]:
    """Read a free object; some servers hand it out as a string of JSON."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
    return table(value)


def shallow(value: Any, *, depth: int = _DEEPEST) -> Any:
    """Any JSON without what is nested deeper: deep JSON can be read, but not written again."""
    match value:
        case dict():
            return (
                {key: shallow(one, depth=depth - 1) for key, one in value.items()} if depth else {}
            )
        case list():
            return [shallow(one, depth=depth - 1) for one in value] if depth else []
        case _:
            return value
