"""Trouble is told in the control room, once, and its end too."""

from __future__ import annotations

import asyncio

import pytest

from bridge.engine.queue import NewJob, Road
from bridge.sim.graph import Route, faults
from support.bridge_house import NAME, House, bridge_house

HOUR = 3600


def told(house: House) -> list[str]:
    return [
        one.content or ""
        for one in house.chat.messages()
        if (one.source_id or "").startswith("PONTE:state:")
    ]


async def look(house: House, seconds: float = 0) -> list[str]:
    """Look once more, so much later; gives all that was told."""
    house.clock.ahead_seconds += seconds
    await house.service.alerts.look()
    await house.quiet()
    return told(house)


async def die(house: House, cause: str, *, road: Road = Road.INBOUND, count: int = 1) -> None:
    """Let people's messages become dead letters."""
    instance_id = house.service.instances.entry(NAME).id
    for _ in range(count):
        job = NewJob(
            kind="inbound",
            lane="of the dead",
            road=road,
            peer="local",
            account="local",
            payload=b"{}",
            now=house.clock.ms(),
            instance_id=instance_id,
        )
        await house.service.store.write(
            lambda unit, job=job: (
                house.service.queue.add_dead(unit, job, cause=cause, reason="It broke."),
                unit.db.execute("UPDATE job SET ended_at=? WHERE ended_at IS NULL", (job.now,)),
            )
        )


async def test_dead_letters_are_gathered_and_told_once_in_a_quarter_of_an_hour(tmp_path):
    async with bridge_house(tmp_path) as house:
        await die(house, "chatwoot.invalid", count=2)
        await die(house, "whatsapp.window", road=Road.OUTBOUND)
        assert await look(house) == []
        (first,) = await look(house, 61)
        assert "- 2 customers' messages did not reach Chatwoot." in first
        assert "2 × Chatwoot did not accept what the message holds." in first
        assert "agent" not in first

        await die(house, "chatwoot.invalid")
        assert len(await look(house)) == 1
        assert len(await look(house, 61)) == 1
        async with house.stopped():
            pass
        assert len(await look(house)) == 1
        assert "- 1 customer's message did not" in (await look(house, 900))[-1]

        assert len(await look(house, HOUR)) == 2


async def test_a_whatsapp_account_that_waits_for_a_person_is_told_with_the_remedy_and_its_end(
    tmp_path,
):
    async with bridge_house(tmp_path) as house:
        conversation = await house.talk()
        house.graph.faults.always(Route.MESSAGES, faults.error(190, status=401))
        house.chat.agent_writes(conversation.id, "resposta")
        await house.chat.wait_for(lambda: len(told(house)) == 1)

        (first,) = told(house)
        assert "*loja* cannot send messages: Meta no longer accepts the access token." in first
        house.chat.agent_writes(conversation.id, "outra")
        await house.service.alerts.look()
        await house.stop()
        await house.start()
        account = house.service.instances.entry(NAME).channel_account
        breakers = house.service.queue.lanes.breakers
        async with asyncio.timeout(30):
            while account not in breakers or breakers[account].open_until is None:
                await house.rows("SELECT 1")
        await house.service.alerts.look()
        await house.rows("SELECT 1")
        assert await house.rows("SELECT 1 FROM job WHERE kind='announce' AND state='waiting'") == []
        assert len(told(house)) == 1

        house.graph.faults.off()
        house.service.queue.resume(account)
        await house.sent(2)
        assert "*loja* works again" in (await look(house))[-1]
        assert len(await look(house)) == 2


@pytest.mark.parametrize("broken", [{"status": 503}, {"status": 401}])
async def test_a_chatwoot_that_was_away_says_so_once_it_is_back(tmp_path, broken):
    async with bridge_house(tmp_path) as house:
        await house.talk(text="before")
        house.chat.faults.fail(**broken)
        for text in ("one", "two"):
            await house.graph.customer_writes("5511987650001", text)
        (account, peer) = (
            house.service.instances.entry(NAME).chatwoot_account,
            house.service.instances.entry(NAME).chatwoot_peer,
        )
        breakers = house.service.queue.lanes.breakers
        await house.graph.settled()
        await house.chat.wait_for(
            lambda: any(name in breakers and breakers[name].is_open for name in (account, peer))
        )
        await house.service.alerts.look()
        house.clock.ahead_seconds += 200
        await house.service.alerts.look()
        assert await house.rows("SELECT 1 FROM job WHERE kind='away'") == []
        house.clock.ahead_seconds += 220
        await house.service.alerts.look()
        await house.service.alerts.look()
        assert len(await house.rows("SELECT 1 FROM job WHERE kind='away'")) == 1
        await house.stop()
        house.chat.faults.clear()
        await house.start()
        await house.quiet()

        (text,) = told(house)
        assert text == (
            "✅ Chatwoot is back: for 7 minutes it took no messages from Ponte. "
            "2 customers' messages waited and are delivered now, in order. None was lost."
        )
        assert house.shown()[-2:] == ["one", "two"]


async def test_a_chatwoot_that_is_soon_back_is_not_mentioned(tmp_path):
    async with bridge_house(tmp_path) as house:
        house.chat.faults.fail(503)
        await house.graph.customer_writes("5511987650001", "one")
        peer = house.service.instances.entry(NAME).chatwoot_peer
        breakers = house.service.queue.lanes.breakers
        await house.chat.wait_for(lambda: peer in breakers and breakers[peer].is_open)
        await house.service.alerts.look()
        house.chat.faults.clear()
        await house.quiet()

        assert await look(house, HOUR) == []
