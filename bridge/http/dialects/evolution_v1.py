"""Evolution API v1's answers: 1.5 to 1.8, and 1.0 to 1.4.

Source: evolution-instance-typebot.md 1.3, 2.1 and 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.core.instance import Behaviour, InboxConfig, InstanceConfig, Proxy, Transport, Webhook
from bridge.core.masking import MASK, masked_headers, masked_proxy
from bridge.core.typebot import Bot
from bridge.http.dialects import shapes_v1 as shapes
from bridge.http.dialects import views
from bridge.http.dialects.shapes import Enabled
from bridge.http.dialects.views import Addresses, View
from bridge.relay.instances import Created


class EvolutionV1:
    """1.5 to 1.8: snake case, sections, and defaults where nothing is stored."""

    def created(self, made: Created, addresses: Addresses, *, qrcode: bool) -> shapes.CreatedV1:
        instance, inbox = made.entry.instance, made.entry.inbox
        options = instance.options
        answer: shapes.CreatedV1 = {
            "instance": {
                "instanceName": instance.name,
                "instanceId": instance.id,
                "integration": instance.integration,
                "webhook_wa_business": addresses.meta(instance),
                "access_token_wa_business": addresses.meta_token(instance),
                "status": "created",
            },
            "hash": {"apikey": made.key},
            "settings": settings(options.behaviour),
            "webhook": created_webhook(options.webhook),
            "websocket": _transport(options.transports.get("websocket")),
            "rabbitmq": _transport(options.transports.get("rabbitmq")),
            "sqs": _transport(options.transports.get("sqs")),
            "typebot": _created_bot(made.bot),
        }
        if qrcode or made.qr is not None:
            answer["qrcode"] = views.qrcode(made.qr)
        if inbox is not None:
            answer["chatwoot"] = created_chatwoot(inbox, addresses.hook(instance))
        views.tell(answer, (one.name for one in made.not_active), made.warnings)
        return answer

    def row(self, view: View) -> shapes.RowV1:
        instance, inbox, connection = view.entry.instance, view.entry.inbox, view.connection
        hook = view.addresses.hook(instance)
        token = view.shown(inbox.token) if inbox else None
        return {
            "instance": {
                "instanceName": instance.name,
                "instanceId": instance.id,
                "owner": view.owner_jid,
                "profileName": view.profile_name,
                "profilePictureUrl": view.picture_url,
                "profileStatus": None,
                "status": connection.state,
                "serverUrl": view.addresses.server,
                "apikey": MASK,
                "chatwoot": _chatwoot(inbox, token or "", hook),
                "integration": {
                    "integration": instance.integration,
                    "token": view.shown(instance.token),
                    "webhook_wa_business": view.addresses.meta(instance),
                },
            }
        }

    def rows(self, found: Sequence[View], *, single: bool) -> list[shapes.RowV1] | shapes.RowV1:
        """Answer with the one row itself, as v1 does to the global key that names it (2.1)."""
        if single and len(found) == 1:
            return self.row(found[0])
        return [self.row(view) for view in found]

    def settings_set(self, instance: InstanceConfig) -> shapes.SettingsSetV1:
        stored = settings(instance.options.behaviour)
        return {"settings": {"instanceName": instance.name, "settings": stored}}

    def settings_found(self, instance: InstanceConfig) -> shapes.SettingsV1:
        return settings(instance.options.behaviour)

    def proxy_set(self, instance: InstanceConfig) -> shapes.ProxySetV1:
        return {"proxy": {"instanceName": instance.name, "proxy": self.proxy_found(instance)}}

    def proxy_found(self, instance: InstanceConfig) -> shapes.ProxyFoundV1:
        proxy = instance.options.proxy
        if proxy is None:
            return {"enabled": False, "proxy": None}
        return {"enabled": True, "proxy": _proxy(masked_proxy(proxy))}

    def webhook_set(self, instance: InstanceConfig) -> shapes.WebhookSetV1:
        stored = self.webhook_found(instance)
        return {"webhook": {"instanceName": instance.name, "webhook": stored}}

    def webhook_found(self, instance: InstanceConfig) -> shapes.WebhookV1:
        webhook = instance.options.webhook or Webhook(enabled=False)
        found: shapes.WebhookV1 = {
            "enabled": webhook.enabled,
            "url": webhook.url,
            "events": views.subscribed(webhook.events, enabled=webhook.enabled),
            "webhook_by_events": webhook.by_events,
            "webhook_base64": webhook.base64,
        }
        if webhook.headers:
            found["headers"] = masked_headers(webhook.headers)
        return found

    def transport_set(self, name: str, instance: InstanceConfig) -> shapes.TransportSetV1:
        return {name: {"instanceName": instance.name, name: self.transport_found(name, instance)}}

    def transport_found(self, name: str, instance: InstanceConfig) -> shapes.TransportV1:
        return _transport(instance.options.transports.get(name))

    def chatwoot(
        self, inbox: InboxConfig | None, hook: str
    ) -> shapes.ChatwootFoundV1 | shapes.ChatwootUnsetV1:
        return _chatwoot(inbox, MASK, hook)


class EvolutionV1Legacy(EvolutionV1):
    """1.0 to 1.4: a create answers with the webhook at the top, the rest is alike."""

    def created(  # type: ignore[override]  # the same answer, in the form of its time
        self, made: Created, addresses: Addresses, *, qrcode: bool
    ) -> shapes.LegacyCreated:
        """Answer with every key of each documented sample, whichever of them was asked for."""
        instance, inbox = made.entry.instance, made.entry.inbox
        webhook = instance.options.webhook or Webhook()
        answer: shapes.LegacyCreated = {
            "instance": {
                "instanceName": instance.name,
                "instanceId": instance.id,
                "status": "created",
            },
            "hash": {"apikey": made.key},
            "settings": settings(instance.options.behaviour),
            "webhook": webhook.url,
            "webhook_by_events": webhook.by_events,
            "events": list(webhook.events),
        }
        if qrcode or made.qr is not None:
            shown = views.qrcode(made.qr)
            answer["qrcode"] = {"code": shown["code"], "base64": shown["base64"]}
        if inbox is not None:
            answer["chatwoot"] = {
                "enabled": inbox.enabled,
                "account_id": inbox.account_id,
                "token": MASK,
                "url": inbox.url,
                "sign_msg": inbox.sign_msg,
                "name_inbox": inbox.name_inbox,
                "webhook_url": addresses.hook(instance),
            }
        views.tell(answer, (one.name for one in made.not_active), made.warnings)
        return answer


def settings(behaviour: Behaviour) -> shapes.SettingsV1:
    return {
        "reject_call": behaviour.reject_call,
        "msg_call": behaviour.msg_call,
        "groups_ignore": behaviour.groups_ignore,
        "always_online": behaviour.always_online,
        "read_messages": behaviour.read_messages,
        "read_status": behaviour.read_status,
        "sync_full_history": behaviour.sync_full_history,
    }


def created_webhook(webhook: Webhook | None) -> shapes.CreatedWebhookV1:
    webhook = webhook or Webhook(enabled=False)
    return {
        "webhook": webhook.url,
        "webhook_by_events": webhook.by_events,
        "webhook_base64": webhook.base64,
        "events": views.subscribed(webhook.events, enabled=webhook.enabled),
    }


def created_chatwoot(inbox: InboxConfig, hook: str) -> shapes.CreatedChatwootV1:
    return {
        "enabled": inbox.enabled,
        "account_id": inbox.account_id,
        "token": MASK,
        "url": inbox.url,
        "sign_msg": inbox.sign_msg,
        "reopen_conversation": inbox.reopen_conversation,
        "conversation_pending": inbox.conversation_pending,
        "merge_brazil_contacts": inbox.merge_brazil_contacts,
        "import_contacts": bool(inbox.options.get("importContacts")),
        "import_messages": bool(inbox.options.get("importMessages")),
        "days_limit_import_messages": inbox.options.get("daysLimitImportMessages"),
        "number": inbox.options.get("number"),
        "name_inbox": inbox.name_inbox,
        "webhook_url": hook,
    }


def _transport(transport: Transport | None) -> shapes.TransportV1:
    if transport is None:
        return {"enabled": False, "events": []}
    events = views.subscribed(transport.events, enabled=transport.enabled)
    return {"enabled": transport.enabled, "events": events}


def _created_bot(bot: Bot | None) -> shapes.CreatedBotV1 | Enabled:
    if bot is None:
        return {"enabled": False}
    return {
        "enabled": bot.enabled,
        "url": bot.url,
        "typebot": bot.typebot,
        "expire": bot.expire,
        "keyword_finish": bot.keyword_finish,
        "delay_message": bot.delay_message,
        "unknown_message": bot.unknown_message,
        "listening_from_me": bot.listening_from_me,
    }


def _proxy(proxy: Proxy) -> shapes.ProxyFieldsV1:
    return {
        "host": proxy.host,
        "port": str(proxy.port),
        "protocol": proxy.protocol,
        "username": proxy.username,
        "password": proxy.password,
    }


def _chatwoot(
    inbox: InboxConfig | None, token: str, hook: str
) -> shapes.ChatwootFoundV1 | shapes.ChatwootUnsetV1:
    if inbox is None:
        return {
            "enabled": False,
            "url": "",
            "account_id": "",
            "token": "",
            "sign_msg": False,
            "name_inbox": "",
            "webhook_url": "",
        }
    return {
        "enabled": inbox.enabled,
        "account_id": inbox.account_id,
        "token": token,
        "url": inbox.url,
        "name_inbox": inbox.name_inbox,
        "sign_msg": inbox.sign_msg,
        "sign_delimiter": inbox.sign_delimiter,
        "sign_template": inbox.options.get("signTemplate") or None,
        "sign_on_change": bool(inbox.options.get("signOnChange")),
        "sign_bots": bool(inbox.options.get("signBots")),
        "language": inbox.options.get("language") or None,
        "reopen_conversation": inbox.reopen_conversation,
        "conversation_pending": inbox.conversation_pending,
        "conversation_rules": list(inbox.options.get("conversationRules") or []),
        "merge_brazil_contacts": inbox.merge_brazil_contacts,
        "import_contacts": bool(inbox.options.get("importContacts")),
        "import_messages": bool(inbox.options.get("importMessages")),
        "days_limit_import_messages": inbox.options.get("daysLimitImportMessages"),
        "organization": inbox.organization,
        "logo": inbox.logo,
        "auto_create": inbox.auto_create,
        "ignore_jids": list(inbox.options.get("ignoreJids") or []),
        "number": inbox.options.get("number"),
        "inbox_id": inbox.inbox_id,
        "webhook_url": hook,
    }
