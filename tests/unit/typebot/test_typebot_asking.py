"""How each kind of input is asked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.flow import Offer, Prompt
from bridge.core.outgoing import Option
from bridge.locale import LANGUAGES, say
from bridge.typebot.asking import prompt_of

SELECT = "whatsAppPictureChoiceSelectLabel"


def ask(type_: str, options: Any = None, items: Any = None, **more: Any) -> Prompt | None:
    asked = {"id": "in", "type": type_, "options": options, "items": items}
    return prompt_of(asked, language="en", **more)


def body(prompt: Prompt | None) -> str:
    assert prompt is not None
    return "\n--\n".join(offer.body for offer in prompt.offers)


def test_buttons_are_one_offer_below_the_last_bubble() -> None:
    items = [
        {"id": "a", "content": "A rather long label for a button"},
        {"id": "b", "content": "B"},
    ]
    prompt = ask("choice input", items=items)
    assert prompt == Prompt(
        offers=(
            Offer(
                options=(
                    Option(id="a", title="A rather long label for a button"),
                    Option(id="b", title="B"),
                )
            ),
        ),
        follows=True,
        label=say("en", "menu.label"),
    )


def test_items_without_content_are_left_out() -> None:
    prompt = ask("choice input", items=[{"id": "a"}, {"id": "b", "content": " "}, 7, None])
    assert prompt is None


def test_several_buttons_say_that_several_may_be_chosen() -> None:
    items = [{"id": "a", "content": "A"}, {"id": "b", "content": "B"}]
    prompt = ask("choice input", {"isMultipleChoice": True}, items)
    assert prompt is not None
    assert prompt.many
    assert prompt.follows
    assert "1, 2" in prompt.offers[0].body
    assert [option.id for option in prompt.offers[0].options] == ["a", "b"]


def test_each_picture_is_an_offer_with_its_words() -> None:
    items = [
        {"id": "s", "title": "Sea", "description": "Blue", "pictureSrc": "https://x.test/s.png"},
        {"id": "g", "title": "Garden"},
    ]
    prompt = ask("picture choice input", items=items)
    assert prompt is not None
    assert prompt.offers == (
        Offer(
            body="*Sea*\n\nBlue",
            options=(Option(id="s", title="Sea"),),
            picture="https://x.test/s.png",
        ),
        Offer(body="*Garden*", options=(Option(id="g", title="Garden"),)),
    )
    assert not prompt.follows


def test_a_flow_says_what_is_on_the_button_of_a_picture() -> None:
    items = [{"id": "g", "title": "Garden"}]
    prompt = ask("picture choice input", items=items, system={SELECT: "Take it"})
    assert prompt is not None
    assert prompt.offers[0].options == (Option(id="g", title="Take it", description="Garden"),)


@pytest.mark.parametrize("address", ["data:image/png;base64,AAAA", "/s.png", "ftp://x.test/s", 7])
def test_what_is_no_address_of_the_web_is_no_picture(address: Any) -> None:
    """Where a picture cannot be had its address is sent: here that would be the bytes."""
    pictures = ask("picture choice input", items=[{"id": "s", "pictureSrc": address, "title": "S"}])
    cards = ask("cards", items=[{"imageUrl": address, "paths": [{"id": "p", "text": "P"}]}])
    assert pictures is not None
    assert cards is not None
    assert [offer.picture for offer in (*pictures.offers, *cards.offers)] == [None, None]


def test_several_pictures_have_their_numbers_in_their_texts() -> None:
    items = [
        {"id": "s", "title": "Sea", "description": "Blue", "pictureSrc": "https://x.test/s.png"},
        {"id": "g", "pictureSrc": "https://x.test/g.png"},
    ]
    prompt = ask("picture choice input", {"isMultipleChoice": True}, items)
    assert prompt is not None
    assert [offer.body for offer in prompt.offers[:2]] == ["1. *Sea*\n\nBlue", "2. Option 2"]
    assert prompt.many
    assert not any(offer.options for offer in prompt.offers)


def test_each_card_is_an_offer_with_all_its_paths() -> None:
    paths = [{"id": f"p{n}", "text": f"Path {n}"} for n in range(5)]
    items = [
        {
            "id": "c",
            "title": "Shoe",
            "description": "42",
            "imageUrl": "https://x.test/u",
            "paths": paths,
        }
    ]
    prompt = ask("cards", items=items)
    assert prompt is not None
    (offer,) = prompt.offers
    assert offer.body == "*Shoe*\n\n42"
    assert offer.picture == "https://x.test/u"
    assert [option.id for option in offer.options] == ["p0", "p1", "p2", "p3", "p4"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (None, "from 1 to 10"),
        ({"length": 5}, "from 1 to 5"),
        ({"length": 5, "buttonType": "Numbers", "startsAt": 0}, "from 0 to 5"),
        ({"length": 5, "buttonType": "Icons", "startsAt": 0}, "from 1 to 5"),
        ({"length": 5, "labels": {"left": "bad", "right": "good"}}, "from 1 (bad) to 5 (good)"),
        ({"length": "x", "startsAt": {}}, "from 1 to 10"),
    ],
)
def test_a_rating_tells_its_ends(options: Any, told: str) -> None:
    assert told in body(ask("rating input", options))


def test_a_file_tells_what_nobody_can_know() -> None:
    types = {"isEnabled": True, "types": ["image/*", ".pdf"]}
    optional = {"isRequired": False, "isMultipleAllowed": True, "allowedFileTypes": types}
    told = body(ask("file input", optional))
    assert "one or more" in told
    assert "images, PDF" in told
    assert '"skip"' in told


def test_labels_of_the_flow_come_first() -> None:
    labels = {"placeholder": "<b>Your</b> receipt", "skip": "Not now"}
    told = body(ask("file input", {"isRequired": False, "labels": labels}))
    assert told.startswith("Your receipt")
    assert '"Not now"' in told
    page = {"placeholder": "<strong>Click to upload</strong> or drag and drop<br>(10MB)"}
    assert ask("file input", {"labels": page}) is None


def test_a_payment_tells_its_amount_and_that_it_is_not_paid_here() -> None:
    asked = {
        "type": "payment input",
        "options": {"additionalInformation": {"description": "Order 7"}},
        "runtimeOptions": {"amountLabel": "12,50 €", "paymentIntentSecret": "pi_secret"},
    }
    told = body(prompt_of(asked, language="en"))
    assert "12,50 € (Order 7)" in told
    assert "cannot be paid here" in told
    assert "pi_secret" not in told
    assert body(ask("payment input", {"amount": 12.5, "currency": "EUR"})).startswith(
        "Payment: 12.5 EUR"
    )


@pytest.mark.parametrize(
    "type_",
    [
        "text input",
        "number input",
        "email input",
        "url input",
        "phone number input",
        "date input",
        "time input",
        "file input",
        "a later kind",
        None,
    ],
)
def test_what_a_bubble_asks_for_is_not_asked_again(type_: Any) -> None:
    labels = {"placeholder": ""}
    assert ask(type_, {"labels": labels}) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("id", "type", "options", "items", "content", "title", "value", "paths"),
                    *("text", "labels", "left", "right", "length", "startsAt", "amount", "types"),
                    *("isMultipleChoice", "allowedFileTypes", "isEnabled", "runtimeOptions"),
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=15,
)


@given(
    type_=st.sampled_from(
        [
            "choice input",
            "picture choice input",
            "cards",
            "rating input",
            "file input",
            "payment input",
            "text input",
            "?",
        ]
    ),
    options=JSON,
    items=JSON,
    language=st.sampled_from(LANGUAGES),
)
def test_no_json_is_too_strange(type_: str, options: Any, items: Any, language: str) -> None:
    asked = {"type": type_, "options": options, "items": items, "runtimeOptions": options}
    prompt = prompt_of(asked, language=language)
    for offer in prompt.offers if prompt else ():
        assert all(option.id and option.title for option in offer.options)
