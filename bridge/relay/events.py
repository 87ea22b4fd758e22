"""What happens to instances, kept in order and told to whoever listens in this process.

An event is stored in the unit that makes it true, and told after the commit: what was told has
happened, and what has happened can be read again. Names and bodies are Evolution's
(evolution-instance-typebot.md 3.4 and 3.5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson
import structlog

from bridge.clock import Clock
from bridge.core.connection import INSTANCE_CREATE, INSTANCE_DELETE, REMOVE_INSTANCE
from bridge.relay.directory import Entry
from bridge.store.engine import Store, Unit
from bridge.store.queries import events

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One event. `data` may hold a QR code here: it is for delivery, never for logs."""

    id: int
    instance_id: str
    instance_name: str
    name: str
    data: Mapping[str, Any] | None = field(repr=False)
    at: int


#: Called in the event loop, in order of ids for each instance. It must not block.
Listen: TypeAlias = Callable[[Happened], None]


class Events:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._listeners: list[Listen] = []

    def listen(self, hear: Listen) -> None:
        """Tell what happens from now on."""
        self._listeners.append(hear)

    def emit(
        self,
        unit: Unit,
        entry: Entry,
        name: str,
        data: Mapping[str, Any] | None,
        *,
        live: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep an event as part of the caller's unit. `data` must hold nothing secret.

        `live` is what listeners get instead of `data`: the one with the QR code in it.
        """
        now = self._clock.ms()
        stored = orjson.dumps(data).decode()
        id_ = events.add(unit.db, entry.id, entry.instance.name, name, stored, now)
        happened = Happened(
            id=id_,
            instance_id=entry.id,
            instance_name=entry.instance.name,
            name=name,
            data=data if live is None else live,
            at=now,
        )
        unit.after_commit.append(lambda: self._tell(happened))

    def created(self, unit: Unit, entry: Entry) -> None:
        """Tell, in the unit that makes the instance visible, that it exists."""
        self.emit(unit, entry, INSTANCE_CREATE, _named(entry))

    def deleted(self, unit: Unit, entry: Entry) -> None:
        """Tell, in the unit that deletes the instance, that it is gone."""
        self.emit(unit, entry, REMOVE_INSTANCE, None)
        self.emit(unit, entry, INSTANCE_DELETE, _named(entry))

    async def page(self, entry: Entry, *, after: int, limit: int) -> list[Happened]:
        """The stored events of an instance that follow the one of this id, oldest first."""
        rows = await self._store.read(
            lambda db: events.page(db, entry.id, after=after, limit=limit)
        )
        return [
            Happened(
                id=row["id"],
                instance_id=entry.id,
                instance_name=row["instance_name"],
                name=row["name"],
                data=orjson.loads(row["data"]),
                at=row["at"],
            )
            for row in rows
        ]

    def _tell(self, happened: Happened) -> None:
        for hear in self._listeners:
            try:
                hear(happened)
            except Exception:  # the connection goes on, whatever a listener has wrong
                log.exception("event.listener_crashed", event_name=happened.name)


def _named(entry: Entry) -> dict[str, str]:
    return {"instanceName": entry.instance.name, "instanceId": entry.id}
