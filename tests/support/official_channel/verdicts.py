"""Which of two channels did better in a step. The rules know no scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from support.official_channel.answers import fits, names_one
from support.official_channel.messages import FILES, Choice, leaves, words
from support.official_channel.outputs import Compared, compare
from support.official_channel.reasons import TURNING, Better
from support.official_channel.recordings import Step

#: What Typebot says where the builder wrote nothing better.
GENERIC = "Invalid message. Please, try again."
#: Kinds that hold no words of the person.
_WORDLESS = frozenset({"sticker", "unsupported", "system", "reaction"})
#: Inputs whose answer has a form that no bubble tells, and lines of a hint.
_NEEDS_HINT = frozenset({"rating input", "file input", "payment input"})
_LONGEST_HINT = 3


class Verdict(StrEnum):
    SAME = "same"
    BETTER = "better"
    WORSE = "worse"
    #: The flow is elsewhere than in the recording, because an earlier step was better.
    MOOT = "answered before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the flow: kinds of its blocks by id, and of Ponte's own words.

    `optional`: ids of the file inputs that may be skipped; `many`: of the inputs from which several
    things may be chosen; `takes_files`: of those that take one. `dropped`, `leads`: see `compare`.
    """

    kinds: Mapping[str, str] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    many: frozenset[str] = frozenset()
    takes_files: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()
    leads: frozenset[str] = frozenset()
    own_words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    verdict: Verdict
    better: tuple[Better, ...] = ()
    why_worse: str = ""

    @property
    def turns(self) -> bool:
        """Whether the flow may be elsewhere from here on than in the recording."""
        return bool(TURNING & set(self.better))


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One step on both sides. `before`: the block that waited; `offered`: what it offered."""

    official: Step
    ours: Step
    facts: Facts
    before: str | None = None
    offered: tuple[Choice, ...] = ()

    @property
    def kind(self) -> str:
        return self.facts.kinds.get(self.before or "", "")

    @property
    def text(self) -> str:
        return "\n".join(filter(None, map(words, self.official.written)))

    @property
    def compared(self) -> Compared:
        return compare(
            self.official.sent,
            self.ours.sent,
            own_words=self.facts.own_words,
            dropped=self.facts.dropped,
            leads=self.facts.leads,
        )


def judge(moment: Moment) -> Judgement:
    """Compare a step. Whatever no rule explains is worse."""
    if moment.ours.stuck:
        return Judgement(verdict=Verdict.WORSE, why_worse="nobody would be answered from here on")
    for reason, rule in _SITUATIONS:
        if rule(moment):
            return _better(reason)
    if moment.official.waits_at != moment.ours.waits_at and not moment.official.stuck:
        return Judgement(
            verdict=Verdict.WORSE,
            why_worse=f"it waits at {moment.ours.waits_at}, not at {moment.official.waits_at}",
        )
    found = moment.compared
    if _is_hint(moment, found):
        return _better(Better.HINT, *found.better)
    if not found.holds:
        why = [f"missing: {one!r}" for one in found.missing]
        why += [f"added: {one!r}" for one in found.added]
        return Judgement(verdict=Verdict.WORSE, why_worse="; ".join(why))
    mute = [Better.NOT_MUTE] if moment.official.stuck else []
    return _better(*mute, *found.better)


def judged(official: Sequence[Step], ours: Sequence[Step], facts: Facts) -> Iterator[Judgement]:
    """Judge a scenario step by step; from a turning on only while both are at the same place."""
    before: str | None = None
    offered: tuple[Choice, ...] = ()
    for theirs, mine in zip(official, ours, strict=True):
        found = judge(
            Moment(official=theirs, ours=mine, facts=facts, before=before, offered=offered)
        )
        yield found
        if found.turns and theirs.waits_at != mine.waits_at:
            break
        before = mine.waits_at
        asked = [one for sent in theirs.sent for one in sent.choices]
        offered = tuple(asked) or (offered if theirs.waits_at == before else ())


def _better(*reasons: Better) -> Judgement:
    verdict = Verdict.BETTER if reasons else Verdict.SAME
    return Judgement(verdict=verdict, better=tuple(sorted(set(reasons), key=list(Better).index)))


# -- situations: one side understood, or answered, what the other did not -----------------------


def _is_handed_over(at: Moment) -> bool:
    """The flow asked for people; until then both say the same."""
    if not at.ours.handed_over or "chatwoot" not in at.facts.kinds.values():
        return False
    theirs = at.official.sent[: len(at.ours.sent)]
    return compare(theirs, at.ours.sent, own_words=at.facts.own_words).holds


def _is_unpaid(at: Moment) -> bool:
    """A payment is asked for: people take it, who are told so. No text of the person is one."""
    asked = at.facts.kinds.get(at.official.waits_at or "")
    found = at.compared
    return (
        asked == "payment input"
        and at.ours.handed_over
        and not found.missing
        and 0 < len(found.added) <= _LONGEST_HINT
    )


def _is_kept(at: Moment) -> bool:
    return at.official.stuck and not at.official.sent and not at.ours.sent and at.ours.kept


def _is_answered(at: Moment) -> bool:
    """The official channel dropped it: it sent nothing and waits for nothing, or all of a burst
    but its first message."""
    if not at.ours.sent or GENERIC in (one.text for one in at.ours.sent):
        return False
    if at.official.stuck:
        return not at.official.sent
    written = [words(one) for one in at.official.written]
    if len(written) < 2 or not all(written):
        return False
    theirs = "\n".join(one.text for one in at.official.sent)
    mine = "\n".join(one.text for one in at.ours.sent)
    return any(one in mine and one not in theirs for one in written) and all(
        one in mine for one in written if one in theirs
    )


def _is_understood(at: Moment) -> bool:
    """The official channel asks the same again, and what was written is a right answer."""
    if at.before is None or at.official.waits_at != at.before or not at.official.sent:
        return False
    if at.ours.waits_at == at.before:
        return False
    return names_one(at.text, at.offered) or _fits(at)


def _fits(at: Moment) -> bool:
    """Whether what was sent is an answer to a plain input, as people write it."""
    if at.kind == "file input" and any(one["type"] in FILES for one in at.ours.written):
        return True
    return fits(at.text, at.kind, skippable=at.before in at.facts.optional)


def _is_no_answer(at: Moment) -> bool:
    """Nothing readable was sent: the official channel took it for an (empty) answer."""
    nothing = all(
        one["type"] in _WORDLESS or (one["type"] in FILES and not one[one["type"]].get("caption"))
        for one in at.official.written
    )
    wanted = at.before in at.facts.takes_files and not all(
        one["type"] in _WORDLESS for one in at.official.written
    )
    return (
        nothing
        and not wanted
        and bool(at.official.sent)
        and not _asks_again(at)
        and at.before is not None
        and at.ours.waits_at == at.before
        and not any(sent in at.ours.sent for sent in at.official.sent)
    )


def _is_hint(at: Moment, found: Compared) -> bool:
    """Nothing is missing, and a few lines more tell how to answer what is asked now."""
    asked = at.ours.waits_at
    needs = at.facts.kinds.get(asked or "") in _NEEDS_HINT or asked in at.facts.many
    return needs and not found.missing and 0 < len(found.added) <= _LONGEST_HINT


def _asks_again(at: Moment) -> bool:
    """In words that say nothing, or in such that are about another answer than a file."""
    wordless = not any(map(words, at.official.written))
    return any(one.text == GENERIC for one in at.official.sent) or (
        wordless and at.official.waits_at == at.before and at.kind not in {"", "text input"}
    )


def _says_why(at: Moment) -> bool:
    """Both ask again, with the same choices; Ponte says more than that it was wrong."""
    if at.before is None or at.official.waits_at != at.before or at.ours.waits_at != at.before:
        return False
    theirs = {one.id for sent in at.official.sent for one in sent.choices}
    mine = {one.id for sent in at.ours.sent for one in sent.choices}
    said = [one.text for one in at.ours.sent if one.text]
    return _asks_again(at) and bool(said) and GENERIC not in said and theirs <= mine


def _is_all_read(at: Moment) -> bool:
    """The flow repeats what it got: here something of what was sent, there nothing."""
    if at.official.waits_at != at.ours.waits_at or len(at.official.sent) != len(at.ours.sent):
        return False
    pairs = [
        (theirs.text, mine.text)
        for theirs, mine in zip(at.official.sent, at.ours.sent, strict=True)
        if theirs != mine
    ]
    parts = [part for one in at.official.written for part in leaves(one.get(one["type"])) if part]
    parts += ["http"] * any(one["type"] in FILES for one in at.official.written)
    return bool(pairs) and all(_inserted(theirs, mine, parts) for theirs, mine in pairs)


def _inserted(theirs: str, mine: str, parts: Sequence[str]) -> bool:
    """Whether one is the other with something more in one place: of what was sent, or its file."""
    start = 0
    while start < min(len(theirs), len(mine)) and theirs[start] == mine[start]:
        start += 1
    end = len(theirs) - start
    if end and not mine.endswith(theirs[start:]):
        return False
    more = mine[start : len(mine) - end]
    return any(part in more for part in parts)


_SITUATIONS: tuple[tuple[Better, Callable[[Moment], bool]], ...] = (
    (Better.HANDED_OVER, _is_handed_over),
    (Better.UNPAID, _is_unpaid),
    (Better.KEPT, _is_kept),
    (Better.ANSWERED, _is_answered),
    (Better.UNDERSTOOD, _is_understood),
    (Better.NO_ANSWER, _is_no_answer),
    (Better.SAYS_WHY, _says_why),
    (Better.ALL_READ, _is_all_read),
)
