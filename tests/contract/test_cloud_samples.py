"""Every sample of the Cloud API becomes exactly the events that it means."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.content import (
    Answer,
    Card,
    Contacts,
    Content,
    Form,
    Location,
    Media,
    MediaKind,
    Order,
    OrderLine,
    Phone,
    Text,
    Unsupported,
)
from bridge.core.message import (
    EVENT,
    DeliveryState,
    Edited,
    Event,
    HistoryTold,
    IdentityChanged,
    NameTold,
    Reacted,
    Received,
    Revoked,
    SentByPhone,
    StatusReported,
    Unhandled,
    UpstreamFault,
)
from bridge.core.naming import Source
from bridge.core.party import Party
from bridge.whatsapp.cloud.parser import parse

SAMPLES = {
    path.stem: orjson.loads(path.read_bytes())
    for path in sorted((Path(__file__).parent / "whatsapp" / "cloud").glob("*.json"))
}
WEBHOOKS = {name: body for name, body in SAMPLES.items() if not name.startswith("api_")}
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)

NUMBER = "412900001234567"
SENT = "wamid.HBgNNTUxMTk4NzY1MDAwMRUCABEYEjBGNUEzQzIxQjdEOTRFOEE2NgA="
GROUP = "Y2FwaV9ncm91cDo1NTExMzAwMDEyMzQ6MTIwMzYzMDAwMDAwMDAwMDAxZD"
MARINA = Party(wa_id="5511987650001", bsuid="BR.13491200000000000001", name="Marina Alves")
#: The same person, told without `contacts[]`.
MARINAS_IDS = Party(wa_id="5511987650001", bsuid="BR.13491200000000000001")
RAFA = Party(bsuid="BR.29817364500000000077", username="rafa.bikes", name="Rafa")


def value(name: str) -> dict[str, Any]:
    found: dict[str, Any] = WEBHOOKS[name]["entry"][0]["changes"][0]["value"]
    return found


def message(name: str, array: str = "messages") -> dict[str, Any]:
    found: dict[str, Any] = value(name)[array][0]
    return found


def when(raw: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(raw["timestamp"]), UTC)


def received(name: str, content: Content, sender: Party = MARINA, **rest: Any) -> list[Event]:
    """The one event of a sample with one message; id and time are the message's own."""
    raw = message(name)
    return [
        Received(number=NUMBER, id=raw["id"], sender=sender, at=when(raw), content=content, **rest)
    ]


def says(
    name: str, content: Content, sender: Party = MARINA, **rest: Any
) -> Callable[[], list[Event]]:
    return lambda: received(name, content, sender, **rest)


def answers(name: str, content: Content, sender: Party = MARINA) -> Callable[[], list[Event]]:
    return says(name, content, sender, reply_to=SENT)


def change(
    kind: Callable[..., Event], name: str, *, chat: Party = MARINA, **rest: Any
) -> Callable[[], list[Event]]:
    """What changes another message; `rest` are the fields beside id, chat and time."""
    array = "message_echoes" if rest.get("by_us") else "messages"
    raw = message(name, array)
    return lambda: [kind(number=NUMBER, id=raw["id"], chat=chat, at=when(raw), **rest)]


def echo(name: str, content: Content, chat: Party = MARINA) -> Callable[[], list[Event]]:
    raw = message(name, "message_echoes")
    return lambda: [
        SentByPhone(number=NUMBER, id=raw["id"], chat=chat, at=when(raw), content=content)
    ]


def moved(name: str, old: Party, new: Party) -> Callable[[], list[Event]]:
    raw = message(name)
    return lambda: [IdentityChanged(number=NUMBER, id=raw["id"], old=old, new=new, at=when(raw))]


def told(name: str, array: str) -> Callable[[], list[Event]]:
    """History is kept whole, with what stands around it."""
    whole = {"metadata": value(name)["metadata"], array: value(name)[array]}
    digest = hashlib.sha256(orjson.dumps(whole)).hexdigest()
    return lambda: [HistoryTold(number=NUMBER, id=digest, at=AT, payload=whole)]


