"""Which job may start now: the part of the embedded queue that lives in memory.

It holds one head for each lane that has waiting work, never the whole backlog, and is rebuilt from
the database at start. Everything here runs in the event loop and takes the time as an argument.

What keeps a head from being lost: a head that is neither running nor queued as ready has a timer
for the moment it is due and, when its lane is held, one for the end of the hold; a lane that is
blocked is looked at again by `unblock`, one that runs by `free`.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from bridge.engine.breaker import Breaker
from bridge.engine.queue import LOCAL

#: More breakers than this are looked through for those that can go.
MOST_BREAKERS: Final = 5000

#: The peer and the account that a job calls.
Gates: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The first waiting job of a lane."""

    id: int
    lane: str
    position: int
    rank: int
    due_at: int
    peer: str
    account: str
    kind: str = ""

    @property
    def order(self) -> tuple[int, int, int]:
        return (self.position, self.rank, self.id)

    @property
    def gates(self) -> Gates:
        return (self.peer, self.account)


class Lanes:
    """Heads, running lanes, and the breakers that they wait for.

    Breakers are made at the first use of their peer or account. Those of accounts go with them
    (`forget`); those of peers stay, as long as there are not so many that somebody names new
    servers all the time: then those go of which nothing need be known.
    """

    def __init__(
        self,
        *,
        make_breaker: Callable[[str], Breaker],
        pace: Callable[[Head, int], int] = lambda _head, _now: 0,
    ) -> None:
        """`pace` answers 0, or the milliseconds that a job must wait before it may send.

        It is asked last: after a 0 the job starts.
        """
        self._make_breaker = make_breaker
        self._pace = pace
        self.breakers: dict[str, Breaker] = {}
        self.heads: dict[str, Head] = {}
        self.running: dict[str, Head] = {}
        self._held: dict[str, int] = {}
        self._blocked: Counter[str] = Counter()
        self._timers: list[tuple[int, int, str]] = []
        self._ready: dict[Gates, deque[str]] = {}
        #: In which of the ready queues a lane stands; an entry elsewhere is out of date.
        self._queued: dict[str, Gates] = {}

    def breaker(self, key: str) -> Breaker:
        found = self.breakers.get(key)
        if found is None:
            found = self.breakers[key] = self._make_breaker(key)
        return found

    def offer(self, head: Head) -> None:
        """A job was added, or became due at another time."""
        if head.lane in self.running:
            return  # `free` brings the next head, read after this job was stored
        present = self.heads.get(head.lane)
        if present is None or head.id == present.id or head.order < present.order:
            self._put(head)

    def free(self, lane: str, following: Head | None) -> None:
        """The running job of `lane` ended; `following` is what the database says comes next."""
        ended = self.running.pop(lane, None)
        if ended is not None:
            for breaker in self._breakers(ended.gates):
                breaker.running -= 1
        if len(self.breakers) > MOST_BREAKERS:
            self._drop_blank()
        self.replace(lane, following)

    def replace(self, lane: str, head: Head | None) -> None:
        """Forget what was known of an idle lane; `head` is its truth."""
        self.heads.pop(lane, None)
        if head is not None and lane not in self.running:
            self._put(head)

    def due(self, lane: str, job_id: int, due_at: int) -> None:
        """Change when a head is due; nothing when the job is not the head."""
        head = self.heads.get(lane)
        if head is not None and head.id == job_id:
            self._put(replace(head, due_at=due_at))

    def forget(self, account: str) -> None:
        """An account is gone, and its jobs with it: drop heads and breaker, unless one runs."""
        for lane in [lane for lane, head in self.heads.items() if head.account == account]:
            del self.heads[lane]
        for gates in [gates for gates in self._ready if gates[1] == account]:
            for lane in self._ready.pop(gates):
                if self._queued.get(lane) == gates:
                    del self._queued[lane]
        breaker = self.breakers.get(account)
        if breaker is not None and not breaker.running:
            del self.breakers[account]

    def hold(self, lane: str, until: int) -> None:
        self._held[lane] = until
        heapq.heappush(self._timers, (until, 0, lane))

    def release(self, lane: str) -> None:
        if self._held.pop(lane, None) is not None:
            self._recheck(lane)

    def block(self, lane: str) -> None:
        """Start nothing new in `lane` until `unblock` was called as often (linking two chats)."""
        self._blocked[lane] += 1

    def unblock(self, lane: str) -> None:
        self._blocked[lane] -= 1
        if self._blocked[lane] <= 0:
            del self._blocked[lane]
            self._recheck(lane)

    def take(self, now: int) -> Head | None:
        """Start a job that may run now; its lane is busy until `free`."""
        self._collect(now)
        for gates in list(self._ready):
            head = self._take_from(gates, now)
            if head is not None:
                return head
        return None

    def next_moment(self, now: int) -> int | None:
        """When `take` may succeed without anything else happening; None: not by time alone."""
        moments = [self._timers[0][0]] if self._timers else []
        for gates in self._ready:
            waits = [breaker.ready_at(now) for breaker in self._breakers(gates)]
            known = [wait for wait in waits if wait is not None]
            if known:
                moments.append(max(known))
        return min(moments) if moments else None

    def _drop_blank(self) -> None:
        for key in [key for key, one in self.breakers.items() if one.is_blank]:
            del self.breakers[key]

    def _breakers(self, gates: Gates) -> list[Breaker]:
        """Each breaker that counts for a job, once; work that calls nobody has none."""
        return [self.breaker(key) for key in dict.fromkeys(gates) if key != LOCAL]

    def _put(self, head: Head) -> None:
        self.heads[head.lane] = head
        heapq.heappush(self._timers, (head.due_at, head.id, head.lane))

    def _recheck(self, lane: str) -> None:
        head = self.heads.get(lane)
        if head is not None:
            heapq.heappush(self._timers, (head.due_at, head.id, lane))

    def _collect(self, now: int) -> None:
        """Move lanes whose time has come into the ready queues."""
        while self._timers and self._timers[0][0] <= now:
            _, _, lane = heapq.heappop(self._timers)
            held = self._held.get(lane)
            if held is not None:
                if held > now:
                    continue  # it has a timer of its own
                del self._held[lane]
            head = self.heads.get(lane)
            if head is None or head.due_at > now or self._queued.get(lane) == head.gates:
                continue
            self._queued[lane] = head.gates
            self._ready.setdefault(head.gates, deque()).append(lane)

    def _take_from(self, gates: Gates, now: int) -> Head | None:
        lanes = self._ready[gates]
        breakers = self._breakers(gates)
        head: Head | None = None
        while head is None and lanes and all(one.admits(now) for one in breakers):
            lane = lanes.popleft()
            if self._queued.get(lane) != gates:
                continue  # its head changed and waits for other gates
            del self._queued[lane]
            head = self._startable(lane, now)
        del self._ready[gates]
        if lanes:  # at the end: the next call starts with another peer or account
            self._ready[gates] = lanes
        if head is not None:
            del self.heads[head.lane]
            self.running[head.lane] = head
            for breaker in breakers:
                breaker.running += 1
        return head

    def _startable(self, lane: str, now: int) -> Head | None:
        """The head of a ready lane, unless it has to wait after all."""
        head = self.heads.get(lane)
        if head is None or lane in self.running or lane in self._blocked:
            return None
        not_before = max(head.due_at, self._held.get(lane, 0))
        if not_before > now:  # it was put off or held while it stood in the queue
            heapq.heappush(self._timers, (not_before, head.id, lane))
            return None
        wait = self._pace(head, now)
        if wait > 0:
            self.hold(lane, now + wait)
            return None
        return head
