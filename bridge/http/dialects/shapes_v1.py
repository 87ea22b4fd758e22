"""What Evolution v1 and L2MSG answer, key by key (evolution-instance-typebot.md 1.3, 2.1, 3)."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from bridge.http.dialects.shapes import Enabled, Notes, Qrcode


class ApiKeyV1(TypedDict):
    """The key in clear: it is shown this once."""

    apikey: str


class SettingsV1(TypedDict):
    reject_call: bool
    msg_call: str
    groups_ignore: bool
    always_online: bool
    read_messages: bool
    read_status: bool
    sync_full_history: bool


class InstanceSettingsV1(TypedDict):
    instanceName: str
    settings: SettingsV1


class SettingsSetV1(Notes):
    settings: InstanceSettingsV1


class CreatedInstanceV1(TypedDict):
    instanceName: str
    instanceId: str
    integration: NotRequired[str]
    webhook_wa_business: str | None
    access_token_wa_business: str
    status: str


class CreatedWebhookV1(TypedDict):
    webhook: str
    webhook_by_events: bool
    webhook_base64: bool
    events: list[str]


class TransportV1(TypedDict):
    enabled: bool
    events: list[str]


class CreatedBotV1(TypedDict):
    enabled: bool
    url: str
    typebot: str
    expire: int | None
    keyword_finish: str | None
    delay_message: int | None
    unknown_message: str | None
    listening_from_me: bool | None


class CreatedChatwootV1(TypedDict):
    enabled: bool
    account_id: int
    token: str
    url: str
    sign_msg: bool
    reopen_conversation: bool
    conversation_pending: bool
    merge_brazil_contacts: bool
    import_contacts: bool
    import_messages: bool
    days_limit_import_messages: int | None
    number: str | None
    name_inbox: str
    webhook_url: str


class CreatedV1(Notes):
    """1.5 to 1.8."""

    instance: CreatedInstanceV1
    hash: ApiKeyV1
    settings: SettingsV1
    webhook: CreatedWebhookV1
    websocket: TransportV1
    rabbitmq: TransportV1
    sqs: TransportV1
    typebot: CreatedBotV1 | Enabled
    qrcode: NotRequired[Qrcode]
    chatwoot: NotRequired[CreatedChatwootV1]


class LegacyInstance(TypedDict):
    instanceName: str
    instanceId: str
    status: str


class LegacyQrcode(TypedDict):
    code: str
    base64: str


class LegacyChatwoot(TypedDict):
    enabled: bool
    account_id: int
    token: str
    url: str
    sign_msg: bool
    name_inbox: str
    webhook_url: str


class LegacyCreated(Notes):
    """1.0 to 1.4: the webhook stands at the top."""

    instance: LegacyInstance
    hash: ApiKeyV1
    settings: SettingsV1
    webhook: str
    webhook_by_events: bool
    events: list[str]
    qrcode: NotRequired[LegacyQrcode]
    chatwoot: NotRequired[LegacyChatwoot]


class L2Created(Notes):
    """The snake_case sample of L2MSG; the optional sections are there when they were asked for."""

    instance: CreatedInstanceV1
    hash: ApiKeyV1
    settings: SettingsV1
    webhook: NotRequired[CreatedWebhookV1]
    qrcode: NotRequired[Qrcode]
    chatwoot: NotRequired[CreatedChatwootV1]


class WebhookV1(TypedDict):
    enabled: bool
    url: str
    events: list[str]
    webhook_by_events: bool
    webhook_base64: bool
    headers: NotRequired[dict[str, str]]


class InstanceWebhookV1(TypedDict):
    instanceName: str
    webhook: WebhookV1


class WebhookSetV1(Notes):
    webhook: InstanceWebhookV1


class ProxyFieldsV1(TypedDict):
    host: str
    port: str
    protocol: str
    username: str | None
    password: str | None


class ProxyFoundV1(TypedDict):
    enabled: bool
    proxy: ProxyFieldsV1 | None


class InstanceProxyV1(TypedDict):
    instanceName: str
    proxy: ProxyFoundV1


class ProxySetV1(Notes):
    proxy: InstanceProxyV1


class ChatwootUnsetV1(TypedDict):
    """All there is while nothing is configured."""

    enabled: bool
    url: str
    account_id: str
    token: str
    sign_msg: bool
    name_inbox: str
    webhook_url: str


class ChatwootFoundV1(TypedDict):
    enabled: bool
    account_id: int
    token: str
    url: str
    name_inbox: str
    sign_msg: bool
    sign_delimiter: str | None
    #: Ours.
    sign_template: str | None
    sign_on_change: bool
    sign_bots: bool
    language: str | None
    reopen_conversation: bool
    conversation_pending: bool
    #: Ours.
    conversation_rules: list[dict[str, Any]]
    merge_brazil_contacts: bool
    import_contacts: bool
    import_messages: bool
    days_limit_import_messages: int | None
    organization: str | None
    logo: str | None
    auto_create: bool
    ignore_jids: list[str]
    number: str | None
    inbox_id: int | None
    webhook_url: str


class ChatwootSetV1(ChatwootFoundV1, Notes):
    pass


class RowIntegrationV1(TypedDict):
    integration: str
    token: str | None
    webhook_wa_business: str | None


class RowInstanceV1(TypedDict):
    instanceName: str
    instanceId: str
    owner: str | None
    profileName: str | None
    profilePictureUrl: str | None
    profileStatus: str | None
    status: str
    serverUrl: str
    apikey: str
    chatwoot: ChatwootFoundV1 | ChatwootUnsetV1
    integration: RowIntegrationV1


class RowV1(TypedDict):
    """One instance of `fetchInstances`."""

    instance: RowInstanceV1


#: `{rabbitmq: {instanceName, rabbitmq: {enabled, events}}}`: the names are those of the transport.
TransportSetV1 = dict[str, Any]
