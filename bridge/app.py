"""The composition root: settings become objects, objects become one running service."""

from __future__ import annotations

import asyncio
import hmac
import random  # noqa: TID251  (chance enters here)
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog
from aiohttp import web

from bridge import __version__
from bridge.clock import Clock, SystemClock
from bridge.core.instance import InboxConfig
from bridge.engine.embedded import EmbeddedQueue
from bridge.engine.queue import Job, Outcome, Retry
from bridge.engine.retention import keep_purging
from bridge.engine.worker import Handler, Policy, Worker
from bridge.errors import SetupError, Unauthorized, Unavailable
from bridge.http.docs import docs_routes
from bridge.http.gate import Caller
from bridge.http.openapi import openapi_route
from bridge.http.routes.instances import InstanceRoutes
from bridge.http.routes.operations import Operations
from bridge.http.routes.webhooks import ChatwootWebhook, MetaWebhook
from bridge.http.routes.webhooks import routes as webhook_routes
from bridge.http.routing import Access, Route
from bridge.http.server import make_app, serving
from bridge.net.guard import Guard
from bridge.net.http import Http
from bridge.peers import make_breaker, make_channel, make_chatwoot, make_pacer
from bridge.relay.catch_up import CATCH_UP, CatchUp
from bridge.relay.contacts import Contacts
from bridge.relay.content import Renderer
from bridge.relay.conversations import Conversations
from bridge.relay.directory import Directory
from bridge.relay.inbound import Inbound
from bridge.relay.instances import Instances
from bridge.relay.intake_chatwoot import ChatwootIntake
from bridge.relay.intake_whatsapp import ACCEPT, INBOUND, WhatsAppIntake
from bridge.relay.linking import LINK, Linking
from bridge.relay.metrics import Metrics
from bridge.relay.outbound import Outbound, Times
from bridge.relay.provisioning import Provisioning
from bridge.relay.receipts import REPORT, Receipts
from bridge.relay.recheck import RECHECK, Recheck
from bridge.relay.retrying import OUTBOUND
from bridge.relay.uploads import Uploads
from bridge.settings import Settings, require_key
from bridge.store import schema
from bridge.store.engine import Store, Unit
from bridge.store.lock import only_one
from bridge.store.queries import facts
from bridge.store.secrets import Vault, load_vault, new_secret

log = structlog.get_logger(__name__)

