"""An instance comes into being whole, or not at all.

The order is that of evolution-instance-typebot.md 1.2 (COMPAT). Until the last commit the instance
is stored as *not ready*: its name is taken, Chatwoot may deliver to it, but no list shows it and
its key opens nothing. What fails after the first commit is undone by the instance's id, so that
whoever loses a race for a name cannot touch the winner.
"""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from bridge.chatwoot.models import Inbox
from bridge.clock import Clock
from bridge.core.connection import ConnectionView
from bridge.core.instance import BUSINESS, InboxConfig, InstanceConfig
from bridge.core.order import InstanceOrder
from bridge.core.typebot import Bot
from bridge.errors import (
    Conflict,
    Forbidden,
    Invalid,
    PeerError,
    RequestError,
    Unavailable,
)
from bridge.relay.activity import Inactive, inactive_of, unproven, without_signature
from bridge.relay.bot import bots
from bridge.relay.cleanup import Cleanup, Traces
from bridge.relay.connections import Connections
from bridge.relay.directory import Directory, Entry, gone
from bridge.relay.events import Events
from bridge.relay.inboxes import Inboxes
from bridge.relay.probes import Probes
from bridge.relay.provisioning import Provisioning, turn_of_inbox
from bridge.relay.templates import Templates
from bridge.relay.turns import Turns
from bridge.relay.undoing import Limits, Undoing
from bridge.store.engine import Store, Unit
from bridge.store.queries import claims, instances
from bridge.store.secrets import Vault, hash_key, new_key
from bridge.whatsapp.qr import Qr
from bridge.whatsapp.registry import Registry

log = structlog.get_logger(__name__)

