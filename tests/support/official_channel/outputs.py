"""Whether two rows of messages show the same, or ours the same and better.

Nothing that the official channel shows may be missing, and nothing may be added, but for what a
rule of this module names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from support.official_channel.messages import DASH, Choice, Shown
from support.official_channel.reasons import Better

_DOUBLED = re.compile(r"(\S+) \(\1\)")
_ITEM = re.compile(r"^(\s*)\* ", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_RULE = re.compile(r"^\*\*\*$", re.MULTILINE)
_EMBEDS = (
    (re.compile(r"https://www\.youtube\.com/embed/([\w-]+)"), r"https://youtu.be/\1"),
    (re.compile(r"https://player\.vimeo\.com/video/(\w+)"), r"https://vimeo.com/\1"),
    (re.compile(r"https://www\.tiktok\.com/embed/v2/(\w+)"), r"https://www.tiktok.com/@/video/\1"),
)
#: A file that one side keeps at an address of its own, on this machine.
_KEPT_FILE = re.compile(r"https?://127\.0\.0\.1[^\s\]]*\.(\w{2,5})(?=[\s\],]|$)")
#: The person's own, in the recording and here.
_PERSON = re.compile(r"\+?\b\d{12,14}\b")
_NUMBER = re.compile(r"^(?:\d+[.)]|[-•*])\s+")
_CUT = re.compile(r"( \(\d+\))?\.\.$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """`missing`: what the official channel shows and Ponte does not; `added`: the other way."""

    better: frozenset[Better] = frozenset()
    missing: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.missing and not self.added


def compare(
    official: Sequence[Shown],
    ours: Sequence[Shown],
    *,
    own_words: frozenset[str] = frozenset(),
    dropped: frozenset[str] = frozenset(),
    leads: frozenset[str] = frozenset(),
) -> Compared:
    """Compare what was sent. `own_words`: what Ponte writes above and below menus by itself.

    `dropped`: addresses of the flow's pictures of kinds that the official channel drops. `leads`:
    where its pictures lead to, and the words for it.
    """
    plain_ours = [_plain(one) for one in ours]
    plain = [_plain(one) for one in official]
    if plain == plain_ours:
        return Compared()
    found: set[Better] = set()
    improved = plain
    for reason, change in _CHANGES:
        changed = [replace(one, text=change(one.text)) for one in improved]
        if changed != improved and _covers(changed, plain_ours) >= _covers(improved, plain_ours):
            found.add(reason)
            improved = changed
    if improved == plain_ours:
        return Compared(better=frozenset(found))
    found.update(_menus(improved, plain_ours))
    rest = _Rest(improved, plain_ours, own_words)
    added = rest.added
    told = [line for line in added if line in leads]
    linked = [line for line in added if line in dropped]
    more = _files(plain_ours) - _files(improved)
    shown = min(max(more, 0) + len(linked), len(dropped))
    found |= {Better.PICTURES_LEAD} if told else set()
    found |= {Better.PICTURES_SHOWN} if shown else set()
    added = [line for line in added if line not in {*told, *linked}]
    added += ["a file"] * (more - (shown - len(linked)))
    missing = [*rest.missing, *(["a file"] * -more)]
    if not missing and not added and _is_split(improved, plain_ours):
        found.add(Better.FITS)
    if not _are_in_order(_lines(improved), _lines(plain_ours)):
        missing.append("the order")
    if not missing and not added and not found:
        missing = ["the arrangement differs and no rule says why"]
    return Compared(better=frozenset(found), missing=tuple(missing), added=tuple(added))


# -- what is written better --------------------------------------------------------------------


def _links(text: str) -> str:
    for pattern, link in _EMBEDS:
        text = pattern.sub(link, text)
    return text


_CHANGES: tuple[tuple[Better, Callable[[str], str]], ...] = (
    (Better.LINK_ONCE, lambda text: _DOUBLED.sub(r"\1", text)),
    (Better.LISTS, lambda text: _ITEM.sub(r"\1- ", text)),
    (Better.HEADINGS, lambda text: _HEADING.sub(r"*\1*", text)),
    (Better.RULES, lambda text: _RULE.sub("———", text)),
    (Better.LINK_OPENS, _links),
)


def _plain(one: Shown) -> Shown:
    """Without what differs by place and moment: where a file is kept, blanks at the end."""
    text = _KEPT_FILE.sub(lambda found: f"<{_ending(found[1])}>", one.text)
    text = _PERSON.sub("<number>", text)
    return replace(one, text="\n".join(line.rstrip() for line in text.split("\n")).strip("\n"))


def _ending(ending: str) -> str:
    return "jpg" if ending.lower() == "jpeg" else ending.lower()


# -- menus -------------------------------------------------------------------------------------


def _menus(official: Sequence[Shown], ours: Sequence[Shown]) -> Iterator[Better]:
    theirs = [one for one in official if one.choices]
    mine = [one for one in ours if one.choices]
    if len(mine) < len(theirs):
        yield Better.ONE_MENU
    seen = {choice.id: choice for one in mine for choice in one.choices}
    known = {choice.id for one in theirs for choice in one.choices}
    if theirs and set(seen) > known:
        yield Better.EVERY_PATH
    if (
        len({one.title for menu in theirs for one in menu.choices})
        < len(known)
        <= len({one.title for one in seen.values()})
    ):
        yield Better.NAMED
    if any(_is_wholer(seen.get(one.id), one) for menu in theirs for one in menu.choices):
        yield Better.TITLES_WHOLE


def _is_wholer(mine: Choice | None, theirs: Choice) -> bool:
    if mine is None or not _CUT.search(theirs.title):
        return False
    start = _CUT.sub("", theirs.title)
    return any(
        whole.startswith(start.rstrip()) and len(whole) > len(start) and not _CUT.search(whole)
        for whole in (mine.title, mine.description)
    )


# -- what is there -----------------------------------------------------------------------------


class _Rest:
    """Lines and choices that only one side shows."""

    def __init__(
        self, official: Sequence[Shown], ours: Sequence[Shown], own_words: frozenset[str]
    ) -> None:
        self._theirs = {choice.id: choice for one in official for choice in one.choices}
        self._mine = {choice.id: choice for one in ours for choice in one.choices}
        mine = _lines(ours)
        readable = set(mine) | {
            _bare(part)
            for choice in self._mine.values()
            for part in (choice.title, choice.description)
        }
        theirs = _lines(official)
        self.missing = [line for line in theirs if line not in readable]
        self.missing += [
            choice.title
            for choice in self._theirs.values()
            if choice.id not in self._mine and not _is_numbered(choice, readable)
        ]
        known = (
            set(theirs)
            | {_bare(word) for word in own_words}
            | {_bare(choice.title) for choice in (*self._theirs.values(), *self._mine.values())}
        )
        self.added = [line for line in mine if line not in known and not self._whole(line)]

    def _whole(self, line: str) -> bool:
        """Whether it is a title that the official channel cuts."""
        return any(
            _CUT.search(one.title) and line.startswith(_bare(_CUT.sub("", one.title)))
            for one in self._theirs.values()
        )


def _lines(messages: Sequence[Shown]) -> list[str]:
    return [_bare(line) for one in messages for line in one.lines if line != DASH]


def _are_in_order(theirs: Sequence[str], mine: Sequence[str]) -> bool:
    """Whether what both say once stands in the same order on both sides."""
    places = [mine.index(one) for one in theirs if theirs.count(one) == mine.count(one) == 1]
    return places == sorted(places)


def _is_numbered(choice: Choice, readable: set[str]) -> bool:
    start = _bare(_CUT.sub("", choice.title))
    return any(line == start or line.startswith(start) for line in readable)


def _bare(line: str) -> str:
    return _NUMBER.sub("", line.strip()).strip("*_ ")


def _files(messages: Sequence[Shown]) -> int:
    return sum(
        one.picture or one.kind in {"image", "video", "audio", "document"} for one in messages
    )


def _covers(official: Sequence[Shown], ours: Sequence[Shown]) -> int:
    mine = {one.text for one in ours} | {line for one in ours for line in one.lines}
    return sum(one.text in mine for one in official) + sum(
        line in mine for one in official for line in one.lines
    )


def _is_split(official: Sequence[Shown], ours: Sequence[Shown]) -> bool:
    return len(ours) > len(official) and any(len(one.text) > 4096 for one in official)
