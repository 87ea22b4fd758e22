"""The parts of an order, made from a body that was read: what create and the set-routes share.

What is switched off cannot be wrong. A stored secret is only kept where it goes to the server that
it was stored for: who may change the address must not be able to learn the secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

from aiohttp import encode_basic_auth
from yarl import URL

from bridge.core.instance import (
    Behaviour,
    InboxConfig,
    Proxy,
    ProxyProtocol,
    Transport,
    Webhook,
)
from bridge.core.masking import same_server
from bridge.core.order import ChatwootOrder
from bridge.http.dialects.bodies import Body
from bridge.http.dialects.spellings import PUSHER, camel

#: What a Chatwoot cannot be without.
CREDENTIALS: Final = ("chatwoot.account_id", "chatwoot.token", "chatwoot.url")
_CHATWOOT_TEXTS: Final = ("url", "token", "sign_delimiter", "name_inbox", "organization", "logo")
#: Switches of what is not active yet.
_IMPORTS: Final = ("importContacts", "importMessages")
_CHATWOOT_FLAGS: Final = (
    "sign_msg",
    "reopen_conversation",
    "conversation_pending",
    "merge_brazil_contacts",
    "auto_create",
    "replace_webhook",
)
_FLAGS: Final = (
    "reject_call",
    "groups_ignore",
    "always_online",
    "read_messages",
    "read_status",
    "sync_full_history",
)


def behaviour(body: Body, before: Behaviour) -> Behaviour:
    changes: dict[str, Any] = {}
    for name in _FLAGS:
        if (flag := body.flag(f"settings.{name}")) is not None:
            changes[name] = flag
    for name in ("msg_call", "wavoip_token"):
        if (text := body.text(f"settings.{name}")) is not None:
            changes[name] = text
    return replace(before, **changes)


def webhook(body: Body, before: Webhook | None, *, base64: bool = False) -> Webhook:
    """`base64`: what holds when neither says. Without a URL it is switched on in vain."""
    enabled = body.flag("webhook.enabled") is not False
    if not enabled:
        body.forgive("webhook")
    old = before or Webhook(base64=base64)
    url, login = _without_login(body.text("webhook.url") or old.url)
    headers = body.headers("webhook.headers")
    if headers is None:
        headers = dict(old.headers) if same_server(url, old.url) else {}
        if login is not None:
            headers = {k: v for k, v in headers.items() if k.lower() != "authorization"}
    if login is not None and "authorization" not in map(str.lower, headers):
        headers["Authorization"] = login
    by_events = body.flag("webhook.by_events")
    media = body.flag("webhook.base64")
    return Webhook(
        enabled=enabled,
        url=url,
        by_events=old.by_events if by_events is None else by_events,
        base64=old.base64 if media is None else media,
        headers=headers,
        events=body.events("webhook.events") if enabled else (),
    )


def _without_login(url: str) -> tuple[str, str | None]:
    """``https://user:password@host`` says the same as a header, which is shown masked."""
    try:
        parsed = URL(url)
    except ValueError:  # refused already
        return url, None
    if parsed.raw_user is None and parsed.raw_password is None:
        return url, None
    login = encode_basic_auth(parsed.user or "", parsed.password or "")
    return str(parsed.with_user(None)), login


def transport(body: Body, name: str, before: Transport | None, *, default: bool) -> Transport:
    """`default`: whether it is on when nothing says so."""
    said = body.flag(f"{name}.enabled")
    enabled = default if said is None else said
    if not enabled:
        body.forgive(name)
    return Transport(
        enabled=enabled,
        events=body.events(f"{name}.events") if enabled else (),
        extra=_pusher(body, before, enabled=enabled) if name == "pusher" else {},
    )


def _pusher(body: Body, before: Transport | None, *, enabled: bool) -> Mapping[str, Any]:
    extra: dict[str, Any] = {"useTLS": True} if enabled else {}
    extra |= before.extra if before else {}
    for part, _kind, _about in PUSHER:
        key = f"pusher.{part}"
        value = body.flag(key) if part == "use_tls" else body.text(key)
        if value is not None:
            extra[camel(part)] = value
        elif enabled and camel(part) not in extra and not body.has(key):
            body.fault("pusher", f'pusher requires property "{camel(part)}"')
    return extra


