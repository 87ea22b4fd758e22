"""What Evolution API v2 answers, key by key (evolution-instance-typebot.md 1.3, 2.1, 3.1, 3.2)."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from bridge.http.dialects.shapes import Empty, Enabled, Notes, Qrcode


class SettingsV2(TypedDict):
    rejectCall: bool
    msgCall: str
    groupsIgnore: bool
    alwaysOnline: bool
    readMessages: bool
    readStatus: bool
    syncFullHistory: bool
    wavoipToken: str


class InstanceSettingsV2(TypedDict):
    instanceName: str
    settings: SettingsV2


class SettingsSetV2(Notes):
    settings: InstanceSettingsV2


class CreatedInstanceV2(TypedDict):
    instanceName: str
    instanceId: str
    integration: str
    webhookWaBusiness: str | None
    accessTokenWaBusiness: str
    status: str


class CreatedWebhookV2(TypedDict):
    webhookUrl: str
    webhookHeaders: dict[str, str]
    webhookByEvents: bool
    webhookBase64: bool


class CreatedBotV2(TypedDict):
    enabled: bool
    url: str
    typebot: str
    expire: int | None
    keywordFinish: str | None
    delayMessage: int | None
    unknownMessage: str | None
    listeningFromMe: bool | None


class CreatedChatwootV2(TypedDict):
    enabled: bool
    accountId: str
    token: str
    url: str
    signMsg: bool
    reopenConversation: bool
    conversationPending: bool
    mergeBrazilContacts: bool
    importContacts: bool
    importMessages: bool
    daysLimitImportMessages: int | None
    number: str | None
    nameInbox: str
    webhookUrl: str


class CreatedV2(Notes):
    instance: CreatedInstanceV2
    hash: str
    webhook: CreatedWebhookV2 | Empty
    websocket: Enabled | Empty
    rabbitmq: Enabled | Empty
    nats: Enabled | Empty
    sqs: Enabled | Empty
    kafka: Enabled | Empty
    pusher: Enabled | Empty
    settings: SettingsV2
    typebot: NotRequired[CreatedBotV2]
    qrcode: NotRequired[Qrcode]
    chatwoot: NotRequired[CreatedChatwootV2]


class StoredV2(TypedDict):
    """What every stored row of Evolution carries."""

    id: str
    createdAt: str
    updatedAt: str
    instanceId: str


class SettingRowV2(SettingsV2, StoredV2):
    pass


class WebhookRowV2(StoredV2):
    url: str
    headers: dict[str, str] | None
    enabled: bool
    events: list[str]
    webhookByEvents: bool
    webhookBase64: bool


class WebhookSetV2(WebhookRowV2, Notes):
    pass


class TransportRowV2(StoredV2):
    """Pusher's has its app beside: `appId, key, secret, cluster, useTLS`."""

    enabled: bool
    events: list[str]


class TransportSetV2(TransportRowV2, Notes):
    pass


class ProxyFieldsV2(TypedDict):
    enabled: bool
    host: str
    port: str
    protocol: str
    username: str | None
    password: str | None


class ProxyRowV2(ProxyFieldsV2, StoredV2):
    pass


class InstanceProxyV2(TypedDict):
    instanceName: str
    proxy: ProxyFieldsV2


class ProxySetV2(Notes):
    proxy: InstanceProxyV2


class ChatwootUnsetV2(TypedDict):
    """All there is while nothing is configured (evolution-chatwoot.md 1.3)."""

    enabled: bool
    url: str
    accountId: str
    token: str
    signMsg: bool
    nameInbox: str
    webhook_url: str


class ChatwootFieldsV2(TypedDict):
    enabled: bool
    accountId: str
    token: str
    url: str
    nameInbox: str
    signMsg: bool
    signDelimiter: str | None
    #: Ours.
    signTemplate: str | None
    signOnChange: bool
    signBots: bool
    language: str | None
    reopenConversation: bool
    conversationPending: bool
    #: Ours.
    conversationRules: list[dict[str, Any]]
    mergeBrazilContacts: bool
    importContacts: bool
    importMessages: bool
    daysLimitImportMessages: int | None
    organization: str | None
    logo: str | None
    autoCreate: bool
    ignoreJids: list[str]
    number: str | None
    #: Ours.
    inboxId: int | None


class ChatwootFoundV2(ChatwootFieldsV2):
    webhook_url: str


class ChatwootSetV2(ChatwootFoundV2, Notes):
    pass


class ChatwootRowV2(ChatwootFieldsV2, StoredV2):
    pass


class RowCountsV2(TypedDict):
    Message: int
    Contact: int
    Chat: int


class RowV2(TypedDict):
    id: str
    name: str
    connectionStatus: str
    ownerJid: str | None
    profileName: str | None
    profilePicUrl: str | None
    integration: str
    number: str | None
    businessId: str | None
    token: str | None
    clientName: str
    disconnectionReasonCode: int | None
    disconnectionObject: str | None
    disconnectionAt: str | None
    createdAt: str
    updatedAt: str
    Chatwoot: ChatwootRowV2 | None
    Proxy: ProxyRowV2 | None
    Rabbitmq: TransportRowV2 | None
    Nats: TransportRowV2 | None
    Sqs: TransportRowV2 | None
    Websocket: TransportRowV2 | None
    Setting: SettingRowV2
    _count: RowCountsV2
