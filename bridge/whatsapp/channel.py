"""The WhatsApp channel as the rest of the house sees it: one Protocol and its flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from bridge.core.connection import LinkState, Presence, Signal
from bridge.core.content import Media, MediaKind
from bridge.core.instance import Behaviour
from bridge.core.message import Called, Event, Received
from bridge.core.outgoing import Outgoing, OutgoingText
from bridge.core.party import Party


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
    #: The channel promises no order between two calls: wait for `sent` in a burst.
    unordered_sends: bool = False
    #: Groups can be written to.
    groups: bool = False
    #: It tells of our own sends as well, as if the phone of the number had written them.
    echoes_sends: bool = False
    #: Buttons that a text may have, and the characters of their titles; 0: none.
    buttons: int = 0
    button_title: int = 20
    #: Rows that a list may have, and the characters of their titles and descriptions; 0: no lists.
    list_rows: int = 0
    row_title: int = 24
    row_description: int = 72
    #: The characters of a text that has buttons or a list.
    menu_body: int = 1024
    #: There are approved templates.
    templates: bool = False
    #: So many hours after a person's last message only templates may be sent; None: always all.
    window_hours: int | None = None
    #: Places and contact cards can be sent as such.
    locations: bool = False
    cards: bool = False
    #: So long after it was sent a text of ours may be changed (`Edits`); 0: never.
    edit_seconds: int = 0


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
    """The channel took a message. The others are the recipient's ids, as WhatsApp knows them."""

    id: str
    wa_id: str | None = None
    bsuid: str | None = None
    lid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file that was downloaded into the spool."""

    path: Path
    size: int
    mime: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The message that a message of ours answers.

    `by_us`: our own number wrote it. `sender` is who wrote it in a group, and `text` what stood in
    it, as far as that is still known.
    """

    id: str
    by_us: bool = False
    sender: Party | None = None
    text: str | None = None


class Channel(Protocol):
    """One connected number."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def link(self) -> Link:
        """Ask the channel how it is. Raises `PeerError` when it cannot be asked."""
        ...

    async def send(
        self, to: Party, content: Outgoing, *, key: str, reply_to: Quote | None = None
    ) -> Accepted:
        """Send once. `key` is ours; a channel carries it where it can, back in its statuses.

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


@runtime_checkable
class Edits(Protocol):
    """What a channel has that can change a text of ours after it was sent."""

    async def edit(self, chat: Party, message_id: str, content: OutgoingText, *, key: str) -> None:
        """Give a message that we sent another text. `key` is ours; repeating does no harm.

        Raises `PeerError`; `PeerRefused` when it is too late for that.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedTemplate:
    """A template that may be sent. `components` are as the channel tells them."""

    name: str
    language: str
    category: str | None = None
    components: tuple[dict[str, Any], ...] = ()


@runtime_checkable
class ListsTemplates(Protocol):
    """What a channel has that knows approved templates."""

    async def templates(self) -> Sequence[ApprovedTemplate]:
        """All templates that are approved now. Raises `PeerError`."""
        ...


@runtime_checkable
class Revokes(Protocol):
    """What a channel has that can delete a message of ours for everyone."""

    async def revoke(self, chat: Party, message_id: str, *, key: str) -> None:
        """Delete a message that we sent. `key` is ours, as in `send`; repeating does no harm.

        Raises `PeerError`; `PeerRefused` when it is too late for that.
        """
        ...


class Fate(StrEnum):
    """What became of a send that was never answered."""

    SENT = "sent"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """`id` is the message's, set when it was sent, and where it is known though the fate is not."""

    fate: Fate
    id: str | None = None


@runtime_checkable
class Remembers(Protocol):
    """What a channel has that keeps a log of its sends, by our keys (design.md 4)."""

    async def remembered(self, key: str, *, since: int) -> Remembered:
        """What became of the send with this key, which was not begun before `since` (ms).

        `NOT_SENT` is certain. A status that comes later carries the key as its `tag`.
        Raises `PeerError` while it cannot be asked.
        """
        ...


@runtime_checkable
class ShowsTyping(Protocol):
    """What a channel has that can show a person that somebody writes to them."""

    async def show_typing(self, chat: Party, presence: Presence) -> None:
        """Show `composing`, `recording` or `paused` in one chat. Raises `PeerError`."""
        ...


@runtime_checkable
class ShowsTypingBelow(Protocol):
    """What a channel has that shows that somebody writes only together with a read mark."""

    async def show_typing_below(self, message_id: str) -> None:
        """Show it below a message of the person's, which counts as read. Raises `PeerError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What WhatsApp tells of a person or group. The picture's address is short-lived.

    `picture_id` is another one when the picture is; `address_name` is how somebody stands in the
    address book of the number's phone (None: not there, or not known).
    """

    name: str | None = None
    picture_url: str | None = None
    picture_id: str | None = None
    address_name: str | None = None


@runtime_checkable
class Describes(Protocol):
    """What a channel has that can be asked who somebody is."""

    async def profile(self, party: Party) -> Profile:
        """The subject and picture of a group, or the picture of a person. Raises `PeerError`."""
        ...


@runtime_checkable
class RejectsCalls(Protocol):
    async def reject_call(self, call: Called) -> None:
        """Decline a call; a call that is over is no error. Raises `PeerError`."""
        ...


class Listener(Protocol):
    """Whom a session tells what happens. All is called in the event loop."""

    def hear(self, signal: Signal) -> None:
        """Hear what happens to the connection, in order. Must not block."""
        ...

    async def keep(self, events: Sequence[Event]) -> None:
        """Keep events; when this returns they are on disk, and may be forgotten by the channel.

        Raises `Unavailable` when they cannot be kept now: they are told again, in their order.
        What was kept already is recognised by its id.
        """
        ...

    def typing(self, party: Party, presence: Presence) -> None:
        """Somebody writes (or stopped) in a chat with us. Must not block; nothing is kept."""
        ...


@runtime_checkable
class Session(Protocol):
    """What a channel has beside `Channel` when a phone lends it the connection (QR code).

    Nothing here answers with the state of the connection: that comes as signals, to whoever
    `watch`es, in the order in which it happens; messages and receipts come the same way. Calls may
    overlap, except that none is made while `leave`, `logout` or `forget` runs. `connect` and
    `restart` may be cancelled or given up after a while: what they had begun then ends with the
    next `leave`, `logout` or `forget`.
    """

    def watch(self, listener: Listener | None) -> None:
        """Tell what happens from now on; the one listener before is told no more.

        While there is none, events stay with the channel.
        """
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
