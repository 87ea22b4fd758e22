"""The directory: opened at need, changed one by one, the same for everybody."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from bridge.core.instance import Behaviour, InboxConfig, InstanceConfig, InstanceOptions, Proxy
from bridge.errors import SetupError, Unavailable
from bridge.relay.directory import Directory, Served
from bridge.store.engine import Store, Unit
from bridge.store.queries import instances
from bridge.store.secrets import Vault, hash_key
from support.database import fresh
from support.instances import CHATWOOT, inbox, instance, keep

SCOPE = f"{CHATWOOT}#1"


class CountingVault(Vault):
    opened = 0

    def open(self, sealed: str) -> str:
        self.opened += 1
        return super().open(sealed)


@dataclass
class Rig:
    store: Store
    vault: CountingVault
    made: Counter[str] = field(default_factory=Counter)
    directory: Directory = field(init=False)

    def __post_init__(self) -> None:
        def make_channel(one: InstanceConfig) -> tuple[Any, str]:
            self.made[f"channel {one.name}"] += 1
            return object(), "peer"

        def make_chatwoot(one: InboxConfig) -> Any:
            self.made[f"chatwoot {one.name_inbox}"] += 1
            return object()

        self.directory = Directory(
            self.store, self.vault, make_channel=make_channel, make_chatwoot=make_chatwoot
        )

    async def keep(self, *kept: InstanceConfig | InboxConfig) -> None:
        """Store, and start anew."""
        await keep(self.store, self.vault, *kept)
        await self.directory.reload()
        self.vault.opened = 0

    async def change(self, changed: InstanceConfig | InboxConfig) -> None:
        await keep(self.store, self.vault, changed)
        id_ = changed.id if isinstance(changed, InstanceConfig) else changed.instance_id
        await self.directory.refresh(id_)

    async def sql(self, statement: str, *values: object) -> None:
        await self.store.write(lambda unit: unit.db.execute(statement, values) and None)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return fresh(tmp_path)


@pytest.fixture
async def rig(database: Path) -> AsyncIterator[Rig]:
    store = await Store.open(database, readers=2)
    yield Rig(store, CountingVault([Fernet.generate_key().decode()]))
    await store.close()


async def test_a_start_decrypts_the_same_however_many_there_are(rig: Rig):
    """3,000 instances cost one look at the key, and no client."""
    await keep(rig.store, rig.vault, instance("first"))
    await rig.directory.reload()
    for_one, rig.vault.opened = rig.vault.opened, 0
    row = await rig.store.read(
        lambda db: dict(db.execute("SELECT * FROM instance").fetchone())  # a row to copy
    )

    def many(unit: Unit) -> None:
        marks = ",".join(f":{name}" for name in row)
        unit.db.executemany(
            f"INSERT INTO instance({','.join(row)}) VALUES({marks})",
            [
                row | {"id": f"i{n}", "name": f"n{n}", "key_hash": f"k{n}", "number": f"{n}"}
                for n in range(3000)
            ],
        )

    await rig.store.write(many)
    await rig.directory.reload()

    assert len(rig.directory) == 3001
    assert rig.vault.opened == for_one
    assert not rig.made
    assert rig.directory.by_number("2999") is rig.directory.by_name("n2999")
    assert rig.made == {"channel n2999": 1}
    for nobody in ("n3000", "", "x"):
        assert rig.directory.by_name(nobody) is None
    assert rig.made.total() == 1


async def test_the_first_use_opens_it_and_every_way_leads_to_the_same(rig: Rig):
    await rig.keep(instance("one"), inbox("one", inbox_id=5), instance("two"))

    entry = rig.directory.by_name("one")
    opened = rig.vault.opened
    assert entry is not None
    assert opened > 0
    for same in (
        rig.directory.by_id("id-one"),
        rig.directory.by_name("one"),
        rig.directory.by_number("number-of-one"),
        rig.directory.by_key("key of one"),
        rig.directory.by_hook("one", "hook-of-one"),
        rig.directory.by_inbox(SCOPE, 5),
        (await rig.directory.page())[0],
    ):
        assert same is entry
    assert rig.made["channel one"] == rig.made["chatwoot one"] == 1
    assert rig.directory.by_hook("one", "hook-of-two") is None
    assert rig.directory.by_inbox(SCOPE, 6) is None
    assert rig.directory.by_inbox(f"{CHATWOOT}#2", 5) is None


async def test_a_refresh_sees_one_change_and_touches_nothing_else(rig: Rig):
    await rig.keep(instance("one"), instance("two"))
    one, two = rig.directory.by_name("one"), rig.directory.by_name("two")
    await rig.sql("UPDATE instance SET business_id='1'")

    await rig.directory.refresh("id-one")

    changed = rig.directory.by_name("one")
    assert changed is not one
    assert changed is not None
    assert changed.instance.business_id == "1"
    assert rig.directory.by_name("two") is two


async def test_a_refresh_finds_what_is_new_and_loses_what_is_gone(rig: Rig):
    await rig.keep(instance("one"), inbox("one", inbox_id=5))
    assert rig.directory.by_name("one")

    await rig.change(instance("two"))
    await rig.sql("DELETE FROM instance WHERE name='one'")
    await rig.directory.refresh("id-one")

    assert rig.directory.names() == ["two"]
    for gone in (
        rig.directory.by_id("id-one"),
        rig.directory.by_name("one"),
        rig.directory.by_number("number-of-one"),
        rig.directory.by_key("key of one"),
        rig.directory.by_inbox(SCOPE, 5),
    ):
        assert gone is None
    assert rig.directory.served() == []
    assert await rig.directory.page() == [rig.directory.by_name("two")]


async def test_a_name_and_a_number_may_go_to_another_at_once(rig: Rig):
    await rig.keep(instance("one"))
    await rig.sql("DELETE FROM instance")
    await keep(rig.store, rig.vault, instance("one", id="another"))

    await rig.directory.refresh("another")  # before the first is known to be gone
    await rig.directory.refresh("id-one")

    for found in (
        rig.directory.by_name("one"),
        rig.directory.by_number("number-of-one"),
        rig.directory.by_key("key of one"),
    ):
        assert found is not None
        assert found.id == "another"


async def test_concurrent_refreshes_end_with_the_newest_and_share_reads(rig: Rig, monkeypatch):
    await rig.keep(instance("one"))
    reads, read = [], rig.store.read

    async def watched(work):
        reads.append(1)
        return await read(work)

    monkeypatch.setattr(rig.store, "read", watched)

    async def change(number: int) -> None:
        await rig.change(instance("one", business_id=str(number)))
        seen = rig.directory.by_name("one")
        assert seen is not None
        # Its own change, or a later one.
        assert int(seen.instance.business_id or 0) >= number

    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(change(number))

    last = rig.directory.by_name("one")
    assert last is not None
    assert last.instance.business_id == "49"
    assert len(reads) < 50


async def test_a_change_during_a_slow_read_is_not_lost(rig: Rig, monkeypatch):
    """The second refresh comes after the first has read, and before it has taken that over."""
    await rig.keep(instance("one"))
    read, has_read, go_on = rig.store.read, asyncio.Event(), asyncio.Event()

    async def slow(work):
        found = await read(work)
        has_read.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(rig.store, "read", slow)
    first = asyncio.ensure_future(rig.directory.refresh("id-one"))
    await has_read.wait()
    await keep(rig.store, rig.vault, instance("one", business_id="1"))
    second = asyncio.ensure_future(rig.directory.refresh("id-one"))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(first, second)

    one = rig.directory.by_name("one")
    assert one is not None
    assert one.instance.business_id == "1"


@pytest.mark.parametrize("how", ["fails", "is cancelled"])
async def test_a_refresh_that_ended_early_is_made_up_for_by_the_next(rig: Rig, monkeypatch, how):
    await rig.keep(instance("one"), instance("two"))
    await keep(rig.store, rig.vault, instance("one", business_id="1"))
    read, asked = rig.store.read, asyncio.Event()

    async def never(_work: Callable[[Any], Any]) -> Any:
        asked.set()
        if how == "fails":
            raise Unavailable("The database cannot be read.")
        await asyncio.Event().wait()

    monkeypatch.setattr(rig.store, "read", never)
    refreshing = asyncio.ensure_future(rig.directory.refresh("id-one"))
    await asked.wait()
    refreshing.cancel()
    await asyncio.gather(refreshing, return_exceptions=True)
    monkeypatch.setattr(rig.store, "read", read)

    await rig.directory.refresh("id-two")

    one = rig.directory.by_name("one")
    assert one is not None
    assert one.instance.business_id == "1"


async def test_a_new_key_counts_at_once_beside_the_old_one(rig: Rig):
    await rig.keep(instance("one"), instance("two"))
    entry = rig.directory.by_key("key of one")
    assert entry is not None

    new, old = hash_key("new key"), entry.instance.key_hash
    await rig.sql("UPDATE instance SET key_hash=?, old_key_hash=? WHERE name='one'", new, old)
    await rig.directory.refresh("id-one")

    assert rig.directory.by_key("new key") is rig.directory.by_key("key of one")
    assert rig.directory.by_key("new key") is rig.directory.by_name("one")

    await rig.sql("UPDATE instance SET old_key_hash=NULL WHERE name='one'")
    await rig.directory.refresh("id-one")

    assert rig.directory.by_key("key of one") is None
    assert rig.directory.by_key("new key") is rig.directory.by_name("one")


async def test_an_entry_keeps_its_channel_while_that_would_be_made_the_same(rig: Rig):
    await rig.keep(instance("one"), inbox("one"))
    before = rig.directory.by_name("one")
    assert before is not None

    quiet = InstanceOptions(behaviour=Behaviour(reject_call=True))
    await rig.change(replace(before.instance, options=quiet))
    await rig.change(replace(before.instance, options=quiet, business_id="1"))
    same = rig.directory.by_name("one")
    assert same is not None
    assert same is not before
    assert same.channel is before.channel
    assert same.chatwoot is before.chatwoot

    await rig.change(inbox("one", inbox_id=3))
    moved = rig.directory.by_name("one")
    assert moved is not None
    assert moved.channel is before.channel
    assert moved.chatwoot is not before.chatwoot

    for changed in (
        replace(before.instance, token="another token"),
        replace(before.instance, options=InstanceOptions(proxy=Proxy(host="p", port=1))),
    ):
        last = rig.directory.by_name("one")
        await rig.change(changed)
        now = rig.directory.by_name("one")
        assert last is not None
        assert now is not None
        assert now.channel is not last.channel


async def test_a_refresh_of_what_did_not_change_keeps_the_entry(rig: Rig):
    await rig.keep(instance("one"), inbox("one"))
    entry = rig.directory.by_name("one")

    await rig.directory.refresh("id-one")
    assert rig.directory.by_name("one") is entry
    await rig.directory.reload()
    assert rig.directory.by_name("one") is entry


async def test_one_that_is_not_ready_has_no_key_and_is_in_no_list(rig: Rig):
    await rig.keep(instance("half", ready=False), inbox("half"), instance("whole"))

    entry = rig.directory.by_name("half")
    assert entry is not None
    assert rig.directory.by_id("id-half") is entry
    assert rig.directory.by_hook("half", "hook-of-half") is entry
    assert rig.directory.by_key("key of half") is None
    assert rig.directory.names() == ["whole"]
    assert rig.directory.ids() == ["id-whole"]
    assert [one.instance.name for one in await rig.directory.page()] == ["whole"]

    await rig.sql("UPDATE instance SET ready=1")
    await rig.directory.refresh("id-half")

    assert rig.directory.names() == ["half", "whole"]
    assert rig.directory.by_key("key of half") is rig.directory.by_name("half")


async def test_a_page_opens_what_stands_on_it_only(rig: Rig):
    await rig.keep(*(instance(f"n{number}") for number in range(10)))

    page = await rig.directory.page(offset=3, limit=4)

    assert [one.instance.name for one in page] == ["n3", "n4", "n5", "n6"]
    assert rig.made.total() == 4
    assert await rig.directory.page(offset=10) == []
    assert len(await rig.directory.page()) == 10


async def test_others_get_their_turn_while_everything_is_opened(rig: Rig):
    await rig.keep(*(instance(f"n{number:03}") for number in range(100)))
    turns: list[int] = []

    async def count() -> None:
        while True:
            turns.append(rig.made.total())
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    await rig.directory.page()
    counting.cancel()

    steps = [after - before for before, after in pairwise(turns)]
    assert max(steps) <= 20
    assert len(turns) >= 4


async def test_who_has_a_chatwoot_side_is_known_without_decrypting(rig: Rig):
    await rig.keep(
        *(instance(name) for name in ("on", "off", "new", "none")),
        inbox("on", inbox_id=1),
        inbox("off", inbox_id=2, enabled=False),
        inbox("new"),
    )

    served = rig.directory.served()

    assert rig.vault.opened == 0
    entry = rig.directory.by_name("on")
    assert entry is not None
    assert served == [
        Served(
            id=entry.id,
            channel_account=entry.channel_account,
            chatwoot_peer=entry.chatwoot_peer,
            chatwoot_account=entry.chatwoot_account,
        )
    ]


async def test_verify_tokens_are_decrypted_once_and_followed(rig: Rig):
    await rig.keep(
        instance("one", verify_token="v1"), instance("two", verify_token="v2"), instance("three")
    )

    assert await rig.directory.has_verify_token("v1")
    assert rig.vault.opened == 2
    assert await rig.directory.has_verify_token("v2")
    assert not await rig.directory.has_verify_token("")
    assert not await rig.directory.has_verify_token("v3")
    assert rig.vault.opened == 2

    await rig.change(instance("one", verify_token="v3"))
    await rig.sql("DELETE FROM instance WHERE name='two'")
    await rig.directory.refresh("id-two")

    assert await rig.directory.has_verify_token("v3")
    assert not await rig.directory.has_verify_token("v1")
    assert not await rig.directory.has_verify_token("v2")


async def test_a_webhook_concerns_its_numbers_and_its_business_only(rig: Rig):
    await rig.keep(
        instance("one", number="11", business_id="99"),
        instance("two", number="22", business_id="99"),
        instance("three", number="33"),
    )

    def concerned(numbers: set[str], businesses: set[str]) -> list[str]:
        found = rig.directory.concerned(numbers, businesses)
        return sorted(one.instance.name for one in found)

    assert concerned({"11", "44"}, set()) == ["one"]
    assert rig.made.total() == 1
    assert concerned({"33", "22"}, {"99"}) == ["one", "three", "two"]
    assert concerned(set(), {"98"}) == []

    await rig.change(instance("one", number="11", business_id="98"))
    assert concerned(set(), {"99"}) == ["two"]


async def test_the_wrong_storage_key_is_told_at_start(rig: Rig):
    await rig.keep(instance("one"))
    stranger = Rig(rig.store, CountingVault([Fernet.generate_key().decode()]))

    with pytest.raises(SetupError):
        await stranger.directory.reload()


async def test_everything_that_is_read_is_what_was_written(rig: Rig):
    """Booleans are no numbers, and nothing is lost on the way."""
    written = instance("one", options=InstanceOptions(proxy=Proxy(host="p", port=1)), ready=False)
    side = inbox("one", inbox_id=4, options={"a": [1]}, signing_secret="s", sign_msg=True)
    await rig.keep(written, side)

    (both,) = await rig.store.read(lambda db: instances.everything(db, rig.vault))

    assert (both.instance, both.inbox) == (written, side)
    assert both.instance.ready is False
    assert both.inbox is not None
    assert both.inbox.sign_msg is True
    assert both.inbox.enabled is True


async def test_who_looks_in_another_thread_brings_nothing_old_back(rig: Rig) -> None:
    """Units look in the database's thread: a change may come between finding and opening."""
    await rig.keep(instance("one"))
    found = rig.directory._roll.by_name["one"]
    await rig.change(instance("one", token="another"))
    rig.directory._opened(found)
    entry = rig.directory.by_name("one")
    assert entry is not None
    assert entry.instance.token == "another"
