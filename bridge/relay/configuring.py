"""Changing what may be changed of an instance at any time, in any part.

Each change is a pure function of what is stored. It runs in the unit that stores its result, so
that two changes at once are both kept; what it raises reaches the caller, and nothing is changed.
A secret that comes back as its mask stays as it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from bridge.core.instance import (
    Behaviour,
    InboxConfig,
    InstanceOptions,
    Proxy,
    Transport,
    Webhook,
)
from bridge.core.masking import (
    unmasked_behaviour,
    unmasked_chatwoot,
    unmasked_proxy,
    unmasked_transport,
    unmasked_webhook,
)
from bridge.core.order import ChatwootOrder
from bridge.relay.directory import Entry
from bridge.relay.instances import Instances
from bridge.relay.turns import Turns

log = structlog.get_logger(__name__)


class Configuring:
    def __init__(self, instances: Instances) -> None:
        self._instances = instances
        self._turns = Turns()

    async def settings(self, entry: Entry, change: Callable[[Behaviour], Behaviour]) -> Entry:
        """Change how the number behaves. A connected session takes it over without a reconnect."""

        def changed(options: InstanceOptions) -> InstanceOptions:
            before = options.behaviour
            return replace(options, behaviour=unmasked_behaviour(change(before), before))

        return await self._change(entry, "settings", changed)

    async def webhook(self, entry: Entry, change: Callable[[Webhook | None], Webhook]) -> Entry:
        def changed(options: InstanceOptions) -> InstanceOptions:
            before = options.webhook
            return replace(options, webhook=unmasked_webhook(change(before), before))

        return await self._change(entry, "webhook", changed)

    async def transport(
        self, entry: Entry, name: str, change: Callable[[Transport | None], Transport]
    ) -> Entry:
        """`name` is one of `TRANSPORTS`."""

        def changed(options: InstanceOptions) -> InstanceOptions:
            before = options.transports.get(name)
            wanted = unmasked_transport(change(before), before)
            return replace(options, transports={**options.transports, name: wanted})

        return await self._change(entry, name, changed)

    async def proxy(self, entry: Entry, wanted: Proxy | None) -> Entry:
        """Set the way out of a channel, or none. It is stored when a request went through it.

        The channel is made anew, and a connected session connects again. Raises `Invalid`.
        """
        if wanted is not None:
            wanted = unmasked_proxy(wanted, entry.instance.options.proxy)
            await self._instances.probe_proxy(entry, wanted)
        return await self._change(entry, "proxy", lambda options: replace(options, proxy=wanted))

    async def callbacks(
        self, entry: Entry, change: Callable[[Mapping[str, str]], Mapping[str, str]]
    ) -> Entry:
        """Z-API's addresses, by its own names."""
        return await self._change(
            entry,
            "callbacks",
            lambda options: replace(options, callbacks=change(options.callbacks)),
        )

    async def chatwoot(
        self, entry: Entry, read: Callable[[InboxConfig | None], ChatwootOrder | None]
    ) -> Entry:
        """Set up, change or switch off the Chatwoot side; `read` gives None for "as it is".

        One at a time for an instance: what is not given stays as the change before left it.
        """
        async with self._turns.of(entry.id):
            now = self._instances.still(entry)
            order = read(now.inbox)
            if order is None:
                return now
            fresh = await self._instances.set_chatwoot(now, unmasked_chatwoot(order, now.inbox))
        log.info("instance.configured", instance=entry.instance.name, what="chatwoot")
        return fresh

    async def _change(
        self, entry: Entry, what: str, change: Callable[[InstanceOptions], InstanceOptions]
    ) -> Entry:
        fresh = await self._instances.change_options(entry, change)
        log.info("instance.configured", instance=entry.instance.name, what=what)
        return fresh
