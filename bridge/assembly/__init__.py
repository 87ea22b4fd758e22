"""The composition root: settings become objects, objects become one service that can run.

`ground` is what everything stands on, `life` is how instances come and go, `roads` is what happens
to messages, `api` is how others reach us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from bridge.assembly.api import application
from bridge.assembly.ground import Ground, Means, lay
from bridge.assembly.life import begin_life
from bridge.assembly.roads import lay_roads
from bridge.engine.embedded import EmbeddedQueue
from bridge.engine.worker import Handler, Worker
from bridge.relay.alerts import Alerts
from bridge.relay.audit import Audit
from bridge.relay.bot.bubbles import Bubbles
from bridge.relay.bot.flows import Shelf
from bridge.relay.bot.talks import Talks
from bridge.relay.catch_up import CatchUp
from bridge.relay.composing import Composing
from bridge.relay.connections import Connections
from bridge.relay.directory import Directory
from bridge.relay.drift import Drift
from bridge.relay.events import Events
from bridge.relay.instances import Instances
from bridge.relay.metrics import Metrics
from bridge.relay.templates import Templates
from bridge.settings import Settings
from bridge.store.engine import Store
from bridge.whatsapp.registry import ChannelKind

__all__ = ("Means", "Service", "assemble")


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
    composing: Composing
    templates: Templates
    drift: Drift
    alerts: Alerts
    shelf: Shelf
    talks: Talks
    bubbles: Bubbles
    app: web.Application


async def assemble(
    means: Means,
    *,
    wrap: Callable[[str, Handler], Handler],
    channels: Mapping[str, ChannelKind] | None,
) -> tuple[Service, CatchUp]:
    """Make a service; nothing runs yet. The arguments are those of `app.running`."""
    ground: Ground = await lay(means, channels)
    # Whoever deletes an instance holds its jobs; the worker that does so needs all that can delete.
    life = begin_life(ground, held=lambda instance_id: roads.worker.held(instance_id))  # noqa: PLW0108
    roads = await lay_roads(ground, life, wrap)
    service = Service(
        settings=means.settings,
        store=means.store,
        queue=ground.queue,
        worker=roads.worker,
        directory=ground.directory,
        instances=life.instances,
        connections=ground.connections,
        events=ground.events,
        audit=ground.audit,
        metrics=roads.metrics,
        composing=roads.composing,
        templates=ground.templates,
        drift=roads.drift,
        alerts=roads.alerts,
        shelf=roads.bots.shelf,
        talks=roads.bots.talks,
        bubbles=roads.bubbles,
        app=application(ground, life, roads),
    )
    return service, roads.catch_up
