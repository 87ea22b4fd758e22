"""JSON as people paste it is refused in words that a beginner can act on."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import Invalid
from bridge.http.reading import decode_object
from support.bridge_house import House

#: The body of seed 003's chapter "with webhook", its placeholders filled.
COMMENTED = """\
{
"instanceName": "loja",
"token": "key-of-the-shop",
"qrcode": true,
"webhook": "http://127.0.0.1:9/hook",
"webhookByEvents": false,
"events": [
// "APPLICATION_STARTUP",
"QRCODE_UPDATED",
// "MESSAGES_SET",
"MESSAGES_UPSERT",
"MESSAGES_UPDATE",
"MESSAGES_DELETE",
"SEND_MESSAGE",
// "CONTACTS_SET",
// "CONTACTS_UPSERT",
// "CONTACTS_UPDATE",
// "PRESENCE_UPDATE",
// "CHATS_SET",
// "CHATS_UPSERT",
// "CHATS_UPDATE",
// "CHATS_DELETE",
// "GROUPS_UPSERT",
// "GROUP_UPDATE",
// "GROUP_PARTICIPANTS_UPDATE",
"CONNECTION_UPDATE"
// "NEW_JWT_TOKEN"
]
}
"""


def refusal(body: str) -> str:
    with pytest.raises(Invalid) as caught:
        decode_object(body.encode())
    assert caught.value.cause == "request.invalid"
    assert caught.value.__cause__ is None  # it would hold the body
    (message,) = caught.value.messages
    return message


async def test_a_documented_body_with_comments_is_refused_with_their_lines(empty_house: House):
    status, answer = await empty_house.call(
        "POST",
        "/instance/create",
        data=COMMENTED.encode(),
        headers={"Content-Type": "application/json"},
    )
    assert (status, answer["error"]) == (400, "Bad Request")
    assert answer["response"]["code"] == "request.invalid"
    (message,) = answer["response"]["message"]
    assert message == (
        "JSON has no comments; remove the one at line 8, column 1, and those at the beginning of "
        "line 10, 15-25, 27."
    )
    assert await empty_house.ok("GET", "/instance/fetchInstances") == []


async def test_without_its_comments_the_documented_body_is_taken(empty_house: House):
    body = "".join(
        line for line in COMMENTED.splitlines(keepends=True) if not line.startswith("//")
    )
    made = await empty_house.ok(
        "POST",
        "/instance/create",
        data=body.encode(),
        headers={"Content-Type": "application/json"},
    )
    assert made["hash"] == {"apikey": "key-of-the-shop"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"a": 1, /* why */ "b": 2}', "no comments; remove the one at line 1, column 10."),
        ('{"a": 1, # why\n"b": 2}', "no comments; remove the one at line 1, column 10."),
        ('{"a": 1}\n// why', "no comments; remove the one at line 2, column 1."),
        ("{//\n" * 40, "no comments; remove the one at line 1, column 2."),
        ('{"a": 1,\n}', "After the last entry stands no comma; remove the one at line 1, column 8"),
        ('{"a": [1, 2,]}', "no comma; remove the one at line 1, column 12."),
        ("{'a': 1}", "' at line 1, column 2 is none. Replace all of its kind."),
        ('{"a": “b”}', '(") only; “ at line 1, column 7 is none. Replace all of its kind.'),
        ("{„a“: 1}", "„ at line 1, column 2 is none."),
        ('{"a": «b»}', "« at line 1, column 7 is none."),
        ("{a: 1}", "At line 1, column 2 the name of a field is wanted, in double quotes."),
        ('{"a" 1}', "A colon is missing before line 1, column 6"),
        ('{"a": 1 "b": 2}', "A comma, or the end of the text before, is missing before line 1"),
        ('{"a": "say "b""}', "A comma, or the end of the text before, is missing before line 1"),
        ('{"a": [1, 2}', "The bracket at line 1, column 12 closes something else"),
        ('{"a": True}', "true, false and null, in lower case; correct line 1, column 7."),
        ('{"a": None}', "true, false and null, in lower case; correct line 1, column 7."),
        ('{"a": undefined}', "true, false and null"),
        ('{"a": https://b}', "A text stands in double quotes; they are missing at line 1"),
        ('{"a": [token]}', "A text stands in double quotes; they are missing at line 1, column 8."),
        ('{"a": <url>}', "A text stands in double quotes; they are missing at line 1"),
        ('{"a": ,}', "A value is missing or mistyped at line 1, column 7."),
        ('{"a": "b\nc"}', "A text holds a line break or a tab at line 1"),
        ('{"a": "C:\\x"}', "A backslash in a text has to be written twice (\\\\); see line 1"),
        ('{"a": 0551}', "A number begins with 0 at line 1, column 7; put it in double quotes."),
        ('{"a": 1}}', "Something follows the end of the JSON object; remove it from line 1"),
        ("a=1&b=2", 'it must be a JSON object, such as {"instanceName": "loja"}.'),
        ("<a/>", "The request body is not JSON"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_to_do(body: str, message: str):
    assert message in refusal(body)


def test_many_lines_with_comments_are_not_all_listed():
    message = refusal("{\n" + "//\n\n" * 100 + "}")
    assert message.startswith("JSON has no comments; remove the one at line 2, column 1, and those")
    assert message.endswith("60, 62 and more.")


@pytest.mark.parametrize("mark", ["'", "“", "<", "x", ",", "//", "0", "{"])
def test_the_text_is_never_repeated(mark: str):
    assert "hunter2" not in refusal(f'{{"token": {mark}hunter2, "b": 1}}')


@given(st.text(max_size=60))
def test_any_text_is_refused_in_one_sentence_or_read(text: str):
    body = f'{{"a": {text}}}'
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        assert 10 < len(refusal(body)) < 300
    else:
        assert isinstance(read, dict)
