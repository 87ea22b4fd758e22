"""The channel-neutral model: what a WhatsApp channel tells us, and what we ask it to send.

Everything is frozen and can be stored as JSON (`orjson.dumps` of the dataclass) and read back
with `EVENT.validate_json`. Times are aware UTC. Ids are the channel's own, untouched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal, TypeAlias

from pydantic import TypeAdapter

#: In an id of ours, what follows it says what became of the WhatsApp message before it ("~call").
#: Such an id means nothing to WhatsApp.
MADE_UP: Final = "~"


class DeliveryState(StrEnum):
    """How far a message that we sent has come. States only climb; see `core.receipts`."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"


class MediaKind(StrEnum):
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    STICKER = "sticker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """What one event says about one person; at least one id is set.

    `wa_id` is the raw address (digits as received, for sending); the phone may be absent
    (whatsapp-channels.md A.4). `name` is the profile name, never taken from our own messages.
    """

    wa_id: str | None = None
    bsuid: str | None = None
    parent_bsuid: str | None = None
    lid: str | None = None
    username: str | None = None
    name: str | None = None
    #: The id of a group, when the party is one; then it has no other id.
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    body: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file held by the channel. `handle` is what `Channel.fetch` needs; `sha256` is hex."""

    media: MediaKind
    handle: str
    mime: str
    caption: str | None = None
    filename: str | None = None
    sha256: str | None = None
    size: int | None = None
    url: str | None = None
    voice: bool = False
    kind: Literal["media"] = "media"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """A kind that is not shown in full yet: visible as a placeholder, never dropped.

    `upstream` is the channel's own word for the kind; `raw` is the message as it came.
    """

    upstream: str
    raw: dict[str, Any]
    detail: str | None = None
    kind: Literal["unsupported"] = "unsupported"


Content: TypeAlias = Text | Media | Unsupported


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Somebody wrote to one of our numbers.

    `number` is the channel's id of our number (phone_number_id on the Cloud API). `id` is the
    WhatsApp message id. `group` is the group's id when the chat is a group.
    """

    number: str
    id: str
    sender: Party
    at: datetime
    content: Content
    reply_to: str | None = None
    forwarded: bool = False
    group: str | None = None
    referral: dict[str, Any] | None = None
    event: Literal["received"] = "received"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentByPhone:
    """Somebody wrote with the phone of one of our numbers, past Chatwoot and us.

    `chat` is the other side, a person or a group. It is shown as outgoing.
    """

    number: str
    id: str
    chat: Party
    at: datetime
    content: Content
    reply_to: str | None = None
    forwarded: bool = False
    event: Literal["sent_by_phone"] = "sent_by_phone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """A message was deleted for everyone. `id` is that of the deletion, `target` the message's.

    `chat` is where the message stands: the person, or the group. `by_us`: the phone of our own
    number did it.
    """

    number: str
    id: str
    target: str
    chat: Party
    at: datetime
    by_us: bool = False
    event: Literal["revoked"] = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """Somebody calls one of our numbers; `handle` is what `RejectsCalls.reject_call` needs."""

    number: str
    id: str
    caller: Party
    at: datetime
    handle: str
    video: bool = False
    group: str | None = None
    event: Literal["called"] = "called"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamFault:
    """An error code that came with a status (whatsapp-channels.md A.10)."""

    code: str
    title: str
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReported:
    """The channel says how far a message of ours has come. `tag` is the key that we sent along."""

    number: str
    id: str
    state: DeliveryState
    at: datetime
    recipient: Party | None = None
    tag: str | None = None
    fault: UpstreamFault | None = None
    event: Literal["status"] = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhandled:
    """Something that needs no action; `rule` is the stable reason that is counted."""

    number: str | None
    rule: str
    detail: str | None = None
    event: Literal["unhandled"] = "unhandled"


Event: TypeAlias = Received | SentByPhone | Revoked | Called | StatusReported | Unhandled
EVENT: TypeAdapter[Event] = TypeAdapter(Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingText:
    body: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMedia:
    """A file that lies in the spool at `path`, ready to be uploaded."""

    media: MediaKind
    path: str
    mime: str
    filename: str
    caption: str | None = None
    #: Audio that the recipient shall see as a voice note, where the channel has those.
    voice: bool = False
    kind: Literal["media"] = "media"


Outgoing: TypeAlias = OutgoingText | OutgoingMedia
