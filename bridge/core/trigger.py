"""Which flow a text starts, and whether it ends one. Pure.

Source: evolution-instance-typebot.md 5.4, in the order that it recommends: what is specific comes
before ``all``, that before the fallback; ``none`` never starts by itself. A text that is empty
matches nothing, and no trigger can keep another from being looked at.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

import regex

from bridge.core.patterns import fault_of
from bridge.core.typebot import BotSettings, StoredBot, merged

#: Of a longer text only the beginning is compared, and with `endsWith` only the end.
LONGEST: Final = 4096
LONGEST_PATTERN: Final = 1000
#: Seconds that one pattern may take, and all patterns that one text is compared with: it happens
#: in the unit that keeps the message, which keeps every other waiting.
TIME_LIMIT: Final = 0.02
PATIENCE: Final = 0.04
#: Compiled patterns that are kept; the largest has some MB.
_MOST_COMPILED: Final = 100

_SEPARATORS: Final = ",;\n\r"
_QUOTES: Final = {'"': '"', "\u201c": "\u201d"}
_UNSEEN: Final = frozenset({"Mn", "Cf", "Cc"})
#: More marks on one letter than any language has: putting them in order takes time to the square.
_HEAP: Final = regex.compile(r"(\p{M}{8})\p{M}+")


def select(
    text: str,
    bots: Sequence[StoredBot],
    settings: BotSettings | None = None,
    *,
    timer: Callable[[], float],
) -> StoredBot | None:
    """The flow that a text starts; None: none. Flows that are switched off are left out.

    `timer` gives seconds of work, by which the patience with patterns is counted: the thread's
    own, else a machine that stands still for a moment would make good patterns slow.
    """
    if not text.strip():
        return None
    enabled = [(one, merged(one.bot, settings)) for one in bots if one.bot.enabled]
    said = _Said(text, timer)
    for ask in (_is_advanced, *_operators(said), _is_all):
        for one, own in enabled:
            if ask(one, said, own):
                return one
    fallback = settings.fallback_id if settings is not None else None
    return next((one for one, _ in enabled if one.id == fallback), None)


def finishes(text: str, words: str) -> bool:
    """Whether a whole text is one of the words that end a flow.

    `words` stand between commas, semicolons or line breaks; case, accents and blanks around do not
    count.
    """
    if not words.strip() or len(text) > LONGEST:
        return False
    said = plain(text)
    return bool(said) and said in {plain(word) for word in _split(words, _SEPARATORS)}


@lru_cache(maxsize=128)  # one long text is compared with the triggers of many flows
def plain(text: str, *, case: bool = True, accents: bool = True) -> str:
    """A text as texts are compared: trimmed, and without case and accents where these go."""
    found = unicodedata.normalize("NFC", _HEAP.sub(r"\1", text)).strip()
    if accents:
        parts = unicodedata.normalize("NFKD", found)
        found = "".join(mark for mark in parts if unicodedata.category(mark) not in _UNSEEN)
    return found.casefold() if case else found


# -- keywords -----------------------------------------------------------------------------------


class _Said:
    """A text that many flows are compared with, and the patience that their patterns share."""

    def __init__(self, text: str, timer: Callable[[], float] = lambda: 0.0) -> None:
        whole = text.strip()
        self._begins = whole[:LONGEST]
        self._ends = whole[-LONGEST:]
        self._plain: dict[tuple[bool, bool, bool], str] = {}
        self._timer = timer
        self._left = PATIENCE

    def plain(self, settings: BotSettings, *, end: bool = False) -> str:
        return self._compared(case=settings.ignore_case, accents=settings.ignore_accents, end=end)

    def _compared(self, *, case: bool, accents: bool, end: bool = False) -> str:
        key = (case, accents, end)
        if key not in self._plain:
            text = self._ends if end else self._begins
            self._plain[key] = plain(text, case=case, accents=accents)
        return self._plain[key]

    def matches(self, value: str, settings: BotSettings) -> bool:
        """Unanchored, as Evolution's. A bad or a slow pattern matches nothing."""
        tries = {(value, self._begins)}
        if settings.ignore_accents:
            bare = self._compared(case=False, accents=True)
            tries.add((_value(value, case=False, accents=True), bare))
        flags = regex.IGNORECASE if settings.ignore_case else 0
        return any(self._search(pattern, one, flags) for pattern, one in tries)

    def _search(self, pattern: str, text: str, flags: int) -> bool:
        if self._left <= 0:
            return False
        began = self._timer()
        try:
            compiled = _compiled(pattern, flags)
            return compiled is not None and bool(compiled.search(text, timeout=TIME_LIMIT))
        except (TimeoutError, MemoryError):
            return False
        finally:
            self._left -= self._timer() - began


