"""Constants of JavaScript, and calls that have constants alone: read, never run.

JSON is understood, and what people write instead of it: single quotes, keys without quotes. A
name stands for the value that the flow sent along with its script (``args``); any other
expression is `Unreadable`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

#: Scripts are read so far; what we look for is short.
LONGEST_SCRIPT = 50_000
_DEEPEST = 6
_MOST_ITEMS = 200
#: What every reader of JSON takes as a whole number.
_LARGEST_NUMBER = 2**53

_GAP = re.compile(r"(?:\s|//[^\n]*|/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z))*+")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_NUMBER = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?(?![\w.])")
_WORDS = {"true": True, "false": False, "null": None, "undefined": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "", "b": "", "f": "", "0": ""}
_CLOSING = {"{": "}", "[": "]"}
_SKIPPED = re.compile(
    r"\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?|`(?:[^`\\]|\\.)*+`?", re.DOTALL
)


_Read = TypeVar("_Read")


class Unreadable(Exception):
    """What stands there is no constant."""


def constant(source: str, known: Mapping[str, Any]) -> Any:
    """The value of a source that is one constant and nothing else. Raises `Unreadable`."""
    reader = _Reader(source, known)
    value = reader.value(_DEEPEST)
    reader.skip(";")
    if reader.at < len(source):
        raise Unreadable
    return value


def calls(
    script: str, names: Sequence[str], known: Mapping[str, Any], *, anywhere: bool = False
) -> Iterator[tuple[str, Sequence[Any] | Unreadable]]:
    """The calls of these functions with their arguments, in order.

    A call counts as a statement of its own outside all brackets, so that what a script merely
    defines or hands on is no call; `anywhere`: inside of functions as well.
    """
    script = script[:LONGEST_SCRIPT]
    for at, name in _places(script, names, anywhere=anywhere):
        reader = _Reader(script, known, at + len(name))
        try:
            yield name, reader.arguments()
        except Unreadable as error:
            yield name, error


def _places(script: str, names: Sequence[str], *, anywhere: bool) -> Iterator[tuple[int, str]]:
    """Where calls begin, outside of texts and comments."""
    call = re.compile(rf"({'|'.join(map(re.escape, names))})\s*\(")
    depth, at, begins = 0, 0, True
    while at < len(script):
        gap = _GAP.match(script, at)
        if gap and gap.end() > at:
            begins = begins or "\n" in gap[0]
            at = gap.end()
            continue
        found = call.match(script, at)
        if found and (anywhere or (begins and depth == 0)):
            yield at, found[1]
        at, step = _past(script, at)
        depth = max(depth + step, 0)
        begins = script[at - 1] in ";}"


def _past(script: str, at: int) -> tuple[int, int]:
    """The end of the piece that begins at `at`, and how much deeper it leads."""
    if word := _NAME.match(script, at) or _SKIPPED.match(script, at):
        return max(word.end(), at + 1), 0
    return at + 1, (script[at] in "([{") - (script[at] in ")]}")


class _Reader:
    """A place in a source, and what can be read from there on."""

    def __init__(self, source: str, known: Mapping[str, Any], at: int = 0) -> None:
        self.source = source
        self.known = known
        self.at = at
        self.items = 0

    def gap(self) -> None:
        gap = _GAP.match(self.source, self.at)
        self.at = gap.end() if gap else self.at

    def skip(self, mark: str) -> bool:
        """Step over a mark, if it is next, and over the blanks on both sides."""
        self.gap()
        found = self.source.startswith(mark, self.at)
        if found:
            self.at += len(mark)
            self.gap()
        return found

    def expect(self, mark: str) -> None:
        if not self.skip(mark):
            raise Unreadable

    def arguments(self) -> list[Any]:
        self.expect("(")
        return self._several(")", lambda: self.value(_DEEPEST))

    def value(self, depth: int) -> Any:
        self.gap()
        self.items += 1
        if not depth or self.items > _MOST_ITEMS:
            raise Unreadable
        first = self.source[self.at : self.at + 1]
        if first in ("{", "["):
            return self._nested(first, depth)
        if first in ('"', "'", "`"):
            return self._string(first)
        if number := _NUMBER.match(self.source, self.at):
            self.at = number.end()
            return _number(number[0])
        return self._named()

    def _nested(self, opening: str, depth: int) -> Any:
        self.expect(opening)
        closing = _CLOSING[opening]
        if opening == "[":
            return self._several(closing, lambda: self.value(depth - 1))
        return dict(self._several(closing, lambda: self._pair(depth - 1)))

    def _several(self, closing: str, read: Callable[[], _Read]) -> list[_Read]:
        found: list[_Read] = []
        while not self.skip(closing):
            found.append(read())
            if not self.skip(","):
                self.expect(closing)
                break
        return found

    def _pair(self, depth: int) -> tuple[str, Any]:
        self.gap()
        first = self.source[self.at : self.at + 1]
        if first in ('"', "'"):
            key = self._string(first)
        elif name := _NAME.match(self.source, self.at):
            key, self.at = name[0], name.end()
        else:
            raise Unreadable
        self.expect(":")
        return key, self.value(depth)

    def _string(self, quote: str) -> str:
        text = _SKIPPED.match(self.source, self.at)
        if text is None or len(text[0]) < 2 or text[0][-1] != quote:  # noqa: PLR2004  two quotes
            raise Unreadable
        inside = text[0][1:-1]
        if quote == "`" and "${" in inside:
            raise Unreadable
        self.at = text.end()
        return _unescaped(inside)

    def _named(self) -> Any:
        name = _NAME.match(self.source, self.at)
        if name is None or (name[0] not in self.known and name[0] not in _WORDS):
            raise Unreadable
        self.at = name.end()
        if name[0] in self.known:
            return self.known[name[0]]
        return _WORDS[name[0]]


def _number(spelled: str) -> int | float | str:
    """A number; as it is spelled where it would lose what it says: ``007``, one of 20 digits."""
    digits = spelled.removeprefix("-")
    if digits.startswith("0") and digits[1:2].isdigit():
        return spelled
    value: int | float = json.loads(spelled)
    return value if abs(value) <= _LARGEST_NUMBER else spelled


def _unescaped(inside: str) -> str:
    if "\\" not in inside:
        return inside
    text = re.sub(
        r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))",
        _character,
        inside,
        flags=re.DOTALL,
    )
    # Two halves make a character; one alone makes none.
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _character(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    if code:
        return chr(int(code, 16)).replace("\0", "")
    return _ESCAPES.get(match[3], match[3])
