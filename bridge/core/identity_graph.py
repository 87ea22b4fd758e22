"""Which keys are one person's: a function of what events showed, in whatever order they came.

A *link* is two keys that one event showed together, with the newest time of such an event.

* Hidden ids (BSUID, LID) that came together are one person's for ever; a number of theirs may
  change, and an id overrules it, never the other way round (whatsapp-channels.md F.5.5).
* A number is the person's who was seen with it last. Whoever certainly is another person and was
  seen with it before has given it up, and so has whoever is only known from those days.
* Two persons certainly are two when each has an id of the same kind: a LID is one for all of
  WhatsApp, a BSUID one per business portfolio (A.4). The same person has another BSUID for another
  business: two BSUIDs of two portfolios with one number are one person. Two of one portfolio are
  not: the number went to somebody else, or its owner began anew, and without word from WhatsApp
  (a change of identity shows both ids in one event) nobody can tell which.

WhatsApp may also tell that somebody has another number (`changed`). It knows, so this holds for
ever, though nobody who writes from the new number has to show an id of before:

* Who had the old number then, and who is the first to show an id with the new one from then on, are
  this person; in each portfolio on its own. An id that is seen with the number only after another
  of its portfolio is somebody else's: the number went on without a word.
* Whoever was seen with the new number before is another person, unless WhatsApp says they are one.
  Somebody who is back at a number of before is known by the id that they had there, or not at all.

Portfolios have no id in Meta's webhooks. BSUIDs are of one portfolio when the same business
account told of both; so a BSUID is linked with the accounts that told of it (`PORTFOLIO`). One of
which nobody knows who told of it (an older version's) counts as of any.

Equal times are decided by the text of the keys, the greater wins. Raising the time of a link
within a person changes nothing: only news across persons, new links and earlier first times need
`partition`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

PHONE, LID, BSUID = "phone:", "lid:", "bsuid:"
#: No key of a person: the business account that told of a BSUID.
PORTFOLIO = "portfolio:"
#: Nor this: a change of number, by its time and the new number (`told:1700000000000:phone:...`).
TOLD = "told:"
#: So long (ms) before the word of a change, what shows the new number may have overtaken it.
OVERTAKEN: Final = 3_600_000
#: Each pair of keys of an event that are told of as a person's.
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Two keys (`one` < `other`) that an event at `at` (ms), and none later, showed together.

    `first`: when an event showed them first; 0: WhatsApp itself did not yet.
    """

    one: str
    other: str
    at: int
    first: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """Whose a key is so far, and when we learnt that."""

    person: int
    learnt_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """The keys of one person: `keep` (None: nobody yet), and `gone`, who are they as well."""

    keys: frozenset[str]
    keep: int | None
    gone: tuple[int, ...] = ()


def is_hidden(key: str) -> bool:
    """Whether a key is an id that says more than a number."""
    return key.startswith((LID, BSUID))


def tokens(keys: Iterable[str], account: str) -> tuple[str, ...]:
    """What an event showed together: keys, and which business `account` told of a BSUID."""
    shown = sorted(keys)
    told = any(key.startswith(BSUID) for key in shown)
    return (*shown, f"{PORTFOLIO}{account}") if told else tuple(shown)


def pairs(shown: Sequence[str]) -> list[Pair]:
    """The links in `tokens`."""
    return [
        (one, other)
        for one, other in combinations(sorted(shown), 2)
        if not other.startswith(PORTFOLIO) or one.startswith(BSUID)
    ]


def changed(before: Collection[str], after: Collection[str], account: str, at: int) -> list[Pair]:
    """The links in word, at `at`, that who had the keys `before` has those `after` now.

    Without a number in `after` that of before is the same as ever.
    """
    olds, news = ({key for key in keys if key.startswith(PHONE)} for keys in (before, after))
    found = {*pairs(tokens(before, account)), *pairs(tokens({*after, *(news or olds)}, account))}
    both = sorted({*before, *after})
    found.update(combinations([key for key in both if is_hidden(key)], 2))
    found.update((key, f"{TOLD}{at}:{number}") for number in news - olds for key in both)
    return sorted(found)


def partition(keys: Iterable[str], links: Collection[Link]) -> list[frozenset[str]]:
    """Divide these keys, and those of the links, among persons."""
    groups = _Groups(links)
    for key in keys:
        groups.add(key)
    usual: list[Link] = []
    for link in links:
        if link.other.startswith(PORTFOLIO):
            groups.add(link.one)
        elif is_hidden(link.one) and (is_hidden(link.other) or link.other.startswith(TOLD)):
            groups.join(link.one, link.other)
        else:
            usual.append(link)
    _follow(groups, usual)
    usual.sort(key=lambda link: (link.at, link.one, link.other), reverse=True)
    ended: set[str] = set()  # numbers of which all that is older tells of a former owner
    for link in usual:
        if link.one in ended or link.other in ended:
            continue
        if groups.are_two(link.one, link.other):
            ended |= {key for key in (link.one, link.other) if key.startswith(PHONE)}
        else:
            groups.join(link.one, link.other)
    return groups.all()


