"""Splitting of a text that is longer than a channel takes (whatsapp-channels.md A.8)."""

from __future__ import annotations

from unicodedata import category

from bridge.text.addresses import find_addresses

_FENCE = "```"
#: Below this no room is spent on closing and opening code again.
_LEAST_FOR_FENCES = 40
_SENTENCE_ENDS = (". ", "! ", "? ", "… ", ".\n", "!\n", "?\n", ": ", "; ")
_JOINER = "\u200d"
_REGIONAL = range(0x1F1E6, 0x1F200)
_SKIN = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
_EXTENDING = frozenset({"Mn", "Me", "Mc", "Cs"})
#: How far back a cut looks for the start of what hangs together; longer is cut anyway.
_MAX_CLUSTER = 64


def split(text: str, limit: int) -> list[str]:
    """Split a text into parts of at most `limit` characters (code points).

    Cuts between paragraphs, lines, sentences or words, in this order, if that leaves no part
    less than half full; else inside a word, but not inside an address that fits into a part, nor
    inside an emoji or a letter with its accents. Only white space at the cuts and at both ends is
    lost; no part is empty. Code that is cut is closed and opened again with three backticks.
    """
    if limit < 1:
        raise ValueError("limit must be positive")
    if len(text) <= limit:
        return [text] if text.strip() else []
    text = text.strip()
    last_fence = text.rfind(_FENCE)
    parts: list[str] = []
    at = 0
    reopened = False
    while at < len(text):
        window = text[at : at + 2 * limit + 1]
        closes = last_fence >= at
        part, used, reopened = _take(window, limit, reopened=reopened, fences=closes)
        parts.append(part)
        at += used
        while not reopened and at < len(text) and text[at].isspace():
            at += 1
    return parts


def shorten(text: str, limit: int) -> str:
    """A text in at most `limit` characters, ending in "…" when something is missing.

    An emoji or a letter with its accents stays whole; nothing else is respected.
    """
    if len(text) <= limit:
        return text
    at = limit - 1
    while at > 1 and limit - 1 - at < _MAX_CLUSTER and not _is_border(text, at):
        at -= 1
    return text[: at if _is_border(text, at) else limit - 1].rstrip() + "…"


def _take(window: str, limit: int, *, reopened: bool, fences: bool) -> tuple[str, int, bool]:
    """The next part, how much of the window it uses, and whether what remains begins in code.

    `window` is longer than any part, unless it is all that remains; `fences` says that three
    backticks stand in what remains.
    """
    opening = _FENCE if reopened else ""
    if len(opening) + len(window) <= limit:
        return opening + window, len(window), False
    fenced = fences and limit >= _LEAST_FOR_FENCES and (reopened or _FENCE in window[:limit])
    if not fenced:
        cut = _cut(window, limit - len(opening))
        return opening + window[:cut].rstrip(), cut, False
    cut = _cut(window, limit - len(opening) - len(_FENCE))
    if (window.count(_FENCE, 0, cut) + reopened) % 2 == 0:
        return opening + window[:cut].rstrip(), cut, False
    return _cut_code(opening, window, cut)


def _cut_code(opening: str, window: str, cut: int) -> tuple[str, int, bool]:
    """Cut inside code: close it, and open it again, unless it begins or ends right here."""
    part = window[:cut].rstrip()
    rest = window[cut:].lstrip()
    if rest.startswith(_FENCE):
        return opening + part + _FENCE, len(window) - len(rest) + len(_FENCE), False
    before = part.removesuffix(_FENCE).rstrip()
    if before and len(before) < len(part):
        return opening + before, len(part) - len(_FENCE), False
    return opening + part + _FENCE, len(window) - len(window[cut:].lstrip("\n")), True


def _cut(text: str, room: int) -> int:
    """Where to cut a text that is longer than `room`; more than 0 and at most `room`."""
    half = room // 2
    for ends in (("\n\n",), ("\n",), _SENTENCE_ENDS):
        at = max(_rfind_end(text, end, half, room) for end in ends)
        if at > 0:
            return at
    at = room
    while at > 0 and not text[at].isspace():
        at -= 1
    return at or _cut_word(text, room)


def _rfind_end(text: str, end: str, low: int, high: int) -> int:
    """The last place in the range after an `end` of something, its white space left out."""
    visible = len(end.rstrip())
    at = text.rfind(end, max(low - visible, 0), high + len(end) - visible)
    return at + visible if at + visible > 0 and at >= 0 else 0


def _cut_word(text: str, room: int) -> int:
    for start, end in find_addresses(text[: 2 * room]):
        if start < room < end and start > 0 and end - start <= room:
            return start
    at = room
    while at > 1 and room - at < _MAX_CLUSTER and not _is_border(text, at):
        at -= 1
    return at if _is_border(text, at) else room


def _is_border(text: str, at: int) -> bool:
    """Whether a text may be cut before the character at `at` (a small part of Unicode's UAX 29)."""
    before, after = text[at - 1], text[at]
    code = ord(after)
    if _JOINER in (before, after) or code in _SKIN or code in _TAGS:
        return False
    if category(after) in _EXTENDING or (before == "`" and after == "`"):
        return False
    if code in _REGIONAL and ord(before) in _REGIONAL:
        first = at
        while first > 0 and ord(text[first - 1]) in _REGIONAL and at - first < _MAX_CLUSTER:
            first -= 1
        return (at - first) % 2 == 0
    return True
