"""Guessing keys costs time: wrong ones are counted by address, and too many close the door.

Whoever was right from an address lately goes on working from it: behind a shared reverse proxy
one flow with a bad key must not lock out everybody else.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import structlog

from bridge.engine.pacing import Bucket, Rate
from bridge.errors import TooMany
from bridge.http.addresses import counted_as

log = structlog.get_logger(__name__)

#: So many addresses, and so many right keys, are remembered; the longest unused goes first.
ADDRESSES: Final = 10_000
RIGHT_KEYS: Final = 20_000
#: For so long after it was right a key is let in whatever else its address does.
REMEMBERED_MS: Final = 3_600_000

_MINUTE_MS: Final = 60_000


class Buckets:
    """Token buckets by name: `per_minute` at once, then that many a minute. Bounded."""

    def __init__(self, per_minute: int, *, most: int = ADDRESSES) -> None:
        self._rate = Rate(burst=per_minute, interval_ms=_MINUTE_MS / per_minute)
        self._most = most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def wait(self, name: str, now: int) -> int:
        """Milliseconds until there is a token; 0: there is one. Takes none."""
        bucket = self._buckets.get(name)
        return 0 if bucket is None else bucket.wait(now)

    def take(self, name: str, now: int) -> bool:
        """Take a token, when there is one."""
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = Bucket.full(self._rate, now)
        self._buckets.move_to_end(name)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return bucket.take(now) == 0


class Limiter:
    """Counts wrong keys. `now` gives milliseconds; `per_minute` of 0 switches it off.

    A secret is named by its hash (`store.secrets.hash_key`); what was shown is never kept.
    """

    def __init__(
        self,
        per_minute: int,
        *,
        now: Callable[[], int],
        addresses: int = ADDRESSES,
        right_keys: int = RIGHT_KEYS,
    ) -> None:
        self._now = now
        self._wrong = Buckets(per_minute, most=addresses) if per_minute else None
        self._most_right = right_keys
        #: (address, hash) -> when it was last right; in that order.
        self._right: OrderedDict[tuple[str, str], int] = OrderedDict()

    def let_in(self, address: str, shown: str) -> None:
        """Ask before a secret is compared. Raises `TooMany` with the seconds to wait."""
        if self._wrong is None:
            return
        now, counted = self._now(), counted_as(address)
        wait = self._wrong.wait(counted, now)
        if wait == 0:
            return
        was_right = self._right.get((counted, shown))
        if was_right is not None and now - was_right < REMEMBERED_MS:
            return
        seconds = math.ceil(wait / 1000)
        raise TooMany(
            "Too many wrong keys came from your address.",
            f"Correct the key, and try again in {seconds} s.",
            code="auth.too_many_failures",
            retry_after=seconds,
        )

    def was_wrong(self, address: str, shown: str) -> None:
        """Count a secret that opens nothing at all."""
        if self._wrong is None:
            return
        now, counted = self._now(), counted_as(address)
        self._right.pop((counted, shown), None)
        self._wrong.take(counted, now)
        if self._wrong.wait(counted, now):
            log.warning("address.shut_out", address=counted)

    def was_right(self, address: str, shown: str) -> None:
        """Remember a secret that has just opened what it was shown for."""
        if self._wrong is None:
            return
        pair = (counted_as(address), shown)
        self._right[pair] = self._now()
        self._right.move_to_end(pair)
        if len(self._right) > self._most_right:
            self._right.popitem(last=False)
