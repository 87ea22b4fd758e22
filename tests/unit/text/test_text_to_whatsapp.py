from __future__ import annotations

import pytest

from bridge.text import to_whatsapp


@pytest.mark.parametrize(
    ("markdown", "whatsapp"),
    [
        pytest.param("**forte** __forte__", "*forte* *forte*", id="bold"),
        pytest.param("*leve* _leve_", "_leve_ _leve_", id="italic"),
        pytest.param("***os dois***", "_*os dois*_", id="bold italic"),
        pytest.param("~~fora~~", "~fora~", id="strike"),
        pytest.param("`x_y_z` ```w```", "`x_y_z` ```w```", id="code"),
        pytest.param(
            "```py\na = *b*\n\nc\n```", "```a = *b*\n\nc```", id="fence loses its language"
        ),
        pytest.param("~~~\nx\n~~~", "```x```", id="fence of tildes"),
        pytest.param("```a\nb```", "```a\nb```", id="a fence as on WhatsApp"),
        pytest.param("foo ```a\nb``` bar", "foo ```a\nb``` bar", id="code over lines"),
        pytest.param("``` sem fim", "``` sem fim", id="a fence never closed is text"),
        pytest.param("## Título **novo**\n\ntexto", "*Título novo*\n\ntexto", id="heading"),
        pytest.param("**a\nb**", "*a*\n*b*", id="a bold over lines is set on each"),
        pytest.param("[t](https://x.example/a_b)", "t (https://x.example/a_b)", id="link"),
        pytest.param("[https://x.example](https://x.example)", "https://x.example", id="bare link"),
        pytest.param("[x.example](https://x.example/)", "https://x.example/", id="shortened link"),
        pytest.param("[a@b.example](mailto:a@b.example)", "a@b.example", id="e-mail link"),
        pytest.param("<https://x.example/a_b>", "https://x.example/a_b", id="autolink"),
        pytest.param("[**t**](https://x.example)", "*t* (https://x.example)", id="bold link"),
        pytest.param(
            "![foto](https://x.example/p_1.png)", "foto (https://x.example/p_1.png)", id="image"
        ),
        pytest.param(
            "![](https://x.example/p.png)", "https://x.example/p.png", id="image without text"
        ),
        pytest.param("[@Nome](mention://user/3/Nome) oi", "@Nome oi", id="mention"),
        pytest.param("- a\n- **b**\n  - c", "- a\n- *b*\n  - c", id="list"),
        pytest.param("* a\n* *b*", "* a\n* _b_", id="list of stars"),
        pytest.param("+ 20 de frete", "+ 20 de frete", id="a plus stays a plus"),
        pytest.param("1. a\n2. *b*", "1. a\n2. _b_", id="numbers"),
        pytest.param("2. sim\n7. *não*", "2. sim\n7. _não_", id="numbers as typed"),
        pytest.param("1) *a*\n2) b", "1) _a_\n2) b", id="numbers with brackets"),
        pytest.param("- *a*\n\n- b", "- _a_\n\n- b", id="list with empty lines"),
        pytest.param("> **a**\n> b", "> *a*\n> b", id="quote"),
        pytest.param("> *a*\nresposta", "> _a_\nresposta", id="no lazy quote"),
        pytest.param("- *a*\nfim", "- _a_\nfim", id="no lazy item"),
        pytest.param("*a*\n\n---\n\nb", "_a_\n\n---\n\nb", id="rule"),
        pytest.param("a\\\nb\\\n\\\nc", "a\nb\n\nc", id="hard breaks"),
        pytest.param("fim\\", "fim", id="a hard break at the end"),
        pytest.param("fim\\\n", "fim", id="a hard break before nothing"),
        pytest.param("\\*a\\* \\_b\\_ 1\\. \\[c\\] \\\\", "*a* _b_ 1. [c] \\", id="escapes"),
        pytest.param("a &amp; b &#39;c&#39; &lt;", "a & b 'c' <", id="entities"),
        pytest.param("a<br>b<br />\nc", "a\nb\nc", id="line breaks of HTML"),
        pytest.param("*a*\r\nb\r\n\r\nc", "_a_\nb\n\nc", id="line ends of Windows"),
        pytest.param("*a*  \n\n\n", "_a_", id="nothing trails"),
        pytest.param("2*3*4 e a**b**c", "2*3*4 e a**b**c", id="no marks inside a word"),
        pytest.param("**Oi**amor", "Oiamor", id="a mark WhatsApp could not read is left out"),
        pytest.param("#", "#", id="an empty heading"),
        pytest.param(">", ">", id="an empty quote"),
        pytest.param("[]()", "[]()", id="an empty link"),
        pytest.param("``a`b``", "```a`b```", id="code with a backtick"),
    ],
)
def test_markdown_is_translated(markdown, whatsapp):
    assert to_whatsapp(markdown) == whatsapp


