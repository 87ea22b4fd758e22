"""How others reach us: every route, behind the gate."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from bridge import __version__
from bridge.assembly.ground import Ground, plain
from bridge.assembly.life import Life
from bridge.assembly.roads import MIB, Roads
from bridge.http.addresses import networks
from bridge.http.auditing import Auditor
from bridge.http.dialects.views import Addresses
from bridge.http.docs import docs_routes
from bridge.http.keys import Keys
from bridge.http.limits import Limiter
from bridge.http.openapi import openapi_route
from bridge.http.origins import Origins
from bridge.http.routes.audit import AuditRoutes
from bridge.http.routes.bot_sessions import BotSessionRoutes
from bridge.http.routes.configuration import ConfigurationRoutes
from bridge.http.routes.connections import ConnectionRoutes
from bridge.http.routes.instances import InstanceRoutes
from bridge.http.routes.keys import KeyRoutes
from bridge.http.routes.media import MediaRoutes
from bridge.http.routes.merges import MergeRoutes
from bridge.http.routes.operations import Operations
from bridge.http.routes.partners import PartnerRoutes
from bridge.http.routes.people import People
from bridge.http.routes.root import Root
from bridge.http.routes.typebot import TypebotRoutes
from bridge.http.routes.webhooks import ChatwootWebhook, MetaWebhook
from bridge.http.routes.webhooks import routes as webhook_routes
from bridge.http.routes.zapi import ZApiRoutes
from bridge.http.routing import Route
from bridge.http.server import make_app
from bridge.relay.bot.bots import Bots
from bridge.relay.bot.sessions import BotSessions
from bridge.relay.bot.starts import BotStarts
from bridge.relay.keyring import Keyring


def application(ground: Ground, life: Life, roads: Roads) -> web.Application:
    means = ground.means
    settings, clock = means.settings, means.clock
    routes = (
        *_evolution(ground, life),
        *_flows(ground, life, roads),
        *_webhooks(ground, roads),
        *_on_demand(ground, life),
        *Operations(
            store=means.store, queue=ground.queue, metrics=roads.metrics, clock=clock
        ).routes(),
        *People(store=means.store).routes(),
        *MergeRoutes(
            instances=life.instances, directory=ground.directory, plans=roads.merge_plans
        ).routes(),
        *AuditRoutes(audit=ground.audit).routes(),
        *Root(dialect=settings.api.dialect, public_url=settings.server.public_url).routes(),
    )
    return make_app(
        (*routes, openapi_route(routes, title="Ponte", version=__version__), *docs_routes()),
        gate=Keys(
            ground.directory,
            key=means.key,
            limiter=Limiter(settings.auth.failures_per_minute, now=clock.ms),
            partner_token=plain(settings.z_api.partner_token),
            client_token=plain(settings.z_api.client_token),
            flow_keys=roads.bots.keys,
            now=clock.ms,
        ),
        max_body=settings.server.max_body_mb * MIB,
        auditor=Auditor(ground.audit, now=clock.ms),
        trusted_proxies=networks(settings.server.trusted_proxies),
        origins=Origins(allowed=frozenset(settings.server.allowed_origins)),
    )


def _evolution(ground: Ground, life: Life) -> Iterable[Route]:
    """What Evolution API and L2MSG have, and our own routes beside it."""
    means = ground.means
    settings, api = means.settings, means.settings.api
    instances, connections, directory = life.instances, ground.connections, ground.directory
    addresses = Addresses(
        public_url=settings.server.public_url,
        verify_token=plain(settings.cloud.verify_token) or "",
        hook=life.provisioning.webhook_base,
    )
    yield from InstanceRoutes(
        instances=instances,
        directory=directory,
        connections=connections,
        addresses=addresses,
        dialect=api.dialect,
        v1_shape=api.v1_shape,
        listed_as=api.fetch_instances,
        expose_secrets=api.expose_secrets,
        reopen=settings.chatwoot.reopen_conversation,
    ).routes()
    yield from ConnectionRoutes(
        instances=instances,
        connections=connections,
        events=ground.events,
        wait=api.qr_wait_seconds,
        dialect=api.dialect,
    ).routes()
    yield from ConfigurationRoutes(
        instances=instances,
        configuring=life.configuring,
        registry=ground.registry,
        addresses=addresses,
        dialect=api.dialect,
        reopen=settings.chatwoot.reopen_conversation,
    ).routes()
    yield from KeyRoutes(
        instances=instances, keyring=Keyring(means.store, directory, means.clock)
    ).routes()


def _flows(ground: Ground, life: Life, roads: Roads) -> Iterable[Route]:
    """Evolution's routes of Typebot flows and ours beside them, and what flows are lent."""
    means, kept = ground.means, roads.bots
    store, clock, queue = means.store, means.clock, ground.queue
    dialect, instances = means.settings.api.dialect, life.instances
    bots = Bots(store=store, clock=clock, queue=queue, shelf=kept.shelf, talks=kept.talks)
    sessions = BotSessions(store=store, clock=clock, queue=queue, talks=kept.talks)
    yield from TypebotRoutes(
        bots=bots,
        sessions=sessions,
        instances=instances,
        dialect=dialect,
        judge=means.http.judge,
    ).routes()
    yield from BotSessionRoutes(
        bots=bots,
        sessions=sessions,
        starts=BotStarts(store=store, clock=clock, queue=queue, talks=kept.talks, shelf=kept.shelf),
        instances=instances,
        dialect=dialect,
        now=clock.ms,
    ).routes()
    yield from MediaRoutes(media=kept.media, now=clock.ms).routes()


def _webhooks(ground: Ground, roads: Roads) -> Iterable[Route]:
    cloud, clock = ground.means.settings.cloud, ground.means.clock
    return webhook_routes(
        MetaWebhook(
            roads.whatsapp_intake,
            ground.directory,
            ground.templates,
            clock,
            app_secrets=[secret.get_secret_value() for secret in cloud.app_secrets],
            verify_token=plain(cloud.verify_token),
        ),
        ChatwootWebhook(roads.chatwoot_intake, ground.directory, roads.recheck, clock),
    )


def _on_demand(ground: Ground, life: Life) -> Iterable[Route]:
    """Z-API's routes."""
    settings = ground.means.settings
    yield from PartnerRoutes(
        trials=life.trials,
        directory=ground.directory,
        connections=ground.connections,
        due_as=settings.z_api.due_as,
    ).routes()
    yield from ZApiRoutes(
        instances=life.instances,
        configuring=life.configuring,
        connections=ground.connections,
        registry=ground.registry,
        trials=life.trials,
        qr_wait=settings.api.qr_wait_seconds,
    ).routes()
