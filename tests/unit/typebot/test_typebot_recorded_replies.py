"""Whatever a running Typebot took for an answer stays one, and means the same.

Each recorded reply is understood as somebody's message, and what we would send is compared with
what the engine understood then. A form that it never got is none of ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.core.flow import AskBack, Understood, Utterance
from bridge.typebot.replying import meaning

RECORDINGS = Path(__file__).parents[2] / "contract" / "typebot" / "recordings"
#: When they were made.
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
CHOSEN = {"choice input", "picture choice input", "cards"}
#: Typebot's own fault: whatever is written counts as paid.
NEVER = {"payment input"}


@dataclass(frozen=True, kw_only=True)
class Recorded:
    asked: Mapping[str, Any]
    text: str
    reply_id: str | None
    accepted: bool
    understood: str

    @property
    def called(self) -> str:
        return f"{self.asked['type']}: {self.text}"


def _recorded() -> Iterator[Recorded]:
    seen: set[tuple[str, str, str | None]] = set()
    for path in sorted(RECORDINGS.glob("*.json")):
        asked: Mapping[str, Any] | None = None
        for exchange in json.loads(path.read_text("utf-8"))["exchanges"]:
            answer = exchange["response"].get("body")
            answer = answer if isinstance(answer, dict) else {}
            one = _one(exchange, asked, answer)
            key = (one.asked["id"], one.text, one.reply_id) if one else None
            if one is not None and key is not None and key not in seen:
                seen.add(key)
                yield one
            asked = answer.get("input")


def _one(
    exchange: Mapping[str, Any], asked: Mapping[str, Any] | None, answer: Mapping[str, Any]
) -> Recorded | None:
    body = exchange["request"].get("body")
    message = body.get("message") if isinstance(body, dict) else None
    message = {"type": "text", "text": message} if isinstance(message, str) else message
    if asked is None or not isinstance(message, dict) or exchange["response"]["status"] != 200:
        return None
    if message.get("type") != "text" or message.get("attachedFileUrls"):
        return None
    retried = any(one["id"] == asked["id"] for one in answer.get("messages", ()))
    return Recorded(
        asked=asked,
        text=message["text"],
        reply_id=(message.get("metadata") or {}).get("replyId"),
        accepted=not retried,
        understood=answer.get("lastMessageNewFormat") or message["text"],
    )


ALL = tuple(_recorded())
ACCEPTED = [one for one in ALL if one.accepted and one.asked["type"] not in NEVER]


def test_there_are_recordings() -> None:
    assert len(ACCEPTED) > 50


def _heard(one: Recorded, **more: Any) -> Understood | AskBack:
    said = Utterance(text=one.text, choice=one.reply_id)
    given = {"now": NOW, "country": "PT", "language": "pt_BR", **more}
    found = meaning(one.asked, said, **given)
    assert isinstance(found, Understood | AskBack)
    return found


@pytest.mark.parametrize("language", ["pt_BR", "en", "es"])
@pytest.mark.parametrize("one", ACCEPTED, ids=lambda one: one.called)
def test_an_accepted_reply_stays_accepted(one: Recorded, language: str) -> None:
    found = _heard(one, language=language)
    assert isinstance(found, Understood)
    if one.asked["type"] in CHOSEN:
        assert _values(one.asked, found) == {part.strip() for part in _parts(one)}
    else:
        text = found.say.text or ""
        was = next((each for each in ACCEPTED if each.text == text and _same(each, one)), None)
        as_it_came = text == one.text.strip()
        assert as_it_came or (was and was.understood == one.understood) or text == one.understood


def _same(a: Recorded, b: Recorded) -> bool:
    return bool(a.asked["type"] == b.asked["type"])


def _parts(one: Recorded) -> list[str]:
    if (one.asked.get("options") or {}).get("isMultipleChoice"):
        return one.understood.split(",")
    if one.asked["type"] != "cards":
        return [one.understood]
    return [one.understood if one.text != "Hat" else "Hat"]


def _values(asked: Mapping[str, Any], found: Understood) -> set[str]:
    """What the engine saves for the ids that we send."""
    ids = {found.say.reply_id} if found.say.reply_id else set((found.say.text or "").split(", "))
    return {
        item.get("value") or item.get("content") or item["title"]
        for item in asked["items"]
        if ids & {item["id"], *(path["id"] for path in item.get("paths", ()))}
    }


@pytest.mark.parametrize(
    "one", [one for one in ALL if one.asked["type"] in NEVER], ids=lambda one: one.called
)
def test_a_payment_is_the_one_thing_that_is_refused(one: Recorded) -> None:
    assert isinstance(_heard(one), AskBack)


#: Replies that the engine refused, and what we make of them.
BETTER = {
    "choice input: 1",
    "choice input: FREE",
    "choice input: No, thanks",
    "date input: amanhã",
    "email input:  a@b.co ",
    "number input: seven",
    "time input: 14h30",
    "time input: 14.30",
    "time input: 14",
    "file input: skip",
    "cards: 1",
}


def test_much_that_was_refused_is_understood() -> None:
    refused = {one.called: one for one in ALL if not one.accepted}
    assert refused.keys() >= BETTER
    for called in BETTER:
        found = _heard(refused[called])
        assert isinstance(found, Understood)
        assert found.say.text != refused[called].text


@pytest.mark.parametrize(
    "called",
    ["number input: abc", "email input: not mail", "choice input: nothing", "time input: never"],
)
def test_nonsense_goes_through_for_the_retry_text_of_the_flow(called: str) -> None:
    one = next(one for one in ALL if one.called == called)
    found = _heard(one)
    assert isinstance(found, Understood)
    assert found.say.text == one.text
