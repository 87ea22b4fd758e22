"""The WhatsApp channel as the rest of the house sees it: one Protocol and its flags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from bridge.core.connection import LinkState, Presence, Signal
from bridge.core.instance import Behaviour
from bridge.core.message import Media, MediaKind, Outgoing, Party, Received


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


@runtime_checkable
class MarksRead(Protocol):
    """What a channel has that can tell a customer that their message was read."""

    async def mark_read(self, message: Received) -> None:
        """Mark a message as read; repeating it does nothing. Raises `PeerError`."""
        ...


#: How a session tells what happens to it. It is called in the event loop and must not block.
Hear: TypeAlias = Callable[[Signal], None]


@runtime_checkable
class Session(Protocol):
    """What a channel has beside `Channel` when a phone lends it the connection (QR code).

    Nothing here answers with the state of the connection: that comes as signals, to whoever
    `watch`es, in the order in which it happens. Calls may overlap, except that none is made while
    `leave`, `logout` or `forget` runs. `connect` and `restart` may be cancelled or given up after a
    while: what they had begun then ends with the next `leave`, `logout` or `forget`.
    """

    def watch(self, hear: Hear) -> None:
        """Tell what happens from now on; the one listener before is told no more."""
        ...

    async def connect(self, *, number: str | None = None) -> None:
        """Begin to connect; with a number also ask for a pairing code. No-op while connected.

        Returns when the attempt has begun. `QrShown` or `Opened` follows, or `Closed`. Trouble
        that passes (no network) is `Closed(again=True)` and tried again by the channel. A call
        with another number while it connects asks for another pairing code: `QrShown` again.
        Raises `PeerError` when it cannot even begin.
        """
        ...

    async def restart(self) -> None:
        """Break the connection and connect anew with the session that is there.

        Returns when that has begun. The break itself is told as `Closed(again=True)` or not at all.
        """
        ...

    async def leave(self) -> None:
        """Disconnect and keep the session: this object is used no more. Never raises."""
        ...

    async def logout(self) -> None:
        """End the session on the phone too and forget it, or the attempt to connect.

        `Closed` follows. Raises `PeerError` when the phone cannot be told.
        """
        ...

    async def forget(self) -> None:
        """Disconnect and delete all that is kept of the session: the instance goes.

        Raises `PeerError`; `leave` follows then.
        """
        ...

    async def set_presence(self, presence: Presence) -> None:
        """Show the number as such to everybody. Raises `PeerError`."""
        ...

    async def behave(self, behaviour: Behaviour) -> None:
        """Take over changed settings, without a reconnect."""
        ...
