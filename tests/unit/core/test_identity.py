"""Keys, identifiers and names of a party: design.md 4, evolution-chatwoot.md 6.5."""

from __future__ import annotations

import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.identity import (
    display_name,
    e164,
    identifier,
    identifiers,
    is_placeholder,
    keys,
    merge,
    numbers,
)
from bridge.core.party import Party

OLD_FORM = Party(wa_id="554899887766")
NEW_FORM = Party(wa_id="5548999887766")
FULL = Party(
    wa_id="554899887766",
    bsuid="BR.13491200000000000001",
    lid="103899771998284",
    username="maria.aurora",
    name="Maria",
)
VALUES = st.one_of(
    st.none(),
    st.text(max_size=40),
    st.from_regex(r"\A(55|52|54|1)?[0-9]{4,13}(:[0-9]{1,2})?(@(lid|s\.whatsapp\.net|g\.us))?\Z"),
    st.from_regex(r"\A[A-Z]{2}\.[A-Za-z0-9]{1,20}\Z"),
)
PARTIES = st.builds(
    Party,
    wa_id=VALUES,
    bsuid=VALUES,
    parent_bsuid=VALUES,
    lid=VALUES,
    username=VALUES,
    name=VALUES,
)


# ------------------------------------------------------------------ keys


def test_keys_come_strongest_first():
    assert keys(FULL) == (
        "bsuid:BR.13491200000000000001",
        "lid:103899771998284",
        "phone:5548999887766",
    )


def test_both_forms_of_a_mobile_have_one_key():
    assert keys(OLD_FORM) == keys(NEW_FORM) == ("phone:5548999887766",)


@pytest.mark.parametrize(
    "wa_id",
    [
        "120363000000000001@g.us",
        "5511987654321-1609459200",
        "status@broadcast",
        "27182",
        "",
        "joão",
    ],
)
def test_what_is_no_phone_gives_no_key(wa_id):
    party = Party(wa_id=wa_id)
    assert keys(party) == ()
    assert e164(party) is identifier(party) is None
    assert numbers(party) == identifiers(party) == ()


@pytest.mark.parametrize(
    "lid", ["103899771998284", "103899771998284@lid", "103899771998284:7@lid", " 103899771998284 "]
)
def test_a_lid_is_its_digits_however_it_came(lid):
    assert keys(Party(lid=lid)) == ("lid:103899771998284",)


@pytest.mark.parametrize("lid", ["", "abc", "5511987654321@s.whatsapp.net", "1@lid@lid", "9" * 300])
def test_what_is_no_lid_gives_no_key(lid):
    assert keys(Party(lid=lid)) == ()


def test_a_bsuid_is_opaque_but_must_be_printable():
    assert keys(Party(bsuid="v2:opaque_0~x")) == ("bsuid:v2:opaque_0~x",)
    for broken in ("", "  ", "a b", "BR.\x00", "BR.é", "B" * 300):
        assert keys(Party(bsuid=broken)) == ()


# ------------------------------------------------------------------ what Chatwoot is told


@pytest.mark.parametrize(
    ("wa_id", "number"),
    [
        ("554899887766", "+5548999887766"),
        ("5511987654321", "+5511987654321"),
        ("551133334444", "+551133334444"),
        ("5215512345678", "+525512345678"),
        ("5491155551234", "+5491155551234"),
        ("541155551234", "+541155551234"),
        ("15551234567", "+15551234567"),
        ("103899771998284", None),
        ("55119876543210", None),
        (None, None),
    ],
)
def test_the_number_for_chatwoot(wa_id, number):
    assert e164(Party(wa_id=wa_id)) == number


def test_the_identifier_is_phone_then_lid_then_bsuid():
    assert identifier(FULL) == "554899887766@s.whatsapp.net"
    assert (
        identifier(Party(wa_id="5562981234567:12@s.whatsapp.net")) == "5562981234567@s.whatsapp.net"
    )
    assert identifier(Party(lid="103899771998284", bsuid="BR.1")) == "103899771998284@lid"
    assert identifier(Party(bsuid="BR.1")) == "BR.1"
    assert identifier(Party(username="maria")) is None


def test_every_spelling_of_the_identifier_is_looked_for():
    assert identifiers(FULL) == (
        "554899887766@s.whatsapp.net",
        "5548999887766@s.whatsapp.net",
        "554899887766",
        "5548999887766",
        "103899771998284@lid",
        "BR.13491200000000000001",
    )
    assert set(identifiers(OLD_FORM)) == set(identifiers(NEW_FORM))
    assert identifiers(Party(wa_id="5215512345678"))[:2] == (
        "5215512345678@s.whatsapp.net",
        "525512345678@s.whatsapp.net",
    )
    assert identifiers(Party(wa_id="551133334444")) == (
        "551133334444@s.whatsapp.net",
        "551133334444",
    )


