"""What each kind of message of the Cloud API says, beyond the samples."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from bridge.core.content import (
    Answer,
    Card,
    Contacts,
    Content,
    Form,
    Location,
    Media,
    MediaKind,
    Menu,
    Order,
    Phone,
    Text,
    Unsupported,
)
from bridge.core.message import EVENT
from bridge.whatsapp.shapes import LONGEST_TEXT
from support.cloud_webhooks import around, message, of_kind, only, text


def said(kind: str, body: object, **more: Any) -> Content:
    """The content of a message of a kind; it can be stored and read back."""
    event = message(**of_kind(kind, body, **more))
    assert EVENT.validate_json(orjson.dumps(event)) == event
    return event.content


def file(kind: str = "image", **body: Any) -> Media:
    content = said(kind, {"id": "129", **body})
    assert isinstance(content, Media)
    return content


def form(response: object, name: str = "flow") -> Form:
    reply = {"name": name, "body": "Sent", "response_json": response}
    content = said("interactive", {"type": "nfm_reply", "nfm_reply": reply})
    assert isinstance(content, Form)
    return content


def cards(*told: object) -> Contacts:
    content = said("contacts", list(told))
    assert isinstance(content, Contacts)
    return content


def price(value: object) -> str | None:
    content = said("order", {"product_items": [{"product_retailer_id": "A", "item_price": value}]})
    assert isinstance(content, Order)
    return content.lines[0].price


# ---------------------------------------------------------------- texts and files


def test_an_endless_text_is_cut() -> None:
    assert said("text", {"body": "x" * 100_000}) == Text(body="x" * LONGEST_TEXT)
    assert file(caption="x" * 100_000).caption == "x" * LONGEST_TEXT


@pytest.mark.parametrize("kind", list(MediaKind))
def test_every_kind_of_file_is_read(kind: MediaKind) -> None:
    found = file(kind.value, mime_type="audio/ogg; codecs=opus", caption="veja", file_size="12")
    assert (found.media, found.handle, found.size) == (kind, "129", 12)
    assert (found.mime, found.caption) == ("audio/ogg; codecs=opus", "veja")


def test_a_recorded_voice_and_a_moving_sticker_are_told_apart() -> None:
    assert file("audio", voice=True).voice
    assert not file("audio", voice=False).voice
    assert not file("audio", voice="yes").voice
    assert file("sticker", animated=True).animated
    assert not file("sticker").animated


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("nota.pdf", "nota.pdf"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("a" * 1000 + ".pdf", "a" * 251 + ".pdf"),
        ("   ", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_of_a_name_the_end_is_kept(given: object, kept: str | None) -> None:
    """It is made safe where it becomes the name of a file."""
    assert file("document", filename=given).filename == kept


def test_a_file_that_meta_could_not_take_is_told_with_the_reason() -> None:
    errors = [{"code": 131052, "title": "Media download error", "error_data": {"details": "Big."}}]
    content = said("video", ..., errors=errors)
    assert isinstance(content, Unsupported)
    assert (content.upstream, content.detail) == ("video", "Big.")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("60AI+aGZ47atwvbM4KSu/H5xBCiBUVVp3ex3aVCm88s=", "eb4008f9a199e3b6"),
        ("EB4008F9" * 8, "eb4008f9eb4008f9"),
        ("60AI", None),
        ("not base64 ü", None),
        ("\ud800", None),
        (None, None),
        (7, None),
    ],
)
def test_a_digest_becomes_hex(given: object, kept: str | None) -> None:
    content = message(**of_kind("image", {"id": "1", "sha256": given})).content
    assert isinstance(content, Media)
    assert (content.sha256[:16] if content.sha256 else None) == kept
    assert content.mime == "application/octet-stream"


# ---------------------------------------------------------------- places and cards


@pytest.mark.parametrize(
    ("latitude", "longitude", "known"),
    [
        (-23.5, -46.6, True),
        (0, 0, True),
        (90, 180, True),
        ("-23.5", "-46.6", True),
        (90.1, 0, False),
        (0, -180.5, False),
        ("nan", 0, False),
        (float("1e400"), 0, False),
        (True, 0, False),
        ("1" * 5000, 0, False),
        (2**80, 0, False),
        ("here", "there", False),
        (None, 1, False),
    ],
)
def test_only_places_on_the_earth_are_places(
    latitude: object, longitude: object, known: bool
) -> None:
    event = message(**of_kind("location", {"latitude": latitude, "longitude": longitude}))
    assert isinstance(event.content, Location) is known


def test_a_card_is_read_whole() -> None:
    told = {
        "name": {"formatted_name": "Ana Exemplo", "first_name": "Ana"},
        "phones": [
            {"phone": "+55 11 90000-0001", "wa_id": "5511900000001", "type": "CELL"},
            {"phone": "1130000002", "type": "WORK"},
            {"wa_id": "5511900000003"},
            {},
            None,
        ],
        "emails": [{"email": "ana@example.com", "type": "WORK"}, {"email": ""}],
        "org": {"company": "Exemplo", "department": "Vendas", "title": "Gerente"},
        "urls": [{"url": "https://ana.example"}],
        "addresses": [{"street": "Rua A, 1", "city": "São Paulo", "country_code": "br"}, {}],
        "birthday": "1990-01-02",
        "vcard": "BEGIN:VCARD\nEND:VCARD",
    }
    assert cards(told) == Contacts(
        cards=(
            Card(
                name="Ana Exemplo",
                phones=(
                    Phone(number="+55 11 90000-0001", wa_id="5511900000001", label="CELL"),
                    Phone(number="1130000002", label="WORK"),
                    Phone(number="+5511900000003", wa_id="5511900000003"),
                ),
                emails=("ana@example.com",),
                organization="Exemplo, Vendas, Gerente",
                vcard="BEGIN:VCARD\nEND:VCARD",
                urls=("https://ana.example",),
                addresses=("Rua A, 1, São Paulo",),
                birthday="1990-01-02",
            ),
        )
    )


def test_several_cards_keep_their_order_and_empty_ones_are_left_out() -> None:
    found = cards(
        {"name": {"first_name": "Ana", "last_name": "B"}},
        {},
        7,
        {"name": "junk"},
        *[{"name": {"formatted_name": "Rui"}, "phones": "junk"}],
    )
    assert [card.name for card in found.cards] == ["Ana B", "Rui"]
    assert not found.requested


# ---------------------------------------------------------------- answers and forms


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (
            "interactive",
            {"type": "button_reply", "button_reply": {"id": "1", "title": "Sim"}},
            Answer(source="button", title="Sim", id="1"),
        ),
        (
            "interactive",
            {"type": "list_reply", "list_reply": {"id": "1", "title": "A", "description": "d"}},
            Answer(source="list", title="A", id="1", description="d"),
        ),
        (
            "interactive",
            {"type": "button_reply", "button_reply": {"id": "only-the-id"}},
            Answer(source="button", title="only-the-id", id="only-the-id"),
        ),
        (
            "interactive",
            {"type": "call_permission_reply", "call_permission_reply": {"response": "reject"}},
            Answer(source="call_permission", title="reject", id="reject"),
        ),
        ("button", {"text": "Confirmar"}, Answer(source="template", title="Confirmar")),
        (
            "button",
            {"text": "Confirmar", "payload": "C-1"},
            Answer(source="template", title="Confirmar", id="C-1"),
        ),
    ],
)
def test_an_answer_keeps_its_title_and_its_id(
    kind: str, body: dict[str, Any], expected: Answer
) -> None:
    assert said(kind, body) == expected


@pytest.mark.parametrize(
    ("response", "values"),
    [
        ('{"cpf": "000"}', {"cpf": "000"}),
        ('{"cpf": ', {"response_json": '{"cpf": '}),
        ("[1, 2]", {"response_json": [1, 2]}),
        ('"x"', {"response_json": "x"}),
        ('{"a": "\\ud83d"}', {"response_json": '{"a": "\\ud83d"}'}),
        ('{"a":' * 100 + "1" + "}" * 100, {"response_json": '{"a":' * 100 + "1" + "}" * 100}),
        ({"cpf": "000"}, {"cpf": "000"}),
        ("null", {}),
        ("", {}),
        (None, {}),
    ],
)
def test_the_answers_of_a_form_are_kept_also_when_they_are_broken(
    response: object, values: dict[str, Any]
) -> None:
    assert form(response) == Form(source="flow", body="Sent", values=values)


def test_the_fields_of_an_address_are_not_buried() -> None:
    found = form('{"values": {"city": "Recife"}, "saved_address_id": "7"}', "address_message")
    assert found.source == "address"
    assert found.values == {"city": "Recife", "saved_address_id": "7"}
    assert form('{"values": "junk"}', "address_message").values == {"values": "junk"}


def test_a_form_of_a_new_kind_keeps_its_name() -> None:
    assert form("{}", "hologram_message").source == "hologram_message"


def test_what_was_offered_is_a_menu() -> None:
    """The phone's app tells of its own messages in the shape in which businesses send them."""
    body = {
        "type": "list",
        "header": {"type": "text", "text": "Menu"},
        "body": {"text": "Escolha"},
        "footer": {"text": "até 18h"},
        "action": {
            "buttons": [{"type": "reply", "reply": {"id": "1", "title": "Sim"}}],
            "sections": [{"rows": [{"id": "2", "title": "Não"}, None]}, 7],
        },
    }
    assert said("interactive", body) == Menu(
        body="Escolha", title="Menu", footer="até 18h", options=("Sim", "Não")
    )


