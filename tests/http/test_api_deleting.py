"""Deleting an instance: when it answers, nothing of it is left here; Chatwoot's part by choice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.bridge_house import KEY, NAME, House, bridge_house

PATH = f"/instance/delete/{NAME}"
#: They tell what happened, also that it was deleted, until retention takes them.
TOLD = {"event"}


async def tables(house: House) -> list[str]:
    """Every table whose rows name an instance."""
    names = await house.rows("SELECT name FROM sqlite_master WHERE type='table'")
    found = []
    for row in names:
        columns = await house.rows(f"SELECT name FROM pragma_table_info('{row['name']}')")  # noqa: S608
        if {"instance_id"} & {column["name"] for column in columns}:
            found.append(row["name"])
    return found


async def left(house: House, instance_id: str) -> list[str]:
    """Where rows of the instance are still to be found."""
    found = [
        table
        for table in await tables(house)
        if table not in TOLD
        and await house.rows(
            f"SELECT 1 FROM {table} WHERE instance_id=? LIMIT 1",  # noqa: S608
            instance_id,
        )
    ]
    if await house.rows("SELECT 1 FROM instance WHERE id=?", instance_id):
        found.append("instance")
    if await house.rows("SELECT 1 FROM seen WHERE key LIKE ?", f"%:{instance_id}:%"):
        found.append("seen")
    return found


def hook_path(house: House) -> str:
    return house.hook.removeprefix(house.url)


async def instance_id(house: House) -> str:
    (row,) = await house.rows("SELECT id FROM instance")
    found: str = row["id"]
    return found


async def files(house: House) -> list[str]:
    spool = house.settings.storage.data_dir / "spool"
    return await asyncio.to_thread(lambda: [path.name for path in spool.iterdir()])


async def test_nothing_of_it_is_left(house: House) -> None:
    id_ = await instance_id(house)
    chat = await house.talk(text="Oi")
    house.chat.agent_writes(chat.id, "Bom dia")
    await house.sent()
    await house.quiet()
    house.chat.faults.fail(502)
    await house.graph.customer_writes("5511987650002", "espera")
    waiting = await house.rows("SELECT id FROM job WHERE state='waiting'")
    spool = house.settings.storage.data_dir / "spool"
    await asyncio.to_thread((spool / f"in-{waiting[0]['id']}").write_bytes, b"a picture")
    assert {"job", "chat", "ledger", "chatwoot_inbox", "connection"} <= set(await left(house, id_))
    body = await house.ok("DELETE", PATH)
    assert body == {
        "status": "SUCCESS",
        "error": False,
        "response": {"message": "Instance deleted"},
    }
    assert await left(house, id_) == []
    for table in ("person", "identity_key", "contact"):
        assert await house.rows(f"SELECT * FROM {table}") == [], table  # noqa: S608
    assert await files(house) == []
    house.chat.faults.clear()
    assert len(house.chat.inboxes) == 1  # agents keep their conversations
    assert set((await house.balance()).values()) == {0}
    events = [row["name"] for row in await house.rows("SELECT name FROM event ORDER BY id")]
    assert events[-2:] == ["remove.instance", "instance.delete"]


@pytest.mark.parametrize("acts", [False, True])
async def test_what_runs_at_that_moment_writes_nothing_afterwards(house: House, acts: bool) -> None:
    id_ = await instance_id(house)
    hangs = house.chat.faults.hang(30, route="POST messages", acts=acts)
    await house.graph.customer_writes("5511987650001", "no meio")
    await house.chat.wait_for(lambda: hangs.hits > 0)
    async with asyncio.timeout(8):  # it does not wait for Chatwoot (10 s)
        await house.ok("DELETE", PATH)
    assert await left(house, id_) == []
    house.chat.faults.clear()
    await house.quiet()
    assert await left(house, id_) == []
    assert set((await house.balance()).values()) == {0}


@pytest.mark.parametrize("signed", [True, False])
async def test_a_webhook_that_was_being_read_writes_nothing_afterwards(
    house: House, signed: bool
) -> None:
    """Its body comes slowly: it has found the instance, and then that is gone."""
    chat = await house.talk()
    id_ = await instance_id(house)
    house.chat.agent_writes(chat.id, "um")
    await house.quiet()
    delivery = house.chat.webhooks.of("message_created")[-1]
    fresh = delivery.body.replace(b'"um"', b'"dois"')
    assert fresh != delivery.body
    headers = delivery.headers if signed else {"Content-Type": "application/json"}
    body = delivery.body if signed else fresh
    await house.service.store.write(lambda unit: unit.db.execute("DELETE FROM seen") and None)
    begun, deleted = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield body[:10]
        begun.set()
        await deleted.wait()
        yield body[10:]

    posting = asyncio.ensure_future(
        house.call("POST", hook_path(house), data=slowly(), headers=headers)
    )
    await begun.wait()
    await house.ok("GET", "/healthz")  # the head has been read by now
    await house.ok("DELETE", PATH)
    deleted.set()
    status, _ = await posting
    assert status == 200
    await house.quiet()
    assert await left(house, id_) == []


async def test_a_name_is_free_at_once(house: House) -> None:
    for _ in range(3):
        await house.ok("DELETE", PATH)
        await house.ok("POST", "/instance/create", json=house.order())
    await house.quiet()
    assert len(house.chat.inboxes) == 1


async def test_of_two_deletions_at_once_one_finds_nothing(house: House) -> None:
    answers = await asyncio.gather(*(house.call("DELETE", PATH) for _ in range(2)))
    assert sorted(status for status, _ in answers) == [200, 404]


async def test_its_key_opens_nothing_afterwards(house: House) -> None:
    key = house.key
    await house.ok("DELETE", PATH, key=key)
    status, _ = await house.call("GET", "/instance/fetchInstances", key=key)
    assert status == 401


# ---------------------------------------------------------------- with its inbox


async def delete_all(house: House) -> tuple[int, Any]:
    return await house.call("DELETE", PATH, params={"inbox": "delete"})


async def test_with_its_inbox(house: House) -> None:
    await house.talk()
    status, _ = await delete_all(house)
    assert status == 200
    await house.quiet()
    assert house.chat.inboxes == {}
    assert [one.name for one in house.chat.contacts.values()] != []  # customers stay
    assert "Ponte" not in [one.name for one in house.chat.contacts.values()]
    assert await house.rows("SELECT * FROM instance") == []


async def test_an_inbox_that_is_gone_already(house: House) -> None:
    house.chat.faults.fail(404, route="GET inbox", text="")
    status, _ = await delete_all(house)
    assert status == 200


@pytest.mark.parametrize("route", ["GET inbox", "PATCH inbox", "DELETE inbox"])
async def test_unless_chatwoot_accepts_nothing_is_deleted(house: House, route: str) -> None:
    house.chat.faults.fail(500, route=route)
    status, body = await delete_all(house)
    assert (status, body["response"]["code"]) == (502, "chatwoot.broke")
    assert "nothing was deleted" in body["response"]["message"][0]
    house.chat.faults.clear()
    chat = await house.talk()
    house.chat.agent_writes(chat.id, "ainda aqui")
    await house.sent()
    assert house.texts == ["ainda aqui"]
    assert (await delete_all(house))[0] == 200
    assert house.chat.inboxes == {}


async def test_an_inbox_that_delivers_elsewhere_is_not_ours_to_delete(house: House) -> None:
    house.inbox.webhook_url = "https://evo.example.org/x"
    status, body = await delete_all(house)
    assert (status, body["response"]["code"]) == (409, "chatwoot.webhook_taken")
    assert len(house.chat.inboxes) == 1
    assert len(await house.rows("SELECT * FROM instance")) == 1


async def test_an_unknown_fate_is_refused(house: House) -> None:
    status, body = await house.call("DELETE", PATH, params={"inbox": "burn"})
    assert status == 400
    assert body["response"]["message"] == ["inbox is not one of enum values: keep,delete"]
    assert len(await house.rows("SELECT * FROM instance")) == 1


async def test_a_deletion_that_was_cut_off_is_finished_at_the_next_start(tmp_path: Path) -> None:
    async with bridge_house(tmp_path) as house:
        await house.talk()
        id_ = await instance_id(house)
        await house.service.store.write(
            lambda unit: unit.db.execute("DELETE FROM instance WHERE id=?", (id_,)), durable=True
        )
        await house.stop()
        await house.start()
        async with asyncio.timeout(10):
            while await left(house, id_):
                await house.service.store.write(lambda _unit: None)
        assert await house.ok("GET", "/instance/fetchInstances", key=KEY) == []
