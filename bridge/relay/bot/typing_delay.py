"""How long a bot seems to write before each bubble. Pure; all results are milliseconds.

A flow's own emulation is Typebot's (typebot-api.md 5, number 10), but for what counts as a word: a
run of letters with its accents, in any script; where a script has no spaces, every two signs.
"""

from __future__ import annotations

import math
from typing import Final

import regex

from bridge.core.flow import TypingEmulation
from bridge.core.typebot import BotSettings

#: Nobody writes longer than this at one bubble, whatever a flow or a setting per character says.
LONGEST: Final = 20_000
_MINUTE: Final = 60_000
#: Scripts that part no words: two of their signs are about one word.
_SPACELESS: Final = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_SIGNS: Final = regex.compile(rf"[{_SPACELESS}]")
#: Of the others: a letter, a digit or "_" with what hangs on it.
_LETTERS: Final = r"[[\p{L}\p{N}_]--[" + _SPACELESS + "]]"
_INSIDE: Final = r"[[\p{L}\p{M}\p{N}_'’]--[" + _SPACELESS + "]]"
_WORDS: Final = regex.compile(f"(?V1){_LETTERS}{_INSIDE}*")
#: Of a text so much is counted: more takes the longest time anyway.
_COUNTED: Final = 20_000


def words(text: str) -> int:
    """How many words a text has; what has none but is not blank counts as one."""
    said = text[:_COUNTED]
    count = len(_WORDS.findall(said)) + math.ceil(len(_SIGNS.findall(said)) / 2)
    return count or (1 if said.strip() else 0)


def delay(
    text: str,
    *,
    settings: BotSettings,
    typing: TypingEmulation,
    follows: bool,
    begins: bool,
) -> int:
    """How long to wait before a bubble; `text` is empty for a file.

    `follows`: another bubble of the same answer goes before it. `begins`: it is the first that a
    session says. The time per character of the settings counts first, then their delay, then the
    flow's emulation.
    """
    if settings.time_per_char > 0:
        return min(len(text) * settings.time_per_char, LONGEST)
    if settings.delay_message > 0:
        return settings.delay_message
    between = _capped(typing.delay_between * 1000) if follows else 0
    if not typing.enabled or (begins and typing.not_on_first):
        return between
    return between + _typed(words(text), typing)


def _typed(count: int, typing: TypingEmulation) -> int:
    most = _capped(typing.max_delay * 1000)
    if not count or not math.isfinite(typing.speed) or typing.speed <= 0:
        return most if count else 0
    return min(_capped(count / typing.speed * _MINUTE), most)


def _capped(ms: float) -> int:
    return round(min(max(ms, 0), LONGEST)) if math.isfinite(ms) else 0
