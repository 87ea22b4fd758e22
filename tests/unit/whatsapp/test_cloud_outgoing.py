"""What we send over the Cloud API, within Meta's limits: the stand-in checks what we make."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.core.content import Card, MediaKind, Phone
from bridge.core.outgoing import (
    Option,
    Outgoing,
    OutgoingContacts,
    OutgoingLocation,
    OutgoingMedia,
    OutgoingMenu,
    OutgoingTemplate,
    OutgoingText,
)
from bridge.errors import PeerRefused
from bridge.sim.graph.requests import check_send
from bridge.whatsapp.cloud.outgoing import content_of, media_body

FAMILY = "👨‍👩‍👧‍👦"


def options(*titles: str) -> tuple[Option, ...]:
    return tuple(Option(id=f"o{number}", title=title) for number, title in enumerate(titles))


def menu(*titles: str, **more: Any) -> OutgoingMenu:
    return OutgoingMenu(**({"body": "Qual?", "options": options(*titles)} | more))


def made(content: Outgoing) -> Any:
    """What stands under the type; checked as Meta would."""
    kind, body = content_of(content)
    check_send(
        {"messaging_product": "whatsapp", "to": "5511900000001", "type": kind, kind: body},
        media=(),
        own_number="551130001234",
        template=lambda _: None,
    )
    return body


def test_up_to_three_short_options_are_buttons() -> None:
    found = made(menu("Sim", "Não", "Talvez"))
    assert found == {
        "type": "button",
        "body": {"text": "Qual?"},
        "action": {
            "buttons": [
                {"type": "reply", "reply": {"id": "o0", "title": "Sim"}},
                {"type": "reply", "reply": {"id": "o1", "title": "Não"}},
                {"type": "reply", "reply": {"id": "o2", "title": "Talvez"}},
            ]
        },
    }


def test_more_options_are_a_list() -> None:
    found = made(menu("A", "B", "C", "D", label="Escolher"))
    assert found["type"] == "list"
    assert found["action"] == {
        "button": "Escolher",
        "sections": [{"rows": [{"id": f"o{n}", "title": title} for n, title in enumerate("ABCD")]}],
    }


@pytest.mark.parametrize(
    "few",
    [
        menu("Quero falar com o financeiro"),
        menu(options=(Option(id="a", title="Sim", description="agora mesmo"),)),
    ],
)
def test_what_buttons_cannot_show_whole_is_a_list(few: OutgoingMenu) -> None:
    (row,) = made(few)["action"]["sections"][0]["rows"]
    assert "Quero falar com o financeiro" in row.values() or row["description"] == "agora mesmo"


def test_titles_are_cut_between_graphemes_and_stand_whole_in_the_description() -> None:
    whole = "Segunda via do boleto " + FAMILY
    (row, _) = made(menu(whole, "B"))["action"]["sections"][0]["rows"]
    assert row["title"] == "Segunda via do boleto…"
    assert row["description"] == whole


def test_equal_titles_are_told_apart_and_empty_ones_get_a_number() -> None:
    found = made(menu("Loja", "LOJA", " ", "x" * 30, "x" * 31))
    titles = [row["title"] for row in found["action"]["sections"][0]["rows"]]
    assert titles[:3] == ["Loja", "LOJA (2)", "3"]
    assert len({title.casefold() for title in titles}) == 5


@pytest.mark.parametrize(
    "wrong",
    [
        menu(),
        menu(*map(str, range(11))),
        menu("A", body=" "),
        menu("A", body="x" * 1025),
        menu(options=(Option(id="a", title="A"), Option(id="a", title="B"))),
        menu(options=(Option(id="", title="A"),)),
        menu(options=(Option(id="x" * 257, title="A"),)),
        OutgoingLocation(latitude=math.nan, longitude=0),
        OutgoingLocation(latitude=0, longitude=180.5),
        OutgoingContacts(cards=()),
        OutgoingContacts(cards=(Card(name=" "),)),
    ],
)
def test_what_meta_would_refuse_is_refused_before(wrong: Outgoing) -> None:
    with pytest.raises(PeerRefused):
        content_of(wrong)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    body=st.text(max_size=1100),
    titles=st.lists(st.text(max_size=90), max_size=12),
    description=st.none() | st.text(max_size=80),
    label=st.none() | st.text(max_size=30),
)
def test_any_menu_is_refused_or_right(
    body: str, titles: list[str], description: str | None, label: str | None
) -> None:
    given_options = tuple(
        Option(id=str(number), title=title, description=description)
        for number, title in enumerate(titles)
    )
    asked = OutgoingMenu(body=body, options=given_options, label=label)
    try:
        found = made(asked)
    except PeerRefused:
        assert not titles or len(titles) > 10 or not body.strip() or len(body) > 1024
    else:
        assert found["body"] == {"text": body}


def test_a_place_shows_its_address_below_a_name() -> None:
    place = OutgoingLocation(latitude=-23.5, longitude=-46.6, address="Rua A, 1")
    assert made(place) == {"latitude": -23.5, "longitude": -46.6, "name": "Rua A, 1"}
    named = OutgoingLocation(latitude=-23.5, longitude=-46.6, name="Loja", address="Rua A, 1")
    assert made(named)["name"] == "Loja"
    assert made(named)["address"] == "Rua A, 1"


def test_a_card_has_what_is_known() -> None:
    rui = Card(
        name="Rui Teste",
        phones=(
            Phone(number="+55 11 90000-0002", wa_id="5511900000002", label="CELL"),
            Phone(number=" "),
            Phone(number="3000-0002"),
        ),
        emails=("rui@loja.example", ""),
        organization="Loja",
    )
    assert made(OutgoingContacts(cards=(rui, Card(name="", phones=(Phone(number="190"),))))) == [
        {
            "name": {"formatted_name": "Rui Teste", "first_name": "Rui Teste"},
            "phones": [
                {"phone": "+55 11 90000-0002", "type": "CELL", "wa_id": "5511900000002"},
                {"phone": "3000-0002", "type": "CELL"},
            ],
            "emails": [{"email": "rui@loja.example", "type": "WORK"}],
            "org": {"company": "Loja"},
        },
        {
            "name": {"formatted_name": "190", "first_name": "190"},
            "phones": [{"phone": "190", "type": "CELL"}],
        },
    ]


def test_a_template_travels_as_it_is() -> None:
    part = {"type": "body", "parameters": [{"type": "text", "text": "Ana"}]}
    filled = OutgoingTemplate(name="pedido", language="pt_BR", components=(part,))
    language = {"code": "pt_BR"}
    assert made(filled) == {"name": "pedido", "language": language, "components": [part]}
    bare = OutgoingTemplate(name="pedido", language="pt_BR")
    assert made(bare) == {"name": "pedido", "language": language}


def test_a_text_is_as_it_is() -> None:
    assert made(OutgoingText(body="Olá")) == {"body": "Olá", "preview_url": False}


@pytest.mark.parametrize(
    ("kind", "mime", "voice", "told"),
    [
        (MediaKind.AUDIO, "audio/ogg; codecs=opus", True, True),
        (MediaKind.AUDIO, "audio/ogg", False, False),
        (MediaKind.AUDIO, "audio/mpeg", True, False),
        (MediaKind.VIDEO, "audio/ogg", True, False),
    ],
)
def test_a_voice_note_is_ogg(kind: MediaKind, mime: str, voice: bool, told: bool) -> None:
    file = OutgoingMedia(media=kind, path="x", mime=mime, filename="x", voice=voice)
    assert media_body(file, "1") == {"id": "1"} | ({"voice": True} if told else {})