def picture(told: dict[str, Any], digest: str) -> Media:
    """A picture with a caption; its webhook says the digest in base64."""
    assert base64.b64decode(told["sha256"]).hex() == digest
    return Media(
        media=MediaKind.IMAGE,
        handle=told["id"],
        mime=told["mime_type"],
        caption=told["caption"],
        sha256=digest,
        url=told["url"],
    )


def order() -> Order:
    return Order(
        catalog="880011223344556",
        note="Entregar depois das 18h",
        lines=(
            OrderLine(product="CAMISA-AZUL-01", quantity=2, price="79.9", currency="BRL"),
            OrderLine(product="BONE-02", quantity=1, price="39", currency="BRL"),
        ),
    )


def text(name: str, sender: Party = MARINA, **rest: Any) -> Callable[[], list[Event]]:
    return lambda: received(name, Text(body=message(name)["text"]["body"]), sender, **rest)


def placeholder(
    name: str, sender: Party = MARINA, *, detail: str | None = None, **rest: Any
) -> Callable[[], list[Event]]:
    raw = message(name)
    kind = raw.get("unsupported", {}).get("type", raw["type"])
    content = Unsupported(upstream=kind, raw=raw, detail=detail)
    return lambda: received(name, content, sender, **rest)


def status(
    state: DeliveryState, stamp: int, recipient: Party = MARINAS_IDS, **rest: Any
) -> Callable[[], list[Event]]:
    at = datetime.fromtimestamp(stamp, UTC)
    return lambda: [
        StatusReported(number=NUMBER, id=SENT, state=state, at=at, recipient=recipient, **rest)
    ]


def unhandled(field: str, *details: str, number: str | None = NUMBER) -> Callable[[], list[Event]]:
    return lambda: [
        Unhandled(number=number, rule=f"cloud.{field}", detail=detail) for detail in details
    ]


def batch() -> list[Event]:
    entry = WEBHOOKS["batch_two_accounts"]["entry"]
    first = entry[0]["changes"][0]["value"]["messages"]
    other = entry[1]["changes"][0]["value"]["messages"][0]
    tiago = Party(wa_id="558588880002", bsuid="BR.55120000000000000002", name="Tiago Nunes")
    return [
        Received(
            number=NUMBER,
            id=first[0]["id"],
            sender=MARINA,
            at=datetime.fromtimestamp(1795192287, UTC),
            content=Text(body="primeira"),
        ),
        Received(
            number=NUMBER,
            id=first[1]["id"],
            sender=MARINA,
            at=datetime.fromtimestamp(1795192361, UTC),
            content=Text(body="primeira, parte dois"),
        ),
        *status(DeliveryState.DELIVERED, 1795191001, MARINA)(),
        Received(
            number="412900007654321",
            id=other["id"],
            sender=tiago,
            at=datetime.fromtimestamp(1795192324, UTC),
            content=Text(body="segunda"),
        ),
    ]


def person(wa_id: str, bsuid: str, name: str | None) -> Party:
    return Party(wa_id=wa_id, bsuid=bsuid, name=name)


