"""The durable queue as the rest of the house sees it.

A *lane* runs one job at a time, in order of position, rank and accept number. A job calls one
*peer* (a server) with one *account* on it; both may be down or paused, and then the lanes that
need them wait without using up attempts. The conformance suite is `tests/engine/conformance.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from bridge.errors import BridgeError
from bridge.store.engine import Unit

#: The peer and account of work that calls nobody: it never waits for a breaker.
LOCAL = "local"


class Road(StrEnum):
    """What is counted apart.

    Customers' messages, agents' messages, statuses of these, signals that only keep us informed,
    and our own chores.
    """

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    STATUS = "status"
    SIGNAL = "signal"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to keep. `rank` orders jobs of one peer that may arrive out of order (0: none)."""

    kind: str
    lane: str
    road: Road
    peer: str
    account: str
    payload: bytes
    now: int
    due_at: int | None = None
    rank: int = 0
    instance_id: str | None = None
    chat_id: int | None = None
    ref: str | None = None
    trace_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Job:
    """A job that was claimed. `steps` is its trace of this run; handlers append to it."""

    id: int
    kind: str
    lane: str
    road: Road
    peer: str
    account: str
    payload: bytes
    rank: int
    attempts: int
    accepted_at: int
    instance_id: str | None
    chat_id: int | None
    ref: str | None
    trace_id: str | None
    #: Since when (ms) the outcome of an earlier attempt is unknown; None: no attempt is open.
    unknown_since: int | None
    failing_since: int | None
    steps: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def is_suspect(self) -> bool:
        """True when an earlier run may have acted on the peer without our learning of it."""
        return self.unknown_since is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The job did what it was for."""

    write: Callable[[Unit], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """Nothing was to be done; `rule` is the stable name of the rule that said so."""

    rule: str
    reason: str | None = None
    write: Callable[[Unit], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """It cannot be done. `write` stores what must be told (a failed mark, an alert)."""

    cause: str
    reason: str
    write: Callable[[Unit], None] | None = None
    #: A last attempt of unknown outcome: when it is replayed, proof is looked for first.
    unknown_since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Run again at `due_at` (ms) without counting an attempt: waiting, not failing.

    `blame` tells the breaker of the job's peer about a failure that was dealt with. `gates` changes
    which (peer, account) the job waits for from now on.
    """

    due_at: int
    why: str
    unknown_since: int | None = None
    blame: BridgeError | None = None
    gates: tuple[str, str] | None = None
    write: Callable[[Unit], None] | None = None


Outcome: TypeAlias = Delivered | Ignored | Dead | Again


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A failed attempt, to be repeated at `due_at`."""

    due_at: int
    cause: str
    reason: str
    unknown_since: int | None
    #: False when the peer as a whole is at fault: the attempt is not held against the job.
    counts: bool
    #: Since when it fails while its peer works for others.
    failing_since: int | None = None
    #: Move it to a lane of its own, so that its old lane goes on.
    park: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A dead job as people see it."""

    id: int
    road: str
    kind: str
    instance_id: str | None
    ref: str | None
    cause: str
    reason: str
    accepted_at: int
    ended_at: int
    attempts: int


Ended: TypeAlias = Literal["delivered", "ignored", "dead"]


class Queue(Protocol):
    """One durable queue. Methods that take a `Unit` are part of the caller's transaction."""

    def add(self, unit: Unit, job: NewJob) -> int:
        """Keep a job; returns its accept number. It becomes visible when the unit commits."""
        ...

    def add_dead(self, unit: Unit, job: NewJob, *, cause: str, reason: str) -> int:
        """Keep something that cannot be worked on as a dead letter, whole."""
        ...

    async def claim(self) -> Job:
        """Wait for the next job that may run now, and take it. Its lane is busy until `settle`."""
        ...

    async def settle(self, job: Job, outcome: Outcome | Retry) -> None:
        """Store how a claimed job went, with what the outcome writes, and free its lane."""
        ...

    def wake(self, unit: Unit, job_id: int, *, due_at: int) -> None:
        """Change when a waiting job is due (a status settled it, somebody pressed Retry).

        A job that runs at this moment runs again at `due_at` if its outcome is to wait.
        """
        ...

    def cancel(self, unit: Unit, job_id: int, *, rule: str, now: int) -> bool:
        """End a job as ignored; False when it has ended before.

        One that runs is not interrupted: a handler that must not act on a cancelled job asks
        (`jobs.is_waiting`) in the unit in which it writes down that it is about to act.
        """
        ...

    def revive(self, unit: Unit, job_id: int, *, states: tuple[str, ...], now: int) -> bool:
        """Put a job that ended in one of `states` back into its lane, as newly accepted.

        It goes behind all that waits there. One compare-and-set: of two who try, one gets True.
        """
        ...

    def discard(self, unit: Unit, job_id: int, *, now: int) -> bool:
        """Give a dead job up for good: it stays as a trace, but is no dead letter any more."""
        ...

    async def dead_letters(self, *, limit: int, before: int | None = None) -> list[DeadLetter]:
        """Newest first; `before` is the id to page on from."""
        ...

    def hold_lane(self, lane: str, *, until: int) -> None:
        """Start nothing in the lane before `until`; forgotten when the process ends."""
        ...

    def release_lane(self, lane: str) -> None: ...

    async def acquire(self, lanes: Sequence[str]) -> None:
        """Start nothing new in `lanes` and return when nothing runs there any more.

        Several may hold a lane: it goes on when the last one releases it. A cancelled `acquire`
        holds nothing.
        """
        ...

    def release(self, lanes: Sequence[str]) -> None: ...

    def move(self, unit: Unit, lane: str, target: str) -> None:
        """Put what waits in `lane` into `target`, by accept number."""
        ...

    def pause(self, account: str, *, until: int, reason: str) -> None:
        """Start nothing that needs the account before `until`; forgotten with the process."""
        ...

    def resume(self, account: str) -> None:
        """The account works again (settings were mended): due jobs run now, in order."""
        ...

    def forget(self, account: str) -> None:
        """The account is gone with all its jobs: nothing more need be known of it."""
        ...
