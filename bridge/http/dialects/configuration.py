"""The bodies of the routes that change one part of an instance, in any spelling.

Source: evolution-instance-typebot.md 2.1, 3.1, 3.2; evolution-chatwoot.md 1.2. Fields that are not
given keep what is there, but for a list of events: without one it means all of them, as there.
Each reader raises one `Invalid` with everything that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import structlog

from bridge.core.connection import Presence
from bridge.core.instance import Behaviour, InboxConfig, Proxy, Transport, Webhook
from bridge.core.order import ChatwootOrder
from bridge.http.dialects import parts
from bridge.http.dialects.bodies import Body, listed
from bridge.http.dialects.spellings import CHATWOOT, PRESENCE, PROXY, SETTINGS, TRANSPORT, WEBHOOK

log = structlog.get_logger(__name__)

_IMPORT: Final[Mapping[str, Any]] = {
    "importContacts": False,
    "importMessages": False,
    "daysLimitImportMessages": None,
    "ignoreJids": [],
    "number": None,
}

_TABLES: Final = {
    "settings": SETTINGS,
    "proxy": PROXY,
    "webhook": WEBHOOK,
    "chatwoot": CHATWOOT,
    **TRANSPORT,
}
#: Whom it is about; some clients say it in the body too.
_OF_THE_PATH: Final = frozenset({"instanceName", "instance"})


def read_settings(body: Mapping[str, Any], before: Behaviour) -> Behaviour:
    read = Body(body, SETTINGS)
    behaviour = parts.behaviour(read, before)
    read.refuse("settings.invalid")
    return behaviour


def read_proxy(body: Mapping[str, Any]) -> Proxy | None:
    """None: it is switched off, whatever else the body says."""
    read = Body(body, PROXY)
    begun = any(read.has(f"proxy.{name}") for name in ("host", "port", "username"))
    if read.flag("proxy.enabled") is not False and not begun:
        _require(read, ("proxy.host", "proxy.port", "proxy.protocol"), "proxy")
    proxy = parts.proxy(read)
    read.refuse("proxy.invalid")
    return proxy


def read_webhook(body: Mapping[str, Any], before: Webhook | None) -> Webhook:
    read = Body(body, WEBHOOK)
    if not read.given("webhook"):
        read.fault("webhook", 'instance requires property "webhook"')
    webhook = parts.webhook(read, before)
    if webhook.enabled and not webhook.url and read.given("webhook"):
        _require(read, ("webhook.url",), "webhook")
    read.refuse("webhook.invalid")
    return webhook


def read_transport(name: str, body: Mapping[str, Any], before: Transport | None) -> Transport:
    """`name` is one of `TRANSPORTS`."""
    read = Body(body, TRANSPORT[name])
    if not read.given(name):
        read.fault(name, f'instance requires property "{name}"')
    transport = parts.transport(read, name, before, default=True)
    read.refuse("transport.invalid")
    return transport


def read_chatwoot(
    body: Mapping[str, Any], before: InboxConfig | None, *, reopen: bool
) -> ChatwootOrder | None:
    """None: it is to be off, and there is nothing that could be switched off.

    `reopen`: the server's default. A stored token is not kept for another URL.
    """
    read = Body(body, CHATWOOT)
    said = read.flag("chatwoot.enabled")
    enabled = said if said is not None else before.enabled if before else True
    odd = read.is_wrong("chatwoot")
    off = said is False
    if off:
        read.forgive("chatwoot")
    given, missing = parts.credentials_missing(read)
    url = read.text("chatwoot.url")
    if before is not None:
        moved = url is not None and url != before.url
        missing = [key for key in missing if moved and key == "chatwoot.token"]
    if off and (missing or odd):
        read.refuse("chatwoot.invalid")  # the switch itself
        return _switched_off(before, reopen=reopen)
    _require(read, missing, "chatwoot", beside=given)
    order = parts.chatwoot(read, before, reopen=reopen, options=_IMPORT, enabled=enabled)
    read.refuse("chatwoot.invalid")
    return order if order.account_id else None


def read_presence(body: Mapping[str, Any]) -> Presence:
    read = Body(body, PRESENCE)
    _require(read, ("presence",), "presence")
    given = (read.text("presence") or "").lower()
    known = [presence.value for presence in Presence]
    if read.has("presence") and given not in known:
        read.fault("presence", f"presence is not one of enum values: {','.join(known)}")
    read.refuse("instance.invalid")
    return Presence(given)


def untaken(part: str, body: Mapping[str, Any]) -> list[str]:
    """Sentences about what a body names and no event or field is called. `part` as in the path."""
    read = Body(body, _TABLES[part])
    if part == "webhook" or part in TRANSPORT:
        read.events(f"{part}.events")
    names = [name for name in read.unknown if name not in _OF_THE_PATH]
    if names:
        read.warnings.append(f"no field is called {listed(names)}: without any effect")
    if read.warnings:
        log.warning("body.not_all_taken", part=part, sentences=len(read.warnings))
    return read.warnings


def read_imports(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Which of Chatwoot's imports a body turns on."""
    return parts.imports(Body(body, CHATWOOT))


def _switched_off(before: InboxConfig | None, *, reopen: bool) -> ChatwootOrder | None:
    if before is None:
        return None
    nothing_else = Body({}, CHATWOOT)
    return parts.chatwoot(nothing_else, before, reopen=reopen, options=_IMPORT, enabled=False)


def _require(read: Body, keys: Iterable[str], group: str, *, beside: str = "") -> None:
    for key in keys:
        if read.has(key):
            continue
        block, _, name = read.spelled(key, beside).rpartition(".")
        read.fault(group, f'{block or "instance"} requires property "{name}"')
