"""What Chatwoot holds, cut down to the fields that we use.

Ids are Chatwoot's own, times are Unix seconds. A field that was missing or misshapen is empty.
`bridge.chatwoot.reading` makes these from JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bridge.chatwoot.fields import flag, rows, shallow, text, whole


class MessageType(StrEnum):
    """Chatwoot's direction of a message: an int in REST, a string in webhooks (3.2)."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"
    ACTIVITY = "activity"
    TEMPLATE = "template"
    #: A type that we do not know.
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The installation. `release` is None for an odd version; `healthy`: Redis and Postgres."""

    version: str
    release: tuple[int, int, int] | None
    healthy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    id: int
    name: str | None
    role: str | None
    status: str | None

    @property
    def is_administrator(self) -> bool:
        return self.role == "administrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The user whom the token belongs to."""

    id: int
    name: str | None
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What an account tells of itself. `locale` is as Chatwoot writes it: ``pt_BR``, ``en``."""

    id: int
    name: str | None
    locale: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """`secret` signs webhooks and is shown from 4.13 on, to administrators only (1.2)."""

    id: int
    name: str | None
    channel_type: str | None
    webhook_url: str | None
    inbox_identifier: str | None
    secret: str | None = field(repr=False)
    lock_to_single_conversation: bool
    hmac_mandatory: bool
    additional_attributes: dict[str, Any]
    timezone: str | None = None
    working_hours_enabled: bool = False
    #: Seven rows as Chatwoot gives them: ``day_of_week`` 0 (Sunday) to 6, ``open_hour`` ... (1.2).
    working_hours: tuple[dict[str, Any], ...] = ()
    #: It assigns what becomes open to somebody who is online (2.3); so it does unless told not to.
    enable_auto_assignment: bool = True

    @property
    def is_api(self) -> bool:
        return self.channel_type == "Channel::Api"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentBot:
    id: int
    name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactInbox:
    inbox_id: int
    source_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """`contact_inboxes` is filled only where Chatwoot lists them (not after a merge, 1.6)."""

    id: int
    name: str | None
    phone_number: str | None
    identifier: str | None
    blocked: bool
    thumbnail: str | None
    contact_inboxes: tuple[ContactInbox, ...]
    created_at: float | None
    additional_attributes: dict[str, Any]
    email: str | None = None
    custom_attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """`id` is the account-wide display id. `source_id` is None where no message shows it (1.7)."""

    id: int
    inbox_id: int | None
    status: str | None
    contact_id: int | None
    assignee_id: int | None
    team_id: int | None
    labels: tuple[str, ...]
    source_id: str | None
    can_reply: bool | None
    created_at: float | None
    updated_at: float | None
    last_activity_at: float | None
    team_name: str | None = None
    #: Whether its contact is blocked; None where it is not said.
    is_blocked: bool | None = None
    custom_attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    id: int
    name: str | None
    available_name: str | None
    email: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    id: int
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """`type` is ``user``, ``contact`` or ``agent_bot``; contacts carry none in webhooks (3.2)."""

    type: str | None
    id: int | None
    name: str | None
    available_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file on a message; `attachments.filename(data_url)` tells its name (3.4).

    A place has coordinates and perhaps a `title`; of a contact `title` is the phone number.
    """

    id: int | None
    file_type: str | None
    data_url: str | None
    file_size: int | None
    is_voice: bool
    title: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    first_name: str | None = None
    last_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. `sender` is None for templates, activities and automations (1.8).

    `template_params` are of an approved WhatsApp template (5.1); empty for all others.
    """

    id: int
    conversation_id: int | None
    inbox_id: int | None
    content: str | None
    message_type: MessageType
    private: bool
    status: str | None
    source_id: str | None
    content_type: str | None
    content_attributes: dict[str, Any]
    sender: Sender | None
    attachments: tuple[Attachment, ...]
    created_at: float | None
    updated_at: float | None = None
    template_params: dict[str, Any] = field(default_factory=dict)
    #: An automation rule or a campaign wrote it, perhaps in a person's name.
    by_machine: bool = False

    @property
    def is_deleted(self) -> bool:
        return flag(self.content_attributes.get("deleted"))

    @property
    def external_error(self) -> str | None:
        """Why it failed, as the dashboard shows it."""
        return text(self.content_attributes.get("external_error"))

    @property
    def items(self) -> tuple[dict[str, Any], ...]:
        """What is there to choose from, or to read: of selects, cards, articles, forms (1.8)."""
        listed = rows(self.content_attributes.get("items"))
        return tuple(shallow(item) for item in listed if isinstance(item, dict))

    @property
    def in_reply_to(self) -> int | None:
        """The Chatwoot id of the quoted message."""
        return whole(self.content_attributes.get("in_reply_to"))
