"""Where the demo plays: the real service between three stand-ins, all on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from bridge import logs, settings
from bridge.app import serve
from bridge.cli.demo.telling import Transcript
from bridge.cli.figures import Figures, read
from bridge.cli.remote import Remote
from bridge.errors import BridgeError
from bridge.relay.bot.talks import TURN
from bridge.sim.chatwoot import ChatwootSim
from bridge.sim.faultproxy import FaultProxy
from bridge.sim.graph import GraphSim
from bridge.sim.typebot import TypebotSim
from bridge.store.secrets import new_key, new_secret

LOCAL = "127.0.0.1"
LOG_FILE = "ponte.log"
PATIENCE = 15.0
GLANCE = 0.05
#: Seconds between two statuses of a message.
STATUS_DELAY = 0.02


class DemoFailed(BridgeError):
    """Something that the demo shows did not happen."""

    code = "demo.failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """`road_to_chatwoot` stands between the service and its Chatwoot, to be cut."""

    service: Remote
    chatwoot: ChatwootSim
    road_to_chatwoot: FaultProxy
    whatsapp: GraphSim
    typebot: TypebotSim
    graph_url: str
    verify_token: str = field(repr=False)
    folder: Path
    transcript: Transcript

    async def call(self, method: str, *path: str, body: Any = None, **query: str) -> Any:
        """The service's own HTTP API."""
        return await asyncio.to_thread(
            lambda: self.service.call(method, *path, json_body=body, **query)
        )

    async def why(self, message: str | int) -> dict[str, Any]:
        """The newest job of a message that is no turn of a bot."""
        return next(job for job in await self._jobs(message) if job["kind"] != TURN)

    async def turns(self, message: str | int) -> list[dict[str, Any]]:
        """The turns in which a bot dealt with a message, in order."""
        return [job for job in reversed(await self._jobs(message)) if job["kind"] == TURN]

    async def _jobs(self, message: str | int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.call("GET", "why", message=str(message))
        return found

    async def figures(self) -> Figures:
        return read(await asyncio.to_thread(self.service.text, "metrics"))

    async def until(self, what: str, fits: Callable[[Figures], bool]) -> Figures:
        """Look at the service's figures until they fit. Raises `DemoFailed`."""
        with _in_time(what):
            async with asyncio.timeout(PATIENCE):
                found = await self.figures()
                while not fits(found):
                    await asyncio.sleep(GLANCE)
                    found = await self.figures()
                return found

    async def see(self, what: str, waiting: Awaitable[None]) -> None:
        """Wait for a fact at a stand-in. Raises `DemoFailed`."""
        with _in_time(what):
            await waiting


@contextlib.contextmanager
def _in_time(what: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise DemoFailed(f"This did not happen in {PATIENCE:.0f} s: {what}.") from error


@asynccontextmanager
async def staged(folder: Path, transcript: Transcript) -> AsyncIterator[Stage]:
    """Everything is up inside the block, on ports that were free; the log lies in `folder`."""
    secret, token, verify, key = new_secret(), new_secret(), new_secret(), new_key()
    chatwoot = ChatwootSim(locale="pt_BR")
    whatsapp = GraphSim(app_secret=secret, access_token=token, verify_token=verify)
    whatsapp.status_delay = STATUS_DELAY
    async with (
        chatwoot.serving() as chatwoot_url,
        whatsapp.serving() as graph_url,
        TypebotSim() as typebot,
        FaultProxy(LOCAL, urlsplit(chatwoot_url).port or 0) as road,
    ):
        chatwoot.world.base_url = road.url  # its files are fetched from there
        wanted = _settings(folder, graph_url, key=key, secret=secret, verify=verify)
        async with serve(wanted) as (_service, url):
            whatsapp.webhook_url = f"{url}/webhook/meta"
            yield Stage(
                service=Remote(url=url, key=key),
                chatwoot=chatwoot,
                road_to_chatwoot=road,
                whatsapp=whatsapp,
                typebot=typebot,
                graph_url=graph_url,
                verify_token=verify,
                folder=folder,
                transcript=transcript,
            )


def log_into(folder: Path) -> None:
    """Send the service's log into a file; the transcript is for people."""
    file = (folder / LOG_FILE).open("a", buffering=1, encoding="utf-8")
    with contextlib.redirect_stderr(file):
        logs.configure("info", "json")
    del file  # the log keeps it


def _settings(
    folder: Path, graph_url: str, *, key: str, secret: str, verify: str
) -> settings.Settings:
    """Only what is written here: no file and no variable of the machine changes the demo.

    Waits are shortened, so that an outage that lasts a moment is shown in a moment.
    """
    port = _free_port()
    return settings.Settings.model_construct(
        server=settings.Server(
            host=LOCAL, port=port, public_url=f"http://{LOCAL}:{port}", drain_seconds=5
        ),
        auth=settings.Auth(api_key=SecretStr(key)),
        storage=settings.Storage(data_dir=folder),
        network=settings.Network(allowed_private_hosts=[LOCAL]),
        cloud=settings.Cloud(
            base_url=graph_url,
            media_host=LOCAL,
            app_secrets=[SecretStr(secret)],
            verify_token=SecretStr(verify),
        ),
        chatwoot=settings.Chatwoot(proof_delay_seconds=1),
        relay=settings.Relay(language="pt_BR"),
        typebot=settings.Typebot(),
        engine=settings.Engine(
            breaker_failures=2,
            breaker_probe_seconds=[0.4],
            retry_delays_seconds=[0.2, 0.4, 1, 2, 5, 10],
        ),
        retention=settings.Retention(),
        log=settings.Log(),
    )


def _free_port() -> int:
    """A port that nobody listens on: the webhook addresses are made of it before we listen."""
    with socket.socket() as sock:
        sock.bind((LOCAL, 0))
        port: int = sock.getsockname()[1]
        return port
