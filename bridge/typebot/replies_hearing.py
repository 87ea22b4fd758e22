"""One reply to one input, and the few things that can be made of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from bridge.core.flow import (
    AskBack,
    FileRef,
    Meaning,
    NoAnswer,
    Reading,
    Say,
    Understood,
    Utterance,
)
from bridge.core.outgoing import Option
from bridge.locale import say
from bridge.typebot.fields import table

#: Kinds that say nothing to a flow, and that nobody expects an answer to.
SILENT: Final = frozenset({"sticker", "reaction", "poll"})
#: Kinds whose readable part stands in the text, though nobody wrote it.
PLACES: Final = frozenset({"location", "contacts"})
#: Lines of a burst that are read by themselves.
_MOST_LINES: Final = 20
#: Of readings that are told to choose from.
_MOST: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What was said to an input. `again`: it was asked back already, so something must go on.

    `numbered` are the options in the order of the numbers that the person saw.
    """

    asked: Mapping[str, Any]
    said: Utterance
    now: datetime
    country: str | None
    language: str
    numbered: tuple[Option, ...] = ()
    again: bool = False

    @property
    def options(self) -> Mapping[str, Any]:
        return table(self.asked.get("options"))

    @property
    def files(self) -> tuple[FileRef, ...]:
        """What counts as a file: a sticker does not."""
        return tuple(file for file in self.said.files if file.media.value != "sticker")

    @property
    def typed(self) -> str:
        return self.said.text.strip()


def saying(heard: Hearing, reads: Callable[[str], object]) -> str:
    """What of a burst says it: all of it, or else the one line that does ("Oi!", then "2")."""
    lines = [line.strip() for line in heard.typed.splitlines() if line.strip()][:_MOST_LINES]
    if len(lines) < 2 or reads(heard.typed):  # noqa: PLR2004  one line is all of it
        return heard.typed
    read = [line for line in lines if reads(line)]
    return read[0] if len(read) == 1 else heard.typed


def answer(text: str, *, shown: str | None = None, reply_id: str | None = None) -> Understood:
    """Send a text; `shown` is the answer in people's words, where that is another."""
    return Understood(say=Say(text=text, reply_id=reply_id), shown=text if shown is None else shown)


def unchanged(heard: Hearing) -> Meaning:
    """Let the flow decide: its own retry text and its Invalid-reply event come from there.

    An empty text is never an answer: some inputs take it for one (typebot-api.md 3).
    """
    if heard.typed:
        return answer(heard.typed)
    kinds = heard.said.strange or tuple(file.media.value for file in heard.said.files)
    return NoAnswer(rule="typebot.nothing_said", unknown=any(kind not in SILENT for kind in kinds))


def ask_back(heard: Hearing, rule: str, text: str, *, again: bool = False) -> Meaning:
    """Ask once; whatever comes next goes to the flow as it is."""
    if heard.again:
        return unchanged(heard)
    return AskBack(text=text, rule=rule, again=again)


def insist(rule: str, text: str) -> AskBack:
    """Ask as often as it takes: Typebot would take this for an answer, and it is none."""
    return AskBack(text=text, rule=rule)


def which(
    heard: Hearing,
    rule: str,
    readings: Iterable[Understood],
    text: str = "ask.which",
    *,
    quoted: bool = False,
) -> Meaning:
    """Ask which one is meant; the next answer may name one of them (`replies_again`)."""
    told = {one.shown: Reading(shown=one.shown, say=one.say) for one in readings}
    first = tuple(told.values())[:_MOST]
    shown = (f'"{one.shown}"' if quoted else one.shown for one in first)
    options = joined(tuple(shown), heard.language)
    found = ask_back(heard, rule, say(heard.language, text, options=options))
    return replace(found, readings=first) if isinstance(found, AskBack) else found


def joined(parts: tuple[str, ...], language: str) -> str:
    """Say "a, b or c"."""
    if len(parts) < 2:  # noqa: PLR2004  one, or none, joins nothing
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {say(language, 'ask.or')} {parts[-1]}"


def in_writing(heard: Hearing) -> Meaning | None:
    """What a file, a place or a contact card means where only words count; None: words came.

    Their text is nobody's answer here: in "-23.5, -46.6" a multiple choice would find numbers.
    """
    if heard.said.choice is not None:
        return None
    is_place = any(kind in PLACES for kind in heard.said.strange)
    if heard.typed and not is_place:
        return None
    if heard.files or is_place:
        if heard.again:
            return NoAnswer(rule="typebot.words_wanted", unknown=True)
        text = say(heard.language, "ask.words")
        return AskBack(text=text, rule="typebot.words_wanted", again=True)
    return unchanged(heard)
