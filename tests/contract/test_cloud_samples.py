"""Every sample of the Cloud API becomes exactly the events that it means."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.content import Content, Media, MediaKind, Text, Unsupported
from bridge.core.message import (
    EVENT,
    DeliveryState,
    Event,
    Received,
    StatusReported,
    Unhandled,
    UpstreamFault,
)
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


def message(name: str) -> dict[str, Any]:
    found: dict[str, Any] = WEBHOOKS[name]["entry"][0]["changes"][0]["value"]["messages"][0]
    return found


def received(name: str, content: Content, sender: Party = MARINA, **rest: Any) -> list[Event]:
    """The one event of a sample with one message; id and time are the message's own."""
    raw = message(name)
    at = datetime.fromtimestamp(int(raw["timestamp"]), UTC)
    return [Received(number=NUMBER, id=raw["id"], sender=sender, at=at, content=content, **rest)]


def text(name: str, sender: Party = MARINA, **rest: Any) -> Callable[[], list[Event]]:
    return lambda: received(name, Text(body=message(name)["text"]["body"]), sender, **rest)


def placeholder(
    name: str, sender: Party = MARINA, *, detail: str | None = None, **rest: Any
) -> Callable[[], list[Event]]:
    raw = message(name)
    content = Unsupported(upstream=raw["type"], raw=raw, detail=detail)
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
    "echo_edit": unhandled("smb_message_echoes", "edit"),
    "echo_image": unhandled("smb_message_echoes", "image"),
    "echo_revoke": unhandled("smb_message_echoes", "revoke"),
    "echo_text_no_phone": unhandled("smb_message_echoes", "text"),
    "group_participants_update": unhandled("group_participants_update", "group_participants_add"),
    "history_chunk": unhandled("history", "text", "text", "media_placeholder"),
    "history_declined": unhandled("history", "History sharing is turned off by the business"),
    "history_media_followup": unhandled("history", "image"),
    "msg_contact_request_answer": placeholder("msg_contact_request_answer", RAFA, reply_to=SENT),
    "msg_document": placeholder("msg_document"),
    "msg_edit_caption": placeholder("msg_edit_caption"),
    "msg_edit_text": placeholder("msg_edit_text"),
    "msg_group_text": text("msg_group_text", group=GROUP),
    "msg_image": lambda: received(
        "msg_image",
        Media(
            media=MediaKind.IMAGE,
            handle="1290011223344551",
            mime="image/jpeg",
            caption="Chegou assim 😕",
            # The media lookup says the same digest in hex.
            sha256=SAMPLES["api_media_lookup_response"]["sha256"],
            url=message("msg_image")["image"]["url"],
        ),
    ),
    "msg_interactive_address_reply": placeholder("msg_interactive_address_reply", reply_to=SENT),
    "msg_interactive_button_reply": placeholder("msg_interactive_button_reply", reply_to=SENT),
    "msg_interactive_call_permission": placeholder(
        "msg_interactive_call_permission", reply_to=SENT
    ),
    "msg_interactive_failed_value_errors": placeholder(
        "msg_interactive_failed_value_errors",
        reply_to=SENT,
        detail="Unsupported webhook payload",
    ),
    "msg_interactive_flow_reply": placeholder("msg_interactive_flow_reply", reply_to=SENT),
    "msg_location": placeholder("msg_location"),
    "msg_location_bare": placeholder("msg_location_bare"),
    "msg_order": placeholder("msg_order"),
    "msg_reaction_removed_missing": placeholder("msg_reaction_removed_missing"),
    "msg_revoke": placeholder("msg_revoke"),
    "msg_sticker": placeholder("msg_sticker"),
    "msg_system_changed_number": placeholder(
        "msg_system_changed_number", Party(wa_id="5511987650001")
    ),
    "msg_system_changed_user_id": placeholder("msg_system_changed_user_id", MARINAS_IDS),
    "msg_template_button": placeholder("msg_template_button", reply_to=SENT),
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
    "msg_text_frequently_forwarded": text("msg_text_frequently_forwarded", forwarded=True),
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
    "msg_text_product_enquiry": text("msg_text_product_enquiry", reply_to=SENT),
    "msg_text_reply": text("msg_text_reply", reply_to=SENT),
    "msg_unsupported": placeholder(
        "msg_unsupported", detail="Message type is currently not supported."
    ),
    "msg_unsupported_poll": placeholder(
        "msg_unsupported_poll", detail="Message type is currently not supported."
    ),
    "phone_number_quality_update": unhandled(
        "phone_number_quality_update", "THROUGHPUT_UPGRADE", number=None
    ),
    "smb_app_state_sync": unhandled("smb_app_state_sync", "contact", "contact"),
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
                assert event.number
                assert event.id
                assert event.sender.wa_id or event.sender.bsuid
                assert event.at <= AT + timedelta(seconds=60)
            case StatusReported():
                assert event.number
                assert event.id
            case Unhandled():
                assert event.rule.startswith("cloud.")


@given(JSON)
def test_no_json_value_breaks_the_parser(body: object) -> None:
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
