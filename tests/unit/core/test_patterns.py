"""Patterns that people write: the usual ones pass, those that would eat the memory do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.patterns import fault_of


@pytest.mark.parametrize(
    "pattern",
    [
        r"^oi\b",
        r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}",
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        r"(?i)(or[çc]amento|pre[çc]o)s?",
        r"a{0,5000}",
        "{oi}",
    ],
)
def test_a_usual_pattern_can_be_used(pattern: str) -> None:
    assert fault_of(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "(a{1000}){1000}",
        "((a{60}){60}){60}",
        "(?x) (a{1000}) { 1000 }",
        "(?:a{1000}|b{1000}){900}",
        "a{999999999}",
        "(" * 800,
        "(oi",
        r"\p{Nobody}",
        "(?P<a>x)(?P<a",
    ],
)
def test_a_pattern_that_cannot_be_used_says_why(pattern: str) -> None:
    assert fault_of(pattern)


@given(st.text(alphabet=r"ab()[]{}|?*+.\^$0123456789,:<>P!=-", max_size=60))
def test_no_text_breaks_the_check(pattern: str) -> None:
    assert fault_of(pattern) is None or fault_of(pattern)
