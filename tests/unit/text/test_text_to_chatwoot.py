from __future__ import annotations

import pytest

from bridge.text import to_chatwoot
from bridge.text.tree import Bold, Italic, Item, Listing, Paragraph, Plain, Quote
from bridge.text.whatsapp import read


@pytest.mark.parametrize(
    ("whatsapp", "markdown"),
    [
        pytest.param("*forte*", "**forte**", id="bold"),
        pytest.param("_leve_", "_leve_", id="italic"),
        pytest.param("~fora~", "~~fora~~", id="strike"),
        pytest.param("*_os dois_*", "**_os dois_**", id="bold italic"),
        pytest.param("_*os dois*_", "_**os dois**_", id="italic bold"),
        pytest.param("~*_tudo_*~", "~~**_tudo_**~~", id="all three"),
        pytest.param('(*a*), "_b_"!', '(**a**), "_b_"!', id="marks beside punctuation"),
        pytest.param("*a b* e *c*", "**a b** e **c**", id="two bolds"),
        pytest.param("2 *3 e *forte*", "2 \\*3 e **forte**", id="the later opener counts"),
        pytest.param("`x = *y*`", "`x = *y*`", id="code"),
        pytest.param("```x = _y_```", "```x = _y_```", id="monospace in a line"),
        pytest.param("```a\n *b*```", "```\na\n *b*\n```", id="code over lines becomes a fence"),
        pytest.param("veja ```a\nb``` ok", "veja \n```\na\nb\n```\n ok", id="code between text"),
        pytest.param("*Oi!*😊", "**Oi!**\u200a😊", id="a bold that ends with ! before an emoji"),
        pytest.param("_oi_😊", "*oi*😊", id="an italic before an emoji"),
        pytest.param("`a``b`", "\\`a\\`\\`b\\`", id="double backticks are no code"),
        pytest.param("> *nota*\n> fim", "> **nota**\n> fim", id="quote"),
        pytest.param(
            "> pergunta\nresposta", "> pergunta\n\nresposta", id="an answer leaves the quote"
        ),
        pytest.param("- a\n- b\nfim", "- a\n- b\n\nfim", id="text leaves the list"),
        pytest.param("1. a\n   - b\n2. c", "1. a\n   - b\n2. c", id="nested list"),
        pytest.param("2. sim\n7. não", "2. sim\n7\\. não", id="a number out of turn stays"),
        pytest.param("1. a\n\n5. b", "1. a\n\n5\\. b", id="also after an empty line"),
        pytest.param("1. a\n\ne\n\n5. b", "1. a\n\ne\n\n5. b", id="a new list begins anywhere"),
    ],
)
def test_marks_are_translated(whatsapp, markdown):
    assert to_chatwoot(whatsapp) == markdown


@pytest.mark.parametrize(
    "text",
    [
        "Olá, tudo bem?\nQuero 2 bolos - um de cenoura (sem açúcar).\n\nObrigada! R$ 10,00 + frete",
        "https://x.example/a_b_c?d=*e*&f=[1]#_g_",
        "veja https://pt.wiki.example/Rosa_(flor)_vermelha, é _linda",
        "www.loja.example/p_1/q_2 e loja.example/*promo*/x",
        "joao_da_silva@mail.example e _x@y",
        "snake_case_name e outro_nome_aqui e CONSTANTE_DE_TESTE",
        "5 * 3 = 15 e 4 * 4 = 16",
        "* sozinho no fim *",
        "nota *1 sem fim",
        "a ~ b ~ c ~10",
        "#promo #1 e c#",
        "-5 graus, +55 11 90000-0000",
        "A & B <3 <- c && d; e",
        "[anotação] (fim) [x]",
        "barra \\ sozinha e C:\\pasta\\nova",
        "1.000 unidades\n2.5 kg\n10:30 chego",
        "Lista\n2. dois\n3. três",
        "ponto.\n\n\n\nlonge",
        "fim com espaço \n",
        "=)",
        "|",
        "",
    ],
)
def test_text_that_markdown_does_not_misread_stays_as_it_is(text):
    assert to_chatwoot(text) == text


@pytest.mark.parametrize(
    ("whatsapp", "markdown"),
    [
        ("2*3*4", "2\\*3\\*4"),
        ("*a*b", "\\*a\\*b"),
        ("a_b_ c", "a_b_ c"),
        ("**dois**", "\\*\\*dois\\*\\*"),
        ("__init__", "\\_\\_init\\_\\_"),
        ("@_maria_", "@\\_maria\\_"),
        ("~~ondas~~", "\\~\\~ondas\\~\\~"),
        ("d`água e pé d`água", "d\\`água e pé d\\`água"),
        ("```aberto", "\\`\\`\\`aberto"),
        ("~~~", "\\~\\~\\~"),
        ("# 1 pedido", "\\# 1 pedido"),
        (">_<", "\\>_<"),
        ("+ frete", "\\+ frete"),
        ("1) um\n2) dois", "1\\) um\n2) dois"),
        ("Total\n---", "Total\n\\---"),
        ("Total\n===", "Total\n\\==="),
        ("---", "\\---"),
        ("* * *", "\\* * *"),
        ("- - -", "\\- - -"),
        ("[t](https://x.example)", "[t\\](https://x.example)"),
        ("[x]: y", "\\[x]: y"),
        ("&lt;b&gt;", "\\&lt;b\\&gt;"),
        ("<https://x.example>", "\\<https://x.example>"),
        ("¯\\_(ツ)_/¯", "¯\\\\_(ツ)_/¯"),
        ("fim\\\nlinha", "fim\\\\\nlinha"),
        ("a | b\n--|--", "a | b\n\\--|--"),
        ("    recuo", "\u00a0\u00a0\u00a0\u00a0recuo"),
    ],
)
def test_only_what_markdown_would_misread_is_escaped(whatsapp, markdown):
    assert to_chatwoot(whatsapp) == markdown


def test_marks_do_not_cross_lines_or_each_other():
    assert to_chatwoot("*a\nb*") == "\\*a\nb\\*"
    assert to_chatwoot("*a _b* c_") == "**a \\_b** c\\_"


def test_marks_around_and_beside_addresses_are_read():
    assert to_chatwoot("*https://x.example/a_b*") == "**https://x.example/a_b**"
    assert to_chatwoot("_veja https://x.example/a_b._") == "_veja https://x.example/a_b._"


def test_the_tree_says_what_whatsapp_shows():
    document = read("*a* b\n> _q_\n- x\n- y")
    assert document.blocks == (
        Paragraph(children=(Bold(children=(Plain(text="a"),)), Plain(text=" b"))),
        Quote(blocks=(Paragraph(children=(Italic(children=(Plain(text="q"),)),)),)),
        Listing(
            items=(
                Item(marker="-", blocks=(Paragraph(children=(Plain(text="x"),)),)),
                Item(marker="-", blocks=(Paragraph(children=(Plain(text="y"),)),)),
            )
        ),
    )
