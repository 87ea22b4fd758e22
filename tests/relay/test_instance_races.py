"""What happens to one instance at the same time does not undo each other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bridge.relay.pictures import PICTURES
from bridge.sim.graph.payloads import batch
from support.bridge_house import NAME, House

DELETE = f"/instance/delete/{NAME}"


async def nothing_left(house: House, *tables: str) -> None:
    for table in tables:
        assert await house.rows(f"SELECT * FROM {table}") == [], table  # noqa: S608
    # The job that its create had no need of tells of no instance.
    assert await house.rows("SELECT * FROM job WHERE kind<>'cleanup' OR length(payload)>0") == []


async def test_a_secret_that_is_read_anew_takes_no_change_back(signing_house: House) -> None:
    house = signing_house
    chat = await house.talk()
    house.chat.reset_secret(house.inbox.id)
    reading = house.chat.faults.hang(30, route="GET inbox", times=1, acts=True)
    house.chat.agent_writes(chat.id, "um")
    await house.chat.wait_for(lambda: reading.hits > 0)
    setting = asyncio.ensure_future(
        house.ok("POST", f"/chatwoot/set/{NAME}", json={"enabled": False})
    )
    await setting
    reading.off()
    await house.quiet()
    assert (await house.ok("GET", f"/chatwoot/find/{NAME}"))["enabled"] is False


async def test_every_message_to_a_number_that_is_being_deleted_is_counted(house: House) -> None:
    drafts = [house.graph.draft(f"55119876{n:05d}", f"{n}")[1] for n in range(500)]
    status, (deleted, _) = await asyncio.gather(
        house.graph.deliver(batch(*drafts)), house.call("DELETE", DELETE)
    )
    assert (status, deleted) == (200, 200)
    await house.quiet()
    counted = await house.events()
    assert counted["inbound", "accepted", ""] == 500
    assert set((await house.balance()).values()) == {0}
    await nothing_left(house, "chat", "person", "identity_key", "ledger")


@pytest.mark.parametrize("first", ["set", "delete"])
async def test_a_change_of_the_inbox_and_a_deletion_leave_nothing(house: House, first: str) -> None:
    house.chat.latency = 0.01
    body = {
        "enabled": True,
        "accountId": str(house.chat.account_id),
        "token": house.chat.admin_token,
        "url": house.chat_url,
        "signMsg": True,
        "reopenConversation": False,
        "conversationPending": False,
        "nameInbox": "WhatsApp Loja",
    }
    calls = {
        "set": lambda: house.call("POST", f"/chatwoot/set/{NAME}", json=body),
        "delete": lambda: house.call("DELETE", DELETE, params={"inbox": "delete"}),
    }
    order = [first, *(calls.keys() - {first})]
    answers = dict(zip(order, await asyncio.gather(*(calls[one]() for one in order)), strict=True))
    assert answers["delete"][0] == 200
    assert answers["set"][0] in (201, 404)
    await house.quiet()
    await nothing_left(house, "instance", "chatwoot_inbox", "connection")
    assert house.chat.inboxes == {}


async def test_a_new_key_and_a_change_are_both_kept(house: House) -> None:
    made, *_ = await asyncio.gather(
        house.ok("POST", f"/instance/keys/{NAME}"),
        house.ok("POST", f"/settings/set/{NAME}", json={"groupsIgnore": True}),
        house.ok("POST", f"/webhook/set/{NAME}", json={"webhook": {"enabled": False}}),
    )
    assert made
    (row,) = await house.rows("SELECT key_hash, old_key_hash FROM instance")
    assert row["old_key_hash"] is not None
    assert (await house.ok("GET", f"/settings/find/{NAME}"))["groupsIgnore"] is True
    await house.ok("GET", f"/settings/find/{NAME}", key=house.key)  # the one before works as well


def known(house: House) -> dict[str, Any]:
    """What is held in memory, by whom. Looking at profiles has one breaker for all instances."""
    lanes = house.service.queue.lanes
    return {
        "breakers": set(lanes.breakers) - {PICTURES},
        "heads": len(lanes.heads),
        "running": len(lanes.running),
        "directory": len(house.service.directory),
        "entries": len(house.service.directory._entries),
        "views": len(house.service.connections._states._views),
    }


async def test_an_instance_that_is_gone_costs_no_memory(house: House) -> None:
    """Jobs that wait, breakers, clients and states go with it."""
    before: dict[str, Any] | None = None
    for _ in range(3):
        chat = await house.talk()
        house.chat.agent_writes(chat.id, "Bom dia")
        await house.quiet()
        down = house.chat.faults.fail(401)
        await house.graph.customer_writes("5511987650002", "espera")
        await house.chat.wait_for(lambda down=down: down.hits > 0)
        await house.ok("DELETE", DELETE)
        house.chat.faults.clear()
        await house.quiet()
        now = known(house)
        assert before in (None, now)
        before = now
        await house.create()
    assert before is not None
    assert not [one for one in before["breakers"] if one.partition(":")[2].count("-") == 4]
    assert [before[one] for one in ("heads", "directory", "entries", "views")] == [0, 0, 0, 0]
