"""An instance (a connected number) and its Chatwoot inbox, as the rest of the house uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias

BAILEYS = "WHATSAPP-BAILEYS"
BUSINESS = "WHATSAPP-BUSINESS"
#: The source_ids of our bot contacts begin so; people's never do.
BOT_SOURCE = "ponte-"


class Dialect(StrEnum):
    """The API in which somebody speaks to us (evolution-instance-typebot.md 1.3)."""

    V1_LEGACY = "v1-legacy"
    V1 = "v1"
    V2 = "v2"
    L2 = "l2"
    Z_API = "z-api"


#: The transports that are switched on by a flag and a list of events.
TRANSPORTS = ("websocket", "rabbitmq", "sqs", "nats", "kafka", "pusher")

ProxyProtocol: TypeAlias = Literal["http", "https", "socks5"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How the number behaves by itself (table 1.1, "Behaviour settings")."""

    reject_call: bool = False
    msg_call: str = ""
    groups_ignore: bool = False
    always_online: bool = False
    read_messages: bool = False
    read_status: bool = False
    sync_full_history: bool = False
    wavoip_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where events go. `events` as they were given, upper-snake; empty: all of them."""

    enabled: bool = True
    url: str = field(default="", repr=False)
    by_events: bool = False
    base64: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """One of `TRANSPORTS`; `extra` holds what only one of them has (Pusher's credentials)."""

    enabled: bool = True
    events: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """The way out of a channel. `host` is a name or address, without brackets."""

    host: str
    port: int
    protocol: ProxyProtocol = "http"
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceOptions:
    """What may be changed at any time; stored as one sealed JSON document.

    `callbacks` are Z-API's addresses by its own names (``received``, ``messageStatus`` ...).
    `extra` is what somebody sent and we only keep and show.
    """

    behaviour: Behaviour = field(default_factory=Behaviour)
    webhook: Webhook | None = None
    transports: Mapping[str, Transport] = field(default_factory=dict)
    proxy: Proxy | None = None
    callbacks: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: The name of this device on the phone's list of connected devices; None: our own.
    device_name: str | None = None
    #: An agent's message fails visibly, instead of waiting, while the number is disconnected.
    fail_when_disconnected: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceConfig:
    """One connected number. Secrets do not show in its repr."""

    id: str
    name: str
    integration: str
    key_hash: str = field(repr=False)
    #: The key before a rotation; it opens the instance too until it is dropped.
    old_key_hash: str | None = field(default=None, repr=False)
    number: str | None
    business_id: str | None
    token: str | None = field(repr=False)
    app_secret: str | None = field(repr=False, default=None)
    verify_token: str | None = field(repr=False, default=None)
    dialect: Dialect = Dialect.V2
    #: False while it is being created; such a one is seen by nobody and undone after a crash.
    ready: bool = True
    #: Until when its flows are silent (ms); 0: until they are resumed; None: they are not.
    bots_paused_until: int | None = None
    options: InstanceOptions = field(default_factory=InstanceOptions)
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxConfig:
    """The Chatwoot side of an instance. `inbox_id` is None until it has been provisioned."""

    instance_id: str
    enabled: bool
    url: str
    account_id: int
    token: str = field(repr=False)
    sign_msg: bool
    sign_delimiter: str | None
    reopen_conversation: bool
    conversation_pending: bool
    merge_brazil_contacts: bool
    name_inbox: str
    organization: str | None
    logo: str | None
    auto_create: bool
    options: dict[str, Any] = field(default_factory=dict)
    hook: str = field(repr=False)
    inbox_id: int | None
    inbox_identifier: str | None
    signing_secret: str | None = field(repr=False, default=None)
    made_by_us: bool
    lock_to_single: bool
    bot_contact_id: int | None
    bot_conversation_id: int | None
    provisioned_at: int | None
    updated_at: int
    #: What Chatwoot told of inbox and account when last asked: `locale` (of the account), `name`
    #: (of the inbox), `timezone`, `working_hours_enabled`, `working_hours`,
    #: `enable_auto_assignment`.
    told: dict[str, Any] = field(default_factory=dict)
    #: Chatwoot's agent bot as which flows speak, and whether we attached it to the inbox.
    agent_bot_id: int | None = None
    agent_bot_attached: bool = False

    @property
    def scope(self) -> str:
        """People are known per Chatwoot account: equal keys in two accounts are two contacts."""
        return f"{self.url}#{self.account_id}"

    @property
    def bot_source(self) -> str:
        """The source_id of the bot contact's contact inbox."""
        return f"{BOT_SOURCE}{self.hook[:16]}"

    def is_bots(self, conversation_id: int, source_id: str | None) -> bool:
        """Whether a conversation is the bot's, whomever its contact was merged with by now.

        Where Chatwoot does not tell the source_id it is known by its own id.
        """
        if source_id is not None:
            return source_id == self.bot_source
        return conversation_id == self.bot_conversation_id

    def predates(self, moment: int) -> bool:
        """True for what came (ms) before this inbox was set up: its ids belong to another one.

        Chatwoot's times are whole seconds.
        """
        return self.provisioned_at is not None and moment + 999 < self.provisioned_at
