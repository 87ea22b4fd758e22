"""Creates whose caller, service, database or neighbours do something else meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bridge.core.instance import Dialect
from bridge.errors import Unavailable
from bridge.http.dialects.create import read_create
from bridge.sim.chatwoot.faults import Fault
from bridge.store.engine import Store, Unit
from bridge.store.queries import claims
from support.bridge_house import NAME, House

#: Meta's id of another number.
SECOND = "109876543210988"


async def hangs_at(house: House, route: str) -> tuple[asyncio.Task[Any], Any]:
    """A create that is under way and waits for Chatwoot."""
    fault = house.chat.faults.hang(30, route=route)
    creating = asyncio.ensure_future(house.call("POST", "/instance/create", json=house.order()))
    await house.chat.wait_for(lambda: fault.hits > 0)
    return creating, fault  # type: ignore[return-value]


async def it_works(house: House) -> None:
    await house.create()
    assert len(house.chat.inboxes) == len(house.chat.contacts) == 1
    await house.talk(text="Oi")
    assert house.shown() == ["Oi"]


async def test_a_caller_who_hangs_up_stops_nothing(empty_house: House) -> None:
    creating, fault = await hangs_at(empty_house, "POST contacts")
    creating.cancel()
    await asyncio.gather(creating, return_exceptions=True)
    fault.off()
    async with asyncio.timeout(30):
        while not await empty_house.rows("SELECT 1 FROM instance WHERE ready"):
            await empty_house.service.store.write(lambda _unit: None)
    await empty_house.quiet()
    (row,) = await empty_house.ok("GET", "/instance/fetchInstances")
    assert (row["name"], len(empty_house.chat.inboxes)) == (NAME, 1)


async def test_a_stop_in_the_middle_leaves_nothing(empty_house: House) -> None:
    creating, _ = await hangs_at(empty_house, "POST contacts")
    await empty_house.stop()
    await asyncio.gather(creating, return_exceptions=True)
    empty_house.chat.faults.clear()
    await empty_house.start()
    await empty_house.quiet()
    assert await empty_house.rows("SELECT * FROM instance") == []
    assert empty_house.chat.inboxes == {}
    await it_works(empty_house)


class Failing:
    """Our own database, which takes nothing for a while."""

    def __init__(self, store: Store) -> None:
        self.fails: Callable[[], bool] = lambda: False
        self._write = store.write
        store.write = self.write  # type: ignore[method-assign, assignment]

    async def write(self, work: Callable[[Unit], Any], *, durable: bool = False) -> Any:
        if self.fails():
            raise Unavailable("The database cannot be written: disk full.", code="store.write")
        return await self._write(work, durable=durable)


async def test_what_our_database_did_not_let_us_roll_back_does_not_keep_the_name(
    empty_house: House,
) -> None:
    database = Failing(empty_house.service.store)
    fault = empty_house.chat.faults.fail(500, route="POST contacts")
    database.fails = lambda: fault.hits > 0
    status, body = await empty_house.call("POST", "/instance/create", json=empty_house.order())
    assert (status, body["response"]["code"]) == (400, "chatwoot.broke")
    status, body = await empty_house.call("POST", "/instance/create", json=empty_house.order())
    assert (status, body["response"]["code"]) == (503, "store.write")
    database.fails = lambda: False
    empty_house.chat.faults.clear()
    await it_works(empty_house)
    await empty_house.quiet()
    assert len(empty_house.chat.inboxes) == 1


async def test_a_deletion_that_our_database_did_not_take_can_be_repeated(house: House) -> None:
    database = Failing(house.service.store)
    database.fails = lambda: True
    status, body = await house.call("DELETE", f"/instance/delete/{NAME}")
    assert (status, body["response"]["code"]) == (503, "store.write")
    database.fails = lambda: False
    await house.talk(text="ainda aqui")
    assert house.shown() == ["ainda aqui"]
    await house.ok("DELETE", f"/instance/delete/{NAME}")
    assert await house.rows("SELECT * FROM instance") == []


async def test_a_cancelled_create_whose_last_commit_went_through_stays_whole(
    empty_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the service is stopped in that moment."""
    set_ready, done = claims.set_ready, asyncio.Event()
    loop = asyncio.get_running_loop()
    creating: list[asyncio.Task[Any]] = []

    async def create() -> None:
        task = asyncio.current_task()
        assert task is not None
        creating.append(task)
        try:
            order = read_create(empty_house.order(), dialect=Dialect.V2, reopen=False)
            await empty_house.service.instances.create(order)
        finally:
            done.set()

    def cut_off(db: Any, instance_id: str) -> None:
        set_ready(db, instance_id)
        loop.call_soon_threadsafe(creating[0].cancel)

    monkeypatch.setattr(claims, "set_ready", cut_off)
    await asyncio.gather(asyncio.ensure_future(create()), return_exceptions=True)
    await done.wait()
    assert creating[0].cancelled()
    await empty_house.quiet()
    rows = await empty_house.rows("SELECT ready FROM instance")
    assert rows == [{"ready": 1}]
    assert len(empty_house.chat.inboxes) == 1
    assert len(await empty_house.ok("GET", "/instance/fetchInstances")) == 1


