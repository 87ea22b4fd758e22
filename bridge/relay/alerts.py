"""The control room is told of trouble: messages that died, a paused account, a Chatwoot away.

One task looks at what jobs, breakers and rooms say, and tells each trouble once. What was told
stands in the database, in the unit that says it: a restart neither forgets nor repeats it. That
Chatwoot is away cannot be told while it is: a job that waits for it like all others does, once it
is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

import orjson
import structlog

from bridge.clock import Clock
from bridge.engine.breaker import Breaker
from bridge.engine.queue import Dead, Ignored, Job, Outcome, Queue
from bridge.errors import Unavailable
from bridge.relay import alert_texts, lanes
from bridge.relay.chores import chore
from bridge.relay.directory import Directory, Entry, channel_account
from bridge.relay.room import Room, is_heard, tell
from bridge.store.engine import Store, Unit
from bridge.store.queries import rooms, troubles
from bridge.whatsapp.channel import Session

log = structlog.get_logger(__name__)

#: The job that tells how long Chatwoot was away.
AWAY: Final = "away"
#: How often (ms) everything is looked at.
LOOK_MS: Final = 15_000
#: For so long (ms) dead letters are gathered, and so long after a notice there is no other one.
GATHER_MS: Final = 60_000
SILENCE_MS: Final = 15 * 60_000
#: What died longer ago (ms) is no news.
TOO_LATE: Final = 24 * 3600 * 1000
#: Commits come in another order than the moments that they tell.
_OVERLAP: Final = 5_000

_DEAD_LETTERS: Final = "dead_letters"
_PAUSED: Final = "paused"
#: What breakers of Chatwoot's servers and accounts are called by.
_CHATWOOT: Final = "chatwoot"


class Alerts:
    """Looks, tells, and runs `away` jobs."""

    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        room: Room,
        clock: Clock,
        breakers: Callable[[], Mapping[str, Breaker]],
        also: Callable[[], Awaitable[None]],
        away_after: int,
    ) -> None:
        """`away_after` (ms): a Chatwoot that is away for less is not mentioned.

        `also` is looked at with the rest.
        """
        self._store = store
        self._queue = queue
        self._directory = directory
        self._room = room
        self._clock = clock
        self._breakers = breakers
        self._also = also
        self._away_after = away_after
        self._wake = asyncio.Event()
        #: Up to when (ms) dead letters were looked at, and the newest of each instance after that.
        self._read_to = clock.ms() - TOO_LATE
        self._newest: dict[str, int] = {}
        #: Instances with dead letters that were not told yet: since when we know (ms).
        self._dead: dict[str, int] = {}
        #: What pauses instances' accounts, as failures told since the last look.
        self._raised: dict[str, tuple[str, str]] = {}
        #: Since when (ms) which server or account of Chatwoot is away.
        self._away: dict[str, int] = {}

    def raised(self, subject: str, cause: str, reason: str) -> None:
        """Something needs a person (`Worker`): `subject` is the account, which is paused or not."""
        gate = self._breakers().get(subject)
        if gate is not None and gate.is_open and gate.reason == reason:
            self._raised[subject] = (cause, reason)
            self._wake.set()

    async def keep(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await self._clock.wait(self._wake, self._clock.ms() + LOOK_MS)
            self._wake.clear()
            try:
                await self.look()
            except Unavailable as error:
                log.warning("alerts.not_looked", error=str(error))
            except Exception:  # the next look has its chance
                log.exception("alerts.crashed")

    async def look(self) -> None:
        """Tell what is new, and what is over."""
        await self._look_at_pauses()
        await self._look_at_chatwoot()
        await self._look_at_dead_letters()
        await self._also()

    # -- messages that died --------------------------------------------------------------------

    async def _look_at_dead_letters(self) -> None:
        now = self._clock.ms()
        found = await self._store.read(lambda db: troubles.died_since(db, self._read_to))
        for instance_id, newest in found.items():
            if self._newest.get(instance_id) != newest:
                self._dead.setdefault(instance_id, now)
        self._newest = found
        self._read_to = max(self._read_to, now - _OVERLAP)
        for instance_id, since in list(self._dead.items()):
            if now - since < GATHER_MS:
                continue
            if await self._store.write(partial(self._tell_dead_letters, instance_id)):
                del self._dead[instance_id]

    def _tell_dead_letters(self, instance_id: str, unit: Unit) -> bool:
        """Tell them; False: it is too soon after the last notice."""
        entry = self._directory.by_id(instance_id)
        if entry is None or not is_heard(entry):
            return True
        now = self._clock.ms()
        told = rooms.said(unit.db, instance_id).alerts.get(_DEAD_LETTERS, now - TOO_LATE)
        deaths = [
            one
            for one in troubles.deaths(unit.db, instance_id, told)
            if not alert_texts.is_known_to_agents(entry.language, one)
        ]
        if not deaths:
            return True
        if now - told < SILENCE_MS:
            return False
        rooms.alert(unit.db, instance_id, _DEAD_LETTERS, max(one.ended_at for one in deaths))
        text = alert_texts.dead_letters(entry.language, deaths, instance=entry.instance.name)
        tell(self._queue, unit, entry, text, now=now)
        return True

    # -- WhatsApp accounts that wait for a person ------------------------------------------------

    async def _look_at_pauses(self) -> None:
        for subject, (cause, reason) in list(self._raised.items()):
            entry = self._directory.by_id(subject.partition(":")[2])
            is_ours = entry is not None and subject == entry.channel_account
            # How a phone is connected is told as such.
            if entry is not None and is_ours and not isinstance(entry.channel, Session):
                await self._store.write(partial(self._tell_pause, entry, cause, reason))
            self._raised.pop(subject, None)
        for instance_id in await self._store.read(lambda db: rooms.alerts(db, _PAUSED)):
            await self._store.write(partial(self._tell_resumed, instance_id))

    def _tell_pause(self, entry: Entry, cause: str, reason: str, unit: Unit) -> None:
        if not is_heard(entry) or _PAUSED in rooms.said(unit.db, entry.id).alerts:
            return
        now = self._clock.ms()
        rooms.alert(unit.db, entry.id, _PAUSED, now)
        text = alert_texts.paused(entry.language, cause, reason, instance=entry.instance.name)
        tell(self._queue, unit, entry, text, now=now)

    def _tell_resumed(self, instance_id: str, unit: Unit) -> None:
        """It is over once something got through: after a restart no pause proves nothing."""
        entry = self._directory.by_id(instance_id)
        since = rooms.said(unit.db, instance_id).alerts.get(_PAUSED)
        gate = self._breakers().get(channel_account(instance_id))
        if entry is None or since is None or gate is None:
            return
        if gate.is_open or gate.last_success <= since:
            return
        now = self._clock.ms()
        rooms.alert(unit.db, instance_id, _PAUSED, None)
        text = alert_texts.resumed(entry.language, now - since, instance=entry.instance.name)
        tell(self._queue, unit, entry, text, now=now)

    # -- Chatwoot ----------------------------------------------------------------------------------

    async def _look_at_chatwoot(self) -> None:
        now = self._clock.ms()
        away = {
            name: gate
            for name, gate in self._breakers().items()
            if gate.open_until is not None and name.startswith(_CHATWOOT)
        }
        self._away = {name: self._away.get(name, gate.opened_at) for name, gate in away.items()}
        late = {name: at for name, at in self._away.items() if now - at >= self._away_after}
        if not late:
            return
        for one in self._directory.served():
            moments = [
                late[name] for name in (one.chatwoot_peer, one.chatwoot_account) if name in late
            ]
            if moments:
                await self._store.write(partial(self._remember_away, one.id, min(moments)))

    def _remember_away(self, instance_id: str, since: int, unit: Unit) -> None:
        """Have it told once Chatwoot is back."""
        entry = self._directory.by_id(instance_id)
        lane = lanes.announcements(instance_id)
        if entry is None or not is_heard(entry) or troubles.is_waiting(unit.db, lane, AWAY):
            return
        payload = orjson.dumps({"since": since})
        job = chore(entry, AWAY, lane=lane, payload=payload, now=self._clock.ms())
        self._queue.add(unit, job)

    async def run(self, job: Job) -> Outcome:
        """Chatwoot may be back: tell how long it was away, and what waited."""
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone", reason="The instance was deleted.")
        since = orjson.loads(job.payload)["since"]
        now = self._clock.ms()
        back, (waited, dead) = await self._store.read(
            lambda db: (
                troubles.back_at(db, entry.id, job.peer, since),
                troubles.waited(db, entry.id, since, now),
            )
        )
        text = alert_texts.was_away(
            entry.language, lasted=(back or now) - since, waited=waited, dead=dead
        )
        return await self._room.say(job, text)

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None
