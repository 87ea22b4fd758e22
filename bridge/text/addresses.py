"""Where addresses stand in a text: URLs, e-mail addresses, handles. No mark is read inside them.

A hand-written scan: it looks for the few characters that every address has and grows from there.
"""

from __future__ import annotations

Span = tuple[int, int]

_ANCHORS = ("://", "@", "www.", "/")
#: What ends a URL, beside white space and control characters.
_ENDS = frozenset('<>"`|\\^“”„«»‘’、。，！？）】」')
#: What ends a sentence or a mark rather than the URL before it.
_TRAILING = ".,;:!?'*_~…"
_CLOSING = {")": "(", "]": "[", "}": "{"}
_LOCAL = frozenset("._%+-")
_MAX_SCHEME = 20
_MAX_LOCAL = 64
_MAX_HOST = 253


def find_addresses(text: str, *, handles: bool = True) -> list[Span]:
    """Give the places of all addresses, in order, not overlapping.

    A mark at the end of an address (``*https://x.example*``) does not belong to it. Names such as
    ``@_maria_`` count, too, unless `handles` is false.
    """
    if "/" not in text and "@" not in text and "www." not in text:
        return []
    spans: list[Span] = []
    floor = 0
    nearest = {anchor: text.find(anchor) for anchor in _ANCHORS}
    while True:
        found = [(at, -len(anchor), anchor) for anchor, at in nearest.items() if at >= 0]
        if not found:
            return spans
        at, _, anchor = min(found)
        span = _grow(text, at, anchor, floor)
        if span is not None:
            if handles or text[span[0]] != "@":
                spans.append(span)
            floor = span[1]
        past = max(at + 1, floor)
        for each, place in nearest.items():
            if 0 <= place < past:
                nearest[each] = text.find(each, past)


def _grow(text: str, at: int, anchor: str, floor: int) -> Span | None:
    if anchor == "@":
        return _email(text, at, floor) or _handle(text, at)
    if anchor == "://":
        start = _back(text, at, floor, _MAX_SCHEME, frozenset("+.-"))
        while start < at and not text[start].isalpha():
            start += 1
        body = at + len(anchor)
        if start == at:
            return None
    elif anchor == "www.":
        start, body = at, at + len(anchor)
        if at > floor and text[at - 1].isalnum():
            return None
    else:
        start, body = _back(text, at, floor, _MAX_HOST, frozenset(".-")), at + 1
        if not _is_host(text[start:at]):
            return None
    end = _url_end(text, body)
    return (start, end) if end > body or anchor == "/" else None


def _back(text: str, at: int, floor: int, most: int, also: frozenset[str]) -> int:
    """The start of the ASCII word, with the characters `also`, that ends at `at`."""
    start = at
    lowest = max(floor, at - most)
    while start > lowest and (_is_word(text[start - 1]) or text[start - 1] in also):
        start -= 1
    return start


def _forward(text: str, at: int, also: frozenset[str]) -> int:
    end = at
    while end < len(text) and (_is_word(text[end]) or text[end] in also):
        end += 1
    return end


def _is_word(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _is_host(text: str) -> bool:
    before, dot, last = text.rpartition(".")
    return bool(dot) and before != "" and len(last) > 1 and last.isalpha()


def _url_end(text: str, at: int) -> int:
    """The end of the URL whose part from `at` on is free; brackets must be balanced."""
    opened: list[str] = []
    end = at
    while end < len(text):
        char = text[end]
        if char <= " " or char in _ENDS or char.isspace():
            break
        if char in "([{":
            opened.append(char)
        elif char in _CLOSING and (not opened or opened.pop() != _CLOSING[char]):
            break
        end += 1
    while end > at and text[end - 1] in _TRAILING:
        end -= 1
    return end


def _email(text: str, at: int, floor: int) -> Span | None:
    start = _back(text, at, floor, _MAX_LOCAL, _LOCAL)
    while start < at and text[start] in "._-":
        start += 1
    end = _forward(text, at + 1, frozenset(".-"))
    while end > at and text[end - 1] in ".-":
        end -= 1
    return (start, end) if start < at and _is_host(text[at + 1 : end]) else None


def _handle(text: str, at: int) -> Span | None:
    if at and text[at - 1].isalnum():
        return None
    end = _forward(text, at + 1, frozenset("._"))
    while end > at + 1 and text[end - 1] == ".":
        end -= 1
    if not text.startswith("_", at + 1):
        while text[end - 1] == "_":
            end -= 1
    return (at, end) if end > at + 1 else None