@pytest.mark.parametrize("how", ["database", "stop"])
async def test_an_adopted_inbox_is_given_back_and_never_deleted(
    empty_house: House, how: str
) -> None:
    """People work with it, whatever becomes of the create."""
    before = "https://evo.example.org/chatwoot/webhook/loja"
    inbox = empty_house.chat.add_inbox("WhatsApp Loja", webhook_url=before)
    order = empty_house.order(replaceWebhook=True)
    if how == "database":
        database = Failing(empty_house.service.store)
        greeted = empty_house.chat.faults.add(Fault(route="POST messages", hang=0, times=1))
        database.fails = lambda: greeted.hits > 0 and inbox.webhook_url != before
        status, _ = await empty_house.call("POST", "/instance/create", json=order)
        assert status == 503
    else:
        stuck = empty_house.chat.faults.hang(30, route="POST messages")
        creating = asyncio.ensure_future(empty_house.call("POST", "/instance/create", json=order))
        await empty_house.chat.wait_for(lambda: stuck.hits > 0)
        await empty_house.stop()
        await asyncio.gather(creating, return_exceptions=True)
        empty_house.chat.faults.clear()
        await empty_house.start()
    await empty_house.quiet()
    assert list(empty_house.chat.inboxes) == [inbox.id]
    assert (inbox.name, inbox.webhook_url) == ("WhatsApp Loja", before)


async def test_what_is_written_before_the_inbox_is_made_waits_for_it(empty_house: House) -> None:
    """Created with chatwootAutoCreate false; somebody sets it up later, and customers go on."""
    house = empty_house
    await house.ok("POST", "/instance/create", json=house.order(chatwootAutoCreate=False))
    for text in ("um", "dois"):
        await house.graph.customer_writes("5511987650001", text)
    assert house.chat.inboxes == {}
    slow = house.chat.faults.hang(30, route="POST messages")  # the greeting, then the customer's
    setting = asyncio.ensure_future(
        house.ok("POST", f"/chatwoot/set/{NAME}", json={"enabled": True, "autoCreate": True})
    )
    await house.chat.wait_for(lambda: slow.hits > 0)
    slow.off()
    slow = house.chat.faults.hang(30, route="POST messages", times=1)
    await setting
    await house.chat.wait_for(lambda: slow.hits > 0)
    await house.graph.customer_writes("5511987650001", "três")
    slow.off()
    await house.quiet()
    assert house.shown() == ["um", "dois", "três"]
    assert len(house.chats()) == 1
    assert len(await house.rows("SELECT * FROM chat")) == 1
    assert {row["scope"] for row in await house.rows("SELECT scope FROM person")} == {
        f"{house.chat_url}#{house.chat.account_id}"
    }


async def test_who_was_known_to_the_account_before_is_that_person(house: House) -> None:
    """Another instance of the account has met the customer, who waits at the new one."""
    await house.talk("5511987650001", "Oi")
    other = house.order(
        instanceName="filial",
        number=SECOND,
        chatwootNameInbox="Filial",
        chatwootAutoCreate=False,
    )
    number = next(iter(house.graph.numbers.values()))
    house.graph.numbers[SECOND] = replace(number, phone_number_id=SECOND)
    await house.ok("POST", "/instance/create", json=other)
    await house.graph.customer_writes("5511987650001", "um", phone_number_id=SECOND)
    await house.ok("POST", "/chatwoot/set/filial", json={"enabled": True, "autoCreate": True})
    await house.graph.customer_writes("5511987650001", "dois", phone_number_id=SECOND)
    await house.quiet()
    chats = await house.rows("SELECT person_id FROM chat JOIN instance i ON i.id=instance_id")
    assert len(chats) == 2
    assert len({row["person_id"] for row in chats}) == 1
