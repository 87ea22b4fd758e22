"""Rules about conversations, as people write them in JSON or TOML. Pure.

Everything that is wrong is said at once, with the place of each fault, for example
``[2].when.resolvedFor.moreThan``. Unknown names are faults: a condition with a slip in its name
would hold always.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from bridge.core.conversation import ConversationStatus, Origin
from bridge.core.hours import DAYS, MIDNIGHT, Hours
from bridge.core.rules import Do, Rule, When

MOST_RULES: Final = 50
#: Of a list within a rule, and of a name in it.
MOST_NAMES: Final = 100
LONGEST_NAME: Final = 255
#: So many faults are remembered: nobody mends more at once.
MOST_FAULTS: Final = 100

_DURATION: Final = re.compile(r"([1-9][0-9]{0,4})([mhdw])", re.ASCII)
_MINUTE_MS: Final = 60_000
_UNITS: Final = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}
_TIME: Final = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])", re.ASCII)
_RULE: Final = ("name", "when", "do", "status")
_HOURS: Final = ("days", "from", "to", "timezone", "outside")
_Value = TypeVar("_Value")
_STATUSES: Final = {
    "open": ConversationStatus.OPEN,
    "pending": ConversationStatus.PENDING,
}


class RulesWrong(Exception):
    """The rules cannot be taken; `faults` are sentences, each beginning with its place."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