@pytest.mark.parametrize(
    "text",
    [
        "Olá!\nTudo bem?\n\n\nAté",
        "https://x.example/_a_b*c*d?e=~~f~~",
        "https://x.example/Rosa_(flor) e joao_s_x@mail.example",
        "snake_case_name",
        "5 * 3 * 2",
        "-- \nAna",
        "Total\n---\n10",
        "a | b\n--|--\n1 | 2",
        "[x]: https://x.example\n[x]",
        "  recuo\n     mais recuo * 2\n\ttab",
        "<b>oi</b> <p>",
        "Oi\n2. dois\n5. cinco",
        "pé d`água e d`água",
        "1. a\n1. b\n- c",
        "&nada; AT&T",
        "~~~~1",
        "```1\n\n2",
        "\n\ncomeço *",
    ],
)
def test_text_without_markup_stays_as_it_is(text):
    assert to_whatsapp(text) == text


def test_very_deep_quotes_lists_and_marks_keep_their_text():
    assert to_whatsapp("> " * 50 + "fundo").endswith("fundo")
    assert to_whatsapp("- " * 50 + "fundo").endswith("fundo")
    assert "fundo" in to_whatsapp("**a *b " * 300 + "fundo" + "* c**" * 300)


@pytest.mark.parametrize(
    ("html", "whatsapp"),
    [
        (
            "<p>Olá <strong>Ana</strong><br />\nlinha</p>\n<p>x &amp; y</p>\n",
            "Olá *Ana*\nlinha\n\nx & y",
        ),
        ("<p>a\nb</p>", "a\nb"),
        ("<ul>\n<li>a</li>\n<li><em>b</em></li>\n</ul>", "- a\n- _b_"),
        ("<ol><li><p>a</p></li><li>b</li></ol>", "1. a\n2. b"),
        ("<blockquote>\n<p>a</p>\n<p>b</p></blockquote>", "> a\n\n> b"),
        ("<pre><code>x\n  y\n</code></pre>", "```x\n  y```"),
        (
            '<p><a href="https://x.example/?a=1&amp;b=2">t</a> <code>c</code></p>',
            "t (https://x.example/?a=1&b=2) `c`",
        ),
        ("<h2>T</h2><hr /><p><del>x</del></p>", "*T*\n\n---\n\n~x~"),
        ("<p>1 < 2 <x> </em></p>", "1 < 2 <x>"),
        ('<p><img src="https://x.example/a.png" alt="f"></p>', "f (https://x.example/a.png)"),
        ("<p>aberto <strong>sem fim</p>", "aberto *sem fim*"),
    ],
)
def test_html_that_chatwoot_rendered_is_read(html, whatsapp):
    assert to_whatsapp(html) == whatsapp


def test_a_text_about_html_is_not_taken_for_html():
    assert to_whatsapp("<p> é um parágrafo") == "<p> é um parágrafo"
    assert to_whatsapp("use <p>x</p>") == "use <p>x</p>"
