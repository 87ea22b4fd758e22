"""Which flow a text starts, and which word ends one."""

from __future__ import annotations

from time import process_time, thread_time
from typing import Any

import pytest

from bridge.core import trigger
from bridge.core.trigger import advanced, finishes, select
from bridge.core.typebot import Bot, BotSettings, StoredBot


def bot(id_: str, type_: str = "all", value: str | None = None, **more: Any) -> StoredBot:
    """`type_`: a trigger type, or an operator of keywords."""
    operator = None if type_ in {"all", "none", "advanced"} else type_
    made = Bot(
        url="https://bot.example",
        typebot=id_,
        trigger_type="keyword" if operator else type_,  # type: ignore[arg-type]
        trigger_operator=operator,  # type: ignore[arg-type]
        trigger_value=value,
        **more,
    )
    return StoredBot(id=id_, instance_id="i", bot=made, created_at=0, updated_at=0)


def started(text: str, *bots: StoredBot, **settings: Any) -> str | None:
    found = select(text, bots, BotSettings(**settings), timer=thread_time)
    return None if found is None else found.id


@pytest.mark.parametrize(
    ("operator", "value", "text", "matches"),
    [
        pytest.param("equals", "menu", "menu", True, id="the same"),
        pytest.param("equals", "menu", "  MENU ", True, id="trimmed, without case"),
        pytest.param("equals", "opção", "Opcao", True, id="without accents"),
        pytest.param("equals", "menu", "menu!", False, id="equals is the whole text"),
        pytest.param("startsWith", "quero", "Quero comprar", True, id="begins"),
        pytest.param("startsWith", "quero", "não quero", False, id="does not begin"),
        pytest.param("endsWith", "preço?", "Qual o PRECO?", True, id="ends"),
        pytest.param("contains", "promoção", "vi a promocao de hoje", True, id="contains"),
        pytest.param("contains", "promoção", "vi a oferta", False, id="does not contain"),
        pytest.param("regex", r"^pedido \d+$", "Pedido 123", True, id="a pattern"),
        pytest.param("regex", r"\d{3}", "nº 123!", True, id="a pattern is not anchored"),
        pytest.param("regex", "informação", "INFORMACAO", True, id="a pattern without accents"),
        pytest.param("regex", "(", "(", False, id="a bad pattern matches nothing"),
        pytest.param("regex", "a" * 2000, "a" * 2000, False, id="a pattern that is too long"),
        pytest.param("regex", "(a{999}){999}", "a", False, id="a pattern that is too large"),
        pytest.param("contains", "", "oi", False, id="an empty value matches nothing"),
        pytest.param("contains", None, "oi", False, id="no value matches nothing"),
    ],
)
def test_what_a_keyword_matches(operator, value, text, matches):
    assert (started(text, bot("one", operator, value)) == "one") is matches


@pytest.mark.parametrize(
    ("settings", "text", "matches"),
    [
        ({"ignore_case": False}, "MENU", False),
        ({"ignore_case": False}, "menu", True),
        ({"ignore_accents": False}, "menú", False),
    ],
)
@pytest.mark.parametrize("operator", ["equals", "contains", "regex"])
def test_case_and_accents_count_where_the_settings_say_so(operator, settings, text, matches):
    assert (started(text, bot("one", operator, "menu"), **settings) == "one") is matches


def test_a_flow_of_its_own_mind_about_case_has_its_way():
    strict = bot("strict", "equals", "menu", ignore_case=False)
    assert started("MENU", strict) is None


def test_what_is_specific_comes_before_all_and_that_before_the_fallback():
    bots = (bot("all"), bot("menu", "equals", "menu"), bot("fall", "none"))
    assert started("menu", *bots, fallback_id="fall") == "menu"
    assert started("oi", *bots, fallback_id="fall") == "all"
    assert started("oi", *bots[1:], fallback_id="fall") == "fall"
    assert started("oi", *bots[1:]) is None


def test_advanced_comes_before_keywords_and_equals_before_contains():
    bots = (
        bot("contains", "contains", "menu"),
        bot("equals", "equals", "menu"),
        bot("filters", "advanced", "contains:menu startswith:meu"),
    )
    assert started("meu menu", *bots) == "filters"
    assert started("menu", *bots) == "equals"
    assert started("o menu", *bots) == "contains"


def test_none_never_starts_by_itself():
    assert started("oi", bot("none", "none")) is None


def test_what_is_switched_off_is_left_out():
    assert started("oi", bot("off", enabled=False)) is None
    assert started("oi", bot("off", "none", enabled=False), fallback_id="off") is None


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_a_message_without_text_starts_nothing(text):
    bots = (bot("all"), bot("equals", "equals", "x"), bot("not", "advanced", "notcontains:x"))
    assert started(text, *bots, fallback_id="all") is None


def test_a_bad_pattern_keeps_no_other_flow_from_starting():
    bots = (bot("bad", "regex", "["), bot("good", "startsWith", "oi"))
    assert started("oi!", *bots) == "good"


