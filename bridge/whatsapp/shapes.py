"""Reading JSON that may hold anything: each function takes any value and never raises."""

from __future__ import annotations

from typing import Any

import orjson

#: orjson writes 254 levels and pydantic reads 200, but orjson reads 1024: what lies deeper
#: than this could be received, yet never stored.
DEEPEST = 64
#: Longer than any id or name that Meta sends.
LONGEST_WORD = 512


def table(value: object) -> dict[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[Any]:
    """`value` if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def word(value: object, longest: int = LONGEST_WORD) -> str | None:
    """An id, name or keyword; numbers become text. None when empty, too long or anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return str(value)
    if isinstance(value, str) and len(value) <= longest and value.strip():
        return value
    return None


def prose(value: object, longest: int) -> str | None:
    """A text as it was written, only cut at `longest`. None when empty or anything else."""
    return value[:longest] if isinstance(value, str) and value else None


def clip(value: object, longest: int = 300) -> str | None:
    """A text for people in one line, cut short. None when there is none."""
    if not isinstance(value, str):
        return None
    text = " ".join(value[: longest * 4].split())
    return (text if len(text) <= longest else text[: longest - 1] + "…") or None


def storable(value: dict[str, Any]) -> bool:
    """Whether `value` survives being stored as JSON and read back."""
    level: list[object] = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            break
    else:
        return False
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return [inner for inner in value.values() if isinstance(inner, dict | list)]
    if isinstance(value, list):
        return [inner for inner in value if isinstance(inner, dict | list)]
    return []
