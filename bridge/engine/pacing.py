"""Buckets against sending too fast: one per pair of number and person, one per number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bridge.engine.lanes import Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`burst` sends at once, then one each `interval_ms` (whatsapp-channels.md A.11).

    `leaves`: so many of the burst are not for this job, but for the others that share the bucket.
    """

    burst: int
    interval_ms: float
    leaves: int = 0


@dataclass(slots=True)
class Bucket:
    """A token bucket whose time is an argument."""

    rate: Rate
    tokens: float
    at: int

    @classmethod
    def full(cls, rate: Rate, now: int) -> Bucket:
        return cls(rate=rate, tokens=float(rate.burst), at=now)

    def take(self, now: int, *, leaves: int = 0) -> int:
        """Take one token and return 0; else the milliseconds until there is one (none taken)."""
        wait = self.wait(now, leaves=leaves)
        self.tokens = self._tokens(now)
        self.at = max(self.at, now)
        if wait == 0:
            self.tokens -= 1
        return wait

    def wait(self, now: int, *, leaves: int = 0) -> int:
        """Milliseconds until there is a token beside the `leaves` others; takes none."""
        missing = 1 + leaves - self._tokens(now)
        return 0 if missing <= 0 else max(1, math.ceil(missing * self.rate.interval_ms))

    def is_full(self, now: int) -> bool:
        return self._tokens(now) >= self.rate.burst

    def _tokens(self, now: int) -> float:
        gained = max(0, now - self.at) / self.rate.interval_ms
        return min(float(self.rate.burst), self.tokens + gained)


class Pacer:
    """Buckets by name. A send takes one token of each of its buckets, or none at all."""

    #: Beyond so many buckets the full ones are forgotten: they say nothing.
    _MANY = 10_000

    def __init__(self, rates: Callable[[Head], Sequence[tuple[str, Rate]]]) -> None:
        """`rates` names the buckets of a job; none for what may run at any speed.

        Jobs that share a bucket give it the same burst and interval.
        """
        self._rates = rates
        self._buckets: dict[str, Bucket] = {}

    def __call__(self, head: Head, now: int) -> int:
        """Take the tokens and return 0, or the milliseconds that the job must wait."""
        rates = self._rates(head)
        if not rates:
            return 0
        if len(self._buckets) >= self._MANY:
            self._buckets = {k: b for k, b in self._buckets.items() if not b.is_full(now)}
        buckets = [(self._bucket(name, rate, now), rate.leaves) for name, rate in rates]
        wait = max(bucket.wait(now, leaves=leaves) for bucket, leaves in buckets)
        if wait == 0:
            for bucket, leaves in buckets:
                bucket.take(now, leaves=leaves)
        return wait

    def _bucket(self, name: str, rate: Rate, now: int) -> Bucket:
        found = self._buckets.get(name)
        if found is None:
            found = self._buckets[name] = Bucket.full(rate, now)
        return found
