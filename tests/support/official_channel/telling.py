"""The table of docs/typebot-official.md, as it came out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from support.official_channel.messages import Body, Shown, words
from support.official_channel.reasons import Better
from support.official_channel.recordings import Step
from support.official_channel.verdicts import Judgement, Verdict

_LONGEST = 160
#: A file at an address of the day.
_LOCAL = re.compile(r"http://127\.0\.0\.1[^\s\]\",]*\.(\w+)")
_KINDS = {
    "image": "picture",
    "video": "video",
    "audio": "sound",
    "document": "document",
    "sticker": "sticker",
    "location": "place",
    "contacts": "contact card",
    "reaction": "reaction",
    "unsupported": "something that WhatsApp does not pass on",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One step of a scenario, with what became of it on both sides."""

    scenario: str
    official: Step
    ours: Step | None
    found: Judgement


def table(lines: Sequence[Line]) -> str:
    """All steps, then what `better` means."""
    rows = ["| scenario | the person writes | Typebot's channel | Ponte | verdict |"]
    rows.append("|---|---|---|---|---|")
    before = ""
    for line in lines:
        name = "" if line.scenario == before else f"`{line.scenario}`"
        before = line.scenario
        rows.append(f"| {name} | {_written(line.official)} | {_row(line)} |")
    return "\n".join(rows)


def legend(lines: Iterable[Line]) -> str:
    """How often each verdict and reason was found."""
    lines = list(lines)
    verdicts = Counter(line.found.verdict for line in lines)
    reasons = Counter(reason for line in lines for reason in line.found.better)
    rows = ["| | steps |", "|---|---|"]
    rows += [f"| **{verdict}** | {verdicts[verdict]} |" for verdict in Verdict]
    rows += [f"| better: {reason} | {reasons[reason]} |" for reason in Better if reasons[reason]]
    return "\n".join(rows)


def _row(line: Line) -> str:
    official = _sent(line.official.sent) or "–"
    if line.official.stuck:
        official += "<br>_(mute from here on)_"
    if line.ours is None:
        return f"{official} | | {line.found.verdict}"
    same = line.found.verdict is Verdict.SAME
    ours = ("the same" if line.official.sent else "–") if same else _sent(line.ours.sent) or "–"
    if line.ours.handed_over:
        ours += "<br>_(the conversation is open for agents)_"
    if line.ours.kept:
        ours += "<br>_(kept)_"
    why = "; ".join(line.found.better) or line.found.why_worse
    verdict = f"**{line.found.verdict}**" + (f": {why}" if why else "")
    return f"{official} | {ours} | {verdict}"


def _written(step: Step) -> str:
    return "<br>".join(_said(one) for one in step.written)


def _said(one: Body) -> str:
    text = words(one)
    if one["type"] == "interactive":
        return f"presses [{_cell(text)}]"
    if text:
        old = " _(years old)_" if int(one["timestamp"]) < 1_500_000_000 else ""
        return _cell(text) + old
    caption = one.get(one["type"], {})
    caption = caption.get("caption", "") if isinstance(caption, dict) else ""
    kind = _KINDS.get(one["type"], one["type"])
    return f"_{kind}_" + (f" {_cell(caption)}" if caption else "")


def _sent(messages: Sequence[Shown]) -> str:
    return "<br>".join(map(_message, messages))


def _message(one: Shown) -> str:
    kind = "" if one.kind in {"text", "button", "list"} else f"_{_KINDS.get(one.kind, one.kind)}_ "
    if one.picture:
        kind = "_picture_ "
    text = _cell(one.text)
    shape = "list: " if one.kind == "list" else ""
    choices = " ".join(f"[{_cell(choice.title)}]" for choice in one.choices)
    return " ".join(filter(None, (kind.strip(), text, shape + choices)))


def _cell(text: str) -> str:
    """On one line, and nothing in it that Markdown takes for a mark."""
    line = " ⏎ ".join(_LOCAL.sub(r"https://….\1", text).strip().split("\n"))
    line = line.replace(" ⏎  ⏎ ", " ⏎ ")
    line = line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
    for mark in "\\|*_`~<>#[]":
        line = line.replace(mark, f"\\{mark}")
    return line
