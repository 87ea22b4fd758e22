"""The channel-neutral model: what a WhatsApp channel tells us.

Everything is frozen and can be stored as JSON (`orjson.dumps` of the dataclass) and read back
with `EVENT.validate_json`. Times are aware UTC. Ids are the channel's own, untouched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from bridge.core.content import Content
from bridge.core.naming import Source
from bridge.core.party import Party

#: In an id of ours, what follows it says what became of the WhatsApp message before it ("~call").
#: Such an id means nothing to WhatsApp.
MADE_UP: Final = "~"
#: What ends the id of a message that is shown once more, with the file that it lacked.
AGAIN: Final = f"{MADE_UP}again"


class DeliveryState(StrEnum):
    """How far a message that we sent has come. States only climb; see `core.receipts`."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"


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
    forwarded_often: bool = False
    group: str | None = None
    #: The advertisement by which somebody came, with all its ids: decoration, never a condition.
    referral: dict[str, Any] | None = None
    #: The product that the message asks about (`catalog_id`, `product_retailer_id`).
    product: dict[str, Any] | None = None
    #: People who stand in the text as ``@<digits>``.
    mentions: tuple[Party, ...] = ()
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
    forwarded_often: bool = False
    mentions: tuple[Party, ...] = ()
    #: A flow of ours said it, over this number.
    by_bot: bool = False
    event: Literal["sent_by_phone"] = "sent_by_phone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """A message was deleted for everyone. `id` is that of the deletion, `target` the message's.

    `chat` is where the message stands: the person, or the group. `by_us`: the phone of our own
    number did it. `author` is set where the deletion counts only if this person wrote the message:
    in a group, of whoever does not act as its admin.
    """

    number: str
    id: str
    target: str
    chat: Party
    at: datetime
    by_us: bool = False
    author: Party | None = None
    event: Literal["revoked"] = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted:
    """Somebody put an emoji on a message, another one, or took it away (None).

    `chat` is where the message stands: the person, or the group. `sender` is who reacts, in a
    group; elsewhere it is the chat, or we (`by_us`: with the phone of our own number).
    """

    number: str
    id: str
    target: str
    chat: Party
    at: datetime
    emoji: str | None
    sender: Party | None = None
    by_us: bool = False
    event: Literal["reacted"] = "reacted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A message says something else now. The fields are those of `Reacted`."""

    number: str
    id: str
    target: str
    chat: Party
    at: datetime
    content: Content
    sender: Party | None = None
    by_us: bool = False
    event: Literal["edited"] = "edited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voted:
    """Somebody chose options of a poll; this is all that they chose now, perhaps nothing.

    `options` are hex SHA-256 digests of the options' texts (UTF-8); None when the vote could not
    be opened. The other fields are those of `Reacted`; `target` is the poll.
    """

    number: str
    id: str
    target: str
    chat: Party
    at: datetime
    options: tuple[str, ...] | None
    sender: Party | None = None
    by_us: bool = False
    event: Literal["voted"] = "voted"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityChanged:
    """A person has another number or id now. `old` is how we knew them, `new` how we shall."""

    number: str
    id: str
    old: Party
    new: Party
    at: datetime
    event: Literal["identity_changed"] = "identity_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChanged:
    """The subject or the picture of a group is another one, or people came and went."""

    number: str
    id: str
    group: str
    at: datetime
    subject: str | None = None
    event: Literal["group_changed"] = "group_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NameTold:
    """Somebody is called so by a `source` beside themselves; None: by no name any more."""

    number: str
    party: Party
    name: str | None
    source: Source
    at: datetime
    event: Literal["name_told"] = "name_told"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryTold:
    """A chunk of what was written before the number was connected: kept, not shown."""

    number: str
    id: str
    at: datetime
    payload: dict[str, Any]
    event: Literal["history"] = "history"


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


Event: TypeAlias = (
    Received
    | SentByPhone
    | Revoked
    | Reacted
    | Edited
    | Voted
    | IdentityChanged
    | GroupChanged
    | NameTold
    | HistoryTold
    | Called
    | StatusReported
    | Unhandled
)
#: By its name: trying one kind after the other would take six times as long.
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])
