"""A status that is faster than the commit of the send that it is about."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bridge.core.message import DeliveryState
from bridge.relay.early import STATES, Early
from support.qr_channel import LoggingQrChannel
from support.qr_events import reported, wrote
from support.sessions import open_up, qr_house

ID = f"3EB0{1:016X}"


async def test_it_counts_once_the_send_is_stored(tmp_path):
    async with qr_house(tmp_path, channel=LoggingQrChannel) as (house, phone):
        await open_up(house, phone)
        first = wrote("oi")
        await phone.bring(first)
        await house.quiet()
        phone.gates["sending"] = gate = asyncio.Event()
        message = house.chat.agent_writes(house.of(f"WAID:{first.id}").conversation.id, "resposta")
        await phone.called("sending")

        await phone.bring(reported(ID, DeliveryState.DELIVERED), reported(ID, DeliveryState.READ))
        assert message.status != "read"
        gate.set()
        await house.quiet()

        assert message.status == "read"
        (row,) = await house.rows("SELECT state FROM ledger WHERE origin='agent'")
        assert row["state"] == "read"
        assert set((await house.balance()).values()) == {0}


def test_only_so_many_are_waited_for_and_the_oldest_go():
    early = Early(most=2)
    for number in range(3):
        early.keep("one", reported(str(number), DeliveryState.READ))
    assert [bool(early.of("one", str(number))) for number in range(3)] == [False, True, True]

    status = reported("2", DeliveryState.READ)
    for number in range(2 * STATES):
        early.keep("one", replace(status, tag=str(number)))
    assert len(early.of("one", "2")) == STATES
    assert early.of("two", "2") == ()
