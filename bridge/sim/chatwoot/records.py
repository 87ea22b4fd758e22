"""The rows that a Chatwoot keeps. They are mutable on purpose: a database, not values.

Times are seconds since 1970, `None` where Chatwoot has null.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

MESSAGE_TYPES = {"incoming": 0, "outgoing": 1, "activity": 2, "template": 3}
STATUSES = ("open", "resolved", "pending", "snoozed")
API = "Channel::Api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file of a multipart request."""

    filename: str
    data: bytes = field(repr=False)
    mime: str


@dataclass(slots=True, kw_only=True, eq=False)
class Blob:
    """A stored file; `key` opens its public address."""

    key: str
    filename: str
    mime: str
    data: bytes = field(repr=False)


@dataclass(slots=True, kw_only=True, eq=False)
class User:
    id: int
    name: str
    display_name: str
    email: str
    role: str
    token: str = field(repr=False)
    availability: str = "online"
    signature: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class AgentBot:
    id: int
    name: str
    token: str = field(repr=False)
    secret: str = field(repr=False)
    created_at: float
    description: str | None = None
    outgoing_url: str | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Team:
    id: int
    name: str
    created_at: float
    description: str | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Inbox:
    """`fields` are the plain columns of the inbox, by their JSON names."""

    id: int
    channel_id: int
    created_at: float
    updated_at: float
    identifier: str
    hmac_token: str = field(repr=False)
    secret: str = field(repr=False)
    fields: Json
    working_hours: list[Json]
    channel_type: str = API
    webhook_url: str | None = None
    hmac_mandatory: bool = False
    additional_attributes: Json = field(default_factory=dict)
    members: dict[int, User] = field(default_factory=dict, repr=False)
    bot: AgentBot | None = None
    avatar: Blob | None = None

    @property
    def name(self) -> str:
        return str(self.fields["name"])

    @property
    def lock_to_single_conversation(self) -> bool:
        return bool(self.fields["lock_to_single_conversation"])


@dataclass(slots=True, kw_only=True, eq=False)
class Contact:
    id: int
    created_at: float
    updated_at: float
    name: str = ""
    email: str | None = None
    phone_number: str | None = None
    identifier: str | None = None
    blocked: bool = False
    additional_attributes: Json = field(default_factory=dict)
    custom_attributes: Json = field(default_factory=dict)
    last_activity_at: float | None = None
    labels: list[str] = field(default_factory=list)
    avatar: Blob | None = None
    contact_inboxes: list[ContactInbox] = field(default_factory=list, repr=False)


@dataclass(slots=True, kw_only=True, eq=False)
class ContactInbox:
    id: int
    contact: Contact = field(repr=False)
    inbox: Inbox = field(repr=False)
    source_id: str
    created_at: float
    updated_at: float
    pubsub_token: str = field(repr=False)
    hmac_verified: bool = False
    conversations: list[Conversation] = field(default_factory=list, repr=False)

    @property
    def contact_id(self) -> int:
        return self.contact.id

    @property
    def inbox_id(self) -> int:
        return self.inbox.id


@dataclass(slots=True, kw_only=True, eq=False)
class Conversation:
    """`id` is the display id, the only one that Chatwoot ever shows."""

    id: int
    uuid: str
    contact_inbox: ContactInbox = field(repr=False)
    created_at: float
    updated_at: float
    last_activity_at: float
    status: str = "open"
    assignee: User | None = None
    team: Team | None = None
    labels: list[str] = field(default_factory=list)
    custom_attributes: Json = field(default_factory=dict)
    additional_attributes: Json = field(default_factory=dict)
    priority: str | None = None
    snoozed_until: float | None = None
    waiting_since: float | None = None
    first_reply_created_at: float | None = None
    agent_last_seen_at: float | None = None
    assignee_last_seen_at: float | None = None
    contact_last_seen_at: float | None = None
    #: Incoming messages since an agent looked; shown as 10 at most.
    unread: int = 0
    messages: list[Message] = field(default_factory=list, repr=False)

    @property
    def contact(self) -> Contact:
        return self.contact_inbox.contact

    @property
    def inbox(self) -> Inbox:
        return self.contact_inbox.inbox

    @property
    def inbox_id(self) -> int:
        return self.contact_inbox.inbox.id

    @property
    def contact_id(self) -> int:
        return self.contact_inbox.contact.id


@dataclass(slots=True, kw_only=True, eq=False)
class Attachment:
    id: int
    message_id: int
    file_type: str
    blob: Blob
    meta: Json = field(default_factory=dict)
    #: What a place or a contact has instead of a file (chatwoot-api.md 3.4).
    shared: Json | None = None

    @property
    def data(self) -> bytes:
        return self.blob.data

    @property
    def filename(self) -> str:
        return self.blob.filename

    @property
    def mime(self) -> str:
        return self.blob.mime


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """`arrived` is `time.monotonic()` when the body of the creating request had been read."""

    id: int
    conversation: Conversation = field(repr=False)
    message_type: str
    content: str | None
    created_at: float
    updated_at: float
    sender: Author = None
    private: bool = False
    status: str = "sent"
    source_id: str | None = None
    content_type: str = "text"
    content_attributes: Json = field(default_factory=dict)
    additional_attributes: Json = field(default_factory=dict)
    attachments: list[Attachment] = field(default_factory=list)
    arrived: float | None = None

    @property
    def external_error(self) -> str | None:
        return self.content_attributes.get("external_error")


@dataclass(slots=True, kw_only=True, eq=False)
class Webhook:
    """A webhook of the account (not of an inbox)."""

    id: int
    url: str
    name: str | None
    subscriptions: list[str]
    secret: str = field(repr=False)


Author: TypeAlias = User | AgentBot | Contact | None
