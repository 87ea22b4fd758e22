"""A house with one number that is connected by QR code, and its phone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bridge.core.connection import ConnectionView, LinkState
from bridge.core.instance import InstanceOptions
from bridge.core.message import Event
from bridge.sim.chatwoot import Conversation
from support.bridge_house import NAME, House, bridge_house
from support.qr_channel import QrChannel, QrPhone, QrPhones
from support.qr_events import wrote

QR_ORDER = {"integration": "WHATSAPP-BAILEYS", "token": None, "number": None, "businessId": None}


@asynccontextmanager
async def qr_house(
    tmp_path: Path,
    *,
    channel: type[QrChannel] = QrChannel,
    order: Mapping[str, Any] | None = None,
    **more: Any,
) -> AsyncIterator[tuple[House, QrPhone]]:
    phones = QrPhones(channel=channel)
    body = {**QR_ORDER, **(order or {})}
    async with bridge_house(tmp_path, order=body, channels=phones.kinds, **more) as house:
        yield house, phones[NAME]


async def reaches(house: House, state: LinkState) -> ConnectionView:
    """Wait until the connection is in this state, as its events tell it."""
    moved = asyncio.Event()
    house.service.events.listen(lambda _happened: moved.set())
    entry = house.service.instances.entry(NAME)
    async with asyncio.timeout(30):
        while (view := house.service.connections.view(entry)).state is not state:
            await moved.wait()
            moved.clear()
    return view


async def open_up(house: House, phone: QrPhone) -> None:
    entry = house.service.instances.entry(NAME)
    await house.service.connections.connect(entry, wait=5)
    phone.scan()
    await reaches(house, LinkState.OPEN)


async def change(house: House, to: Callable[[InstanceOptions], InstanceOptions]) -> None:
    entry = house.service.instances.entry(NAME)
    await house.service.instances.change_options(entry, to)


async def bring(house: House, phone: QrPhone, *events: Event) -> None:
    """Something comes over WhatsApp; returns when all that follows from it is over."""
    await phone.bring(*events)
    await house.quiet()


async def conversation(house: House, phone: QrPhone) -> Conversation:
    """Of a customer who has written."""
    first = wrote("oi")
    await bring(house, phone, first)
    return house.of(f"WAID:{first.id}").conversation


async def balanced(house: House) -> bool:
    """Whether all that was accepted has ended, or waits."""
    await house.quiet()
    return set((await house.balance()).values()) == {0}
