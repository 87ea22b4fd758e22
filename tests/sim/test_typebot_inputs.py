"""The Typebot stand-in: what inputs accept, beyond what was recorded (typebot-api.md 3)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.sim.typebot.dedicated import _complaint
from bridge.sim.typebot.jsnumbers import number, parse_float, written
from bridge.sim.typebot.replies import Asked, Message, read_reply
from bridge.sim.typebot.variables import fill_rich

#: A Saturday.
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

BUTTONS = [
    {"id": "i1", "content": "Red"},
    {"id": "i2", "content": "Red onion", "value": "ro"},
    {"id": "i3", "content": "Café 😀"},
]
CARDS = [
    {"id": "c1", "title": "Shoe", "paths": [{"id": "p1", "text": "Buy"}, {"id": "p2"}]},
    {"id": "c2", "title": "Hat", "paths": [{"id": "p3", "text": "Buy"}]},
]


def taken(kind: str, said: Message | str | None, **options: Any) -> str | None:
    items = options.pop("items", [])
    asked = Asked(type=f"{kind} input", options=options, items=items, now=NOW)
    message = Message(text=said) if isinstance(said, str) else said
    answer = read_reply(asked, message)
    return None if answer is None else answer.content


@pytest.mark.parametrize(
    ("text", "content"),
    [
        *(("-3.50", "-3.5"), ("+4", "4"), (".5", "0.5"), ("3 e 4", "3"), ("0,5", "0,5")),
        *(("Infinity", "Infinity"), ("1e21", "1e+21"), ("1e-7", "1e-7"), ("", None), ("-", None)),
        *(("12345678901234567890", "12345678901234567000"), ("0x10", "0x10"), ("٣", None)),
    ],
)
def test_a_number_is_what_the_text_begins_with(text, content):
    assert taken("number", text) == content


def test_limits_of_nought_are_none():
    assert taken("number", "-5", min=0) == "-5"
    assert taken("number", "5", max=0) == "5"
    assert taken("number", "5", min="6") is None
    assert taken("number", "5", max=4) is None


@pytest.mark.parametrize("value", [0.1, 1.0, 123456.789, 1e20, 5e-324, -2.5e-7, 2.0**60])
def test_numbers_are_written_as_they_were_read(value):
    assert parse_float(written(value)) == value
    assert number(f" {written(value)} ") == value


@pytest.mark.parametrize(
    ("text", "content"),
    [
        *(
            ("22.11.2026", "22/11/2026"),
            ("1 jan 2027", "01/01/2027"),
            ("24th of December", "24/12/2026"),
        ),
        *(("December 24, 2027", "24/12/2027"), ("yesterday", "20/11/2026"), ("em 3 dias", None)),
        *(("in two weeks", "05/12/2026"), ("31/02/2026", None), ("depois de amanhã", None)),
        *(("monday", "23/11/2026"), ("last friday", "20/11/2026"), ("3 days ago", "18/11/2026")),
        *(("my birthday is on 3 mar", "03/03/2027"), ("2026-11-22T10:00:00", "22/11/2026")),
        *(("o mar", None), ("march", "01/03/2027"), ("mar 2027", "01/03/2027"), ("hoje", None)),
        *(
            ("22/11", "22/11/2026"),
            ("22/11/26", "22/11/2026"),
            ("day after tomorrow", "23/11/2026"),
        ),
    ],
)
def test_dates_are_english_and_day_first(text, content):
    assert taken("date", text) == content


def test_the_format_says_which_number_comes_first_and_how_a_date_is_written():
    assert taken("date", "11/12/2026", format="MM/dd/yyyy") == "11/12/2026"
    assert taken("date", "11/12/2026", format="yyyy-MM-dd") == "2026-11-12"
    assert taken("date", "11/12/2026", format="dd MMM yyyy") == "11 Dec 2026"
    assert taken("date", "11/12/2026", format="d MMM yyyy") == "12 Nov 2026"
    assert taken("date", "tomorrow at 5pm", hasTime=True) == "22/11/2026 17:00"


def test_a_range_needs_both_ends_and_limits_hold_for_both():
    assert taken("date", "22/11/2026 to 25/11/2026", isRange=True) == "22/11/2026 to 25/11/2026"
    assert taken("date", "22/11/2026 - 25/11/2026", isRange=True) == "22/11/2026 to 25/11/2026"
    assert taken("date", "22/11/2026", isRange=True) is None
    assert taken("date", "22/11/2026 to 25/11/2026", isRange=True, max="2026-11-24") is None
    assert taken("date", "20/11/2026", min="2026-11-21") is None
    assert taken("date", "21/11/2026", min="2026-11-21") == "21/11/2026"
    assert taken("date", "24/11/2026", max="2026-11-24") is None
    assert taken("date", "24/11/2026 at 9:30", max="2026-11-24T10:00") == "24/11/2026"


@pytest.mark.parametrize(
    ("text", "content"),
    [
        *(("9am", "09:00"), ("12 am", "00:00"), ("12:30 PM", "12:30"), ("2.30 pm", "14:30")),
        *(("at 5pm.", "17:00"), ("25:00", None), ("10:75", None), ("13 pm", None)),
        *(("2 o'clock", "02:00"), ("at 14", "14:00"), ("5 in the afternoon", "17:00")),
        *(("8 at night", "20:00"), ("10:00-12:00", "10:00"), ("9:5", "09:05"), ("1430", None)),
        *(("meio-dia", None), ("midnight", "00:00"), ("às 14:30", "14:30"), ("14h", None)),
    ],
)
def test_times_need_minutes_or_half_a_day(text, content):
    assert taken("time", text) == content


def test_a_time_is_written_in_its_format():
    assert taken("time", "14:30", format="h:mm a") == "2:30 PM"


@pytest.mark.parametrize("text", ["", "-1", "5", " 4 ", "0x3", "1e0"])
def test_a_rating_has_no_lower_bound(text):
    assert taken("rating", text, length=5) == text


@pytest.mark.parametrize("text", ["6", "five", "4 stars", "Infinity"])
def test_a_rating_above_the_length_or_no_number_is_refused(text):
    assert taken("rating", text, length=5) is None


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        *(("http://example.com", True), ("example.com/a?b=c#d", True), ("a.b", False)),
        *(("localhost:3000/x", True), ("ftp://example.com", False), ("two words.com", False)),
        *(("https://münchen.example/ü", True), ("javascript:alert(1)", False), ("", False)),
        ("https://example.com/x\nhttps://example.com/y", False),
    ],
)
def test_a_url_needs_a_host_with_a_dot(text, fits):
    assert (taken("url", text) is not None) == fits


@pytest.mark.parametrize(
    ("text", "content"),
    [
        *(("A.B@C-D.example", "a.b@c-d.example"), ("a b@c.co", None), ("a@b.c", None)),
        *(("a@b..co", None), ("a@b.co,c@d.co", None), ("ana@exemplo.com\n", None)),
    ],
)
def test_an_address_is_whole_and_lower_case(text, content):
    assert taken("email", text) == content


def test_a_national_number_needs_a_country():
    assert taken("phone number", "+55 11 98765-0001") == "+5511987650001"
    assert taken("phone number", "call (11) 98765-0001!", defaultCountryCode="BR") is not None
    assert taken("phone number", "(11) 98765-0001") is None


def test_files_are_urls_with_an_ending_that_is_allowed():
    pictures = {"allowedFileTypes": {"isEnabled": True, "types": [".jpg", "audio/*"]}}
    assert taken("file", "https://a.co/x.JPEG", **pictures) == "https://a.co/x.JPEG"
    assert taken("file", "https://a.co/x.ogg", **pictures) is not None
    assert taken("file", "https://a.co/x.jpg?token=1", **pictures) is None
    assert taken("file", "https://a.co/x", **pictures) is None
    assert taken("file", "https://a.co/x", allowedFileTypes={"isEnabled": False}) is not None
    assert taken("file", "https://a.co/1, nope", isMultipleAllowed=True) is not None
    assert taken("file", "nope, neither", isMultipleAllowed=True) is None
    assert taken("file", None) is None
    voice = Message(url="https://a.co/v.ogg")
    assert taken("file", voice) == "https://a.co/v.ogg"
    assert taken("file", voice, allowedFileTypes={"isEnabled": True, "types": [".jpg"]}) is None


def test_a_voice_message_answers_inputs_of_texts_and_files_alone():
    voice = Message(url="https://a.co/v.ogg")
    assert taken("text", voice) == "https://a.co/v.ogg"
    assert taken("url", voice) is None
    assert taken("rating", voice) is None
    assert taken("payment", voice) is None


@pytest.mark.parametrize(
    ("text", "reply_id", "content"),
    [
        *(
            ("Red", None, "Red"),
            ("Red onion", None, "ro"),
            (" ro ", None, "ro"),
            ("i2", None, "ro"),
        ),
        *(("Café 😀", None, "Café 😀"), ("Cafe 😀", None, None), ("red", None, None)),
        *(("x", "i1", "Red"), ("x", "i9", None), ("", None, None), ("2", None, None)),
    ],
)
def test_one_button_is_matched_exactly(text, reply_id, content):
    said = Message(text=text, reply_id=reply_id)
    assert taken("choice", said, items=BUTTONS) == content


@pytest.mark.parametrize(
    ("text", "content"),
    [
        *(("red onion", "ro"), ("Red onion and red", "Red, ro"), ("3;1", "Red, Café 😀")),
        *(("i3 i1", "Red, Café 😀"), ("café 😀", "Café 😀"), ("redder", None), ("4", None)),
        *(("3, 3, 3", "Café 😀"), ("", None)),
    ],
)
def test_several_buttons_are_found_anywhere_in_their_own_order(text, content):
    assert taken("choice", text, items=BUTTONS, isMultipleChoice=True) == content


@pytest.mark.parametrize(
    ("text", "reply_id", "path"),
    [
        *(("p2", None, "p2"), ("x", "p3", "p3"), ("HAT", None, "p3"), ("Buy", None, None)),
        *(("1", None, None), ("", None, None), ("c1", None, None)),
    ],
)
def test_a_card_is_matched_by_path_or_title(text, reply_id, path):
    asked = Asked(type="cards", options={}, items=CARDS, now=NOW)
    answer = read_reply(asked, Message(text=text, reply_id=reply_id))
    chosen = answer.chosen if answer else None
    assert (chosen.path["id"] if chosen and chosen.path else None) == path


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "Unexpected end of JSON input"),
        ("olá", "Unexpected token 'o', \"olá\" is not valid JSON"),
        ("true!", "Unexpected token '!', \"true!\" is not valid JSON"),
        ("{x}", "Unexpected token 'x', \"{x}\" is not valid JSON"),
    ],
)
def test_text_that_is_no_json_is_complained_about_by_its_first_wrong_sign(text, complaint):
    assert _complaint(text) == complaint


def shown(line: str, **values: Any) -> list[dict[str, Any]]:
    return fill_rich([{"type": "p", "children": [{"text": line}]}], values.get)


def test_an_unset_variable_is_dropped_and_a_set_one_is_a_leaf_of_its_own():
    assert shown("a {{x}} b") == [{"type": "p", "children": [{"text": "a "}, {"text": " b"}]}]
    assert shown("a {{x}}", x="1") == [{"type": "p", "children": [{"text": "a "}, {"text": "1"}]}]
    assert shown("{{x}}") == [{"type": "p", "children": [{"text": ""}]}]


def test_a_value_is_read_as_markdown():
    (paragraph,) = shown("so: {{x}}", x="**b** and [l](https://e.com) `c` ~~s~~ _i_ a_b_c")
    assert paragraph["children"] == [
        {"text": "so: "},
        {"text": "b", "bold": True},
        {"text": " and "},
        {"type": "a", "url": "https://e.com", "children": [{"text": "l"}]},
        {"text": " "},
        {"text": "c", "code": True},
        {"text": " "},
        {"text": "s", "strikethrough": True},
        {"text": " "},
        {"text": "i", "italic": True},
        {"text": " a_b_c"},
    ]


def test_a_line_that_is_only_a_variable_becomes_the_blocks_of_its_value():
    blocks = shown("{{x}}", x="# T\n> q\n\n1. a\n   - b\n\n```\nc\n```\n---\nlast\nline")
    assert [block["type"] for block in blocks if block["children"] != [{"text": ""}]] == [
        *("h1", "blockquote", "ol", "code_block"),
        *("p", "p"),
    ]
    assert "hr" in {block["type"] for block in blocks}
