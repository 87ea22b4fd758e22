"""The composition root: settings become objects, objects become one running service."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251  (chance enters here)
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog
from aiohttp import web

from bridge import __version__
from bridge.clock import Clock, SystemClock
from bridge.core.instance import InboxConfig
from bridge.core.trial import Terms
from bridge.engine.embedded import EmbeddedQueue
from bridge.engine.queue import Job, Outcome, Retry
from bridge.engine.retention import keep_purging
from bridge.engine.worker import Handler, Policy, Worker
from bridge.errors import SetupError, Unavailable
from bridge.http.addresses import networks
from bridge.http.auditing import Auditor
from bridge.http.dialects.views import Addresses
from bridge.http.docs import docs_routes
from bridge.http.keys import Keys
from bridge.http.limits import Limiter
from bridge.http.openapi import openapi_route
from bridge.http.routes.audit import AuditRoutes
from bridge.http.routes.configuration import ConfigurationRoutes
from bridge.http.routes.connections import ConnectionRoutes
from bridge.http.routes.instances import InstanceRoutes
from bridge.http.routes.keys import KeyRoutes
from bridge.http.routes.operations import Operations
from bridge.http.routes.partners import PartnerRoutes
from bridge.http.routes.root import Root
from bridge.http.routes.typebot import TypebotRoutes
from bridge.http.routes.webhooks import ChatwootWebhook, MetaWebhook
from bridge.http.routes.webhooks import routes as webhook_routes
from bridge.http.routes.zapi import ZApiRoutes
from bridge.http.routing import Route
from bridge.http.server import make_app, serving
from bridge.net.guard import Guard
from bridge.net.http import Http
from bridge.peers import check_proxy, make_breaker, make_chatwoot, make_pacer, make_registry
from bridge.relay.audit import Audit
from bridge.relay.bots import Bots
from bridge.relay.catch_up import CATCH_UP, CatchUp
from bridge.relay.cleanup import CLEANUP, Cleanup
from bridge.relay.configuring import Configuring
from bridge.relay.connections import Connections
from bridge.relay.contacts import Contacts
from bridge.relay.content import Renderer
from bridge.relay.conversations import Conversations
from bridge.relay.creating import Creating, Limits
from bridge.relay.deleting import Deleting
from bridge.relay.directory import Directory
from bridge.relay.events import Events
from bridge.relay.inbound import Inbound
from bridge.relay.inboxes import Inboxes
from bridge.relay.instances import Instances
from bridge.relay.intake_chatwoot import ChatwootIntake
from bridge.relay.intake_whatsapp import ACCEPT, INBOUND, WhatsAppIntake
from bridge.relay.keyring import Keyring
from bridge.relay.linking import LINK, Linking
from bridge.relay.metrics import Metrics
from bridge.relay.outbound import Outbound, Times
from bridge.relay.probes import Probes
from bridge.relay.provisioning import Provisioning
from bridge.relay.read_marks import READ_MARK, ReadMarks
from bridge.relay.receipts import REPORT, Receipts
from bridge.relay.recheck import RECHECK, Recheck
from bridge.relay.retrying import OUTBOUND
from bridge.relay.trials import TRIAL, Trials
from bridge.relay.turns import Turns
from bridge.relay.uploads import Uploads
from bridge.settings import Settings, require_key
from bridge.store import schema
from bridge.store.engine import Store, Unit
from bridge.store.lock import only_one
from bridge.store.queries import facts
from bridge.store.secrets import Vault, hash_key, load_vault, new_secret
from bridge.whatsapp.registry import ChannelKind

log = structlog.get_logger(__name__)

DATABASE = "ponte.db"
SPOOL = "spool"
MIB = 1024 * 1024
HEARTBEAT_SECONDS = 20
HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS
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
    connections: Connections
    events: Events
    audit: Audit
    metrics: Metrics
    app: web.Application


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
        service, catch_up = await _assemble(
            settings, store, http, vault, clock, chance, key, wrap, channels
        )
        suspects = await service.queue.recover()
        await catch_up.begin()
        stack.push_async_callback(service.connections.stop)
        await service.connections.start()
        await service.instances.begin()
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
    channels: Mapping[str, ChannelKind] | None,
) -> tuple[Service, CatchUp]:
    queue = EmbeddedQueue(
        store, clock, make_breaker=partial(make_breaker, settings), pace=make_pacer(settings)
    )
    registry = make_registry(settings, http, channels)
    directory = Directory(
        store,
        vault,
        make_channel=registry.make,
        make_chatwoot=partial(make_chatwoot, settings, http),
        identity=registry.identity,
    )
    await directory.reload()
    events = Events(store, clock)
    connections = Connections(
        queue=queue, directory=directory, registry=registry, events=events, store=store, clock=clock
    )
    audit = Audit(store, clock)
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
    turns = Turns()
    inboxes = Inboxes(
        store=store,
        vault=vault,
        queue=queue,
        directory=directory,
        provisioning=provisioning,
        turns=turns,
        clock=clock,
    )
    cleanup = Cleanup(
        store=store,
        vault=vault,
        queue=queue,
        provisioning=provisioning,
        turns=turns,
        make_chatwoot=directory.chatwoot,
        clock=clock,
    )
    probes = Probes(
        directory=directory,
        provisioning=provisioning,
        http=http,
        probe_proxy=partial(check_proxy, settings, http),
        seconds=settings.api.probe_seconds,
    )
    deleting = Deleting(
        store=store,
        queue=queue,
        directory=directory,
        provisioning=provisioning,
        connections=connections,
        events=events,
        turns=turns,
        held=lambda instance_id: worker.held(instance_id),  # noqa: PLW0108  (made further down)
        spool=spool,
    )
    creating = Creating(
        store=store,
        vault=vault,
        directory=directory,
        registry=registry,
        provisioning=provisioning,
        inboxes=inboxes,
        cleanup=cleanup,
        probes=probes,
        connections=connections,
        deleting=deleting,
        events=events,
        turns=turns,
        clock=clock,
        reserved_keys=frozenset(
            hash_key(one) for one in (key, _plain(settings.z_api.partner_token)) if one
        ),
        limits=Limits(
            probe=settings.api.probe_seconds,
            qr_wait=settings.api.qr_wait_seconds,
            proof_delay=settings.chatwoot.proof_delay_seconds,
        ),
    )
    instances = Instances(
        store=store,
        vault=vault,
        queue=queue,
        directory=directory,
        creating=creating,
        deleting=deleting,
        inboxes=inboxes,
        probes=probes,
        connections=connections,
        turns=turns,
        clock=clock,
    )
    recheck = Recheck(
        store=store,
        queue=queue,
        directory=directory,
        inboxes=inboxes,
        intake=chatwoot_intake,
        clock=clock,
    )

    configuring = Configuring(instances)
    trials = Trials(
        store=store,
        queue=queue,
        directory=directory,
        instances=instances,
        events=events,
        clock=clock,
        terms=Terms(
            lasts=round(settings.z_api.trial_hours * HOUR_MS),
            warning=round(settings.z_api.warning_hours * HOUR_MS),
            deletes=settings.z_api.delete_unsubscribed,
        ),
    )

    def stale_before(inbox: InboxConfig) -> int:
        breaker = queue.lanes.breakers.get(f"chatwoot {inbox.url}")
        return max(started, breaker.opened_at if breaker else 0)

    read_marks = ReadMarks(queue, directory, clock)
    inbound = Inbound(
        store=store,
        directory=directory,
        contacts=Contacts(store, clock, tag=vault.tag),
        conversations=Conversations(store, clock, stale_before=stale_before),
        renderer=Renderer(spool, limit=settings.cloud.max_media_mb * MIB, language=language),
        clock=clock,
        proof_delay=round(settings.chatwoot.proof_delay_seconds * 1000),
        restore=inboxes.restore,
        read_marks=read_marks,
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
        obstacle=connections.obstacle,
    )
    handlers: dict[str, Handler] = {
        INBOUND: inbound,
        OUTBOUND: outbound,
        REPORT: receipts,
        LINK: Linking(store, queue, directory, clock),
        CATCH_UP: catch_up,
        RECHECK: recheck,
        ACCEPT: whatsapp_intake,
        READ_MARK: read_marks,
        CLEANUP: cleanup,
        TRIAL: trials,
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
    addresses = Addresses(
        public_url=settings.server.public_url,
        verify_token=_plain(settings.cloud.verify_token) or "",
        hook=provisioning.webhook_base,
    )
    routes: Sequence[Route] = (
        *InstanceRoutes(
            instances=instances,
            directory=directory,
            connections=connections,
            addresses=addresses,
            dialect=settings.api.dialect,
            v1_shape=settings.api.v1_shape,
            listed_as=settings.api.fetch_instances,
            expose_secrets=settings.api.expose_secrets,
            reopen=settings.chatwoot.reopen_conversation,
        ).routes(),
        *ConnectionRoutes(
            instances=instances,
            connections=connections,
            events=events,
            wait=settings.api.qr_wait_seconds,
            dialect=settings.api.dialect,
        ).routes(),
        *ConfigurationRoutes(
            instances=instances,
            configuring=configuring,
            registry=registry,
            addresses=addresses,
            dialect=settings.api.dialect,
            reopen=settings.chatwoot.reopen_conversation,
        ).routes(),
        *TypebotRoutes(
            bots=Bots(store, clock), directory=directory, dialect=settings.api.dialect
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
        *PartnerRoutes(
            trials=trials,
            directory=directory,
            connections=connections,
            due_as=settings.z_api.due_as,
        ).routes(),
        *ZApiRoutes(
            instances=instances,
            configuring=configuring,
            connections=connections,
            registry=registry,
            trials=trials,
            qr_wait=settings.api.qr_wait_seconds,
        ).routes(),
        *Operations(store=store, queue=queue, metrics=metrics, clock=clock).routes(),
        *KeyRoutes(instances=instances, keyring=Keyring(store, directory, clock)).routes(),
        *AuditRoutes(audit=audit).routes(),
        *Root(dialect=settings.api.dialect).routes(),
    )
    app = make_app(
        (*routes, openapi_route(routes, title="Ponte", version=__version__), *docs_routes()),
        gate=Keys(
            directory,
            key=key,
            limiter=Limiter(settings.auth.failures_per_minute, now=clock.ms),
            partner_token=_plain(settings.z_api.partner_token),
            client_token=_plain(settings.z_api.client_token),
        ),
        max_body=settings.server.max_body_mb * MIB,
        auditor=Auditor(audit, now=clock.ms),
        trusted_proxies=networks(settings.server.trusted_proxies),
    )
    service = Service(
        settings=settings,
        store=store,
        queue=queue,
        worker=worker,
        directory=directory,
        instances=instances,
        connections=connections,
        events=events,
        audit=audit,
        metrics=metrics,
        app=app,
    )
    return service, catch_up


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
        audit_ms=round(days.audit_days * DAY_MS),
        events_ms=round(days.events_days * DAY_MS),
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
