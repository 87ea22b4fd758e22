"""Dates, spans and times as people write them: certain, in doubt, or none."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.moments import Limits, Moment, moments, spans
from bridge.core.times_of_day import times

#: A Sunday.
TODAY = date(2026, 11, 22)
FRIDAY = date(2026, 11, 27)
MONDAY = date(2026, 11, 23)


def told(moment: Moment) -> str:
    return moment.day.isoformat() + (f" {moment.at:%H:%M}" if moment.at else "")


def read(
    text: str,
    *,
    today: date = TODAY,
    month_first: tuple[bool, ...] = (False,),
    limits: Limits | None = None,
) -> list[str]:
    found = moments(text, today=today, month_first=month_first, limits=limits or Limits())
    return [told(one) for one in found]


def read_span(text: str, today: date = TODAY) -> list[str]:
    found = spans(text, today=today, month_first=(False,))
    return [f"{told(start)} > {told(end)}" for start, end in found]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("hoje", "2026-11-22"),
        ("Amanhã!", "2026-11-23"),
        ("amanhã de manhã", "2026-11-23"),
        ("depois de amanhã", "2026-11-24"),
        ("ontem", "2026-11-21"),
        ("anteontem", "2026-11-20"),
        ("pasado mañana", "2026-11-24"),
        ("mañana por la mañana", "2026-11-23"),
        ("day after tomorrow", "2026-11-24"),
        ("sexta", "2026-11-27"),
        ("na sexta-feira", "2026-11-27"),
        ("próxima sexta", "2026-11-27"),
        ("sexta que vem", "2026-11-27"),
        ("sexta passada", "2026-11-20"),
        ("next friday", "2026-11-27"),
        ("el lunes", "2026-11-23"),
        ("sábado", "2026-11-28"),
        ("dia 25", "2026-11-25"),
        ("no dia 10", "2026-12-10"),
        ("the 25th", "2026-11-25"),
        ("dia 5 do mês que vem", "2026-12-05"),
        ("25", "2026-11-25"),
        ("\u202e25", "2026-11-25"),
        ("25/12", "2026-12-25"),
        ("10/11", "2026-11-10"),
        ("25/12/26", "2026-12-25"),
        ("25/12/90", "1990-12-25"),
        ("25.12.2026", "2026-12-25"),
        ("25-12-2026", "2026-12-25"),
        ("25 12 2026", "2026-12-25"),
        ("25121990", "1990-12-25"),
        ("19901225", "1990-12-25"),
        ("2026-12-25", "2026-12-25"),
        ("11/22/2026", "2026-11-22"),
        ("٢٥/١٢/٢٠٢٦", "2026-12-25"),
        ("25 de dezembro", "2026-12-25"),
        ("25 de dezembro de 2026", "2026-12-25"),
        ("25 dez 2026", "2026-12-25"),
        ("25/dez/2026", "2026-12-25"),
        ("1º de janeiro", "2027-01-01"),
        ("primeiro de janeiro de 2027", "2027-01-01"),
        ("25 de diciembre de 2026", "2026-12-25"),
        ("December 25th, 2026", "2026-12-25"),
        ("Dec 25", "2026-12-25"),
        ("daqui a 3 dias", "2026-11-25"),
        ("em duas semanas", "2026-12-06"),
        ("dentro de un mes", "2026-12-22"),
        ("in 3 days", "2026-11-25"),
        ("há 3 dias", "2026-11-19"),
        ("3 days ago", "2026-11-19"),
        ("sexta, 27/11", "2026-11-27"),
        ("29/02", "2028-02-29"),
        ("2 de 2", "2027-02-02"),
        ("dia 25 do 12", "2026-12-25"),
        ("25 / 12 / 2026", "2026-12-25"),
        ("250390", "1990-03-25"),
        ("6ª feira", "2026-11-27"),
        ("vinte e cinco de dezembro de dois mil e vinte e seis", "2026-12-25"),
        ("dia 10 deste mês", "2026-11-10"),
        ("quero marcar na sexta, por favor", "2026-11-27"),
    ],
)
def test_a_day_is_read(text: str, day: str) -> None:
    assert read(text) == [day]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("amanhã às 14h30", "2026-11-23 14:30"),
        ("25/12 14:30", "2026-12-25 14:30"),
        ("segunda-feira às 10h", "2026-11-23 10:00"),
        ("10h de amanhã", "2026-11-23 10:00"),
        ("dia 25 às 8 da noite", "2026-11-25 20:00"),
        ("mañana a las 9 de la noche", "2026-11-23 21:00"),
        ("today at 5pm", "2026-11-22 17:00"),
        ("2026-12-25T10:00", "2026-12-25 10:00"),
    ],
)
def test_a_day_with_its_time_is_read(text: str, moment: str) -> None:
    assert read(text) == [moment]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gibberish",
        "31/02",
        "32/01",
        "00/00/0000",
        "amanha talvez",
        "me liga",
        "em 900 anos",
        "dia 32",
        "14.30",
        "sexta ou sábado",
        "x" * 500,
        "2" * 200,
        "1/2/3/4",
    ],
)
def test_what_is_no_day(text: str) -> None:
    assert read(text) == []


@pytest.mark.parametrize(
    ("text", "today", "days"),
    [
        pytest.param("sexta", FRIDAY, ["2026-11-27", "2026-12-04"], id="today has that name"),
        pytest.param("sexta que vem", MONDAY, ["2026-11-27", "2026-12-04"], id="this week has one"),
        pytest.param("próxima sexta", FRIDAY, ["2026-12-04"], id="not today"),
        pytest.param("sexta da semana que vem", MONDAY, ["2026-12-04"], id="of the next week"),
        pytest.param(
            "sexta da semana que vem", TODAY, ["2026-11-27", "2026-12-04"], id="a week on a Sunday"
        ),
        pytest.param("dia 20", TODAY, ["2026-12-20", "2026-11-20"], id="a few days ago"),
        pytest.param("esta sexta", FRIDAY, ["2026-11-27"], id="this one"),
        pytest.param("25/05", TODAY, ["2026-05-25", "2027-05-25"], id="half a year both ways"),
        pytest.param("sexta, 26/11", TODAY, ["2026-11-26", "2026-11-27"], id="contradiction"),
    ],
)
def test_what_may_mean_two_days_tells_both(text: str, today: date, days: list[str]) -> None:
    assert read(text, today=today) == days


def test_day_and_month_are_in_doubt_where_flow_and_people_differ() -> None:
    assert read("03/04", month_first=(False,)) == ["2027-04-03"]
    assert read("03/04", month_first=(True,)) == ["2027-03-04"]
    assert read("03/04/2027", month_first=(True, False)) == ["2027-03-04", "2027-04-03"]
    assert read("13/04/2027", month_first=(True, False)) == ["2027-04-13"]
    assert read("04/04/2027", month_first=(True, False)) == ["2027-04-04"]


def test_limits_decide_between_readings() -> None:
    past, future = Limits(last=TODAY), Limits(first=date(2026, 11, 23))
    assert read("25/05", limits=past) == ["2026-05-25"]
    assert read("25/05", limits=future) == ["2027-05-25"]
    assert read("10/12", limits=past) == ["2025-12-10"]
    assert read("dia 25", limits=past) == ["2026-10-25"]
    assert read("domingo", limits=future) == ["2026-11-29"]


def test_limits_refuse_nothing() -> None:
    assert read("25/12/2026", limits=Limits(last=TODAY)) == ["2026-12-25"]


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("de 10 a 15 de dezembro", "2026-12-10 > 2026-12-15"),
        ("10-15 de dezembro", "2026-12-10 > 2026-12-15"),
        ("entre 10 y 15 de diciembre", "2026-12-10 > 2026-12-15"),
        ("del 10 al 15 de diciembre", "2026-12-10 > 2026-12-15"),
        ("from December 10 to 15", "2026-12-10 > 2026-12-15"),
        ("10/12 até 15/12", "2026-12-10 > 2026-12-15"),
        ("10/12-15/12", "2026-12-10 > 2026-12-15"),
        ("do dia 10 ao dia 15", "2026-12-10 > 2026-12-15"),
        ("hoje até sexta", "2026-11-22 > 2026-11-27"),
        ("sexta até segunda", "2026-11-27 > 2026-11-30"),
        ("28/12 a 03/01", "2026-12-28 > 2027-01-03"),
        ("de 28 a 3 de janeiro", "2026-12-28 > 2027-01-03"),
        ("25/12 das 14h às 16h", "2026-12-25 14:00 > 2026-12-25 16:00"),
        ("25/12 das 22h às 2h", "2026-12-25 22:00 > 2026-12-26 02:00"),
        ("amanhã às 14h até sexta às 16h", "2026-11-23 14:00 > 2026-11-27 16:00"),
        ("01/02/2027 10:00 to 03/02/2027 12:00", "2027-02-01 10:00 > 2027-02-03 12:00"),
        ("2027-02-01 to 2027-02-03", "2027-02-01 > 2027-02-03"),
    ],
)
def test_a_span_is_read(text: str, span: str) -> None:
    assert read_span(text) == [span]


def test_both_ends_of_a_span_are_written_in_one_order() -> None:
    found = spans("01/02/2027 a 03/02/2027", today=TODAY, month_first=(True, False))
    assert [(told(start), told(end)) for start, end in found] == [
        ("2027-01-02", "2027-03-02"),
        ("2027-02-01", "2027-02-03"),
    ]


@pytest.mark.parametrize(
    "text", ["25/12/2026", "hoje", "15/03/2027 a 10/03/2027", "15/03 a 10/03", "a", " - "]
)
def test_what_is_no_span(text: str) -> None:
    assert read_span(text) == []


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("14h30", "14:30"),
        ("14h", "14:00"),
        ("14:30", "14:30"),
        ("14.30", "14:30"),
        ("14:30:10", "14:30"),
        ("1430", "14:30"),
        ("14", "14:00"),
        ("às 9", "09:00"),
        ("02:30", "02:30"),
        ("vinte e uma horas", "21:00"),
        ("meio dia e dez", "12:10"),
        ("02h30", "02:30"),
        ("2 da tarde", "14:00"),
        ("duas e meia da tarde", "14:30"),
        ("8 da noite", "20:00"),
        ("12 da noite", "00:00"),
        ("meio-dia", "12:00"),
        ("meio dia e meia", "12:30"),
        ("meia-noite", "00:00"),
        ("24h", "00:00"),
        ("dez para o meio-dia", "11:50"),
        ("a las dos y media de la tarde", "14:30"),
        ("9 de la mañana", "09:00"),
        ("mediodía", "12:00"),
        ("2pm", "14:00"),
        ("9:05 pm", "21:05"),
        ("12 am", "00:00"),
        ("quarter to 3 pm", "14:45"),
        ("noon", "12:00"),
    ],
)
def test_a_time_is_read(text: str, at: str) -> None:
    assert [f"{one:%H:%M}" for one in times(text)] == [at]


@pytest.mark.parametrize("text", ["duas e meia", "2:30", "2h30", "às 2 e meia", "half past two"])
def test_half_a_clock_is_in_doubt(text: str) -> None:
    assert [f"{one:%H:%M}" for one in times(text)] == ["02:30", "14:30"]


@pytest.mark.parametrize("text", ["", "never", "25h", "14:60", "13 da manhã", "1e3", "14h30 x"])
def test_what_is_no_time(text: str) -> None:
    assert times(text) == ()


@given(text=st.text(max_size=200), first=st.booleans())
def test_no_text_is_too_strange(text: str, first: bool) -> None:
    assert len(moments(text, today=TODAY, month_first=(first,))) <= 4
    assert len(spans(text, today=TODAY, month_first=(first, not first))) <= 4
    assert len(times(text)) <= 2


WORDS = st.sampled_from(
    [
        *("de", "a", "até", "dia", "10", "25/12", "sexta", "hoje", "amanhã", "às", "14h", "2"),
        *("da", "tarde", "março", "2026", "em", "duas", "semanas", "-", "e"),
    ]
)


@given(words=st.lists(WORDS, max_size=8), today=st.dates(date(1905, 1, 1), date(2095, 1, 1)))
def test_no_order_of_known_words_is_too_strange(words: list[str], today: date) -> None:
    text = " ".join(words)
    moments(text, today=today, month_first=(False, True))
    spans(text, today=today, month_first=(False,), limits=Limits(first=today))


@given(
    day=st.dates(date(1900, 1, 1), date(2100, 12, 31)),
    today=st.dates(date(1905, 1, 1), date(2095, 1, 1)),
)
def test_a_full_date_is_the_same_whenever_it_is_said(day: date, today: date) -> None:
    assert read(f"{day:%d/%m/%Y}", today=today) == [day.isoformat()]
    assert read(day.isoformat(), today=today) == [day.isoformat()]
