"""Comparisons, of Condition blocks and of items that are only shown at times."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias
from unicodedata import normalize

from bridge.sim.typebot import jsnumbers
from bridge.sim.typebot.flows import Value
from bridge.sim.typebot.variables import Look, fill, only

Json: TypeAlias = dict[str, Any]


def holds(condition: Json, value_of: Callable[[str | None], Value], look: Look) -> bool:
    """Say whether a condition is met. One without comparisons is not."""
    comparisons = condition.get("comparisons") or []
    met = [
        bool(comparison.get("variableId"))
        and _compare(
            str(comparison.get("comparisonOperator")),
            value_of(comparison.get("variableId")),
            _wanted(comparison.get("value"), look),
        )
        for comparison in comparisons
    ]
    if not met:
        return False
    return any(met) if condition.get("logicalOperator") == "OR" else all(met)


def _wanted(said: Any, look: Look) -> Value:
    """A text, the list of a variable that stands alone, or nothing (`null`, `undefined`)."""
    text = "" if said is None else str(said)
    if text in ("null", "undefined"):
        return None
    alone = look(only(text) or "")
    return alone if isinstance(alone, list) else fill(text, look)


def _compare(operator: str, value: Value, wanted: Value) -> bool:
    if operator in _SET:
        return bool(value) == _SET[operator]
    if operator in _SIZES:
        return value is not None and wanted is not None and _sized(operator, value, wanted)
    if isinstance(value, list) and operator in _AMONG:
        operator = _AMONG[operator]
    compare, each = _COMPARE[operator], operator not in _SOME
    met = [compare(a, b) for a in _each(value) for b in _each(wanted)]
    return all(met) if each else any(met)


def _each(value: Value) -> list[str | None]:
    return value if isinstance(value, list) else [value]


def _equal(value: str | None, wanted: str | None) -> bool:
    if value is None or wanted is None:
        return value is wanted
    return normalize("NFC", value) == normalize("NFC", wanted)


def _in_words(test: Callable[[str, str], bool]) -> Callable[[str | None, str | None], bool]:
    """Without case and the blanks around; nothing is in nothing."""

    def met(value: str | None, wanted: str | None) -> bool:
        return bool(value and wanted) and test(_plain(value), _plain(wanted))

    return met


def _plain(text: str | None) -> str:
    return normalize("NFC", (text or "").strip().lower())


def _matches(value: str | None, pattern: str | None) -> bool:
    """Search as JavaScript does, with or without slashes around the pattern."""
    if not value or not pattern:
        return False
    slashed = re.fullmatch(r"/(.+)/([gimuy]*)", pattern, re.DOTALL)
    text, flags = (slashed[1], slashed[2]) if slashed else (pattern, "")
    try:
        return bool(re.search(text, value, re.IGNORECASE if "i" in flags else 0))
    except re.error:
        return False


def _sized(operator: str, value: str | list[str | None], wanted: str | list[str | None]) -> bool:
    """Compare numbers or moments; what is neither, and a list, counts by its length."""
    left, right = _size(value), _size(wanted)
    return not (math.isnan(left) or math.isnan(right)) and _SIZES[operator](left, right)


def _size(value: str | list[str | None]) -> float:
    if isinstance(value, list):
        return len(value)
    number = math.nan if value.startswith("+") else jsnumbers.number(value)
    if not math.isnan(number):
        return number
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return len(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000


_contains = _in_words(lambda value, wanted: wanted in value)

_SET = {"Is set": True, "Is empty": False}
_SIZES: Mapping[str, Callable[[float, float], bool]] = {
    "Greater than": lambda left, right: left > right,
    "Less than": lambda left, right: left < right,
    "Greater or equal to": lambda left, right: left >= right,
    "Less or equal to": lambda left, right: left <= right,
}
#: A list contains what one of its entries is.
_AMONG = {"Contains": "is one of", "Does not contain": "Not equal"}
_SOME = frozenset({"Contains", "is one of", "Matches regex"})
_COMPARE: Mapping[str, Callable[[str | None, str | None], bool]] = {
    "Equal to": _equal,
    "Not equal": lambda value, wanted: not _equal(value, wanted),
    "is one of": _equal,
    "Contains": _contains,
    "Does not contain": lambda value, wanted: not _contains(value, wanted),
    "Starts with": _in_words(str.startswith),
    "Ends with": _in_words(str.endswith),
    "Matches regex": _matches,
    "Does not match regex": lambda value, wanted: (
        bool(value and wanted) and not _matches(value, wanted)
    ),
}
