"""The service in a process of its own, between stand-ins that live in this one."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from bridge.sim.chatwoot import ChatwootSim
from bridge.sim.graph import GraphSim, Number

KEY = "bench-key-0123456789"
APP_SECRET = "bench-app-secret"
TOKEN = "bench-token"
NUMBER = "412900001234567"
INBOX = "Bench"


@dataclass(slots=True, kw_only=True)
class House:
    """A provisioned service and its two peers."""

    chatwoot: ChatwootSim
    graph: GraphSim
    url: str
    process: psutil.Process
    session: aiohttp.ClientSession
    hook: str
    start_seconds: float

    def cpu(self) -> float:
        """CPU seconds of the service so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def resident_mb(self) -> float:
        return float(self.process.memory_info().rss) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The service, and how long it took to be ready."""

    url: str
    process: psutil.Process
    session: aiohttp.ClientSession
    start_seconds: float


@asynccontextmanager
async def served(
    folder: Path, environment: Mapping[str, str], *, port: int = 0
) -> AsyncIterator[Running]:
    """Run the service in a process of its own, with its data and its log in `folder`."""
    port = port or _free_port()
    url = f"http://127.0.0.1:{port}"
    whole = os.environ | {
        "PONTE_AUTH__API_KEY": KEY,
        "PONTE_SERVER__PORT": str(port),
        "PONTE_SERVER__PUBLIC_URL": url,
        "PONTE_STORAGE__DATA_DIR": str(folder),
        "PONTE_NETWORK__ALLOWED_PRIVATE_HOSTS": '["127.0.0.1"]',
        "PONTE_LOG__LEVEL": os.environ.get("BENCH_LOG", "info"),
        **environment,
    }
    started = time.perf_counter()
    with (folder / "log").open("ab") as stderr:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bridge", "serve", env=whole, stderr=stderr
        )
    try:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(headers={"apikey": KEY}, connector=connector) as session:
            await _ready(session, url, child)
            yield Running(
                url=url,
                process=psutil.Process(child.pid),
                session=session,
                start_seconds=time.perf_counter() - started,
            )
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
            await child.wait()


@asynccontextmanager
async def house(
    latency: float,
    *,
    statuses: bool = True,
    numbers: Sequence[Number] = (Number(phone_number_id=NUMBER),),
    prepare: Callable[[Path, ChatwootSim, str], None] | None = None,
) -> AsyncIterator[House]:
    """Start everything with stand-ins that take `latency` seconds for each request.

    `prepare` may fill the data folder before the start; it gets Chatwoot and its address.
    """
    chatwoot = ChatwootSim(latency=latency)
    graph = GraphSim(
        app_secret=APP_SECRET,
        verify_token="bench",
        access_token=TOKEN,
        latency=latency,
        numbers=tuple(numbers),
    )
    graph.auto_statuses = statuses
    with tempfile.TemporaryDirectory(prefix="ponte-bench-") as folder:
        async with chatwoot.serving() as chatwoot_url, graph.serving() as graph_url:
            environment = {
                "PONTE_CLOUD__BASE_URL": graph_url,
                "PONTE_CLOUD__MEDIA_HOST": "127.0.0.1",
                "PONTE_CLOUD__APP_SECRETS": f'["{APP_SECRET}"]',
                "PONTE_CLOUD__VERIFY_TOKEN": "bench",
                # The stand-in has no such limit, and we measure ourselves, not Meta.
                "PONTE_CLOUD__MESSAGES_PER_SECOND": "1000",
            }
            if prepare is not None:
                await asyncio.to_thread(prepare, Path(folder), chatwoot, chatwoot_url)
            async with served(Path(folder), environment) as running:
                await _provision(running.session, running.url, chatwoot, chatwoot_url)
                graph.webhook_url = f"{running.url}/webhook/meta"
                inbox = next(iter(chatwoot.inboxes.values()))
                yield House(
                    chatwoot=chatwoot,
                    graph=graph,
                    url=running.url,
                    process=running.process,
                    session=running.session,
                    hook=str(inbox.webhook_url),
                    start_seconds=running.start_seconds,
                )


async def _ready(
    session: aiohttp.ClientSession, url: str, child: asyncio.subprocess.Process
) -> None:
    for _ in range(3000):
        if child.returncode is not None:
            raise RuntimeError(f"the service stopped with {child.returncode}")
        try:
            async with session.get(f"{url}/readyz") as answer:
                if answer.ok:
                    return
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.01)
    raise TimeoutError("the service does not start")


async def _provision(
    session: aiohttp.ClientSession, url: str, chatwoot: ChatwootSim, chatwoot_url: str
) -> None:
    body = {
        "instanceName": "bench",
        "integration": "WHATSAPP-BUSINESS",
        "token": TOKEN,
        "number": NUMBER,
        "chatwootAccountId": "1",
        "chatwootToken": chatwoot.admin_token,
        "chatwootUrl": chatwoot_url,
        "chatwootSignMsg": True,
        "chatwootReopenConversation": True,
        "chatwootConversationPending": False,
        "chatwootNameInbox": INBOX,
    }
    async with session.post(f"{url}/instance/create", json=body) as answer:
        if answer.status != 201:
            raise RuntimeError(await answer.text())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
