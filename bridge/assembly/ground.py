"""What everything else stands on: the queue, the instances we know, their channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bridge.clock import Clock
from bridge.engine.embedded import EmbeddedQueue
from bridge.net.http import Http
from bridge.peers import make_breaker, make_chatwoot, make_pacer, make_registry
from bridge.relay.announcing import Announcing
from bridge.relay.audit import Audit
from bridge.relay.connections import Connections
from bridge.relay.directory import Directory
from bridge.relay.events import Events
from bridge.relay.room import Room
from bridge.relay.templates import Templates
from bridge.relay.turns import Turns
from bridge.settings import Settings
from bridge.store.engine import Store
from bridge.store.secrets import Vault
from bridge.whatsapp.registry import ChannelKind, Registry

SPOOL = "spool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a service is made of. `key` is the global API key."""

    settings: Settings
    store: Store
    http: Http
    vault: Vault
    clock: Clock
    chance: Callable[[], float]
    key: str = field(repr=False)

    @property
    def spool(self) -> Path:
        return self.settings.storage.data_dir / SPOOL


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    means: Means
    queue: EmbeddedQueue
    registry: Registry
    directory: Directory
    events: Events
    connections: Connections
    turns: Turns
    room: Room
    announcing: Announcing
    audit: Audit
    templates: Templates


async def lay(means: Means, channels: Mapping[str, ChannelKind] | None) -> Ground:
    settings, store, clock = means.settings, means.store, means.clock
    queue = EmbeddedQueue(
        store, clock, make_breaker=partial(make_breaker, settings), pace=make_pacer(settings)
    )
    registry = make_registry(settings, means.http, channels, clock=clock, chance=means.chance)
    directory = Directory(
        store,
        means.vault,
        make_channel=registry.make,
        make_chatwoot=partial(make_chatwoot, settings, means.http),
        identity=registry.identity,
        language=settings.relay.language,
    )
    await directory.reload()
    events = Events(store, clock)
    turns = Turns()
    room = Room(
        store=store,
        queue=queue,
        directory=directory,
        turns=turns,
        clock=clock,
        proof_delay=proof_delay(settings),
    )
    announcing = Announcing(
        store=store,
        queue=queue,
        directory=directory,
        clock=clock,
        room=room,
    )
    connections = Connections(
        queue=queue,
        directory=directory,
        registry=registry,
        events=events,
        announcing=announcing,
        store=store,
        clock=clock,
    )
    return Ground(
        means=means,
        queue=queue,
        registry=registry,
        directory=directory,
        events=events,
        connections=connections,
        turns=turns,
        room=room,
        announcing=announcing,
        audit=Audit(store, clock),
        templates=Templates(
            store=store, queue=queue, directory=directory, clock=clock, chance=means.chance
        ),
    )


def proof_delay(settings: Settings) -> int:
    """How long (ms) Rails may still commit after a time-out."""
    return round(settings.chatwoot.proof_delay_seconds * 1000)


def plain(secret: object) -> str | None:
    """The text of a setting that is secret; None when it is not set."""
    value = getattr(secret, "get_secret_value", None)
    return str(value()) if callable(value) else None
