"""What a flow asks of us in words: ``[handoff]`` in a text, ``handoff({...})`` in a script.

Pure. A text command is a whole line; it is taken out of what is shown. A script is never run: a
documented call is read where it stands as a statement of its own, with constants alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge.core.flow import Ending, Status
from bridge.core.lines import one_line
from bridge.typebot.fields import rows, table, text
from bridge.typebot.literals import Unreadable, calls

#: What a name, a label or a note may have in characters.
_LONGEST = 100
_LONGEST_NOTE = 4096
MOST_LABELS = 20
MOST_ATTRIBUTES = 50

#: A command as it stands in a text.
LINE = re.compile(
    r"[\s*_~]*+\[(handoff|resolve|label|assign)\b[ \t:=]*+([^\[\]\n]*+)\][\s*_~]*+", re.IGNORECASE
)
_ASSIGN = re.compile(r"(team|agent)\b[ \t:=]*(.+)", re.IGNORECASE)
NAMES = ("handoff", "resolve", "label", "assign")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to become of the conversation, as far as one command says."""

    hand_off: bool = False
    status: Status = Status.KEEP
    team: str | None = None
    agent: str | None = None
    labels: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    note: str | None = None

    def then(self, later: Wish) -> Wish:
        """Both wishes; where they differ, the later one counts."""
        decides = later.status is not Status.KEEP
        notes = "\n".join(note for note in (self.note, later.note) if note)
        labels = tuple(dict.fromkeys((*self.labels, *later.labels)))
        return Wish(
            hand_off=later.hand_off if decides else self.hand_off,
            status=later.status if decides else self.status,
            team=later.team or self.team,
            agent=later.agent or self.agent,
            labels=labels[:MOST_LABELS],
            attributes=dict(
                list({**self.attributes, **later.attributes}.items())[:MOST_ATTRIBUTES]
            ),
            note=notes[:_LONGEST_NOTE] or None,
        )

    def ending(self) -> Ending | None:
        if self == Wish():
            return None
        return Ending(
            status=self.status,
            team=self.team,
            agent=self.agent,
            labels=self.labels,
            attributes=self.attributes,
            note=self.note,
        )


def in_text(body: str) -> tuple[str, Wish]:
    """Take the commands out of a text: what is left to be shown, and what they ask for."""
    if "[" not in body:
        return body, Wish()
    kept: list[str] = []
    wish = Wish()
    for line in body.split("\n"):
        match = LINE.fullmatch(line) if "[" in line else None
        found = _said(match[1].lower(), match[2].strip()) if match else None
        if found is None:
            kept.append(line)
        else:
            wish = wish.then(found)
    return body if wish == Wish() else "\n".join(kept).strip("\n"), wish


def _said(name: str, rest: str) -> Wish | None:
    """The wish of a line; None when it is no command after all."""
    if name == "handoff":
        return _hand_off({"note": rest})
    if name == "resolve":
        return None if rest else Wish(status=Status.RESOLVED)
    if name == "label":
        labels = _labels(rest.split(","))
        return Wish(labels=labels) if labels else None
    match = _ASSIGN.fullmatch(rest)
    return _assign({match[1].lower(): match[2]}) if match else None


def in_script(script: str, known: Mapping[str, Any]) -> tuple[Wish, tuple[str, ...]]:
    """Read the calls of a script: what they ask for, and the names of those we cannot read."""
    wish = Wish()
    strange: list[str] = []
    for name, given in calls(script, NAMES, known):
        found = None if isinstance(given, Unreadable) else _called(name, given)
        if found is None:
            strange.append(name)
        else:
            wish = wish.then(found)
    return wish, tuple(strange)


def _called(name: str, given: Sequence[Any]) -> Wish | None:
    """The wish of a call: ``handoff({...})``, ``label("a", "b")``, ``assign({"team": ...})``."""
    first = given[0] if given else None
    if name == "handoff":
        return _hand_off(table(first) or {"note": first})
    if name == "resolve":
        return Wish(status=Status.RESOLVED)
    if name == "label":
        labels = _labels(list(_flat(given)))
        return Wish(labels=labels) if labels else None
    return _assign(table(first))


def _flat(given: Sequence[Any]) -> Iterator[Any]:
    for one in given:
        yield from one if isinstance(one, list) else [one]


def _hand_off(options: Mapping[str, Any]) -> Wish:
    labels = options.get("labels", options.get("label"))
    note = text(options.get("note"))
    return Wish(
        hand_off=True,
        status=Status.OPEN,
        team=_name(options.get("team")),
        agent=_name(options.get("agent")),
        labels=_labels(rows(labels) or [labels]),
        note=note[:_LONGEST_NOTE].strip() or None if note else None,
    )


def _assign(options: Mapping[str, Any]) -> Wish | None:
    team, agent = _name(options.get("team")), _name(options.get("agent"))
    return Wish(team=team, agent=agent) if team or agent else None


def _name(value: object) -> str | None:
    """A name or an id as it was written, on one line."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**18 else None
    found = text(value)
    return one_line(found[: 4 * _LONGEST])[:_LONGEST] or None if found else None


def _labels(values: Sequence[Any]) -> tuple[str, ...]:
    names = (_name(value) for value in values[: 4 * MOST_LABELS])
    return tuple(dict.fromkeys(name for name in names if name))[:MOST_LABELS]
