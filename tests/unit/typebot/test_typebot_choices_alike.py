"""Choices that are named alike, or only by ids that nobody sees: the engine gets the one meant."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.flow import AskBack, Meaning, Understood, Utterance
from bridge.sim.typebot.replies import Asked, Message, read_reply
from bridge.typebot.replying import meaning

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
#: As the engine makes them from a list of addresses (typebot-api.md 3.2).
PICTURES = [{"id": str(n), "pictureSrc": f"https://e.com/{n}.png"} for n in range(3)]
CARDS = [
    {
        "id": f"c{n}",
        "title": title,
        "options": {"internalValue": value},
        "paths": [{"id": f"c{n}_buy", "text": "Comprar"}],
    }
    for n, (title, value) in enumerate((("Tênis", "SKU-A"), ("Boné", "SKU-B")))
]


def hear(
    type_: str, said: Utterance, items: list[dict[str, Any]], *, many: bool = False
) -> Meaning:
    asked = {"id": "in", "type": type_, "items": items, "options": {"isMultipleChoice": many}}
    return meaning(asked, said, now=NOW, country="BR", language="pt_BR")


def taken_by_engine(
    type_: str, found: Meaning, items: list[dict[str, Any]], *, many: bool = False
) -> Any:
    assert isinstance(found, Understood), found
    asked = Asked(type=type_, options={"isMultipleChoice": many}, items=items, now=NOW)
    answer = read_reply(asked, Message(text=found.say.text, reply_id=found.say.reply_id))
    return answer and answer.chosen


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_of_pictures_without_titles_a_number_is_that_which_was_shown(
    number: int, many: bool
) -> None:
    """The engine would take "1" for the id of the second."""
    found = hear("picture choice input", Utterance(text=str(number)), PICTURES, many=many)
    chosen = taken_by_engine("picture choice input", found, PICTURES, many=many)
    assert chosen.content == PICTURES[number - 1]["pictureSrc"]


@pytest.mark.parametrize("many", [False, True])
def test_a_number_that_is_none_of_them_chooses_none(many: bool) -> None:
    """The id of the first is "0", which people write to go back."""
    found = hear("picture choice input", Utterance(text="0"), PICTURES, many=many)
    assert isinstance(found, AskBack)
    assert "Opção 1" in found.text


def test_a_card_is_known_by_its_internal_value() -> None:
    found = hear("cards", Utterance(text="sku-b"), CARDS)
    assert isinstance(found, Understood)
    assert found.say.reply_id == "c1_buy"


@given(
    labels=st.lists(st.sampled_from(["Sim", "Não", "Outro", "Outro dia", "b"]), min_size=1),
    data=st.data(),
)
def test_what_was_pressed_is_chosen_though_others_are_called_the_same(
    labels: list[str], data: st.DataObject
) -> None:
    values = st.sampled_from([None, "Sim", "Outro", "x"])
    items = [
        {"id": f"item-{n}", "content": label, "value": data.draw(values), "outgoingEdgeId": n}
        for n, label in enumerate(labels)
    ]
    place = data.draw(st.integers(0, len(items) - 1))
    said = Utterance(text=labels[place], choice=f"item-{place}")
    found = hear("choice input", said, items)
    assert taken_by_engine("choice input", found, items).edge == place