EXPECTED: dict[str, Callable[[], list[Event]]] = {
    "account_update_partner_removed": unhandled("account_update", "PARTNER_REMOVED", number=None),
    "account_update_restriction": unhandled("account_update", "ACCOUNT_RESTRICTION", number=None),
    "batch_two_accounts": batch,
    "echo_edit": change(
        Edited,
        "echo_edit",
        target="wamid.HBgNNTUxMTk4NzY1MDAwMRUCABEYEjNFQjAwMEFBN0YwMEQxQzJCMwA=",
        content=Text(body="Sai amanhã às 9h"),
        by_us=True,
    ),
    "echo_image": echo(
        "echo_image",
        picture(
            message("echo_image", "message_echoes")["image"],
            "ebd482f65f2795107871ea7fc260766280f67ee387647a4a21a5316e3800ff5f",
        ),
    ),
    "echo_revoke": change(
        Revoked,
        "echo_revoke",
        target="wamid.HBgNNTUxMTk4NzY1MDAwMRUCABEYEjNFQjAwMEFBN0YwMEQxQzJCMwA=",
        by_us=True,
    ),
    "echo_text_no_phone": echo(
        "echo_text_no_phone", Text(body="Bom dia!"), Party(bsuid="BR.29817364500000000077")
    ),
    "group_participants_update": unhandled("group_participants_update", "group_participants_add"),
    "history_chunk": told("history_chunk", "history"),
    "history_declined": unhandled(
        "history_declined", "History sharing is turned off by the business"
    ),
    "history_media_followup": told("history_media_followup", "messages"),
    "msg_contact_request_answer": answers(
        "msg_contact_request_answer",
        Contacts(
            cards=(
                Card(
                    name="",
                    phones=(Phone(number="+5511987650099", wa_id="5511987650099", label="CELL"),),
                ),
            ),
            requested=True,
        ),
        RAFA,
    ),
    "msg_document": says(
        "msg_document",
        Media(
            media=MediaKind.DOCUMENT,
            handle="1290011223344556",
            mime="application/pdf",
            caption="Comprovante",
            filename="comprovante-pix.pdf",
            sha256="86360940cd2f60420a86e1c6a0394be651e0dfa4a9fb5c7b6f01eafadae3a20e",
            url=message("msg_document")["document"]["url"],
        ),
    ),
    "msg_edit_caption": change(
        Edited,
        "msg_edit_caption",
        target="wamid.HBgNNTUxMTk4NzY1MDAwMRUCABIYFDNBQUEwMThFMEQ0QTlBQjJEN0JDAA==",
        content=picture(
            message("msg_edit_caption")["edit"]["message"]["image"],
            SAMPLES["api_media_lookup_response"]["sha256"],
        ),
    ),
    "msg_edit_text": change(
        Edited,
        "msg_edit_text",
        target="wamid.HBgNNTUxMTk4NzY1MDAwMRUCABIYFDNBQUEwMDhFMEQ0QTlBQjJEN0JDAA==",
        content=Text(body="Oi, o pedido 1043 já saiu?"),
    ),
    "msg_group_text": text("msg_group_text", group=GROUP),
    "msg_image": says(
        "msg_image",
        # The media lookup says the same digest in hex.
        picture(message("msg_image")["image"], SAMPLES["api_media_lookup_response"]["sha256"]),
    ),
    "msg_interactive_address_reply": answers(
        "msg_interactive_address_reply",
        Form(
            source="address",
            body="Rua A, 10\nBairro",
            values={"in_pin_code": "400063", "name": "Asha"},
        ),
    ),
    "msg_interactive_button_reply": answers(
        "msg_interactive_button_reply",
        Answer(source="button", title="2ª via do boleto", id="menu:2ª-via"),
    ),
    "msg_interactive_call_permission": answers(
        "msg_interactive_call_permission",
        Answer(
            source="call_permission",
            title="accept",
            id="accept",
            description="2026-11-27T16:00:00+00:00",
        ),
    ),
    "msg_interactive_failed_value_errors": placeholder(
        "msg_interactive_failed_value_errors",
        reply_to=SENT,
        detail="Unsupported webhook payload",
    ),
    "msg_interactive_flow_reply": answers(
        "msg_interactive_flow_reply",
        Form(
            source="flow",
            body="Sent",
            values={"flow_token": "tok-77", "cpf": "000.000.000-00", "data": "2026-12-01"},
        ),
    ),
    "msg_location": says(
        "msg_location",
        Location(
            latitude=-23.5614,
            longitude=-46.6559,
            name="MASP",
            address="Av. Paulista, 1578 - São Paulo",
            url="https://masp.org.br",
        ),
    ),
    "msg_location_bare": says("msg_location_bare", Location(latitude=-3.7319, longitude=-38.5267)),
    "msg_order": says("msg_order", order()),
    "msg_reaction_removed_missing": change(
        Reacted, "msg_reaction_removed_missing", target=SENT, emoji=None
    ),
    "msg_revoke": change(
        Revoked,
        "msg_revoke",
        target="wamid.HBgNNTUxMTk4NzY1MDAwMRUCABIYFDNBQUEwMDhFMEQ0QTlBQjJEN0JDAA==",
    ),
    "msg_sticker": says(
        "msg_sticker",
        Media(
            media=MediaKind.STICKER,
            handle="1290011223344557",
            mime="image/webp",
            sha256="edc77163ac8be76f9ea717b1c9f4722fc090355388b476a097adb527528cff9f",
            url=message("msg_sticker")["sticker"]["url"],
        ),
    ),
    "msg_system_changed_number": moved(
        "msg_system_changed_number", Party(wa_id="5511987650001"), Party(wa_id="5511987650088")
    ),
    "msg_system_changed_user_id": moved(
        "msg_system_changed_user_id",
        MARINAS_IDS,
        Party(wa_id="5511987650001", bsuid="BR.13491200000000000999"),
    ),
    "msg_template_button": answers(
        "msg_template_button",
        Answer(source="template", title="Confirmar", id="CONFIRMAR"),
    ),
    "msg_text_ad_referral": text(
        "msg_text_ad_referral", referral=message("msg_text_ad_referral")["referral"]
    ),
    "msg_text_ad_referral_no_clid": text(
        "msg_text_ad_referral_no_clid", referral=message("msg_text_ad_referral_no_clid")["referral"]
    ),
    "msg_text_ar_mobile": text(
        "msg_text_ar_mobile", person("5491155550004", "AR.80120000000000000004", "Nico")
    ),
    "msg_text_br_twelve_digits": text(
        "msg_text_br_twelve_digits",
        person("558588880002", "BR.55120000000000000002", "Tiago Nunes"),
    ),
    "msg_text_forwarded": text("msg_text_forwarded", forwarded=True),
    "msg_text_frequently_forwarded": text(
        "msg_text_frequently_forwarded", forwarded=True, forwarded_often=True
    ),
    "msg_text_mx_with_1": text(
        "msg_text_mx_with_1", person("5213312340003", "MX.70120000000000000003", "Lupita R.")
    ),
    "msg_text_no_profile_name": text(
        "msg_text_no_profile_name", person("5521999990005", "BR.90120000000000000005", None)
    ),
    "msg_text_parent_bsuid": text(
        "msg_text_parent_bsuid",
        Party(
            wa_id="5511987650001",
            bsuid="BR.13491200000000000001",
            parent_bsuid="BR.ENT.11815700000000000001",
            name="Marina Alves",
        ),
    ),
    "msg_text_product_enquiry": text(
        "msg_text_product_enquiry",
        reply_to=SENT,
        product={"catalog_id": "880011223344556", "product_retailer_id": "CAMISA-AZUL-01"},
    ),
    "msg_text_reply": text("msg_text_reply", reply_to=SENT),
    "msg_unsupported": placeholder("msg_unsupported"),
    "msg_unsupported_poll": placeholder("msg_unsupported_poll"),
    "phone_number_quality_update": unhandled(
        "phone_number_quality_update", "THROUGHPUT_UPGRADE", number=None
    ),
    "smb_app_state_sync": lambda: [
        NameTold(
            number=NUMBER,
            party=MARINAS_IDS,
            name="Marina Alves",
            source=Source.ADDRESS_BOOK,
            at=datetime.fromtimestamp(1795190000, UTC),
        ),
        NameTold(
            number=NUMBER,
            party=Party(wa_id="5521999990005"),
            name=None,
            source=Source.ADDRESS_BOOK,
            at=datetime.fromtimestamp(1795190001, UTC),
        ),
    ],
    "status_delivered": status(DeliveryState.DELIVERED, 1795191001, MARINA),
    "status_delivered_no_phone": status(
        DeliveryState.DELIVERED, 1795191001, Party(bsuid="BR.13491200000000000001")
    ),
    "status_failed_131047_window": status(
        DeliveryState.FAILED,
        1795191002,
        fault=UpstreamFault(
            code="131047",
            title="Re-engagement message",
            detail="Message failed to send because more than 24 hours have passed since the "
            "customer last replied to this number.",
        ),
    ),
    "status_failed_131049_marketing_cap": status(
        DeliveryState.FAILED,
        1795191002,
        fault=UpstreamFault(
            code="131049",
            title="Not delivered to maintain healthy ecosystem engagement",
            detail="In order to maintain a healthy ecosystem engagement, the message failed to be "
            "delivered.",
        ),
    ),
    "status_failed_131053_media": status(
        DeliveryState.FAILED,
        1795191002,
        fault=UpstreamFault(
            code="131053",
            title="Media upload error",
            detail="Unsupported media type in downloaded file.",
        ),
    ),
    "status_played": status(DeliveryState.PLAYED, 1795191060, MARINA),
    "status_read": status(DeliveryState.READ, 1795191040, MARINA),
    "status_sent": status(DeliveryState.SENT, 1795191000),
    "status_sent_marketing_billed": status(
        DeliveryState.SENT, 1795191000, tag="camp=natal;msg=991"
    ),
    "template_status_update": unhandled("message_template_status_update", "REJECTED", number=None),
}


