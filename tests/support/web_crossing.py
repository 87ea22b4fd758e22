"""A whole world with a number on WhatsApp Web: the real service and its real worker between
WhatsApp and Chatwoot (stand-ins, in this process, which outlive both).
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bridge.sim.chatwoot import ChatwootSim, Message
from support.crossing import Peer, Secrets, World, client, data_folder, settings
from support.ponte_process import Ponte, Zygote, poll
from support.whatsapp_web import Companion, Phone, WhatsAppWeb

WORKER = "bridge.whatsapp.web.worker"
#: Nothing is paced: a flood is what is tested.
FAST = {"messages_per_second": 100, "burst": 1000, "pair_pause_seconds": 0}
#: After a death the proof is asked for, not waited for.
SETTLING = {"uncertain_after_seconds": 5, "sent_wait_seconds": 0.2, "language": "en"}
CONNECTED_SECONDS = 30.0


@dataclass(kw_only=True)
class WebCrossing(World):
    """`ponte` and its worker between the phone of `double` and `chat`."""

    double: WhatsAppWeb
    phone: Phone
    name: str = "loja"

    @property
    def companion(self) -> Companion:
        return self.phone.companion

    async def provision(self, **options: Any) -> None:
        """Create the instance over the API, scan its code, and wait until it is connected."""
        made = await self.create(**options)
        await self.phone.scan(made["qrcode"]["code"])
        await self.connected()
        await self.quiet()

    async def create(self, **options: Any) -> dict[str, Any]:
        body = {
            "instanceName": self.name,
            "integration": "WHATSAPP-BAILEYS",
            "qrcode": True,
            "chatwootAccountId": str(self.chat.account_id),
            "chatwootToken": self.secrets.chatwoot_token,
            "chatwootUrl": self.chat_peer.url,
            "chatwootReopenConversation": True,
            "chatwootNameInbox": "WhatsApp Loja",
        } | options
        answer = await self.create_instance(body)
        assert answer.ok, await answer.text()
        told: dict[str, Any] = await answer.json()
        return told

    async def call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """What the API answers, when it is well."""
        answer = await self.api(method, path, **more)
        assert answer.ok, await answer.text()
        told: dict[str, Any] = await answer.json()
        return told

    async def connected(self) -> None:
        """Wait until the service says that the number is connected."""
        await self.reaches("open")

    async def reaches(self, state: str) -> None:
        async with asyncio.timeout(CONNECTED_SECONDS):
            while await self.state() != state:  # noqa: ASYNC110  (it tells only when asked)
                await asyncio.sleep(0.02)

    async def state(self) -> str:
        told = await self.call("GET", f"/instance/connectionState/{self.name}")
        return str(told["instance"]["state"])

    def worker(self) -> int | None:
        """The process of the number's worker, if there is one."""
        for process in psutil.process_iter(["cmdline", "ppid"]):
            if WORKER in (process.info["cmdline"] or ()) and process.info["ppid"] == self.ponte.pid:
                return process.pid
        return None

    async def kill_worker(self) -> None:
        """SIGKILL, once there is one."""
        await poll(lambda: self.worker() is not None, seconds=CONNECTED_SECONDS)
        with suppress(ProcessLookupError):
            os.kill(self.worker() or 0, signal.SIGKILL)

    def from_customers(self) -> list[Message]:
        """What came from customers, without what our own bot contact wrote."""
        return [one for one in self.incoming() if (one.source_id or "").startswith("WAID:")]


@asynccontextmanager
async def web_crossing(
    zygote: Zygote,
    database: Path,
    folder: Path,
    *,
    sections: Mapping[str, Mapping[str, Any]] | None = None,
    options: Mapping[str, Any] | None = None,
    paired: bool = True,
    log_level: str = "info",
) -> AsyncIterator[WebCrossing]:
    """A connected number (unless not `paired`); `database` is an empty, migrated one to copy."""
    secrets = Secrets()
    chat = ChatwootSim(admin_token=secrets.chatwoot_token)
    data = await asyncio.to_thread(data_folder, folder, database)
    chosen: dict[str, Any] = {"whatsapp_web": FAST, "relay": SETTLING} | dict(sections or {})
    async with AsyncExitStack() as stack:
        double = await stack.enter_async_context(WhatsAppWeb())
        chat_peer = Peer(chat)
        stack.push_async_callback(chat_peer.close)
        await chat_peer.up()
        ponte = Ponte(
            zygote=zygote,
            settings=settings(data, secrets, **chosen),
            log_file=folder / "ponte.log",
            log_level=log_level,
            environ=double.environ,
        )
        http = await stack.enter_async_context(client())
        stack.push_async_callback(ponte.close)
        await ponte.start()
        its = WebCrossing(
            chat=chat,
            chat_peer=chat_peer,
            ponte=ponte,
            http=http,
            secrets=secrets,
            double=double,
            phone=double.phone("5511900000001", name="Loja"),
        )
        if paired:
            await its.provision(**(options or {}))
        yield its
