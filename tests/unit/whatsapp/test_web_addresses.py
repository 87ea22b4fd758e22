"""JIDs and parties: who is meant, and where to write."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.identity import keys
from bridge.core.party import Party
from bridge.core.phone import Kind
from bridge.whatsapp.web.addresses import (
    Found,
    Recipient,
    bare,
    chat_jid,
    chosen,
    kind_of,
    party_of,
    recipient,
    typing_party,
)

PHONE = "5511987650001@s.whatsapp.net"
LID = "204871936502817@lid"
GROUP = "120363000000000001@g.us"


@pytest.mark.parametrize(
    ("jid", "expected"),
    [
        (PHONE, PHONE),
        ("5511987650001:12@s.whatsapp.net", PHONE),
        ("5511987650001.0:12@s.whatsapp.net", PHONE),
        ("5511987650001@c.us", PHONE),
        ("5511987650001:99@hosted", PHONE),
        ("204871936502817:3@lid", LID),
        ("204871936502817@hosted.lid", LID),
        ("5511987654321-1609459200@g.us", "5511987654321-1609459200@g.us"),
        ("status@broadcast", "status@broadcast"),
        ("867051314767696@bot", "867051314767696@bot"),
        ("s.whatsapp.net", None),
        ("@s.whatsapp.net", None),
        ("1@2@lid", None),
        ("5511987650001", None),
        ("٥٥١١@s.whatsapp.net", None),
        ("1\n@lid", None),
        ("9" * 65 + "@lid", None),
        ("9" * 10_000_000, None),
        (None, None),
        (7, None),
        ([PHONE], None),
        ({}, None),
    ],
)
def test_a_jid_loses_its_device_and_junk_is_none(jid: object, expected: str | None) -> None:
    assert bare(jid) == expected


@pytest.mark.parametrize(
    ("jid", "kind"),
    [
        (PHONE, Kind.PHONE),
        (LID, Kind.LID),
        (GROUP, Kind.GROUP),
        ("120363144038483540@newsletter", Kind.NEWSLETTER),
        ("status@broadcast", Kind.BROADCAST),
        ("0@s.whatsapp.net", Kind.INVALID),
        ("867051314767696@bot", Kind.INVALID),
        (None, Kind.INVALID),
    ],
)
def test_kinds(jid: object, kind: Kind) -> None:
    assert kind_of(jid) is kind


@pytest.mark.parametrize(
    ("given_jids", "expected"),
    [
        (
            {"jid": LID, "pn": PHONE, "name": "Marina"},
            Party(wa_id="5511987650001", lid="204871936502817", name="Marina"),
        ),
        ({"jid": PHONE}, Party(wa_id="5511987650001")),
        ({"jid": LID}, Party(lid="204871936502817")),
        ({"jid": PHONE, "lid": LID}, Party(wa_id="5511987650001", lid="204871936502817")),
        ({"jid": LID, "pn": LID}, Party(lid="204871936502817")),
        ({"jid": PHONE, "pn": "120363000000000001@g.us"}, Party(wa_id="5511987650001")),
        ({"jid": GROUP, "pn": PHONE}, Party(group=GROUP)),
        ({"jid": "status@broadcast"}, None),
        ({"jid": "0@s.whatsapp.net"}, None),
        ({"jid": None, "pn": 5, "lid": [], "name": "x"}, None),
    ],
)
def test_who_is_meant(given_jids: dict[str, Any], expected: Party | None) -> None:
    jid = given_jids.pop("jid")
    assert party_of(jid, **given_jids) == expected


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        pytest.param(Party(group=GROUP), Recipient(jid=GROUP), id="a group"),
        pytest.param(Party(group="120363000000000001"), Recipient(jid=GROUP), id="a bare group"),
        pytest.param(Party(group=PHONE), None, id="no group"),
        pytest.param(
            Party(wa_id="5511987650001", lid="204871936502817"),
            Recipient(jid=LID),
            id="a known LID wins",
        ),
        pytest.param(Party(lid=LID), Recipient(jid=LID), id="a LID with its server"),
        pytest.param(
            Party(wa_id="5585988887777"),
            Recipient(numbers=("558588887777", "5585988887777")),
            id="outside the first areas the form without the 9 is likelier",
        ),
        pytest.param(
            Party(wa_id="558588887777"),
            Recipient(numbers=("558588887777", "5585988887777")),
            id="the same person in the other spelling",
        ),
        pytest.param(
            Party(wa_id="551187654321"),
            Recipient(numbers=("5511987654321", "551187654321")),
            id="in the first areas ids carry the 9",
        ),
        pytest.param(
            Party(wa_id="351912345678"), Recipient(numbers=("351912345678",)), id="abroad"
        ),
        pytest.param(Party(wa_id="190"), None, id="a short code"),
        pytest.param(Party(wa_id="junk", lid="junk"), None, id="junk"),
        pytest.param(Party(bsuid="BR.1349"), None, id="an id of the Cloud API alone"),
        pytest.param(Party(), None, id="nobody"),
    ],
)
def test_where_to_write(to: Party, expected: Recipient | None) -> None:
    assert recipient(to) == expected


def test_both_spellings_of_a_number_are_looked_up_in_the_same_order() -> None:
    spellings = ("558588887777", "5585988887777", "+55 85 98888-7777")
    assert len({recipient(Party(wa_id=one)) for one in spellings}) == 1


def test_the_jid_for_what_may_go_wrong_needs_no_question() -> None:
    assert chat_jid(Party(wa_id="558588887777")) == "558588887777@s.whatsapp.net"
    assert chat_jid(Party(wa_id="558588887777", lid="7")) == "7@lid"
    assert chat_jid(Party(group=GROUP)) == GROUP
    assert chat_jid(Party(wa_id="x")) is None


def answer(*found: Any) -> dict[str, Any]:
    return {"found": list(found)}


def row(query: object, jid: object, *, exists: object = True, lid: object = None) -> dict[str, Any]:
    return {"query": query, "jid": jid, "exists": exists, "lid": lid}


BOTH = ("558588887777", "5585988887777")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(
            answer(
                row("5585988887777", "5585988887777@s.whatsapp.net", exists=False),
                row("558588887777", "558588887777@s.whatsapp.net", lid=LID),
            ),
            Found(jid="558588887777@s.whatsapp.net", lid=LID),
            id="the one that exists",
        ),
        pytest.param(
            answer(
                row("5585988887777", "558588887777@s.whatsapp.net"),
                row("558588887777", "558588887777@s.whatsapp.net"),
            ),
            Found(jid="558588887777@s.whatsapp.net"),
            id="both are one",
        ),
        pytest.param(
            answer(row("+558588887777", "558588887777:0@s.whatsapp.net", lid="x@y")),
            Found(jid="558588887777@s.whatsapp.net"),
            id="with a plus, a device and junk",
        ),
        pytest.param(answer(row(BOTH[0], PHONE, exists=False)), None, id="nobody is there"),
        pytest.param(answer(row(BOTH[0], PHONE, exists="yes")), None, id="not certainly"),
        pytest.param(answer(row(BOTH[0], GROUP)), None, id="a group is no person"),
        pytest.param(answer(row("1", PHONE)), None, id="another number's answer"),
        pytest.param(answer(None, 7, {}, row([], [])), None, id="junk"),
        pytest.param({}, None, id="no answer"),
        pytest.param({"found": {}}, None, id="no list"),
    ],
)
def test_whom_an_answer_names(told: dict[str, Any], expected: Found | None) -> None:
    assert chosen(told, BOTH) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"chat": LID, "chat_pn": PHONE, "sender": LID, "sender_pn": PHONE},
            Party(wa_id="5511987650001", lid="204871936502817"),
        ),
        ({"chat": GROUP, "sender": LID, "sender_pn": PHONE}, Party(group=GROUP)),
        ({"chat": PHONE}, Party(wa_id="5511987650001")),
        ({"chat": PHONE, "sender": PHONE, "from_me": True}, None),
        ({"chat": "status@broadcast"}, None),
        ({}, None),
    ],
)
def test_who_writes(data: dict[str, Any], expected: Party | None) -> None:
    assert typing_party(data) == expected


_PIECES = st.text(st.characters(codec="utf-8"), max_size=12) | st.from_regex(
    r"[0-9a-z.:_-]{1,20}@(s\.whatsapp\.net|lid|g\.us|c\.us|hosted\.lid|broadcast|bot)"
)


@given(_PIECES)
def test_reading_a_jid_twice_changes_nothing(text: str) -> None:
    once = bare(text)
    assert once is None or bare(once) == once


@given(_PIECES, _PIECES, _PIECES)
def test_a_party_has_keys_and_an_address(jid: str, pn: str, lid: str) -> None:
    party = party_of(jid, pn=pn, lid=lid)
    if party is not None:
        assert keys(party)
        assert recipient(party) is not None
        assert bare(chat_jid(party)) == chat_jid(party)
