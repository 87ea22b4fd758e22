"""Phone identity: whatsapp-channels.md chapter F."""

from __future__ import annotations

import json
import time
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.numbering import BR_DDD
from bridge.core.phone import (
    Kind,
    Line,
    Subject,
    dialable,
    from_channel,
    from_person,
    readable,
    region_of,
    same,
    typed_digits,
)

VECTORS = json.loads(
    (Path(__file__).parents[2] / "contract" / "phone_vectors.json").read_text(encoding="utf-8")
)

REGIONS = st.sampled_from(["BR", "MX", "AR", "US", "PT", "IT", "IS", "ZZ", "", "b r", "🇧🇷"])
DDD = st.sampled_from(sorted(BR_DDD))
DIGITS = st.text("0123456789", min_size=1, max_size=20)
#: Strings near enough to ids to reach the inner branches.
IDS = st.one_of(
    st.text(),
    DIGITS,
    st.from_regex(r"\A\+?(55|52|54|1|351)?[0-9 ()-]{4,14}\Z"),
    st.from_regex(
        r"\A[0-9]{1,20}(:[0-9]{1,3})?@(s\.whatsapp\.net|c\.us|lid|g\.us|newsletter|broadcast|bot)\Z"
    ),
    st.from_regex(r"\A(group|lid|bsuid|short|broadcast|newsletter):[A-Z]{0,2}[.:]?[0-9-]{1,20}\Z"),
    st.from_regex(r"\A[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,130}\Z"),
    st.text("٠١٢٣٤٥٦٧٨٩0123456789+²Ⅷ\u200b\u0000 ", max_size=20),
)


def reading(text: str, source: str) -> Subject:
    how, region = source.split("/")
    return from_channel(text) if how == "wa" else from_person(text, region=region)


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: f"{row['n']}: {row['why']}")
def test_a_vector_is_read_as_written(row):
    for side in "ab":
        subject = reading(row[side], row[f"{side}_from"])
        assert (subject.key or "") == row[f"{side}_key"]
        assert subject.e164 == row[f"{side}_e164"]
        assert (subject.line or "") == row[f"{side}_line"]
        assert list(subject.flags) == row[f"{side}_flags"]
    first, second = reading(row["a"], row["a_from"]), reading(row["b"], row["b_from"])
    assert first.kind == row["a_kind"]
    assert list(first.tries) == row["a_try"]
    assert same(first, second) is row["same"]
    if row["same"]:
        assert first.tries == second.tries or first.kind is not Kind.PHONE


# ------------------------------------------------------------------ ids from machines


@pytest.mark.parametrize(
    ("raw", "kind", "key"),
    [
        ("5511987654321@c.us", Kind.PHONE, "5511987654321"),
        ("5511987654321.0:7@s.whatsapp.net", Kind.PHONE, "5511987654321"),
        ("551187654321@S.WhatsApp.net", Kind.PHONE, "5511987654321"),
        ("+5511987654321", Kind.PHONE, "5511987654321"),
        (" +55 (11) 98765-4321 ", Kind.PHONE, "5511987654321"),
        ("551177001234", Kind.PHONE, "5511977001234"),
        ("103899771998284@lid", Kind.LID, "lid:103899771998284"),
        ("103899771998284:12@lid", Kind.LID, "lid:103899771998284"),
        ("103899771998284@hosted.lid", Kind.LID, "lid:103899771998284"),
        ("5511987654321:99@hosted", Kind.PHONE, "5511987654321"),
        ("120363000000000001-group", Kind.GROUP, "group:120363000000000001"),
        ("120363000000000001", Kind.GROUP, "group:120363000000000001"),
        ("1774895799-broadcast", Kind.BROADCAST, "broadcast:1774895799"),
        ("status@broadcast", Kind.BROADCAST, "broadcast:status"),
        ("BR.ENT.11815700000000000001", Kind.BSUID, "bsuid:BR.ENT.11815700000000000001"),
        ("br.13491200000000000001", Kind.INVALID, None),
        ("5511987654321@bot", Kind.INVALID, None),
        ("abc@s.whatsapp.net", Kind.INVALID, None),
        ("0@s.whatsapp.net", Kind.INVALID, None),
        ("27182", Kind.SHORT, None),
        ("1234567890123456", Kind.INVALID, None),
        ("٥٥١١٩٨٧٦٥٤٣٢١", Kind.INVALID, None),
        ("5511987654321 joe", Kind.INVALID, None),
        ("", Kind.INVALID, None),
    ],
)
def test_an_id_is_classified_before_its_digits_are_read(raw, kind, key):
    subject = from_channel(raw)
    assert (subject.kind, subject.key) == (kind, key)
    assert (subject.e164 is not None) == (kind is Kind.PHONE)


