"""The Chatwoot side of an instance, as it is stored: set up, changed, made again, read anew."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import structlog

from bridge.chatwoot.models import Inbox
from bridge.clock import Clock
from bridge.core.instance import InboxConfig, InstanceConfig
from bridge.core.order import ChatwootOrder
from bridge.engine.queue import Queue
from bridge.errors import PeerLocked, RequestError
from bridge.locale import say
from bridge.relay.bot.agent_bot_jobs import inbox_changed
from bridge.relay.bot_contact import look_job
from bridge.relay.directory import Directory, Entry, own_scope
from bridge.relay.provisioning import Provisioning, turn_of_inbox
from bridge.relay.room import tell
from bridge.relay.turns import Turns
from bridge.store.engine import Store, Unit
from bridge.store.queries import claims, instances, people
from bridge.store.secrets import Vault, new_secret

log = structlog.get_logger(__name__)


#: What may change in Chatwoot, as `InboxConfig` names it.
_TAKEN = ("name_inbox", "signing_secret", "lock_to_single", "told")


class Inboxes:
    """Changes of one instance take turns, and so does everybody who looks for one inbox."""

    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        queue: Queue,
        directory: Directory,
        provisioning: Provisioning,
        turns: Turns,
        clock: Clock,
    ) -> None:
        self._store = store
        self._vault = vault
        self._queue = queue
        self._directory = directory
        self._provisioning = provisioning
        self._turns = turns
        self._clock = clock

    async def set(self, entry: Entry, order: ChatwootOrder) -> Entry:
        """Provision, or change, the Chatwoot side; what is paused for its sake goes on."""
        async with self._turns.of(entry.id):
            entry = self._directory.still(entry)
            wanted = self.wanted(entry.instance, order, before=entry.inbox)
            if entry.inbox is None:  # Chatwoot delivers already while we set it up
                await self.save(entry, wanted)
            try:
                await self._provision(entry, wanted, replace_webhook=order.replace_webhook)
            except BaseException:
                if entry.inbox is None:
                    await asyncio.shield(self._drop(entry))
                raise
            fresh = self._directory.still(entry)
        self._queue.resume(fresh.chatwoot_account)
        self._queue.resume(fresh.chatwoot_peer)
        return fresh

    async def restore(self, entry: Entry) -> None:
        """The inbox was deleted in Chatwoot: make it again, once, whoever notices first.

        Raises `PeerLocked` when that takes a person.
        """
        async with self._turns.of(entry.id):
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
            now = self._directory.still(now)
            text = say(now.language, "drift.inbox_restored")
            await self._store.write(
                lambda unit: tell(self._queue, unit, now, text, now=self._clock.ms())
            )
        log.warning("inbox.restored", instance=entry.instance.name)

    async def refresh_signing(self, entry: Entry) -> Entry:
        """Read the inbox again: its signing secret may have been rotated."""
        side = entry.side
        if side is None:
            return entry
        return await self.take_over(entry, await side.chatwoot.inbox(side.inbox_id))

    async def take_over(self, entry: Entry, found: Inbox) -> Entry:
        """Keep what Chatwoot says of the inbox now: name, signing secret, lock, hours, language.

        A renamed inbox stays ours, under its new name, since it is known by its id.
        """
        side = entry.side
        if side is None:
            return entry
        fresh = await self._provisioning.told(side.chatwoot, side.inbox, found)
        async with self._turns.of(entry.id):
            now = self._directory.by_id(entry.id) or entry
            inbox = now.inbox  # it may have been changed while we asked
            if inbox is None or (inbox.scope, inbox.inbox_id) != (side.scope, side.inbox_id):
                return now
            changed = replace(
                inbox,
                name_inbox=found.name or inbox.name_inbox,
                signing_secret=found.secret,
                lock_to_single=found.lock_to_single_conversation,
                told=fresh.told,
            )
            if changed == inbox:
                return now
            await self.save(now, changed)
        what = [one for one in _TAKEN if getattr(changed, one) != getattr(inbox, one)]
        log.info("inbox.changed", instance=entry.instance.name, what=what)
        return self._directory.by_id(entry.id) or entry

    async def change(self, entry: Entry, **changes: Any) -> Entry:
        """Change fields of the inbox that an instance has; of another one than `entry` nothing."""
        was = entry.inbox
        async with self._turns.of(entry.id):
            now = self._directory.by_id(entry.id) or entry
            inbox = now.inbox
            if inbox is None or was is None:
                return now
            if (inbox.scope, inbox.inbox_id) != (was.scope, was.inbox_id):
                return now
            changed = replace(inbox, **changes)
            if changed != inbox:
                await self.save(now, changed)
        return self._directory.by_id(entry.id) or entry

    async def save(self, entry: Entry, inbox: InboxConfig) -> None:
        """Store the Chatwoot side; of an instance that has been deleted meanwhile nothing."""
        before = entry.inbox
        own = own_scope(entry.id)
        moved = before is not None and (before.scope, before.inbox_id) != (
            inbox.scope,
            inbox.inbox_id,
        )

        def work(unit: Unit) -> None:
            if not claims.exists(unit.db, entry.id):
                return
            instances.save_inbox(unit.db, self._vault, inbox)
            look = look_job(entry, before, inbox, now=self._clock.ms())
            if look is not None:
                self._queue.add(unit, look)
            inbox_changed(self._queue, unit, entry, before, inbox)
            if entry.scope == own and inbox.inbox_id is not None:
                people.move(unit.db, entry.id, own, inbox.scope)
            if moved:  # what is bound belongs to the inbox before
                unit.db.execute(
                    "UPDATE chat SET source_id=NULL, conversation_id=NULL, status=NULL"
                    " WHERE instance_id=?",
                    (entry.id,),
                )

        await self._store.write(work, durable=True)
        await self._directory.refresh(entry.id)

    def wanted(
        self, instance: InstanceConfig, order: ChatwootOrder, *, before: InboxConfig | None = None
    ) -> InboxConfig:
        """What an order makes of the Chatwoot side `before`."""
        url = order.url.rstrip("/")
        same = before is not None and before.scope == f"{url}#{order.account_id}"
        # Evolution's convention: the part from "-cwId-" on tells equal inboxes apart (1.5).
        name = order.name_inbox or instance.name.partition("-cwId-")[0]
        return InboxConfig(
            instance_id=instance.id,
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
            told=before.told if before and same else {},
            agent_bot_id=before.agent_bot_id if before and same else None,
            agent_bot_attached=before.agent_bot_attached if before and same else False,
        )

    async def _provision(self, entry: Entry, wanted: InboxConfig, *, replace_webhook: bool) -> None:
        """Raises `RequestError`."""
        if not wanted.enabled or (not wanted.auto_create and wanted.inbox_id is None):
            await self.save(entry, wanted)
            return
        chatwoot = self._directory.chatwoot(wanted)
        await self._provisioning.check(chatwoot, wanted)
        async with self._turns.of(turn_of_inbox(wanted, wanted.name_inbox)):
            done = await self._provisioning.provision(
                entry.instance, wanted, chatwoot, replace_webhook=replace_webhook
            )
            try:
                await self.save(entry, done.inbox)
            except BaseException:
                if done.made_inbox is not None:
                    await asyncio.shield(self._provisioning.undo(chatwoot, done.made_inbox))
                raise

    async def _drop(self, entry: Entry) -> None:
        await self._store.write(lambda unit: instances.delete_inbox(unit.db, entry.id))
        await self._directory.refresh(entry.id)
