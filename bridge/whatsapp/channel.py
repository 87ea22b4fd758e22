"""The WhatsApp channel as the rest of the house sees it: one Protocol and its flags."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from bridge.core.message import Media, MediaKind, Outgoing, Party


class LinkState(StrEnum):
    """The connection of a number, in Evolution's words."""

    OPEN = "open"
    CONNECTING = "connecting"
    CLOSED = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a channel can do. The core reads these flags and never asks which channel it is."""

    text_limit: int
    caption_limit: int
    #: Kinds that may be sent, with the mime types accepted (None: any) and the size in bytes.
    sendable: dict[MediaKind, MediaRule] = field(default_factory=dict)
    #: Kinds that may carry a text.
    captioned: frozenset[MediaKind] = frozenset(
        {MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.DOCUMENT}
    )
    reply: bool = True
    #: The channel promises no order between two calls: wait for `sent` in a burst.
    unordered_sends: bool = False
    #: A key of ours travels with a send and comes back in its status.
    tags_sends: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRule:
    max_bytes: int
    mimes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The state of the connection, with the reason when it is not open."""

    state: LinkState
    reason: str | None = None
    display_number: str | None = None
    profile_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The channel took a message. `wa_id` is the recipient's id as WhatsApp knows it."""

    id: str
    wa_id: str | None = None
    bsuid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file that was downloaded into the spool."""

    path: Path
    size: int
    mime: str
    sha256: str


class Channel(Protocol):
    """One connected number."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def link(self) -> Link:
        """Ask the channel how it is. Raises `PeerError` when it cannot be asked."""
        ...

    async def send(
        self, to: Party, content: Outgoing, *, key: str, reply_to: str | None = None
    ) -> Accepted:
        """Send once. `key` is ours; a channel carries it where it can (`tags_sends`).

        Raises `PeerError`; its `certainty` says whether the message may have gone out.
        """
        ...

    async def fetch(self, media: Media, into: Path, *, limit: int) -> Fetched:
        """Stream a received file to the path `into`, at most `limit` bytes.

        Raises `TooBig`, `PeerGone` (expired at the channel) or another `PeerError`. On failure
        nothing is left behind.
        """
        ...