def test_the_digits_of_a_phone_are_kept_as_they_came():
    assert from_channel("556281234567:3@s.whatsapp.net").digits == "556281234567"
    assert from_channel("5215512345678").digits == "5215512345678"
    assert from_channel("103899771998284@lid").digits is None


def test_all_spellings_of_one_person_are_looked_up_in_the_same_order():
    assert from_channel("551177001234").tries == ("5511977001234", "551177001234")
    assert from_channel("557177001234").tries == ("557177001234", "5571977001234")
    assert from_channel("541155551234").tries == ("5491155551234", "541155551234")
    assert from_channel("5215512345678").tries == ("525512345678", "5215512345678")
    assert from_channel("541155551234").tries == from_channel("5491155551234").tries


def test_an_argentine_number_that_is_no_mobile_is_left_alone():
    subject = from_channel("548005551234")
    assert subject.tries == ("548005551234",)
    assert "ar-no-9" not in subject.flags


# ------------------------------------------------------------------ numbers from people


@pytest.mark.parametrize(
    ("text", "region", "key"),
    [
        ("0800 777 1234", "BR", "558007771234"),
        ("+55 0800 777 1234", "BR", "558007771234"),
        ("3003-1234", "BR", "5530031234"),
        ("+55 (011) 98765-4321", "BR", "5511987654321"),
        ("55 011 98765-4321", "BR", "5511987654321"),
        ("9015 11 98765-4321", "BR", "5511987654321"),
        ("5511987654321", "BR", "5511987654321"),
        ("551132345678", "BR", "551132345678"),
        ("55 4004-1234", "BR", "555540041234"),
        ("55 11 98765-43210", "BR", "55119876543210"),
        ("+5511987654321", "US", "5511987654321"),
        ("٥٥١١٩٨٧٦٥٤٣٢١", "BR", "5511987654321"),
        ("+55 11 98765-4321", "BR", "5511987654321"),
        ("\u202a+55 11 98765‑4321\u202c", "BR", "5511987654321"),
        ("📱 (11) 98765-4321", "BR", "5511987654321"),
        ("(11) 3234-5678 ramal 12", "BR", "551132345678"),
        ("5511987654321@s.whatsapp.net", "US", "5511987654321"),
        ("103899771998284@lid", "BR", "lid:103899771998284"),
        ("044 55 1234 5678", "MX", "525512345678"),
        ("01 55 1234 5678", "MX", "525512345678"),
        ("1 55 1234 5678", "MX", "525512345678"),
        ("+52 1 55 1234 5678", "BR", "525512345678"),
        ("+54 11 15 5555-1234", "BR", "541155551234"),
        ("+44 (0)20 7946 0958", "BR", "442079460958"),
        ("+39 06 1234 5678", "BR", "390612345678"),
        ("06 1234 5678", "IT", "390612345678"),
        ("011 55 11 98765 4321", "US", "5511987654321"),
        ("581 2345", "IS", "3545812345"),
        ("190", "br", "short:BR:190"),
    ],
)
def test_a_typed_number_is_completed_for_its_region(text, region, key):
    assert from_person(text, region=region).key == key


