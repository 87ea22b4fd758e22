"""Comparisons, of Condition blocks and of items that are only shown at times."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from bridge.sim.typebot import jsnumbers
from bridge.sim.typebot.flows import Value
from bridge.sim.typebot.variables import Look, fill

Json: TypeAlias = dict[str, Any]


def holds(condition: Json, value_of: Callable[[str | None], Value], look: Look) -> bool:
    """Say whether a condition is met. One without comparisons is not."""
    comparisons = condition.get("comparisons") or []
    met = [
        _compare(
            str(comparison.get("comparisonOperator", "Equal to")),
            value_of(comparison.get("variableId")),
            fill(str(comparison.get("value", "")), look),
        )
        for comparison in comparisons
    ]
    if not met:
        return False
    return any(met) if condition.get("logicalOperator") == "OR" else all(met)


def _compare(operator: str, value: Value, wanted: str) -> bool:
    if operator in _SET:
        return _SET[operator](value)
    values = value if isinstance(value, list) else [value]
    negative = operator in _NEGATIVE
    met = [_COMPARE[_NEGATIVE.get(operator, operator)](item or "", wanted) for item in values]
    return not any(met) if negative else any(met)


_SET: Mapping[str, Callable[[Value], bool]] = {
    "Is set": bool,
    "Is empty": lambda value: not value,
}
_NEGATIVE = {
    "Not equal": "Equal to",
    "Does not contain": "Contains",
    "Does not match regex": "Matches regex",
}


def _numeric(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def met(value: str, wanted: str) -> bool:
        left, right = jsnumbers.parse_float(value), jsnumbers.parse_float(wanted)
        return not (math.isnan(left) or math.isnan(right)) and compare(left, right)

    return met


def _matches(value: str, pattern: str) -> bool:
    """Search as JavaScript does, with or without slashes around the pattern."""
    slashed = re.fullmatch(r"/(.*)/([a-z]*)", pattern, re.DOTALL)
    text, flags = (slashed[1], slashed[2]) if slashed else (pattern, "")
    try:
        return bool(re.search(text, value, re.IGNORECASE if "i" in flags else 0))
    except re.error:
        return False


_COMPARE: Mapping[str, Callable[[str, str], bool]] = {
    "Equal to": lambda value, wanted: value == wanted,
    "Contains": lambda value, wanted: wanted.strip().lower() in value.strip().lower(),
    "Starts with": lambda value, wanted: value.lower().startswith(wanted.lower()),
    "Ends with": lambda value, wanted: value.lower().endswith(wanted.lower()),
    "Greater than": _numeric(lambda left, right: left > right),
    "Less than": _numeric(lambda left, right: left < right),
    "Greater or equal to": _numeric(lambda left, right: left >= right),
    "Less or equal to": _numeric(lambda left, right: left <= right),
    "Matches regex": _matches,
}
