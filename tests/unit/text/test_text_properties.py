"""What holds for any text, whoever wrote it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bridge.text
from bridge.text import markdown, neutralise_liquid, sign, split, to_chatwoot, to_whatsapp, whatsapp
from bridge.text.tree import (
    Blank,
    Bold,
    Break,
    Code,
    CodeBlock,
    Document,
    Heading,
    Inline,
    Italic,
    Item,
    Link,
    Listing,
    Paragraph,
    Plain,
    Quote,
    Rule,
    Strike,
)
from support.text_shown import shown_by_dashboard, shown_by_whatsapp

SNIPPETS = [
    *"*_~`[]()!><&\\\n -+#|=.:;1230ab é😊\t'\"{}%",
    "**", "```", "~~", "* ", "- ", "1. ", "> ", "\n\n", "* a", "_b_", "*c*", "&lt;",
    "[a](b)", "    ",
]  # fmt: skip
NASTY = st.lists(st.sampled_from(SNIPPETS), max_size=25).map("".join)
#: Texts of anything: marks, addresses, odd characters, and what Unicode has at all.
ANYTHING = st.lists(
    st.sampled_from([
        *SNIPPETS, "{{", "{%", "https://x.example/a_b", "a_b@x.example", "www.x.example", "@_a_",
        "C:\\", "1) ", "+ ", "\u200b", "\u0301", "👩\u200d👧", "ب", "\u00a0", "\u2028", "\r\n",
    ])
    | st.characters(),
    max_size=20,
).map("".join)  # fmt: skip
EXAMPLES = settings(deadline=None, max_examples=150)


@EXAMPLES
@given(NASTY)
def test_the_dashboard_shows_what_whatsapp_shows(text):
    assert shown_by_dashboard(to_chatwoot(text)) == shown_by_whatsapp(text)


@EXAMPLES
@given(NASTY.filter(lambda text: "&" not in text and "```" not in text))
def test_no_letter_is_lost_or_added_on_the_way_to_whatsapp(text):
    letters = [char for char in text if char.isalnum()]
    assert [char for char in to_whatsapp(text) if char.isalnum()] == letters


WORDS = st.text(st.sampled_from("abcçãé019"), min_size=1, max_size=6)
SENTENCES = st.lists(
    WORDS
    | st.sampled_from(["https://x.example/a_b*c", "a_b@c.example", "d_e_f", ",", "(x)", "5 * 3"]),
    min_size=1,
    max_size=6,
).map(" ".join)


@st.composite
def marked(draw) -> tuple[Inline, ...]:
    """A line of words, some of them marked, as WhatsApp can show it."""
    nodes: list[Inline] = []
    for number in range(draw(st.integers(1, 4))):
        if number:
            nodes.append(Plain(text=" "))
        text = Plain(text=draw(WORDS))
        bold, italic, strike = (kind(children=(text,)) for kind in (Bold, Italic, Strike))
        nested = Bold(children=(Plain(text="x "), italic, Plain(text="!")))
        code = Code(text=text.text, triple=draw(st.booleans()))
        plain = Plain(text=draw(SENTENCES))
        nodes.append(draw(st.sampled_from([plain, bold, italic, strike, nested, code])))
    return tuple(nodes)


PARAGRAPHS = st.lists(marked(), min_size=1, max_size=3).map(
    lambda lines: Paragraph(children=tuple(node for line in lines for node in (Break(), *line))[1:])
)
BLOCKS = st.one_of(
    PARAGRAPHS,
    st.lists(PARAGRAPHS, min_size=1, max_size=2).map(
        lambda inner: Quote(blocks=(inner[0], Blank(), *inner[1:]) if inner[1:] else (inner[0],))
    ),
    st.lists(marked(), min_size=1, max_size=3).map(
        lambda lines: Listing(
            items=tuple(Item(marker="-", blocks=(Paragraph(children=line),)) for line in lines)
        )
    ),
    st.just(CodeBlock(text="x = *1*\n  y")),
)
DOCUMENTS = st.lists(BLOCKS, min_size=1, max_size=4).map(
    lambda blocks: Document(
        blocks=tuple(block for each in blocks for block in (Blank(lines=2), each))[1:]
    )
)


@EXAMPLES
@given(DOCUMENTS)
def test_a_text_with_marks_comes_back_from_chatwoot_as_it_was(document):
    text = whatsapp.write(document)
    assert to_whatsapp(to_chatwoot(text)) == text
    assert to_whatsapp(markdown.write(document)) == text


@EXAMPLES
@given(NASTY.filter(lambda text: "\\" not in text))
def test_what_chatwoot_gets_does_not_depend_on_how_often_it_travelled(text):
    """A block of code with one line may come back as code inside a line."""
    once = to_chatwoot(text)
    again = shown_by_dashboard(to_chatwoot(to_whatsapp(once)))
    assert again.replace("<code>", "") == shown_by_dashboard(once).replace("<code>", "")


@EXAMPLES
@given(st.lists(SENTENCES, max_size=5).map("\n".join))
def test_text_without_markup_is_the_same_both_ways(text):
    assert to_whatsapp(text) == text
    assert to_chatwoot(text) == text or text.lstrip()[:1].isdigit()


def has_markup(text: str) -> bool:
    """Whether WhatsApp shows anything in a text but the text."""
    return any(
        not isinstance(block, Blank | Paragraph)
        or (
            isinstance(block, Paragraph)
            and any(not isinstance(node, Plain | Break) for node in block.children)
        )
        for block in whatsapp.read(with_line_feeds(text)).blocks
    )


def with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def lines(text: str) -> list[str]:
    """The lines of a text; not how far they are indented, which Markdown has to change."""
    return [line.strip() for line in with_line_feeds(text).rstrip().split("\n")]


@EXAMPLES
@given(ANYTHING.filter(lambda text: not has_markup(text)))
def test_any_text_without_markup_comes_back_as_it_was(text):
    assert lines(to_whatsapp(to_chatwoot(text))) == lines(text)


@EXAMPLES
@given(NASTY | ANYTHING)
def test_no_character_is_lost_on_the_way_to_chatwoot_and_back(text):
    """Only the fence of a block of code may be written in another way."""
    back = to_whatsapp(to_chatwoot(text))
    assert "".join(back.split()).replace("```", "") == "".join(text.split()).replace("```", "")


@EXAMPLES
@given(NASTY | ANYTHING)
def test_what_a_customer_sees_does_not_depend_on_how_often_it_travelled(text):
    """Code on lines of its own, and in three backticks or one, is the same."""
    seen = to_whatsapp(text)
    again, seen = (
        shown_by_whatsapp(each).replace("<code>", "").replace("```", "")
        for each in (to_whatsapp(to_chatwoot(seen)), seen)
    )
    assert again == seen


def as_typed_into_the_editor(text: str) -> str:
    """The Markdown that Chatwoot's editor makes of characters (prosemirror-markdown's `esc`)."""
    return "\\\n".join(_escaped_line(line) for line in text.split("\n"))


def _escaped_line(line: str) -> str:
    line = "".join(f"\\{char}" if char in "`*\\~[]_" else char for char in line)
    bare = line.lstrip()
    start = line[: len(line) - len(bare)]
    digits = len(bare) - len(bare.lstrip("0123456789"))
    if line.startswith(("-", ">", "+ ")) or bare.startswith("#"):
        return f"{start}\\{bare}"
    if digits and bare[digits : digits + 2] in {". ", "."}:
        return f"{start}{bare[:digits]}\\{bare[digits:]}"
    return line


@EXAMPLES
@given(ANYTHING.filter(lambda text: not any(char in text for char in "&<>\r\t+")))
def test_what_an_agent_types_into_the_editor_is_what_the_customer_reads(text):
    """What the editor escapes nowhere or not always is left out: entities, tags, plus signs."""
    read = to_whatsapp(as_typed_into_the_editor(text))
    assert [line.split() for line in lines(read)] == [line.split() for line in lines(text)]


@EXAMPLES
@given(ANYTHING)
def test_liquid_is_parted_once_and_for_all(text):
    safe = neutralise_liquid(text)
    assert neutralise_liquid(safe) == safe
    assert safe.replace("\u200b", "") == text.replace("\u200b", "")


@EXAMPLES
@given(st.text(), st.text(max_size=10))
def test_nothing_raises_on_any_text(text, name):
    to_chatwoot(text)
    to_whatsapp(text)
    neutralise_liquid(text)
    sign(text, name=name, delimiter=name)
    split(text, 7)


HOSTILE = [
    "*", "_", "~", "`", "[", "]", "](", "![", "[a](", "![a](b", ">", "> ", ">\n", "- ",
    "  - a\n", "1. ", "\\", "<", "&#", "<p>", "<ul><li>", "@", "a@", "/", "://", "http://a ",
    "www.", "```", "```\n", "```a\nb", "*a ", "a* ", "*a* ", "**a *b ", "*_~", "_a*b~c`",
    "`a``b```c", "a\n=\n", "|\n-|\n", "\n", " ", "[[a]](b)", "#", "{{", "🇧🇷", "\u0301",
    "*_[(", "*_[(a)](b)_* ", "\\a", "\\_", "a\\\n", "__a__.", "a@b.example *c* ",
    "_https://a.example/_b ", "**a**\u200a", "<li>", "<p>a\\",
]  # fmt: skip
CONVERSIONS = [to_chatwoot, to_whatsapp, neutralise_liquid, lambda text: split(text, 128)]


def steps(convert: Callable[[str], object], text: str) -> int:
    """How many lines of Python run, our own and the parser's."""
    counted = 0

    def count(_frame: FrameType, _event: str, _argument: object) -> object:
        nonlocal counted
        counted += 1
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        convert(text)
    finally:
        sys.settrace(before)
    return counted


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_repetition_takes_steps_in_proportion(unit):
    for convert in CONVERSIONS:
        few, many = (steps(convert, (unit * size)[:size]) for size in (400, 1600))
        assert many <= 6 * few + 2000, convert


