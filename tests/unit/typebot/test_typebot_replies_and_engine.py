"""What we send, as the stand-in's engine reads it: what was meant, and never less than before."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from bridge.core.flow import AskBack, Say, Understood, Utterance
from bridge.sim.typebot.jsnumbers import parse_float
from bridge.sim.typebot.replies import Asked, Message, read_reply
from bridge.typebot.replying import meaning

#: A Sunday.
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
FORMATS = st.sampled_from(["dd/MM/yyyy", "MM/dd/yyyy", "yyyy-MM-dd"])
WORDS = st.sampled_from(["Queijo", "duplo", "Red", "onion", "Onion", "1", "2", "10", "e", "pão"])
LABELS = st.lists(
    st.lists(WORDS, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=6, unique=True
)


def items_of(labels: list[str]) -> list[dict[str, Any]]:
    return [{"id": f"cl{n}x7k2", "content": label} for n, label in enumerate(labels)]


def engine(type_: str, say: Say, options: dict[str, Any], items: Any = ()) -> str | None:
    asked = Asked(type=type_, options=options, items=list(items), now=NOW.replace(tzinfo=None))
    answer = read_reply(asked, Message(text=say.text, reply_id=say.reply_id))
    return answer.content if answer else None


def hear(
    type_: str, text: str, options: dict[str, Any], items: Any = (), *, again: bool = False
) -> Any:
    asked = {"id": "in", "type": type_, "options": options, "items": list(items)}
    return meaning(
        asked, Utterance(text=text), now=NOW, country="BR", language="pt_BR", asked_back=again
    )


@given(labels=LABELS, data=st.data())
def test_several_numbers_choose_exactly_these(labels: list[str], data: st.DataObject) -> None:
    """Also where labels hold one another, or are numbers themselves."""
    items, options = items_of(labels), {"isMultipleChoice": True}
    places = data.draw(st.sets(st.integers(0, len(labels) - 1), min_size=1))
    text = ", ".join(str(place + 1) for place in sorted(places))
    found = hear("choice input", text, options, items)
    if not any(char.isdigit() for label in labels for char in label):
        assert isinstance(found, Understood)
        wanted = ", ".join(labels[place] for place in sorted(places))
        assert engine("choice input", found.say, options, items) == wanted


@given(labels=LABELS, data=st.data())
def test_whole_labels_choose_exactly_these(labels: list[str], data: st.DataObject) -> None:
    items, options = items_of(labels), {"isMultipleChoice": True}
    label = data.draw(st.sampled_from(labels))
    found = hear("choice input", label, options, items)
    assert isinstance(found, Understood)
    alike = [one for one in labels if one.casefold() == label.casefold()]
    chosen = engine("choice input", found.say, options, items)
    assert chosen == label or len(alike) > 1


@given(labels=LABELS, data=st.data())
def test_what_the_engine_takes_for_one_of_them_stays_so(
    labels: list[str], data: st.DataObject
) -> None:
    items = items_of(labels)
    text = data.draw(st.sampled_from([*labels, *(item["id"] for item in items)]))
    found = hear("choice input", f" {text}\n", {}, items)
    assert isinstance(found, Understood)
    assert engine("choice input", found.say, {}, items) == engine(
        "choice input", Say(text=text), {}, items
    )


@given(
    text=st.from_regex(
        r"[+-]?[0-9]{1,8}([.][0-9]{1,2}|[.][0-9]{4,6})?( (kg|reais|%))?", fullmatch=True
    ),
    low=st.none() | st.integers(-5, 5),
    again=st.booleans(),
)
def test_a_number_that_the_engine_takes_stays_that_number(
    text: str, low: int | None, again: bool
) -> None:
    """Where it is asked back it breaks a bound, also one that the engine forgets."""
    options = {} if low is None else {"min": low}
    found = hear("number input", text, options, again=again)
    if isinstance(found, Understood):
        taken = engine("number input", Say(text=text), options)
        sent = engine("number input", found.say, options)
        assert (sent is None) == (taken is None)
        assert sent is None or float(sent) == parse_float(taken or "")
    else:
        assert low is not None
        assert parse_float(text) < low


@given(
    text=st.text(max_size=12) | st.integers().map(str) | st.floats().map(str), again=st.booleans()
)
@example(text="-Infinity", again=True)
@example(text="-99999999999999999999999", again=True)
@example(text="", again=True)
@example(text="0x1", again=True)
def test_nothing_below_a_rating_or_a_bound_of_zero_gets_through(text: str, again: bool) -> None:
    for type_, options, low in (
        ("rating input", {"length": 5}, 1),
        ("number input", {"min": 0, "max": 10}, 0),
    ):
        found = hear(type_, text, options, again=again)
        if isinstance(found, Understood):
            taken = engine(type_, found.say, options)
            assert taken is None or low <= float(taken.replace(",", ".")) <= 10
        elif isinstance(found, AskBack):
            assert found.text


@given(day=st.dates(date(1930, 1, 1), date(2090, 1, 1)), at=st.times(), format_=FORMATS)
def test_a_date_is_the_same_for_the_engine(day: date, at: Any, format_: str) -> None:
    said = f"{_named(day)} às {at:%H}h{at:%M}"
    for has_time, wanted in ((False, ""), (True, f" {at:%H:%M}")):
        options = {"hasTime": has_time, "format": f"yyyy-MM-dd{' HH:mm' if has_time else ''}"}
        for pattern in (options["format"], f"{format_} HH:mm" if has_time else format_):
            given_ = {**options, "format": pattern}
            found = hear("date input", said, given_)
            assert isinstance(found, Understood)
            assert engine("date input", found.say, options) == f"{day.isoformat()}{wanted}" or (
                pattern.startswith("dd")
            )
            if pattern.startswith("dd"):
                shown = engine("date input", found.say, given_)
                assert shown == f"{day:%d/%m/}{day.year:04}{wanted}"


@given(
    start=st.dates(date(1930, 1, 1), date(2090, 1, 1)),
    days=st.integers(1, 400),
    at=st.times(),
    format_=FORMATS,
)
def test_both_ends_of_a_span_are_the_same_for_the_engine(
    start: date, days: int, at: Any, format_: str
) -> None:
    """A time before a date is where the engine's English goes wrong."""
    end = date.fromordinal(start.toordinal() + days)
    said = f"de {_named(start)} 08:15 até {_named(end)} {at:%H:%M}"
    options = {"hasTime": True, "isRange": True, "format": f"{format_} HH:mm"}
    found = hear("date input", said, options, again=True)
    assert isinstance(found, Understood)
    pattern = {"dd": "%d/%m/%Y", "MM": "%m/%d/%Y", "yy": "%Y-%m-%d"}[format_[:2]]
    wanted = f"{start:{pattern}} 08:15 to {end:{pattern}} {at:%H:%M}"
    assert engine("date input", found.say, options) == wanted


@given(at=st.times())
def test_a_time_is_the_same_for_the_engine(at: Any) -> None:
    for said in (f"{at:%H}h{at:%M}", f"às {at:%H:%M}", f"{at:%H}.{at:%M}"):
        found = hear("time input", said, {})
        assert isinstance(found, Understood)
        assert engine("time input", found.say, {}) == f"{at:%H:%M}"


MONTHS = (
    *("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto"),
    *("setembro", "outubro", "novembro", "dezembro"),
)


def _named(day: date) -> str:
    return f"{day.day} de {MONTHS[day.month - 1]} de {day.year}"
