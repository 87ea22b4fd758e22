"""All bots of an instance are paused: what is on its way is not said any more."""

from __future__ import annotations

from typing import Final

from bridge.clock import Clock
from bridge.core.handoff import Hushed, Phase
from bridge.relay.bot.talks import Talks
from bridge.relay.directory import Directory
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, talks

#: Chats of one unit of work.
BATCH: Final = 100
_SPEAKING: Final = (Phase.STARTING, Phase.SENDING)


class Hushing:
    def __init__(self, store: Store, directory: Directory, talks: Talks, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._talks = talks
        self._clock = clock

    async def hush(self, instance_id: str) -> int:
        """Call it when the pause is stored, so that no chat begins anew; returns how many were."""
        count = 0
        while found := await self._store.write(lambda unit: self._some(unit, instance_id)):
            count += found
        return count

    def _some(self, unit: Unit, instance_id: str) -> int:
        entry = self._directory.by_id(instance_id)
        if entry is None:
            return 0
        now = self._clock.ms()
        found = talks.of_instance(unit.db, instance_id, phases=_SPEAKING, limit=BATCH)
        for talk in found:
            chat = chats.get(unit.db, talk.chat_id)
            if chat is None:
                talks.delete(unit.db, talk.chat_id)
            else:
                self._talks.signal(unit, entry, chat, Hushed(), now)
        return len(found)
