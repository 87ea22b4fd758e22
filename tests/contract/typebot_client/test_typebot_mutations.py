"""Every recorded answer with each of its fields left out, null, or of another type.

A part of the recordings is kept from us, and servers differ: what is missing or strange in one
place must not break anything, and must not change what stands in another.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import TypeAdapter

from bridge.core.flow import (
    AskBack,
    Bubble,
    Meaning,
    Next,
    NoAnswer,
    Script,
    Understood,
    Utterance,
)
from bridge.typebot.asking import prompt_of
from bridge.typebot.models import Answer
from bridge.typebot.planning import script
from bridge.typebot.reading import read_answer
from bridge.typebot.replying import meaning

RECORDINGS = Path(__file__).parents[1] / "typebot" / "recordings"
NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
STORED = TypeAdapter(Script)
#: Of fields that differ in nothing but their place in a list, so many are changed.
OF_ONE_KIND = 2
OTHERS: tuple[Any, ...] = (None, 17, -1.5, True, "", "x", [], [[7]], {}, {"a": {"b": 1}}, [None])
SAYINGS = (
    Utterance(text="1"),
    Utterance(text="amanhã às 14h30"),
    Utterance(text="todas menos a 2"),
    Utterance(choice="choice0", text="Free"),
    Utterance(strange=("location",), text="-23.5, -46.6"),
    Utterance(),
)


class Changed(NamedTuple):
    path: tuple[str | int, ...]
    body: dict[str, Any]


def answers() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every different answer of a flow."""
    seen = set()
    for path in sorted(RECORDINGS.glob("[!_]*.json")):
        for exchange in json.loads(path.read_text("utf-8"))["exchanges"]:
            body = exchange["response"]["body"]
            if exchange["response"]["status"] != 200 or not isinstance(body, dict):
                continue
            shape = json.dumps({**body, "sessionId": "s", "resultId": "r"}, sort_keys=True)
            if "messages" in body and shape not in seen:
                seen.add(shape)
                yield path.stem, body


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if at:
        yield at
    found = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in found:
        if isinstance(one, dict | list):
            yield from places(one, (*at, key))
        else:
            yield (*at, key)


def changes(body: dict[str, Any]) -> Iterator[Changed]:
    """The body without each of its fields, and with each other kind of value in it."""
    of_one_kind: Counter[tuple[str, ...]] = Counter()
    for path in places(body):
        kind = tuple(key if isinstance(key, str) else "*" for key in path)
        of_one_kind[kind] += 1
        if of_one_kind[kind] > OF_ONE_KIND:
            continue
        for other in (KeyError, *OTHERS):
            changed = copy.deepcopy(body)
            holder: Any = changed
            for key in path[:-1]:
                holder = holder[key]
            if other is KeyError:
                del holder[path[-1]]
            else:
                holder[path[-1]] = other
            yield Changed(path, changed)


def planned(answer: Answer) -> Script:
    return script(
        answer,
        now=NOW,
        most_wait_ms=10_000,
        prompt=lambda asked: prompt_of(asked, language="pt_BR", system=answer.system),
    )


def understood(found: Script) -> list[Meaning]:
    if found.asked is None:
        return []
    options: dict[str, Any] = {"now": NOW, "country": "BR", "language": "pt_BR"}
    return [
        meaning(found.asked, said, asked_back=again, **options)
        for said in SAYINGS
        for again in (False, True)
    ]


def bubbles(body: dict[str, Any]) -> list[Bubble]:
    answer = read_answer(body)
    assert answer is not None
    return [play.bubble for play in planned(answer).plays]


def keep(found: Script, others: dict[str, Any]) -> bool:
    """Whether all that `others` shows is shown, in order."""
    shown = iter(play.bubble for play in found.plays)
    return all(one in shown for one in bubbles(others))


def without(body: dict[str, Any], key: str, at: int) -> dict[str, Any]:
    return {**body, key: [one for place, one in enumerate(body[key]) if place != at]}


BODIES = list(answers())


@pytest.mark.parametrize(
    "body",
    [pytest.param(body, id=f"{name}-{at}") for at, (name, body) in enumerate(BODIES)],
)
def test_a_strange_field_breaks_nothing_and_changes_nothing_else(body: dict[str, Any]) -> None:
    whole = read_answer(body)
    assert whole is not None
    before = planned(whole)
    for path, changed in changes(body):
        answer = read_answer(changed)
        assert answer is not None or path == ("messages",), path
        if answer is None:
            continue
        found = planned(answer)
        assert STORED.validate_json(STORED.dump_json(found)) == found, path
        replies = understood(found) if path[0] == "input" else []
        assert all(isinstance(one, Understood | AskBack | NoAnswer) for one in replies), path
        match path:
            case ("messages", int(at), *_):
                others = {**without(body, "messages", at), "clientSideActions": []}
                assert keep(found, others), path
                assert found.asked == before.asked or "input" not in body, path
            case ("clientSideActions", int(at), *_):
                assert keep(found, without(body, "clientSideActions", at)), path
            case ("messages", *_):
                assert "input" not in body or found.asked == before.asked, path
            case ("clientSideActions", *_):
                assert keep(found, {**body, "clientSideActions": []}), path
            case ("input",):
                assert found.plays[: len(before.plays)] == before.plays[: len(found.plays)], path
            case ("input", *_):
                assert found.next is before.next is Next.WAIT or whole.actions, path
            case _:
                assert found == before, path


@pytest.mark.parametrize("key", ["logs", "lastMessageNewFormat", "progress", "dynamicTheme"])
def test_an_answer_may_lack_all_but_one_of_its_fields(key: str) -> None:
    """Servers leave out what is empty (1.3); a flow that is over is no failure."""
    answer = read_answer({key: "x"})
    assert answer is not None
    assert planned(answer) == Script(next=Next.END)