@pytest.mark.parametrize(
    ("kind", "body", "upstream"),
    [
        ("interactive", {"type": "hologram_reply", "hologram_reply": {}}, "hologram_reply"),
        ("interactive", {"type": ["?"]}, "interactive"),
        ("unsupported", {"type": "poll_creation"}, "poll_creation"),
        ("unsupported", {}, "unsupported"),
    ],
)
def test_an_unknown_kind_is_named_as_exactly_as_can_be(
    kind: str, body: dict[str, Any], upstream: str
) -> None:
    content = said(kind, body)
    assert isinstance(content, Unsupported)
    assert content.upstream == upstream
    assert content.raw[kind] == body


# ---------------------------------------------------------------- orders


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (79.9, "79.9"),
        (0.1, "0.1"),
        (39, "39"),
        (39.0, "39.0"),
        ("12.50", "12.50"),
        (1e-05, "0.00001"),
        (1e300, None),
        ("1e999999999", None),
        ("0.1" * 50, None),
        ("junk", None),
        ("NaN", None),
        (float("1e400"), None),
        (2**80, None),
        (True, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_price_is_the_number_that_was_written(given: object, told: str | None) -> None:
    assert price(given) == told


def test_no_line_of_an_order_is_left_out() -> None:
    items = [
        {"product_retailer_id": "A", "quantity": 2.0},
        {"product_retailer_id": "B", "quantity": "3"},
        {"name": "C", "quantity": -1},
        {"product_retailer_id": "D", "quantity": 1.5},
        None,
    ]
    content = said("order", {"product_items": items})
    assert isinstance(content, Order)
    assert [(line.product, line.quantity) for line in content.lines] == [
        ("A", 2),
        ("B", 3),
        ("?", None),
        ("D", None),
    ]


def test_the_reason_beside_the_messages_is_told_when_the_body_is_missing() -> None:
    errors = [{"code": 131000, "title": "Something went wrong"}]
    event = only(around(messages=[text(type="interactive", text=...)], errors=errors))
    assert getattr(event, "content", None) == Unsupported(
        upstream="interactive",
        raw=text(type="interactive", text=...),
        detail="Something went wrong",
    )
