"""A backup was put back: what the lost database had sent is not in the books any more."""

from __future__ import annotations

import asyncio

from bridge.app import DATABASE
from bridge.store import backup
from support.bridge_house import House


async def test_the_second_start_after_a_restore_sends_nothing_again(house: House) -> None:
    talk = await house.talk()
    database = house.settings.storage.data_dir / DATABASE
    copy = house.settings.storage.data_dir / "copy.db"
    await backup.backup(house.service.store, copy)
    house.chat.agent_writes(talk.id, "uma vez")
    await house.sent()
    await house.quiet()
    house.clock.ahead_seconds += 5
    async with house.stopped():
        await asyncio.to_thread(
            backup.restore, copy, database, now=house.clock.ms(), suffix="before"
        )
    async with house.stopped():
        house.clock.ahead_seconds += 5
    await house.quiet()
    assert house.texts == ["uma vez"]
