"""What the samples do not show: order, doubt, junk and depth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from bridge.core.content import Text, Unsupported
from bridge.core.message import EVENT, DeliveryState, Event, Received, StatusReported, Unhandled
from bridge.core.party import Party
from bridge.whatsapp.cloud.parser import parse
from support.cloud_webhooks import AT, around, message, of_kind, only, text, webhook


def status(**changes: Any) -> Event:
    given = {"id": "wamid.A", "status": "sent", "timestamp": "1795190659", **changes}
    return only(around(statuses=[given]))


def test_items_of_all_entries_and_changes_keep_their_order() -> None:
    def change(*ids: str) -> dict[str, Any]:
        return around(messages=[text(id=name) for name in ids])["entry"][0]["changes"][0]

    body = {
        "entry": [{"changes": [change("a", "b"), change("c")]}, {"changes": [change("d", "e")]}]
    }
    events = parse(body, received_at=AT)
    assert [event.id for event in events if isinstance(event, Received)] == list("abcde")


def test_one_bad_item_does_not_hold_the_others() -> None:
    events = parse(around(messages=[None, 7, text(), {"id": []}, text(id="z")]), received_at=AT)
    assert [type(event) for event in events] == [
        Unhandled,
        Unhandled,
        Received,
        Unhandled,
        Received,
    ]


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("1795190659", datetime.fromtimestamp(1795190659, UTC)),
        (1795190659, datetime.fromtimestamp(1795190659, UTC)),
        (str(int(AT.timestamp()) + 30), AT + timedelta(seconds=30)),
        (str(int(AT.timestamp()) + 61), AT + timedelta(seconds=60)),
        ("1795190659000", AT + timedelta(seconds=60)),
        ("9" * 18, AT + timedelta(seconds=60)),
        ("9" * 5000, AT),
        (..., AT),
        (None, AT),
        ("", AT),
        ("0", AT),
        ("-5", AT),
        ("1e9", AT),
        ("١٧٩٥", AT),
        ("²", AT),
        ("soon", AT),
        (True, AT),
        (1.5, AT),
        (2**80, AT),
        ([], AT),
    ],
)
def test_junk_and_future_times_are_mended(stamp: object, expected: datetime) -> None:
    assert message(timestamp=stamp).at == expected


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"id": ...}, "cloud.no_id"),
        ({"id": ""}, "cloud.no_id"),
        ({"id": {}}, "cloud.no_id"),
        ({"id": "x" * 513}, "cloud.no_id"),
        ({"from": ...}, "cloud.no_sender"),
        ({"from": None}, "cloud.no_sender"),
        ({"from": "551130001234"}, "cloud.own_message"),
    ],
)
def test_a_message_without_id_or_sender_is_counted(changes: dict[str, Any], rule: str) -> None:
    contacts = [{"wa_id": "5521999990005", "profile": {"name": "Outra"}}]
    event = only(around(messages=[text(**changes)], contacts=contacts))
    assert isinstance(event, Unhandled)
    assert event.rule == rule


def test_a_message_to_no_number_is_counted() -> None:
    event = only(webhook({"messages": [text()]}))
    assert event == Unhandled(number=None, rule="cloud.no_number", detail="text")


def test_the_contact_is_found_by_id_and_not_by_place() -> None:
    contacts = [
        {"wa_id": "5521999990005", "user_id": "BR.5", "profile": {"name": "Outra"}},
        "junk",
        {"wa_id": "5511987650001", "user_id": "BR.1", "profile": {"name": "Marina"}},
        {"user_id": "BR.7", "profile": {"name": "Rafa", "username": "rafa"}},
    ]
    messages = [text(), text(**{"from": ..., "from_user_id": "BR.7"}), text(**{"from": "999"})]
    events = parse(around(messages=messages, contacts=contacts), received_at=AT)
    assert [event.sender for event in events if isinstance(event, Received)] == [
        Party(wa_id="5511987650001", bsuid="BR.1", name="Marina"),
        Party(bsuid="BR.7", username="rafa", name="Rafa"),
        Party(wa_id="999"),
    ]


def test_the_contact_adds_the_phone_that_the_message_lacks() -> None:
    contacts = [{"wa_id": "5511987650001", "user_id": "BR.1", "parent_user_id": "BR.ENT.1"}]
    given = text(**{"from": ..., "from_user_id": "BR.1"})
    event = only(around(messages=[given], contacts=contacts))
    assert isinstance(event, Received)
    assert event.sender == Party(wa_id="5511987650001", bsuid="BR.1", parent_bsuid="BR.ENT.1")


@pytest.mark.parametrize(
    "kind",
    [
        *("image", "video", "audio", "document", "sticker", "location", "contacts", "interactive"),
        *("button", "reaction", "order", "system", "edit", "revoke", "unsupported", "hologram"),
    ],
)
@pytest.mark.parametrize("body", [{"name": "9"}, {}, [], [[]], "x", 7, None, True])
def test_what_cannot_be_read_stays_visible_with_its_raw_form(kind: str, body: object) -> None:
    raw = of_kind(kind, body)
    event = only(around(messages=[raw]))
    assert isinstance(event, Received)
    assert event.content == Unsupported(upstream=kind, raw=raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"text": ...},
        {"text": "oi"},
        {"text": {"body": None}},
        {"text": {"body": ""}},
        {"type": "image", "image": {"mime_type": "image/png"}},
        {"type": "image", "image": []},
    ],
)
def test_a_known_kind_of_unknown_shape_stays_visible(changes: dict[str, Any]) -> None:
    content = message(**changes).content
    assert isinstance(content, Unsupported)
    assert content.upstream == changes.get("type", "text")


@pytest.mark.parametrize("kind", [..., None, 7.5, {}, "", "x" * 100])
def test_a_message_without_a_kind_is_of_an_unknown_kind(kind: object) -> None:
    content = message(type=kind).content
    assert isinstance(content, Unsupported)
    assert content.upstream == "unknown"


@pytest.mark.parametrize("depth", [70, 300, 900])
def test_what_is_too_deep_to_be_stored_is_left_out(depth: int) -> None:
    deep = orjson.loads(b'{"a":' * depth + b"1" + b"}" * depth)
    for event in (message(type="new", new=deep), message(referral=deep)):
        assert EVENT.validate_json(orjson.dumps(event)) == event


@pytest.mark.parametrize(
    ("word", "expected"),
    [("played", DeliveryState.PLAYED), ("failed", DeliveryState.FAILED)],
)
def test_statuses_are_reported(word: str, expected: DeliveryState) -> None:
    event = status(status=word)
    assert isinstance(event, StatusReported)
    assert (event.state, event.recipient, event.fault, event.tag) == (expected, None, None, None)


@pytest.mark.parametrize("word", ["deleted", "READ", "", None, [], {}, 7])
def test_an_unknown_status_word_is_counted(word: object) -> None:
    event = status(status=word)
    assert isinstance(event, Unhandled)
    assert event.rule == "cloud.unknown_status"


def test_a_status_without_an_id_is_counted() -> None:
    event = status(id=None)
    assert isinstance(event, Unhandled)
    assert event.rule == "cloud.no_id"


def test_a_status_of_a_group_names_the_participant() -> None:
    event = status(
        recipient_type="group",
        recipient_id="Y2FwaV9n",
        recipient_participant_id="5511987650001",
        recipient_participant_user_id="BR.1",
    )
    assert isinstance(event, StatusReported)
    assert event.recipient == Party(wa_id="5511987650001", bsuid="BR.1")


def test_a_fault_without_details_is_kept() -> None:
    event = status(status="failed", errors=[{"code": "131000", "message": "Something"}])
    assert isinstance(event, StatusReported)
    assert event.fault is not None
    assert (event.fault.code, event.fault.title, event.fault.detail) == (
        "131000",
        "Something",
        None,
    )


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (None, "cloud.no_changes"),
        ([], "cloud.no_changes"),
        ("x", "cloud.no_changes"),
        ({"entry": {}}, "cloud.no_changes"),
        ({"entry": [{"changes": []}, None]}, "cloud.no_changes"),
        ({"entry": [{"changes": [None]}]}, "cloud.unknown_field"),
        (webhook({}), "cloud.messages"),
        (webhook(7, "brand_new"), "cloud.brand_new"),
        (webhook({"messages": []}, "standby"), "cloud.standby"),
        (webhook({}, 'evil{label="x"}'), "cloud.unknown_field"),
        (webhook({}, "x" * 65), "cloud.unknown_field"),
        (webhook({}, None), "cloud.unknown_field"),
    ],
)
def test_what_needs_no_action_is_counted_under_a_stable_rule(body: object, rule: str) -> None:
    event = only(body)
    assert isinstance(event, Unhandled)
    assert event.rule == rule


def test_errors_without_a_message_are_counted_with_their_text() -> None:
    errors = [{"code": 130429, "title": "Rate limit hit"}]
    assert only(around(errors=errors)) == Unhandled(
        number="1", rule="cloud.messages", detail="Rate limit hit"
    )


def test_an_ordinary_text_is_as_it_came() -> None:
    assert message(text={"body": " *oi* \n\u0000 "}).content == Text(body=" *oi* \n\u0000 ")


def test_a_full_batch_is_parsed_without_searching_each_contact() -> None:
    people = [{"wa_id": str(n), "profile": {"name": f"P{n}"}} for n in range(1000)]
    messages = [text(id=f"m{n}", **{"from": str(n)}) for n in range(1000)]
    events = parse(around(messages=messages, contacts=people), received_at=AT)
    assert [event.sender.name for event in events if isinstance(event, Received)] == [
        f"P{n}" for n in range(1000)
    ]
