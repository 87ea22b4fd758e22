"""The best short text for a kind of message that nobody here knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from bridge.whatsapp.shapes import clip, rows, table, word

__all__ = ("described",)

_LONGEST: Final = 1000
_MOST: Final = 12
_DEPTH: Final = 4
#: Other messages, not this one.
_ELSEWHERE: Final = frozenset({"contextInfo", "key"})
#: Names of fields with words for people, the most telling first.
_WORDS: Final = (
    "selectedDisplayText",
    "hydratedContentText",
    "contentText",
    "text",
    "body",
    "title",
    "name",
    "caption",
    "displayName",
    "description",
    "note",
    "message",
    "orderTitle",
    "groupName",
    "newsletterName",
    "eventTitle",
    "hydratedTitleText",
    "footerText",
)

_Body = Mapping[str, Any]


def described(kind: str, body: object) -> str | None:
    """What a person can be told of it in one line; None when nothing readable is in it."""
    if isinstance(body, str):
        return clip(body, _LONGEST)
    fields = table(body)
    reader = _READERS.get(kind)
    return clip(reader(fields) if reader else None, _LONGEST) or _words(fields)


def _words(body: _Body, depth: int = 0) -> str | None:
    """The first readable field, also of the objects inside."""
    for name in _WORDS:
        if text := clip(body.get(name), _LONGEST):
            return text
    if depth >= _DEPTH:
        return None
    for name, value in body.items():
        if name not in _ELSEWHERE and (text := _words(table(value), depth + 1)):
            return text
    return None


def _joined(parts: Iterable[object], between: str = " · ") -> str | None:
    return between.join(text for one in parts if (text := clip(one, _LONGEST))) or None


def _call(body: _Body) -> str | None:
    return _joined((body.get("callOutcome"), word(body.get("durationSecs"), 12)))


def _results(body: _Body) -> str | None:
    """A poll that is over: its question, and how often each option was chosen."""
    votes = [
        f"{clip(one.get('optionName')) or '?'}: {word(one.get('optionVoteCount'), 12) or 0}"
        for one in map(table, rows(body.get("pollVotes"))[:_MOST])
    ]
    return _joined((body.get("name"), *votes))


_READERS: Final[Mapping[str, Callable[[_Body], str | None]]] = {
    "callLogMesssage": _call,
    "pollResultSnapshotMessage": _results,
    "pollResultSnapshotMessageV3": _results,
}
