"""Numbers as people write them: certain, in doubt, or none."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.amounts import amounts, marks_of, several

COMMA, POINT, BOTH = frozenset({","}), frozenset({"."}), frozenset({",", "."})


def read(text: str, marks: frozenset[str] = COMMA) -> list[str]:
    return [one.written for one in amounts(text, marks=marks)]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("7", "7"),
        (" 7 ", "7"),
        ("-3", "-3"),
        ("\u22123", "-3"),
        ("007", "007"),
        ("01310100", "01310100"),
        ("5.0", "5.0"),
        ("1,5", "1.5"),
        ("1.5", "1.5"),
        (",5", "0.5"),
        ("0,500", "0.500"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1.234.567", "1234567"),
        ("12.345.678,9", "12345678.9"),
        ("1 000", "1000"),
        ("1'500", "1500"),
        ("R$ 1.500,00", "1500.00"),
        ("1500 reais", "1500"),
        ("7 apples", "7"),
        ("80kg", "80"),
        ("10%", "10"),
        ("tenho 7 filhos", "7"),
        ("7 e meio", "7.5"),
        ("2 mil", "2000"),
        ("1,5 milhão", "1500000"),
        ("dois mil", "2000"),
        ("sete", "7"),
        ("mil e duzentos", "1200"),
        ("cinco mil e 500 reais", "5500"),
        ("2 milhões e meio", "2500000"),
        ("vinte e cinco anos", "25"),
        ("7 (sete)", "7"),
        ("menos 3", "-3"),
        ("seven", "7"),
        ("９", "9"),
        ("7️⃣", "7"),
        ("1e1", "1e1"),
    ],
)
def test_a_number_is_read(text: str, written: str) -> None:
    assert read(text) == [written]


def test_thousands_and_decimals_are_told_apart_by_the_place() -> None:
    assert read("1.500", COMMA) == ["1500"]
    assert read("1.500", POINT) == ["1.500"]
    assert read("1,500", COMMA) == ["1.500"]
    assert read("1,500", POINT) == ["1500"]
    assert set(read("1.500", BOTH)) == {"1500", "1.500"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "½",
        "2½",
        "5²",
        "7 ou 8",
        "14:30",
        "25/12",
        "1.2.3",
        "um momento",
        "1 ou dois",
        "2 dúzias",
        "2 kg e meio",
        "7 ou mais",
        "sete lagoas",
        "dois ou três",
        "9" * 50,
        "1" * 5000,
        "11 98765-4321",
        "não sei",
    ],
)
def test_what_is_no_number(text: str) -> None:
    assert read(text) == []


def test_several_numbers_are_known_as_such() -> None:
    assert several("7 ou 8")
    assert not several("1.500,00")


@pytest.mark.parametrize(
    ("language", "country", "marks"),
    [
        ("pt_BR", "BR", COMMA),
        ("pt_BR", None, COMMA),
        ("en", "US", POINT),
        ("en", None, POINT),
        ("es", None, COMMA),
        ("es", "AR", COMMA),
        ("es", "MX", POINT),
        pytest.param("en", "BR", BOTH, id="language and country contradict each other"),
        pytest.param("pt_BR", "US", BOTH, id="a Brazilian in the United States"),
    ],
)
def test_which_mark_is_before_decimals(
    language: str, country: str | None, marks: frozenset[str]
) -> None:
    assert marks_of(language=language, country=country) == marks


@given(text=st.text(max_size=250))
def test_no_text_is_too_strange(text: str) -> None:
    for one in amounts(text, marks=BOTH):
        assert Decimal(one.written) == one.value
    several(text)


@given(value=st.integers(-(10**12), 10**12), cents=st.integers(0, 99))
def test_money_is_read_in_both_ways_of_writing(value: int, cents: int) -> None:
    written = f"{value:,}.{cents:02}"
    swapped = written.translate(str.maketrans(",.", ".,"))
    sign = "-" if value < 0 else ""
    expected = f"{sign}{abs(value)}.{cents:02}"
    if abs(value) >= 1000:
        assert read(written, POINT) == read(swapped, COMMA) == [expected]
