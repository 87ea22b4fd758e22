"""Wordings of what is filled in or chosen: forms, answers, menus, polls."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from bridge.core.content import Answer, Form, Menu, Poll
from bridge.locale import say, texts
from bridge.relay.wording.attributes import attributes
from bridge.relay.wording.figures import moment
from bridge.relay.wording.sheet import (
    ENTRIES,
    LINE,
    Line,
    blocks,
    bold,
    head,
    italic,
    labelled,
    lines,
    prose,
    said,
    some,
    words,
)

#: Where an answer was typed to a numbered text of ours; `description` is what was typed.
MENU: Final = "menu"
_DEPTH: Final = 5
#: Fields of forms that are for machines alone.
_MACHINE: Final = frozenset({"flow_token", "saved_address_id"})
_MOST_DIGITS: Final = 64
#: What WhatsApp writes into every answer to a flow.
_SENT: Final = "Sent"
_PLACE: Final = re.compile(r"^screen_\d+_|(?<=\w)_\d+$", re.ASCII)


def answer(content: Answer, language: str) -> tuple[str, dict[str, Any]]:
    """The title as if the customer had typed it."""
    told = attributes(
        "answer",
        source=content.source,
        answer_id=content.id,
        title=content.title,
        description=content.description,
    )
    if content.source == "call_permission":
        chosen = f"shown.call_permission.{words(content.id or content.title, 20).lower()}"
        if chosen in texts(language):
            return _until(say(language, chosen), content.description, language), told
    title = said(content.title) or lines([words(content.id)])
    if content.source == MENU:
        typed = words(content.description)
        below = lines([(italic(say(language, "shown.typed", text=typed)),)]) if typed else ""
        return blocks(title, below), told
    return blocks(title, prose(content.description)), told


def _until(answer: str, end: str | None, language: str) -> str:
    """With the moment at which a permission ends, where that is told."""
    try:
        at = datetime.fromisoformat(end or "")
    except ValueError:
        return answer
    until = moment(language, at)
    return say(language, "shown.call_permission.until", answer=answer, moment=until)


def menu(content: Menu, language: str) -> tuple[str, dict[str, Any]]:
    title, footer = words(content.title), words(content.footer)
    text = blocks(
        lines([(bold(title),)]) if title else "",
        prose(content.body),
        _options(content.options, language),
        lines([(italic(footer),)]) if footer else "",
    )
    return text, attributes("menu", options=content.options)


def poll(content: Poll, language: str) -> tuple[str, dict[str, Any]]:
    if content.most == 1:
        how = say(language, "shown.poll.one")
    elif 1 < content.most < len(content.options):
        how = say(language, "shown.poll.some", most=content.most)
    else:
        how = say(language, "shown.poll.any")
    title = words(content.question) or say(language, "shown.poll")
    text = blocks(lines([head("📊", title), (italic(how),)]), _options(content.options, language))
    return text, attributes(
        "poll", question=content.question, options=content.options, most=content.most
    )


def _options(options: tuple[str, ...], language: str) -> str:
    shown: list[Line] = [f"• {words(option)}" for option in options[: ENTRIES + 1]]
    return lines(some(shown, say(language, "shown.more", count=len(options) - ENTRIES)))


def form(content: Form, language: str) -> tuple[str, dict[str, Any]]:
    known = texts(language)
    what = content.source if f"shown.form.{content.source}" in known else "flow"
    pairs: list[Line] = []
    for path, value in _pairs(content.values, (), _DEPTH):
        pairs.append(labelled(_label(path, language), _value(value, language)))
        if len(pairs) > ENTRIES:
            pairs[-1] = "…"
            break
    title = lines([head("📝", say(language, f"shown.form.{what}")), *pairs])
    body = "" if content.values and content.body == _SENT else prose(content.body)
    told = attributes("form", source=content.source, body=content.body, values=content.values)
    return blocks(title, body), told


def _pairs(value: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The single values of nested ones, each with the names that lead to it."""
    if isinstance(value, dict) and depth:
        for key, one in value.items():
            if key not in _MACHINE:
                inner = path if key == "values" and isinstance(one, dict) else (*path, str(key))
                yield from _pairs(one, inner, depth - 1)
    elif isinstance(value, list) and depth and any(isinstance(one, dict) for one in value):
        for place, one in enumerate(value, start=1):
            yield from _pairs(one, (*path, str(place)), depth - 1)
    else:
        yield path, value


def _label(path: tuple[str, ...], language: str) -> str:
    """Names of fields as people read them: ``phone_number`` is known, others lose their bars."""
    known = texts(language)
    names = [known.get(f"shown.field.{one}") or words(_bare(one), 80) for one in path]
    return " › ".join(name for name in names if name) or "•"


def _bare(name: str) -> str:
    """Flows call a field ``screen_0_First_Name_1``."""
    return _PLACE.sub("", name[: 2 * LINE]).replace("_", " ")


def _value(value: Any, language: str) -> str:
    match value:
        case None | "" | [] | {}:
            return "—"
        case bool():
            return say(language, "shown.yes" if value else "shown.no")
        case str():
            return words(value) or "—"
        case int():
            return str(value) if value.bit_length() < _MOST_DIGITS else "…"
        case float():
            return f"{value:g}" if math.isfinite(value) else "—"
        case list():
            some_of = (_value(one, language) for one in value[:ENTRIES])
            return words(", ".join(some_of), LINE)
        case _:
            return "…"
