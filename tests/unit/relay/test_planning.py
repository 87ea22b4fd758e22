"""Which parts a message of Chatwoot becomes: a pure decision, the same each time."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.chatwoot.webhook import MessageCreated, parse
from bridge.core.content import Phone
from bridge.core.outgoing import Option
from bridge.relay.outgoing import (
    AGENT_MESSAGE,
    AgentCard,
    AgentFile,
    AgentMessage,
    AgentPlace,
    CardsPart,
    FilePart,
    LocationPart,
    MenuPart,
    Part,
    TemplatePart,
    TextPart,
    offers_of,
    own_text,
    read_event,
)
from bridge.relay.planning import plan
from bridge.relay.signing import Signature
from bridge.whatsapp.channel import Capabilities

SAMPLES = Path(__file__).parents[2] / "contract" / "chatwoot"
#: A channel that has nothing, and one that has everything.
PLAIN = Capabilities(text_limit=4096, caption_limit=1024)
RICH = Capabilities(
    text_limit=4096,
    caption_limit=1024,
    buttons=3,
    list_rows=10,
    templates=True,
    locations=True,
    cards=True,
)
CAIO = Signature(name="Caio")


def message(content: str = "", **changes: Any) -> AgentMessage:
    told = own_text(content)
    return dataclasses.replace(told, message_id=9, by_bot=False, by_person=True, **changes)


def planned(
    one: AgentMessage, able: Capabilities = RICH, signature: Signature | None = None
) -> list[Part]:
    parts = plan(one, signature=signature, able=able, language="en")
    # The queue keeps it as JSON between two attempts.
    again = AGENT_MESSAGE.validate_json(orjson.dumps(one))
    assert again == one
    assert plan(again, signature=signature, able=able, language="en") == parts
    return list(parts)


def file(name: str, kind: str = "file") -> AgentFile:
    return AgentFile(url=f"https://chat.example/{name}", kind=kind, name=name)


def select(*titles: str, content: str = "Escolha:") -> AgentMessage:
    items = tuple({"title": title, "value": f"v-{title}"} for title in titles)
    return message(content, content_type="input_select", items=items)


PLACE = AgentPlace(latitude=-23.5505, longitude=-46.6333, title="Padaria")
LINK = "https://maps.google.com/?q=-23.5505,-46.6333"


def test_everything_attached_goes_in_its_order_with_the_text_on_the_first() -> None:
    files = (file("a.png", "image"), PLACE, file("b.pdf"))
    assert planned(message("oi", files=files)) == [
        FilePart(file=files[0], caption="oi"),
        LocationPart(latitude=-23.5505, longitude=-46.6333, name="Padaria"),
        FilePart(file=files[2], caption=None),
    ]


@pytest.mark.parametrize("first", [PLACE, file("v.mp3", "audio"), file("Ana.VCF")])
def test_what_cannot_carry_a_text_comes_after_it(first: Any) -> None:
    parts = planned(message("oi", files=(first,)))
    assert parts[0] == TextPart(body="oi")
    assert len(parts) == 2


def test_a_channel_without_places_gets_a_link() -> None:
    assert planned(message(files=(PLACE,)), PLAIN) == [TextPart(body=f"📍 Padaria\n{LINK}")]
    bare = AgentPlace(latitude=-23.5505, longitude=-46.6333)
    assert planned(message(files=(bare,)), PLAIN) == [TextPart(body=f"📍 {LINK}")]


def test_numbers_of_one_person_are_one_card() -> None:
    ana, zeca = ("Ana Silva", "+5511900000001"), ("Zeca", "+5511900000003")
    files = tuple(
        AgentCard(full_name=name, phone=phone)
        for name, phone in (ana, ("Ana Silva", "+5511900000002"), zeca)
    )
    (part,) = planned(message(files=files))
    assert isinstance(part, CardsPart)
    first, second = part.cards
    assert (first.name, second.name) == ("Ana Silva", "Zeca")
    assert first.phones == (Phone(number="+5511900000001"), Phone(number="+5511900000002"))
    (text,) = planned(message(files=files), PLAIN)
    assert text == TextPart(
        body="👤 Ana Silva\n+5511900000001\n+5511900000002\n\n👤 Zeca\n+5511900000003"
    )


def test_a_pasted_place_becomes_one_only_alone_and_where_it_can() -> None:
    assert planned(message(LINK), signature=CAIO) == [
        LocationPart(latitude=-23.5505, longitude=-46.6333)
    ]
    assert planned(message(LINK), PLAIN) == [TextPart(body=LINK)]
    assert planned(message(f"aqui: {LINK}")) == [TextPart(body=f"aqui: {LINK}")]
    assert planned(own_text(LINK)) == [TextPart(body=LINK)]  # Ponte's own words stay words
    with_file = planned(message(LINK, files=(file("a.png", "image"),)))
    assert with_file == [FilePart(file=file("a.png", "image"), caption=LINK)]


# ---------------------------------------------------------------- what can be chosen from


def test_a_choice_has_buttons_then_a_list_then_numbers() -> None:
    (buttons,) = planned(select("Sim", "Não"))
    assert buttons == MenuPart(
        body="Escolha:",
        offers=(Option(id="v-Sim", title="Sim"), Option(id="v-Não", title="Não")),
        label="See options",
    )
    (rows,) = planned(select("Um", "Dois", "Três", "Quatro"))
    assert isinstance(rows, MenuPart)
    eleven = select(*(f"n{n}" for n in range(11)))
    (numbers,) = planned(eleven)
    assert isinstance(numbers, TextPart)
    assert numbers.body.startswith("Escolha:\n\n1. n0\n2. n1\n")
    assert [option.id for option in numbers.offers] == [f"v-n{n}" for n in range(11)]
    assert [type(part) for part in planned(select("Sim", "Não"), PLAIN)] == [TextPart]


def test_a_title_that_a_row_cannot_show_stands_below_it() -> None:
    long = "Falar com alguém do atendimento"
    (part,) = planned(select("Sim", long))
    assert isinstance(part, MenuPart)
    assert part.offers[1] == Option(id=f"v-{long}", title=long, description=long)
    assert part.offers[0].description is None


def test_titles_that_are_alike_when_cut_stand_whole_below_each_row() -> None:
    first, second = "x" * 30 + "1", "x" * 30 + "2"
    (part,) = planned(select(first, second))
    assert isinstance(part, MenuPart)
    assert [one.description for one in part.offers] == [first, second]


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(select("x" * 60 + "1", "x" * 73), id="alike when cut, and too long below"),
        pytest.param(select("sim", "SIM"), id="the same but for case"),
        pytest.param(select("x" * 80, "y"), id="longer than any row"),
        pytest.param(select("a", "b", content="x" * 1100), id="a long text"),
        pytest.param(
            message("?", content_type="input_select", items=({"title": "a", "value": "1" * 300},)),
            id="a long value",
        ),
        pytest.param(
            message(
                "?",
                content_type="input_select",
                items=({"title": "a", "value": "v"}, {"title": "b", "value": "v"}),
            ),
            id="the same value twice",
        ),
    ],
)
def test_what_buttons_could_not_tell_apart_is_numbered(one: AgentMessage) -> None:
    (part,) = planned(one)
    assert isinstance(part, TextPart)
    assert len(part.offers) == len(one.items)


def test_a_choice_without_words_gets_some_and_is_signed_with_words() -> None:
    (part,) = planned(select("Sim", content=""))
    assert isinstance(part, MenuPart)
    assert part.body == "Please choose an option:"
    (part,) = planned(select("Sim"), signature=CAIO)
    assert isinstance(part, MenuPart)
    assert part.body == "*Caio:*\nEscolha:"


def test_a_long_choice_is_split_and_offers_everything() -> None:
    one = select(*(f"{n} {'x' * 400}" for n in range(30)))
    parts = planned(one, PLAIN)
    assert len(parts) > 1
    assert len(offers_of(parts)) == 30
    assert all(isinstance(part, TextPart) and len(part.body) <= 4096 for part in parts)


CARDS = (
    {
        "title": "Bolo",
        "description": "De milho",
        "media_url": "https://fotos.example/bolo.png",
        "actions": [
            {"type": "link", "text": "Ver", "uri": "https://padaria.example/bolo"},
            {"type": "postback", "text": "Quero bolo", "payload": "bolo"},
        ],
    },
    {"title": "Pão", "actions": [{"type": "postback", "text": "Quero pão", "payload": "pao"}]},
)


def test_cards_are_numbered_through() -> None:
    first, second = planned(message("", content_type="cards", items=CARDS), PLAIN)
    text = "*Bolo*\nDe milho\nVer: https://padaria.example/bolo\n\n1. Quero bolo"
    assert isinstance(first, FilePart)
    assert (first.file.url, first.caption, first.fallback) == (
        "https://fotos.example/bolo.png",
        text,
        text,
    )
    assert second == TextPart(
        body="*Pão*\n\n2. Quero pão", offers=(Option(id="pao", title="Quero pão"),)
    )
    assert [option.id for option in offers_of([first, second])] == ["bolo", "pao"]


def test_cards_have_buttons_where_there_are_any() -> None:
    head, picture, first, second = planned(message("Hoje:", content_type="cards", items=CARDS))
    assert head == TextPart(body="Hoje:")
    assert isinstance(picture, FilePart)
    assert (picture.caption, picture.offers) == (None, ())
    assert isinstance(first, MenuPart)
    assert first.body.startswith("*Bolo*")
    assert second == MenuPart(
        body="*Pão*", offers=(Option(id="pao", title="Quero pão"),), label="See options"
    )


def test_an_article_and_a_form_are_read_as_texts() -> None:
    items = (
        {"title": "Trocas", "description": "Em sete dias", "link": "https://ajuda.example/1"},
        {"title": "Frete", "link": "javascript:alert(1)"},
    )
    (part,) = planned(message("Leia:", content_type="article", items=items), signature=CAIO)
    assert part == TextPart(
        body="*Caio:*\nLeia:\n\n*Trocas*\nEm sete dias\nhttps://ajuda.example/1\n\n*Frete*"
    )
    fields = (
        {"name": "email", "label": "E-mail", "type": "email"},
        {"name": "size", "type": "select", "options": [{"label": "P"}, {"value": "M"}]},
    )
    (part,) = planned(message("Seus dados:", content_type="form", items=fields))
    assert part == TextPart(body="Seus dados:\n\n• E-mail\n• size: P / M")


def test_a_template_is_left_to_the_channel_that_has_templates() -> None:
    params = {"name": "lembrete", "language": "pt_BR", "processed_params": {"1": "Ana"}}
    one = message("Olá Ana", template_params=params)
    assert planned(one, signature=CAIO) == [TemplatePart(params=params)]
    assert planned(one, PLAIN) == [TextPart(body="Olá Ana")]


def of_sample(name: str) -> AgentMessage:
    event = parse((SAMPLES / f"webhook-message_created-{name}.json").read_bytes())
    assert isinstance(event, MessageCreated)
    return read_event(event)


def test_the_samples_of_chatwoot_are_read() -> None:
    (menu,) = planned(of_sample("agent-bot-select"))
    assert isinstance(menu, MenuPart)
    assert [(one.id, one.title) for one in menu.offers] == [
        ("pedido", "Fazer pedido"),
        ("humano", "Falar com atendente"),
    ]
    (survey,) = planned(of_sample("template-csat"), signature=CAIO)
    assert isinstance(survey, TextPart)
    assert "https://chat.padaria-aurora.example/survey/responses/3f1c2b7e" in survey.body


def test_rows_that_are_nested_without_end_can_be_kept() -> None:
    body = orjson.loads((SAMPLES / "webhook-message_created-agent-bot-select.json").read_bytes())
    deep: Any = "x"
    for _ in range(150):
        deep = {"title": "y", "a": [deep]}
    body["content_attributes"] = {"items": [deep]}
    body["additional_attributes"] = {"template_params": {"name": "n", "processed_params": deep}}
    event = parse(_nested(body))
    assert isinstance(event, MessageCreated)
    (template,) = planned(read_event(event))
    assert isinstance(template, TemplatePart)
    (choice,) = planned(read_event(event), PLAIN)
    assert isinstance(choice, TextPart)
    assert choice.body.endswith("1. y")


def _nested(body: object) -> bytes:
    return json.dumps(body).encode()  # orjson itself refuses to write this


def test_html_of_some_servers_is_read_whoever_wrote_it() -> None:
    html = "<p>Oi, <strong>Ana</strong></p>"
    assert planned(message(html)) == [TextPart(body="Oi, *Ana*")]
    bot = dataclasses.replace(message(html), by_person=False, by_bot=True)
    assert planned(bot) == [TextPart(body="Oi, *Ana*")]
    assert planned(dataclasses.replace(bot, content="**a** <p>")) == [TextPart(body="**a** <p>")]
    assert planned(own_text(html)) == [TextPart(body=html)]


@pytest.mark.parametrize("able", [PLAIN, RICH])
@pytest.mark.parametrize("content_type", ["input_select", "cards", "article", "form"])
def test_rows_without_end_are_no_messages_without_end(
    content_type: str, able: Capabilities
) -> None:
    row = {"title": "x", "value": 1, "label": "x", "media_url": "https://x.example/y"}
    rows = tuple(row | {"options": [row] * 999, "actions": [row] * 999} for _ in range(999))
    parts = plan(
        message("?", content_type=content_type, items=rows),
        signature=None,
        able=able,
        language="en",
    )
    assert len(parts) <= 102
    assert any("…" in part.body for part in parts if isinstance(part, TextPart))


@pytest.mark.parametrize("content_type", ["input_select", "cards", "article", "form"])
@pytest.mark.parametrize("able", [PLAIN, RICH], ids=["plain", "rich"])
@pytest.mark.parametrize(
    "item",
    [
        {},
        {"title": None, "value": None},
        {"title": {"a": 1}, "value": [1], "actions": "x", "options": 3, "media_url": 7},
        {"title": "\x00\u202e\n", "description": "\ud800" * 3, "link": "https://a b"},
        {"title": 1, "value": 2.5, "actions": [None, 1, {"type": []}, {"type": "postback"}]},
        {"title": "x" * 100_000, "media_url": "file:///etc/passwd", "label": "y" * 100_000},
        {"title": "*_~`", "actions": [{"type": "link", "uri": "data:text/html,x"}]},
    ],
)
def test_odd_rows_never_break_it(
    content_type: str, able: Capabilities, item: dict[str, Any]
) -> None:
    one = message("oi", content_type=content_type, items=(item, item))
    for part in plan(one, signature=CAIO, able=able, language="pt_BR"):
        if isinstance(part, TextPart | MenuPart):
            assert part.body.strip()
            assert len(part.body) <= able.text_limit
        if isinstance(part, FilePart):
            assert part.file.url.startswith("http")
