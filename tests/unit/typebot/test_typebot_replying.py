"""What people mean who answer an input, and what of it a flow is sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.content import MediaKind
from bridge.core.flow import AskBack, FileRef, Meaning, NoAnswer, Understood, Utterance
from bridge.core.outgoing import Option
from bridge.locale import LANGUAGES
from bridge.typebot.asking import prompt_of
from bridge.typebot.replying import meaning

#: A Sunday.
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
PLAN = [
    {"id": "i_free", "content": "Grátis"},
    {"id": "i_pro", "content": "Plano profissional com tudo", "value": "pro"},
    {"id": "i_pro2", "content": "Plano profissional com extras"},
    {"id": "i_no", "content": "Não, obrigado 😀"},
]
TOPPINGS = [
    {"id": "i_ch", "content": "Queijo"},
    {"id": "i_mu", "content": "Cogumelos"},
    {"id": "i_on", "content": "Cebola", "value": "cebola-v"},
]
CARDS = [
    {
        "id": "c1",
        "title": "Shoe",
        "paths": [{"id": "c1_buy", "text": "Buy"}, {"id": "c1_info", "text": "More information"}],
    },
    {"id": "c2", "title": "Hat", "paths": [{"id": "c2_buy", "text": "Buy"}]},
]
SEVERAL = {"isMultipleChoice": True}


def hear(
    type_: str,
    said: str | Utterance,
    options: Any = None,
    items: Any = None,
    *,
    country: str | None = "BR",
    language: str = "pt_BR",
    now: datetime = NOW,
    **more: Any,
) -> Meaning:
    asked = {"id": "in", "type": type_, "options": options, "items": items}
    utterance = Utterance(text=said) if isinstance(said, str) else said
    return meaning(asked, utterance, now=now, country=country, language=language, **more)


def sent(found: Meaning) -> str | None:
    assert isinstance(found, Understood), found
    return found.say.text


def asked_back(found: Meaning) -> str:
    assert isinstance(found, AskBack), found
    return found.text


def photo(**more: Any) -> FileRef:
    given = {"message_id": "M1", "media": MediaKind.IMAGE, "mime": "image/jpeg", **more}
    return FileRef(**given)


def voice() -> FileRef:
    return photo(media=MediaKind.AUDIO, mime="audio/ogg; codecs=opus", voice=True)


# ---------------------------------------------------------------------- choices


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("Grátis", "i_free"),
        ("gratis", "i_free"),
        ("GRÁTIS!", "i_free"),
        ("1", "i_free"),
        ("1.", "i_free"),
        ("1)", "i_free"),
        ("1️⃣", "i_free"),
        ("opção 1", "i_free"),
        ("grat", "i_free"),
        ("pro", "i_pro"),
        ("2", "i_pro"),
        ("i_pro2", "i_pro2"),
        ("Plano profissional com ext…", "i_pro2"),
        ("nao obrigado", "i_no"),
        ("Não, obrigado", "i_no"),
    ],
)
def test_one_of_several_buttons_is_meant(text: str, id_: str) -> None:
    found = hear("choice input", text, items=PLAN)
    label = next(item["content"] for item in PLAN if item["id"] == id_)
    assert isinstance(found, Understood)
    assert (found.say.reply_id, found.say.text, found.shown) == (id_, label, label)


def test_a_pressed_button_comes_before_its_words() -> None:
    found = hear("choice input", Utterance(text="Grátis", choice="i_no"), items=PLAN)
    assert isinstance(found, Understood)
    assert found.say.reply_id == "i_no"


def test_a_button_of_an_older_question_counts_by_its_words() -> None:
    assert (
        sent(hear("choice input", Utterance(text="gratis", choice="old"), items=PLAN)) == "Grátis"
    )
    assert sent(hear("choice input", Utterance(text="Sim", choice="old"), items=PLAN)) == "Sim"


def test_what_may_mean_two_buttons_is_asked_back_once() -> None:
    text = asked_back(hear("choice input", "plano profissional", items=PLAN))
    assert "com tudo" in text
    assert "com extras" in text
    again = hear("choice input", "plano profissional", items=PLAN, asked_back=True)
    assert sent(again) == "plano profissional"


def test_what_means_no_button_is_left_to_the_flow() -> None:
    assert sent(hear("choice input", " quero falar com alguém ", items=PLAN)) == (
        "quero falar com alguém"
    )


def test_numbers_count_as_they_were_shown() -> None:
    numbered = tuple(Option(id=id_, title="?") for id_ in ("i_no", "i_free", "i_pro", "i_pro2"))
    found = hear("choice input", "2", items=PLAN, numbered=numbered)
    assert isinstance(found, Understood)
    assert found.say.reply_id == "i_free"
    other = (Option(id="gone", title="?"),)
    assert sent(hear("choice input", "1", items=PLAN, numbered=other)) == "Grátis"


def test_a_label_that_is_another_number_is_in_doubt_where_numbers_were_shown() -> None:
    items = [{"id": "a", "content": "3"}, {"id": "b", "content": "5"}, {"id": "c", "content": "7"}]
    assert sent(hear("choice input", "3", items=items)) == "3"
    numbered = tuple(Option(id=item["id"], title=item["content"]) for item in items)
    assert '"3"' in asked_back(hear("choice input", "3", items=items, numbered=numbered))


def test_two_buttons_with_the_same_words_are_one() -> None:
    items = [{"id": "a", "content": "Sim"}, {"id": "b", "content": "sim"}]
    assert isinstance(hear("choice input", "SIM", items=items), Understood)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("1, 3", ["i_ch", "i_on"]),
        ("1 e 3", ["i_ch", "i_on"]),
        ("3 1", ["i_ch", "i_on"]),
        ("1/2", ["i_ch", "i_mu"]),
        ("1\n2", ["i_ch", "i_mu"]),
        ("queijo e cogumelos", ["i_ch", "i_mu"]),
        ("1 and Cogumelos", ["i_ch", "i_mu"]),
        ("opções 1 e 2", ["i_ch", "i_mu"]),
        ("que, ceb", ["i_ch", "i_on"]),
        ("cebola-v", ["i_on"]),
        ("todas", ["i_ch", "i_mu", "i_on"]),
        ("todas as opções", ["i_ch", "i_mu", "i_on"]),
        ("todas menos cebola", ["i_ch", "i_mu"]),
        ("i_ch, i_mu", ["i_ch", "i_mu"]),
    ],
)
def test_several_are_meant(text: str, ids: Sequence[str]) -> None:
    assert sent(hear("choice input", text, SEVERAL, TOPPINGS)) == ", ".join(ids)


def test_what_excludes_something_is_asked_back() -> None:
    """The engine would find the excluded one in it, and nothing else."""
    assert "números" in asked_back(hear("choice input", "tudo sem queijo", SEVERAL, TOPPINGS))


@pytest.mark.parametrize("text", ["13", "nada disso", "4"])
def test_what_means_none_of_several_is_left_to_the_flow(text: str) -> None:
    assert sent(hear("choice input", text, SEVERAL, TOPPINGS)) == text


@pytest.mark.parametrize("text", ["1 e xpto", "1, 99", "quero queijo e abacaxi", "as 2 primeiras"])
def test_what_the_engine_would_read_in_part_is_asked_back_once(text: str) -> None:
    """It would choose what it finds, and lose the rest in silence (3.2)."""
    assert "números" in asked_back(hear("choice input", text, SEVERAL, TOPPINGS))
    assert sent(hear("choice input", text, SEVERAL, TOPPINGS, asked_back=True)) == text


def test_the_engine_finds_nothing_else_in_what_it_is_sent() -> None:
    """Ids that are numbers would be places of the list; labels would hold one another."""
    items = [
        {"id": "0", "title": "Queijo"},
        {"id": "1", "title": "Queijo duplo"},
        {"id": "2", "title": "Azeite"},
    ]
    assert sent(hear("picture choice input", "2", SEVERAL, items)) != "1"
    assert sent(hear("picture choice input", "1 e 3", SEVERAL, items)) == "Queijo, Azeite"


def test_a_number_is_one_of_those_that_were_shown_and_no_id() -> None:
    items = [{"id": "0", "title": "Queijo"}, {"id": "1", "title": "Azeite"}]
    assert sent(hear("picture choice input", "1", items=items)) == "Queijo"


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("c2_buy", "c2_buy"),
        ("Hat", "c2_buy"),
        ("shoe", "c1_buy"),
        ("3", "c2_buy"),
        ("more info", "c1_info"),
        ("buy hat", "c2_buy"),
    ],
)
def test_the_path_of_a_card_is_meant(text: str, id_: str) -> None:
    found = hear("cards", text, items=CARDS)
    assert isinstance(found, Understood)
    assert found.say.reply_id == id_


def test_a_path_that_two_cards_have_is_asked_back() -> None:
    text = asked_back(hear("cards", "buy", items=CARDS))
    assert '"Shoe: Buy"' in text
    assert '"Hat: Buy"' in text


@pytest.mark.parametrize(
    ("type_", "text", "written"),
    [
        ("choice input", "Oi!\n2", "Plano profissional com tudo"),
        ("number input", "bom dia\n7", "7"),
        ("rating input", "5\nadorei", "5"),
        ("date input", "deixa eu ver\namanhã", "23/11/2026"),
        ("time input", "pode ser\n14h30", "14:30"),
        ("email input", "claro\nseu@email.com\nobrigado", "seu@email.com"),
        ("choice input", "1\n2", "1\n2"),
    ],
)
def test_one_line_of_a_burst_is_the_answer(type_: str, text: str, written: str) -> None:
    assert sent(hear(type_, text, items=PLAN)) == written


# ---------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1.234,56", "1234.56"),
        ("R$ 1.500", "1500"),
        ("7 maçãs", "7"),
        ("sete", "7"),
        ("007", "007"),
        ("não sei", "não sei"),
    ],
)
def test_a_number_is_sent_as_the_engine_reads_it(text: str, written: str) -> None:
    assert sent(hear("number input", text)) == written


def test_limits_of_a_number_decide_what_a_point_means() -> None:
    assert sent(hear("number input", "1.500", {"max": 10})) == "1.500"
    assert sent(hear("number input", "1.500", {"min": 100})) == "1500"


def test_a_number_in_doubt_is_asked_back_once() -> None:
    text = asked_back(hear("number input", "1.500", language="en", country="BR"))
    assert "1500" in text
    assert "1.5" in text
    again = hear("number input", "1.500", language="en", country="BR", asked_back=True)
    assert sent(again) == "1.500"
    assert isinstance(hear("number input", "7 ou 8"), AskBack)


@pytest.mark.parametrize(
    ("options", "text", "told"),
    [
        ({"min": 1, "max": 10}, "11", "de 1 a 10"),
        ({"min": "1.5"}, "1", "a partir de 1,5"),
        ({"max": 10}, "11", "até 10"),
        ({"step": 5}, "7", "5 ou 10"),
    ],
)
def test_a_number_out_of_bounds_is_asked_back_once(options: Any, text: str, told: str) -> None:
    assert told in asked_back(hear("number input", text, options))
    assert sent(hear("number input", text, options, asked_back=True)) == text


def test_bounds_of_zero_hold_though_the_engine_forgets_them() -> None:
    for again in (False, True):
        assert isinstance(hear("number input", "-1", {"min": 0}, asked_back=again), AskBack)
        assert isinstance(hear("number input", "1", {"max": 0}, asked_back=again), AskBack)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("3", "3"),
        ("⭐⭐⭐", "3"),
        ("⭐️ ⭐️", "2"),
        ("quatro", "4"),
        ("5 estrelas", "5"),
        ("4/5", "4"),
    ],
)
def test_a_rating_is_a_number(text: str, written: str) -> None:
    assert sent(hear("rating input", text, {"length": 5})) == written


def test_both_ends_of_a_rating_hold() -> None:
    """The engine takes what is too low, so that it is never sent."""
    for again in (False, True):
        for text in ("0", "-1", "-3"):
            assert isinstance(hear("rating input", text, {"length": 5}, asked_back=again), AskBack)
    assert isinstance(hear("rating input", "6", {"length": 5}), AskBack)
    assert sent(hear("rating input", "6", {"length": 5}, asked_back=True)) == "6"
    zero = {"length": 5, "startsAt": 0, "buttonType": "Numbers"}
    assert sent(hear("rating input", "0", zero)) == "0"


# ---------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("seu@email.com ", "seu@email.com"),
        ("mailto:seu@email.com", "seu@email.com"),
        ("meu e-mail é seu@email.com.", "seu@email.com"),
        ("seu @ email.com", "seu@email.com"),
        ("seu arroba email.com", "seu@email.com"),
        ("<seu@email.com>", "seu@email.com"),
        ("Ana <a@b.co>, obrigada", "a@b.co"),
        ("A@B.CO", "A@B.CO"),
        ("joão@email.com", "joão@email.com"),
        ("a@b", "a@b"),
        ("não tenho", "não tenho"),
        ("meet me at home.com", "meet me at home.com"),
    ],
)
def test_an_address_is_found_and_none_made_up(text: str, address: str) -> None:
    assert sent(hear("email input", text)) == address


def test_two_addresses_are_asked_back_once() -> None:
    text = "a@b.co ou c@d.co"
    assert "a@b.co ou c@d.co" in asked_back(hear("email input", text))
    assert sent(hear("email input", text, asked_back=True)) == text


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("example.com", "example.com"),
        ("meu site é example.com.br.", "example.com.br"),
        ("(https://example.com/a(b)?c=1)", "https://example.com/a(b)?c=1"),
        ("https://example.com/a(b)", "https://example.com/a(b)"),
        ("não tenho.obrigado viu", "não tenho.obrigado viu"),
        ("nope", "nope"),
        pytest.param(
            f"https://x.test/{'a' * 2000}", f"https://x.test/{'a' * 2000}", id="a long one"
        ),
    ],
)
def test_a_link_is_found(text: str, link: str) -> None:
    assert sent(hear("url input", text)) == link


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("(11) 98765-0000", "+5511987650000"),
        ("11 98765 0000", "+5511987650000"),
        ("011 98765-0000", "+5511987650000"),
        ("+55 11 98765-0000", "+5511987650000"),
        ("5511987650000", "+5511987650000"),
        ("meu número é 11987650000", "+5511987650000"),
        ("+351 912 345 678", "+351912345678"),
        ("351912345678", "+351912345678"),
        ("123", "123"),
        ("não tenho", "não tenho"),
    ],
)
def test_a_phone_number_has_its_country(text: str, number: str) -> None:
    assert sent(hear("phone number input", text)) == number


def test_a_flow_knows_the_country_of_its_numbers_better() -> None:
    options = {"defaultCountryCode": "PT"}
    assert sent(hear("phone number input", "912345678", options)) == "+351912345678"
    assert sent(hear("phone number input", "912345678", country=None)) == "912345678"


# ---------------------------------------------------------------------- dates and times


@pytest.mark.parametrize(
    ("text", "options", "written"),
    [
        ("amanhã", None, "23/11/2026"),
        ("amanhã às 14h30", None, "23/11/2026"),
        ("amanhã às 14h30", {"hasTime": True}, "23/11/2026 14:30"),
        ("25/12", {"format": "dd/MM/yyyy"}, "25/12/2026"),
        ("25 de dezembro", {"format": "MM/dd/yyyy"}, "2026-12-25"),
        ("25/12/2026 14h", {"format": "MM/dd/yyyy", "hasTime": True}, "2026-12-25T14:00"),
        ("sexta", None, "27/11/2026"),
        ("de 10 a 15 de março", {"isRange": True}, "10/03/2027 to 15/03/2027"),
        ("hoje até sexta", {"isRange": True, "format": "yyyy-MM-dd"}, "2026-11-22 to 2026-11-27"),
        ("um dia desses", None, "um dia desses"),
    ],
)
def test_a_date_is_sent_as_the_engine_reads_it(text: str, options: Any, written: str) -> None:
    assert sent(hear("date input", text, options)) == written


@pytest.mark.parametrize(
    ("text", "options", "told", "written"),
    [
        ("03/04/2027", {"format": "MM/dd/yyyy"}, "3 de abril", "2027-03-04"),
        ("domingo", None, "29 de novembro", "22/11/2026"),
        ("amanhã", {"hasTime": True}, "horário", "23/11/2026"),
        ("25/12/2026", {"isRange": True}, "começo e o fim", "25/12/2026"),
        ("20/11/2026", {"min": "2026-11-22"}, "22 de novembro", "20/11/2026"),
        ("25/12/2026", {"max": "2026-12-24T10:00"}, "24 de dezembro", "25/12/2026"),
        ("10/12 a 30/12", {"isRange": True, "max": "2026-12-24"}, "24 de", None),
    ],
)
def test_a_date_in_doubt_is_asked_back_once(
    text: str, options: Any, told: str, written: str | None
) -> None:
    assert told in asked_back(hear("date input", text, options))
    again = sent(hear("date input", text, options, asked_back=True))
    assert again == (written or "10/12/2026 to 30/12/2026")


@given(
    day=st.dates(date(1901, 1, 1), date(2099, 12, 31)),
    at=st.none() | st.times(),
    language=st.sampled_from(LANGUAGES),
)
def test_a_date_in_our_words_is_understood_when_it_is_copied(
    day: date, at: time | None, language: str
) -> None:
    options = {"hasTime": at is not None, "format": "yyyy-MM-dd"}
    written = day.isoformat() + (f"T{at:%H:%M}" if at else "")
    found = hear("date input", written, options, language=language)
    assert isinstance(found, Understood)
    assert sent(hear("date input", found.shown, options, language=language)) == written
    span = hear("date input", f"{written} to {written}", {**options, "isRange": True})
    assert isinstance(span, Understood)
    copied = hear("date input", span.shown, {**options, "isRange": True})
    assert sent(copied) == sent(span)


@pytest.mark.parametrize(
    ("text", "written"),
    [("14h30", "14:30"), ("2 da tarde", "14:00"), ("9:05 pm", "21:05"), ("nunca", "nunca")],
)
def test_a_time_is_sent_as_the_engine_reads_it(text: str, written: str) -> None:
    assert sent(hear("time input", text)) == written


@pytest.mark.parametrize("text", ["duas e meia", "2:30"])
def test_half_a_clock_is_asked_back_once_and_never_guessed(text: str) -> None:
    assert "02:30 ou 14:30" in asked_back(hear("time input", text))
    assert sent(hear("time input", text, asked_back=True)) == text


# ---------------------------------------------------------------------- one of the readings


@pytest.mark.parametrize(
    ("type_", "items", "text", "answer", "written"),
    [
        ("time input", None, "duas e meia", "da tarde", "14:30"),
        ("time input", None, "duas e meia", "a segunda", "14:30"),
        ("time input", None, "duas e meia", "02:30", "02:30"),
        ("time input", None, "duas e meia", "16h", "16:00"),
        ("date input", None, "domingo", "29", "29/11/2026"),
        ("date input", None, "domingo", "o primeiro", "22/11/2026"),
        ("date input", None, "domingo", "a segunda opção", "29/11/2026"),
        ("date input", None, "domingo", "segunda", "23/11/2026"),
        ("date input", None, "domingo", "domingo, 29 de novembro de 2026", "29/11/2026"),
        ("email input", None, "joao@gmail.con", "o primeiro", "joao@gmail.com"),
        ("email input", None, "a@b.co ou c@d.co", "c@d.co", "c@d.co"),
        ("phone number input", None, "11 8765-4321", "sim", "+5511987654321"),
        ("phone number input", None, "11 8765-4321", "não", "não"),
        ("choice input", PLAN, "plano profissional", "com extras", PLAN[2]["content"]),
        ("choice input", PLAN, "plano profissional", "a primeira", PLAN[1]["content"]),
        ("choice input", PLAN, "profissional", "2", PLAN[1]["content"]),
        ("choice input", PLAN, "obrigado", "isso mesmo!", PLAN[3]["content"]),
    ],
)
def test_the_answer_to_which_one_names_one_of_them(
    type_: str, items: Any, text: str, answer: str, written: str
) -> None:
    """And is an answer of its own where it names none."""
    question = hear(type_, text, items=items)
    assert isinstance(question, AskBack)
    assert question.readings
    found = hear(type_, answer, items=items, asked_back=True, readings=question.readings)
    assert sent(found) == written


def test_what_is_shown_of_a_reading_has_no_quotes() -> None:
    question = hear("choice input", "plano profissional", items=PLAN)
    assert isinstance(question, AskBack)
    found = hear(
        "choice input", "o último", items=PLAN, asked_back=True, readings=question.readings
    )
    assert isinstance(found, Understood)
    assert (found.shown, found.say.reply_id) == (PLAN[2]["content"], "i_pro2")


# ---------------------------------------------------------------------- files and payments


PDF_OR_PICTURE = {"allowedFileTypes": {"isEnabled": True, "types": ["image/*", ".pdf"]}}


def test_files_are_the_answer_to_a_file_input() -> None:
    said = Utterance(text="aqui está", files=(photo(), photo(message_id="M2")))
    found = hear("file input", said, {"isMultipleAllowed": True})
    assert isinstance(found, Understood)
    assert (len(found.upload), found.as_answer, found.say.text) == (2, True, None)


def test_of_several_files_the_first_counts_where_one_is_wanted() -> None:
    found = hear("file input", Utterance(files=(photo(), photo(message_id="M2"))))
    assert isinstance(found, Understood)
    assert [one.message_id for one in found.upload] == ["M1"]
    assert found.aside


@pytest.mark.parametrize(
    ("file", "is_taken"),
    [
        (photo(), True),
        (photo(media=MediaKind.DOCUMENT, mime="application/pdf"), True),
        (photo(media=MediaKind.DOCUMENT, mime="application/octet-stream", name="x.PDF"), True),
        (photo(media=MediaKind.DOCUMENT, mime="application/zip", name="x.zip"), False),
        (voice(), False),
    ],
)
def test_a_file_of_another_type_is_refused_in_words(file: FileRef, is_taken: bool) -> None:
    found = hear("file input", Utterance(files=(file,)), PDF_OR_PICTURE)
    assert isinstance(found, Understood) is is_taken
    if not is_taken:
        assert "imagens, PDF" in asked_back(found)


def test_files_of_other_types_are_left_out_and_told() -> None:
    files = (voice(), photo())
    found = hear(
        "file input", Utterance(files=files), {**PDF_OR_PICTURE, "isMultipleAllowed": True}
    )
    assert isinstance(found, Understood)
    assert found.upload == files[1:]
    assert found.aside
    assert "imagens, PDF" in found.aside


@pytest.mark.parametrize(
    "text", ["pular", "Skip", "não tenho", "saltar", "agora não!", "Deixa pra lá"]
)
def test_an_optional_file_is_skipped_by_an_empty_call(text: str) -> None:
    options = {"isRequired": False, "labels": {"skip": "Deixa pra lá"}}
    found = hear("file input", text, options)
    assert isinstance(found, Understood)
    assert (found.say.text, found.upload, found.shown) == (None, (), text)
    assert isinstance(hear("file input", text), AskBack)


def test_a_text_where_a_file_is_wanted_is_asked_back_once() -> None:
    assert isinstance(hear("file input", "menu"), AskBack)
    assert sent(hear("file input", "menu", asked_back=True)) == "menu"


def test_links_are_files_joined_as_the_engine_wants_them() -> None:
    text = "aqui: https://cdn.example.com/1.jpg\n\nhttps://cdn.example.com/2.jpg"
    assert sent(hear("file input", text)) == (
        "https://cdn.example.com/1.jpg, https://cdn.example.com/2.jpg"
    )


@pytest.mark.parametrize("text", ["paguei", "fail", "Success", "", "1"])
@pytest.mark.parametrize("again", [False, True])
def test_a_payment_never_goes_on_by_what_somebody_sends(text: str, again: bool) -> None:
    for said in (Utterance(text=text), Utterance(text=text, choice="x", files=(photo(),))):
        found = hear("payment input", said, asked_back=again)
        assert isinstance(found, AskBack | NoAnswer)


# ---------------------------------------------------------------------- what is no text


def test_a_text_input_takes_files_where_it_wants_them() -> None:
    options = {"attachments": {"isEnabled": True}}
    found = hear("text input", Utterance(text="veja", files=(photo(),)), options)
    assert isinstance(found, Understood)
    assert (found.say.text, found.upload, found.as_answer) == ("veja", (photo(),), False)
    only = hear("text input", Utterance(files=(photo(),)), options)
    assert isinstance(only, Understood)
    assert (only.say.text, only.upload) == ("", (photo(),))


def test_a_sound_is_the_answer_to_every_text_input() -> None:
    for options in (None, {"audioClip": {"isEnabled": True}}, {"attachments": {"isEnabled": True}}):
        found = hear("text input", Utterance(files=(voice(),)), options)
        assert isinstance(found, Understood)
        assert (found.say.text, found.upload, found.as_answer) == (None, (voice(),), False)


def test_a_picture_that_nobody_asked_for_counts_by_its_words() -> None:
    assert sent(hear("text input", Utterance(text="olá", files=(photo(),)))) == "olá"
    assert sent(hear("email input", Utterance(text="a@b.co", files=(photo(),)))) == "a@b.co"


@pytest.mark.parametrize(
    "type_",
    [
        "text input",
        "choice input",
        "number input",
        "email input",
        "date input",
        "time input",
        "rating input",
        "phone number input",
        "url input",
        "cards",
        "a later kind",
    ],
)
def test_a_file_alone_is_asked_for_in_words_then_unknown(type_: str) -> None:
    """An empty text would be taken for an answer by some inputs."""
    said = Utterance(files=(photo(),))
    assert isinstance(hear(type_, said, items=PLAN), AskBack)
    assert hear(type_, said, items=PLAN, asked_back=True) == NoAnswer(
        rule="typebot.words_wanted", unknown=True
    )


@pytest.mark.parametrize("type_", ["text input", "choice input", "rating input", "file input", "?"])
@pytest.mark.parametrize(
    ("kind", "unknown"), [("sticker", False), ("reaction", False), ("unsupported", True)]
)
def test_what_says_nothing_is_no_answer(type_: str, kind: str, unknown: bool) -> None:
    found = hear(type_, Utterance(strange=(kind,)), items=PLAN)
    assert found == NoAnswer(rule="typebot.nothing_said", unknown=unknown)


def test_a_sticker_is_no_file() -> None:
    sticker = photo(media=MediaKind.STICKER, mime="image/webp")
    said = Utterance(files=(sticker,), strange=("sticker",))
    assert isinstance(hear("file input", said), NoAnswer)


def test_a_place_is_a_text_only_where_any_text_is_wanted() -> None:
    said = Utterance(text="-23.5, -46.6\nPraça", strange=("location",))
    assert sent(hear("text input", said)) == "-23.5, -46.6\nPraça"
    for type_ in ("choice input", "number input", "rating input", "date input"):
        assert isinstance(hear(type_, said, SEVERAL, TOPPINGS), AskBack)
    card = Utterance(text="Ana <+55 11 98765-0000>", strange=("contacts",))
    assert sent(hear("phone number input", card)) == "+5511987650000"


def test_a_kind_of_a_later_typebot_gets_what_is_written() -> None:
    assert sent(hear("hologram input", " olá ")) == " olá "


# ---------------------------------------------------------------------- whatever comes

TYPES = [
    "text input",
    "number input",
    "email input",
    "url input",
    "phone number input",
    "date input",
    "time input",
    "rating input",
    "file input",
    "payment input",
    "choice input",
    "picture choice input",
    "cards",
    "?",
]
KEYS = [
    *("id", "content", "title", "value", "paths", "text", "min", "max", "step", "length"),
    *("startsAt", "format", "hasTime", "isRange", "isMultipleChoice", "defaultCountryCode"),
    *("allowedFileTypes", "types", "isEnabled", "isRequired", "labels", "skip", "attachments"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=12,
)
FILES = st.builds(
    FileRef,
    message_id=st.text(max_size=5),
    media=st.sampled_from(MediaKind),
    mime=st.sampled_from(["image/jpeg", "audio/ogg", "", "x"]),
    name=st.none() | st.text(max_size=8),
    voice=st.booleans(),
)
SAID = st.builds(
    Utterance,
    text=st.text(max_size=60) | st.sampled_from(["1", "1,5", "amanhã", "25/12", "a@b.co", "-1"]),
    choice=st.none() | st.text(max_size=5),
    files=st.lists(FILES, max_size=2).map(tuple),
    strange=st.lists(st.sampled_from(["sticker", "location", "?"]), max_size=2).map(tuple),
)


@given(
    type_=st.sampled_from(TYPES),
    options=JSON,
    items=JSON,
    said=SAID,
    language=st.sampled_from(LANGUAGES),
    country=st.sampled_from([None, "BR", "US", "??", ""]),
    again=st.booleans(),
)
def test_nothing_is_too_strange(
    *,
    type_: str,
    options: Any,
    items: Any,
    said: Utterance,
    language: str,
    country: str | None,
    again: bool,
) -> None:
    """And no empty text is ever sent as an answer, nor anything to a payment."""
    found = hear(type_, said, options, items, language=language, country=country, asked_back=again)
    if isinstance(found, Understood):
        assert type_ != "payment input"
        assert found.say.text is None or found.say.text.strip() or found.upload
        assert found.say.text is not None or found.upload or type_ == "file input"


LABELS = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool),
    min_size=1,
    max_size=12,
)


@given(labels=LABELS, data=st.data())
def test_the_number_of_an_item_chooses_it(labels: list[str], data: st.DataObject) -> None:
    """Unless another item is called by that number: then it is asked back."""
    items = [{"id": f"item{n}", "content": label} for n, label in enumerate(labels)]
    place = data.draw(st.integers(0, len(labels) - 1))
    asked = {"type": "choice input", "items": items}
    prompt = prompt_of(asked, language="en")
    assert prompt is not None
    options = prompt.offers[0].options
    found = hear("choice input", f"{place + 1}.", items=items, numbered=options)
    if not any(mark.isnumeric() for label in labels for mark in label):
        assert isinstance(found, Understood)
        assert found.say.reply_id == options[place].id


@given(labels=LABELS, data=st.data())
def test_an_exact_label_chooses_an_item_that_is_called_so(
    labels: list[str], data: st.DataObject
) -> None:
    items = [{"id": f"item{n}", "content": label} for n, label in enumerate(labels)]
    label = data.draw(st.sampled_from(labels))
    assert sent(hear("choice input", f" {label} ", items=items)) == label


@pytest.mark.parametrize(
    "mark", ["1", "1 e ", "a@b.co ", "\u0301", "25/12 ", "[", "não ", "mil e ", "\u202e"]
)
def test_the_longest_text_is_read_at_once(mark: str) -> None:
    """WhatsApp's longest has 65,536 characters; it is looked through in part, or not at all."""
    text = mark * (65_536 // len(mark))
    items = [{"id": f"i{place}", "content": f"Opção {place}"} for place in range(100)]
    for type_ in TYPES:
        for options in (None, SEVERAL):
            hear(type_, text, options, items)
            hear(type_, text[:300], options, items)