@pytest.mark.parametrize(
    ("text", "region", "flags"),
    [
        ("+55 98765-4321", "BR", ("br-no-ddd",)),
        ("0 98765-4321", "BR", ("br-no-ddd",)),
        ("0 1000000", "BR", ("br-no-ddd",)),
        ("912 345 678", "BR", ("br-no-ddd",)),
        ("+55 27182", "BR", ("br-bad-length",)),
        ("351 912 345 678", "BR", ("br-bad-length",)),
        ("15-5555-1234", "AR", ("no-area",)),
        ("234-56789", "US", ("lib-invalid",)),
        ("+999 123 456", "BR", ("lib-invalid",)),
        ("11 98765-4321", "ZZ", ()),
        ("11 98765-4321", "", ()),
        ("11 98765-4321 / 11 3234-5678", "BR", ("br-bad-length",)),
        ("Maria 98765-4321", "BR", ()),
        ("11 9876+5432", "BR", ()),
        ("1²3456789", "BR", ()),
        ("", "BR", ()),
    ],
)
def test_a_typed_number_that_cannot_be_completed_has_no_identity(text, region, flags):
    subject = from_person(text, region=region)
    assert (subject.kind, subject.key, subject.e164) == (Kind.INVALID, None, None)
    assert subject.flags == flags


def test_typed_digits_know_every_script_and_no_letters():
    assert typed_digits("٥٥-11") == "5511"
    assert typed_digits("+ (55)") == "+55"
    assert typed_digits("55 onze") is None
    assert typed_digits("🌸") is None


# ------------------------------------------------------------------ the rest of the door


def test_a_number_too_long_for_its_country_cannot_be_dialled():
    assert dialable(from_channel("15551234567"))
    assert dialable(from_channel("551187654321"))
    assert not dialable(from_channel("103899771998284"))
    assert not dialable(from_channel("103899771998284@lid"))


def test_a_phone_knows_where_it_is_at_home():
    assert region_of(from_channel("5215512345678")) == "MX"
    assert region_of(from_channel("12025550123")) == "US"
    assert region_of(from_channel("status@broadcast")) is None


@pytest.mark.parametrize("text", ["9" * 10_000_000, "\ud800" * 1000, "5511987654321" + " " * 500])
def test_a_huge_id_is_refused_at_once(text):
    begun = time.perf_counter()
    assert from_channel(text).kind is Kind.INVALID
    assert from_person(text, region="BR").kind is Kind.INVALID
    assert from_person("11987654321", region=text).kind is Kind.INVALID
    assert time.perf_counter() - begun < 1


def test_a_known_id_costs_microseconds():
    def cost() -> float:
        begun = time.perf_counter()
        for _ in range(1000):
            from_channel("5511987654321@s.whatsapp.net")
        return (time.perf_counter() - begun) / 1000

    assert min(cost() for _ in range(20)) < 5e-6


# ------------------------------------------------------------------ properties


@given(IDS, REGIONS)
def test_nothing_makes_it_raise(text, region):
    for subject in (from_channel(text), from_person(text, region=region)):
        assert (subject.line is not None) == (subject.kind is Kind.PHONE)
        assert (subject.digits is not None) == (subject.kind is Kind.PHONE)
        assert subject.key is None or subject.key.isascii()
        if subject.kind is Kind.PHONE:
            assert subject.e164 is not None
            assert subject.e164[1:] in subject.tries
            assert subject.digits in subject.tries
            assert subject.key in subject.tries
        dialable(subject)
        region_of(subject)


@given(IDS)
def test_a_key_is_read_as_itself(raw):
    subject = from_channel(raw)
    if subject.key is not None:
        again = from_channel(subject.key)
        assert (again.key, again.kind) == (subject.key, subject.kind)


