"""The connection of a number: its states, what happens to it, and what others are told of it.

Pure. The words are Evolution's (evolution-instance-typebot.md 2.1 and 3.5): `open`, `connecting`,
`close`, and `refused` once nobody scanned the last QR code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias


class LinkState(StrEnum):
    OPEN = "open"
    CONNECTING = "connecting"
    CLOSED = "close"
    REFUSED = "refused"


class Presence(StrEnum):
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    COMPOSING = "composing"
    RECORDING = "recording"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class QrShown:
    """A code to scan. It lets whoever scans it read everything: it is never stored or logged."""

    code: str = field(repr=False)
    #: Eight characters to type on the phone, when a number was given.
    pairing_code: str | None = field(default=None, repr=False)
    #: The first one of an attempt is 1.
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The number is connected. `jid` is its own address."""

    jid: str | None = None
    profile_name: str | None = None
    picture_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The connection ended. `code` as Evolution numbers it (3.5: 401 logged out, 408, 428 ...).

    `again`: the channel is about to connect again by itself.
    """

    code: int
    reason: str
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QrLimit:
    """Nobody scanned the last code; it takes a person to start again."""


Signal: TypeAlias = QrShown | Opened | Closed | QrLimit
