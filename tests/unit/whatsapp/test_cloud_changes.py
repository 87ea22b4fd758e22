"""Reactions, edits, deletions, echoes of the phone, people who move, and history."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from bridge.core.content import Media, Text, Unsupported
from bridge.core.message import (
    EVENT,
    Edited,
    HistoryTold,
    IdentityChanged,
    NameTold,
    Reacted,
    Received,
    Revoked,
    SentByPhone,
    Unhandled,
)
from bridge.core.naming import Source
from bridge.core.party import Party
from bridge.whatsapp.cloud.parser import parse
from support.cloud_webhooks import AT, MARINA, SHOP, around, echoed, message, of_kind, only, text

WHEN = datetime.fromtimestamp(1795190659, UTC)
PERSON = Party(wa_id=MARINA)
GROUP = "Y2FwaV9ncm91cA"
HER_ID = "BR.1"


def done(kind: str, body: object, **more: Any) -> object:
    return only(around(messages=[of_kind(kind, body, **more)]))


# ---------------------------------------------------------------- what stands around a message


def test_a_forwarded_message_answers_nothing() -> None:
    event = message(context={"forwarded": True})
    assert (event.forwarded, event.forwarded_often, event.reply_to) == (True, False, None)


def test_what_is_forwarded_often_is_forwarded() -> None:
    event = message(context={"frequently_forwarded": True})
    assert (event.forwarded, event.forwarded_often) == (True, True)


@pytest.mark.parametrize("context", [None, [], "x", {}, {"id": {}}, {"forwarded": "true"}])
def test_a_context_may_be_anything(context: object) -> None:
    event = message(context=context)
    assert (event.reply_to, event.forwarded, event.product) == (None, False, None)


def test_an_advertisement_and_a_product_come_whole() -> None:
    referral = {"source_id": "1", "ctwa_clid": "AR1", "new_field": {"x": [1]}}
    product = {"catalog_id": "8", "product_retailer_id": "P"}
    event = message(referral=referral, context={"referred_product": product})
    assert (event.referral, event.product) == (referral, product)
    assert EVENT.validate_json(orjson.dumps(event)) == event


# ---------------------------------------------------------------- reactions, edits, deletions


@pytest.mark.parametrize(
    ("given", "emoji"),
    [("👍", "👍"), ("", None), (" ", None), (None, None), (..., None), ("👍" * 100, "👍" * 64)],
)
def test_a_reaction_without_an_emoji_was_taken_away(given: object, emoji: str | None) -> None:
    body = {"message_id": "wamid.T"} | ({} if given is ... else {"emoji": given})
    assert done("reaction", body) == Reacted(
        number="1", id="wamid.A", target="wamid.T", chat=PERSON, at=WHEN, emoji=emoji
    )


def test_in_a_group_it_is_told_who_reacts_and_edits() -> None:
    reaction = done("reaction", {"message_id": "T", "emoji": "👍"}, group_id=GROUP)
    inner = {"type": "text", "text": {"body": "novo"}}
    edit = done("edit", {"original_message_id": "T", "message": inner}, group_id=GROUP)
    assert isinstance(reaction, Reacted)
    assert isinstance(edit, Edited)
    for event in (reaction, edit):
        assert (event.chat, event.sender) == (Party(group=GROUP), PERSON)


def test_an_edit_says_what_the_message_says_now() -> None:
    inner = {"type": "video", "video": {"id": "9", "caption": "nova"}, "context": {"id": "M0"}}
    event = done("edit", {"original_message_id": "T", "message": inner})
    assert isinstance(event, Edited)
    assert isinstance(event.content, Media)
    assert (event.target, event.content.caption) == ("T", "nova")


def test_an_edit_of_an_unknown_kind_is_an_edit() -> None:
    event = done("edit", {"original_message_id": "T", "message": {"type": "hologram"}})
    assert isinstance(event, Edited)
    assert event.content == Unsupported(upstream="hologram", raw={"type": "hologram"})


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("reaction", {"emoji": "👍"}),
        ("reaction", {"message_id": "T", "emoji": {}}),
        ("edit", {"message": {"type": "text", "text": {"body": "x"}}}),
        ("edit", {"original_message_id": "T"}),
        ("edit", {"original_message_id": "T", "message": []}),
        ("revoke", {}),
        ("revoke", {"original_message_id": []}),
    ],
)
def test_a_change_of_nothing_is_shown_as_it_came(kind: str, body: object) -> None:
    for event, way in (
        (done(kind, body), Received),
        (only(echoed(**of_kind(kind, body, **{"from": SHOP, "text": ...}))), SentByPhone),
    ):
        assert isinstance(event, way)
        assert isinstance(event.content, Unsupported)
        assert event.content.upstream == kind


def test_a_deletion_stands_in_its_group() -> None:
    assert done("revoke", {"original_message_id": "T"}, group_id=GROUP) == Revoked(
        number="1", id="wamid.A", target="T", chat=Party(group=GROUP), at=WHEN
    )


# ---------------------------------------------------------------- the phone of our own number


def test_what_the_phone_writes_belongs_to_the_other_side() -> None:
    event = only(echoed(context={"id": "Q"}, to_user_id=HER_ID))
    assert event == SentByPhone(
        number="1",
        id="wamid.A",
        chat=Party(wa_id=MARINA, bsuid=HER_ID),
        at=WHEN,
        content=Text(body="oi"),
        reply_to="Q",
    )


def test_the_other_side_may_have_no_phone() -> None:
    event = only(echoed(to=..., to_user_id=HER_ID))
    assert isinstance(event, SentByPhone)
    assert event.chat == Party(bsuid=HER_ID)


def test_what_the_phone_does_is_done_by_us() -> None:
    inner = {"type": "text", "text": {"body": "novo"}}
    for kind, body in (
        ("reaction", {"message_id": "T", "emoji": "👍"}),
        ("edit", {"original_message_id": "T", "message": inner}),
        ("revoke", {"original_message_id": "T"}),
    ):
        event = only(echoed(type=kind, **{kind: body}))
        assert isinstance(event, Reacted | Edited | Revoked)
        assert (event.by_us, event.chat, event.target) == (True, PERSON, "T")
        assert getattr(event, "sender", None) is None


def test_the_phone_in_a_group_writes_to_the_group() -> None:
    event = only(echoed(to=..., group_id=GROUP))
    assert isinstance(event, SentByPhone)
    assert event.chat == Party(group=GROUP)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"to": ...}, "cloud.no_recipient"),
        ({"to": SHOP}, "cloud.own_chat"),
        ({"id": ...}, "cloud.no_id"),
    ],
)
def test_an_echo_to_nobody_is_counted(changes: dict[str, Any], rule: str) -> None:
    event = only(echoed(**changes))
    assert isinstance(event, Unhandled)
    assert event.rule == rule


def test_a_gateway_may_tell_echoes_among_the_messages() -> None:
    events = parse(
        around(messages=[text()], message_echoes=[text(id="B", to=MARINA)]), received_at=AT
    )
    assert [type(event) for event in events] == [Received, SentByPhone]


# ---------------------------------------------------------------- people who move


def moved(**system: Any) -> object:
    return done("system", {"body": "moved", **system}, from_user_id=HER_ID)


@pytest.mark.parametrize(
    ("told", "new"),
    [
        ({"type": "user_changed_number", "wa_id": "5511900000002"}, {"wa_id": "5511900000002"}),
        (
            {"type": "user_changed_number", "wa_id": "5511900000002", "user_id": "BR.2"},
            {"wa_id": "5511900000002", "bsuid": "BR.2"},
        ),
        (
            {"type": "customer_changed_number", "new_wa_id": "5511900000002"},
            {"wa_id": "5511900000002"},
        ),
        ({"new_wa_id": "5511900000002"}, {"wa_id": "5511900000002"}),
        (
            {"type": "user_changed_user_id", "user_id": "BR.2", "parent_user_id": "BR.ENT.2"},
            {"bsuid": "BR.2", "parent_bsuid": "BR.ENT.2"},
        ),
    ],
)
def test_a_notice_of_a_new_number_or_id_is_told(told: dict[str, Any], new: dict[str, Any]) -> None:
    event = moved(**told)
    assert isinstance(event, IdentityChanged)
    assert (event.old, event.new) == (Party(wa_id=MARINA, bsuid=HER_ID), Party(**new))


def test_the_notice_may_name_the_old_number_itself() -> None:
    told = {"type": "customer_changed_number", "new_wa_id": "55119", "customer": MARINA}
    event = done("system", told, **{"from": ...})
    assert isinstance(event, IdentityChanged)
    assert (event.old, event.new) == (PERSON, Party(wa_id="55119"))


def test_what_has_not_changed_is_counted() -> None:
    event = moved(type="user_changed_number", wa_id=MARINA)
    assert event == Unhandled(number="1", rule="cloud.same_identity", detail="user_changed_number")


def test_new_keys_of_a_customer_are_counted() -> None:
    event = moved(type="customer_identity_changed")
    assert isinstance(event, Unhandled)
    assert event.rule == "cloud.identity_notice"


def test_an_unknown_notice_is_shown_with_its_words() -> None:
    event = moved(type="user_became_a_hologram", wa_id="5511900000002")
    assert isinstance(event, Received)
    assert isinstance(event.content, Unsupported)
    assert event.content.detail == "moved"


def update(**changes: Any) -> object:
    told = {
        "user_id": {"previous": "BR.1", "current": "BR.2"},
        "parent_user_id": {"previous": "BR.ENT.1", "current": "BR.ENT.2"},
        "detail": "User changed",
        "timestamp": "1795190659",
    } | changes
    return only(around("user_id_update", user_id_update=[told]))


def test_a_new_user_id_is_told_with_those_of_the_portfolio() -> None:
    event = update()
    assert isinstance(event, IdentityChanged)
    assert event.old == Party(bsuid="BR.1", parent_bsuid="BR.ENT.1")
    assert event.new == Party(bsuid="BR.2", parent_bsuid="BR.ENT.2")
    assert (event.at, event.id) == (WHEN, "BR.2~user_id_update")
    assert isinstance(with_phone := update(wa_id=MARINA), IdentityChanged)
    assert with_phone.new == replace(event.new, wa_id=MARINA)


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": None},
        {"user_id": {"previous": "BR.1"}},
        {"user_id": {"current": "BR.1"}},
        {"user_id": {"previous": "BR.1", "current": "BR.1"}, "parent_user_id": {}},
    ],
)
def test_an_update_that_names_no_two_ids_is_counted(changes: dict[str, Any]) -> None:
    event = update(**changes)
    assert event == Unhandled(number="1", rule="cloud.user_id_update", detail="User changed")


# ---------------------------------------------------------------- address book


def in_book(action: str = "add", **contact: Any) -> object:
    told = {
        "type": "contact",
        "contact": contact,
        "action": action,
        "metadata": {"timestamp": "1795190659"},
    }
    return only(around("smb_app_state_sync", state_sync=[told]))


@pytest.mark.parametrize(
    ("action", "contact", "name"),
    [
        ("add", {"full_name": "Marina Alves", "first_name": "Marina"}, "Marina Alves"),
        ("edit", {"full_name": " Marina\nAlves "}, "Marina Alves"),
        ("add", {"first_name": "Marina"}, "Marina"),
        ("remove", {"full_name": "Marina"}, None),
        ("remove", {}, None),
    ],
)
def test_an_entry_of_the_address_book_tells_a_name(
    action: str, contact: dict[str, Any], name: str | None
) -> None:
    event = in_book(action, phone_number=MARINA, user_id="BR.1", **contact)
    party = Party(wa_id=MARINA, bsuid="BR.1")
    source = Source.ADDRESS_BOOK
    assert event == NameTold(number="1", party=party, name=name, source=source, at=WHEN)


@pytest.mark.parametrize(
    "contact", [{}, {"full_name": "Marina"}, {"phone_number": MARINA}, {"phone_number": ["1"]}]
)
def test_an_entry_without_a_name_or_an_id_is_counted(contact: dict[str, Any]) -> None:
    expected = Unhandled(number="1", rule="cloud.smb_app_state_sync", detail="contact")
    assert in_book(**contact) == expected


# ---------------------------------------------------------------- history


def test_each_chunk_of_history_is_kept_with_what_stands_around_it() -> None:
    chunks = [{"metadata": {"phase": 0}, "threads": [{"id": "1"}]}, {"metadata": {"progress": 100}}]
    people = [{"wa_id": MARINA}]
    events = parse(around("history", history=chunks, contacts=people), received_at=AT)
    assert [event.payload["history"] for event in events if isinstance(event, HistoryTold)] == [
        [chunk] for chunk in chunks
    ]
    for event in events:
        assert isinstance(event, HistoryTold)
        assert event.payload["contacts"] == people
        assert event.payload["metadata"]["phone_number_id"] == "1"
    assert len({event.id for event in events if isinstance(event, HistoryTold)}) == 2


def test_the_same_chunk_has_the_same_id() -> None:
    first, again = (only(around("history", history=[{"threads": []}])) for _ in range(2))
    assert first == again


def test_files_of_older_messages_are_no_new_messages() -> None:
    later = [of_kind("image", {"id": "9"}), of_kind("audio", {"id": "8"}, id="B")]
    event = only(around("history", messages=later))
    assert isinstance(event, HistoryTold)
    assert event.payload["messages"] == later


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        (2593109, "cloud.history_declined"),
        ("2593109", "cloud.history_declined"),
        (2593107, "cloud.history_failed"),
        ({}, "cloud.history_failed"),
    ],
)
def test_why_there_is_no_history_is_counted(code: object, rule: str) -> None:
    errors = [{"code": code, "title": "No history"}]
    event = only(around("history", history=[{"errors": errors}]))
    assert event == Unhandled(number="1", rule=rule, detail="No history")


def test_history_beside_an_error_is_kept() -> None:
    chunk = {"errors": [{"code": 1, "title": "Half"}], "threads": [{"id": "1"}]}
    events = parse(around("history", history=[chunk]), received_at=AT)
    assert [type(event) for event in events] == [Unhandled, HistoryTold]


@pytest.mark.parametrize("chunk", [None, 7, "x", [], {}, {"threads": 7}])
def test_any_chunk_can_be_kept(chunk: object) -> None:
    event = only(around("history", history=[chunk]))
    assert isinstance(event, HistoryTold)
    assert EVENT.validate_json(orjson.dumps(event)) == event


def test_a_webhook_of_history_without_any_is_counted() -> None:
    event = only(around("history", history=[]))
    assert event == Unhandled(number="1", rule="cloud.history", detail=None)