@dataclass(slots=True, kw_only=True)
class _Reader:
    whose: str
    timezones: Collection[str] | None
    faults: list[str] = field(default_factory=list)

    def wrong(self, at: str, why: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(f"{at} {why}")


def read_rules(
    value: object, *, whose: str = "rule", timezones: Collection[str] | None = None
) -> tuple[Rule, ...]:
    """Read a list of rules. Raises `RulesWrong`.

    `whose` begins the name of each in explanations ("rule 2"). `timezones`: those that there are;
    None: any name counts.
    """
    reader = _Reader(whose=whose, timezones=timezones)
    if not isinstance(value, list | tuple):
        raise RulesWrong(["is not of a type(s) array"])
    if len(value) > MOST_RULES:
        raise RulesWrong([f"has more than {MOST_RULES} rules"])
    read = [_rule(reader, number, one) for number, one in enumerate(value)]
    if reader.faults:
        raise RulesWrong(reader.faults)
    return tuple(read)


def _rule(reader: _Reader, number: int, value: object) -> Rule:
    at = f"[{number}]"
    label = f"{reader.whose} {number + 1}"
    fields = _object(reader, at, value, _RULE)
    name = fields.get("name")
    if name is not None:
        if isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isprintable():
            label = f"{label} ({name})"
        else:
            reader.wrong(f"{at}.name", f"must be one line of at most {LONGEST_NAME} characters")
    do = _one_of(reader, f"{at}.do", fields.get("do"), {one.value: one for one in Do})
    status = _one_of(reader, f"{at}.status", fields.get("status"), _STATUSES)
    rule = Rule(
        label=label,
        when=_when(reader, f"{at}.when", fields.get("when")),
        do=do,
        status=status,
    )
    if isinstance(value, Mapping):
        if fields.get("do") is None and fields.get("status") is None:
            reader.wrong(at, 'needs "do" or "status"')
        _check_sense(reader, at, rule)
    return rule


def _check_sense(reader: _Reader, at: str, rule: Rule) -> None:
    ours = rule.when.origins - {Origin.CUSTOMER}
    if rule.status is not None and rule.do in (Do.KEEP, Do.IGNORE):
        reader.wrong(f"{at}.status", f'means nothing beside "do": "{rule.do}"')
    if rule.do is Do.KEEP and Origin.CUSTOMER in rule.when.origins:
        reader.wrong(
            f"{at}.do",
            'cannot be "keep" for customers, for whose messages Chatwoot opens conversations '
            'itself: name other origins in "when"',
        )
    if rule.do is None and rule.status is not None and ours:
        reader.wrong(
            f"{at}.do",
            f'must say "reopen" or "new": messages of origin {", ".join(sorted(ours))} open '
            "nothing by themselves",
        )


def _when(reader: _Reader, at: str, value: object) -> When:
    when = When()
    if value is None:
        return when
    for name, given in _object(reader, at, value, tuple(_CONDITIONS)).items():
        if given is not None:
            when = replace(when, **_CONDITIONS[name](reader, f"{at}.{name}", given))
    return when


def _origin(reader: _Reader, at: str, value: object) -> dict[str, Any]:
    known = {one.value: one for one in Origin}
    found = [_one_of(reader, at, one, known) for one in _listed(reader, at, value)]
    return {"origins": frozenset(one for one in found if one is not None)}


def _inbox(reader: _Reader, at: str, value: object) -> dict[str, Any]:
    return {"inboxes": _ids(reader, at, value)}


def _team(reader: _Reader, at: str, value: object) -> dict[str, Any]:
    return {"teams": _ids(reader, at, value)}


def _label(reader: _Reader, at: str, value: object) -> dict[str, Any]:
    names = _ids(reader, at, value)
    if any(isinstance(one, int) for one in names):
        reader.wrong(at, "must be the name of a label, or a list of names")
    return {"labels": names}


def _group(reader: _Reader, at: str, value: object) -> dict[str, Any]:
    if not isinstance(value, bool):
        reader.wrong(at, "is not of a type(s) boolean")
        return {}
    return {"group": value}


def _resolved_for(reader: _Reader, at: str, value: object) -> dict[str, Any]:
    fields = _object(reader, at, value, ("moreThan", "lessThan"))
    more = _duration(reader, f"{at}.moreThan", fields.get("moreThan"))
    less = _duration(reader, f"{at}.lessThan", fields.get("lessThan"))
    if isinstance(value, Mapping) and all(one is None for one in fields.values()):
        reader.wrong(at, 'needs "moreThan" or "lessThan"')
    if more is not None and less is not None and more >= less:
        reader.wrong(at, 'can never be: "moreThan" must be the shorter one')
    return {"resolved_longer_than": more, "resolved_shorter_than": less}


def _hours(reader: _Reader, at: str, value: object) -> dict[str, Any]:
    if isinstance(value, str):
        is_open = _one_of(reader, at, value, {"open": True, "closed": False})
        return {"is_open": is_open}
    fields = _object(reader, at, value, _HOURS)
    days = _days(reader, f"{at}.days", fields.get("days"))
    start = _time(reader, f"{at}.from", fields.get("from"), if_none=0)
    end = _time(reader, f"{at}.to", fields.get("to"), if_none=MIDNIGHT)
    if start in (end, MIDNIGHT):
        reader.wrong(at, '"from" and "to" must be two times, "from" before 24:00')
    outside = fields.get("outside")
    if outside is not None and not isinstance(outside, bool):
        reader.wrong(f"{at}.outside", "is not of a type(s) boolean")
    zone = fields.get("timezone")
    if zone is not None and not _is_timezone(reader, zone):
        reader.wrong(f"{at}.timezone", "must be a time zone such as America/Sao_Paulo")
        zone = None
    return {"hours": Hours(days=days, start=start, end=end, timezone=zone, outside=outside is True)}


_CONDITIONS: Final[Mapping[str, Callable[[_Reader, str, object], dict[str, Any]]]] = {
    "origin": _origin,
    "inbox": _inbox,
    "label": _label,
    "team": _team,
    "group": _group,
    "resolvedFor": _resolved_for,
    "hours": _hours,
}


def _object(reader: _Reader, at: str, value: object, names: tuple[str, ...]) -> dict[str, Any]:
    """The fields of an object, those that nobody knows left out."""
    if not isinstance(value, Mapping):
        reader.wrong(at, "is not of a type(s) object")
        return {}
    for name in value:
        if name not in names:
            shown = str(name)[:40]
            reader.wrong(at, f'has no field "{shown}"; there are {", ".join(names)}')
    return {name: value[name] for name in names if name in value}


def _one_of(reader: _Reader, at: str, value: object, known: Mapping[str, _Value]) -> _Value | None:
    if value is None:
        return None
    if isinstance(value, str) and value in known:
        return known[value]
    reader.wrong(at, f"is not one of {', '.join(known)}")
    return None


def _listed(reader: _Reader, at: str, value: object) -> list[Any]:
    """One value, or a list of them."""
    found = list(value) if isinstance(value, list | tuple) else [value]
    if not found or len(found) > MOST_NAMES:
        reader.wrong(at, f"must be one value, or a list of 1 to {MOST_NAMES}")
        return []
    return found


def _ids(reader: _Reader, at: str, value: object) -> frozenset[int | str]:
    """Ids, and names without their case; digits in a text are a name too."""
    found: set[int | str] = set()
    for one in _listed(reader, at, value):
        if isinstance(one, int) and not isinstance(one, bool):
            found.add(one)
        elif isinstance(one, str) and one.strip() and len(one) <= LONGEST_NAME:
            found.add(one.strip().casefold())
        else:
            reader.wrong(at, "must be a name or an id, or a list of them")
    return frozenset(found)


def _duration(reader: _Reader, at: str, value: object) -> int | None:
    """In milliseconds."""
    if value is None:
        return None
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        reader.wrong(at, "must be a time such as 90m, 36h, 30d or 4w")
        return None
    return int(found[1]) * _UNITS[found[2]] * _MINUTE_MS


def _time(reader: _Reader, at: str, value: object, *, if_none: int) -> int:
    """In minutes since midnight."""
    if value is None:
        return if_none
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    minutes = int(found[1]) * 60 + int(found[2]) if found else MIDNIGHT + 1
    if minutes > MIDNIGHT:
        reader.wrong(at, "must be a time of day from 00:00 to 24:00")
        return if_none
    return minutes


def _days(reader: _Reader, at: str, value: object) -> frozenset[int]:
    if value is None:
        return frozenset(range(len(DAYS)))
    known = {name: number for number, name in enumerate(DAYS)}
    found = [_one_of(reader, at, one, known) for one in _listed(reader, at, value)]
    return frozenset(one for one in found if one is not None)


def _is_timezone(reader: _Reader, value: object) -> bool:
    if not isinstance(value, str):
        return False
    return reader.timezones is None or value in reader.timezones