@pytest.mark.parametrize(
    ("wa_id", "spelled"),
    [
        ("554899887766", ("+5548999887766", "+554899887766")),
        ("5511987654321", ("+5511987654321", "+551187654321")),
        ("551133334444", ("+551133334444",)),
        ("5511932345678", ("+5511932345678",)),
        ("5215512345678", ("+525512345678", "+5215512345678")),
        ("541155551234", ("+541155551234", "+5491155551234")),
        ("12025550123", ("+12025550123",)),
    ],
)
def test_every_number_of_a_contact_is_looked_for(wa_id, spelled):
    assert numbers(Party(wa_id=wa_id)) == spelled


# ------------------------------------------------------------------ names


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        "   ",
        "\u200b\u3164",
        "554899887766",
        "+5548999887766",
        "+55 48 99988-7766",
        "\u202a+55 48 99988‑7766\u202c",
        "(48) 9988-7766",
        "048 99988-7766",
        "99988-7766",
        "554899887766@s.whatsapp.net",
        "5548999887766:3@s.whatsapp.net",
        "103899771998284",
        "+103899771998284",
        "103899771998284@lid",
        "BR.13491200000000000001",
        "maria.aurora",
        "@Maria.Aurora",
        "WhatsApp …887766",
        "WhatsApp …998284",
    ],
)
def test_a_name_that_is_only_an_id_may_be_replaced(name):
    assert is_placeholder(name, FULL)


@pytest.mark.parametrize(
    "name",
    [
        "Maria",
        "Maria 554899887766",
        "7766",
        "5548999887767",
        "🌸",
        ".",
        "1039",
        "WhatsApp Maria",
        "Zé",
    ],
)
def test_a_name_that_somebody_gave_is_kept(name):
    assert not is_placeholder(name, FULL)


def test_an_argentine_number_typed_at_home_is_a_placeholder():
    assert is_placeholder("011 15-5555-1234", Party(wa_id="5491155551234"))


def test_a_person_is_shown_by_the_best_name_known():
    assert display_name(FULL) == "Maria"
    assert display_name(Party(wa_id="554899887766", username="maria")) == "maria"
    assert display_name(Party(wa_id="554899887766", name=" \u3164 ")) == "+5548999887766"
    assert display_name(Party(lid="103899771998284")) == "WhatsApp …998284"
    assert display_name(Party(bsuid="BR.13491200000000000042")) == "WhatsApp …000042"
    assert display_name(Party()) == "WhatsApp"


def test_a_hostile_name_becomes_one_harmless_line():
    assert display_name(Party(name="Ma\x00ria\n\u202e da\ud800 Luz")) == "Maria da Luz"
    assert display_name(Party(name="👩‍👩‍👧")) == "👩‍👩‍👧"
    assert len(display_name(Party(name="a" * 1_000_000))) == 255


# ------------------------------------------------------------------ merging


def test_merging_keeps_ids_and_takes_the_newest_of_the_rest():
    old = Party(wa_id="554899887766", lid="1038", name="Maria", username="m1")
    new = Party(wa_id="5548999887766", bsuid="BR.1", name=" ", username="m2")
    assert merge(old, new) == Party(
        wa_id="5548999887766", bsuid="BR.1", lid="1038", name="Maria", username="m2"
    )


@given(PARTIES)
def test_merging_with_nothing_changes_nothing_that_counts(party):
    assert keys(merge(party, Party())) == keys(party)
    assert keys(merge(Party(), party)) == keys(party)


# ------------------------------------------------------------------ properties


@given(PARTIES)
def test_whatever_comes_chatwoot_gets_only_what_it_accepts(party):
    number, own = e164(party), identifier(party)
    assert number is None or re.fullmatch(r"\+[1-9]\d{1,14}", number, re.ASCII)
    assert number is None or numbers(party)[0] == number
    assert identifiers(party)[:1] == ((own,) if own else ())
    for text in (*identifiers(party), display_name(party)):
        assert 0 < len(text) <= 255
        orjson.dumps(text)
    assert (own is None) == (not keys(party))


@given(PARTIES)
def test_a_name_that_we_made_up_may_be_replaced(party):
    made_up = display_name(Party(**{**fields(party), "name": None}))
    assert is_placeholder(made_up, party)


@given(PARTIES)
def test_every_id_of_a_person_is_a_placeholder(party):
    for text in (*identifiers(party), *numbers(party)):
        assert is_placeholder(text, party)


def fields(party: Party) -> dict[str, str | None]:
    return {name: getattr(party, name) for name in Party.__dataclass_fields__}
