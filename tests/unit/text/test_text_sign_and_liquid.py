from __future__ import annotations

import pytest

from bridge.text import neutralise_liquid, sign


@pytest.mark.parametrize(
    ("delimiter", "expected"),
    [
        (None, "*Marina:*\noi"),
        ("", "*Marina:*\noi"),
        ("\\n", "*Marina:*\noi"),
        ("\\n\\n", "*Marina:*\n\noi"),
        (" - ", "*Marina:* - oi"),
    ],
)
def test_the_delimiter_stands_between_name_and_text(delimiter, expected):
    assert sign("oi", name="Marina", delimiter=delimiter) == expected


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("*Ana*\n_B_ `c`~", "Ana B c"),
        ("  Ana \t B ", "Ana B"),
        ("A\u202eB\x00", "AB"),
        ("A" * 300, "A" * 100),
    ],
)
def test_a_name_cannot_break_its_bold(name, shown):
    assert sign("oi", name=name, delimiter=None) == f"*{shown}:*\noi"


def test_without_a_name_nothing_is_signed_and_without_text_the_name_stands_alone():
    assert sign("oi", name=" ** ", delimiter=None) == "oi"
    assert sign("", name="Ana", delimiter=None) == "*Ana:*"


@pytest.mark.parametrize("text", ["{{x}}", "{{{{{", "{%if%}", "{{%", "a {{ b }} {% c %}"])
def test_liquid_is_parted_and_still_reads_alike(text):
    safe = neutralise_liquid(text)
    assert "{{" not in safe
    assert "{%" not in safe
    assert safe.replace("\u200b", "") == text


def test_text_without_liquid_stays():
    assert neutralise_liquid("{ a } 10% {b}") == "{ a } 10% {b}"
