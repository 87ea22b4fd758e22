"""Contact cards as every phone and program writes them, and as we do."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.core.content import Card, Phone
from bridge.core.vcard_reader import LARGEST, read_card, read_cards
from bridge.core.vcard_writer import write_card


def vcard(*lines: str, end: str = "\n", version: str = "3.0") -> str:
    return end.join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD"])


def read(*lines: str, **more: Any) -> Card:
    text = vcard(*lines, **more)
    found = read_card(text)
    assert found is not None
    assert found.vcard == text
    return found


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_card_of_an_android_phone(end: str) -> None:
    found = read(
        "N:Oficina;Paulo;;;",
        "FN:Paulo Oficina",
        "ORG:Oficina do Paulo\\, Ltda;Vendas",
        "TEL;type=CELL;type=VOICE;waid=5511900000002:+55 11 90000-0002",
        "TEL;TYPE=WORK:+55 11 3000-0003",
        "EMAIL;type=INTERNET:paulo@example.com",
        "EMAIL:paulo@example.com",
        "URL:https://example.com",
        "ADR;TYPE=WORK:;;Rua Inventada, 1;Recife;PE;50000-000;",
        "BDAY:1990-01-02",
        end=end,
    )
    assert found == Card(
        name="Paulo Oficina",
        phones=(
            Phone(number="+55 11 90000-0002", wa_id="5511900000002", label="CELL"),
            Phone(number="+55 11 3000-0003", label="WORK"),
        ),
        emails=("paulo@example.com",),
        organization="Oficina do Paulo, Ltda, Vendas",
        urls=("https://example.com",),
        addresses=("Rua Inventada, 1, Recife, PE, 50000-000",),
        birthday="1990-01-02",
        vcard=found.vcard,
    )


def test_the_card_of_an_iphone() -> None:
    found = read(
        "FN:Paulo",
        "item1.TEL;waid=5511900000002:+55 11 90000-0002",
        "item1.X-ABLabel:_$!<Mobile>!$_",
        "item2.TEL;type=pref:+55 11 90000-0003",
        "item2.X-ABLabel:Recados",
        "item3.EMAIL;type=INTERNET:paulo@example.com",
    )
    assert found.phones == (
        Phone(number="+55 11 90000-0002", wa_id="5511900000002", label="Mobile"),
        Phone(number="+55 11 90000-0003", label="Recados"),
    )
    assert found.emails == ("paulo@example.com",)


OLD = (
    "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:;Jos=C3=A9;;;",
    "FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Jos=C3=A9 da =",
    "Concei=C3=A7=C3=A3o",
    "ORG;CHARSET=ISO-8859-1;QUOTED-PRINTABLE:Caf=E9",
    "TEL;CELL;PREF:+55 11 90000-0002",
)


def test_an_old_card_with_quoted_printable_and_types_without_a_name() -> None:
    found = read(*OLD, version="2.1")
    assert found.name == "José da Conceição"
    assert found.organization == "Café"
    assert found.phones == (Phone(number="+55 11 90000-0002", label="CELL"),)


def test_a_card_of_version_4() -> None:
    found = read("FN:Ana", "TEL;VALUE=uri;TYPE=cell:tel:+55-11-90000-0002", version="4.0")
    assert found.phones == (Phone(number="+55-11-90000-0002", label="cell"),)


def test_long_lines_that_were_folded() -> None:
    found = read("FN:Paulo ", " Ofi", "\tcina", "TEL:+55 11 ", "  90000-0002")
    assert found.name == "Paulo Oficina"
    assert found.phones[0].number == "+55 11 90000-0002"


def test_escapes_quotes_and_colons() -> None:
    found = read(
        "FN:Paulo\\, Maria\\; e\\nfilhos",
        "ORG:A\\;B\\\\;C",
        'TEL;TYPE="a:b,work":+55 11 3000-0003',
    )
    assert found.name == "Paulo, Maria; e filhos"
    assert found.organization == "A;B\\, C"
    assert found.phones == (Phone(number="+55 11 3000-0003", label="a:b"),)


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (["FN: ", "N:Silva;Ana;Lu;Dra.;"], "Dra. Ana Lu Silva"),
        (["N:Silva\\;Souza;Ana"], "Ana Silva;Souza"),
        (["N:Silva"], "Silva"),
        (["FN:A\\nb\x07 \u202ec👩\u200d🍳"], "A b c👩\u200d🍳"),
        (["ORG:Oficina"], ""),
        (["TEL:+55 11 90000-0002"], ""),
        (["EMAIL:a@example.com"], ""),
    ],
)
def test_a_name_is_found_where_there_is_one_and_is_one_line(lines: list[str], name: str) -> None:
    assert read(*lines).name == name


@pytest.mark.parametrize("waid", ["+5511900000002", "5511900000002"])
def test_an_address_on_whatsapp_is_digits(waid: str) -> None:
    assert read(f"TEL;waid={waid}:1").phones[0].wa_id == "5511900000002"
    assert read("TEL;waid=x@evil:1").phones[0].wa_id is None


@pytest.mark.parametrize("nothing", ["", "x", vcard(), vcard("TEL:", "FN:;", ":", "TEL:;")])
def test_what_holds_nothing_is_no_card(nothing: str) -> None:
    assert read_card(nothing) is None


def test_a_long_card_is_read_and_not_kept() -> None:
    found = read_card(vcard("FN:Ana", f"PHOTO;ENCODING=b:{'A' * LARGEST}", "TEL:1"))
    assert found == Card(name="Ana", phones=(Phone(number="1"),))
    assert len(read("FN:Ana", *[f"TEL:{number}" for number in range(99)]).phones) == 20


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_several_cards_in_one_file(encoding: str) -> None:
    file = "\r\n".join([vcard("FN:São", "TEL:1", end="\r\n"), vcard(*OLD, version="2.1"), ""])
    first, second = read_cards(file.encode(encoding))
    assert (first.name, second.name) == ("São", "José da Conceição")
    assert second.vcard == vcard(*OLD, version="2.1", end="\r\n")


ANA = vcard("FN:Ana", "TEL:+55 11 90000-0001").encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\xff\xfe",
        b"%PDF-1.7",
        vcard("FN:no number").encode(),
        vcard("TEL:1190000").encode(),
        ANA.removesuffix(b"END:VCARD"),
        ANA + b"\n" + vcard("FN:x").encode(),
        (ANA + b"\n") * 21,
        ANA.ljust(LARGEST + 1),
    ],
)
def test_what_is_no_usable_file_of_cards(data: bytes) -> None:
    assert read_cards(data) == ()


_PIECES = st.sampled_from(
    [
        *("FN", "TEL", "N", ":", ";", "=", '"', "\\", "\n", "\r\n", " ", ",", "item1.", "waid="),
        *("ENCODING=QUOTED-PRINTABLE", "CHARSET=zip", "=C3=", "X-ABLABEL", "\x85", "\0", "\ud800"),
        *("é", "BEGIN:VCARD\n", "END:VCARD\n"),
    ]
)


@given(st.lists(_PIECES | st.text(max_size=5), max_size=40).map("".join))
@example("FN;QUOTED-PRINTABLE:=\n")
@example("A;QUOTED-PRINTABLE=")
@example("FN;QUOTED-PRINTABLE:\ud800")
def test_anything_is_read(text: str) -> None:
    found = read_card(text)
    assert found is None or all(len(one.number) <= 500 for one in found.phones)
    for card in read_cards(text.encode("utf-8", "replace")):
        assert card.name
        assert card.phones


_UNITS = ['"', "=\n", ";", "\\", " \n", "TEL:1\n", ":", "a=b;", "\r"]


@pytest.mark.parametrize("unit", [*_UNITS, f"{'x' * 100_000}\n" + "=\n" * 70_000])
def test_a_card_takes_time_by_its_length_alone(unit: str) -> None:
    """A quarter of a million signs: what is quadratic would take minutes."""
    began = time.process_time()
    read_card("TEL;ENCODING=QUOTED-PRINTABLE:" + unit * (250_000 // len(unit)))
    assert time.process_time() - began < 5


# ---------------------------------------------------------------------- written


def test_a_card_is_written_as_phones_read_it() -> None:
    phones = (
        Phone(number="+55 11 90000-0001", wa_id="5511900000001", label="WORK"),
        Phone(number="", wa_id="5511900000002"),
        Phone(number="0800", wa_id="1;x:y", label="a:b"),
        Phone(number=" "),
    )
    card = Card(
        name="Ana; Souza", phones=phones, emails=("a@b.example",), organization="Loja, Ltda"
    )
    assert write_card(card).split("\n") == [
        "BEGIN:VCARD",
        "VERSION:3.0",
        "N:;Ana\\; Souza;;;",
        "FN:Ana\\; Souza",
        "ORG:Loja\\, Ltda",
        "TEL;type=WORK;waid=5511900000001:+55 11 90000-0001",
        "TEL;type=CELL;waid=5511900000002:+5511900000002",
        "item3.TEL;type=CELL:0800",
        "item3.X-ABLabel:a:b",
        "EMAIL;type=INTERNET:a@b.example",
        "END:VCARD",
    ]


_TEXTS = st.lists(
    st.sampled_from(["\\", ";", ",", ":", "=", '"', "n", " ", "é", "👩\u200d🍳"]), max_size=8
).map(lambda signs: " ".join("".join(["x", *signs]).split()))
_PHONES = st.builds(
    Phone,
    number=_TEXTS,
    wa_id=st.none() | st.from_regex(r"\A[0-9]{5,20}\Z"),
    label=st.sampled_from(["CELL", "Work", "voice", "PREF"]) | _TEXTS,
)
_MANY = st.lists(_TEXTS, max_size=2, unique=True).map(tuple)


@given(
    st.builds(
        Card,
        name=_TEXTS,
        phones=st.lists(_PHONES, max_size=3).map(tuple),
        emails=_MANY,
        organization=st.none() | _TEXTS,
        urls=_MANY,
        addresses=_MANY,
        birthday=st.none() | _TEXTS,
    )
)
def test_what_we_write_reads_back_the_same(card: Card) -> None:
    written = write_card(card)
    assert read_card(written) == replace(card, vcard=written)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\u2028", "\x0b"])
def test_no_text_in_a_card_makes_a_line_of_its_own(line_end: str) -> None:
    evil = f"x{line_end}TEL:+666{line_end}END:VCARD"
    written = write_card(Card(name=evil, phones=(Phone(number=evil),), organization=evil))
    assert len(written.splitlines()) == 7
    assert written.splitlines()[3] == "FN:x TEL:+666 END:VCARD"


def test_a_card_that_came_whole_is_passed_on_and_a_broken_one_is_made_anew() -> None:
    whole = "BEGIN:VCARD\nVERSION:3.0\nFN:Ana\nX-ODD:1\nEND:VCARD"
    assert write_card(Card(name="Ana", vcard=whole + "\n")) == whole
    assert "X-ODD" not in write_card(Card(name="Ana", vcard=whole[:-3]))
    assert "FN:Loja" in write_card(Card(name=" ", organization="Loja"))
