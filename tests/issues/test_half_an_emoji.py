"""A name that was cut in the middle of an emoji: half a surrogate pair in Meta's JSON."""

from __future__ import annotations

import orjson
import pytest

from bridge.http.routes.webhooks import decode
from bridge.sim.graph import sign
from support.bridge_house import APP_SECRET, MARINA, House


async def test_the_message_arrives_all_the_same(house: House) -> None:
    _, payload = house.graph.draft(MARINA, "oi CUT", name="Marina")
    body = orjson.dumps(payload).replace(b"CUT", rb"\ud83d")
    headers = {"X-Hub-Signature-256": sign(body, APP_SECRET)}
    async with house.http.post(f"{house.url}/webhook/meta", data=body, headers=headers) as answer:
        assert answer.status == 200
    await house.quiet()
    assert [message.content for message in house.chats()[0].messages] == ["oi \ufffd"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(rb'"\ud83d\ude00"', "\U0001f600", id="a whole pair"),
        pytest.param(rb'"a\ud83d"', "a\ufffd", id="its first half"),
        pytest.param(rb'"\ude00 \ud83d\ude00"', "\ufffd \U0001f600", id="its second half"),
        pytest.param(rb'"\\ud83d \ud83d"', "\\ud83d \ufffd", id="an escaped backslash"),
        pytest.param(b'{"a":', None, id="no JSON"),
    ],
)
def test_only_halves_are_replaced(body: bytes, expected: object) -> None:
    assert decode(body) == expected
