"""What holds for any text. The dashboard is played by a stock markdown-it with its settings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bridge.text import markdown, neutralise_liquid, sign, split, to_chatwoot, to_whatsapp, whatsapp
from bridge.text.tree import (
    Blank,
    Block,
    Bold,
    Break,
    Code,
    CodeBlock,
    Document,
    Inline,
    Italic,
    Item,
    Listing,
    Paragraph,
    Plain,
    Quote,
    Strike,
)

DASHBOARD = MarkdownIt("js-default", {"html": False, "breaks": True})
NAMES = {"strong": "B", "em": "I", "s": "S", "blockquote": "Q"}
HAIR = "\u200a"

SNIPPETS = [
    *"*_~`[]()!><&\\\n -+#|=.:;1230ab é😊\t'\"{}%",
    "**", "```", "~~", "* ", "- ", "1. ", "> ", "\n\n", "* a", "_b_", "*c*", "&lt;",
    "[a](b)", "    ",
]  # fmt: skip
NASTY = st.lists(st.sampled_from(SNIPPETS), max_size=25).map("".join)
EXAMPLES = settings(deadline=None, max_examples=300)


def shown_by_dashboard(source: str) -> str:
    """What the dashboard shows, without white space: text, marks, quotes, numbers."""
    shown: list[str] = []
    numbers: list[int | None] = []
    for token in DASHBOARD.parse(source):
        match token.type:
            case "inline":
                for each in token.children or []:
                    shown.append(each.content if each.tag not in NAMES else "")
                    shown.append(f"<{NAMES[each.tag]}{each.nesting}>" if each.tag in NAMES else "")
                    shown.append("<link>" if each.type in {"link_open", "image"} else "")
            case "fence" | "code_block":
                shown.append("<code>" + token.content)
            case "ordered_list_open" | "bullet_list_open":
                start = token.attrGet("start")
                first = 1 if start is None else int(start)
                numbers.append(first if token.type == "ordered_list_open" else None)
            case "ordered_list_close" | "bullet_list_close":
                numbers.pop()
            case "list_item_open" if numbers[-1] is not None:
                shown.append(f"{numbers[-1]}.")
                numbers[-1] += 1
            case "blockquote_open" | "blockquote_close":
                shown.append(f"<Q{token.nesting}>")
            case "hr" | "heading_open" | "table_open":
                shown.append(f"<{token.type}>")
    return "".join("".join(shown).split()).replace(HAIR, "")


def shown_by_whatsapp(source: str) -> str:
    return "".join("".join(_blocks(whatsapp.read(source).blocks)).split())


def _blocks(blocks: tuple[Block, ...]) -> list[str]:
    shown: list[str] = []
    for block in blocks:
        match block:
            case Paragraph(children=children):
                shown += _inline(children)
            case CodeBlock(text=text):
                shown.append("<code>" + text)
            case Quote(blocks=inner):
                shown += ["<Q1>", *_blocks(inner), "<Q-1>"]
            case Listing(items=items, ordered=ordered):
                for item in items:
                    shown.append(f"{int(item.marker[:-1])}." if ordered else "")
                    shown += _blocks(item.blocks)
    return shown


def _inline(nodes: tuple[Inline, ...]) -> list[str]:
    shown: list[str] = []
    for node in nodes:
        match node:
            case Plain(text=text) | Code(text=text):
                shown.append(text)
            case Bold(children=children):
                shown += ["<B1>", *_inline(children), "<B-1>"]
            case Italic(children=children):
                shown += ["<I1>", *_inline(children), "<I-1>"]
            case Strike(children=children):
                shown += ["<S1>", *_inline(children), "<S-1>"]
    return shown


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


@EXAMPLES
@given(st.text(), st.text(max_size=10))
def test_nothing_raises_on_any_text(text, name):
    to_chatwoot(text)
    to_whatsapp(text)
    neutralise_liquid(text)
    sign(text, name=name, delimiter=name)
    split(text, 7)


@pytest.mark.parametrize(
    "unit",
    [
        "*", "_", "~", "`", "[", "]", "](", "![", "[a](", "![a](b", ">", "> ", ">\n", "- ",
        "  - a\n", "1. ", "\\", "<", "&#", "<p>", "<ul><li>", "@", "a@", "/", "://", "http://a ",
        "www.", "```", "```\n", "```a\nb", "*a ", "a* ", "*a* ", "**a *b ", "*_~", "_a*b~c`",
        "`a``b```c", "a\n=\n", "|\n-|\n", "\n", " ", "[[a]](b)", "#", "{{", "🇧🇷", "\u0301",
    ],
)  # fmt: skip
@pytest.mark.timeout(60)  # half a second as it is; for ever when it grows with the square
def test_hostile_repetition_takes_time_in_proportion(unit):
    text = (unit * 100_000)[:100_000]
    for convert in (to_chatwoot, to_whatsapp, neutralise_liquid, lambda each: split(each, 4096)):
        convert(text)


@pytest.mark.timeout(60)
def test_depth_of_many_levels_takes_time_in_proportion():
    text = "".join(" " * depth + "- a\n" for depth in range(400)) + "> " * 20_000
    to_chatwoot(text)
    to_whatsapp(text)
