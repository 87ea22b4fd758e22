"""How the end of a flow reads to agents: a private note, custom attributes, labels. Pure.

What people and flows wrote is shown literally, but for WhatsApp's marks in questions: no Markdown
in it counts, and no mention calls anybody (`relay.notes.harmless` sees to Liquid).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from bridge.core.handoff import How
from bridge.locale import say
from bridge.text.convert import literal, to_chatwoot

#: What of a flow's answers, and of its other words, a note shows.
MOST_ANSWERS: Final = 50
LONGEST_QUESTION: Final = 200
LONGEST_ANSWER: Final = 500
LONGEST_NOTE: Final = 2000
MOST_MISSED: Final = 5
#: So many attributes of a flow's own are kept, under names of ours of at most so many characters.
MOST_ATTRIBUTES: Final = 20
LONGEST_NAME: Final = 50
#: What Chatwoot takes as a value (chatwoot-api.md 1.7).
LONGEST_VALUE: Final = 1500
LARGEST_VALUE: Final = 9_999_999_999
MOST_LABELS: Final = 20

_NO_NAME = re.compile(r"[^a-z0-9]+")
_NO_LABEL = re.compile(r"[^\w-]+")


def note(
    language: str,
    *,
    how: How,
    flow: str,
    why: str,
    answers: Sequence[tuple[str, str]],
    words: str | None,
    unknown: Iterable[tuple[str, str]],
) -> str:
    """The private note. `words` are the flow's own for agents.

    `unknown`: what (``team``, ``agent``) was asked for and is not there, by the name given.
    """
    shown = literal(cut(flow, LONGEST_QUESTION)) or say(language, "note.flow.unnamed")
    lines = [say(language, f"note.flow.{how}", flow=shown, why=literal(cut(why, LONGEST_NOTE)))]
    if words:
        lines.append(say(language, "note.flow.words", words=literal(cut(words, LONGEST_NOTE))))
    if answers:
        lines.append("")
        lines += [_answer(language, one) for one in answers[:MOST_ANSWERS]]
        more = len(answers) - MOST_ANSWERS
        if more > 0:
            lines.append(say(language, "note.flow.more", count=more))
    absent = [
        say(language, f"note.flow.no_{what}", name=literal(cut(name, LONGEST_QUESTION)))
        for what, name in unknown
    ]
    if absent:
        lines += ["", *absent]
    return "\n".join(lines)


def missed(language: str, lost: Sequence[tuple[str, str]]) -> str:
    """The private note about what a flow wanted to show and could not, with what is known of it."""
    lines = [
        say(language, f"note.flow.{code}", what=literal(cut(detail, LONGEST_QUESTION)))
        for code, detail in lost[:MOST_MISSED]
    ]
    if len(lost) > MOST_MISSED:
        lines.append(say(language, "note.flow.more", count=len(lost) - MOST_MISSED))
    return "\n".join([say(language, "note.flow.missed"), *lines])


def _answer(language: str, pair: tuple[str, str]) -> str:
    question, answer = pair
    return say(
        language,
        "note.flow.answer",
        question=to_chatwoot(cut(_asked(question), LONGEST_QUESTION)),
        answer=literal(cut(answer, LONGEST_ANSWER)) or "-",
    )


def _asked(question: str) -> str:
    """The question on one line, with one mark at its end: its own, or a colon."""
    bare = " ".join(question.split()).rstrip(":. ")
    return bare if bare.endswith(("?", "!", "…")) else f"{bare or '-'}:"


def attributes(how: How, flow: str, own: Mapping[str, Any]) -> dict[str, Any]:
    """The conversation's custom attributes: `bot`, `bot_result`, and each of the flow's own."""
    found: dict[str, Any] = {"bot": cut(flow, LONGEST_VALUE), "bot_result": how.value}
    for name, value in list(own.items())[:MOST_ATTRIBUTES]:
        slug = _slug(str(name))
        if slug and value is not None:
            found.setdefault(f"bot_{slug}", _value(value))
    return found


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return _NO_NAME.sub("_", plain.casefold()).strip("_")[:LONGEST_NAME].strip("_")


def _value(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= LARGEST_VALUE:
        return value
    return cut(str(value), LONGEST_VALUE)


def labels(wanted: Iterable[str]) -> list[str]:
    """Labels as Chatwoot has them: small letters, digits, hyphens and underscores (1.7)."""
    made = (_NO_LABEL.sub("-", one.strip().lower()).strip("-_") for one in wanted)
    return [one for one in dict.fromkeys(made) if one][:MOST_LABELS]


def cut(text: str, most: int) -> str:
    """At most so many characters, without what no database takes."""
    kept = text.replace("\0", "")
    return kept if len(kept) <= most else f"{kept[: most - 1].rstrip()}…"
