"""In which dialect somebody speaks (evolution-instance-typebot.md 1.3, "choosing").

The answer of a create cannot be in two dialects: `hash` is an object in one and a text in another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from aiohttp import web

from bridge.core.instance import TRANSPORTS, Dialect
from bridge.errors import Invalid
from bridge.http.dialects.kinds import is_blank
from bridge.http.dialects.spellings import CHATWOOT, CREATE, PROFILE, PROXY, SETTINGS, WEBHOOK
from bridge.http.routing import is_prefixed

HEADER: Final = "X-Api-Dialect"
#: Which Evolution v1: 1.0 to 1.4, 1.5 to 1.8, or whichever the body fits.
V1Shape: TypeAlias = Literal["auto", "legacy", "modern"]

_NAMES: Final = {
    "v1": Dialect.V1,
    "v1-legacy": Dialect.V1_LEGACY,
    "v1-modern": Dialect.V1,
    "v2": Dialect.V2,
    "l2": Dialect.L2,
}
#: What the header may say.
VALUES: Final = tuple(_NAMES)
_V1: Final = frozenset({Dialect.V1, Dialect.V1_LEGACY})
_SNAKE: Final = re.compile(r"[a-z0-9]_[a-z0-9]")
_BLOCKS: Final = frozenset({"webhook", "chatwoot", *TRANSPORTS})
#: What Evolution 1 took too.
_IN_BOTH: Final = frozenset({"instanceName"})
#: Everything that seed 003 shows. Versions from 1.5 on refused its Chatwoot body, which lacks
#: reopen_conversation; only the older ones answer it.
_LEGACY: Final = frozenset(
    {
        "instanceName",
        "token",
        "qrcode",
        "webhook",
        "webhook_by_events",
        "webhookByEvents",
        "events",
        "chatwoot_account_id",
        "chatwoot_token",
        "chatwoot_url",
        "chatwoot_sign_msg",
    }
)
_CAMEL: Final = (
    frozenset(
        spelled
        for table in (CREATE, SETTINGS, WEBHOOK, PROXY, CHATWOOT)
        for field in table
        for spelled in field.spellings
        if re.search(r"[a-z][A-Z]", spelled) and "." not in spelled
    )
    | PROFILE
) - _IN_BOTH


def chosen(request: web.Request, *, setting: str) -> Dialect | None:
    """What the caller, the operator or the path says, in this order; None: the body decides.

    `setting` is `api.dialect`. Raises `Invalid` for a header with another value.
    """
    said = request.headers.get(HEADER, "").strip().lower()
    if said:
        dialect = _NAMES.get(said)
        if dialect is None:
            raise Invalid(
                f"{HEADER} is not one of enum values: {','.join(_NAMES)}", code="dialect.unknown"
            )
        return dialect
    if setting in _NAMES:
        return _NAMES[setting]
    return Dialect.L2 if is_prefixed(request) else None


def v1_shape(request: web.Request, *, setting: V1Shape) -> V1Shape:
    """Which v1 is wanted: the header may say, else `setting` (`api.v1_shape`)."""
    said = request.headers.get(HEADER, "").strip().lower()
    return "modern" if said == "v1-modern" else setting


def of_create(body: Mapping[str, Any], *, chosen: Dialect | None, v1_shape: V1Shape) -> Dialect:
    """The dialect in which a create is answered."""
    if chosen is None:
        v1 = _is_v1(body) or "events" in body
        v2 = not is_blank(body.get("integration")) or _is_v2(body)
        chosen = Dialect.V2 if v2 and not v1 else Dialect.V1
    if chosen is not Dialect.V1:
        return chosen
    legacy = v1_shape == "legacy" or (v1_shape == "auto" and _is_legacy(body))
    return Dialect.V1_LEGACY if legacy else Dialect.V1


def of_body(body: Mapping[str, Any], *, chosen: Dialect | None, default: Dialect) -> Dialect:
    """The dialect in which a change is answered: that of the request, where it shows one.

    `default` is the instance's; between two that are spelled alike it decides too.
    """
    if chosen is not None:
        return chosen
    if default is Dialect.Z_API:
        default = Dialect.V2
    if _is_v1(body):
        return default if default in _V1 else Dialect.V1
    if _is_v2(body):
        return default if default not in _V1 else Dialect.V2
    return default


def _is_v1(body: Mapping[str, Any]) -> bool:
    """Something in the body is said in Evolution 1 alone."""
    webhook = body.get("webhook")
    return (
        any(_SNAKE.search(name) for name in body)
        or (isinstance(webhook, str) and not is_blank(webhook))
        or isinstance(body.get("proxy"), dict)
    )


def _is_v2(body: Mapping[str, Any]) -> bool:
    return any(
        name in _CAMEL or (name in _BLOCKS and isinstance(value, dict))
        for name, value in body.items()
    )


def _is_legacy(body: Mapping[str, Any]) -> bool:
    shows = isinstance(body.get("webhook"), str) or any(n.startswith("chatwoot_") for n in body)
    return shows and _LEGACY.issuperset(body)