DATABASE = "ponte.db"
SPOOL = "spool"
MIB = 1024 * 1024
HEARTBEAT_SECONDS = 20
DAY_MS = 24 * 3600 * 1000
#: Connections to all peers together.
CONNECTIONS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One running Ponte, as the command line and the tests hold it."""

    settings: Settings
    store: Store
    queue: EmbeddedQueue
    worker: Worker
    directory: Directory
    instances: Instances
    metrics: Metrics
    app: web.Application


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    clock: Clock | None = None,
    chance: Callable[[], float] = random.random,
    wrap: Callable[[str, Handler], Handler] = lambda _kind, handler: handler,
) -> AsyncIterator[Service]:
    """Open the database, take up what waits, work until the block ends, then drain.

    `wrap` may put something around each job handler (tests cut them off). Raises `SetupError`.
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
        service, catch_up = await _assemble(settings, store, http, vault, clock, chance, key, wrap)
        suspects = await service.queue.recover()
        await catch_up.begin()
        log.info("service.started", version=__version__, suspects=suspects)
        tasks = [
            asyncio.ensure_future(service.worker.run()),
            asyncio.ensure_future(_keep_alive(catch_up)),
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
async def serve(settings: Settings) -> AsyncIterator[tuple[Service, str]]:
    """A running service with its HTTP server; yields it with its base URL."""
    async with (
        running(settings) as service,
        serving(
            service.app,
            host=settings.server.host,
            port=settings.server.port,
            shutdown_seconds=settings.server.drain_seconds,
        ) as (host, port),
    ):
        shown = f"[{host}]" if ":" in host else host
        yield service, f"http://{shown}:{port}"


async def _assemble(  # noqa: PLR0917
    settings: Settings,
    store: Store,
    http: Http,
    vault: Vault,
    clock: Clock,
    chance: Callable[[], float],
    key: str,
    wrap: Callable[[str, Handler], Handler],
) -> tuple[Service, CatchUp]:
    queue = EmbeddedQueue(
        store, clock, make_breaker=partial(make_breaker, settings), pace=make_pacer(settings)
    )
    directory = Directory(
        store,
        vault,
        make_channel=partial(make_channel, settings, http),
        make_chatwoot=partial(make_chatwoot, settings, http),
    )
    await directory.reload()
    language = settings.relay.language
    started = clock.ms()
    spool = settings.storage.data_dir / SPOOL
    receipts = Receipts(queue, directory, language=language)
    whatsapp_intake = WhatsAppIntake(store, queue, directory, receipts, clock)
    chatwoot_intake = ChatwootIntake(store, queue, clock, hold=settings.chatwoot.hold_ms)
    catch_up = CatchUp(
        store=store, queue=queue, directory=directory, intake=chatwoot_intake, clock=clock
    )
    provisioning = Provisioning(
        directory, clock, public_url=settings.server.public_url, language=language
    )
    instances = Instances(
        store=store,
        vault=vault,
        queue=queue,
        directory=directory,
        provisioning=provisioning,
        clock=clock,
    )
    recheck = Recheck(
        store=store,
        queue=queue,
        directory=directory,
        instances=instances,
        intake=chatwoot_intake,
        clock=clock,
    )

    def stale_before(inbox: InboxConfig) -> int:
        breaker = queue.lanes.breakers.get(f"chatwoot {inbox.url}")
        return max(started, breaker.opened_at if breaker else 0)

    inbound = Inbound(
        store=store,
        directory=directory,
        contacts=Contacts(store, clock, tag=vault.tag),
        conversations=Conversations(store, clock, stale_before=stale_before),
        renderer=Renderer(spool, limit=settings.cloud.max_media_mb * MIB, language=language),
        clock=clock,
        proof_delay=round(settings.chatwoot.proof_delay_seconds * 1000),
        restore=instances.restore,
    )
    outbound = Outbound(
        store=store,
        queue=queue,
        directory=directory,
        receipts=receipts,
        uploads=Uploads(
            http,
            spool,
            limit=settings.chatwoot.max_media_mb * MIB,
            timeout=settings.chatwoot.timeout_seconds * 8,
        ),
        clock=clock,
        times=Times(
            not_after=round(settings.relay.not_after_seconds * 1000),
            uncertain_after=round(settings.relay.uncertain_after_seconds * 1000),
            sent_wait=round(settings.relay.sent_wait_seconds * 1000),
        ),
        install=await _install_id(store),
    )
    handlers: dict[str, Handler] = {
        INBOUND: inbound,
        OUTBOUND: outbound,
        REPORT: receipts,
        LINK: Linking(store, queue, directory, clock),
        CATCH_UP: catch_up,
        RECHECK: recheck,
        ACCEPT: whatsapp_intake,
    }
    metrics = Metrics(store, clock, breakers=lambda: queue.lanes.breakers)
    worker = Worker(
        queue,
        {kind: wrap(kind, handler) for kind, handler in handlers.items()},
        clock=clock,
        chance=chance,
        breaker=queue.lanes.breaker,
        policy=Policy(
            retry_delays=[round(s * 1000) for s in settings.engine.retry_delays_seconds],
            park_after=round(settings.engine.park_after_seconds * 1000),
        ),
        slots=settings.engine.slots,
        alert=_alert,
        observe=partial(_ended, metrics, clock),
    )
    routes: Sequence[Route] = (
        *InstanceRoutes(
            instances=instances,
            directory=directory,
            provisioning=provisioning,
            public_url=settings.server.public_url,
            verify_token=_plain(settings.cloud.verify_token) or "",
            reopen=settings.chatwoot.reopen_conversation,
        ).routes(),
        *webhook_routes(
            MetaWebhook(
                whatsapp_intake,
                directory,
                clock,
                app_secrets=[s.get_secret_value() for s in settings.cloud.app_secrets],
                verify_token=_plain(settings.cloud.verify_token),
            ),
            ChatwootWebhook(chatwoot_intake, directory, recheck, clock),
        ),
        *Operations(store=store, queue=queue, metrics=metrics, clock=clock).routes(),
    )
    app = make_app(
        (*routes, openapi_route(routes, title="Ponte", version=__version__), *docs_routes()),
        gate=Keys(directory, key),
        max_body=settings.server.max_body_mb * MIB,
    )
    service = Service(
        settings=settings,
        store=store,
        queue=queue,
        worker=worker,
        directory=directory,
        instances=instances,
        metrics=metrics,
        app=app,
    )
    return service, catch_up


class Keys:
    """The gate: the global key opens everything, an instance's key that instance."""

    def __init__(self, directory: Directory, key: str) -> None:
        self._directory = directory
        self._key = key.encode()

    async def check(self, key: str | None, access: Access, instance: str | None) -> Caller:
        if key is None:
            raise Unauthorized
        if hmac.compare_digest(key.encode(), self._key):
            return Caller(instance=None)
        entry = self._directory.by_key(key)
        if entry is None or access is not Access.INSTANCE_KEY:
            raise Unauthorized
        if instance not in (None, entry.instance.name):
            raise Unauthorized
        return Caller(instance=entry.instance.name)


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


async def _install_id(store: Store) -> str:
    """A short name of this database, so that our send keys meet those of no other."""

    def work(unit: Unit) -> str:
        found = facts.get(unit.db, "install")
        if found is None:
            found = new_secret()[:8]
            facts.put(unit.db, "install", found)
        return found

    return await store.write(work)


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
        spool=settings.storage.data_dir / SPOOL,
    )


def _alert(subject: str, cause: str, reason: str) -> None:
    log.warning("alert.raised", subject=subject, cause=cause, reason=reason)


def _ended(metrics: Metrics, clock: Clock, job: Job, outcome: Outcome | Retry) -> None:
    metrics.observe(job, outcome)
    log.info(
        "job.ran",
        kind=job.kind,
        outcome=type(outcome).__name__.lower(),
        ms=max(0, clock.ms() - job.accepted_at),
    )


def _plain(secret: object) -> str | None:
    value = getattr(secret, "get_secret_value", None)
    return str(value()) if callable(value) else None
