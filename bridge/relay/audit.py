"""The audit log: one row for each administrative action, whoever did it and however it ended.

It holds names of actions, instances and failures, never a key, a body or a text.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from bridge.clock import Clock, utc
from bridge.store.engine import Store, Unit
from bridge.store.queries import audit

#: Names come out of paths, also out of paths that nobody was let in to.
_LONGEST_NAME = 255

PONTE = "ponte"
NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What was done. `action` is stable (``instance.create``), `status` an HTTP status."""

    actor: str
    action: str
    instance: str | None = None
    status: int = HTTPStatus.OK
    #: The code of the failure; None: it succeeded.
    code: str | None = None
    #: Where the request came from; None: from within.
    address: str | None = None
    trace_id: str | None = None


class Audit:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def record(self, action: Action) -> None:
        """Write it down. Raises `Unavailable`."""
        await self._store.write(lambda unit: self.note(unit, action))

    def note(self, unit: Unit, action: Action) -> None:
        """Write it down in the unit that does it."""
        columns = asdict(action) | {
            "status": int(action.status),
            "actor": _storable(action.actor),
            "instance": None if action.instance is None else _storable(action.instance),
        }
        audit.add(unit.db, at=self._clock.ms(), **columns)

    async def system(
        self,
        action: str,
        instance: str | None = None,
        *,
        status: int = HTTPStatus.OK,
        code: str | None = None,
    ) -> None:
        """Write down what Ponte did by itself: the end of a trial, a clean-up."""
        await self.record(
            Action(actor=PONTE, action=action, instance=instance, status=status, code=code)
        )

    async def page(
        self, *, instance: str | None = None, before: int | None = None, limit: int
    ) -> list[dict[str, Any]]:
        """Newest first; `before` is the last id of the page before."""
        rows = await self._store.read(
            lambda db: audit.page(db, instance=instance, before=before, limit=limit)
        )
        return [
            {
                "id": row["id"],
                "at": utc(row["at"]).isoformat(timespec="milliseconds"),
                "actor": row["actor"],
                "address": row["address"],
                "action": row["action"],
                "instance": row["instance"],
                "status": row["status"],
                "code": row["code"],
                "trace": row["trace_id"],
            }
            for row in rows
        ]


def _storable(name: str) -> str:
    """As much of a name as is worth keeping, without what no database takes."""
    return name[:_LONGEST_NAME].replace("\0", "").encode("utf-8", "replace").decode()
