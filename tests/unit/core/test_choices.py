"""Which option somebody means: a number, the words, their beginning; or nobody knows."""

from __future__ import annotations

import pytest

from bridge.core.choices import agreeing, choose, meant_by
from bridge.core.outgoing import Option

OPTIONS = (
    Option(id="pedido", title="Fazer pedido"),
    Option(id="humano", title="Falar com atendente"),
    Option(id="acai", title="Açaí & Cia."),
)


def meant(text: str, options: tuple[Option, ...] = OPTIONS) -> str | None:
    option = choose(text, options)
    return None if option is None else option.id


@pytest.mark.parametrize(
    "text",
    [
        "2",
        " 2 ",
        "2.",
        "2)",
        "2-",
        "*2*",
        "opção 2",
        "OPCAO 2",
        "opción: 2",
        "option 2",
        "nº 2",
        "#2",
        "2️⃣",
        "２",
        "٢",
        "02",
        "falar com atendente",
        "FALAR COM ATENDENTE!",
        "2. falar com atendente",
        "fal",
        "falar com",
        "humano",
        "\u202e2",
        '"2"',
        "2, por favor",
        "quero a 2",
        "a segunda",
        "dois",
        "opção dois",
        "quero falar com atendente",
    ],
)
def test_what_means_the_second_option(text: str) -> None:
    assert meant(text) == "humano"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "0",
        "4",
        "-1",
        "2, 3",
        "2 e 3",
        "1 2",
        "fa",
        "F",
        "x",
        "2 pizzas",
        "½",
        "🔟",
        "1. Falar com atendente",
        "2. Falar com ",
        "não quero falar com atendente",
        "\x00",
        "2" * 5000,
        "ç" * 100000,
    ],
)
def test_what_means_none(text: str) -> None:
    assert meant(text) is None


def test_accents_and_punctuation_do_not_matter() -> None:
    assert meant("acai & cia") == meant("AÇAÍ & CIA.") == meant("acai") == "acai"
    # The same letters, composed differently.
    assert meant("Ac\u0327ai\u0301") == "acai"


def test_what_could_be_two_is_none() -> None:
    twins = (Option(id="a", title="Sim"), Option(id="b", title="sim"), Option(id="c", title="Não"))
    assert meant("sim", twins) is None
    assert meant("1", twins) == "a"
    numbers = (Option(id="a", title="3"), Option(id="b", title="20"), Option(id="c", title="2"))
    assert meant("2", numbers) is None  # the second, or what is called "2"
    assert meant("20", numbers) == "b"


def test_a_number_counts_more_than_an_id_that_nobody_saw() -> None:
    shifted = (Option(id="0", title="zero"), Option(id="1", title="um"))
    assert meant("1", shifted) == "0"
    assert meant("0", shifted) == "0"  # no such number, but such an id


def test_emoji_and_punctuation_within_a_title_do_not_matter() -> None:
    options = (
        Option(id="yes", title="Sim 😀"),
        Option(id="simple", title="Simples"),
        Option(id="up", title="👍🏽"),
        Option(id="down", title="👎"),
    )
    assert meant("sim", options) == "yes"
    assert meant("simp", options) == "simple"
    assert meant("👍", options) == "up"
    assert meant("👎🏿", options) == "down"
    assert meant("🎉", options) is None


def test_all_that_may_be_meant_is_told() -> None:
    plans = (Option(id="a", title="Plano básico"), Option(id="b", title="Plano completo"))
    assert meant_by("plano", plans) == plans
    assert meant_by("2", plans) == plans[1:]
    assert meant_by("nada", plans) == ()
    assert meant_by("full", plans, names={"b": ("full",)}) == plans[1:]


def test_days_of_the_week_are_no_places_of_a_menu() -> None:
    days = tuple(Option(id=day, title=f"{day}-feira") for day in ("Segunda", "Terça", "Quarta"))
    assert meant("segunda", days) == "Segunda"
    assert meant("a segunda", days) == "Segunda"
    assert meant("a primeira", days) == "Segunda"
    assert meant("segunda") is None


@pytest.mark.parametrize("text", ["s", "SIM!!", "claro", "siim", "👍"])
def test_yes_is_what_says_yes(text: str) -> None:
    options = (Option(id="yes", title="Sim, quero"), Option(id="no", title="Não, obrigado"))
    assert [one.id for one in agreeing(text, options)] == ["yes"]
    others = (Option(id="a", title="Simples"), Option(id="b", title="Completo"))
    assert agreeing(text, others) == ()
    assert meant(text, others) is None


def test_no_is_not_whatever_begins_so() -> None:
    options = (Option(id="a", title="Não sei"), Option(id="b", title="Sim"))
    assert agreeing("n", options) == agreeing("não quero", options) == ()


def test_agreement_in_a_talk_chooses_nothing() -> None:
    """A menu can be answered for a day, and people say "claro" to much else."""
    assert meant("claro", (Option(id="yes", title="Sim"), Option(id="no", title="Não"))) is None


def test_how_many_is_no_place() -> None:
    assert meant("quero duas") is None
    assert meant("duas") is None
