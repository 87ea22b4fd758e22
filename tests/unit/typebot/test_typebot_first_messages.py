"""Whether the text that starts a flow answers what the flow asks first."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.core.content import MediaKind
from bridge.core.flow import (
    AskBack,
    FileRef,
    Line,
    Next,
    NoAnswer,
    Play,
    Say,
    Script,
    Understood,
    Utterance,
)
from bridge.typebot.first_messages import goes_along

GREETING = (Play(bubble=Line(block="b", body="Olá!")),)


def script(kind: str, *, silent: bool = False, **more: Any) -> Script:
    plays = () if silent else GREETING
    return Script(plays=plays, next=Next.WAIT, asked={"id": "i", "type": kind}, **more)


def said(text: str) -> tuple[Utterance, Understood]:
    return Utterance(text=text), Understood(say=Say(text=text), shown=text)


@pytest.mark.parametrize(
    ("policy", "kind", "text", "goes"),
    [
        ("answer", "text input", "oi", True),
        ("answer", "email input", "oi", True),
        ("answer", "choice input", "oi", False),
        ("answer", "payment input", "oi", False),
        ("answer", "file input", "oi", False),
        ("match", "text input", "oi", True),
        ("match", "email input", "oi", False),
        ("match", "email input", "a@example.com", True),
        ("match", "number input", "7", True),
        ("match", "number input", "sete", False),
        ("match", "phone number input", "+5511987650001", True),
        ("match", "phone number input", "123", False),
        ("match", "choice input", "oi", False),
        ("match", "payment input", "oi", False),
        ("official", "text input", "oi", False),
        ("ignore", "text input", "oi", False),
    ],
)
def test_what_each_policy_lets_through(policy, kind, text, goes):
    utterance, found = said(text)
    assert goes_along(policy, script(kind), utterance, found, again=False) is goes


def test_a_choice_that_was_resolved_fits():
    found = Understood(say=Say(text="Vendas", reply_id="i1"), shown="Vendas")
    assert goes_along("match", script("choice input"), Utterance(text="1"), found, again=False)


def test_several_choices_that_were_resolved_fit():
    found = Understood(say=Say(text="i1, i2"), shown="A, B")
    assert goes_along("match", script("choice input"), Utterance(text="1 e 2"), found, again=False)


def test_a_file_fits_where_files_are_wanted():
    file = FileRef(message_id="m", media=MediaKind.IMAGE, mime="image/jpeg")
    found = Understood(say=Say(), shown="", upload=(file,), as_answer=True)
    assert goes_along("match", script("file input"), Utterance(), found, again=False)


@pytest.mark.parametrize("found", [None, NoAnswer(rule="x"), AskBack(text="?", rule="x")])
def test_what_is_not_understood_never_goes_along(found):
    said_ = Utterance(text="oi")
    assert not goes_along("answer", script("text input"), said_, found, again=True)


def test_a_flow_that_wants_a_person_asks_nothing():
    utterance, found = said("oi")
    wants = script("text input", hand_off=True)
    assert not goes_along("answer", wants, utterance, found, again=False)


def test_a_text_for_an_old_session_is_taken_by_a_new_one_that_only_asks():
    utterance, found = said("Marina")
    asks = script("email input", silent=True)
    assert goes_along("official", asks, utterance, found, again=True)
    assert not goes_along("official", script("email input"), utterance, found, again=True)
