"""Evolution API v2's bodies and answers (evolution-instance-typebot.md 1, 2)."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from bridge.clock import utc
from bridge.core.instance import Behaviour, Dialect, InboxConfig, InstanceOptions, Transport
from bridge.core.order import ChatwootOrder, InstanceOrder
from bridge.errors import Invalid
from bridge.relay.directory import Entry
from bridge.relay.instances import Created
from bridge.whatsapp.channel import Link

_FORBIDDEN = re.compile(r"[/\\?#\x00-\x1f\x7f]")
LONGEST_NAME = 255
SETTINGS = (
    "rejectCall",
    "msgCall",
    "groupsIgnore",
    "alwaysOnline",
    "readMessages",
    "readStatus",
    "syncFullHistory",
    "wavoipToken",
)
#: Stored and shown now, used by later parts of Ponte.
TRANSPORTS = ("webhook", "websocket", "rabbitmq", "nats", "sqs", "kafka")


def _account(value: Any) -> Any:
    """Evolution's schema wants text, its documentation a number: take both."""
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    return value


Account = Annotated[int, BeforeValidator(_account), Field(ge=1, le=2**62)]


class Settings(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    rejectCall: bool = False  # noqa: N815
    msgCall: str = ""  # noqa: N815
    groupsIgnore: bool = False  # noqa: N815
    alwaysOnline: bool = False  # noqa: N815
    readMessages: bool = False  # noqa: N815
    readStatus: bool = False  # noqa: N815
    syncFullHistory: bool = False  # noqa: N815
    wavoipToken: str = ""  # noqa: N815


class CreateInstance(Settings):
    """`POST /instance/create`."""

    model_config = ConfigDict(extra="allow", strict=True)

    instanceName: str = Field(max_length=LONGEST_NAME)  # noqa: N815
    integration: str = Field(default="WHATSAPP-BAILEYS", max_length=64)
    token: str | None = Field(
        default=None, max_length=4096, description="The Meta access token of the number."
    )
    number: str | None = Field(default=None, max_length=64, description="The phone number id.")
    businessId: str | None = Field(default=None, max_length=64)  # noqa: N815
    qrcode: bool = False
    appSecret: str | None = Field(  # noqa: N815
        default=None, max_length=255, description="Ponte: secret of this number's own Meta app."
    )
    verifyToken: str | None = Field(default=None, max_length=255)  # noqa: N815
    chatwootAccountId: Account | None = None  # noqa: N815
    chatwootToken: str | None = Field(default=None, max_length=255)  # noqa: N815
    chatwootUrl: str | None = Field(default=None, max_length=2048)  # noqa: N815
    chatwootSignMsg: bool = False  # noqa: N815
    chatwootReopenConversation: bool | None = None  # noqa: N815
    chatwootConversationPending: bool = False  # noqa: N815
    chatwootMergeBrazilContacts: bool = False  # noqa: N815
    chatwootImportContacts: bool = True  # noqa: N815
    chatwootImportMessages: bool = True  # noqa: N815
    chatwootDaysLimitImportMessages: int = Field(default=60, ge=0, le=36500)  # noqa: N815
    chatwootNameInbox: str | None = Field(default=None, max_length=255)  # noqa: N815
    chatwootOrganization: str | None = Field(default=None, max_length=255)  # noqa: N815
    chatwootLogo: str | None = Field(default=None, max_length=2048)  # noqa: N815
    chatwootAutoCreate: bool = True  # noqa: N815
    replaceWebhook: bool = Field(  # noqa: N815
        default=False, description="Ponte: take over an inbox that delivers elsewhere."
    )

    @field_validator("instanceName")
    @classmethod
    def _name(cls, name: str) -> str:
        name = name.strip()
        if not name:
            raise ValueError('The "instanceName" cannot be empty')
        if _FORBIDDEN.search(name):
            raise ValueError('The "instanceName" must not hold / \\ ? # or control characters')
        return name


class SetCredentials(BaseModel):
    """`POST /instance/credentials/{instance}`: Ponte's own, Evolution has none."""

    model_config = ConfigDict(extra="ignore", strict=True)

    token: str = Field(min_length=1, max_length=4096, description="The new Meta access token.")
    appSecret: str | None = Field(default=None, max_length=255)  # noqa: N815
    verifyToken: str | None = Field(default=None, max_length=255)  # noqa: N815


class SetChatwoot(BaseModel):
    """`POST /chatwoot/set/{instance}`."""

    model_config = ConfigDict(extra="allow", strict=True)

    enabled: bool = True
    accountId: Account  # noqa: N815
    token: str = Field(min_length=1, max_length=255)
    url: str = Field(min_length=1, max_length=2048)
    signMsg: bool = False  # noqa: N815
    signDelimiter: str | None = Field(default=None, max_length=64)  # noqa: N815
    nameInbox: str | None = Field(default=None, max_length=255)  # noqa: N815
    reopenConversation: bool | None = None  # noqa: N815
    conversationPending: bool = False  # noqa: N815
    mergeBrazilContacts: bool = False  # noqa: N815
    importContacts: bool = False  # noqa: N815
    importMessages: bool = False  # noqa: N815
    daysLimitImportMessages: int | None = Field(default=None, ge=0, le=36500)  # noqa: N815
    autoCreate: bool = True  # noqa: N815
    organization: str | None = Field(default=None, max_length=255)
    logo: str | None = Field(default=None, max_length=2048)
    ignoreJids: list[str] | None = Field(default=None, max_length=1000)  # noqa: N815
    number: str | None = Field(default=None, max_length=64)
    replaceWebhook: bool = False  # noqa: N815


def order(body: CreateInstance, *, reopen: bool) -> InstanceOrder:
    """Turn a body into a neutral order. `reopen`: the server's default. Raises `Invalid`."""
    extra = body.model_extra or {}
    options = InstanceOptions(
        behaviour=Behaviour(
            reject_call=body.rejectCall,
            msg_call=body.msgCall,
            groups_ignore=body.groupsIgnore,
            always_online=body.alwaysOnline,
            read_messages=body.readMessages,
            read_status=body.readStatus,
            sync_full_history=body.syncFullHistory,
            wavoip_token=body.wavoipToken,
        ),
        transports={name: Transport() for name in TRANSPORTS if name in extra},
    )
    return InstanceOrder(
        name=body.instanceName,
        dialect=Dialect.V2,
        integration=body.integration,
        token=body.token,
        number=body.number,
        business_id=body.businessId,
        app_secret=body.appSecret,
        verify_token=body.verifyToken,
        options=options,
        chatwoot=_chatwoot_of_create(body, reopen=reopen),
    )


def _chatwoot_of_create(body: CreateInstance, *, reopen: bool) -> ChatwootOrder | None:
    given = {
        "chatwootAccountId": body.chatwootAccountId,
        "chatwootToken": body.chatwootToken,
        "chatwootUrl": body.chatwootUrl,
    }
    present = [name for name, value in given.items() if value]
    if not present:
        return None
    missing = [name for name in given if name not in present]
    if missing:
        raise Invalid(
            *(f"{name} is required when {present[0]} is set" for name in missing),
            code="chatwoot.incomplete",
        )
    wanted = body.chatwootReopenConversation
    return ChatwootOrder(
        url=_url(body.chatwootUrl or ""),
        account_id=body.chatwootAccountId or 0,
        token=body.chatwootToken or "",
        sign_msg=body.chatwootSignMsg,
        reopen_conversation=reopen if wanted is None else wanted,
        conversation_pending=body.chatwootConversationPending,
        merge_brazil_contacts=body.chatwootMergeBrazilContacts,
        name_inbox=(body.chatwootNameInbox or "").strip() or None,
        organization=body.chatwootOrganization,
        logo=body.chatwootLogo,
        auto_create=body.chatwootAutoCreate,
        replace_webhook=body.replaceWebhook,
        options={
            "importContacts": body.chatwootImportContacts,
            "importMessages": body.chatwootImportMessages,
            "daysLimitImportMessages": body.chatwootDaysLimitImportMessages,
            "number": body.number,
        },
    )


def chatwoot_order(body: SetChatwoot, *, reopen: bool) -> ChatwootOrder:
    wanted = body.reopenConversation
    return ChatwootOrder(
        enabled=body.enabled,
        url=_url(body.url),
        account_id=body.accountId,
        token=body.token,
        sign_msg=body.signMsg,
        sign_delimiter=body.signDelimiter,
        reopen_conversation=reopen if wanted is None else wanted,
        conversation_pending=body.conversationPending,
        merge_brazil_contacts=body.mergeBrazilContacts,
        name_inbox=(body.nameInbox or "").strip() or None,
        organization=body.organization,
        logo=body.logo,
        auto_create=body.autoCreate,
        replace_webhook=body.replaceWebhook,
        options={
            "importContacts": body.importContacts,
            "importMessages": body.importMessages,
            "daysLimitImportMessages": body.daysLimitImportMessages,
            "ignoreJids": body.ignoreJids or [],
            "number": body.number,
        },
    )


def _url(url: str) -> str:
    """A base URL as it is stored: no slash at its end. Raises `Invalid`."""
    url = url.strip()
    if not re.match(r"https?://[^\s/?#@]+(/[^\s?#]*)?$", url):
        raise Invalid('Invalid "url" property in chatwoot', code="chatwoot.url")
    return url.rstrip("/")


def created(made: Created, *, webhook_meta: str, verify_token: str, hook: str) -> dict[str, Any]:
    """The answer of a create."""
    instance = made.entry.instance
    answer: dict[str, Any] = {
        "instance": {
            "instanceName": instance.name,
            "instanceId": instance.id,
            "integration": instance.integration,
            "webhookWaBusiness": webhook_meta,
            "accessTokenWaBusiness": verify_token,
            "status": made.link.state,
        },
        "hash": made.key,
        "webhook": {},
        "websocket": {},
        "rabbitmq": {},
        "nats": {},
        "sqs": {},
        "settings": _settings(instance.options.behaviour),
    }
    if made.entry.inbox is not None:
        answer["chatwoot"] = _chatwoot_of_answer(made.entry.inbox, hook)
    transports = instance.options.transports
    if transports:
        answer["notActive"] = sorted(transports)
    return answer


def _chatwoot_of_answer(inbox: InboxConfig, hook: str) -> dict[str, Any]:
    return {
        "enabled": inbox.enabled,
        "accountId": str(inbox.account_id),
        "token": MASK,
        "url": inbox.url,
        "signMsg": inbox.sign_msg,
        "reopenConversation": inbox.reopen_conversation,
        "conversationPending": inbox.conversation_pending,
        "mergeBrazilContacts": inbox.merge_brazil_contacts,
        "importContacts": inbox.options.get("importContacts"),
        "importMessages": inbox.options.get("importMessages"),
        "daysLimitImportMessages": inbox.options.get("daysLimitImportMessages"),
        "number": inbox.options.get("number"),
        "nameInbox": inbox.name_inbox,
        "webhookUrl": hook,
    }


#: What stands where Evolution shows other people's tokens.
MASK = "********"


def found_chatwoot(inbox: InboxConfig | None, hook: str) -> dict[str, Any]:
    """The answer of `GET /chatwoot/find/{instance}`."""
    if inbox is None:
        return {
            "enabled": False,
            "url": "",
            "accountId": "",
            "token": "",
            "signMsg": False,
            "nameInbox": "",
            "webhook_url": "",
        }
    return {
        "enabled": inbox.enabled,
        "accountId": str(inbox.account_id),
        "token": MASK,
        "url": inbox.url,
        "nameInbox": inbox.name_inbox,
        "signMsg": inbox.sign_msg,
        "signDelimiter": inbox.sign_delimiter,
        "reopenConversation": inbox.reopen_conversation,
        "conversationPending": inbox.conversation_pending,
        "mergeBrazilContacts": inbox.merge_brazil_contacts,
        "importContacts": inbox.options.get("importContacts", False),
        "importMessages": inbox.options.get("importMessages", False),
        "daysLimitImportMessages": inbox.options.get("daysLimitImportMessages"),
        "organization": inbox.organization,
        "logo": inbox.logo,
        "ignoreJids": inbox.options.get("ignoreJids", []),
        "inboxId": inbox.inbox_id,
        "webhook_url": hook,
    }


def row(entry: Entry, link: Link) -> dict[str, Any]:
    """One row of `GET /instance/fetchInstances`; tokens are masked."""
    instance = entry.instance
    return {
        "id": instance.id,
        "name": instance.name,
        "connectionStatus": link.state,
        "ownerJid": _jid(link.display_number),
        "profileName": link.profile_name,
        "profilePicUrl": None,
        "integration": instance.integration,
        "number": instance.number,
        "businessId": instance.business_id,
        "token": MASK,
        "clientName": "ponte",
        "disconnectionReasonCode": None,
        "disconnectionObject": link.reason,
        "disconnectionAt": None,
        "createdAt": utc(instance.created_at).isoformat(timespec="milliseconds"),
        "updatedAt": utc(instance.updated_at).isoformat(timespec="milliseconds"),
        "Chatwoot": found_chatwoot(entry.inbox, "") if entry.inbox else None,
        "Proxy": None,
        "Rabbitmq": None,
        "Nats": None,
        "Sqs": None,
        "Websocket": None,
        "Setting": _settings(instance.options.behaviour),
    }


def _jid(number: str | None) -> str | None:
    digits = "".join(filter(str.isdecimal, number or ""))
    return f"{digits}@s.whatsapp.net" if digits else None


def _settings(behaviour: Behaviour) -> dict[str, Any]:
    """The settings without the token of the calls provider."""
    return {
        "rejectCall": behaviour.reject_call,
        "msgCall": behaviour.msg_call,
        "groupsIgnore": behaviour.groups_ignore,
        "alwaysOnline": behaviour.always_online,
        "readMessages": behaviour.read_messages,
        "readStatus": behaviour.read_status,
        "syncFullHistory": behaviour.sync_full_history,
        "wavoipToken": MASK if behaviour.wavoip_token else "",
    }
