"""Rules about conversations as a value of the dialects: read, refused with names, described."""

from __future__ import annotations

from typing import Any, Final

import orjson

from bridge.clock import timezones
from bridge.core.conversation import Origin
from bridge.core.hours import DAYS
from bridge.core.rule_reading import LONGEST_NAME, MOST_NAMES, MOST_RULES, RulesWrong, read_rules
from bridge.core.rules import Do
from bridge.http.dialects.kinds import Kind, Wrong, is_blank

#: So many faults are told at once.
MOST_FAULTS: Final = 10
#: So large (bytes of JSON) all rules of an inbox may be: they are in memory for each of them.
LARGEST: Final = 64 * 1024


def rules(value: Any, name: str) -> tuple[dict[str, Any], ...] | None:
    """The rules as they were written; an empty list: there are none any more."""
    if is_blank(value):
        return None
    try:
        read_rules(value, timezones=timezones())
    except RulesWrong as wrong:
        told = [f"{name}{_after(fault)}" for fault in wrong.faults[:MOST_FAULTS]]
        raise Wrong("; ".join(told), code="placement.rules") from None
    if len(orjson.dumps(value)) > LARGEST:
        raise Wrong(f"{name} has more than {LARGEST} bytes", code="placement.rules")
    return tuple(value)


def _after(fault: str) -> str:
    return fault if fault.startswith("[") else f" {fault}"


def _one_or_more(of: dict[str, Any]) -> dict[str, Any]:
    many = {"type": "array", "items": of, "minItems": 1, "maxItems": MOST_NAMES}
    return {"anyOf": [of, many, {"type": "null"}]}


_NAME: Final = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME, "pattern": "\\S"}
_NAME_OR_ID: Final = {"anyOf": [_NAME, {"type": "integer"}]}
_DURATION: Final = {"type": ["string", "null"], "pattern": "^[1-9][0-9]{0,4}[mhdw]$"}
_TIME: Final = {"type": ["string", "null"], "pattern": "^([01][0-9]|2[0-4]):[0-5][0-9]$"}
_HOURS: Final = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "days": _one_or_more({"enum": list(DAYS)}),
        "from": _TIME,
        "to": _TIME,
        "timezone": {"type": ["string", "null"], "maxLength": LONGEST_NAME},
        "outside": {"type": ["boolean", "null"]},
    },
}
_WHEN: Final = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "properties": {
        "origin": _one_or_more({"enum": [one.value for one in Origin]}),
        "inbox": _one_or_more(_NAME_OR_ID),
        "label": _one_or_more(_NAME),
        "team": _one_or_more(_NAME_OR_ID),
        "group": {"type": ["boolean", "null"]},
        "resolvedFor": {
            "type": ["object", "null"],
            "additionalProperties": False,
            "minProperties": 1,
            "properties": {"moreThan": _DURATION, "lessThan": _DURATION},
        },
        "hours": {"anyOf": [{"enum": ["open", "closed", None]}, _HOURS]},
    },
}
RULES: Final = Kind(
    read=rules,
    schema={
        "type": ["array", "null"],
        "maxItems": MOST_RULES,
        "items": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "name": {"type": ["string", "null"], "minLength": 1, "maxLength": LONGEST_NAME},
                "when": _WHEN,
                "do": {"enum": [*(one.value for one in Do), None]},
                "status": {"enum": ["open", "pending", None]},
            },
        },
    },
)
