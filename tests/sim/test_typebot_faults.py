"""The Typebot stand-in: how it fails on demand, takes files, and is driven from outside."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from bridge.sim.typebot import TypebotSim

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
COUNT = {
    "public_id": "bot",
    "variables": {"v": "first", "w": "second"},
    "groups": [
        {
            "id": "g1",
            "blocks": [
                {"id": "a", "type": "text input", "options": {"variableId": "v"}},
                {"id": "b", "type": "text input", "options": {"variableId": "w"}},
                {"id": "c", "type": "text", "text": "{{first}}+{{second}}"},
                {"id": "d", "type": "text input"},
            ],
        }
    ],
}
FILE = {
    "public_id": "file",
    "groups": [
        {
            "id": "g1",
            "blocks": [
                {
                    "id": "f",
                    "type": "file input",
                    "options": {
                        "sizeLimit": 1,
                        "allowedFileTypes": {"isEnabled": True, "types": ["image/*", ".pdf"]},
                    },
                },
                {"id": "t", "type": "text", "text": "thanks"},
                {"id": "e", "type": "email input"},
            ],
        }
    ],
}


@pytest.fixture
async def sim() -> AsyncIterator[TypebotSim]:
    async with TypebotSim(clock=lambda: NOW) as sim:
        sim.put_said(COUNT)
        sim.put_said(FILE)
        yield sim


@pytest.fixture
async def client(sim: TypebotSim) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(sim.url) as client:
        yield client


async def post(client: aiohttp.ClientSession, path: str, body: Any = None) -> tuple[int, Any]:
    async with client.post(path, json=body or {}) as got:
        is_json = got.content_type == "application/json"
        return got.status, await got.json() if is_json else await got.text()


async def started(client: aiohttp.ClientSession, bot: str = "bot") -> str:
    _, body = await post(client, f"/api/v1/typebots/{bot}/startChat")
    return str(body["sessionId"])


async def say(client: aiohttp.ClientSession, session: str, text: str) -> tuple[int, Any]:
    return await post(client, f"/api/v1/sessions/{session}/continueChat", {"message": text})


async def test_a_call_may_fail_after_the_flow_has_moved_on(sim, client):
    session = await started(client)
    sim.faults.done_but(500, route="continueChat", times=1)
    status, body = await say(client, session, "one")
    assert (status, body["code"]) == (500, "INTERNAL_SERVER_ERROR")
    assert sim.sessions[session].block == "b"
    assert sim.sessions[session].values["first"] == "one"


async def test_a_call_may_fail_before_anything_is_done(sim, client):
    session = await started(client)
    sim.faults.fail(429, retry_after=3, times=1)
    async with client.post(f"/api/v1/sessions/{session}/continueChat", json={}) as got:
        assert (got.status, got.headers["Retry-After"]) == (429, "3")
    sim.faults.fail(502, times=1)
    assert await say(client, session, "one") == (502, "<html><body><h1>502</h1></body></html>")
    assert sim.sessions[session].block == "a"
    assert [call.status for call in sim.calls_of("continueChat")] == [429, 502]


@pytest.mark.parametrize(("acts", "block"), [(False, "a"), (True, "b")])
async def test_a_connection_may_be_cut_before_the_work_or_after_it(sim, client, acts, block):
    session = await started(client)
    sim.faults.reset(route="continueChat", times=1, acts=acts)
    with pytest.raises(aiohttp.ClientError):
        await say(client, session, "one")
    assert sim.sessions[session].block == block


async def test_a_call_may_hang_until_it_is_let_go(sim, client):
    session = await started(client)
    fault = sim.faults.hang(60, route="continueChat", acts=True)
    call = asyncio.ensure_future(say(client, session, "one"))
    await sim.wait_for(lambda: sim.sessions[session].block == "b")
    assert not call.done()
    fault.off()
    assert (await call)[0] == 200


async def test_a_session_may_be_gone_or_expired(sim, client):
    session = await started(client)
    sim.expire(session)
    status, body = await say(client, session, "x")
    assert (status, body["message"]) == (
        404,
        "Session expired. You need to start a new session.",
    )
    sim.drop(session)
    status, body = await say(client, session, "x")
    assert (status, body["message"]) == (404, "Session not found.")


async def test_two_calls_at_once_run_the_same_block_and_the_last_writer_wins(sim, client):
    session = await started(client)
    sim.meet(2)
    both = await asyncio.gather(say(client, session, "x"), say(client, session, "y"))
    assert [body["input"]["id"] for _, body in both] == ["b", "b"]
    assert sim.sessions[session].values["first"] in ("x", "y")
    _, body = await say(client, session, "z")
    assert body["messages"][0]["id"] == "c"


async def test_an_older_viewer_lacks_routes_and_speaks_of_errors_otherwise(sim, client):
    sim.missing = {"startChat", "continueChat"}
    assert await post(client, "/api/v1/typebots/bot/startChat") == (404, "Not found")
    sim.old_errors = True
    assert await post(client, "/api/v1/sendMessage", {"startParams": {"typebot": "nope"}}) == (
        404,
        {"message": "Typebot not found", "code": "NOT_FOUND"},
    )
    status, body = await post(client, "/api/v2/sendMessage", {"startParams": {}})
    assert (status, body["issues"][0]["path"]) == (400, ["startParams", "typebot"])
    async with client.get("/api/openapi.json") as got:
        assert "/v1/typebots/{publicId}/startChat" not in (await got.json())["paths"]


async def test_health_and_the_token_can_be_checked(sim, client):
    async with client.get("/api/healthz") as got:
        assert await got.json() == {"status": "ok"}
    async with client.get("/api/openapi.json") as got:
        told = await got.json()
        assert told["info"]["version"] == "3.0.0"
        assert "/v3/generate-upload-url" in told["paths"]
    token = {"Authorization": f"Bearer {sim.api_token}"}
    for path in ("/api/typebots", "/api/users/me"):
        async with client.get(path) as got:
            assert got.status == 401
        async with client.get(path, headers=token) as got:
            assert got.status == 200


# -- files -----------------------------------------------------------------------------------


async def slot(client: aiohttp.ClientSession, session: str, **said: Any) -> tuple[int, Any]:
    body = {"sessionId": session, "blockId": "any", "fileName": "x.jpg", **said}
    return await post(client, "/api/v3/generate-upload-url", body)


async def test_a_file_is_put_and_its_address_answers_the_input(sim, client):
    session = await started(client, "file")
    status, way = await slot(client, session, fileType="image/jpeg", fileSize=4)
    assert (status, way["formData"], way["fileType"], way["maxFileSize"]) == (
        *(200, {}, "image/jpeg"),
        1,
    )
    async with client.put(way["presignedUrl"], data=b"\xff\xd8\r\n") as got:
        assert got.status == 204
    async with client.get(way["fileUrl"]) as got:
        assert await got.read() == b"\xff\xd8\r\n"
    _, body = await say(client, session, way["fileUrl"])
    assert body["messages"][0]["id"] == "t"


async def test_an_older_installation_takes_a_form_with_the_file_last(sim, client):
    sim.uploads.style = "post"
    session = await started(client, "file")
    _, way = await slot(client, session, fileType="image/png")
    content = bytes(range(256)) * 3
    form = aiohttp.FormData(way["formData"])
    form.add_field("file", content, filename="x.png", content_type="image/png")
    async with client.post(way["presignedUrl"], data=form) as got:
        assert got.status == 204
    async with client.get(way["fileUrl"]) as got:
        assert (await got.read(), got.content_type) == (content, "image/png")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"sessionId": "nope"}, "Can't find session"),
        ({"fileType": "video/mp4"}, "File type video/mp4 not allowed"),
        ({"fileSize": 2_000_000}, "File size exceeds the 1MB limit"),
    ],
)
async def test_a_way_in_is_refused_for_a_reason(client, said, message):
    session = await started(client, "file")
    status, body = await slot(client, session, **said)
    assert (status, body["message"]) == (400, message)


async def test_only_an_input_that_waits_for_files_gives_a_way_in(sim, client):
    status, body = await slot(client, await started(client))
    assert (status, body["message"]) == (400, "Current block does not expect file upload")


async def test_an_installation_without_s3_fails(sim, client):
    sim.uploads.s3 = False
    status, body = await slot(client, await started(client, "file"))
    assert status == 500
    assert body["message"].startswith("S3 not properly configured")


async def test_a_way_in_ends_after_ten_minutes_and_takes_no_more_than_it_says(sim, client):
    session = await started(client, "file")
    _, way = await slot(client, session)
    async with client.put(way["presignedUrl"], data=io.BytesIO(bytes(1024 * 1024 + 1))) as got:
        assert got.status == 413
    sim.clock = lambda: NOW + timedelta(minutes=11)
    async with client.put(way["presignedUrl"], data=b"x") as got:
        assert got.status == 403


# -- control ---------------------------------------------------------------------------------


async def test_the_stand_in_is_driven_over_http(sim, client):
    flow = '[[groups]]\nid = "g"\nblocks = [{ id = "t", type = "text", text = "olá" }]'
    toml = f'public_id = "new"\n{flow}'
    async with client.post("/sim/flows", data=toml.encode()) as got:
        assert await got.json() == {"id": "tb-new", "public_id": "new"}
    assert await post(client, "/sim/flows", {"groups": [{}]}) == (
        400,
        {"error": "BadFlow: bot: a group: 'id' is missing"},
    )
    session = await started(client, "new")
    assert await post(
        client, "/sim/faults", {"route": "continueChat", "status": 503, "times": 1}
    ) == (200, {"success": True})
    assert (await say(client, session, "x"))[0] == 503
    async with client.get("/sim/calls", params={"route": "continueChat", "at_least": 1}) as got:
        (call,) = (await got.json())["calls"]
        assert (call["body"], call["status"]) == ({"message": "x"}, 503)
    async with client.get("/sim/sessions") as got:
        assert [one["id"] for one in (await got.json())["sessions"]] == [session]
    async with client.delete(f"/sim/sessions/{session}"):
        assert sim.sessions == {}
    assert (await post(client, "/sim/switches", {"s3": False, "latency": 0.01}))[0] == 200
    assert (sim.uploads.s3, sim.latency) == (False, 0.01)
    assert (await post(client, "/sim/switches", {"gravity": 1}))[0] == 400
    async with client.get("/sim/state") as got:
        assert (await got.json())["flows"] == ["bot", "file", "new"]


async def test_the_texts_of_calls_are_found_however_they_were_sent(sim, client):
    session = await started(client)
    await say(client, session, "plain")
    message = {"type": "text", "text": "typed"}
    await post(client, f"/api/v1/sessions/{session}/continueChat", {"message": message})
    await post(client, f"/api/v1/sessions/{session}/continueChat")
    assert [call.text for call in sim.calls_of("continueChat")] == ["plain", "typed", None]


async def test_what_clients_log_is_kept(sim, client):
    session = await started(client)
    logs = [{"status": "error", "description": "no"}]
    path = f"/api/v1/sessions/{session}/clientLogs"
    assert (await post(client, path, {"clientLogs": logs}))[0] == 200
    assert sim.sessions[session].logs == logs
    assert (await post(client, path, {"clientLogs": [{}]}))[0] == 400
    assert (await post(client, path, {}))[0] == 400


async def test_state_outlives_a_restart():
    sim = TypebotSim()
    sim.put_said(COUNT)
    async with sim.serving() as url, aiohttp.ClientSession(url) as client:
        session = await started(client)
    async with sim.serving() as url, aiohttp.ClientSession(url) as client:
        assert (await say(client, session, "x"))[0] == 200
