"""Scripts that a flow wants to run in its visitor's browser. They are read, and never run. Pure.

What the builder's ready-made scripts would give on a phone is known; so is the value of a script
that is one constant, or one variable of the flow. Of any other nothing is known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.core.flow import Status
from bridge.typebot.commands import MOST_ATTRIBUTES, MOST_LABELS, Wish
from bridge.typebot.fields import rows, shallow, table, text
from bridge.typebot.literals import LONGEST_SCRIPT, Unreadable, calls, constant

#: Hours at which the day turns, for the ready-made "Moment of the day".
_NOON, _EVENING = 12, 18
_MOST_ARGUMENTS = 500
_LONGEST_VALUE = 65_536
_LONGEST_ATTRIBUTE = 4096

#: How the ready-made scripts begin, in lower case and without blanks.
_MOMENT = "constnow=newdate()if(now.gethours()<12)"
_DEVICE = "constdetectdevicetype="
_TODAY = re.compile(r"newdate\((?:date\.now\(\)([+-]\d{1,12}))?\)\.toisostring\(\);?")
#: Words that calculate nothing: where a browser cannot run them, it gives them as they are.
_PROSE = re.compile(
    r"(?!(?:new|typeof|await|void|delete|throw|function|const|let|var|if|this)\b)"
    r"[^\W\d_](?:[\w\s,!?'’]|\.(?!\w))*+"
)
_CHATWOOT_CALLS = ("toggle", "setUser", "setCustomAttributes", "setConversationCustomAttributes")
_LABEL = "setLabel"


def arguments(script: Mapping[str, Any]) -> dict[str, Any]:
    """The values that came along with a script, by the names under which it uses them."""
    known: dict[str, Any] = {}
    given = script.get("args")
    if isinstance(given, dict):
        return dict(list(given.items())[:_MOST_ARGUMENTS])
    for one in rows(given)[:_MOST_ARGUMENTS]:
        name = text(table(one).get("id"))
        if name is not None:
            known[name] = table(one).get("value")
    return known


def value_of(script: Mapping[str, Any], *, now: datetime) -> str | None:
    """The value that a Set variable block waits for, as text; None when it cannot be known."""
    source = (text(script.get("content")) or "")[:LONGEST_SCRIPT].strip()
    squeezed = "".join(source.split()).lower()
    if squeezed.startswith(_MOMENT):
        return moment_of_day(now)
    if squeezed.startswith(_DEVICE):
        return "mobile"
    if day := _TODAY.fullmatch(squeezed):
        moment = now.astimezone(UTC) + timedelta(milliseconds=int(day[1] or 0))
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
    try:
        return _spelled(constant(source.removeprefix("return "), arguments(script)))
    except Unreadable:
        is_prose = script.get("isCode") is not True and _PROSE.fullmatch(source)
        return source if is_prose else None


def moment_of_day(now: datetime) -> str:
    """Typebot's own words for it, which the flow compares with."""
    if now.hour < _NOON:
        return "morning"
    return "afternoon" if now.hour < _EVENING else "evening"


def _spelled(value: Any) -> str | None:
    if value is None:
        return None
    spelled = value if isinstance(value, str) else json.dumps(shallow(value), ensure_ascii=False)
    return spelled[:_LONGEST_VALUE]


def chatwoot(script: Mapping[str, Any]) -> Wish:
    """What the Chatwoot block means: to hand over, unless it closes the widget.

    What it tells of the person goes along: the user, attributes and labels (typebot-api.md 6.2).
    """
    source = text(script.get("content")) or ""
    toggled: set[str] = set()
    attributes: dict[str, Any] = {}
    labels: list[str] = []
    names = (*_CHATWOOT_CALLS, _LABEL)
    for name, given in calls(source, names, arguments(script), anywhere=True):
        if isinstance(given, Unreadable) or not given:
            continue
        if name == "toggle":
            toggled.add(given[0] if isinstance(given[0], str) else "")
        elif name == _LABEL:
            labels += [given[0]] if isinstance(given[0], str) else []
        else:
            attributes.update(_attributes(given[-1]))
    closes = "close" in toggled and "open" not in toggled
    return Wish(
        hand_off=not closes,
        status=Status.RESOLVED if closes else Status.OPEN,
        attributes=dict(list(attributes.items())[:MOST_ATTRIBUTES]),
        labels=tuple(dict.fromkeys(label[:100] for label in labels if label))[:MOST_LABELS],
    )


def _attributes(value: object) -> dict[str, Any]:
    """The attributes that say something, of the types that Chatwoot keeps."""
    found: dict[str, Any] = {}
    for name, one in table(value).items():
        kept = one[:_LONGEST_ATTRIBUTE].replace("\0", "") if isinstance(one, str) else one
        if name and kept not in (None, "") and isinstance(kept, str | int | float):
            found[name[:100]] = kept
    return found
