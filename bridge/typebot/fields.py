"""Careful readers for JSON that a flow or its server wrote: they never raise.

A value of the wrong type counts as absent.
"""

from __future__ import annotations

import math
from typing import Any

#: Of what is kept as it is; Typebot's inputs have five levels.
DEEPEST = 10


def text(value: object) -> str | None:
    """Read a string without NUL, which databases refuse; an empty one counts as absent."""
    if not isinstance(value, str):
        return None
    return value.replace("\0", "") or None


def table(value: object) -> dict[str, Any]:
    """Read an object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[Any]:
    """Read an array; anything else is an empty one."""
    return value if isinstance(value, list) else []


def number(value: object) -> float | None:
    """Read a finite number, also when it is spelled as a string."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def weight(value: object, most: int) -> int:
    """How much JSON there is to read, in characters: of each value 8, and all of texts.

    Above `most` counting ends.
    """
    found, waiting = 0, [value]
    while waiting and found <= most:
        one = waiting.pop()
        found += 8
        if isinstance(one, str):
            found += len(one)
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return found


def shallow(value: Any, *, depth: int = DEEPEST) -> Any:
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
