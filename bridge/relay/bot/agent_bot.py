"""As whom flows speak in Chatwoot: an agent bot of our own, one for each account.

It is made when a flow first speaks, and known by its id; it has no address, since Chatwoot tells us
everything already. It is attached to the inbox only while conversations begin as pending and some
flow is on, so that Chatwoot too begins them so (chatwoot-api.md 1.7). A bot of somebody else's that
is attached stays; ours speaks all the same. Where Chatwoot lets us have none, what flows say is
posted as the token's user, which the control room is told once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import orjson
import structlog

from bridge.chatwoot.client import Chatwoot
from bridge.clock import Clock
from bridge.core.instance import InboxConfig
from bridge.engine.accept import is_new
from bridge.engine.queue import Again, Dead, Delivered, Ignored, Job, Outcome, Queue
from bridge.errors import PeerError, PeerGone, Remedy
from bridge.locale import say
from bridge.relay.bot.agent_bot_jobs import AGENT_BOT, look_at_bot
from bridge.relay.bot.flows import Shelf
from bridge.relay.directory import Directory, Entry, Side
from bridge.relay.inboxes import Inboxes
from bridge.relay.room import tell
from bridge.relay.turns import Turns
from bridge.store.engine import Store, Unit

log = structlog.get_logger(__name__)

__all__ = ("AGENT_BOT", "AgentBots", "detach")

#: Chatwoot that refused is asked again after so long (ms).
PATIENCE: Final = 3_600_000
#: The job's commit is seen here this much (ms) later at the most.
SOON: Final = 100
#: What may be due at every bubble is looked at no more often (ms).
PAUSE: Final = 600_000


class AgentBots:
    """Makes and attaches the agent bot, and runs `agent_bot` jobs."""

    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        inboxes: Inboxes,
        shelf: Shelf,
        turns: Turns,
        clock: Clock,
    ) -> None:
        self._store = store
        self._queue = queue
        self._directory = directory
        self._inboxes = inboxes
        self._shelf = shelf
        self._turns = turns
        self._clock = clock
        #: When Chatwoot refused, and when each was last looked at, by instance.
        self._refused: dict[str, int] = {}
        self._looked: dict[str, int] = {}

    async def speaker(self, entry: Entry, side: Side) -> int | None:
        """The id as which flows speak there; None: as the token's user.

        Raises a `PeerError` to retry.
        """
        known = side.inbox.agent_bot_id
        now = self._clock.ms()
        if known is not None or now - self._refused.get(entry.id, -PATIENCE) < PATIENCE:
            return known
        try:
            return await self._ours(entry, side.chatwoot, side.inbox)
        except PeerError as error:
            if error.remedy is Remedy.RETRY:
                raise
            await self._is_refused(entry, error)
            return None

    def flow_speaks(self, unit: Unit, entry: Entry) -> None:
        """A flow is about to speak: have the bot attached, where that is due."""
        inbox, now = entry.inbox, self._clock.ms()
        if inbox is None or not inbox.conversation_pending or inbox.agent_bot_attached:
            return
        if now - self._looked.get(entry.id, -PAUSE) >= PAUSE:
            self._looked[entry.id] = now
            look_at_bot(self._queue, unit, entry, now=now)

    def compare(self, unit: Unit, entry: Entry) -> None:
        """Have it compared with Chatwoot, where there is something to compare."""
        inbox = entry.inbox
        if inbox is None or (inbox.agent_bot_id is None and not self._wants(unit, entry, inbox)):
            return
        look_at_bot(self._queue, unit, entry, now=self._clock.ms())

    # -- jobs -------------------------------------------------------------------------------

    async def run(self, job: Job) -> Outcome:
        """Safe to repeat: every step looks first."""
        entry = self._directory.by_id(job.instance_id)
        if entry is None or entry.inbox is None or entry.inbox.inbox_id is None:
            return Ignored(rule="instance.gone", reason="It has no Chatwoot inbox.")
        chatwoot = entry.chatwoot
        if chatwoot is None:
            return Ignored(rule="chatwoot.off", reason="Chatwoot is switched off for it.")
        inbox = entry.inbox
        if inbox.updated_at < orjson.loads(job.payload)["set_at"]:
            return Again(due_at=self._clock.ms() + SOON, why="its settings are being read")
        wants = await self._store.write(lambda unit: self._wants(unit, entry, inbox))
        try:
            await self._see_to(job, entry, chatwoot, inbox, wants=wants)
        except PeerError as error:
            if error.remedy is Remedy.RETRY:
                raise
            await self._is_refused(entry, error)
            return Ignored(rule="chatwoot.no_agent_bot", reason=str(error))
        return Delivered()

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    def _wants(self, unit: Unit, entry: Entry, inbox: InboxConfig) -> bool:
        if not (inbox.enabled and inbox.conversation_pending):
            return False
        return self._shelf.of(unit.db, entry.id).is_on

    async def _see_to(
        self, job: Job, entry: Entry, chatwoot: Chatwoot, inbox: InboxConfig, *, wants: bool
    ) -> None:
        inbox_id = inbox.inbox_id or 0
        if not wants:
            if inbox.agent_bot_attached:
                await detach(entry)
                await self._inboxes.change(entry, agent_bot_attached=False)
                job.steps.append((self._clock.ms(), "agent_bot", "detached"))
            return
        bot_id = inbox.agent_bot_id
        if bot_id is not None and bot_id not in {one.id for one in await chatwoot.agent_bots()}:
            bot_id = None  # somebody deleted it
        if bot_id is None:
            bot_id = await self._ours(entry, chatwoot, inbox, anew=True)
        if inbox.agent_bot_attached and bot_id == inbox.agent_bot_id:
            return  # whoever took it away since then meant that
        there = await chatwoot.inbox_bot(inbox_id)
        if there is None:
            await chatwoot.set_inbox_bot(inbox_id, bot_id)
        if there not in {None, bot_id}:
            job.steps.append((self._clock.ms(), "agent_bot", f"{there} is attached, and stays"))
            return
        await self._inboxes.change(entry, agent_bot_attached=True)
        job.steps.append((self._clock.ms(), "agent_bot", f"attached {bot_id}"))

    async def _ours(
        self, entry: Entry, chatwoot: Chatwoot, inbox: InboxConfig, *, anew: bool = False
    ) -> int:
        """Our bot of the account: another inbox of ours there may have made it already."""
        mark = _mark(inbox)
        async with self._turns.of(f"agent bot {inbox.scope}"):
            now = self._directory.by_id(entry.id) or entry
            known = now.inbox.agent_bot_id if now.inbox is not None and not anew else None
            if known is not None:
                return known
            found = (one.id for one in await chatwoot.agent_bots() if mark in one.description)
            bot_id = next(found, None)
            if bot_id is None:
                about = say(entry.language, "agent_bot.description")
                made = await chatwoot.create_agent_bot(
                    say(entry.language, "agent_bot.name"), f"{about} ({mark})"
                )
                bot_id = made.id
                log.info("agent_bot.made", instance=entry.instance.name, bot=bot_id)
            await self._inboxes.change(entry, agent_bot_id=bot_id)
        self._refused.pop(entry.id, None)
        return bot_id

    async def _is_refused(self, entry: Entry, error: PeerError) -> None:
        now = self._clock.ms()
        self._refused[entry.id] = now
        if isinstance(error, PeerGone):  # the inbox; `relay.drift` finds that too
            return
        log.warning("agent_bot.refused", instance=entry.instance.name, cause=error.cause)
        inbox_id = entry.inbox.inbox_id if entry.inbox is not None else 0
        text = say(entry.language, "agent_bot.refused", reason=str(error))

        def work(unit: Unit) -> None:
            if is_new(unit, f"{AGENT_BOT}:{entry.id}:{inbox_id}", now):
                tell(self._queue, unit, entry, text, now=now)

        await self._store.write(work)


async def detach(entry: Entry) -> None:
    """Take our bot away from an inbox that goes on without it. Raises `PeerError`."""
    inbox, chatwoot = entry.inbox, entry.chatwoot
    if inbox is None or chatwoot is None or inbox.inbox_id is None:
        return
    ours = inbox.agent_bot_id if inbox.agent_bot_attached else None
    if ours is not None and await chatwoot.inbox_bot(inbox.inbox_id) == ours:
        await chatwoot.set_inbox_bot(inbox.inbox_id, None)


def _mark(inbox: InboxConfig) -> str:
    """What tells our bot of an account from others', also after a backup was put in place."""
    return f"ponte:{hashlib.sha256(inbox.scope.encode()).hexdigest()[:12]}"
