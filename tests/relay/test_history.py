"""What was written before a number was connected is kept for an import, and nobody sees it."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.relay import history
from support.bridge_house import NAME, House

THREADS = [
    {
        "id": "5511987650001",
        "messages": [
            {
                "from": "5511987650001",
                "id": "wamid.OLD",
                "timestamp": "1794900000",
                "type": "text",
                "text": {"body": "Vocês abrem domingo?"},
                "history_context": {"status": "READ"},
            }
        ],
    }
]
CHUNK = {"metadata": {"phase": 0, "chunk_order": 1, "progress": 12}, "threads": THREADS}
FILES = [{"id": "wamid.OLD2", "from": "5511987650001", "type": "image", "image": {"id": "9"}}]


def told(house: House, **items: Any) -> dict[str, Any]:
    metadata = {"phone_number_id": next(iter(house.graph.numbers))}
    value = {"messaging_product": "whatsapp", "metadata": metadata, **items}
    return {"entry": [{"id": "1", "changes": [{"field": "history", "value": value}]}]}


async def tell(house: House, **items: Any) -> None:
    assert await house.graph.deliver(told(house, **items)) == 200


async def counted(house: House) -> dict[str, int]:
    events = await house.events()
    return {
        cause: count
        for (road, outcome, cause), count in events.items()
        if road == "signal" and outcome == "ignored"
    }


async def kept(house: House) -> list[dict[str, Any]]:
    rows = await house.rows("SELECT payload FROM history ORDER BY told_at, rowid")
    return [history.unpacked(row["payload"]) for row in rows]


async def test_a_chunk_is_kept_whole_and_shown_to_nobody(house: House) -> None:
    before = len(house.chat.messages())

    await tell(house, history=[CHUNK])
    await tell(house, messages=FILES)
    await house.quiet()

    (chunk, files) = await kept(house)
    assert chunk["history"] == [CHUNK]
    assert files["messages"] == FILES
    assert len(house.chat.messages()) == before
    assert house.chats() == []
    assert (await counted(house))["history"] == 2
    assert not any((await house.balance()).values())


async def test_a_chunk_that_comes_again_is_kept_once(house: House) -> None:
    for _ in range(3):
        await tell(house, history=[CHUNK])

    assert len(await kept(house)) == 1
    rules = await counted(house)
    assert (rules["history"], rules["duplicate"]) == (1, 2)


@pytest.mark.parametrize(
    ("limit", "rule"), [("LARGEST", "history.too_large"), ("MOST", "history.full")]
)
async def test_history_cannot_fill_the_disk(
    house: House, monkeypatch: pytest.MonkeyPatch, limit: str, rule: str
) -> None:
    await tell(house, messages=FILES)
    monkeypatch.setattr(history, limit, 200)
    await tell(house, history=[CHUNK])

    assert len(await kept(house)) == 1
    assert (await counted(house))[rule] == 1
    assert not any((await house.balance()).values())


async def test_history_goes_with_its_instance(house: House) -> None:
    await tell(house, history=[CHUNK])
    await house.ok("DELETE", f"/instance/delete/{NAME}")

    assert await house.rows("SELECT id FROM history") == []


async def test_history_of_an_unknown_number_is_counted(house: House) -> None:
    body = told(house, history=[CHUNK])
    body["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = "412900007654321"
    assert await house.graph.deliver(body) == 200

    assert await kept(house) == []
    assert (await counted(house))["whatsapp.unknown_number"] == 1
