"""The life of an instance, as the API knows it: created, changed, deleted.

Each has a home of its own (`creating`, `inboxes`, `deleting`); here they meet under one name.
Changes of one instance take turns, and work on what the database holds at that moment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from bridge.clock import Clock
from bridge.core.connection import ConnectionView
from bridge.core.instance import InstanceConfig, InstanceOptions, Proxy
from bridge.core.order import ChatwootOrder, InstanceOrder
from bridge.engine.queue import Queue
from bridge.relay.connections import Connections
from bridge.relay.creating import Also, Created, Creating
from bridge.relay.deleting import Deleting, InboxFate
from bridge.relay.directory import Directory, Entry, gone
from bridge.relay.inboxes import Inboxes
from bridge.relay.probes import Probes
from bridge.relay.templates import Templates
from bridge.relay.turns import Turns
from bridge.relay.undoing import Undoing
from bridge.store.engine import Store, Unit
from bridge.store.queries import claims, instances
from bridge.store.secrets import Vault

__all__ = ("Created", "InboxFate", "Instances")

log = structlog.get_logger(__name__)


class Instances:
    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        queue: Queue,
        directory: Directory,
        creating: Creating,
        undoing: Undoing,
        deleting: Deleting,
        inboxes: Inboxes,
        probes: Probes,
        connections: Connections,
        templates: Templates,
        turns: Turns,
        clock: Clock,
    ) -> None:
        self._store = store
        self._vault = vault
        self._queue = queue
        self._directory = directory
        self._creating = creating
        self._undoing = undoing
        self._deleting = deleting
        self._inboxes = inboxes
        self._probes = probes
        self._connections = connections
        self._templates = templates
        self._turns = turns
        self._clock = clock

    async def begin(self) -> None:
        """At start: undo what the end of the process cut off."""
        await self._undoing.at_start()

    def entry(self, name: str) -> Entry:
        """The instance of this name. Raises `NotFound`, also while it is being created."""
        entry = self._directory.by_name(name)
        if entry is None or not entry.instance.ready:
            raise gone(name)
        return entry

    def still(self, entry: Entry) -> Entry:
        """Return it as it is now. Raises `NotFound`, also when another one has its name."""
        return self._directory.still(entry)

    async def of_number(self, number: str) -> list[str]:
        """The ids of the instances of a number: Meta's id of it, or that of a phone."""
        return await self._store.read(lambda db: claims.of_number(db, number))

    async def create(self, order: InstanceOrder, *, also: Also | None = None) -> Created:
        """See `Creating.create`. `also` is written in the commit that stores the instance."""
        return await self._creating.create(order, also=also)

    async def delete(self, entry: Entry, *, inbox: InboxFate = InboxFate.KEEP) -> None:
        """See `Deleting.delete`."""
        await self._deleting.delete(entry, inbox=inbox)

    async def set_chatwoot(self, entry: Entry, order: ChatwootOrder) -> Entry:
        """See `Inboxes.set`."""
        return await self._inboxes.set(entry, order)

    async def change(self, entry: Entry, to: Callable[[InstanceConfig], InstanceConfig]) -> Entry:
        """Store what `to` makes of the instance as it is now, and let its channel know.

        `to` runs in the database's thread. Raises what it raises, and `NotFound`.
        """
        async with self._turns.of(entry.id):
            return await self._change(entry, to)

    async def change_options(
        self, entry: Entry, to: Callable[[InstanceOptions], InstanceOptions]
    ) -> Entry:
        """`change`, for what may be changed at any time.

        What was paused goes out, in order, when the number's channel is another one now (proxy).
        """
        fresh = await self.change(entry, lambda now: replace(now, options=to(now.options)))
        if fresh.channel is not entry.channel:
            # What waits was accepted for the way of before, which may be the one that is broken.
            self._queue.resume(entry.channel_peer)
            self._queue.resume(fresh.channel_account)
        return fresh

    async def set_credentials(
        self, entry: Entry, *, token: str, app_secret: str | None, verify_token: str | None
    ) -> ConnectionView:
        """Give a number a new WhatsApp token; what was paused for the old one goes out, in order.

        Secrets that are None stay as they were. Raises `Invalid` when WhatsApp refuses the token;
        then nothing is changed.
        """

        def to(now: InstanceConfig) -> InstanceConfig:
            return replace(
                now,
                token=token,
                app_secret=app_secret or now.app_secret,
                verify_token=verify_token or now.verify_token,
            )

        async with self._turns.of(entry.id):
            changed = to(self.still(entry).instance)
            await self._probes.token(self._directory.channel(changed), changed.name)
            fresh = await self._change(entry, to, also=self._templates.want)
        self._queue.resume(fresh.channel_account)
        log.info("instance.credentials_changed", instance=entry.instance.name)
        return await self._connections.ask(fresh)

    async def probe_proxy(self, entry: Entry, proxy: Proxy) -> None:
        """Ask the channel's own server for anything through a proxy. Raises `Invalid`."""
        await self._probes.proxy(proxy, entry.instance)

    async def _change(
        self,
        entry: Entry,
        to: Callable[[InstanceConfig], InstanceConfig],
        *,
        also: Callable[[Unit, str, str], None] | None = None,
    ) -> Entry:
        def work(unit: Unit) -> None:
            found = instances.sealed_one(unit.db, entry.id)
            if found is None:
                raise gone(entry.instance.name)
            changed = replace(to(found.open(self._vault).instance), updated_at=self._clock.ms())
            instances.save(unit.db, self._vault, changed)
            if also is not None:
                also(unit, changed.id, changed.integration)

        await self._store.write(work, durable=True)
        await self._directory.refresh(entry.id)
        fresh = self.still(entry)
        self._connections.adopt(fresh)
        return fresh
