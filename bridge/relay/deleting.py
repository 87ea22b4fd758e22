"""The end of an instance: when it answers, nothing of it is left here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Final

import structlog

from bridge.chatwoot.client import Chatwoot
from bridge.core.instance import InboxConfig
from bridge.engine.erasure import erase
from bridge.engine.queue import Queue
from bridge.errors import BridgeError, Conflict, PeerError, PeerFailed, PeerGone
from bridge.relay.bot.agent_bot import detach
from bridge.relay.bot.pending import typebot_account
from bridge.relay.connections import Connections
from bridge.relay.directory import Directory, Entry, gone
from bridge.relay.events import Events
from bridge.relay.provisioning import Provisioning, turn_of_inbox
from bridge.relay.turns import Turns
from bridge.store.engine import Store, Unit
from bridge.store.queries import instances

log = structlog.get_logger(__name__)

#: Seconds in which an inbox that stays is let go; its Chatwoot may be gone for good.
LET_GO: Final = 5.0


class InboxFate(StrEnum):
    """What becomes of the inbox in Chatwoot, with all its conversations."""

    KEEP = "keep"
    DELETE = "delete"


class Deleting:
    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        provisioning: Provisioning,
        connections: Connections,
        events: Events,
        turns: Turns,
        held: Callable[[str], AbstractAsyncContextManager[None]],
        spool: Path,
    ) -> None:
        """`held` keeps everything from running for an instance (`engine.worker.Worker.held`)."""
        self._store = store
        self._queue = queue
        self._directory = directory
        self._provisioning = provisioning
        self._connections = connections
        self._events = events
        self._turns = turns
        self._held = held
        self._spool = spool

    async def delete(self, entry: Entry, *, inbox: InboxFate = InboxFate.KEEP) -> None:
        """Delete an instance: its session, jobs, chats, files and secrets.

        With `InboxFate.DELETE` Chatwoot is asked first; unless it accepts, nothing is deleted and
        `Conflict` or `PeerFailed` says why. Raises `NotFound` for one that is gone already.
        """
        async with self._turns.of(entry.id):
            now = self._directory.by_id(entry.id)
            if now is None:
                raise gone(entry.instance.name)
            if inbox is InboxFate.DELETE and now.inbox is not None:
                await self._delete_inbox(now, now.inbox)
            elif now.inbox is not None:
                await _let_go(now)
            await self.wipe(now, lambda unit: self._events.deleted(unit, now))
        log.info("instance.deleted", instance=entry.instance.name, inbox=inbox)

    async def wipe(self, entry: Entry, also: Callable[[Unit], None]) -> None:
        """Take an instance away, whole; `also` is written in the commit that does it.

        The caller has its turn. What runs for the instance is cut off and can write nothing
        afterwards: jobs are held until all is gone, and what webhooks bring looks in its own unit
        whether the instance is there still.
        """

        def work(unit: Unit) -> None:
            if instances.delete(unit.db, entry.id):
                also(unit)

        try:
            await self._forget(entry)
            async with self._held(entry.id):
                await self._store.write(work, durable=True)
                await self._directory.refresh(entry.id)
                await erase(self._store, entry.id, spool=self._spool)
        finally:
            if self._directory.by_id(entry.id) is not None:  # it stays after all
                self._connections.spare(entry)
        for account in (entry.channel_account, entry.chatwoot_account, typebot_account(entry.id)):
            self._queue.forget(account)

    async def _forget(self, entry: Entry) -> None:
        """A session that cannot be ended keeps no instance alive.

        The channel forgets it when it meets nobody of that id.
        """
        try:
            await self._connections.forget(entry)
        except PeerError as error:
            log.warning("session.not_forgotten", instance=entry.instance.name, cause=error.cause)
        except Exception:  # a bug in a channel
            log.exception("session.forgetting_crashed", instance=entry.instance.name)

    async def _delete_inbox(self, entry: Entry, inbox: InboxConfig) -> None:
        """Delete the inbox in Chatwoot, if it is this instance's and delivers to us."""
        if inbox.inbox_id is None:
            return
        chatwoot = self._directory.chatwoot(inbox)
        async with self._turns.of(turn_of_inbox(inbox, inbox.name_inbox)):
            try:
                found = await chatwoot.inbox(inbox.inbox_id)
            except PeerGone:
                await self._remove_bot(chatwoot, entry.id)
                return
            except BridgeError as error:
                raise _not_deleted(error) from error
            if found.webhook_url != self._provisioning.webhook_url(entry.instance, inbox):
                raise Conflict(
                    f"The inbox {found.name!r} ({found.id}) no longer delivers to this instance, "
                    "so it is not deleted, nor is the instance. Delete it with inbox=keep.",
                    code="chatwoot.webhook_taken",
                )
            try:
                await self._provisioning.remove(chatwoot, found)
            except BridgeError as error:
                raise _not_deleted(error) from error
        await self._remove_bot(chatwoot, entry.id)

    async def _remove_bot(self, chatwoot: Chatwoot, instance_id: str) -> None:
        """Its conversation is gone with the inbox; a contact that stays harms nobody."""
        with suppress(PeerError):
            await self._provisioning.remove_bot(chatwoot, instance_id)


async def _let_go(entry: Entry) -> None:
    """With our agent bot, an inbox that stays would go on beginning conversations as pending."""
    try:
        async with asyncio.timeout(LET_GO):
            await detach(entry)
    except (PeerError, TimeoutError) as error:
        log.warning("agent_bot.not_detached", instance=entry.instance.name, error=repr(error))


def _not_deleted(error: BridgeError) -> PeerFailed:
    return PeerFailed(
        f"Chatwoot did not delete the inbox, so nothing was deleted: {error}", code=error.cause
    )
