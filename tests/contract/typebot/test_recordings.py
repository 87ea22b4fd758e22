"""Every recording of a running Typebot 3.18 is replayed against the stand-in.

A recording is compared as it is: status, body, and every header that it holds. Taken out are,
where both have them, what is new in every chat: `sessionId`, `resultId` (of equal length, and put
into the requests that follow), the id of a custom embed, and `publishedAt`; and how long a call
took (`ms`). The day is that of the recordings. Exchanges are sent one after the other, those that
are labelled "concurrent" at once. The flows in `flows/` say what the bots hold, in the words of
the stand-in; nothing in them is an answer.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge.sim.typebot import TypebotSim, load

HERE = Path(__file__).parent
RECORDINGS = sorted(path.stem for path in (HERE / "recordings").glob("*.json"))
FLOWS = [load(path) for path in sorted((HERE / "flows").glob("*.toml"))]
#: When the recordings were made: the day that "tomorrow" follows.
THEN = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TOKEN = "rig-api-token-0123456789"
#: Headers that a client could look at; the recordings hold these three.
HEADERS = ("vary", "access-control-allow-origin", "content-type")


def recording(name: str) -> list[dict[str, Any]]:
    said = json.loads((HERE / "recordings" / f"{name}.json").read_text(encoding="utf-8"))
    exchanges: list[dict[str, Any]] = said["exchanges"]
    return exchanges


class Replay:
    """Sends recorded requests, with the ids of this run in the place of the recorded ones."""

    def __init__(self, url: str, client: aiohttp.ClientSession) -> None:
        self._url = url
        self._client = client
        self._ids: dict[str, str] = {}

    async def send(self, exchange: dict[str, Any]) -> None:
        request, recorded = exchange["request"], exchange["response"]
        status, headers, body = await self._ask(request)
        assert (status, self._known(body)) == (
            recorded["status"],
            self._known(recorded["body"]),
        ), request
        for name, value in recorded.get("headers", {}).items():
            assert name in HEADERS
            assert headers.get(name) == value
        self._learn(recorded["body"], body)

    async def _ask(self, request: dict[str, Any]) -> tuple[int, Any, Any]:
        path, data = request["path"], request.get("rawBody")
        if data is None and request.get("body") is not None:
            data = json.dumps(request["body"])
        for recorded, own in self._ids.items():
            path = path.replace(recorded, own)
            data = data and data.replace(recorded, own)
        sent = request.get("headers") or ({"content-type": "application/json"} if data else {})
        async with self._client.request(
            request["method"], self._url + path, data=data, headers=sent
        ) as answer:
            text = await answer.text()
            is_json = answer.headers.get("content-type") == "application/json"
            return answer.status, answer.headers, json.loads(text) if is_json else text

    def _known(self, body: Any) -> Any:
        """Leave out what cannot be the same twice, where both have it."""
        if not isinstance(body, dict):
            return body
        told = {
            key: "an id" if key in ("sessionId", "resultId") else val for key, val in body.items()
        }
        if "publishedAt" in body.get("typebot", {}):
            told["typebot"] = {**body["typebot"], "publishedAt": "a time"}
        if "messages" in body:
            told["messages"] = [
                {**message, "id": "an id"} if message["type"] == "custom-embed" else message
                for message in body["messages"]
            ]
        return told

    def _learn(self, recorded: Any, own: Any) -> None:
        for key in ("sessionId", "resultId"):
            if isinstance(recorded, dict) and key in recorded:
                assert len(own[key]) == len(recorded[key])
                self._ids[recorded[key]] = own[key]


@pytest.mark.parametrize("name", RECORDINGS)
async def test_the_stand_in_answers_as_typebot_did(name):
    sim = TypebotSim(flows=FLOWS, api_token=TOKEN, clock=lambda: THEN)
    exchanges = recording(name)
    count = len(exchanges)
    async with sim, aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as client:
        replay = Replay(sim.url, client)
        while exchanges:
            batch = exchanges[:1]
            if batch[0].get("label") == "concurrent":
                batch = [e for e in exchanges if e.get("label") == "concurrent"]
                sim.meet(len(batch))
            await asyncio.gather(*(replay.send(exchange) for exchange in batch))
            exchanges = exchanges[len(batch) :]
    assert len(sim.calls) == count


def test_all_recordings_are_there_with_every_exchange():
    statuses = Counter(
        exchange["response"]["status"] for name in RECORDINGS for exchange in recording(name)
    )
    assert len(RECORDINGS) == 52
    assert statuses == {200: 396, 204: 1, 400: 10, 401: 1, 403: 1, 404: 10, 500: 2}
