"""The whole house with real workers: numbers on the offline double of WhatsApp, in this process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bridge.clock import SystemClock
from bridge.core.connection import LinkState
from bridge.core.instance import BAILEYS
from bridge.whatsapp.web.channel import WebChannel
from bridge.whatsapp.web.kind import FOLDER, web_kind
from support.bridge_house import NAME, House, bridge_house
from support.sessions import QR_ORDER
from support.toy_phone import Times
from support.whatsapp_web import Companion, Phone, WhatsAppWeb

WORKER = "bridge.whatsapp.web.worker"
SECONDS = 30.0
NUMBER = "5511900000001"


@dataclass(kw_only=True)
class WebHouse:
    house: House
    double: WhatsAppWeb
    phone: Phone
    #: The folder of all numbers.
    folder: Path
    #: What goes on beside, and may fail: who asked, who scanned.
    later: list[asyncio.Future[Any]] = field(default_factory=list)

    async def finished(self) -> None:
        """Wait for what goes on beside."""
        later, self.later = self.later, []
        await asyncio.gather(*later, return_exceptions=True)

    def folders(self) -> list[Path]:
        """Of the numbers of which something is kept."""
        return list(self.folder.iterdir()) if self.folder.exists() else []

    async def asked(self, what: str) -> None:
        """Wait until a worker asks WhatsApp for such a thing."""
        await self.double.journal.until(
            lambda: any(
                way == "<" and node.tag == "iq" and node.get("xmlns") == what
                for way, node in self.double.journal.trace
            ),
            f"it asks for {what}",
        )

    def channel(self, name: str = NAME) -> WebChannel:
        """The channel object that an instance has now."""
        found = self.house.service.instances.entry(name).channel
        assert isinstance(found, WebChannel)
        return found

    async def code(self, name: str = NAME, **query: str) -> dict[str, Any]:
        """What GET /instance/connect shows."""
        told: dict[str, Any] = await self.house.ok("GET", f"/instance/connect/{name}", params=query)
        return told

    async def scanned(self, name: str = NAME, phone: Phone | None = None) -> Companion:
        """Connect by QR code, and wait until both sides say so."""
        companion = await (phone or self.phone).scan((await self.code(name))["code"])
        await self.reaches(LinkState.OPEN, name)
        await companion.connected()
        return companion

    async def told(self, name: str = NAME) -> dict[str, Any]:
        """What GET /instance/connectionState says."""
        body = await self.house.ok("GET", f"/instance/connectionState/{name}")
        found: dict[str, Any] = body["instance"]
        return found

    async def reaches(self, state: LinkState, name: str = NAME) -> dict[str, Any]:
        told: dict[str, Any] = {}

        async def is_so() -> bool:
            told.clear()
            told.update(await self.told(name))
            return bool(told["state"] == state)

        await asks_until(is_so, lambda: f"{name} never was {state}: {told}")
        return told

    def workers(self) -> list[int]:
        """The processes of all workers that we have."""
        found = psutil.Process().children(recursive=True)
        return [one.pid for one in found if _is_worker(one)]


def _is_worker(process: psutil.Process) -> bool:
    try:
        return WORKER in process.cmdline()
    except psutil.NoSuchProcess:
        return False


async def asks_until(is_so: Callable[[], Any], why: Callable[[], str]) -> None:
    """Ask again and again, where nothing tells by itself."""
    try:
        async with asyncio.timeout(SECONDS):
            while not await is_so():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(why()) from None


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@asynccontextmanager
async def web_house(
    folder: Path,
    *,
    times: Times | None = None,
    chance: float = 0.0,
    provisioned: bool = True,
    order: Mapping[str, Any] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> AsyncIterator[WebHouse]:
    """A house whose instance is not connected yet. `times` and `chance` are its workers'."""
    async with WhatsAppWeb() as double:
        kind = web_kind(
            times or Times(start_seconds=40, pairing_seconds=40),
            folder / "data",
            clock=SystemClock(),
            chance=lambda: chance,
            environ=double.environ,
        )
        async with bridge_house(
            folder / "data",
            provisioned=provisioned,
            order=QR_ORDER | dict(order or {}),
            options=dict(options or {}),
            channels={BAILEYS: kind},
        ) as house:
            its = WebHouse(
                house=house,
                double=double,
                phone=double.phone(NUMBER, name="Loja"),
                folder=folder / "data" / FOLDER,
            )
            try:
                yield its
            finally:
                await its.finished()
