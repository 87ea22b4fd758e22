"""One running service: opened, worked, drained."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251  (chance enters here)
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from bridge import __version__
from bridge.assembly import Means, Service, assemble
from bridge.assembly.ground import SPOOL
from bridge.clock import Clock, SystemClock
from bridge.engine.retention import keep_purging
from bridge.engine.worker import Handler
from bridge.errors import SetupError, Unavailable
from bridge.http.server import serving
from bridge.net.guard import Guard
from bridge.net.http import Http
from bridge.relay.catch_up import CatchUp
from bridge.settings import Settings, require_key
from bridge.store import schema
from bridge.store.engine import Store
from bridge.store.lock import only_one
from bridge.store.secrets import Vault, load_vault
from bridge.whatsapp.registry import ChannelKind

__all__ = ("DATABASE", "SPOOL", "Service", "running", "serve")

log = structlog.get_logger(__name__)

DATABASE = "ponte.db"
HEARTBEAT_SECONDS = 20
DAY_MS = 24 * 3600 * 1000
#: Connections to all peers together.
CONNECTIONS = 256


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    clock: Clock | None = None,
    chance: Callable[[], float] = random.random,
    wrap: Callable[[str, Handler], Handler] = lambda _kind, handler: handler,
    channels: Mapping[str, ChannelKind] | None = None,
) -> AsyncIterator[Service]:
    """Open the database, take up what waits, work until the block ends, then drain.

    `wrap` may put something around each job handler (tests cut them off). `channels` adds kinds
    of channels, or replaces them, by integration. Raises `SetupError`.
    """
    clock = clock or SystemClock()
    key = require_key(settings)
    data = settings.storage.data_dir
    async with AsyncExitStack() as stack:
        vault = await asyncio.to_thread(_open_data, settings, stack)
        store = await Store.open(data / DATABASE, readers=settings.storage.readers)
        stack.push_async_callback(store.close)
        http = Http(
            Guard(frozenset(settings.network.allowed_private_hosts)), connections=CONNECTIONS
        )
        stack.push_async_callback(http.close)
        means = Means(
            settings=settings,
            store=store,
            http=http,
            vault=vault,
            clock=clock,
            chance=chance,
            key=key,
        )
        service, catch_up = await assemble(means, wrap=wrap, channels=channels)
        suspects = await service.queue.recover()
        await catch_up.begin()
        stack.push_async_callback(service.connections.stop)
        stack.push_async_callback(service.composing.stop)
        await service.connections.start()
        await service.instances.begin()
        log.info("service.started", version=__version__, suspects=suspects)
        tasks = [
            asyncio.ensure_future(service.worker.run()),
            asyncio.ensure_future(_keep_alive(catch_up)),
            asyncio.ensure_future(service.templates.keep()),
            asyncio.ensure_future(service.alerts.keep()),
            asyncio.ensure_future(service.drift.keep()),
            asyncio.ensure_future(_keep_small(settings, store, clock)),
        ]
        try:
            yield service
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            clean = await service.worker.stop(settings.server.drain_seconds)
            await catch_up.alive()
            if clean:
                await service.queue.mark_clean()
            log.info("service.stopped", clean=clean)


@asynccontextmanager
async def serve(
    settings: Settings, *, channels: Mapping[str, ChannelKind] | None = None
) -> AsyncIterator[tuple[Service, str]]:
    """A running service with its HTTP server; yields it with its base URL."""
    async with (
        running(settings, channels=channels) as service,
        serving(
            service.app,
            host=settings.server.host,
            port=settings.server.port,
            shutdown_seconds=settings.server.drain_seconds,
        ) as (host, port),
    ):
        shown = f"[{host}]" if ":" in host else host
        yield service, f"http://{shown}:{port}"


def _open_data(settings: Settings, stack: AsyncExitStack) -> Vault:
    """Make and lock the data folder, migrate the database, read or make the key file."""
    data = settings.storage.data_dir
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        (data / SPOOL).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"The data folder {data} cannot be made: {error.strerror}.",
            advice="Choose another storage.data_dir, or give this user the right to write there.",
        ) from error
    stack.enter_context(only_one(data))
    schema.prepare(data / DATABASE)
    return load_vault([s.get_secret_value() for s in settings.storage.secret_keys], data)


async def _keep_alive(catch_up: CatchUp) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        try:
            await catch_up.alive()
        except Unavailable as error:  # the next beat tells it
            log.warning("heartbeat.missed", error=str(error))


async def _keep_small(settings: Settings, store: Store, clock: Clock) -> None:
    days = settings.retention
    await keep_purging(
        store,
        clock,
        jobs_ms=round(days.jobs_days * DAY_MS),
        dead_ms=round(days.dead_days * DAY_MS),
        seen_ms=round(days.seen_days * DAY_MS),
        ledger_ms=round(days.ledger_days * DAY_MS),
        audit_ms=round(days.audit_days * DAY_MS),
        events_ms=round(days.events_days * DAY_MS),
        history_ms=round(days.history_days * DAY_MS),
        merges_ms=round(days.merges_days * DAY_MS),
        spool=settings.storage.data_dir / SPOOL,
    )
