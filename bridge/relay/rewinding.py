"""A Chatwoot that was restored from an older backup: found by what is not there any more.

It does not know what came after the backup, and gives the same numbers to other things: what we
know by number then names strangers. So everything that it may have forgotten is forgotten here as
well, and every chat looks for its contact anew, by identifier and number. Nobody's message is
posted into somebody else's conversation, at the price of some calls for each chat's next message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

import structlog

from bridge.clock import Clock
from bridge.engine.queue import Queue
from bridge.errors import PeerGone
from bridge.locale import say
from bridge.relay.directory import Entry, Side
from bridge.relay.incoming import source_id
from bridge.relay.room import tell
from bridge.relay.spans import local
from bridge.store.engine import Store, Unit
from bridge.store.queries import landmarks
from bridge.store.queries.landmarks import Landmark

log = structlog.get_logger(__name__)

#: So many conversations that somebody may have deleted are passed over.
TRIES: Final = 5
#: So many older landmarks are tried for the edge of the backup: each twice as far back.
STRIDES: Final = 20
#: Rows of one unit of work.
BATCH: Final = 1000


class Sight(StrEnum):
    """What stands in Chatwoot where a message of ours should."""

    THERE = "there"
    #: The conversation is gone, perhaps deleted by somebody.
    GONE = "gone"
    #: Another message, or none: rows of Chatwoot stay when a message is deleted (1.8).
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """What an older backup does not have: messages from WhatsApp, and since when (ms)."""

    messages: int
    since: int


class Rewinding:
    def __init__(self, *, store: Store, queue: Queue, clock: Clock) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock

    async def check(self, entry: Entry, side: Side) -> Lost | None:
        """Compare with what we posted last; one call when all is well.

        When messages are not there, what Chatwoot may have forgotten is forgotten, the control room
        is told, and what was lost is returned.
        """
        newest = await self._store.read(lambda db: landmarks.newest(db, entry.id, TRIES))
        for landmark in newest:
            match await _look(side, landmark):
                case Sight.THERE:
                    return None
                case Sight.GONE:
                    await self._store.write(partial(landmarks.conversation_gone, landmark))
                case Sight.REPLACED:
                    return await self._rewound(entry, side)
        return None

    async def _rewound(self, entry: Entry, side: Side) -> Lost | None:
        edge = await self._edge(entry, side)
        found = await self._store.read(lambda db: landmarks.lost(db, entry.id, edge))
        if found is None:
            return None
        lost = Lost(messages=found.messages, since=found.since)
        log.error("chatwoot.rewound", instance=entry.instance.name, messages=lost.messages)
        # First the bindings: were we cut off, the landmarks would have us come back.
        await self._all(partial(landmarks.unbind, entry.id, entry.scope, BATCH))
        await self._all(partial(landmarks.forget, entry.id, edge, found.last_row, BATCH))
        told = entry.inbox.told if entry.inbox is not None else {}
        moment, zone = await asyncio.to_thread(local, told, lost.since)
        key = "drift.rewound.one" if lost.messages == 1 else "drift.rewound.many"
        text = say(entry.language, key, count=lost.messages, moment=moment, zone=zone)

        def work(unit: Unit) -> None:
            tell(self._queue, unit, entry, text, now=self._clock.ms())

        await self._store.write(work)
        return lost

    async def _all(self, some: Callable[[Unit], bool]) -> None:
        while await self._store.write(some):
            pass

    async def _edge(self, entry: Entry, side: Side) -> int:
        """The number of a message that stands where it should, not much before the backup."""
        back = 1
        for _ in range(STRIDES):
            landmark = await self._store.read(
                partial(landmarks.back, instance_id=entry.id, count=back)
            )
            if landmark is None:
                return 0
            if await _look(side, landmark) is Sight.THERE:
                return landmark.chatwoot_id
            back *= 2
        return 0


async def _look(side: Side, landmark: Landmark) -> Sight:
    try:
        listed = await side.chatwoot.messages(
            landmark.conversation_id, after=landmark.chatwoot_id - 1
        )
    except PeerGone:
        return Sight.GONE
    wanted = source_id(landmark.whatsapp_id)
    same = [one for one in listed if one.id == landmark.chatwoot_id]
    return Sight.THERE if any(one.source_id == wanted for one in same) else Sight.REPLACED