@lru_cache(maxsize=_MOST_COMPILED)
def _compiled(pattern: str, flags: int) -> regex.Pattern[str] | None:
    if len(pattern) > LONGEST_PATTERN or fault_of(pattern) is not None:
        return None
    try:
        return regex.compile(pattern, flags, cache_pattern=False)
    except (regex.error, ValueError, OverflowError, KeyError, TypeError, RecursionError):
        return None  # good by itself, and bad with these flags


@lru_cache(maxsize=1000)
def _value(value: str, *, case: bool, accents: bool) -> str:
    """What a flow's settings want a text compared with."""
    return plain(value, case=case, accents=accents)


def _wanted(value: str, settings: BotSettings) -> str:
    return _value(value, case=settings.ignore_case, accents=settings.ignore_accents)


_Ask = Callable[[StoredBot, _Said, BotSettings], bool]


def _operators(said: _Said) -> Iterator[_Ask]:
    """The keyword operators in Evolution's order."""
    matches: Mapping[str, Callable[[str, BotSettings], bool]] = {
        "equals": lambda value, own: said.plain(own) == _wanted(value, own),
        "regex": said.matches,
        "startsWith": lambda value, own: said.plain(own).startswith(_wanted(value, own)),
        "endsWith": lambda value, own: said.plain(own, end=True).endswith(_wanted(value, own)),
        "contains": lambda value, own: _wanted(value, own) in said.plain(own),
    }

    def asked(operator: str) -> _Ask:
        def ask(one: StoredBot, _: _Said, settings: BotSettings) -> bool:
            bot = one.bot
            if bot.trigger_type != "keyword" or bot.trigger_operator != operator:
                return False
            value = bot.trigger_value or ""
            return bool(value.strip()) and matches[operator](value, settings)

        return ask

    return (asked(operator) for operator in matches)


def _is_all(one: StoredBot, _said: _Said, _settings: BotSettings) -> bool:
    return one.bot.trigger_type == "all"


# -- advanced -----------------------------------------------------------------------------------

#: Neither case nor accents count.
_LOOSE: Final = BotSettings()

_FILTERS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "contains": lambda text, value: value in text,
    "notcontains": lambda text, value: value not in text,
    "startswith": lambda text, value: text.startswith(value),
    "endswith": lambda text, value: text.endswith(value),
    "exact": lambda text, value: text == value,
}


def _is_advanced(one: StoredBot, said: _Said, _settings: BotSettings) -> bool:
    return one.bot.trigger_type == "advanced" and _passes(said, one.bot.trigger_value or "")


def advanced(text: str, value: str) -> bool:
    """Whether a text passes filters as ``contains:a,b startswith:"bom dia"``.

    The values of one filter must all hold; of the same filter given twice one is enough; different
    filters must all hold. Values with blanks or commas stand in quotes. Case and accents never
    count. What is no filter makes the whole hold for nothing.
    """
    return _passes(_Said(text), value)


def are_filters(value: str) -> bool:
    """Whether a text can be read as filters."""
    return bool(_filters(value))


def _passes(said: _Said, value: str) -> bool:
    def holds(name: str, part: str) -> bool:
        return _FILTERS[name](said.plain(_LOOSE, end=name == "endswith"), part)

    filters = _filters(value)
    return bool(filters) and all(
        any(all(holds(name, part) for part in values) for values in choices)
        for name, choices in filters
    )


@lru_cache(maxsize=1000)
def _filters(value: str) -> tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]:
    """The filters by name, each with the values of each time it is given; none if one is bad."""
    asked: dict[str, list[tuple[str, ...]]] = {}
    for one in _split(value, None):
        name, colon, values = one.partition(":")
        found = tuple(part for one in _split(values, ",") if (part := plain(_bare(one))))
        if not colon or name.casefold() not in _FILTERS or not found:
            return ()
        asked.setdefault(name.casefold(), []).append(found)
    return tuple((name, tuple(choices)) for name, choices in asked.items())


def _split(text: str, separators: str | None) -> Iterator[str]:
    """The parts of a text between separators (None: any blank) that stand in no quotes."""
    part: list[str] = []
    closing: str | None = None
    for mark in text:
        parts = mark.isspace() if separators is None else mark in separators
        if closing is None and parts:
            if part:
                yield "".join(part)
            part = []
            continue
        if closing is not None:
            closing = None if mark == closing else closing
        elif mark in _QUOTES:
            closing = _QUOTES[mark]
        part.append(mark)
    if part:
        yield "".join(part)


def _bare(text: str) -> str:
    """A value without the quotes around it."""
    found = text.strip()
    for opening, closing in _QUOTES.items():
        if len(found) > 1 and found.startswith(opening) and found.endswith(closing):
            return found[1:-1]
    return found
