"""One breaker per peer or account: when it is down, wait; when it is back, ramp up.

States: *closed* (calls flow, at most `slots` at a time), *open* (nothing flows until the next
probe), *probing* (exactly one call flows). One good probe closes it again with one slot, and each
success adds one, up to the limit, so that a server that just came back is not buried. What a call
that started before the opening reports neither closes the breaker nor lengthens the wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Breaker:
    """Times are milliseconds and always arguments."""

    slots: int
    failures_to_open: int
    probe_waits: Sequence[int]
    running: int = 0
    failures: int = 0
    allowed: int = 0
    open_until: int | None = None
    #: Nothing starts before this moment, whatever succeeds meanwhile.
    held_until: int | None = None
    probes: int = 0
    reason: str | None = None
    #: Last time a call succeeded; parking asks whether *others* succeed meanwhile.
    last_success: int = 0
    #: When it last opened; what was learnt from the peer before may be stale.
    opened_at: int = 0

    def __post_init__(self) -> None:
        self.allowed = self.slots

    @property
    def is_open(self) -> bool:
        return self.open_until is not None or self.held_until is not None

    @property
    def is_blank(self) -> bool:
        """Whether it lets through what a new one would, and nobody is on the way."""
        untouched = self.failures == 0 and self.allowed == self.slots
        return untouched and self.running == 0 and not self.is_open

    def admits(self, now: int) -> bool:
        """True when one more call may start now."""
        if self.held_until is not None and now < self.held_until:
            return False
        if self.open_until is not None:
            return now >= self.open_until and self.running == 0
        return self.running < self.allowed

    def ready_at(self, now: int) -> int | None:
        """When to ask again; None: when a running call ends."""
        moments = [m for m in (self.open_until, self.held_until) if m is not None and m > now]
        return max(moments) if moments else None

    def succeeded(self, now: int) -> None:
        self.last_success = now
        self.failures = 0
        if self.held_until is not None and now >= self.held_until:
            self.held_until = None
        if self.open_until is None:
            self.allowed = min(self.slots, self.allowed + 1)
        elif now >= self.open_until:
            self.open_until = None
            self.probes = 0
            self.reason = None
            self.allowed = 1

    def failed(self, now: int, reason: str) -> None:
        """Count a failure that concerns the whole peer; opens after enough in a row."""
        self.failures += 1
        if self.open_until is not None or self.failures >= self.failures_to_open:
            self._open(now, reason, self.probe_waits)

    def trip(self, now: int, reason: str, *, waits: Sequence[int]) -> None:
        """Open at once: the peer said so itself (token refused, `Retry-After`).

        `waits` are taken one after the other, while each next probe fails as well.
        """
        self._open(now, reason, waits)

    def hold(self, until: int, reason: str) -> None:
        """Start nothing until a moment that we choose."""
        self.held_until = until
        self.reason = reason

    def reset(self) -> None:
        self.open_until = None
        self.held_until = None
        self.reason = None
        self.failures = 0
        self.probes = 0
        self.allowed = self.slots

    def _open(self, now: int, reason: str, waits: Sequence[int]) -> None:
        self.reason = reason
        if self.open_until is not None and now < self.open_until:
            # It started before the breaker opened: no news, except that a first wait may be longer.
            self.open_until = max(self.open_until, now + waits[0])
            return
        self.open_until = now + waits[min(self.probes, len(waits) - 1)]
        self.opened_at = now
        self.probes += 1
