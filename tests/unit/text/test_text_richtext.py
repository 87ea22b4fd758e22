"""Typebot's rich text as WhatsApp text: the measured cases, and where ours is better on purpose."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.text import richtext_reader, whatsapp
from bridge.text.tree import Blank, Heading, Listing, Paragraph

CASES = {
    case["name"]: case
    for case in json.loads(
        (
            Path(__file__).parents[2] / "contract" / "typebot" / "richtext-to-whatsapp.json"
        ).read_text("utf-8")
    )
}
#: typebot-api.md 2.2, "where a bridge should be better", and what WhatsApp would show as it is.
BETTER = {
    "link same text": "https://e.com/a",
    "link no url": "nourl",
    "ul": "- a\n- b",
    "p ul p": "x\n- a\n- b\ny",
    "p empty ul empty p": "x\n\n- a\n\ny",
    "ul then ol": "- a\n\n1. b",
    "ul bold item": "- *a* b",
    "nested ul": "- a\n  - a1\n  - a2\n- b",
    "nested ol in ul": "- a\n  1. a1",
    "ul link": "- e (https://e.com)",
    "h1": "*H*",
    "h2": "*H*",
    "inline-variable (old API)": "Hi Ana!",
    "variable element (old)": "Ana",
    # A mark counts at the border of a word and within its line alone.
    "intraword bold": "intraword",
    "bold with newline": "*a*\n*b*",
    # The blank between two equal marks is in both of them.
    "bold then bold italic": "*a _b_ c*",
}


def shown(*elements):
    return whatsapp.write(richtext_reader.read(list(elements)))


def p(*leaves):
    return {"type": "p", "children": list(leaves)}


def leaf(text, **marks):
    return {"text": text, **marks}


def link(url, *leaves):
    return {"type": "a", "url": url, "children": list(leaves)}


def ul(*items):
    return {"type": "ul", "children": [{"type": "li", "children": list(item)} for item in items]}


def lic(*leaves):
    return {"type": "lic", "children": list(leaves)}


@pytest.mark.parametrize("name", CASES)
def test_a_measured_tree(name):
    case = CASES[name]
    assert shown(*case["richText"]) == BETTER.get(name, case["whatsapp"])


def test_all_measured_trees_are_here_and_the_better_ones_differ():
    assert len(CASES) == 71
    assert all(CASES[name]["whatsapp"] != ours for name, ours in BETTER.items())


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        pytest.param([p(leaf("*já em negrito*"))], "*já em negrito*", id="marks by hand stay"),
        pytest.param(
            [p(link("https://e.com/a", leaf("https://e.com/a", bold=True)))],
            "https://e.com/a",
            id="a bold address is told once",
        ),
        pytest.param([p(link("", leaf("só texto")))], "só texto", id="a link to nowhere"),
        pytest.param([p(link(None, leaf("a"), leaf("b", bold=True)))], "ab", id="no address"),
        pytest.param(
            [p(leaf("Total: "), leaf("R$ 5", bold=True), leaf(" "), leaf("hoje", italic=True))],
            "Total: *R$ 5* _hoje_",
            id="neighbours",
        ),
        pytest.param(
            [p(leaf("a", bold=True), leaf("b", bold=True, italic=True), leaf("c", italic=True))],
            "*ab*_c_",
            id="of marks that cross inside a word the longest",
        ),
        pytest.param(
            [p(leaf("a ", bold=True), leaf("b ", bold=True, italic=True), leaf("c", italic=True))],
            "*a _b_* _c_",
            id="marks that cross at words",
        ),
        pytest.param(
            [p(leaf("a ", bold=True, italic=True), leaf("b", bold=True))],
            "*_a_ b*",
            id="the mark of the most is outside",
        ),
        pytest.param([p(leaf("x", code=True), leaf("y", code=True))], "`xy`", id="code is one"),
        pytest.param([p(leaf("x", code=True, bold=True))], "*`x`*", id="bold code"),
        pytest.param(
            [{"type": "h1", "children": [leaf("H", bold=True)]}, p(leaf("t"))],
            "*H*\n\nt",
            id="a heading is apart",
        ),
        pytest.param(
            [p(leaf("t")), p(leaf("")), {"type": "h1", "children": [leaf("H")]}],
            "t\n\n*H*",
            id="but not twice",
        ),
        pytest.param([ul([lic(leaf(""))])], "-", id="an empty item"),
        pytest.param([{"type": "ul"}, p(leaf("x"))], "\nx", id="an empty list"),
        pytest.param([leaf("ohne "), leaf("Absatz")], "ohne Absatz", id="leaves without a p"),
        pytest.param(
            [{"type": "mystery", "children": [leaf("inside")]}], "inside", id="unknown inline"
        ),
        pytest.param(
            [{"type": "mystery", "children": [p(leaf("a")), p(leaf("b"))]}],
            "a\nb",
            id="unknown wrapper",
        ),
        pytest.param(
            [{"type": "variable", "children": [p(leaf("a")), ul([lic(leaf("b"))])]}],
            "a\n- b",
            id="a variable of several blocks",
        ),
        pytest.param(
            [{"type": "mystery", "children": [leaf(text)]} for text in "ab"],
            "a\nb",
            id="unknown blocks do not run into each other",
        ),
        pytest.param(
            [
                {
                    "type": "table",
                    "children": [
                        {
                            "type": "tr",
                            "children": [
                                {"type": "td", "children": [leaf("a")]},
                                {"type": "td", "children": [p(leaf("b"))]},
                            ],
                        }
                    ],
                }
            ],
            "a\nb",
            id="nor those in them",
        ),
        pytest.param(
            [
                {
                    "type": "ul",
                    "children": [{"type": "li", "children": [lic(leaf("a")), lic(leaf("b"))]}],
                }
            ],
            "- a\n  b",
            id="nor the lines of an item",
        ),
        pytest.param(
            [p(leaf("oi "), {"type": "mention", "children": [leaf("Ana")]}, leaf("!"))],
            "oi Ana!",
            id="within a line they do",
        ),
        pytest.param(
            [ul([lic(leaf("oi "), {"type": "mention", "children": [leaf("Ana")]}, leaf("!"))])],
            "- oi Ana!",
            id="also in an item",
        ),
        pytest.param(
            [
                p(leaf("veja")),
                {"type": "img", "url": "https://e.com/a.png", "children": [leaf("")]},
            ],
            "veja\nhttps://e.com/a.png",
            id="the address of what is unknown",
        ),
        pytest.param(
            [p({"type": "link", "url": "https://e.com", "children": [leaf("aqui")]})],
            "aqui (https://e.com)",
            id="a link by another name",
        ),
        pytest.param([p(p(leaf("a")), p(leaf("b")), leaf("c"))], "a\nb\nc", id="lines in a p"),
        pytest.param([p(ul([lic(leaf("a"))]))], "- a", id="a list in a p"),
        pytest.param([p(leaf("a\r\nb\0"))], "a\nb", id="line ends and NUL"),
        pytest.param([p(leaf("a")), p(leaf("")), p(leaf(""))], "a", id="empty lines at the end"),
        pytest.param([p(leaf(" \u00a0 ", bold=True))], " \u00a0 ", id="marked blanks"),
        pytest.param(
            [{"type": "code_block", "children": [{"type": "code_line", "children": []}]}],
            "",
            id="no code",
        ),
        pytest.param(
            [{"type": "blockquote", "children": [p(leaf("a")), p(leaf("b"))]}],
            "> a\n> b",
            id="a quote of lines",
        ),
    ],
)
def test_what_was_not_measured(elements, expected):
    assert shown(*elements) == expected


def test_the_tree_has_the_blocks_of_the_text():
    document = richtext_reader.read(
        [{"type": "h2", "children": [leaf("a")]}, p(leaf("b")), ul([lic(leaf("c"))])]
    )
    assert [type(block) for block in document.blocks] == [Heading, Blank, Paragraph, Listing]


def nested(kind, depth):
    element = leaf("deep", bold=True)
    for _ in range(depth):
        element = {"type": kind, "children": [element]}
    return element


@pytest.mark.parametrize("kind", ["p", "ul", "li", "blockquote", "a", "variable", "h1", "x"])
def test_depth_is_no_danger(kind):
    assert "deep" in shown(nested(kind, 900))


def test_a_megabyte_takes_no_time():
    before = time.process_time()
    shown(p(leaf("palavra " * 150_000, bold=True)))
    shown(p(*(leaf("x ", bold=at % 2 == 0, italic=at % 3 == 0) for at in range(60_000))))
    shown(*(p(leaf("linha")) for _ in range(60_000)))
    assert time.process_time() - before < 5


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from(["p", "a", "ul", "li", "h1", "code_block", "hr", "x"]),
                "children": st.lists(inner, max_size=3) | inner,
                "text": st.text(max_size=5) | inner,
                "url": inner,
                "bold": st.booleans() | inner,
                "code": st.booleans(),
            },
        )
    ),
    max_leaves=12,
)


@given(JSONS)
def test_no_json_is_too_strange(tree):
    assert isinstance(whatsapp.write(richtext_reader.read(tree)), str)


@given(st.lists(st.tuples(st.text("ab \n", max_size=4), st.booleans(), st.booleans()), max_size=6))
def test_no_letter_is_lost(pieces):
    text = shown(p(*(leaf(text, bold=b, italic=i) for text, b, i in pieces)))
    assert [c for c in text if c in "ab"] == [
        c for piece, _, _ in pieces for c in piece if c in "ab"
    ]