def test_slow_patterns_are_stopped_and_keep_no_other_flow_from_starting():
    slow = [bot(f"slow{n}", "regex", r"(a|a)*b|(a+)+$x") for n in range(50)]
    text = "a" * 3000 + "!"
    assert started(text, *slow, bot("good", "startsWith", "aaa")) == "good"


@pytest.mark.parametrize(
    ("filters", "text", "matches"),
    [
        pytest.param("contains:preço", "Qual o PRECO?", True, id="without case and accents"),
        pytest.param("contains:oi,bom", "oi, bom dia", True, id="all values of one filter"),
        pytest.param("contains:oi,bom", "oi!", False, id="one value is missing"),
        pytest.param("contains:oi contains:olá", "Ola!", True, id="the same filter twice: or"),
        pytest.param("startswith:oi endswith:tchau", "oi e tchau", True, id="two filters: and"),
        pytest.param("startswith:oi endswith:tchau", "oi", False, id="one filter fails"),
        pytest.param("notcontains:não,nunca", "sim", True, id="neither"),
        pytest.param("notcontains:não,nunca", "nunca mais", False, id="one of them"),
        pytest.param("EXACT:Menu", "menu", True, id="the name in capitals"),
        pytest.param('contains:"bom dia"', "Olá, bom dia!", True, id="blanks in quotes"),
        pytest.param('contains:"bom dia"', "bom e belo dia", False, id="as one value"),
        pytest.param('exact:"oi, tudo bem?"', "Oi, tudo bem?", True, id="a comma in quotes"),
        pytest.param('contains:"bom dia",preço', "bom dia! o preço?", True, id="quoted and not"),
        pytest.param("contains:“boa tarde”", "boa tarde", True, id="curly quotes"),
        pytest.param("contains:http://x", "veja http://x", True, id="a colon in a value"),
        pytest.param("", "oi", False, id="nothing"),
        pytest.param("oi", "oi", False, id="no filter"),
        pytest.param("contains:", "oi", False, id="no value"),
        pytest.param("contains:oi near:x", "oi", False, id="an unknown filter"),
        pytest.param('contains:"oi', "oi", False, id="quotes that are not closed"),
    ],
)
def test_what_filters_let_through(filters, text, matches):
    assert advanced(text, filters) is matches
    assert (started(text, bot("one", "advanced", filters)) == "one") is matches


@pytest.mark.parametrize(
    ("text", "words", "ends"),
    [
        ("sair", "sair", True),
        ("  SAIR\n", "sair", True),
        ("saír", "sair", True),
        ("quero sair", "sair", False),
        ("tchau", "sair, tchau; fim", True),
        ("fim", "sair\nfim", True),
        ("até logo", "sair,até logo", True),
        ("", "sair,,", False),
        ("x", "", False),
    ],
)
def test_which_words_end_a_flow(text, words, ends):
    assert finishes(text, words) is ends


def test_a_very_long_text_is_compared_with_many_flows_in_no_time():
    text = "ação " * 13_000
    bots = [bot(f"b{n}", op, f"não {n}") for n in range(25) for op in ("equals", "contains")]
    filters = [bot(f"f{n}", "advanced", f"contains:x{n}") for n in range(25)]
    started_at = process_time()
    assert started(text, *bots, *filters, bot("end", "endsWith", "acao")) == "end"
    assert process_time() - started_at < 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("oi" + "\u0300\u0316" * 32_000, id="a heap of marks out of order"),
        pytest.param("oi" + "\u0345" * 32_000 + "\u0316" * 32_000, id="in two rows"),
        pytest.param("\ufdfa" * 65_536, id="letters that are eighteen"),
    ],
)
def test_no_text_of_a_stranger_takes_long_to_compare(text):
    operators = ("equals", "startsWith", "endsWith", "contains", "regex")
    bots = [bot(f"b{n}{op}", op, f"não {n}") for n in range(20) for op in operators]
    started_at = process_time()
    assert started(text, *bots, bot("a", "advanced", "contains:x")) is None
    assert not finishes(text, "sair")
    assert process_time() - started_at < 1


def test_many_patterns_that_are_just_quick_enough_share_their_patience():
    almost = [bot(f"b{n}", "regex", rf"(a+?(?1)?)+b{n}|(?b)(?:a+c{n}){{e}}") for n in range(100)]
    started_at = process_time()
    assert started("a" * 4000, *almost, bot("good", "startsWith", "aaa")) == "good"
    assert process_time() - started_at < 1


def test_a_pattern_that_is_bad_only_where_case_is_ignored_matches_nothing(monkeypatch):
    compiled = trigger.regex.compile

    def refuses(pattern, flags=0, **more):
        if flags:
            raise trigger.regex.error("not with these flags")
        return compiled(pattern, flags, **more)

    monkeypatch.setattr(trigger.regex, "compile", refuses)
    bots = (bot("bad", "regex", "o+i only here"), bot("good", "startsWith", "oi"))
    assert started("oi only here", *bots) == "good"
