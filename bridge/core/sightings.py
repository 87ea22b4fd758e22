"""What one chat showed of its person, each thing with its time; the address follows from it.

So the address is the same in whatever order events are accepted. Numbers that are somebody else's
by now are kept, and not written to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bridge.core.identity import keys
from bridge.core.identity_graph import is_hidden
from bridge.core.party import Party

#: The fields of a party that hold an address, by the kind of its key.
_FIELDS: Final = {"phone": "wa_id", "lid": "lid", "bsuid": "bsuid", "group": "group"}
_WORDS: Final = ("name", "username", "parent_bsuid")
_NEVER: Final = -1
#: How many addresses of a chat are remembered: nobody has so many.
_MOST: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A key in its newest spelling (`raw`), last seen at `at` (ms).

    `told_at`: last seen there beside a hidden id. `is_theirs`: it is still this person's.
    """

    at: int
    raw: str
    told_at: int = _NEVER
    is_theirs: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sightings:
    """By key, and by the name of a field for what is no key. `shown` came together last."""

    keys: Mapping[str, Sighting] = field(default_factory=dict)
    words: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    shown_at: int = 0


def told(found: Mapping[str, Any]) -> Sightings:
    """Read sightings that were stored as JSON."""
    return Sightings(
        keys={key: Sighting(**one) for key, one in found["keys"].items()},
        words={name: (at, word) for name, (at, word) in found["words"].items()},
        shown=tuple(found["shown"]),
        shown_at=found["shown_at"],
    )


def of_party(party: Party, at: int) -> Sightings:
    """What a chat of an older version knew, which kept no times."""
    return observed(Sightings(), party, at=at, theirs=keys(party))


def observed(
    before: Sightings, party: Party, *, at: int, theirs: Collection[str], is_told: bool = False
) -> Sightings:
    """With what an event at `at` showed; `theirs` are the keys that are this person's.

    `is_told`: the event showed a hidden id as well, though this party has none.
    """
    shown = keys(party)
    is_told = is_told or any(is_hidden(key) for key in shown)
    found, words = dict(before.keys), dict(before.words)
    names = {_FIELDS[key.partition(":")[0]]: key for key in shown}
    for name in (*_FIELDS.values(), *_WORDS):
        raw = getattr(party, name)
        if not raw or raw.isspace():
            continue
        key = names.get(name)
        if key is None:
            words[name] = _newer(words.get(name), (at, raw))
        else:
            one = Sighting(at=at, raw=raw, told_at=at if is_told else _NEVER)
            found[key] = replace(_both(found.get(key), one), is_theirs=key in theirs)
    return replace(before, keys=_few(found), words=words)


def combined(one: Sightings, other: Sightings) -> Sightings:
    """What two chats showed that turned out to be one person's."""
    words = dict(one.words)
    for name, word in other.words.items():
        words[name] = max(words.get(name, word), word)
    found = dict(one.keys)
    for key, sighting in other.keys.items():
        found[key] = _both(found.get(key), sighting)
    newest = max(one, other, key=lambda seen: (seen.shown_at, seen.shown))
    return Sightings(keys=_few(found), words=words, shown=newest.shown, shown_at=newest.shown_at)


def owned(seen: Sightings, theirs: Collection[str]) -> Sightings:
    """The same, when these are the person's keys."""
    return replace(
        seen, keys={key: replace(one, is_theirs=key in theirs) for key, one in seen.keys.items()}
    )


def renamed(seen: Sightings, name: str | None) -> Sightings:
    """With a name that was asked for: what somebody tells of themselves later is newer."""
    if not name:
        return seen
    at, _ = seen.words.get("name", (0, ""))
    return replace(seen, words={**seen.words, "name": (at, name)})


def party_of(seen: Sightings) -> Party:
    """How to write to them. No number at all, when their newest one is somebody else's by now."""
    fields: dict[str, str | None] = {name: word for name, (_, word) in seen.words.items()}
    for kind, name in _FIELDS.items():
        of_kind = [one for key, one in seen.keys.items() if key.startswith(f"{kind}:")]
        # Once they are another's, numbers that came alone tell nothing of this person, nor do ids.
        is_number = kind == "phone"
        telling = [one for one in of_kind if one.is_theirs or (is_number and one.told_at > _NEVER)]
        if telling:
            newest = max(telling, key=lambda one: (_at(one), one.raw))
            fields[name] = newest.raw if newest.is_theirs else None
        elif of_kind:
            fields[name] = None
    return Party(**fields)


def hidden_key(seen: Sightings) -> str | None:
    """The hidden id by which the chat was last written in."""
    hidden = [(one.at, key) for key, one in seen.keys.items() if is_hidden(key)]
    return max(hidden)[1] if hidden else None


def _at(one: Sighting) -> int:
    return one.at if one.is_theirs else one.told_at


def _both(one: Sighting | None, other: Sighting) -> Sighting:
    if one is None:
        return other
    newest = max(one, other, key=lambda seen: (seen.at, seen.raw))
    return replace(newest, told_at=max(one.told_at, other.told_at))


def _newer(one: tuple[int, str] | None, other: tuple[int, str]) -> tuple[int, str]:
    """Of two words; what came last wins at the same time."""
    return other if one is None or other[0] >= one[0] else one


def _few(found: Mapping[str, Sighting]) -> dict[str, Sighting]:
    if len(found) <= _MOST:
        return dict(found)
    return dict(_newest(found.items()))


def _newest(found: Iterable[tuple[str, Sighting]]) -> list[tuple[str, Sighting]]:
    return sorted(found, key=lambda one: (one[1].at, one[0]), reverse=True)[:_MOST]
