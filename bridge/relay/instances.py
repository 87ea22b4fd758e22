"""The life of an instance: created whole or not at all, changed, deleted."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field, replace

import structlog

from bridge.clock import Clock
from bridge.core.connection import LinkState
from bridge.core.instance import BUSINESS, InboxConfig, InstanceConfig
from bridge.core.order import ChatwootOrder, InstanceOrder
from bridge.engine.queue import Queue
from bridge.errors import (
    BridgeError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PeerError,
    PeerLocked,
    RequestError,
)
from bridge.relay.directory import Directory, Entry
from bridge.relay.provisioning import Provisioning
from bridge.store.engine import Store, Unit
from bridge.store.queries import instances
from bridge.store.secrets import Vault, hash_key, new_key, new_secret
from bridge.whatsapp.channel import Link

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """`key` opens the instance; it is shown this once and stored hashed."""

    entry: Entry
    key: str = field(repr=False)
    link: Link


class Instances:
    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        queue: Queue,
        directory: Directory,
        provisioning: Provisioning,
        clock: Clock,
    ) -> None:
        self._store = store
        self._vault = vault
        self._queue = queue
        self._directory = directory
        self._provisioning = provisioning
        self._clock = clock
        #: Provisioning of one instance at a time: two `set`s must not make two inboxes.
        self._busy: dict[str, asyncio.Lock] = {}
        self._links: dict[str, Link] = {}

    def entry(self, name: str) -> Entry:
        """The instance of this name. Raises `NotFound`."""
        entry = self._directory.by_name(name)
        if entry is None:
            raise NotFound(f'The "{name}" instance does not exist', code="instance.unknown")
        return entry

    async def create(self, order: InstanceOrder) -> Created:
        """Create an instance with its inbox. Raises `RequestError`; then nothing is left of it."""
        _check(order)
        if self._directory.by_name(order.name) is not None:
            raise _name_taken(order.name)
        self._check_number(order.number)
        key = new_key()
        now = self._clock.ms()
        instance = InstanceConfig(
            id=str(uuid.uuid4()),
            name=order.name,
            integration=order.integration,
            key_hash=hash_key(key),
            number=order.number,
            business_id=order.business_id,
            token=order.token,
            app_secret=order.app_secret,
            verify_token=order.verify_token,
            options=order.options,
            created_at=now,
            updated_at=now,
        )
        await self._insert(instance)
        try:
            # First, since it changes nothing: a wrong token leaves no trace in Chatwoot.
            link = await self.link(self.entry(order.name), refuse_bad_token=True)
            if order.chatwoot is not None:
                await self.set_chatwoot(self.entry(order.name), order.chatwoot)
        except BaseException:
            await asyncio.shield(self._roll_back(instance))
            raise
        log.info("instance.created", instance=order.name)
        return Created(entry=self.entry(order.name), key=key, link=link)

    async def set_chatwoot(self, entry: Entry, order: ChatwootOrder) -> Entry:
        """Provision, or change, the Chatwoot side; what is paused for its sake goes on."""
        async with self._busy.setdefault(entry.id, asyncio.Lock()):
            entry = self.entry(entry.instance.name)
            wanted = self._wanted(entry, order)
            if entry.inbox is None:  # Chatwoot delivers already while we set it up
                await self._save_inbox(entry, wanted)
            try:
                # One at a time in an account: two must not adopt the same inbox.
                async with self._busy.setdefault(wanted.scope, asyncio.Lock()):
                    await self._provision(entry, wanted, replace_webhook=order.replace_webhook)
            except BaseException:
                if entry.inbox is None:
                    await asyncio.shield(self._drop_inbox(entry))
                raise
        fresh = self.entry(entry.instance.name)
        self._queue.resume(fresh.chatwoot_account)
        self._queue.resume(fresh.chatwoot_peer)
        return fresh

    async def restore(self, entry: Entry) -> None:
        """The inbox was deleted in Chatwoot: make it again, once, whoever notices first.

        Raises `PeerLocked` when that takes a person.
        """
        async with self._busy.setdefault(entry.id, asyncio.Lock()):
            now = self._directory.by_id(entry.id)
            if now is None or now.inbox is None or now.inbox != entry.inbox:
                return
            if not now.inbox.auto_create:
                raise PeerLocked(
                    "The Chatwoot inbox of this instance was deleted.",
                    code="chatwoot.inbox_deleted",
                    advice="Repeat POST /chatwoot/set with autoCreate, or name another inbox.",
                )
            try:
                await self._provision(now, now.inbox, replace_webhook=False)
            except RequestError as error:
                raise PeerLocked(
                    f"The Chatwoot inbox was deleted and cannot be made again: {error}",
                    code=error.cause,
                ) from error
        log.warning("inbox.restored", instance=entry.instance.name)

    async def _provision(self, entry: Entry, wanted: InboxConfig, *, replace_webhook: bool) -> None:
        made: int | None = None
        chatwoot = self._directory.chatwoot(wanted)
        if wanted.enabled:
            done = await self._provisioning.provision(
                entry.instance, wanted, chatwoot, replace_webhook=replace_webhook
            )
            wanted, made = done.inbox, done.made_inbox
        try:
            await self._save_inbox(entry, wanted)
        except BaseException:
            if made is not None:
                await asyncio.shield(self._provisioning.undo(chatwoot, made))
            raise

    async def _drop_inbox(self, entry: Entry) -> None:
        await self._store.write(lambda unit: instances.delete_inbox(unit.db, entry.id))
        await self._directory.reload()

    async def set_credentials(
        self, entry: Entry, *, token: str, app_secret: str | None, verify_token: str | None
    ) -> Link:
        """Give a number a new WhatsApp token; what was paused for the old one goes out, in order.

        Secrets that are None stay as they were. Raises `Invalid` when WhatsApp refuses the token;
        then nothing is changed.
        """
        async with self._busy.setdefault(entry.id, asyncio.Lock()):
            instance = self.entry(entry.instance.name).instance
            changed = replace(
                instance,
                token=token,
                app_secret=app_secret or instance.app_secret,
                verify_token=verify_token or instance.verify_token,
                updated_at=self._clock.ms(),
            )
            await self._ask_with(changed)
            await self._store.write(
                lambda unit: instances.save(unit.db, self._vault, changed), durable=True
            )
            await self._directory.reload()
        fresh = self.entry(entry.instance.name)
        self._queue.resume(fresh.channel_account)
        log.info("instance.credentials_changed", instance=entry.instance.name)
        return await self.link(fresh)

    async def _ask_with(self, instance: InstanceConfig) -> None:
        """Refuse a token that WhatsApp refuses; when it cannot be asked, the token is kept."""
        try:
            await self._directory.channel(instance).link()
        except PeerLocked as error:
            if error.cause == "whatsapp.token":
                raise Invalid(f"WhatsApp rejected the token: {error}", code=error.cause) from error
        except PeerError as error:
            log.warning("instance.not_asked", instance=instance.name, cause=error.cause)

    async def delete(self, entry: Entry) -> None:
        """Delete an instance; its inbox and conversations in Chatwoot stay."""
        await self._store.write(lambda unit: instances.delete(unit.db, entry.id), durable=True)
        self._links.pop(entry.id, None)
        self._busy.pop(entry.id, None)
        await self._directory.reload()
        log.info("instance.deleted", instance=entry.instance.name)

    async def link(self, entry: Entry, *, refuse_bad_token: bool = False) -> Link:
        """How the number is connected, asked just now; a failure to ask is a reason, no error."""
        try:
            link = await entry.channel.link()
        except PeerLocked as error:
            if refuse_bad_token and error.cause == "whatsapp.token":
                raise Invalid(f"WhatsApp rejected the token: {error}", code=error.cause) from error
            link = Link(state=LinkState.CLOSED, reason=str(error))
        except PeerError as error:
            before = self._links.get(entry.id)
            state = before.state if before else LinkState.OPEN
            link = Link(state=state, reason=f"WhatsApp could not be asked: {error}")
        self._links[entry.id] = link
        return link

    def known_link(self, entry: Entry) -> Link:
        """How the number was when last asked."""
        return self._links.get(entry.id) or Link(state=LinkState.OPEN)

    async def _insert(self, instance: InstanceConfig) -> None:
        try:
            await self._store.write(
                lambda unit: instances.save(unit.db, self._vault, instance), durable=True
            )
        except instances.Taken as error:
            await self._directory.reload()
            raise self._taken(instance) from error
        await self._directory.reload()

    def _taken(self, instance: InstanceConfig) -> BridgeError:
        """Two creates at once: exactly one wins, the other learns why."""
        if self._directory.by_name(instance.name) is not None:
            return _name_taken(instance.name)
        return _number_taken(instance.number)

    def _check_number(self, number: str | None) -> None:
        if self._directory.by_number(number) is not None:
            raise _number_taken(number)

    async def _roll_back(self, instance: InstanceConfig) -> None:
        entry = self._directory.by_id(instance.id)
        if entry is not None:
            inbox = entry.inbox
            if inbox is not None and inbox.made_by_us and inbox.inbox_id is not None:
                await self._provisioning.undo(self._directory.chatwoot(inbox), inbox.inbox_id)
            await self.delete(entry)

    def _wanted(self, entry: Entry, order: ChatwootOrder) -> InboxConfig:
        before = entry.inbox
        url = order.url.rstrip("/")
        same = before is not None and before.scope == f"{url}#{order.account_id}"
        # Evolution's convention: the part from "-cwId-" on tells equal inboxes apart (1.5).
        name = order.name_inbox or entry.instance.name.partition("-cwId-")[0]
        return InboxConfig(
            instance_id=entry.id,
            enabled=order.enabled,
            url=url,
            account_id=order.account_id,
            token=order.token,
            sign_msg=order.sign_msg,
            sign_delimiter=order.sign_delimiter if order.sign_msg else None,
            reopen_conversation=order.reopen_conversation,
            conversation_pending=order.conversation_pending,
            merge_brazil_contacts=order.merge_brazil_contacts,
            name_inbox=name,
            organization=order.organization,
            logo=order.logo,
            auto_create=order.auto_create,
            options=dict(order.options),
            # Another account gets another address: what the old one still sends is not ours.
            hook=before.hook if before and same else new_secret(),
            inbox_id=before.inbox_id if before and same else None,
            inbox_identifier=before.inbox_identifier if before and same else None,
            signing_secret=before.signing_secret if before and same else None,
            made_by_us=before.made_by_us if before and same else False,
            lock_to_single=before.lock_to_single if before and same else False,
            bot_contact_id=before.bot_contact_id if before and same else None,
            bot_conversation_id=before.bot_conversation_id if before and same else None,
            provisioned_at=before.provisioned_at if before and same else None,
            updated_at=self._clock.ms(),
        )

    async def _save_inbox(self, entry: Entry, inbox: InboxConfig) -> None:
        before = entry.inbox
        moved = before is not None and (before.scope, before.inbox_id) != (
            inbox.scope,
            inbox.inbox_id,
        )

        def work(unit: Unit) -> None:
            instances.save_inbox(unit.db, self._vault, inbox)
            if moved:  # what is bound belongs to the inbox before
                unit.db.execute(
                    "UPDATE chat SET source_id=NULL, conversation_id=NULL, status=NULL"
                    " WHERE instance_id=?",
                    (entry.id,),
                )

        await self._store.write(work, durable=True)
        await self._directory.reload()

    async def refresh_signing(self, entry: Entry) -> Entry:
        """Read the inbox again: its signing secret may have been rotated."""
        side = entry.side
        if side is None:
            return entry
        found = await side.chatwoot.inbox(side.inbox_id)
        if found.secret != side.inbox.signing_secret:
            await self._save_inbox(entry, replace(side.inbox, signing_secret=found.secret))
            log.info("inbox.signing_secret_changed", instance=entry.instance.name)
        return self.entry(entry.instance.name)


def _check(order: InstanceOrder) -> None:
    """All that is wrong with an order, at once."""
    wrong: list[str] = []
    if order.integration != BUSINESS:
        wrong.append(
            f"The integration {order.integration} is not installed; this version of Ponte "
            f"connects {BUSINESS} numbers"
        )
    if not order.token:
        wrong.append("token is required")
    if not order.number:
        wrong.append("number is required")
    if wrong:
        raise Invalid(*wrong, code="instance.invalid")


def _name_taken(name: str) -> BridgeError:
    return Forbidden(f'This name "{name}" is already in use.', code="instance.name_taken")


def _number_taken(number: str | None) -> BridgeError:
    return Conflict(f"The number {number} belongs to another instance.", code="number.taken")
