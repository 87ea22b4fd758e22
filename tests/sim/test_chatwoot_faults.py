"""The stand-in fails on demand, and tells what it was asked (chatwoot-api.md 8, 7 and 57-60)."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest

import bridge.sim.chatwoot
from bridge.sim.chatwoot import ChatwootSim
from support.chatwoot_office import office

MESSAGES = "POST messages"


@pytest.fixture
async def at():
    async with office() as place:
        yield place


def test_it_imports_nothing_of_the_bridge_but_the_stand_ins():
    folder = Path(bridge.sim.chatwoot.__file__).parent
    found = re.findall(
        r"^\s*(?:from|import) (bridge\S*)",
        "\n".join(path.read_text() for path in folder.glob("*.py")),
        re.MULTILINE,
    )
    assert found
    assert all(name.startswith("bridge.sim") for name in found)


async def test_the_next_requests_of_one_route_fail(at):
    chat = await at.chat()
    path = f"/conversations/{chat.id}/messages"
    fault = at.sim.faults.fail(503, route=MESSAGES, times=2)
    for _ in range(2):
        await at.raw("GET", path)
        response = await at.raw("POST", path, json={"content": "x"})
        assert response.status == 503
        assert response.content_type == "text/html"
    await at.incoming(chat)
    assert (fault.hits, len(chat.messages)) == (2, 1)


async def test_a_500_has_a_json_body_and_lasts_until_switched_off(at):
    fault = at.sim.faults.fail(500)
    body = await at.call("GET", "/inboxes", expect=500)
    assert body == {"status": 500, "error": "Internal Server Error"}
    await at.call("GET", "/agents", expect=500)
    fault.off()
    await at.call("GET", "/agents")


async def test_stored_but_500(at):
    chat = await at.chat()
    at.sim.faults.stored_but(route=MESSAGES, times=1)
    path = f"/conversations/{chat.id}/messages"
    await at.call("POST", path, json={"content": "x", "source_id": "WAID:1"}, expect=500)
    assert [row.source_id for row in chat.messages] == ["WAID:1"]


@pytest.mark.parametrize(("acts", "stored"), [(False, 0), (True, 1)])
async def test_a_connection_is_reset_before_or_after_acting(at, acts, stored):
    chat = await at.chat()
    at.sim.faults.reset(route=MESSAGES, times=1, acts=acts)
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await at.incoming(chat)
    assert len(chat.messages) == stored
    await at.incoming(chat)


async def test_a_hang_lets_go_when_it_is_switched_off(at):
    chat = await at.chat()
    fault = at.sim.faults.hang(60, route=MESSAGES)
    posting = asyncio.ensure_future(at.incoming(chat))
    await at.sim.wait_for(lambda: fault.hits == 1)
    assert not posting.done()
    at.sim.faults.clear()
    assert (await posting)["content"] == "Bom dia!"


async def test_a_rate_limit_is_plain_text_without_retry_after(at):
    at.sim.faults.limit(2, route="GET contacts/search")
    for _ in range(2):
        await at.call("GET", "/contacts/search", params={"q": "x"})
    response = await at.raw("GET", "/contacts/search", params={"q": "x"})
    assert (response.status, await response.text()) == (429, "Retry later\n")
    assert response.content_type == "text/plain"
    assert "Retry-After" not in response.headers
    await at.call("GET", "/contacts")
    at.sim.faults.fail(429, times=1)
    assert await (await at.raw("GET", "/contacts")).text() == "Retry later\n"


async def test_a_suspended_account_refuses_everybody(at):
    at.sim.faults.suspended = True
    for path in ("/inboxes", "/contacts", "/conversations"):
        error = await at.call("GET", path, expect=401)
        assert error == {"error": "Account is suspended"}


async def test_both_spellings_of_the_token_and_bearer_for_newer_versions(at):
    token = at.sim.admin_token
    bearer = {"Authorization": f"Bearer {token}"}
    for headers in ({"api_access_token": token}, {"API-ACCESS-TOKEN": token}, bearer):
        response = await at.http.get(f"{at.url}/api/v1/profile", headers=headers)
        assert response.status == 200
    async with office(version="4.2.0") as old:
        headers = {"Authorization": f"Bearer {old.sim.admin_token}"}
        assert (await old.http.get(f"{old.url}/api/v1/profile", headers=headers)).status == 401


async def test_requests_are_counted_by_route(at):
    chat = await at.chat()
    await at.incoming(chat)
    assert at.sim.requests[MESSAGES] == 1
    assert at.sim.requests["POST conversations"] == 1
    (seen,) = at.sim.requests.of(MESSAGES)
    assert (seen.status, seen.params["content"]) == (200, "Bom dia!")
    assert seen.path == f"/api/v1/accounts/1/conversations/{chat.id}/messages"


async def test_waiting_wakes_at_the_change(at):
    chat = await at.chat()
    waiting = asyncio.ensure_future(at.sim.wait_for(lambda: len(chat.messages) == 1))
    await at.incoming(chat)
    await waiting
    with pytest.raises(TimeoutError):
        await at.sim.wait_for(lambda: False, 0.01)


async def test_state_survives_a_restart_on_another_port():
    sim = ChatwootSim(version="4.18.0")
    async with sim.serving():
        person = sim.agent_creates_contact("Ana")
    async with sim.serving() as url, aiohttp.ClientSession() as http:
        headers = {"api_access_token": sim.admin_token}
        shown = await http.get(f"{url}/api/v1/accounts/1/contacts/{person.id}", headers=headers)
        assert shown.status == 200
        assert (await (await http.get(f"{url}/api")).json())["version"] == "4.18.0"


async def test_an_account_tells_its_locale_also_one_without_texts_here(at):
    assert (await at.call("GET", ""))["locale"] == "en"
    at.sim.locale = "pt_BR"
    assert (await at.call("GET", ""))["locale"] == "pt_BR"
    await at.call("POST", f"{at.url}/sim/faults", json={"account_locale": "es"})
    assert (await at.call("GET", ""))["locale"] == "es"


async def test_it_can_be_steered_over_http(at):
    chat = await at.chat()
    sim = f"{at.url}/sim"
    state = await at.call("GET", f"{sim}/state")
    assert state["tokens"]["admin"] == at.sim.admin_token
    body = {"conversation_id": chat.id, "text": "oi"}
    made = await at.call("POST", f"{sim}/agent/messages", json=body)
    assert await at.call("POST", f"{sim}/settled", json={}) == {"settled": True, "pending": 0}
    webhooks = await at.call("GET", f"{sim}/webhooks")
    assert "message_created" in {row["event"] for row in webhooks["deliveries"]}
    await at.call("POST", f"{sim}/faults", json={"route": MESSAGES, "status": 500, "times": 1})
    path = f"/conversations/{chat.id}/messages"
    await at.call("POST", path, json={"content": "x"}, expect=500)
    await at.call("POST", f"{sim}/faults", json={"suspended": True})
    await at.call("GET", path, expect=401)
    await at.call("DELETE", f"{sim}/faults")
    await at.call("POST", f"{sim}/faults", json={"nonsense": 1}, expect=422)
    await at.call("POST", f"{sim}/agent/delete", json={"message_id": made["id"]})
    await at.call("POST", f"{sim}/agent/delete", json={"message_id": 1}, expect=404)
    status = {"conversation_id": chat.id, "status": "resolved"}
    await at.call("POST", f"{sim}/conversations/status", json=status)
    state = await at.call("GET", f"{sim}/state")
    (shown,) = state["conversations"]
    assert shown["status"] == "resolved"
    assert shown["messages"][0]["content"] == "This message was deleted"
    requests = await at.call("GET", f"{sim}/requests")
    assert requests["counts"][MESSAGES] == 1