def test_every_webhook_sample_is_expected() -> None:
    assert sorted(EXPECTED) == sorted(WEBHOOKS)


@pytest.mark.parametrize("name", sorted(WEBHOOKS))
def test_a_sample_becomes_its_events(name: str) -> None:
    assert parse(WEBHOOKS[name], received_at=AT) == EXPECTED[name]()


@pytest.mark.parametrize("name", sorted(WEBHOOKS))
def test_the_events_of_a_sample_survive_storage(name: str) -> None:
    for event in parse(WEBHOOKS[name], received_at=AT):
        assert EVENT.validate_json(orjson.dumps(event)) == event


# ---------------------------------------------------------------- anything may come

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["messages", "text", "image", "1795190659", "failed", MARINA.wa_id]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


def places(value: object, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [at]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += places(inner, (*at, index))
    return found


PLACES = [(name, place) for name, body in WEBHOOKS.items() for place in places(body) if place]


@st.composite
def spoilt(draw: st.DrawFn) -> object:
    """A sample with a few values replaced or taken out."""
    name, place = draw(st.sampled_from(PLACES))
    body = copy.deepcopy(WEBHOOKS[name])
    more = draw(st.lists(st.sampled_from([p for n, p in PLACES if n == name]), max_size=2))
    for spot in [place, *more]:
        owner: Any = body
        try:
            for step in spot[:-1]:
                owner = owner[step]
            if draw(st.booleans()):
                owner[spot[-1]] = draw(JSON)
            else:
                del owner[spot[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # the place went away with an earlier change
    return body


def check_whole(events: list[Event]) -> None:
    """What holds for the events of any body."""
    assert events
    for event in events:
        match event:
            case Received():
                assert event.sender.wa_id or event.sender.bsuid
            case SentByPhone() | Reacted() | Edited() | Revoked():
                assert event.chat.wa_id or event.chat.bsuid or event.chat.group
            case IdentityChanged():
                assert event.old != event.new
            case NameTold():
                assert event.party.wa_id or event.party.bsuid
                assert event.number
                continue
            case Unhandled():
                assert event.rule.startswith("cloud.")
                continue
        assert event.number
        assert getattr(event, "id", None)
        assert getattr(event, "at", AT) <= AT + timedelta(seconds=60)


KINDS = (
    *("text", "image", "audio", "location", "contacts", "interactive", "button", "order"),
    *("reaction", "edit", "revoke", "system", "unsupported"),
)


@st.composite
def odd(draw: st.DrawFn) -> object:
    """A message of a known kind whose body is anything."""
    kind = draw(st.sampled_from(KINDS))
    body = copy.deepcopy(WEBHOOKS["msg_text_reply"])
    told = body["entry"][0]["changes"][0]["value"]["messages"][0]
    told |= {"type": kind, kind: draw(JSON)}
    inner = draw(st.sampled_from(["", "button_reply", "nfm_reply", "call_permission_reply"]))
    if kind == "interactive" and inner:
        told[kind] = {"type": inner, inner: draw(JSON)}
    return body


@given(JSON)
def test_no_json_value_breaks_the_parser(body: object) -> None:
    check_whole(parse(body, received_at=AT))


@settings(max_examples=200)
@given(odd())
def test_no_odd_body_breaks_the_parser(body: object) -> None:
    check_whole(parse(body, received_at=AT))


@settings(max_examples=300)
@given(spoilt())
def test_no_spoilt_sample_breaks_the_parser(body: object) -> None:
    check_whole(parse(body, received_at=AT))


@settings(max_examples=200)
@given(spoilt())
def test_what_came_over_the_wire_can_be_stored(body: object) -> None:
    try:
        came = orjson.loads(json.dumps(body))
    except orjson.JSONDecodeError:
        return  # NaN, lone surrogates: these never get as far as the parser
    for event in parse(came, received_at=AT):
        assert EVENT.validate_json(orjson.dumps(event)) == event
