from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.text import split

PIECES = st.sampled_from(
    [
        "a", "bcd ", "palavra ", "\n", "\n\n", ". ", "? ", " ", "🇧🇷", "👨‍👩‍👧", "👍🏽", "e\u0301",
        "https://x.example/a_b ", "https://x.example/longo/caminho", "```", "```\n", "\u200b",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=60).map("".join)


def squeezed(text: str) -> str:
    return "".join(text.split()).replace("```", "")


@settings(deadline=None, max_examples=400)
@given(TEXTS, st.integers(1, 80))
def test_parts_fit_and_lose_nothing_but_white_space(text, limit):
    parts = split(text, limit)
    assert all(part.strip() and len(part) <= limit for part in parts)
    assert squeezed("".join(parts)) == squeezed(text)


@settings(deadline=None, max_examples=200)
@given(TEXTS.filter(lambda text: text.count("```") % 2 == 0), st.integers(40, 90))
def test_code_is_closed_in_every_part(text, limit):
    assert all(part.count("```") % 2 == 0 for part in split(text, limit))


WHOLE = ["🇧🇷", "👨‍👩‍👧", "👍🏽", "e\u0301", "❤\ufe0f", "1\ufe0f\u20e3", "https://x.example/a_(b)"]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from([*WHOLE, "a", "bc", " ", "\n", ". "]), max_size=40).map(" ".join)
    | st.lists(st.sampled_from(WHOLE[:-1]), max_size=40).map("".join),
    st.integers(24, 60),
)
def test_no_cut_goes_through_what_belongs_together(text, limit):
    parts = split(text, limit)
    for whole in WHOLE:
        assert sum(part.count(whole) for part in parts) == text.count(whole)


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        pytest.param("curto", 10, ["curto"], id="fits"),
        pytest.param("  \n", 1, [], id="nothing to send"),
        pytest.param("um dois.\n\ntrês quatro", 14, ["um dois.", "três quatro"], id="paragraph"),
        pytest.param("um dois\ntrês quatro", 12, ["um dois", "três quatro"], id="line"),
        pytest.param("Um dois. Três quatro", 14, ["Um dois.", "Três quatro"], id="sentence"),
        pytest.param("um dois três", 9, ["um dois", "três"], id="word"),
        pytest.param("abcdefgh", 3, ["abc", "def", "gh"], id="inside a word"),
        pytest.param("ab👨‍👩‍👧cd", 5, ["ab", "👨‍👩‍👧", "cd"], id="a family stays together"),
        pytest.param("a🇧🇷🇵🇹", 4, ["a🇧🇷", "🇵🇹"], id="flags stay whole"),
        pytest.param("aae\u0301", 3, ["aa", "e\u0301"], id="accents stay on their letters"),
        pytest.param("vê,https://x.example/abc", 21, ["vê,", "https://x.example/abc"], id="URL"),
    ],
)
def test_where_a_text_is_cut(text, limit, parts):
    assert split(text, limit) == parts


def test_code_that_is_cut_is_opened_again():
    code = "\n".join(f"linha {number}" for number in range(12))
    first, second, *rest = split(f"```{code}```", 60)
    assert first.startswith("```linha 0")
    assert first.endswith("```")
    assert second.startswith("```linha")
    assert all(part.endswith("```") for part in (second, *rest))


def test_a_limit_below_one_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="limit"):
        split("a", 0)