@given(IDS, REGIONS)
def test_a_key_from_a_person_is_read_as_itself(text, region):
    subject = from_person(text, region=region)
    if subject.key is not None:
        assert from_channel(subject.key).key == subject.key


@given(IDS, IDS)
def test_sameness_is_symmetric(one, other):
    a, b = from_channel(one), from_channel(other)
    assert same(a, b) is same(b, a)
    assert same(a, a) is (a.key is not None)


@given(DDD, st.from_regex(r"\A[6-9][0-9]{7}\Z"))
def test_both_forms_of_a_brazilian_mobile_are_one_person(ddd, eight):
    new, old = from_channel(f"55{ddd}9{eight}"), from_channel(f"55{ddd}{eight}")
    assert new.key == old.key == f"55{ddd}9{eight}"
    assert new.e164 == old.e164 == f"+55{ddd}9{eight}"
    assert new.line is old.line is Line.MOBILE
    assert new.tries == old.tries
    assert new.flags == ()
    assert phonenumbers.is_valid_number(phonenumbers.parse(new.e164 or ""))
    for typed in (
        f"({ddd}) 9{eight}",
        f"0{ddd} {eight}",
        f"+55 {ddd} {eight}",
        f"00 55{ddd}9{eight}",
    ):
        assert from_person(typed, region="BR").key == new.key


def test_the_brazilian_area_codes_are_those_of_the_library():
    def known(ddd: str) -> bool:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+55{ddd}987654321"))

    assert len(BR_DDD) == 67
    assert {f"{ddd:02}" for ddd in range(100) if known(f"{ddd:02}")} == BR_DDD


@given(DDD, st.from_regex(r"\A[0-5][0-9]{7}\Z"))
def test_the_nine_is_never_dropped_where_no_old_mobile_was(ddd, eight):
    subject = from_channel(f"55{ddd}9{eight}")
    assert subject.tries == (subject.key,) == (f"55{ddd}9{eight}",)
    assert not same(subject, from_channel(f"55{ddd}{eight}"))


@given(DDD, st.from_regex(r"\A[2-5][0-9]{7}\Z"))
def test_a_brazilian_landline_never_changes(ddd, eight):
    digits = f"55{ddd}{eight}"
    subject = from_channel(digits)
    assert (subject.key, subject.e164) == (digits, f"+{digits}")
    assert subject.tries == (digits,)
    assert subject.line is Line.FIXED
    assert subject.flags == ()
    assert phonenumbers.is_valid_number(phonenumbers.parse(subject.e164 or ""))
    assert not same(subject, from_channel(f"55{ddd}9{eight}"))
    assert from_person(f"{ddd}{eight}", region="BR").key == digits


@given(DIGITS)
def test_the_rules_of_three_countries_touch_no_other(digits):
    subject = from_channel(digits)
    if subject.kind is Kind.PHONE and digits[:2] not in {"55", "52", "54"}:
        assert (subject.key, subject.e164, subject.tries) == (digits, f"+{digits}", (digits,))


@given(st.from_regex(r"\A[0-9]{10}\Z"))
def test_mexico_and_argentina_each_have_two_spellings_of_one_key(ten):
    assert same(from_channel(f"521{ten}"), from_channel(f"52{ten}"))
    assert same(from_channel(f"549{ten}"), from_channel(f"54{ten}"))


@given(st.from_regex(r"\A5(2[02-9]|4[0-8])[0-9]{10}\Z"))
def test_thirteen_digits_of_mexico_and_argentina_need_their_mobile_digit(digits):
    assert from_channel(digits).key == digits
    assert from_channel(digits).tries == (digits,)


@pytest.mark.parametrize(
    ("e164", "text"),
    [
        ("+5511987650001", "+55 11 98765-0001"),
        ("+551187650001", "+55 11 8765-0001"),
        ("+551130001234", "+55 11 3000-1234"),
        ("nobody", "nobody"),
    ],
)
def test_a_number_is_written_as_people_write_it(e164, text):
    assert readable(e164) == text
