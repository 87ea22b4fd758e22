"""What a message says, whoever wrote it: one frozen dataclass for each kind.

All of it comes from strangers: a channel's parser has cut lengths and dropped what cannot be
stored, and nothing more is certain. Texts are WhatsApp's (its marks, not Markdown).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias


class MediaKind(StrEnum):
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    STICKER = "sticker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    body: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file held by the channel. `handle` is what `Channel.fetch` needs; `sha256` is hex.

    `voice`: recorded with the microphone. `round`: a video note. `seconds`: how long it plays.
    """

    media: MediaKind
    handle: str
    mime: str
    caption: str | None = None
    filename: str | None = None
    sha256: str | None = None
    size: int | None = None
    url: str | None = None
    voice: bool = False
    animated: bool = False
    round: bool = False
    view_once: bool = False
    seconds: int | None = None
    kind: Literal["media"] = "media"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place in degrees; `live`: it moves, and this is where it began."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None
    url: str | None = None
    caption: str | None = None
    live: bool = False
    kind: Literal["location"] = "location"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A number as it was written; `wa_id` when it is known to be on WhatsApp."""

    number: str
    wa_id: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A contact card; `vcard` is the whole of it where the channel has it.

    `name` is empty when there is none, as of somebody who only shared their number.
    """

    name: str
    phones: tuple[Phone, ...] = ()
    emails: tuple[str, ...] = ()
    organization: str | None = None
    vcard: str | None = None
    urls: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    birthday: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """One or more cards; `requested`: somebody shared their own number because we asked."""

    cards: tuple[Card, ...]
    requested: bool = False
    kind: Literal["contacts"] = "contacts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Somebody chose one of what they were offered; `id` is what a machine goes by.

    `source` is where: ``button``, ``list``, ``template``, ``menu`` (a numbered text of ours),
    ``call_permission``, ``carousel`` or the channel's own word.
    """

    source: str
    title: str
    id: str | None = None
    description: str | None = None
    kind: Literal["answer"] = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form that was filled in: a flow (``flow``) or an address (``address``)."""

    source: str
    body: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    kind: Literal["form"] = "form"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """`price` is of one piece, a decimal number as text."""

    product: str
    name: str | None = None
    quantity: int | None = None
    price: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A cart that was sent. `total` is a decimal number as text, where the channel tells it."""

    lines: tuple[OrderLine, ...] = ()
    id: str | None = None
    catalog: str | None = None
    note: str | None = None
    count: int | None = None
    total: str | None = None
    currency: str | None = None
    kind: Literal["order"] = "order"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product or a whole catalogue that was shown."""

    title: str | None = None
    id: str | None = None
    catalog: str | None = None
    description: str | None = None
    price: str | None = None
    currency: str | None = None
    url: str | None = None
    body: str | None = None
    kind: Literal["product"] = "product"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money was asked for, sent or refused.

    `what` is ``request``, ``sent``, ``declined``, ``cancelled``, ``invite`` or ``key`` (a PIX key,
    in `key`).
    """

    what: str
    amount: str | None = None
    currency: str | None = None
    note: str | None = None
    key: str | None = None
    id: str | None = None
    kind: Literal["payment"] = "payment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """A question with its options; `most` is how many may be chosen (0: any number)."""

    question: str
    options: tuple[str, ...]
    most: int = 0
    kind: Literal["poll"] = "poll"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An invitation to a group (``group``), an event (``event``) or a channel (``newsletter``)."""

    what: str
    title: str
    description: str | None = None
    url: str | None = None
    begins: datetime | None = None
    place: str | None = None
    cancelled: bool = False
    kind: Literal["invitation"] = "invitation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """Something with buttons or a list, as its sender made it; `options` are their titles."""

    body: str | None = None
    title: str | None = None
    footer: str | None = None
    options: tuple[str, ...] = ()
    kind: Literal["menu"] = "menu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """A kind that is not known: visible as a placeholder, never dropped.

    `upstream` is the channel's own word for the kind; `raw` is the message as it came.
    """

    upstream: str
    raw: dict[str, Any]
    detail: str | None = None
    kind: Literal["unsupported"] = "unsupported"


Content: TypeAlias = (
    Text
    | Media
    | Location
    | Contacts
    | Answer
    | Form
    | Order
    | Product
    | Payment
    | Poll
    | Invitation
    | Menu
    | Unsupported
)