@pytest.mark.parametrize("unit", HOSTILE)
@pytest.mark.timeout(60)  # part of a second as it is; for ever when what C does grows too fast
def test_long_hostile_repetition_comes_to_an_end(unit):
    for convert in CONVERSIONS:
        convert((unit * 30_000)[:30_000])


@pytest.mark.timeout(60)
def test_depth_of_many_levels_takes_time_in_proportion():
    text = "".join(" " * depth + "- a\n" for depth in range(400)) + "> " * 20_000
    to_chatwoot(text)
    to_whatsapp(text)


def test_no_regular_expression_reads_a_text():
    """Patterns know no nesting, no code and no addresses; the tree is the one way through."""
    for path in Path(bridge.text.__file__).parent.glob("*.py"):
        imported = {
            name.name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Import)
            for name in node.names
        }
        assert "re" not in imported, path.name


#: Trees that a Markdown can say and a reader gives back as they were.
SAID = st.one_of(
    PARAGRAPHS,
    st.builds(Heading, level=st.integers(1, 6), children=marked()),
    st.just(Rule()),
    st.just(CodeBlock(text="x = *1*\n\n  y_z")),
    st.builds(
        lambda text, address: Paragraph(
            children=(Link(url=address, children=(Plain(text=text),)), Plain(text=" fim"))
        ),
        WORDS,
        st.sampled_from(["https://x.example/a_b", "https://x.example/(a)", "tel:+5511900000001"]),
    ),
    st.builds(
        lambda first, inner: Listing(
            ordered=True,
            items=(
                Item(marker="1.", blocks=(Paragraph(children=first),)),
                Item(
                    marker="2.",
                    blocks=(
                        Paragraph(children=first),
                        Listing(items=(Item(marker="-", blocks=(Paragraph(children=inner),)),)),
                    ),
                ),
            ),
        ),
        marked(),
        marked(),
    ),
    st.builds(lambda line: Quote(blocks=(Quote(blocks=(Paragraph(children=line),)),)), marked()),
)


@EXAMPLES
@given(st.lists(SAID, min_size=1, max_size=3))
def test_the_tree_comes_back_from_markdown_as_it_was(blocks):
    between = (Blank(), Paragraph(children=(Plain(text="e"),)), Blank())
    spaced = [block for each in blocks for block in (*between, each)]
    document = Document(blocks=tuple(spaced[1:]))
    again = markdown.read(markdown.write(document))
    assert markdown.write(again) == markdown.write(document)
    assert whatsapp.write(again) == whatsapp.write(document)