def placings(classes: Iterable[frozenset[str]], owners: Mapping[str, Owned]) -> list[Placing]:
    """Who each of these persons is, of those that we know already.

    Somebody whose keys turn out to be several persons' stays with the oldest hidden id of theirs.
    Of several who are one the oldest stays.
    """
    anchors: dict[int, tuple[bool, int, str]] = {}
    for key, owned in owners.items():
        rank = (not is_hidden(key), owned.learnt_at, key)
        anchors[owned.person] = min(rank, anchors.get(owned.person, rank))
    by_key: dict[str, list[int]] = {}
    for person, (_, _, key) in sorted(anchors.items()):
        by_key.setdefault(key, []).append(person)
    found: list[Placing] = []
    for keys in classes:
        known = sorted(person for key in keys for person in by_key.get(key, ()))
        keep = known[0] if known else None
        found.append(Placing(keys=keys, keep=keep, gone=tuple(known[1:])))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """That WhatsApp told, at `at`, of another number of who had the numbers `before`."""

    node: str
    at: int
    number: str
    before: tuple[str, ...]


def _follow(groups: _Groups, usual: Sequence[Link]) -> None:
    """Make one who they were before and after each change that WhatsApp told of."""
    changes = _changes(usual)
    seen: dict[str, list[tuple[int, str]]] = {}  # who showed a number first when
    for link in usual if changes else ():
        if link.first and link.one.startswith(BSUID):
            seen.setdefault(link.other, []).append((link.first, link.one))
    for change in changes:
        for number in change.before:
            _follow_back(groups, change, changes, number, seen.get(number, ()))
        _follow_on(groups, change, changes, seen.get(change.number, ()))


def _follow_back(
    groups: _Groups,
    change: _Change,
    changes: Iterable[_Change],
    number: str,
    seen: Iterable[tuple[int, str]],
) -> None:
    """Who had the old `number` at the time of a change, and got it by another, perhaps."""
    got = [one for one in changes if one.number == number and one.at < change.at - OVERTAKEN]
    since = got[-1].at - OVERTAKEN if got else 0
    owners = [one for one in seen if since <= one[0] <= change.at]
    for bsuid in groups.until_another([bsuid for _, bsuid in sorted(owners, reverse=True)]):
        groups.join_surely(change.node, bsuid)
    if got and not owners:
        groups.join_surely(change.node, got[-1].node)


def _follow_on(
    groups: _Groups,
    change: _Change,
    changes: Iterable[_Change],
    seen: Iterable[tuple[int, str]],
) -> None:
    """Who showed the new number since, until somebody else got it by another change."""
    start, end = change.at - OVERTAKEN, change.at + OVERTAKEN
    lost = [one.at - OVERTAKEN for one in changes if one.number == change.number and one.at > end]
    before = [bsuid for first, bsuid in sorted(seen) if first < start]
    own = [bsuid for bsuid in before if groups.are_one(bsuid, change.node)]
    since = [
        bsuid for first, bsuid in sorted(seen) if first >= start and (not lost or first < lost[0])
    ]
    for bsuid in groups.until_another([*own, *since]):
        groups.join_surely(change.node, bsuid)


def _changes(usual: Iterable[Link]) -> list[_Change]:
    """In order of their times."""
    told: dict[str, set[str]] = {}
    for link in usual:
        if link.other.startswith(TOLD):
            told.setdefault(link.other, set()).add(link.one)
    found: list[_Change] = []
    for node, numbers in told.items():
        at, _, number = node.removeprefix(TOLD).partition(":")
        before = tuple(sorted(numbers - {number}))
        found.append(_Change(node=node, at=int(at), number=number, before=before))
    return sorted(found, key=lambda one: (one.at, one.node))


class _Groups:
    """Union-find over few keys."""

    def __init__(self, links: Iterable[Link]) -> None:
        self._of: dict[str, set[str]] = {}
        self._told_by: dict[str, set[str]] = {}
        for link in links:
            if link.other.startswith(PORTFOLIO):
                self._told_by.setdefault(link.one, set()).add(link.other)

    def add(self, key: str) -> set[str]:
        return self._of.setdefault(key, {key})

    def join(self, one: str, other: str) -> None:
        ours, theirs = self.add(one), self.add(other)
        if ours is not theirs:
            ours |= theirs
            self._of.update(dict.fromkeys(theirs, ours))

    def are_two(self, one: str, other: str) -> bool:
        ours, theirs = self.add(one), self.add(other)
        if ours is theirs:
            return False
        if _some(ours, LID) and _some(theirs, LID):
            return True
        return any(
            self._share_portfolio(mine, yours)
            for mine in _some(ours, BSUID)
            for yours in _some(theirs, BSUID)
        )

    def are_one(self, one: str, other: str) -> bool:
        return self.add(one) is self.add(other)

    def join_surely(self, one: str, other: str) -> None:
        """WhatsApp told that they are one, unless LIDs of theirs say that they are two."""
        if not (_some(self.add(one), LID) and _some(self.add(other), LID)):
            self.join(one, other)

    def until_another(self, bsuids: Iterable[str]) -> list[str]:
        """Of the owners of a number, in order, those until the number went to somebody else."""
        found: list[str] = []
        for bsuid in bsuids:
            if any(self._share_portfolio(bsuid, one) for one in found):
                break
            found.append(bsuid)
        return found

    def all(self) -> list[frozenset[str]]:
        """In order of their least keys."""
        groups = {frozenset(_keys(group)) for group in self._of.values()}
        return sorted((group for group in groups if group), key=min)

    def _share_portfolio(self, one: str, other: str) -> bool:
        ours, theirs = self._told_by.get(one), self._told_by.get(other)
        return not ours or not theirs or bool(ours & theirs)


def _keys(group: Iterable[str]) -> list[str]:
    return [key for key in group if not key.startswith(TOLD)]


def _some(keys: Iterable[str], kind: str) -> list[str]:
    return [key for key in keys if key.startswith(kind)]
