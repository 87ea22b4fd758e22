"""What all workers of one number share, and whom they tell what happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from bridge.clock import Clock
from bridge.core.connection import Opened, Signal
from bridge.whatsapp.web.kept import KeptEvents
from bridge.whatsapp.web.process import Process
from bridge.whatsapp.web.showing import Showing


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Deadlines, in seconds."""

    start: float
    qr: float
    pairing: float
    heartbeat: float


class Ears(Protocol):
    """Whom an attempt tells what happens. Nothing of it may block."""

    def tell(self, signal: Signal) -> None: ...

    def opened(self, opened: Opened) -> None: ...

    def heard(self, event: str, data: Mapping[str, Any], *, kept: bool) -> None:
        """Any event that is no state of the connection; those that are kept come later too."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all attempts of one number share."""

    instance: str
    start: Callable[[], Awaitable[Process]]
    #: The arguments of `open`; they hold the proxy's password.
    opening: Callable[[], Mapping[str, Any]] = field(repr=False)
    patience: Patience
    clock: Clock
    #: Shared by all numbers: so many workers start at the same time.
    turn: asyncio.Semaphore
    #: Shared by all numbers too.
    showing: Showing
    kept: KeptEvents
    ears: Ears
