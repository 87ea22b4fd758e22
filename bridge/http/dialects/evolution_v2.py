"""Evolution API v2's answers.

Source: evolution-instance-typebot.md 1.3, 2.1 and 3; evolution-chatwoot.md 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.core.instance import (
    Behaviour,
    InboxConfig,
    InstanceConfig,
    Proxy,
    Transport,
    Webhook,
)
from bridge.core.masking import MASK, SECRET_EXTRAS, masked, masked_headers, masked_proxy
from bridge.core.typebot import Bot
from bridge.http.dialects import shapes_v2 as shapes
from bridge.http.dialects import views
from bridge.http.dialects.shapes import Empty, Enabled
from bridge.http.dialects.views import Addresses, View
from bridge.relay.instances import Created


class EvolutionV2:
    """Camel case; a row where something is stored, null where nothing is."""

    def created(self, made: Created, addresses: Addresses, *, qrcode: bool) -> shapes.CreatedV2:
        instance, inbox = made.entry.instance, made.entry.inbox
        options = instance.options
        answer: shapes.CreatedV2 = {
            "instance": {
                "instanceName": instance.name,
                "instanceId": instance.id,
                "integration": instance.integration,
                "webhookWaBusiness": addresses.meta(instance),
                "accessTokenWaBusiness": addresses.meta_token(instance),
                "status": made.connection.state,
            },
            "hash": made.key,
            "webhook": _created_webhook(options.webhook),
            "websocket": _enabled(options.transports.get("websocket")),
            "rabbitmq": _enabled(options.transports.get("rabbitmq")),
            "nats": _enabled(options.transports.get("nats")),
            "sqs": _enabled(options.transports.get("sqs")),
            "kafka": _enabled(options.transports.get("kafka")),
            "pusher": _enabled(options.transports.get("pusher")),
            "settings": _settings(options.behaviour),
        }
        if made.bot is not None:
            answer["typebot"] = _created_bot(made.bot)
        if qrcode or made.qr is not None:
            answer["qrcode"] = views.qrcode(made.qr)
        if inbox is not None:
            answer["chatwoot"] = _created_chatwoot(inbox, addresses.hook(instance))
        views.tell(answer, (one.name for one in made.not_active), made.warnings)
        return answer

    def row(self, view: View) -> shapes.RowV2:
        instance, inbox, connection = view.entry.instance, view.entry.inbox, view.connection
        return {
            "id": instance.id,
            "name": instance.name,
            "connectionStatus": connection.state,
            "ownerJid": view.owner_jid,
            "profileName": view.profile_name,
            "profilePicUrl": view.picture_url,
            "integration": instance.integration,
            "number": instance.number,
            "businessId": instance.business_id,
            "token": view.shown(instance.token) or MASK,
            "clientName": "ponte",
            "disconnectionReasonCode": connection.code,
            "disconnectionObject": connection.reason,
            "disconnectionAt": (
                None if connection.closed_at is None else views.moment(connection.closed_at)
            ),
            "createdAt": views.moment(instance.created_at),
            "updatedAt": views.moment(instance.updated_at),
            "Chatwoot": None if inbox is None else _chatwoot_row(view, inbox),
            "Proxy": _proxy_row(instance, view.shown_proxy()),
            "Rabbitmq": self.transport_found("rabbitmq", instance),
            "Nats": self.transport_found("nats", instance),
            "Sqs": self.transport_found("sqs", instance),
            "Websocket": self.transport_found("websocket", instance),
            "Setting": {**_settings(instance.options.behaviour), **_stored(instance, "setting")},
            # What Evolution keeps in tables of its own is Chatwoot's here.
            "_count": {"Message": 0, "Contact": 0, "Chat": 0},
        }

    def rows(self, found: Sequence[View], *, single: bool) -> list[shapes.RowV2]:  # noqa: ARG002
        return [self.row(view) for view in found]

    def settings_set(self, instance: InstanceConfig) -> shapes.SettingsSetV2:
        settings = _settings(instance.options.behaviour)
        return {"settings": {"instanceName": instance.name, "settings": settings}}

    def settings_found(self, instance: InstanceConfig) -> shapes.SettingsV2:
        return _settings(instance.options.behaviour)

    def proxy_set(self, instance: InstanceConfig) -> shapes.ProxySetV2:
        proxy = instance.options.proxy
        shown = _proxy(masked_proxy(proxy)) if proxy else _NO_PROXY
        return {"proxy": {"instanceName": instance.name, "proxy": shown}}

    def proxy_found(self, instance: InstanceConfig) -> shapes.ProxyRowV2 | None:
        proxy = instance.options.proxy
        return _proxy_row(instance, masked_proxy(proxy) if proxy else None)

    def webhook_set(self, instance: InstanceConfig) -> shapes.WebhookRowV2 | None:
        return self.webhook_found(instance)

    def webhook_found(self, instance: InstanceConfig) -> shapes.WebhookRowV2 | None:
        webhook = instance.options.webhook
        if webhook is None:
            return None
        row: shapes.WebhookRowV2 = {
            **_stored(instance, "webhook"),
            "url": webhook.url,
            "headers": masked_headers(webhook.headers) or None,
            "enabled": webhook.enabled,
            "events": views.subscribed(webhook.events, enabled=webhook.enabled),
            "webhookByEvents": webhook.by_events,
            "webhookBase64": webhook.base64,
        }
        return row

    def transport_set(self, name: str, instance: InstanceConfig) -> shapes.TransportRowV2 | None:
        return self.transport_found(name, instance)

    def transport_found(self, name: str, instance: InstanceConfig) -> shapes.TransportRowV2 | None:
        transport = instance.options.transports.get(name)
        if transport is None:
            return None
        row: shapes.TransportRowV2 = {
            **_stored(instance, name),
            "enabled": transport.enabled,
            "events": views.subscribed(transport.events, enabled=transport.enabled),
        }
        for key, value in transport.extra.items():
            row[key] = masked(value) if key in SECRET_EXTRAS else value  # type: ignore[literal-required]
        return row

    def chatwoot(
        self, inbox: InboxConfig | None, hook: str
    ) -> shapes.ChatwootFoundV2 | shapes.ChatwootUnsetV2:
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
        return {**_chatwoot(inbox, MASK), "webhook_url": hook}


_NO_PROXY: shapes.ProxyFieldsV2 = {
    "enabled": False,
    "host": "",
    "port": "",
    "protocol": "",
    "username": "",
    "password": "",
}


def _settings(behaviour: Behaviour) -> shapes.SettingsV2:
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


def _stored(instance: InstanceConfig, what: str) -> shapes.StoredV2:
    """What is stored is one document of the instance; each part has an id that stays the same."""
    return {
        "id": f"{instance.id}-{what}",
        "createdAt": views.moment(instance.created_at),
        "updatedAt": views.moment(instance.updated_at),
        "instanceId": instance.id,
    }


def _created_webhook(webhook: Webhook | None) -> shapes.CreatedWebhookV2 | Empty:
    if webhook is None:
        return {}
    return {
        "webhookUrl": webhook.url,
        "webhookHeaders": masked_headers(webhook.headers),
        "webhookByEvents": webhook.by_events,
        "webhookBase64": webhook.base64,
    }


def _enabled(transport: Transport | None) -> Enabled | Empty:
    return {} if transport is None else {"enabled": transport.enabled}


def _created_bot(bot: Bot) -> shapes.CreatedBotV2:
    return {
        "enabled": bot.enabled,
        "url": bot.url,
        "typebot": bot.typebot,
        "expire": bot.expire,
        "keywordFinish": bot.keyword_finish,
        "delayMessage": bot.delay_message,
        "unknownMessage": bot.unknown_message,
        "listeningFromMe": bot.listening_from_me,
    }


def _created_chatwoot(inbox: InboxConfig, hook: str) -> shapes.CreatedChatwootV2:
    return {
        "enabled": inbox.enabled,
        "accountId": str(inbox.account_id),
        "token": MASK,
        "url": inbox.url,
        "signMsg": inbox.sign_msg,
        "reopenConversation": inbox.reopen_conversation,
        "conversationPending": inbox.conversation_pending,
        "mergeBrazilContacts": inbox.merge_brazil_contacts,
        "importContacts": bool(inbox.options.get("importContacts")),
        "importMessages": bool(inbox.options.get("importMessages")),
        "daysLimitImportMessages": inbox.options.get("daysLimitImportMessages"),
        "number": inbox.options.get("number"),
        "nameInbox": inbox.name_inbox,
        "webhookUrl": hook,
    }


def _chatwoot(inbox: InboxConfig, token: str) -> shapes.ChatwootFieldsV2:
    return {
        "enabled": inbox.enabled,
        "accountId": str(inbox.account_id),
        "token": token,
        "url": inbox.url,
        "nameInbox": inbox.name_inbox,
        "signMsg": inbox.sign_msg,
        "signDelimiter": inbox.sign_delimiter,
        "signTemplate": inbox.options.get("signTemplate") or None,
        "signOnChange": bool(inbox.options.get("signOnChange")),
        "signBots": bool(inbox.options.get("signBots")),
        "language": inbox.options.get("language") or None,
        "reopenConversation": inbox.reopen_conversation,
        "conversationPending": inbox.conversation_pending,
        "conversationRules": list(inbox.options.get("conversationRules") or []),
        "mergeBrazilContacts": inbox.merge_brazil_contacts,
        "importContacts": bool(inbox.options.get("importContacts")),
        "importMessages": bool(inbox.options.get("importMessages")),
        "daysLimitImportMessages": inbox.options.get("daysLimitImportMessages"),
        "organization": inbox.organization,
        "logo": inbox.logo,
        "autoCreate": inbox.auto_create,
        "ignoreJids": list(inbox.options.get("ignoreJids") or []),
        "number": inbox.options.get("number"),
        "inboxId": inbox.inbox_id,
    }


def _chatwoot_row(view: View, inbox: InboxConfig) -> shapes.ChatwootRowV2:
    token = view.shown(inbox.token) or ""
    return {**_chatwoot(inbox, token), **_stored(view.entry.instance, "chatwoot")}


def _proxy(proxy: Proxy) -> shapes.ProxyFieldsV2:
    return {
        "enabled": True,
        "host": proxy.host,
        "port": str(proxy.port),
        "protocol": proxy.protocol,
        "username": proxy.username,
        "password": proxy.password,
    }


def _proxy_row(instance: InstanceConfig, proxy: Proxy | None) -> shapes.ProxyRowV2 | None:
    return None if proxy is None else {**_proxy(proxy), **_stored(instance, "proxy")}
