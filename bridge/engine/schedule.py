"""When a failed job is tried again."""

from __future__ import annotations

from collections.abc import Sequence

#: Seconds. A peer that asks for more than an hour is asked again after one.
LONGEST_RETRY_AFTER = 3600.0


def asked_wait(retry_after: float | None) -> int | None:
    """Milliseconds of a peer's `Retry-After`, which may be any number at all; None: none given."""
    if retry_after is None:
        return None
    return round(min(max(0.0, retry_after), LONGEST_RETRY_AFTER) * 1000)


def next_try(
    attempts: int, *, delays: Sequence[int], chance: float, retry_after: int | None
) -> int | None:
    """Milliseconds to wait after the `attempts`-th failure (from 1), or None: give up.

    Full jitter: `chance` (0 to 1) of the listed delay, but never less than the peer asked for.
    """
    if attempts > len(delays):
        return None
    wait = round(delays[attempts - 1] * chance)
    return max(wait, retry_after or 0)
