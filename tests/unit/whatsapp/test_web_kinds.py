"""Every kind of content that people send on WhatsApp Web, as the house sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

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
    Menu,
    Order,
    Payment,
    Phone,
    Poll,
    Product,
    Text,
    Unsupported,
)
from bridge.core.message import EVENT, Received
from bridge.whatsapp.web.parser import events

PHONE = "5511900000002@s.whatsapp.net"
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def said(message: dict[str, Any]) -> Content:
    data = {"id": "3A01", "chat": PHONE, "sender": PHONE, "message": message}
    (event,) = events("message", data, number="shop", received_at=AT)
    assert isinstance(event, Received)
    assert EVENT.validate_json(orjson.dumps(event)) == event, "cannot be stored"
    return event.content


# ------------------------------------------------------------------ places and cards

PLACE = {"degreesLatitude": -23.561414, "degreesLongitude": -46.655881}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {
                "locationMessage": PLACE
                | {"name": "MASP", "address": "Av. Paulista, 1578", "URL": "https://x.io/masp"}
            },
            Location(
                latitude=-23.561414,
                longitude=-46.655881,
                name="MASP",
                address="Av. Paulista, 1578",
                url="https://x.io/masp",
            ),
        ),
        (
            {"locationMessage": PLACE | {"isLive": True, "comment": "aqui"}},
            Location(latitude=-23.561414, longitude=-46.655881, live=True, caption="aqui"),
        ),
        (
            {
                "liveLocationMessage": {
                    "degreesLatitude": 0,
                    "degreesLongitude": 10,
                    "caption": "vou",
                }
            },
            Location(latitude=0.0, longitude=10.0, live=True, caption="vou"),
        ),
    ],
)
def test_places(message: dict[str, Any], expected: Location) -> None:
    assert said(message) == expected


@pytest.mark.parametrize(
    "degrees",
    [
        {"degreesLatitude": 1e308, "degreesLongitude": 1},
        {"degreesLatitude": 91, "degreesLongitude": 1},
        {"degreesLatitude": "NaN", "degreesLongitude": 1},
        {"degreesLatitude": True, "degreesLongitude": 1},
        {"degreesLatitude": 1},
    ],
)
def test_a_place_that_is_none_stays_visible(degrees: dict[str, Any]) -> None:
    told = said({"locationMessage": degrees | {"name": "MASP"}})
    assert isinstance(told, Unsupported)
    assert (told.upstream, told.detail) == ("locationMessage", "MASP")


CARD = "BEGIN:VCARD\nFN:Paulo Oficina\nTEL;waid=5511900000003:+55 11 90000-0003\nEND:VCARD"
PAULO = Card(
    name="Paulo Oficina",
    phones=(Phone(number="+55 11 90000-0003", wa_id="5511900000003"),),
    vcard=CARD,
)


def test_cards() -> None:
    one = {"displayName": "Paulo", "vcard": CARD}
    assert said({"contactMessage": one}) == Contacts(cards=(PAULO,))
    several = {"displayName": "3 contatos", "contacts": [one, {"displayName": "Disk Gás"}, 7]}
    assert said({"contactsArrayMessage": several}) == Contacts(cards=(PAULO, Card(name="Disk Gás")))


def test_cards_with_nothing_on_them_stay_visible() -> None:
    told = said({"contactsArrayMessage": {"displayName": "2 contatos", "contacts": [{}, 7]}})
    assert isinstance(told, Unsupported)
    assert told.detail == "2 contatos"


def test_many_long_cards_are_read_and_not_all_kept() -> None:
    card = CARD.replace("END", f"NOTE:{'x' * 15_000}\nEND")
    told = said({"contactsArrayMessage": {"contacts": [{"vcard": card}] * 200}})
    assert isinstance(told, Contacts)
    assert len(told.cards) == 100
    assert all(one.phones == PAULO.phones for one in told.cards)
    assert sum(len(one.vcard or "") for one in told.cards) < 65_536


# ------------------------------------------------------------------ answers


def native(name: str | None, values: object, text: str | None = None) -> dict[str, Any]:
    flow = {"name": name, "paramsJSON": json.dumps(values), "version": 3}
    body = {} if text is None else {"body": {"text": text, "format": "DEFAULT"}}
    return {"interactiveResponseMessage": body | {"nativeFlowResponseMessage": flow}}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {
                "buttonsResponseMessage": {
                    "selectedButtonID": "menu:1",
                    "selectedDisplayText": "Falar com vendas",
                    "type": "DISPLAY_TEXT",
                }
            },
            Answer(source="button", title="Falar com vendas", id="menu:1"),
        ),
        (
            {"buttonsResponseMessage": {"selectedButtonID": "menu:1"}},
            Answer(source="button", title="menu:1", id="menu:1"),
        ),
        (
            {
                "listResponseMessage": {
                    "title": "Financeiro",
                    "description": "Boletos",
                    "singleSelectReply": {"selectedRowID": "setor:fin"},
                }
            },
            Answer(source="list", title="Financeiro", id="setor:fin", description="Boletos"),
        ),
        (
            {
                "templateButtonReplyMessage": {
                    "selectedID": "OK",
                    "selectedDisplayText": "Confirmar",
                    "selectedIndex": 0,
                }
            },
            Answer(source="template", title="Confirmar", id="OK"),
        ),
        (
            {
                "templateButtonReplyMessage": {
                    "selectedID": "2",
                    "selectedDisplayText": "Ver",
                    "selectedCarouselCardIndex": 1,
                }
            },
            Answer(source="carousel", title="Ver", id="2"),
        ),
        (
            native("quick_reply", {"id": "sim"}, "Sim"),
            Answer(source="button", title="Sim", id="sim"),
        ),
        (
            native("single_select", {"id": "r1", "title": "Vendas", "description": "Loja"}),
            Answer(source="list", title="Vendas", id="r1", description="Loja"),
        ),
        (
            native("menu_options", {"id": "3"}, "RH"),
            Answer(source="list", title="RH", id="3"),
        ),
        (
            native("flow", {"flow_token": "t", "nome": "Ana"}, "Enviado"),
            Form(source="flow", body="Enviado", values={"flow_token": "t", "nome": "Ana"}),
        ),
        (native("galaxy_message", {"a": 1}), Form(source="flow", values={"a": 1})),
        (
            native("address_message", {"values": {"city": "Recife"}}, "Rua 1"),
            Form(source="address", body="Rua 1", values={"city": "Recife"}),
        ),
        (
            native("booking", {"day": "1"}, "Marcado"),
            Form(source="booking", body="Marcado", values={"day": "1"}),
        ),
        (native("cta_reminder", []), Form(source="cta_reminder")),
        (
            {"interactiveResponseMessage": {"body": {"text": "Sim"}}},
            Answer(source="native_flow", title="Sim"),
        ),
    ],
)
def test_answers(message: dict[str, Any], expected: Content) -> None:
    assert said(message) == expected


@pytest.mark.parametrize("text", ["{", "[1]", '"x"', "7", "[" * 5000, '{"a":' * 500, 7, None])
def test_what_is_no_json_in_a_form_is_left_out(text: object) -> None:
    flow = {"name": "flow", "paramsJSON": text}
    message = {"interactiveResponseMessage": {"nativeFlowResponseMessage": flow}}
    assert said(message) == Form(source="flow")


def test_hostile_json_in_a_form_can_be_stored() -> None:
    wild = {"a": "\0b", "n": 2**80, "f": 1e308, "deep": json.loads("[" * 60 + "]" * 60)}
    told = said(native("flow", wild))
    assert isinstance(told, Form)
    assert told.values.get("a") == "b"
    assert said(native("flow", {"x": "y" * 70_000})) == Form(source="flow")


# ------------------------------------------------------------------ menus


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {
                "buttonsMessage": {
                    "text": "Loja",
                    "contentText": "Como posso\najudar?",
                    "footerText": "24 h",
                    "buttons": [
                        {"buttonID": "1", "buttonText": {"displayText": "Vendas"}},
                        {"nativeFlowInfo": {"name": "x", "paramsJSON": '{"display_text":"Site"}'}},
                        7,
                    ],
                }
            },
            Menu(
                title="Loja", body="Como posso\najudar?", footer="24 h", options=("Vendas", "Site")
            ),
        ),
        (
            {
                "listMessage": {
                    "title": "Setores",
                    "description": "Escolha",
                    "sections": [
                        {"title": "a", "rows": [{"title": "Vendas"}, {"title": "RH"}]},
                        {"rows": [{"title": "Outro"}]},
                    ],
                }
            },
            Menu(title="Setores", body="Escolha", options=("Vendas", "RH", "Outro")),
        ),
        (
            {
                "templateMessage": {
                    "hydratedTemplate": {
                        "hydratedTitleText": "Pedido 7",
                        "hydratedContentText": "Saiu para entrega",
                        "hydratedFooterText": "Loja",
                        "hydratedButtons": [
                            {"quickReplyButton": {"displayText": "Ok", "ID": "1"}},
                            {"urlButton": {"displayText": "Rastrear", "URL": "https://x.io"}},
                            {"callButton": {"displayText": "Ligar"}},
                        ],
                    }
                }
            },
            Menu(
                title="Pedido 7",
                body="Saiu para entrega",
                footer="Loja",
                options=("Ok", "Rastrear", "Ligar"),
            ),
        ),
        (
            {"templateMessage": {"hydratedFourRowTemplate": {"hydratedContentText": "Olá"}}},
            Menu(body="Olá"),
        ),
        (
            {"templateMessage": {"interactiveMessageTemplate": {"body": {"text": "Olá"}}}},
            Menu(body="Olá"),
        ),
        (
            {
                "highlyStructuredMessage": {
                    "hydratedHsm": {"hydratedTemplate": {"hydratedContentText": "Olá"}}
                }
            },
            Menu(body="Olá"),
        ),
        ({"highlyStructuredMessage": {"params": ["Ana", "R$ 10"]}}, Menu(body="Ana\nR$ 10")),
        (
            {
                "interactiveMessage": {
                    "header": {"title": "Loja"},
                    "body": {"text": "O que deseja?"},
                    "footer": {"text": "24 h"},
                    "nativeFlowMessage": {
                        "buttons": [
                            {"name": "cta_url", "buttonParamsJSON": '{"display_text":"Site"}'},
                            {
                                "name": "single_select",
                                "buttonParamsJSON": json.dumps(
                                    {
                                        "title": "Ver",
                                        "sections": [{"rows": [{"id": "1", "title": "Vendas"}]}],
                                    }
                                ),
                            },
                            {"name": "quick_reply", "buttonParamsJSON": "{"},
                        ]
                    },
                }
            },
            Menu(title="Loja", body="O que deseja?", footer="24 h", options=("Site", "Vendas")),
        ),
        (
            {
                "interactiveMessage": {
                    "body": {"text": "Ofertas"},
                    "carouselMessage": {
                        "cards": [{"header": {"title": "A"}, "body": {"text": "1"}}, {}, 7]
                    },
                }
            },
            Menu(body="Ofertas\n\nA\n1"),
        ),
    ],
)
def test_menus(message: dict[str, Any], expected: Menu) -> None:
    assert said(message) == expected


# ------------------------------------------------------------------ orders, products, money


def paid(name: str, **values: Any) -> dict[str, Any]:
    button = {"name": name, "buttonParamsJSON": json.dumps(values)}
    return {
        "interactiveMessage": {"body": {}, "nativeFlowMessage": {"buttons": [button]}},
    }


PIX = {"merchant_name": "Loja da Ana", "key": "ana@example.com", "key_type": "EMAIL"}
SETTINGS = [{"type": "cards"}, {"type": "pix_static_code", "pix_static_code": PIX}]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {
                "orderMessage": {
                    "orderID": "900",
                    "itemCount": 2,
                    "orderTitle": "Loja",
                    "message": "para amanhã",
                    "sellerJID": "5511900000001@s.whatsapp.net",
                    "totalAmount1000": "129900",
                    "totalCurrencyCode": "BRL",
                }
            },
            Order(
                id="900",
                catalog="5511900000001@s.whatsapp.net",
                note="para amanhã",
                count=2,
                total="129.90",
                currency="BRL",
            ),
        ),
        (
            {"orderMessage": {"orderTitle": "Pão", "itemCount": -1, "totalAmount1000": "1005"}},
            Order(note="Pão", total="1.005"),
        ),
        (
            {
                "productMessage": {
                    "product": {
                        "productID": "7001",
                        "title": "Pedal",
                        "description": "Alumínio",
                        "priceAmount1000": "100000",
                        "currencyCode": "brl",
                        "URL": "https://x.io/pedal",
                    },
                    "businessOwnerJID": PHONE,
                    "body": "Que tal?",
                }
            },
            Product(
                title="Pedal",
                id="7001",
                catalog=PHONE,
                description="Alumínio",
                price="100.00",
                currency="BRL",
                url="https://x.io/pedal",
                body="Que tal?",
            ),
        ),
        (
            {
                "productMessage": {
                    "product": {"retailerID": "P-1", "priceAmount1000": 9, "salePriceAmount1000": 5}
                }
            },
            Product(id="P-1", price="0.005"),
        ),
        (
            {"productMessage": {"catalog": {"title": "Vitrine"}, "businessOwnerJID": PHONE}},
            Product(title="Vitrine", catalog=PHONE),
        ),
        (
            {
                "requestPaymentMessage": {
                    "amount1000": "50000",
                    "currencyCodeIso4217": "BRL",
                    "noteMessage": {"extendedTextMessage": {"text": "mensalidade"}},
                }
            },
            Payment(what="request", amount="50.00", currency="BRL", note="mensalidade"),
        ),
        (
            {
                "requestPaymentMessage": {
                    "amount": {"value": "1550", "offset": 100, "currencyCode": "BRL"}
                }
            },
            Payment(what="request", amount="15.50", currency="BRL"),
        ),
        (
            {"requestPaymentMessage": {"amount": {"value": 7, "offset": 3}}},
            Payment(what="request"),
        ),
        (
            {"sendPaymentMessage": {"noteMessage": {"conversation": "pago"}}},
            Payment(what="sent", note="pago"),
        ),
        ({"declinePaymentRequestMessage": {}}, Payment(what="declined")),
        ({"cancelPaymentRequestMessage": {"key": {"ID": "3A"}}}, Payment(what="cancelled")),
        ({"paymentInviteMessage": {"serviceType": "PIX"}}, Payment(what="invite", note="PIX")),
        (
            {
                "splitPaymentMessage": {
                    "splitID": "s1",
                    "description": "pizza",
                    "totalAmount": {"value": "90000", "offset": 1000, "currencyCode": "BRL"},
                }
            },
            Payment(what="request", amount="90.00", currency="BRL", note="pizza", id="s1"),
        ),
        (
            {"paymentReminderMessage": {"reminderID": "r1", "description": "aluguel"}},
            Payment(what="request", note="aluguel", id="r1"),
        ),
        (
            paid(
                "payment_info",
                currency="BRL",
                total_amount={"value": 0, "offset": 100},
                reference_id="4PVSNK5RNNJ",
                payment_settings=SETTINGS,
            ),
            Payment(what="key", note="Loja da Ana", key="ana@example.com", id="4PVSNK5RNNJ"),
        ),
        (
            paid(
                "review_and_pay",
                currency="BRL",
                total_amount={"value": 4990, "offset": 100},
                reference_id="R1",
                payment_settings=SETTINGS,
            ),
            Payment(
                what="request",
                amount="49.90",
                currency="BRL",
                note="Loja da Ana",
                key="ana@example.com",
                id="R1",
            ),
        ),
        (
            paid(
                "review_and_pay",
                total_amount={"value": 100, "offset": 100},
                order={"items": [{"name": "Pão"}, {"name": "Leite"}, 7]},
            ),
            Payment(what="request", amount="1.00", note="Pão, Leite"),
        ),
    ],
)
def test_orders_products_and_money(message: dict[str, Any], expected: Content) -> None:
    assert said(message) == expected


@pytest.mark.parametrize(
    "values",
    [{}, {"payment_settings": "x"}, {"total_amount": {"value": "-1", "offset": 100}}],
)
def test_a_payment_without_money_or_key_is_what_else_it_is(values: dict[str, Any]) -> None:
    message = paid("payment_info", **values)
    message["interactiveMessage"]["body"] = {"text": "Pague aqui"}
    assert said(message) == Menu(body="Pague aqui")


# ------------------------------------------------------------------ polls and invitations


@pytest.mark.parametrize("version", ["", "V2", "V3", "V5", "V6"])
def test_polls(version: str) -> None:
    body = {
        "name": "Que dia?",
        "options": [{"optionName": " Seg "}, {"optionName": "Ter"}, {"optionName": ""}, 7],
        "selectableOptionsCount": 1,
    }
    poll = Poll(question="Que dia?", options=(" Seg ", "Ter"), most=1)
    assert said({f"pollCreationMessage{version}": body}) == poll
    assert said({"pollCreationMessageV4": {"message": {"pollCreationMessageV3": body}}}) == poll


@pytest.mark.parametrize("most", [None, -1, "x", 2**40, True, []])
def test_any_number_of_options_may_be_chosen_unless_it_is_said(most: object) -> None:
    body = {"name": "Que dia?", "selectableOptionsCount": most, "options": [{"optionName": "x"}]}
    assert said({"pollCreationMessage": body}) == Poll(question="Que dia?", options=("x",))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {
                "groupInviteMessage": {
                    "groupJID": "1@g.us",
                    "groupName": "Clube",
                    "inviteCode": "AbC-1_x",
                    "caption": "entra aí",
                }
            },
            Invitation(
                what="group",
                title="Clube",
                description="entra aí",
                url="https://chat.whatsapp.com/AbC-1_x",
            ),
        ),
        (
            {"groupInviteMessage": {"groupName": "Clube", "inviteCode": "../evil"}},
            Invitation(what="group", title="Clube"),
        ),
        (
            {
                "eventMessage": {
                    "name": "Reunião",
                    "description": "às 15h",
                    "joinLink": "https://call.whatsapp.com/video/x",
                    "startTime": "1795294800",
                    "location": PLACE | {"name": "MASP", "address": "Av. Paulista"},
                    "isCanceled": True,
                }
            },
            Invitation(
                what="event",
                title="Reunião",
                description="às 15h",
                url="https://call.whatsapp.com/video/x",
                begins=datetime(2026, 11, 21, 21, tzinfo=UTC),
                place="MASP, Av. Paulista",
                cancelled=True,
            ),
        ),
        (
            {"eventInviteMessage": {"eventTitle": "Reunião", "startTime": "1795294800000"}},
            Invitation(
                what="event", title="Reunião", begins=datetime(2026, 11, 21, 21, tzinfo=UTC)
            ),
        ),
        (
            {"scheduledCallCreationMessage": {"scheduledTimestampMS": "1795294800000"}},
            Invitation(what="event", title="", begins=datetime(2026, 11, 21, 21, tzinfo=UTC)),
        ),
        (
            {"newsletterAdminInviteMessage": {"newsletterName": "Ofertas", "caption": "ajude"}},
            Invitation(what="newsletter", title="Ofertas", description="ajude"),
        ),
        (
            {"newsletterFollowerInviteMessageV2": {"newsletterName": "Ofertas"}},
            Invitation(what="newsletter", title="Ofertas"),
        ),
    ],
)
def test_invitations(message: dict[str, Any], expected: Invitation) -> None:
    assert said(message) == expected


@pytest.mark.parametrize("stamp", ["0", "-5", "9" * 18, 2**62, "x", None, 1.5, []])
def test_a_time_that_is_none_is_left_out(stamp: object) -> None:
    told = said({"eventMessage": {"name": "Reunião", "startTime": stamp}})
    assert told == Invitation(what="event", title="Reunião")


# ------------------------------------------------------------------ all of them

KINDS = (
    "buttonsMessage",
    "buttonsResponseMessage",
    "contactMessage",
    "contactsArrayMessage",
    "eventInviteMessage",
    "eventMessage",
    "groupInviteMessage",
    "highlyStructuredMessage",
    "interactiveMessage",
    "interactiveResponseMessage",
    "listMessage",
    "listResponseMessage",
    "liveLocationMessage",
    "locationMessage",
    "newsletterAdminInviteMessage",
    "orderMessage",
    "pollCreationMessageV3",
    "productMessage",
    "scheduledCallCreationMessage",
    "templateButtonReplyMessage",
    "templateMessage",
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", [{}, {"contextInfo": {}}, "x", [], 7])
def test_a_kind_in_which_nothing_can_be_read_stays_visible(kind: str, body: Any) -> None:
    told = said({kind: body})
    assert isinstance(told, Unsupported)
    assert told.upstream == kind


def test_answers_to_questions_are_texts() -> None:
    body = {"key": {"ID": "3AFF"}, "text": "Azul"}
    assert said({"questionResponseMessage": body}) == Text(body="Azul")
    assert said({"statusQuestionAnswerMessage": body}) == Text(body="Azul")


# ------------------------------------------------------------------ junk

AROUND = {
    "extendedTextMessage": {
        "text": "@77 oi",
        "contextInfo": {
            "stanzaID": "3A00",
            "forwardingScore": 5,
            "mentionedJID": ["77@lid"],
            "externalAdReply": {"title": "Oferta", "sourceID": "1"},
            "quotedMessage": {"productMessage": {"product": {"retailerID": "p"}}},
        },
    },
    "messageContextInfo": {
        "messageAssociation": {
            "associationType": "MOTION_PHOTO",
            "parentMessageKey": {"ID": "3A00"},
        }
    },
}
_TESTS = (test_places, test_answers, test_menus, test_orders_products_and_money, test_invitations)


def shapes() -> list[dict[str, Any]]:
    marks = [test.pytestmark[0] for test in _TESTS]  # type: ignore[attr-defined]
    cases = [getattr(one, "values", one) for mark in marks for one in mark.args[1]]
    return [AROUND, *(case[0] for case in cases)]


def spoilt(value: Any, junk: Any) -> Iterator[Any]:
    """Copies of JSON, in each of which another part is junk."""
    yield junk
    if not isinstance(value, dict | list):
        return
    for at in value if isinstance(value, dict) else range(len(value)):
        for part in spoilt(value[at], junk):
            copy = value.copy()
            copy[at] = part
            yield copy


@pytest.mark.parametrize("junk", [[], {}, [[]], {"a": [{}]}, None, True, -1, 1e300, "x", "[1]"])
def test_junk_anywhere_in_any_kind_gives_one_event(junk: Any) -> None:
    for shape in shapes():
        for message in spoilt(shape, junk):
            data = {"id": "3A01", "chat": PHONE, "sender": PHONE, "message": message}
            assert len(events("message", data, number="shop", received_at=AT)) == 1
