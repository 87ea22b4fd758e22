"""What agents read of every kind of content, in three languages, whatever the values are."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import orjson
import pytest

from bridge.core.content import (
    Answer,
    Card,
    Contacts,
    Content,
    Form,
    Invitation,
    Location,
    Media,
    MediaKind,
    Menu,
    Order,
    OrderLine,
    Payment,
    Phone,
    Poll,
    Product,
    Text,
    Unsupported,
)
from bridge.core.party import Party
from bridge.locale import LANGUAGES
from bridge.relay.wording import worded
from bridge.relay.wording.figures import money

BEGINS = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
MAP = "https://www.google.com/maps/search/?api=1&query="

#: One of each kind at least, and what an agent in Brazil reads.
SHOWN: list[tuple[Content, str | None]] = [
    (Text(body="*oi* _você_"), "**oi** _você_"),
    (
        Media(media=MediaKind.IMAGE, handle="1", mime="image/png", caption="*veja*"),
        "**veja**",
    ),
    (Media(media=MediaKind.AUDIO, handle="1", mime="audio/ogg"), None),
    (
        Location(latitude=-23.5505, longitude=-46.6333, name="Padaria *Sol*", address="Rua A\n12"),
        rf"📍 **Localização**§Padaria \*Sol\*§Rua A 12§{MAP}-23.5505,-46.6333",
    ),
    (
        Location(latitude=0.0, longitude=-0.0000001, live=True, caption="aqui"),
        f"📍 **Localização em tempo real (onde começou)**§{MAP}0,0§§aqui",
    ),
    (
        Contacts(
            cards=(
                Card(
                    name="Marina",
                    organization="Loja",
                    phones=(
                        Phone(number="+55 11 90000-0001", wa_id="5511900000001", label="CELL"),
                        Phone(number="3333-0000"),
                    ),
                    emails=("marina@example.com",),
                    birthday="1990-05-20",
                ),
            )
        ),
        (
            "👤 **Contato**§**Marina**§Loja§+5511900000001 (celular) · https://wa.me/5511900000001"
            "§3333-0000§marina@example.com§**Aniversário:** 20/05/1990"
        ),
    ),
    (
        Contacts(cards=(Card(name="Ana"), Card(name=""))),
        "👥 **2 contatos**§§**Ana**§§(cartão vazio)",
    ),
    (Answer(source="button", title="Segunda via", id="b-2"), "Segunda via"),
    (Answer(source="list", title="Boleto", description="vence hoje"), "Boleto§§vence hoje"),
    (Answer(source="call_permission", title="accept"), "📞 Aceitou receber ligações"),
    (
        Form(
            source="flow",
            body="Sent",
            values={
                "screen_0_Nome_completo_1": "Ana",
                "aceito": True,
                "itens": ["a", "b"],
                "casa": {"portas": [{"cor": "azul"}], "vazio": None},
                "flow_token": "t",
            },
        ),
        (
            "📝 **Formulário preenchido**§**Nome completo:** Ana§**aceito:** sim§**itens:** a, b"
            "§**casa › portas › 1 › cor:** azul§**casa › vazio:** —"
        ),
    ),
    (
        Form(source="address", values={"values": {"name": "Ana", "zip_code": "01000-000"}}),
        "📝 **Endereço**§**Nome:** Ana§**CEP:** 01000-000",
    ),
    (
        Order(
            lines=(
                OrderLine(product="sku-1", name="Camisa", quantity=2, price="39.9", currency="BRL"),
                OrderLine(product="sku-2", quantity=1, price="1234.5", currency="BRL"),
            ),
            note="para *hoje*",
        ),
        (
            "🛒 **Pedido**§• 2 × Camisa: R$ 39,90 (R$ 79,80)§• 1 × sku-2: R$ 1.234,50"
            "§**Total:** R$ 1.314,30§§para **hoje**"
        ),
    ),
    (
        Order(count=3, total="12.5", currency="USD"),
        "🛒 **Pedido**§**Itens:** 3§**Total:** US$ 12,50",
    ),
    (
        Product(title="Camisa", price="10", currency="BRL", url="https://loja.example/1"),
        "🛍️ **Produto**§**Camisa**§**Preço:** R$ 10,00§https://loja.example/1",
    ),
    (Product(catalog="5511"), "🛍️ **Catálogo**"),
    (
        Payment(what="key", key="00000000-0000"),
        "🔑 **Chave Pix**§**Chave:** 00000000-0000",
    ),
    (Payment(what="surprise", amount="x", currency="BRL"), "💰 **Pagamento**§**Valor:** x BRL"),
    (
        Poll(question="Qual?", options=("A", "B"), most=1),
        "📊 **Qual?**§_Escolha uma opção_§§• A§• B",
    ),
    (
        Invitation(what="event", title="Feira", begins=BEGINS, place="Praça"),
        "📅 **Evento**§**Feira**§**Quando:** 21/11/2026, 18:30 (UTC)§**Onde:** Praça",
    ),
    (
        Invitation(what="group", title="Turma", url="https://chat.example/x"),
        "👥 **Convite para um grupo**§**Turma**§https://chat.example/x",
    ),
    (
        Menu(title="Olá", body="Escolha", options=("Um", "Dois"), footer="Loja"),
        "**Olá**§§Escolha§§• Um§• Dois§§_Loja_",
    ),
    (Text(body=" \n"), "[mensagem vazia]"),
    (
        Unsupported(upstream="pollUpdateMessage", raw={}),
        '[mensagem do tipo "voto em enquete", que não pode ser exibida aqui]',
    ),
    (
        Unsupported(upstream="unknown", raw={}, detail="*x*"),
        r"[mensagem de um tipo desconhecido, que não pode ser exibida aqui: \*x\*]",
    ),
    (
        Unsupported(upstream="viewOnceMessageV2", raw={}),
        "[mensagem de visualização única: veja no celular]",
    ),
    (Unsupported(upstream="placeholderMessage", raw={}), "[mensagem que só aparece no celular]"),
    (
        Answer(source="menu", title="Financeiro", id="fin", description="*2*"),
        r"Financeiro§§_Digitou: \*2\*_",
    ),
    (
        Answer(
            source="call_permission",
            title="accept",
            id="accept",
            description="2026-11-21T18:30:00+00:00",
        ),
        "📞 Aceitou receber ligações, até 21/11/2026, 18:30 (UTC)",
    ),
]

LURE = "[Clique](https://evil.example) **já** `x` <b>\u202e\0 \ud800 " + "*_~`" * 30
LONG = LURE + "ñ" * 1_000_000
ENDLESS = ("x" * 10_000,) * 10_000


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"end": LONG, "n": [math.nan] * 1000}
    for _ in range(levels):
        value = {"a": value, "b": [value] if levels < 5 else []}
    return value


HOSTILE: list[Content] = [
    Text(body=LONG),
    Media(media=MediaKind.STICKER, handle="", mime=LONG, caption=LONG, seconds=-(10**40)),
    Location(latitude=math.nan, longitude=math.inf, name=LONG, address=LONG, url=LONG),
    Location(latitude=1e308, longitude=-1e308, url="javascript:alert(1)", caption=LONG),
    Contacts(cards=()),
    Contacts(cards=(Card(name=LONG),) * 10_000),
    Contacts(
        cards=(
            Card(
                name=LURE,
                organization=LONG,
                phones=(Phone(number=LONG, wa_id=LONG, label=LURE),) * 5000,
                emails=ENDLESS,
                urls=ENDLESS,
                addresses=(LONG,),
                birthday=LONG,
            ),
        ),
        requested=True,
    ),
    Answer(source=LONG, title=LONG, id=LONG, description=LONG),
    Answer(source="button", title="", id=None),
    Form(source=LONG, body=LONG, values=deep(60)),
    Form(source="flow", values={LONG: LONG, **{str(n): 10**5000 for n in range(10_000)}}),
    Order(
        lines=(
            OrderLine(product=LONG, name=LURE, quantity=10**4000, price="1e999999999"),
            OrderLine(product="", quantity=-1, price="NaN", currency=LONG),
            OrderLine(product="a", quantity=10**8, price="9" * 18, currency="BRL"),
        )
        * 4000,
        count=10**4000,
        total="-Infinity",
        note=LONG,
    ),
    Product(title=LONG, price="1_0e5", currency="\ud800", url="http://a b", body=LONG),
    Payment(what=LONG, amount="--1", currency="", note=LONG, key=LONG, id=LONG),
    Poll(question=LONG, options=ENDLESS, most=-5),
    Invitation(
        what="event",
        title=LONG,
        description=LONG,
        begins=datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        place=LONG,
        url=LONG,
        cancelled=True,
    ),
    Menu(body=LONG, title=LONG, footer=LONG, options=ENDLESS),
    Menu(),
    Unsupported(upstream=LONG, raw={}, detail=LONG),
]


@pytest.mark.parametrize(("content", "wanted"), SHOWN)
def test_agents_in_brazil_read(content: Content, wanted: str | None) -> None:
    text = worded(content, language="pt_BR").text
    assert text == (None if wanted is None else wanted.replace("§", "\n"))


def test_every_kind_is_here() -> None:
    kinds = set(get_args(Content))
    assert {type(content) for content, _ in SHOWN} == kinds
    assert {type(content) for content in HOSTILE} == kinds


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("content", HOSTILE, ids=lambda content: content.kind)
def test_nothing_that_a_stranger_sends_is_too_much(content: Content, language: str) -> None:
    mentions = (Party(wa_id="5511900000001", name=LURE),) * 3
    shown = worded(content, language=language, mentions=mentions)

    assert shown.text is not None
    assert 0 < len(shown.text) <= 150_000
    shown.text.encode()  # no half characters
    assert "\0" not in shown.text
    kept = orjson.dumps(shown.attributes)
    assert len(kept) < 20_000
    assert b"\\u0000" not in kept
    if not isinstance(content, Text | Media | Answer):  # whose words are the message, marks and all
        own = shown.text.split("\n", 1)[0]
        assert "\u202e" not in own


@pytest.mark.parametrize(
    "content",
    [
        Location(latitude=1, longitude=1, name=LURE, address=LURE),
        Contacts(cards=(Card(name=LURE, organization=LURE, phones=(Phone(number=LURE),)),)),
        Form(source="flow", values={LURE: LURE}),
        Order(lines=(OrderLine(product="1", name=LURE), OrderLine(product="2", name=LURE))),
        Product(title=LURE),
        Poll(question=LURE, options=(LURE, LURE)),
        Invitation(what="group", title=LURE, place=LURE),
        Menu(title=LURE, options=(LURE,)),
        Unsupported(upstream="x", raw={}, detail=LURE),
    ],
    ids=lambda content: content.kind,
)
def test_foreign_words_are_no_markup(content: Content) -> None:
    text = worded(content, language="en").text or ""
    assert "](" not in text.replace(r"\](", "")
    assert "**já**" not in text


def test_machines_are_told_ids_and_numbers() -> None:
    location = worded(Location(latitude=1.5, longitude=2.5), language="en").attributes
    assert location == {"whatsapp": {"kind": "location", "latitude": 1.5, "longitude": 2.5}}
    answer = worded(Answer(source="list", title="Um", id="row-1"), language="en").attributes
    assert answer["whatsapp"]["answer_id"] == "row-1"
    order = Order(id="o-1", catalog="c-1", lines=(OrderLine(product="sku-1", quantity=2),))
    told = worded(order, language="en").attributes["whatsapp"]
    assert (told["order_id"], told["catalog_id"]) == ("o-1", "c-1")
    assert told["lines"][0]["product_retailer_id"] == "sku-1"


@pytest.mark.parametrize(
    ("party", "shown"),
    [
        (Party(wa_id="5511900000001", name="Ana"), "oi @Ana!"),
        (Party(wa_id="5511900000001@s.whatsapp.net", name="*Ana* `x`"), "oi @Ana x!"),
        (Party(lid="5511900000001@lid", username="ana.b"), "oi @ana.b!"),
        (Party(wa_id="5511900000001"), "oi @+5511900000001!"),
        (Party(lid="5511900000001@lid"), "oi @5511900000001!"),
        (Party(wa_id="5511900000002", name="Rui"), "oi @5511900000001!"),
    ],
)
def test_a_mention_has_a_name(party: Party, shown: str) -> None:
    assert worded(Text(body="oi @5511900000001!"), language="en", mentions=(party,)).text == shown


def test_digits_in_an_address_are_no_mention() -> None:
    body = "https://x.example/@5511900000001 a@5511900000001"
    ana = Party(wa_id="5511900000001", name="Ana")
    assert worded(Text(body=body), language="en", mentions=(ana,)).text == body


@pytest.mark.parametrize(
    ("language", "wanted"),
    [("pt_BR", "R$ 1.234,50"), ("en", "R$ 1,234.50"), ("es", "R$ 1.234,50")],
)
def test_money_is_written_as_in_the_language(language: str, wanted: str) -> None:
    assert money(language, "1234.5", "brl") == wanted


def test_money_has_the_digits_of_its_currency() -> None:
    assert money("en", "1500", "CLP") == "CLP 1,500"
    assert money("en", "0.125", "USD") == "US$ 0.125"
    assert money("en", "3", None) == "3.00"


@pytest.mark.parametrize("language", LANGUAGES)
def test_wordings_of_one_kind_differ_by_language_alone(language: str) -> None:
    for content, wanted in SHOWN:
        assert (worded(content, language=language).text is None) is (wanted is None)


def test_a_longer_list_says_how_much_more_there_is() -> None:
    poll = Poll(question="Qual?", options=tuple(f"opção {n}" for n in range(100)))
    text = worded(poll, language="pt_BR").text or ""
    assert text.endswith("• opção 59\n… e mais 40")
    assert replace(poll, options=poll.options[:60]).options[-1] in text