#: Writes more in the commit that stores the instance, whose id it gets.
Also = Callable[[Unit, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """`key` opens the instance; it is shown this once and stored hashed."""

    entry: Entry
    key: str = field(repr=False)
    connection: ConnectionView
    #: What is to be scanned, if that was asked for and came in time.
    qr: Qr | None = field(default=None, repr=False)
    bot: Bot | None = None
    not_active: tuple[Inactive, ...] = ()
    #: Sentences for people: what was understood but not done, or not taken literally.
    warnings: tuple[str, ...] = ()


class Creating:
    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        directory: Directory,
        registry: Registry,
        provisioning: Provisioning,
        inboxes: Inboxes,
        cleanup: Cleanup,
        probes: Probes,
        connections: Connections,
        undoing: Undoing,
        events: Events,
        templates: Templates,
        turns: Turns,
        clock: Clock,
        reserved_keys: frozenset[str],
        limits: Limits,
    ) -> None:
        """`reserved_keys`: hashes of what opens more than one instance (the global key ...)."""
        self._store = store
        self._vault = vault
        self._directory = directory
        self._registry = registry
        self._provisioning = provisioning
        self._inboxes = inboxes
        self._cleanup = cleanup
        self._probes = probes
        self._connections = connections
        self._undoing = undoing
        self._events = events
        self._templates = templates
        self._turns = turns
        self._clock = clock
        self._reserved_keys = reserved_keys
        self._limits = limits

    async def create(self, order: InstanceOrder, *, also: Also | None = None) -> Created:
        """Create an instance with its inbox. Raises `RequestError`; then nothing is left of it.

        What cannot be undone in Chatwoot at once, a stored job undoes when it answers again.
        """
        self._check(order)
        await self._undoing.what_is_left()
        key = order.key or new_key()
        instance = self._instance(order, key)
        inbox = self._inboxes.wanted(instance, order.chatwoot) if order.chatwoot else None
        await self._store.read(lambda db: self._refuse_taken(db, instance))
        await self._probes.ask(instance, inbox, order.bot)
        traces = self._traces(instance, inbox)
        async with self._turns.of(instance.id):
            await self._insert(instance, inbox, order.bot, traces, also)
            try:
                await self._directory.refresh(instance.id)
                if traces is not None:
                    await self._provision(order, traces)
                made = await self._connect(order, key, self._entry(instance))
                await self._finish(made.entry)
            except BaseException as error:
                await asyncio.shield(self._undoing.roll_back(instance, error))
                raise
        made = await self._asked(made)
        log.info("instance.created", instance=order.name, integration=order.integration)
        return made

    # -- before anything is stored -----------------------------------------------------------

    def _check(self, order: InstanceOrder) -> None:
        """What holds in every dialect, at once."""
        wrong: list[str] = []
        if self._registry.get(order.integration) is None:
            wrong.append("Invalid integration")
        if order.integration == BUSINESS:
            wrong += [
                f"{name} is required"
                for name, value in (("token", order.token), ("number", order.number))
                if not value
            ]
        if wrong:
            raise Invalid(*wrong, code="instance.invalid")

    def _instance(self, order: InstanceOrder, key: str) -> InstanceConfig:
        now = self._clock.ms()
        return InstanceConfig(
            id=str(uuid.uuid4()),
            name=order.name,
            integration=order.integration,
            key_hash=hash_key(key),
            number=order.number,
            business_id=order.business_id,
            token=order.token,
            app_secret=order.app_secret,
            verify_token=order.verify_token,
            dialect=order.dialect,
            ready=False,
            options=order.options,
            created_at=now,
            updated_at=now,
        )

    def _refuse_taken(self, db: sqlite3.Connection, instance: InstanceConfig) -> None:
        """Raises `Forbidden`, `Invalid` or `Conflict`, by the first thing that is taken."""
        if claims.name_is_taken(db, instance.name):
            raise _taken("name", instance)
        if instance.key_hash in self._reserved_keys or instances.key_known(db, instance.key_hash):
            raise _taken("key", instance)
        if instance.integration == BUSINESS and claims.number_is_taken(db, instance.number or ""):
            raise _taken("number", instance)

    def _traces(self, instance: InstanceConfig, inbox: InboxConfig | None) -> Traces | None:
        """What may be left in Chatwoot; None: nothing is made there."""
        if inbox is None or not inbox.enabled or not inbox.auto_create:
            return None
        return Traces(inbox=inbox, webhook_url=self._provisioning.webhook_url(instance, inbox))

    # -- from the first commit to the last ---------------------------------------------------

    async def _insert(
        self,
        instance: InstanceConfig,
        inbox: InboxConfig | None,
        bot: Bot | None,
        traces: Traces | None,
        also: Also | None,
    ) -> None:
        """Store everything, in one commit; of two creates at once one gets through."""
        now = instance.created_at

        def work(unit: Unit) -> None:
            self._refuse_taken(unit.db, instance)
            instances.save(unit.db, self._vault, instance)
            if inbox is not None:
                instances.save_inbox(unit.db, self._vault, inbox)
            if bot is not None:
                bots.add(unit, instance.id, bot, now=now)
            if traces is not None:
                self._cleanup.keep(unit, traces, now=now)
            if also is not None:
                also(unit, instance.id)

        try:
            await self._store.write(work, durable=True)
        except instances.Taken as error:
            raise _taken(error.what, instance) from error

    async def _provision(self, order: InstanceOrder, traces: Traces) -> None:
        entry = self._directory.by_id(traces.inbox.instance_id)
        if entry is None or order.chatwoot is None:
            raise gone(order.name)
        inbox = traces.inbox

        async def adopting(found: Inbox) -> None:
            await self._cleanup.adopting(traces, found)

        async with self._turns.of(turn_of_inbox(inbox, inbox.name_inbox)):
            done = await self._provisioning.provision(
                entry.instance,
                inbox,
                self._directory.chatwoot(inbox),
                replace_webhook=order.chatwoot.replace_webhook,
                adopting=adopting,
            )
            await self._inboxes.save(entry, done.inbox)

    async def _connect(self, order: InstanceOrder, key: str, entry: Entry) -> Created:
        """Start the connection if that was asked for.

        That it does not begin is a warning: the instance can be connected at any time.
        """
        kind = self._registry.kind(entry.instance)
        warnings = list(order.warnings)
        qr: Qr | None = None
        if order.qrcode and kind.has_session:
            try:
                qr = await self._connections.connect(entry, order.number, wait=self._limits.qr_wait)
            except (RequestError, PeerError) as error:
                warnings.append(str(error))
            if qr is not None and qr.no_pairing_code is not None:
                warnings.append(qr.no_pairing_code)
                qr = replace(qr, no_pairing_code=None)
        inactive = (
            *inactive_of(
                entry.instance,
                kind=kind,
                bot=order.bot,
                imports=order.chatwoot.imports if order.chatwoot else (),
            ),
            *without_signature(entry.inbox),
        )
        return Created(
            entry=entry,
            key=key,
            connection=self._connections.view(entry),
            qr=qr,
            bot=order.bot,
            not_active=inactive,
            warnings=(*warnings, *(one.reason for one in inactive), *unproven(order.bot)),
        )

    async def _finish(self, entry: Entry) -> None:
        """Make it visible, tell of it and end the clean-up job, in one commit."""

        def work(unit: Unit) -> None:
            claims.set_ready(unit.db, entry.id)
            self._cleanup.forget(unit, entry.id, now=self._clock.ms())
            self._events.created(unit, entry)
            self._templates.want(unit, entry.id, entry.instance.integration)

        await self._store.write(work, durable=True)
        await self._directory.refresh(entry.id)

    async def _asked(self, made: Created) -> Created:
        """With what is known once it is there; a channel that is asked may take its time."""
        entry = self._directory.by_id(made.entry.id)
        if entry is None:  # somebody has deleted it already
            return made
        self._connections.adopt(entry)
        try:
            async with asyncio.timeout(self._limits.probe):
                connection = await self._connections.ask(entry)
        except (TimeoutError, Unavailable):
            connection = self._connections.view(entry)
        return replace(made, entry=entry, connection=connection)

    def _entry(self, instance: InstanceConfig) -> Entry:
        entry = self._directory.by_id(instance.id)
        if entry is None:
            raise gone(instance.name)
        return entry


def _taken(what: str, instance: InstanceConfig) -> RequestError:
    match what:
        case "name":
            return Forbidden(
                f'This name "{instance.name}" is already in use.', code="instance.name_taken"
            )
        case "number":
            return Conflict(
                f"The number {instance.number} belongs to another instance.", code="number.taken"
            )
        case _:
            return Invalid("Token already exists", code="instance.key_taken")
