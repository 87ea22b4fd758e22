"""Events of a worker: who wrote to whom, what happened to messages, and what is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from bridge.core.content import Text, Unsupported
from bridge.core.message import (
    EVENT,
    Called,
    DeliveryState,
    Event,
    Received,
    Revoked,
    SentByPhone,
    StatusReported,
    Unhandled,
)
from bridge.core.party import Party
from bridge.whatsapp.web.parser import events

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
THEN = datetime(2026, 11, 21, 11, 58, 30, 125000, tzinfo=UTC)
THEN_MS = int(THEN.timestamp() * 1000)

PHONE = "5511987650001@s.whatsapp.net"
LID = "204871936502817@lid"
OURS = "551130001234@s.whatsapp.net"
OUR_LID = "777000111222333@lid"
GROUP = "120363000000000001@g.us"
MARINA = Party(wa_id="5511987650001", lid="204871936502817", name="Marina Alves")
#: The same person where no name was told.
HER = Party(wa_id="5511987650001", lid="204871936502817")
TEXT = {"conversation": "Oi, tudo bem?"}


def parsed(name: str, data: dict[str, Any]) -> list[Event]:
    found = events(name, data, number="shop", received_at=AT)
    for event in found:
        assert EVENT.validate_json(orjson.dumps(event)) == event, "cannot be stored"
    return found


def only(name: str, data: dict[str, Any]) -> Event:
    (event,) = parsed(name, data)
    return event


def stanza(**changes: Any) -> dict[str, Any]:
    """A message from Marina, in the way most of them come."""
    data = {
        "id": "3A0177C0FFEE5A1D20B4",
        "chat": LID,
        "chat_pn": PHONE,
        "chat_lid": LID,
        "sender": LID,
        "sender_pn": PHONE,
        "sender_lid": LID,
        "from_me": False,
        "group": False,
        "at_ms": THEN_MS,
        "push_name": "Marina Alves",
        "verified_name": None,
        "category": "",
        "edit": "",
        "edited": False,
        "view_once": False,
        "ephemeral": False,
        "broadcast": None,
        "message": TEXT,
    } | changes
    return {name: value for name, value in data.items() if value is not ...}


def from_phone(**changes: Any) -> dict[str, Any]:
    """What somebody wrote with our own phone, to Marina."""
    ours = {"sender": OUR_LID, "sender_pn": OURS, "sender_lid": OUR_LID, "push_name": "Loja"}
    return stanza(**({"from_me": True} | ours | changes))


def in_group(**changes: Any) -> dict[str, Any]:
    return stanza(**({"chat": GROUP, "chat_pn": None, "chat_lid": None, "group": True} | changes))


def left_out(rule: str, detail: str | None = None) -> Unhandled:
    return Unhandled(number="shop", rule=f"web.{rule}", detail=detail)


# ------------------------------------------------------------------ who wrote, and where


def test_a_message_names_the_person_by_phone_and_lid() -> None:
    assert only("message", stanza()) == Received(
        number="shop",
        id="3A0177C0FFEE5A1D20B4",
        sender=MARINA,
        at=THEN,
        content=Text(body="Oi, tudo bem?"),
    )


@pytest.mark.parametrize(
    ("changes", "sender"),
    [
        pytest.param(
            {"chat_pn": None, "sender_pn": None},
            Party(lid="204871936502817", name="Marina Alves"),
            id="the phone is not known",
        ),
        pytest.param(
            {"chat": PHONE, "sender": "5511987650001:7@s.whatsapp.net", "sender_lid": None},
            Party(wa_id="5511987650001", name="Marina Alves"),
            id="the LID is not known",
        ),
        pytest.param(
            {"sender": "", "sender_pn": None, "sender_lid": None},
            MARINA,
            id="only the chat says who it is",
        ),
        pytest.param({"push_name": ""}, HER, id="no name"),
        pytest.param({"push_name": "-"}, HER, id="a dash is no name"),
        pytest.param(
            {"push_name": "-", "verified_name": "Bicicletaria"},
            Party(wa_id="5511987650001", lid="204871936502817", name="Bicicletaria"),
            id="a business",
        ),
        pytest.param(
            {"chat": "1795190431@broadcast", "broadcast": PHONE, "group": True},
            MARINA,
            id="a list to which she broadcasts is a direct chat",
        ),
    ],
)
def test_the_sender_of_a_direct_message(changes: dict[str, Any], sender: Party) -> None:
    event = only("message", stanza(**changes))
    assert isinstance(event, Received)
    assert event.sender == sender
    assert event.group is None


def test_a_message_in_a_group_has_its_writer_and_its_group() -> None:
    event = only("message", in_group())
    assert isinstance(event, Received)
    assert (event.sender, event.group) == (MARINA, GROUP)


def test_what_our_phone_writes_is_in_the_chat_of_the_other_side() -> None:
    assert only("message", from_phone()) == SentByPhone(
        number="shop",
        id="3A0177C0FFEE5A1D20B4",
        chat=HER,
        at=THEN,
        content=Text(body="Oi, tudo bem?"),
    )


def test_what_our_phone_writes_in_a_group_is_in_the_group() -> None:
    event = only("message", in_group(from_me=True, sender=OUR_LID, sender_pn=OURS))
    assert isinstance(event, SentByPhone)
    assert event.chat == Party(group=GROUP)


@pytest.mark.parametrize("kind", ["message", "undecryptable"])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (stanza(chat="status@broadcast"), left_out("status")),
        (from_phone(chat="status@broadcast"), left_out("status")),
        (stanza(chat="120363144038483540@newsletter"), left_out("newsletter")),
        (from_phone(chat="1795190431@broadcast"), left_out("broadcast_sent")),
        (stanza(chat="867051314767696@bot"), left_out("unknown_chat", "bot")),
        (stanza(chat="0@s.whatsapp.net"), left_out("unknown_chat", "s.whatsapp.net")),
        (stanza(chat=...), left_out("unknown_chat")),
        (stanza(id=...), left_out("no_id")),
        (stanza(id=" "), left_out("no_id")),
        (stanza(id="A" * 257), left_out("no_id")),
        (in_group(sender=None, sender_pn=None, sender_lid=None), left_out("no_sender")),
        (in_group(sender=GROUP, sender_pn=None, sender_lid=None), left_out("no_sender")),
        (from_phone(chat=OUR_LID, chat_pn=OURS, chat_lid=OUR_LID), left_out("own_chat")),
        (from_phone(chat=OUR_LID, chat_pn=None, chat_lid=None), left_out("own_chat")),
        (from_phone(chat=OURS, chat_pn=OURS, chat_lid=None), left_out("own_chat")),
    ],
)
def test_what_is_no_message_between_us_and_a_customer(
    kind: str, data: dict[str, Any], expected: Unhandled
) -> None:
    assert only(kind, data) == expected


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        (THEN_MS, THEN),
        (str(THEN_MS), AT),
        (int(AT.timestamp() * 1000) + 30_000, AT + timedelta(seconds=30)),
        (int(AT.timestamp() * 1000) + 61_000, AT + timedelta(seconds=60)),
        (2**62, AT + timedelta(seconds=60)),
        (10**400, AT),
        (0, AT),
        (-5, AT),
        (True, AT),
        (1.5e12, AT),
        (float("nan"), AT),
        (None, AT),
        (..., AT),
        ([], AT),
    ],
)
def test_junk_and_future_times_are_mended(stamp: object, expected: datetime) -> None:
    event = only("message", stanza(at_ms=stamp))
    assert isinstance(event, Received)
    assert event.at == expected


# ------------------------------------------------------------------ messages about messages


def protocol(**fields: Any) -> dict[str, Any]:
    return {"protocolMessage": fields}


def key(**changes: Any) -> dict[str, Any]:
    return {"remoteJID": PHONE, "fromMe": True, "ID": "3A99", **changes}


def test_a_customer_deletes_a_message_for_everyone() -> None:
    assert only("message", stanza(message=protocol(type="REVOKE", key=key()))) == Revoked(
        number="shop", id="3A0177C0FFEE5A1D20B4", target="3A99", chat=MARINA, at=THEN
    )


def test_our_phone_deletes_a_message_for_everyone() -> None:
    event = only("message", from_phone(message=protocol(type="REVOKE", key=key())))
    assert isinstance(event, Revoked)
    assert event.by_us
    assert event.chat == HER


def test_in_a_group_an_admin_deletes_what_others_wrote() -> None:
    admins = key(remoteJID=GROUP, fromMe=False, participant=LID)
    event = only("message", in_group(message=protocol(type="REVOKE", key=admins)))
    assert isinstance(event, Revoked)
    assert event.chat == Party(group=GROUP)
    assert event.author is not None  # it counts only if this is who wrote it ...
    event = only("message", in_group(message=protocol(type="REVOKE", key=admins), edit="8"))
    assert isinstance(event, Revoked)
    assert event.author is None  # ... while the servers let none but admins say this


def test_nobody_deletes_what_the_other_side_of_a_direct_chat_wrote() -> None:
    message = protocol(type="REVOKE", key=key(fromMe=False))
    assert only("message", stanza(message=message)) == left_out("protocol", "REVOKE")


def test_the_type_of_a_deletion_may_be_missing() -> None:
    event = only("message", stanza(message=protocol(key=key())))
    assert isinstance(event, Revoked)


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"type": "APP_STATE_SYNC_KEY_SHARE", "appStateSyncKeyShare": {}}, None),
        ({"type": "HISTORY_SYNC_NOTIFICATION", "historySyncNotification": {}}, None),
        ({"type": "EPHEMERAL_SETTING", "ephemeralExpiration": 86400, "key": key()}, None),
        ({"type": "PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE"}, None),
        ({"type": "REVOKE"}, None),
        ({"type": "REVOKE", "key": {"fromMe": True}}, None),
        ({"type": 0, "key": key()}, ...),
        ({"type": [], "key": "x"}, ...),
    ],
)
def test_what_devices_tell_each_other_is_counted(
    fields: dict[str, Any], detail: str | None
) -> None:
    expected = fields["type"] if detail is None else None
    assert only("message", stanza(message=protocol(**fields))) == left_out("protocol", expected)


def test_a_pinned_message_is_no_edit() -> None:
    event = only("message", stanza(edit="2"))
    assert isinstance(event, Received)
    assert event.content == Text(body="Oi, tudo bem?")


@pytest.mark.parametrize(
    "message",
    [
        ...,
        None,
        "x",
        {},
        {"conversation": ""},
        {"senderKeyDistributionMessage": {"groupID": GROUP}},
        {"messageContextInfo": {"messageSecret": "eHh4"}},
        {"ephemeralMessage": {"message": {"senderKeyDistributionMessage": {}}}},
    ],
)
def test_a_message_with_nothing_in_it_is_counted(message: object) -> None:
    assert only("message", stanza(message=message)) == left_out("empty")


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ({"albumMessage": {"expectedImageCount": 3}}, "album"),
        ({"keepInChatMessage": {"key": key(), "keepType": "KEEP_FOR_ALL"}}, "keep"),
        ({"messageHistoryBundle": {}}, "history_shared"),
        ({"pinInChatMessage": {"key": key(), "type": "PIN_FOR_ALL"}}, "pin"),
    ],
)
def test_what_needs_no_action_is_counted(message: dict[str, Any], rule: str) -> None:
    assert only("message", stanza(message=message)) == left_out(rule)


def test_what_cannot_be_read_is_visible_under_an_id_of_its_own() -> None:
    event = only("undecryptable", stanza(message=..., unavailable=True))
    assert event == Received(
        number="shop",
        id="3A0177C0FFEE5A1D20B4~undecryptable",
        sender=MARINA,
        at=THEN,
        content=Unsupported(upstream="undecryptable", raw={"unavailable": True}),
    )
    once = only("undecryptable", stanza(message=..., unavailable=True, view_once=True))
    assert isinstance(once, Received)
    assert once.content == Unsupported(upstream="viewOnce", raw={"unavailable": True})
    ours = only("undecryptable", from_phone(message=...))
    assert isinstance(ours, SentByPhone)
    assert ours.chat == HER


# ------------------------------------------------------------------ receipts


def receipt(**changes: Any) -> dict[str, Any]:
    return {
        "ids": ["A", "B"],
        "kind": "read",
        "chat": LID,
        "chat_pn": PHONE,
        "chat_lid": LID,
        "sender": LID,
        "sender_pn": PHONE,
        "sender_lid": LID,
        "from_me": False,
        "at_ms": THEN_MS,
        "keys": {},
        **changes,
    }


def status(message_id: str, state: DeliveryState, **more: Any) -> StatusReported:
    given = {"number": "shop", "at": THEN, "recipient": HER, **more}
    return StatusReported(id=message_id, state=state, **given)


@pytest.mark.parametrize("state", ["delivered", "read", "played"])
def test_a_receipt_is_a_status_of_each_message(state: str) -> None:
    told = parsed("receipt", receipt(kind=state, keys={"B": "install.7.0.1"}))
    assert told == [
        status("A", DeliveryState(state)),
        status("B", DeliveryState(state), tag="install.7.0.1"),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "sender"},
        {"kind": "retry"},
        {"kind": "read_self", "from_me": True},
        {"kind": "delivered", "from_me": True},
        {"chat": GROUP, "chat_pn": None, "chat_lid": None},
    ],
)
def test_a_receipt_of_less_only_proves_that_an_unanswered_send_went_out(
    changes: dict[str, Any],
) -> None:
    kind = changes.get("kind", "read")
    assert parsed("receipt", receipt(**changes)) == [left_out("receipt", kind)]
    told = parsed("receipt", receipt(**changes, keys={"B": "install.7.0.1"}))
    assert told == [status("B", DeliveryState.SENT, recipient=None, tag="install.7.0.1")]


@pytest.mark.parametrize(
    "changes",
    [
        {"ids": None},
        {"ids": []},
        {"ids": [None, [], "", {}]},
        {"kind": "server_error"},
        {"kind": None},
    ],
)
def test_a_receipt_that_says_nothing_is_counted(changes: dict[str, Any]) -> None:
    (event,) = parsed("receipt", receipt(**changes))
    assert isinstance(event, Unhandled)
    assert event.rule == "web.receipt"


def test_an_id_that_stands_twice_is_told_once() -> None:
    assert len(parsed("receipt", receipt(ids=["A", "A", 7, 7]))) == 2


def test_a_send_that_was_settled_after_a_restart() -> None:
    data = {"key": "install.7.0.1", "fate": "sent", "id": "A", "at_ms": THEN_MS}
    expected = status("A", DeliveryState.SENT, recipient=None, tag="install.7.0.1")
    assert only("settled", data) == expected
    assert only("settled", data | {"fate": "not_sent"}) == left_out("settled", "not_sent")
    assert only("settled", data | {"fate": "unknown"}) == left_out("settled", "unknown")
    assert only("settled", data | {"id": None}) == left_out("settled", "sent")


# ------------------------------------------------------------------ calls and the rest


def call(**changes: Any) -> dict[str, Any]:
    return {
        "id": "CALL1",
        "from": LID,
        "from_pn": PHONE,
        "from_lid": LID,
        "at_ms": THEN_MS,
        "video": True,
        "group": None,
        **changes,
    }


def test_a_call_can_be_declined_by_its_handle() -> None:
    event = only("call", call())
    assert event == Called(
        number="shop",
        id="CALL1",
        caller=HER,
        at=THEN,
        handle=event.handle if isinstance(event, Called) else "",
        video=True,
    )
    assert isinstance(event, Called)
    assert orjson.loads(event.handle) == {"from": LID, "id": "CALL1"}


def test_a_call_of_a_group_names_the_group() -> None:
    event = only("call", call(group=GROUP))
    assert isinstance(event, Called)
    assert event.group == GROUP
    junk = only("call", call(group="x"))
    assert isinstance(junk, Called)
    assert junk.group is None


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"id": None}, "no_id"),
        ({"from": GROUP, "from_pn": None, "from_lid": None}, "no_sender"),
        ({"from": None, "from_pn": None, "from_lid": None}, "no_sender"),
    ],
)
def test_a_call_from_nowhere_is_counted(changes: dict[str, Any], rule: str) -> None:
    assert only("call", call(**changes)) == left_out(rule)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("history", {"kind": "RECENT", "path": "/x"}, left_out("history", "RECENT")),
        ("picture", {"jid": PHONE}, left_out("picture")),
        ("identity", {"jid": PHONE}, left_out("identity")),
        ("unknown", {}, left_out("unknown")),
        ("labels", {}, left_out("unknown_event", "labels")),
        ("\ud800", {}, left_out("unknown_event", "?")),
        ("x" * 999, {}, left_out("unknown_event", "x" * 199 + "…")),
    ],
)
def test_the_rest_is_counted(name: str, data: dict[str, Any], expected: Unhandled) -> None:
    assert only(name, data) == expected
