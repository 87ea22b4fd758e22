"""Whether a number keeps losing its connection: one notice with counts instead of a stream. Pure.

Times are milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MINUTE: Final = 60_000
#: So many losses within so long a time make a number unstable, and so long a quiet ends that.
LIMIT: Final = 3
WINDOW: Final = 60 * MINUTE
#: How long a number that is known to be unstable may be away before that is mentioned.
PATIENCE: Final = 10 * MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """How often the connection was lost since a moment; `told`: that it is unstable was told."""

    count: int = 0
    since: int | None = None
    told: bool = False


def lost(before: Losses, now: int) -> tuple[Losses, bool]:
    """Count one more loss. True: from now on the number is unstable, and people are to know."""
    if not before.told and (before.since is None or now - before.since > WINDOW):
        return Losses(count=1, since=now), False
    count = before.count + 1
    becomes = not before.told and count >= LIMIT
    return Losses(count=count, since=before.since, told=before.told or becomes), becomes


def quiet_at(last_loss: int) -> int:
    """When an unstable number counts as stable again, unless it is lost once more."""
    return last_loss + WINDOW