def proxy(body: Body) -> Proxy | None:
    """None: there is to be none. Half a proxy is a fault: nothing may go out beside it."""
    if body.flag("proxy.enabled") is False:
        body.forgive("proxy")
        return None
    wanted = [key for key in ("proxy.host", "proxy.port") if body.has(key)]
    if not wanted and not body.has("proxy.username"):
        if body.is_wrong("proxy"):
            body.lead("proxy", "Invalid proxy")
        return None
    beside = wanted[0] if wanted else "proxy.username"
    for key in ("proxy.host", "proxy.port", "proxy.protocol"):
        if not body.has(key):
            body.fault(
                "proxy",
                f"{body.spelled(key, beside)} is required when {body.spelled(beside)} is set",
            )
    if body.is_wrong("proxy"):
        body.lead("proxy", "Invalid proxy")
    return Proxy(
        host=body.text("proxy.host") or "",
        port=body.number("proxy.port") or 0,
        protocol=cast("ProxyProtocol", body.text("proxy.protocol") or "http"),
        username=body.text("proxy.username"),
        password=body.text("proxy.password"),
    )


def credentials_missing(body: Body) -> tuple[str, list[str]]:
    """Tell one of Chatwoot's credentials that was given ("" when none was), and those that lack.

    Account 0 beside nothing else is a field that a form left alone.
    """
    given = [key for key in CREDENTIALS if body.has(key)]
    if given == ["chatwoot.account_id"] and body.number("chatwoot.account_id") == 0:
        given = []
    return (given[0] if given else ""), [key for key in CREDENTIALS if key not in given]


def chatwoot(
    body: Body,
    before: InboxConfig | None,
    *,
    reopen: bool,
    options: Mapping[str, Any],
    enabled: bool,
) -> ChatwootOrder:
    """`reopen` and `options` hold where neither the body nor what is stored says anything.

    That the credentials are there is the caller's business.
    """
    account = body.number("chatwoot.account_id")
    if account == 0 and enabled:
        name = body.spelled("chatwoot.account_id")
        body.fault("chatwoot", f"{name} must be greater than or equal to 1")
    old = _as_it_is(before, reopen=reopen, options=options)
    changes: dict[str, Any] = {name: body.text(f"chatwoot.{name}") for name in _CHATWOOT_TEXTS}
    changes |= {name: body.flag(f"chatwoot.{name}") for name in _CHATWOOT_FLAGS}
    changes |= {"account_id": account or None, "enabled": enabled}
    changes |= {"options": {**old.options, **_options(body)}, "imports": imports(body)}
    new = replace(old, **{name: value for name, value in changes.items() if value is not None})
    return replace(new, organization=new.organization or None, logo=new.logo or None)


def imports(body: Body) -> tuple[str, ...]:
    """The import switches that the caller turned on."""
    return tuple(name for name in _IMPORTS if _options(body).get(name) is True)


def _as_it_is(
    before: InboxConfig | None, *, reopen: bool, options: Mapping[str, Any]
) -> ChatwootOrder:
    if before is None:
        return ChatwootOrder(
            url="", account_id=0, token="", reopen_conversation=reopen, options=options
        )
    return ChatwootOrder(
        url=before.url,
        account_id=before.account_id,
        token=before.token,
        enabled=before.enabled,
        sign_msg=before.sign_msg,
        sign_delimiter=before.sign_delimiter,
        reopen_conversation=before.reopen_conversation,
        conversation_pending=before.conversation_pending,
        merge_brazil_contacts=before.merge_brazil_contacts,
        name_inbox=before.name_inbox,
        organization=before.organization,
        logo=before.logo,
        auto_create=before.auto_create,
        options={**options, **before.options},
    )


def _options(body: Body) -> dict[str, Any]:
    ignored = body.words("chatwoot.ignore_jids")
    rules = body.records("chatwoot.conversation_rules")
    found = {
        "importContacts": body.flag("chatwoot.import_contacts"),
        "importMessages": body.flag("chatwoot.import_messages"),
        "daysLimitImportMessages": body.number("chatwoot.days_limit_import_messages"),
        "ignoreJids": None if ignored is None else list(ignored),
        "number": body.text("chatwoot.number"),
        "signTemplate": body.text("chatwoot.sign_template"),
        "signOnChange": body.flag("chatwoot.sign_on_change"),
        "signBots": body.flag("chatwoot.sign_bots"),
        "language": body.text("chatwoot.language"),
        "conversationRules": None if rules is None else list(rules),
    }
    return {name: value for name, value in found.items() if value is not None}
