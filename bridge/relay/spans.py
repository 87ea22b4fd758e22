"""How long something took, and when it is, as people say it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bridge.clock import timezone, utc
from bridge.locale import say

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


def span(language: str, ms: int) -> str:
    """In the one unit that says enough: minutes up to two hours, hours up to two days."""
    for unit, length in (("days", DAY), ("hours", HOUR)):
        if ms >= 2 * length:
            return say(language, f"span.{unit}", count=round(ms / length))
    minutes = round(ms / MINUTE)
    if minutes < 1:
        return say(language, "span.moment")
    return say(language, "span.minute" if minutes == 1 else "span.minutes", count=minutes)


def local(told: Mapping[str, Any], ms: int) -> tuple[datetime, str]:
    """A moment where the inbox is (`InboxConfig.told`), and the name of its time zone; else UTC.

    The first call for a zone reads a file: not in the event loop.
    """
    name = told.get("timezone")
    zone = timezone(name) if isinstance(name, str) else UTC
    return utc(ms).astimezone(zone), "UTC" if zone is UTC else str(name)
