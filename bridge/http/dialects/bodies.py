"""A body, read by a table of fields: every value once, everything that is wrong at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bridge.core.instance import TRANSPORTS
from bridge.errors import Invalid
from bridge.http.dialects.event_names import Names
from bridge.http.dialects.kinds import Wrong, is_blank
from bridge.http.dialects.spellings import Field

#: How many ignored names a warning lists, and how much of each.
_LISTED: Final = 5
_LONGEST: Final = 64
_GROUPS: Final = frozenset({"settings", "webhook", "proxy", "chatwoot", "typebot"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    group: str
    code: str
    sentence: str
    #: The field, where it is one that is wrong.
    key: str | None = None


class Body:
    """What a caller sent, by our own keys.

    A spelling whose value is blank counts as absent beside another one. Two spellings of one field
    with different values are a fault.
    """

    def __init__(self, raw: Mapping[str, Any], fields: Iterable[Field]) -> None:
        self._fields = {field.key: field for field in fields}
        self._by_spelling = {s: field for field in self._fields.values() for s in field.spellings}
        self._values: dict[str, Any] = {}
        self._spelled: dict[str, str] = {}
        self._faults: list[Fault] = []
        #: The objects that group fields: `webhook{}`, `proxy{}` ...
        self.blocks: set[str] = set()
        #: What no field is called, by its name (within a block: after the block's and a dot).
        self.unknown: dict[str, Any] = {}
        #: Sentences about what was understood but not taken literally.
        self.warnings: list[str] = []
        for name, value in self._leaves(raw):
            field = self._by_spelling.get(name)
            if field is None:
                self.unknown[name] = value
            elif value is not None or field.kind.takes_null:
                self._take(field, name, value)

    def _leaves(self, raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        blocks = {name.partition(".")[0] for name in self._by_spelling if "." in name}
        for name, value in raw.items():
            if name in blocks and isinstance(value, dict):
                self.blocks.add(name)
                for part, inner in value.items():
                    yield f"{name}.{part}", inner
            elif name in blocks and name not in self._by_spelling:
                if not is_blank(value):
                    sentence = f"{name} is not of a type(s) object"
                    self.fault(name, sentence)
            elif "." in name:
                self.unknown[name] = value
            else:
                yield name, value

    def _take(self, field: Field, name: str, raw: Any) -> None:
        try:
            value = field.kind.read(raw, name)
        except Wrong as wrong:
            self._spelled.setdefault(field.key, name)
            self.fault(field.group, wrong.sentence, code=wrong.code, key=field.key)
            return
        if value is None:
            return
        before = self._values.get(field.key)
        if _is_nothing(before):
            self._values[field.key] = value
            self._spelled[field.key] = name
        elif not _is_nothing(value) and value != before:
            self.fault(
                field.group,
                f"{self._spelled[field.key]} and {name} are one field and have different values; "
                "send one of them",
                key=field.key,
            )

    # ------------------------------------------------------------ values

    def text(self, key: str) -> str | None:
        value = self._value(key)
        return value if isinstance(value, str) else None

    def flag(self, key: str) -> bool | None:
        value = self._value(key)
        return value if isinstance(value, bool) else None

    def number(self, key: str) -> int | None:
        value = self._value(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def words(self, key: str) -> tuple[str, ...] | None:
        value = self._value(key)
        return value if isinstance(value, tuple) else None

    def records(self, key: str) -> tuple[dict[str, Any], ...] | None:
        value = self._value(key)
        return value if isinstance(value, tuple) else None

    def headers(self, key: str) -> dict[str, str] | None:
        value = self._value(key)
        return value if isinstance(value, dict) else None

    def events(self, key: str) -> tuple[str, ...]:
        """The events to subscribe to; what no event is called is warned of."""
        value = self._value(key)
        if not isinstance(value, Names):
            return ()
        if value.ignored:
            self.warnings.append(f"{self.spelled(key)}: no event is called {listed(value.ignored)}")
        return value.subscribed

    def _value(self, key: str) -> Any:
        return self._values.get(self._fields[key].key)  # KeyError: a slip of ours

    def has(self, key: str) -> bool:
        """True when a value was given, a wrong one too."""
        return self._fields[key].key in self._spelled

    def given(self, group: str) -> bool:
        """True when anything of a group was given, an empty block too."""
        return group in self.blocks or any(
            self._fields[key].group == group for key in self._spelled
        )

    def spelled(self, key: str, beside: str | None = None) -> str:
        """How the caller spelled a field, or would have, as they spelled the one `beside` it."""
        field = self._fields[key]
        if key in self._spelled:
            return self._spelled[key]
        if beside in self._spelled:
            place = self._fields[beside].spellings.index(self._spelled[beside])
            if place < len(field.spellings):
                return field.spellings[place]
        block = f"{field.group}."
        inside = (s for s in field.spellings if s.startswith(block) and field.group in self.blocks)
        return next(inside, field.spellings[0])

    # ------------------------------------------------------------ faults

    def fault(
        self, group: str, sentence: str, *, code: str | None = None, key: str | None = None
    ) -> None:
        self._faults.append(
            Fault(group=group, code=code or _code(group), sentence=sentence, key=key)
        )

    def is_wrong(self, group: str) -> bool:
        return any(fault.group == group for fault in self._faults)

    def lead(self, group: str, sentence: str) -> None:
        """Say this before the first fault of a group."""
        places = (n for n, fault in enumerate(self._faults) if fault.group == group)
        fault = Fault(group=group, code=_code(group), sentence=sentence)
        self._faults.insert(next(places, len(self._faults)), fault)

    def forgive(self, group: str) -> None:
        """What is switched off cannot be wrong, but for its switch."""
        switch = f"{group}.enabled"
        self._faults = [f for f in self._faults if f.group != group or f.key == switch]

    def refuse(self, code: str) -> None:
        """Raise one `Invalid` with every sentence, if there are any.

        Its code is the one that all faults share, else `code`.
        """
        if not self._faults:
            return
        codes = {fault.code for fault in self._faults}
        sentences = dict.fromkeys(fault.sentence for fault in self._faults)
        raise Invalid(*sentences, code=codes.pop() if len(codes) == 1 else code)


def listed(names: Sequence[str]) -> str:
    """The first few names, for a warning."""
    more = "" if len(names) <= _LISTED else " and others"
    return ", ".join(name[:_LONGEST] for name in names[:_LISTED]) + more


def _code(group: str) -> str:
    if group in TRANSPORTS:
        return "transport.invalid"
    return f"{group if group in _GROUPS else 'instance'}.invalid"


def _is_nothing(value: Any) -> bool:
    """True for what yields to another spelling; `False` and 0 are values."""
    return value is None or (isinstance(value, str | tuple | dict | Names) and not value)
