"""A create that fails leaves nothing behind: at once, or when Chatwoot can be asked again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.sim.chatwoot.faults import Fault
from support.bridge_house import House, bridge_house

#: Every call that a create makes after its probes.
STEPS = (
    "GET inboxes",
    "POST inboxes",
    "POST contact_inboxes/filter",
    "POST contacts",
    "GET conversations",
    "POST conversations",
    "POST messages",
)
HOWS = ("500 before", "500 after", "cut before", "cut after", "timeout before", "timeout after")


def failing(house: House, step: str, how: str) -> Fault:
    faults = house.chat.faults
    kind, _, moment = how.partition(" ")
    acts = moment == "after"
    match kind:
        case "500":
            return faults.add(Fault(route=step, status=500, acts=acts))
        case "cut":
            return faults.reset(route=step, acts=acts)
        case _:
            return faults.hang(30, route=step, acts=acts)


@pytest.fixture
async def house(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """Impatient where Chatwoot is to be too late, and there alone: machines are slow at times."""
    is_late = "timeout" in request.node.name
    options = {
        "chatwoot": {"timeout_seconds": 0.5 if is_late else 10},
        "api": {"probe_seconds": 1 if is_late else 5},
    }
    async with bridge_house(tmp_path, provisioned=False, options=options) as found:
        yield found


async def nothing_here(house: House) -> None:
    assert await house.ok("GET", "/instance/fetchInstances") == []
    for table in ("instance", "chatwoot_inbox", "connection", "typebot", "chat", "ledger"):
        assert await house.rows(f"SELECT * FROM {table}") == [], table  # noqa: S608
    assert {row["kind"] for row in await house.rows("SELECT kind FROM job")} <= {"cleanup"}


async def nothing_there(house: House) -> None:
    assert house.chat.inboxes == {}
    assert house.chat.contacts == {}


async def it_works(house: House) -> None:
    """A create of the same name succeeds, and nobody takes its inbox away."""
    await house.create()
    assert len(house.chat.inboxes) == len(house.chat.contacts) == 1
    assert (house.inbox.webhook_url or "").startswith(f"{house.url}/chatwoot/webhook/loja/")
    assert house.inbox.name == "WhatsApp Loja"
    chat = await house.talk(text="Oi")
    house.chat.agent_writes(chat.id, "Bom dia")
    await house.sent()
    (row,) = await house.rows("SELECT ready FROM instance")
    assert row == {"ready": 1}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("step", STEPS)
async def test_the_failure_of_any_step_leaves_nothing(house: House, step: str, how: str) -> None:
    fault = failing(house, step, how)
    status, body = await house.call("POST", "/instance/create", json=house.order())
    assert (status, fault.hits > 0) == (400, True)
    house.chat.faults.clear()  # at once: what hangs is done before the clean-up looks for it
    assert body["response"]["code"].startswith(("chatwoot.", "peer."))
    await nothing_here(house)
    await house.quiet()
    await nothing_there(house)
    await it_works(house)


@pytest.mark.parametrize("step", STEPS)
async def test_a_chatwoot_that_is_gone_from_then_on_is_cleaned_up_when_it_is_back(
    house: House, step: str
) -> None:
    fault = failing(house, step, "500 after")
    creating = asyncio.ensure_future(house.call("POST", "/instance/create", json=house.order()))
    await house.chat.wait_for(lambda: fault.hits > 0)
    house.chat.faults.fail(502)
    assert (await creating)[0] == 400
    await nothing_here(house)
    assert await house.waiting() == 1  # the clean-up, until Chatwoot is back
    house.chat.faults.clear()
    await house.quiet()
    await nothing_there(house)
    (job,) = await house.rows("SELECT state, payload FROM job WHERE kind='cleanup'")
    assert job == {"state": "delivered", "payload": b""}  # it kept a token
    await it_works(house)


@pytest.mark.parametrize("step", STEPS)
async def test_who_repeats_it_before_the_clean_up_ran_keeps_what_he_gets(
    house: House, step: str
) -> None:
    fault = failing(house, step, "500 after")
    creating = asyncio.ensure_future(house.call("POST", "/instance/create", json=house.order()))
    await house.chat.wait_for(lambda: fault.hits > 0)
    house.chat.faults.fail(502)
    assert (await creating)[0] == 400
    house.chat.faults.clear()
    await it_works(house)


@pytest.mark.parametrize("gone", [False, True])
async def test_an_adopted_inbox_gets_its_address_back(house: House, gone: bool) -> None:
    before = "https://evo.example.org/chatwoot/webhook/loja"
    inbox = house.chat.add_inbox("WhatsApp Loja", webhook_url=before)
    fault = failing(house, "POST contacts", "500 before")
    creating = asyncio.ensure_future(
        house.call("POST", "/instance/create", json=house.order(replaceWebhook=True))
    )
    await house.chat.wait_for(lambda: fault.hits > 0)
    if gone:
        house.chat.faults.fail(502)
    assert (await creating)[0] == 400
    await nothing_here(house)
    house.chat.faults.clear()
    await house.quiet()
    assert (inbox.name, inbox.webhook_url) == ("WhatsApp Loja", before)
    assert list(house.chat.inboxes) == [inbox.id]
    assert house.chat.contacts == {}


async def test_an_inbox_that_somebody_else_took_meanwhile_is_left_alone(house: House) -> None:
    fault = failing(house, "POST contacts", "500 before")
    creating = asyncio.ensure_future(house.call("POST", "/instance/create", json=house.order()))
    await house.chat.wait_for(lambda: fault.hits > 0)
    house.chat.faults.fail(502)
    assert (await creating)[0] == 400
    house.inbox.webhook_url = "https://evo.example.org/x"
    house.chat.faults.clear()
    await house.quiet()
    assert house.inbox.webhook_url == "https://evo.example.org/x"


async def test_a_clean_up_whose_token_was_revoked_is_told_to_people(house: House) -> None:
    fault = failing(house, "POST contacts", "500 before")
    creating = asyncio.ensure_future(house.call("POST", "/instance/create", json=house.order()))
    await house.chat.wait_for(lambda: fault.hits > 0)
    house.chat.faults.fail(502)
    assert (await creating)[0] == 400
    house.chat.faults.clear()
    house.chat.faults.fail(401)
    await house.quiet()
    (letter,) = await house.ok("GET", "/dead-letters")
    assert letter["cause"] == "chatwoot.unauthorized"
    assert "'WhatsApp Loja' of account 1" in letter["reason"]


async def test_all_failures_of_the_probes_are_told_at_once(house: House) -> None:
    order: dict[str, Any] = house.order(
        token="EAAwrong",
        chatwootToken="wrong",
        typebotUrl="http://127.0.0.1:9",
        typebot="lead",
        proxyHost="127.0.0.1",
        proxyPort="9",
        proxyProtocol="http",
    )
    status, body = await house.call("POST", "/instance/create", json=order)
    told = body["response"]["message"]
    assert status == 400
    for start in ("Chatwoot rejected the token", "Typebot cannot be reached at 127.0.0.1:9"):
        assert [text for text in told if text.startswith(start)], told
    assert "Invalid proxy" in told
    assert "wrong" not in str(body).replace("wrong_", "")
    await nothing_here(house)
    assert await house.rows("SELECT * FROM job") == []


async def test_without_auto_create_chatwoot_is_not_asked(house: House) -> None:
    order = house.order(chatwootAutoCreate=False, chatwootToken="not-known-yet")
    await house.ok("POST", "/instance/create", json=order)
    assert house.chat.requests.total() == 0
    assert await house.rows("SELECT inbox_id FROM chatwoot_inbox") == [{"inbox_id": None}]
    assert await house.rows("SELECT * FROM job WHERE kind<>'templates'") == []
