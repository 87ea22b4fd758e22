"""Secrets of other people are shown as `MASK`; who sends the mask back keeps what is stored.

So a panel that reads a configuration, changes one field and writes it back destroys nothing, and
promise 6 holds: no secret leaves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bridge.core.instance import Behaviour, InboxConfig, Proxy, Transport, Webhook
from bridge.core.order import ChatwootOrder
from bridge.errors import Invalid

#: What stands where Evolution shows other people's tokens.
MASK = "********"

#: A header of this name is no secret; all others may carry one (`Authorization`, `jwt_key` ...).
_PLAIN_HEADERS = frozenset({"content-type"})
#: Pusher's; its other credentials are meant to be known.
SECRET_EXTRAS = frozenset({"secret"})


def masked(secret: str | None) -> str | None:
    """The mask where there is a secret."""
    return MASK if secret else secret


def masked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value if name.lower() in _PLAIN_HEADERS or not value else MASK
        for name, value in headers.items()
    }


def masked_proxy(proxy: Proxy) -> Proxy:
    return replace(proxy, password=masked(proxy.password))


def unmasked_behaviour(wanted: Behaviour, before: Behaviour) -> Behaviour:
    token = _kept(wanted.wavoip_token, "wavoipToken", before.wavoip_token)
    return replace(wanted, wavoip_token=token)


def unmasked_webhook(wanted: Webhook, before: Webhook | None) -> Webhook:
    """Stored headers belong to the stored server: they are never sent to another one."""
    stored: dict[str, str] = {}
    if before is not None and same_server(before.url, wanted.url):
        stored = {name.lower(): value for name, value in before.headers.items()}
    headers = {
        name: _kept(value, f"headers.{name}", stored.get(name.lower()))
        for name, value in wanted.headers.items()
    }
    return replace(wanted, headers=headers)


def unmasked_transport(wanted: Transport, before: Transport | None) -> Transport:
    stored = before.extra if before else {}
    extra = {
        name: _kept(value, name, stored.get(name)) if name in SECRET_EXTRAS else value
        for name, value in wanted.extra.items()
    }
    return replace(wanted, extra=extra)


def unmasked_proxy(wanted: Proxy, before: Proxy | None) -> Proxy:
    """The stored password belongs to the stored proxy: it is never sent to another one."""
    if wanted.password is None:
        return wanted
    same = before is not None and (before.host, before.port) == (wanted.host, wanted.port)
    stored = before.password if before is not None and same else None
    return replace(wanted, password=_kept(wanted.password, "password", stored))


def unmasked_chatwoot(wanted: ChatwootOrder, before: InboxConfig | None) -> ChatwootOrder:
    """The stored token belongs to the stored server: it is never sent to another one."""
    stored = before.token if before is not None and before.url == wanted.url else None
    return replace(wanted, token=_kept(wanted.token, "token", stored))


def _kept(value: str, name: str, stored: str | None) -> str:
    if value != MASK:
        return value
    if not stored:
        raise Invalid(
            f"{name} is {MASK}, which stands for the value that is stored; none is stored that "
            "could be kept. Send the value itself",
            code="secret.not_stored",
        )
    return stored


def same_server(one: str, other: str) -> bool:
    """True when both addresses are of one scheme, host and port."""
    return bool(one) and _server(one) == _server(other)


def _server(url: str) -> str:
    """Scheme, host and port of an address, or what stands in their place."""
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return f"{scheme}://{authority}".lower()
