"""What people do to messages and groups: reactions, edits, votes, another subject."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from bridge.core.content import Media, Poll, Text, Unsupported
from bridge.core.message import (
    EVENT,
    Edited,
    Event,
    GroupChanged,
    Reacted,
    Received,
    Revoked,
    SentByPhone,
    Unhandled,
    Voted,
)
from bridge.core.party import Party
from bridge.whatsapp.web.parser import events

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
PHONE, OURS = "5511900000002@s.whatsapp.net", "5511900000001@s.whatsapp.net"
LID, GROUP = "1002@lid", "120363000000000001@g.us"
BOB = Party(wa_id="5511900000002", lid="1002", name="Bob")
KEY = {"remoteJID": OURS, "fromMe": True, "ID": "3A99"}
WHERE: dict[str, Any] = {"number": "shop", "id": "3A01", "target": "3A99", "at": AT}


def only(name: str, data: dict[str, Any]) -> Event:
    (event,) = events(name, data, number="shop", received_at=AT)
    assert EVENT.validate_json(orjson.dumps(event)) == event, "cannot be stored"
    return event


def stanza(message: dict[str, Any], **more: Any) -> Event:
    who = {"sender": LID, "sender_pn": PHONE, "push_name": "Bob"}
    return only(
        "message", {"id": "3A01", "chat": LID, "chat_pn": PHONE, "message": message} | who | more
    )


def in_group(message: dict[str, Any], **more: Any) -> Event:
    return stanza(message, **({"chat": GROUP, "chat_pn": None} | more))


def by_us(message: dict[str, Any], **more: Any) -> Event:
    ours = {"sender": OURS, "sender_pn": OURS, "push_name": "Loja", "from_me": True}
    return stanza(message, **(ours | more))


def left_out(rule: str, detail: str | None = None) -> Unhandled:
    return Unhandled(number="shop", rule=f"web.{rule}", detail=detail)


# ------------------------------------------------------------------ reactions


def reaction(text: object, **key: Any) -> dict[str, Any]:
    return {"reactionMessage": {"key": KEY | key, "text": text, "senderTimestampMS": "1"}}


@pytest.mark.parametrize(
    ("text", "emoji"),
    [
        ("❤️", "❤️"),
        ("", None),
        (None, None),
        (" ", None),
        (7, None),
        ("👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦"),
        ("x" * 999, "x" * 64),
    ],
)
def test_a_reaction_names_its_message(text: object, emoji: str | None) -> None:
    assert stanza(reaction(text)) == Reacted(chat=BOB, emoji=emoji, **WHERE)


def test_in_a_group_a_reaction_has_its_sender_and_by_our_phone_it_has_none() -> None:
    chat = Party(group=GROUP)
    assert in_group(reaction("👍")) == Reacted(chat=chat, emoji="👍", sender=BOB, **WHERE)
    ours = by_us(reaction("👍"))
    assert ours == Reacted(
        chat=Party(wa_id="5511900000002", lid="1002"), emoji="👍", by_us=True, **WHERE
    )
    mixed = by_us(reaction("👍"), chat=GROUP, chat_pn=None)
    assert mixed == Reacted(chat=chat, emoji="👍", by_us=True, **WHERE)


@pytest.mark.parametrize("key", [{"ID": None}, {"ID": ""}, {"ID": "x" * 600}, {"ID": []}])
def test_a_reaction_to_nothing_is_counted(key: dict[str, Any]) -> None:
    assert stanza(reaction("👍", **key)) == left_out("no_target", "reactionMessage")


# ------------------------------------------------------------------ edits


def edit(inner: object, **more: Any) -> dict[str, Any]:
    body = {"type": "MESSAGE_EDIT", "key": KEY, "editedMessage": inner}
    return {"protocolMessage": body | more}


WORDS = {"conversation": "Oi, tudo bom?"}


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(edit(WORDS), id="unwrapped"),
        pytest.param({"editedMessage": {"message": edit(WORDS)}}, id="wrapped"),
        pytest.param({"protocolMessage": {"key": KEY, "editedMessage": WORDS}}, id="bare"),
    ],
)
def test_an_edit_says_what_its_message_says_now(message: dict[str, Any]) -> None:
    said = Text(body="Oi, tudo bom?")
    assert stanza(message, edit="1", edited=True) == Edited(chat=BOB, content=said, **WHERE)


def test_edits_with_the_id_of_their_message_are_told_apart() -> None:
    found = [stanza(edit(WORDS, timestampMS=stamp), id="3A99") for stamp in ("17", "18")]
    assert [one.id for one in found if isinstance(one, Edited)] == ["3A99~edit17", "3A99~edit18"]


def test_an_edit_by_our_phone() -> None:
    event = by_us(edit(WORDS))
    assert isinstance(event, Edited)
    assert (event.by_us, event.sender) == (True, None)
    assert event.chat == Party(wa_id="5511900000002", lid="1002")


@pytest.mark.parametrize("key", [{"fromMe": False}, {"fromMe": None}])
def test_nobody_edits_what_others_wrote(key: dict[str, Any]) -> None:
    event = stanza(edit(WORDS, key=KEY | key))
    assert isinstance(event, Edited)
    assert event.target == "3A01"


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ({"imageMessage": {"caption": "assim", "mediaKey": "a2V5"}}, Text(body="assim")),
        ({"extendedTextMessage": {"text": "com link"}}, Text(body="com link")),
        ({"ephemeralMessage": {"message": WORDS}}, Text(body="Oi, tudo bom?")),
        (
            {"pollCreationMessage": {"name": "Quando?", "options": []}},
            Poll(question="Quando?", options=()),
        ),
        (None, Unsupported(upstream="editedMessage", raw={})),
        ({"imageMessage": {}}, Unsupported(upstream="imageMessage", raw={"imageMessage": {}})),
    ],
)
def test_an_edit_of_any_kind(inner: object, expected: object) -> None:
    event = stanza(edit(inner))
    assert isinstance(event, Edited)
    assert event.content == expected


def test_a_file_with_another_caption_is_a_file() -> None:
    file = {"mediaKey": "a2V5", "directPath": "/v/x.enc", "caption": "agora sim"}
    event = stanza(edit({"imageMessage": file}))
    assert isinstance(event, Edited)
    assert isinstance(event.content, Media)
    assert event.content.caption == "agora sim"


@pytest.mark.parametrize("flags", [{"edit": "1"}, {"edit": "3"}, {"edited": True}])
def test_an_edit_that_its_stanza_alone_knows_is_of_its_own_id(flags: dict[str, Any]) -> None:
    event = stanza(WORDS, **flags)
    assert isinstance(event, Edited)
    assert (event.id, event.target) == ("3A01~edit", "3A01")


def test_an_edit_that_only_the_secret_of_the_message_opens_is_seen() -> None:
    body = {"secretEncType": "MESSAGE_EDIT", "targetMessageKey": KEY, "encPayload": "eHh4"}
    event = stanza({"secretEncryptedMessage": body})
    assert isinstance(event, Edited)
    assert event.target == "3A99"
    assert isinstance(event.content, Unsupported)


# ------------------------------------------------------------------ votes

YES, NO = "a" * 64, "b" * 64
VOTE = {"pollUpdateMessage": {"pollCreationMessageKey": KEY, "vote": {"encPayload": "eA=="}}}


@pytest.mark.parametrize(
    ("told", "options"),
    [
        ([YES, NO, YES], (YES, NO)),
        ([], ()),
        (None, None),
        (..., None),
        ("x", None),
        ([YES, 7], None),
        ([YES.upper()], None),
        ([YES * 2], None),
        ([None], None),
    ],
)
def test_a_vote_is_what_the_worker_could_open(
    told: object, options: tuple[str, ...] | None
) -> None:
    more = {} if told is ... else {"vote": told}
    assert stanza(VOTE, **more) == Voted(chat=BOB, options=options, **WHERE)


def test_a_vote_in_a_group_has_its_voter() -> None:
    event = in_group(VOTE, vote=[YES])
    assert event == Voted(chat=Party(group=GROUP), options=(YES,), sender=BOB, **WHERE)


def test_a_vote_in_no_poll_is_counted() -> None:
    assert stanza({"pollUpdateMessage": {}}) == left_out("no_target", "pollUpdateMessage")


# ------------------------------------------------------------------ groups

GONE: dict[str, list[str]] = {"join": [], "leave": [], "promote": [], "demote": []}


@pytest.mark.parametrize(
    ("name", "data", "subject"),
    [
        ("group", {"subject": "Família\n Silva", **GONE}, "Família Silva"),
        ("group", GONE | {"subject": None, "join": [LID]}, None),
        ("group", GONE | {"subject": None, "leave": [LID]}, None),
        ("group", {"subject": "Clube", "reason": None}, "Clube"),
        ("picture", {"author": LID, "removed": True}, None),
    ],
)
def test_a_group_that_is_not_what_it_was(
    name: str, data: dict[str, Any], subject: str | None
) -> None:
    told = {"jid": GROUP, "at_ms": 1_795_000_000_000} | data
    event = only(name, told)
    assert event == GroupChanged(
        number="shop",
        id=event.id if isinstance(event, GroupChanged) else "",
        group=GROUP,
        at=datetime.fromtimestamp(1_795_000_000, UTC),
        subject=subject,
    )
    assert only(name, dict(reversed(told.items()))) == event, "told again it is the same"
    later = only(name, told | {"at_ms": 1_795_000_001_000})
    assert isinstance(later, GroupChanged)
    assert later.id != event.id


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("group", GONE | {"jid": GROUP, "promote": [LID]}, left_out("group")),
        ("group", GONE | {"jid": GROUP, "deleted": True}, left_out("group")),
        ("group", {"jid": "x", "subject": "Clube"}, left_out("group", "no_group")),
        ("group", {"jid": LID, "join": [LID]}, left_out("group", "no_group")),
        ("group", {}, left_out("group")),
        ("picture", {"jid": LID}, left_out("picture")),
        ("picture", {"jid": None}, left_out("picture")),
    ],
)
def test_what_changes_nothing_for_agents_is_counted(
    name: str, data: dict[str, Any], expected: Unhandled
) -> None:
    assert only(name, data) == expected


def test_a_message_by_our_phone_beside_an_edit_stays_a_message() -> None:
    assert isinstance(by_us(WORDS), SentByPhone)


# ------------------------------------------------------------------ ids that pass for ours


@pytest.mark.parametrize("end", ["~again", "~undecryptable", "~call", "~edited.0123456789abcdef"])
def test_no_id_of_a_strangers_making_passes_for_one_of_ours(end: str) -> None:
    forged, harmless = f"3A99{end}", f"3A99{end.replace('~', '-')}"
    context = {"extendedTextMessage": {"text": "oi", "contextInfo": {"stanzaID": forged}}}
    written = stanza(context, id=forged)
    assert isinstance(written, Received)
    assert (written.id, written.reply_to) == (harmless, harmless)
    reacted = stanza(reaction("👍", ID=forged))
    assert isinstance(reacted, Reacted)
    assert reacted.target == harmless
    revoked = stanza({"protocolMessage": {"key": KEY | {"ID": forged}, "type": "REVOKE"}})
    assert isinstance(revoked, Revoked)
    assert revoked.target == harmless
    unread = only("undecryptable", {"id": forged, "chat": LID, "sender": LID})
    assert isinstance(unread, Received)
    assert unread.id == f"{harmless}~undecryptable"
